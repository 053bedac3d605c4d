// A copy of a node at the edge while it goes on: its store, its journal, its key; what `recover` takes, and `run` too.

import { mkdir, readFile, stat, writeFile } from 'node:fs/promises';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { codeOf, Fault } from '../../src/fault.ts';
import { rescueLmdb } from '../../src/io/lmdb-rescue.ts';
import type { LmdbStore } from '../../src/io/lmdb.ts';
import { pages } from '../../src/log/archive.ts';
import { TABLES } from '../../src/ports.ts';
import type { Node } from '../../src/node.ts';
import { copySettings, flushUnder, packBackup, SETTINGS_INSIDE } from '../program/backup-folder.ts';
import type { BackupMade } from '../program/database.ts';
import { JOURNAL, KEY_FILE, STORE } from '../program/home.ts';

/** What lies in a backup. */
const INSIDE = [STORE, JOURNAL, KEY_FILE, ...SETTINGS_INSIDE];

/**
 * Copies an open node to `target`: a folder that is not there or empty, or a file whose name ends in .tar. It gets its name only when all of it was flushed and read again. Appends go on meanwhile;
 * what is moved into the store waits. Faults: `bad-argument` (something is there), `carrier-full`, `carrier-failed`.
 */
export function backUp({ dir, node, store }: { dir: string; node: Node; store: Pick<LmdbStore, 'copy'> }, wish: { target: string; withoutKey?: boolean }, progress: (bytes: number, events: number) => void): Promise<BackupMade> {
  return packBackup(wish.target, INSIDE, async (part, target) => {
    for (const folder of [STORE, JOURNAL]) await mkdir(join(part, folder), { mode: 0o700 });
    // A store that takes nothing more keeps what it has, and the journal the rest.
    await node.checkpoint().catch((error: unknown) => { if (codeOf(error) !== 'store-full' && codeOf(error) !== 'store-damaged') throw error; });
    // In one moment, so that no file of it is of another time than the others; and before the store: what is moved meanwhile is in both, not in neither.
    const slots = readdirSync(join(dir, JOURNAL)).filter((name) => /^\d+\.journal$/.test(name)).map((name) => ({ name: join(JOURNAL, name), bytes: readFileSync(join(dir, JOURNAL, name)) }));
    const { events } = node.digest();
    const sound = await store.copy(join(part, STORE));
    progress((await stat(join(part, STORE, 'data.mdb'))).size, events);
    // After the store: a key is in the file before anything is sealed under it.
    if (wish.withoutKey !== true) slots.push({ name: KEY_FILE, bytes: readFileSync(join(dir, KEY_FILE)) });
    for (const { name, bytes } of slots) await writeFile(join(part, name), bytes, { mode: 0o600 });
    await copySettings(dir, part);
    const bytes = await flushUnder(part);
    progress(bytes, events);
    // Rows that were damaged before are damaged in the copy as well; more of them would be the work of the medium.
    const lost = await damageIn(join(part, STORE, 'data.mdb')), before = lost === 0 ? 0 : await damageIn(join(dir, STORE, 'data.mdb'));
    if (lost > before) throw new Fault('carrier-failed', `${join(target, STORE)} does not read as it was written: the medium is not to be trusted, use another one`);
    for (const { name, bytes: written } of slots) if (!(await readFile(join(part, name))).equals(written)) throw new Fault('carrier-failed', `${join(target, name)} does not read as it was written: the medium is not to be trusted, use another one`);
    return { bytes, events, key: wish.withoutKey !== true, damaged: !sound || lost > 0 };
  });
}

/** Stretches of a data.mdb that cannot be read; every row is, with its checksum. */
async function damageIn(path: string): Promise<number> {
  const rescue = rescueLmdb(path);
  let lost = 0, rows = 0;
  try {
    if (!rescue.headers) return Infinity;
    for (const table of TABLES) {
      const all = pages(rescue, table, undefined, undefined, 256, () => { lost++; });
      while (!(await all.next()).done) if (++rows % 256 === 0) await new Promise((resolve) => { setImmediate(resolve); });
    }
    return lost;
  } finally {
    await rescue.close();
  }
}
