// The server: all commands, on PostgreSQL.

import { Fault } from '../../src/fault.ts';
import { COMMANDS } from '../program/commands.ts';
import type { Target } from '../program/target.ts';

/** Throws what is wrong with the URL of a database; never with the password in it. */
function checkDatabase(text: string): void {
  if (!/^postgres(ql)?:\/\//i.test(text)) throw new Fault('bad-config', 'a database is named by a URL, such as postgresql://holdfast:PASSWORD@db.example/holdfast.');
}

/** The server as the program sees it. Metrics are those of whoever watches the machine; events wait less, since nobody pays for bytes here. */
export const SERVER: Target = {
  commands: COMMANDS,
  settings: [
    { name: 'database', variable: 'DATABASE_URL', kind: 'text', fits: checkDatabase, value: 'URL', example: '"postgresql://holdfast@db.example/holdfast"', help: 'The PostgreSQL database, 14 or later (default: one of its own in the data directory, which it runs itself).' },
    { name: 'key', kind: 'text', value: 'FILE', example: '"/run/secrets/node.key"', help: 'The key of this server, for one more process of it elsewhere (default: node.key in the data directory).' },
  ],
  defaults: { dir: './holdfast-server-data', windowMs: 200, metricsSeconds: 0 },
  medium: async (invocation) => (await import('./medium.ts')).postgresMedium(invocation),
};
