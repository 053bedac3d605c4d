// Where a server keeps its data: which database and which key, as the command line, the environment and the configuration say.

import { join } from 'node:path';
import type { Invocation } from '../program/command.ts';
import { KEY_FILE } from '../program/home.ts';
import type { Medium } from '../program/medium.ts';
import { readSettings } from '../program/settings.ts';

/** The database (undefined: one of its own) and the key file (undefined: in the data directory) of a server. */
export interface Place { database: string | undefined; keyFile: string | undefined }

/** The medium of an invocation. Fault `bad-config`. */
export async function postgresMedium({ dir, text }: Pick<Invocation, 'dir' | 'text'>): Promise<Medium> {
  const { more = {} } = await readSettings(dir, { text: (flag) => ['database', 'key-file'].includes(flag) ? text(flag) : undefined, list: () => undefined }, process.env);
  const place: Place = { database: more['database'] as string | undefined, keyFile: more['key_file'] as string | undefined };
  return {
    keyPath: (its) => place.keyFile ?? join(its, KEY_FILE),
    open: async (its, options) => (await import('./home.ts')).openPostgresHome(its, place, options),
  };
}
