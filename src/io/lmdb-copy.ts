// A copy of an LMDB file while it is in use.
import { statSync } from 'node:fs';
import { copyFile, statfs } from 'node:fs/promises';
import { join } from 'node:path';
import type lmdb from 'node-lmdb';
import { Fault } from '../fault.ts';

/**
 * Copies the store in `folder` into the folder `target`, which is there and empty; nothing may be written to the store meanwhile. `used`: bytes of its pages in use; `sound`: LMDB makes the copy, on another thread and without free pages;
 * otherwise the file is copied as it is, damage included. Fault `carrier-full`; errors are those of the file system, or LMDB's words.
 */
export async function copyLmdb(env: lmdb.Env, folder: string, target: string, used: number, sound: boolean): Promise<void> {
  const { bavail, bsize } = await statfs(target);
  // Asked before, because the library says a word of its own on stderr when there is none.
  if (bavail * bsize < (sound ? used : statSync(join(folder, 'data.mdb')).size) + 65_536) throw new Fault('carrier-full', `There is no space for a copy of the store in ${target}`);
  if (!sound) return copyFile(join(folder, 'data.mdb'), join(target, 'data.mdb'));
  await new Promise<void>((resolve, reject) => { env.copy(target, true, (error: Error | null) => { if (error) reject(error); else resolve(); }); });
}
