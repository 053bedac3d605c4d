// A copy of an LMDB file while it is in use, and its reading row by row.
import { copyFile } from 'node:fs/promises';
import { join } from 'node:path';
import type lmdb from 'node-lmdb';
import { TABLES, type Bytes } from '../ports.ts';
import { Fault } from '../fault.ts';
import { rescueLmdb } from './lmdb-rescue.ts';

/**
 * Copies the store in `folder` into the folder `target`, which is there and empty; nothing may be written to the store meanwhile. `sound`: LMDB makes the copy, on another thread and without free pages;
 * otherwise the file is copied as it is, damage included. Errors are those of the file system, or LMDB's words.
 */
export async function copyLmdb(env: lmdb.Env, folder: string, target: string, sound: boolean): Promise<void> {
  if (!sound) return copyFile(join(folder, 'data.mdb'), join(target, 'data.mdb'));
  await new Promise<void>((resolve, reject) => { env.copy(target, true, (error: Error | null) => { if (error) reject(error); else resolve(); }); });
}

/** Reads every row of a data.mdb that nobody has open, with its checksum. Returns how many there are. Fault `store-damaged`: one cannot be read. */
export async function readWhole(path: string): Promise<number> {
  const rescue = rescueLmdb(path);
  let rows = 0;
  try {
    if (!rescue.headers) throw new Fault('store-damaged', `${path} has no header that can be read.`);
    for (const table of TABLES) {
      for (let gte: Bytes | undefined; ;) {
        const page = await rescue.scan(table, { limit: 256, ...(gte && { gte }) });
        if (page.length === 0) break;
        rows += page.length;
        const { key } = page[page.length - 1]!;
        gte = new Uint8Array(key.length + 1);
        gte.set(key);
        await new Promise((resolve) => { setImmediate(resolve); });
      }
    }
    return rows;
  } finally {
    await rescue.close();
  }
}
