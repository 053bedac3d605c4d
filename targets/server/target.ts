// The server: all commands, on PostgreSQL.

import { postgresAddress } from '../../src/io/postgres-address.ts';
import { COMMANDS } from '../program/commands.ts';
import type { Target } from '../program/target.ts';

/** The server as the program sees it. Metrics are those of whoever watches the machine; events wait less, since nobody pays for bytes here. */
export const SERVER: Target = {
  commands: COMMANDS,
  settings: [
    { name: 'database', variable: 'DATABASE_URL', kind: 'text', fits: postgresAddress, value: 'URL', example: '"postgresql://holdfast@db.example/holdfast"', help: 'The PostgreSQL database, 14 or later (default: one of its own in the data directory, which it runs itself).' },
    { name: 'key_file', variable: 'HOLDFAST_KEY', kind: 'text', value: 'FILE', example: '"/run/secrets/node.key"', help: 'The key of this server, for one more process of it elsewhere (default: node.key in the data directory).' },
  ],
  defaults: { dir: './holdfast-server-data', windowMs: 200, metricsSeconds: 0, view: 'fleet' },
  medium: async (invocation) => (await import('./medium.ts')).postgresMedium(invocation),
};
