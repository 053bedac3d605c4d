// A copy of a node while it goes on: its store, its journal, its key; what `recover` takes, and `run` too.

import { copyFile, mkdir, open, readdir, readFile, rename, rm, stat, writeFile } from 'node:fs/promises';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { codeOf, Fault } from '../../src/fault.ts';
import { realDisk } from '../../src/io/disk.ts';
import { rescueLmdb } from '../../src/io/lmdb-rescue.ts';
import type { LmdbStore } from '../../src/io/lmdb.ts';
import { pages } from '../../src/log/archive.ts';
import { TABLES } from '../../src/ports.ts';
import type { Node } from '../../src/node.ts';
import type { BackupMade } from '../program/database.ts';
import { JOURNAL, KEY_FILE, STORE } from '../program/home.ts';
import { MEMORY_FOLDER } from '../program/input-memory.ts';
import { CONFIG_FILE } from '../program/settings.ts';
import { writeTar } from '../program/tar.ts';

/** What lies in a backup. */
const INSIDE = [STORE, JOURNAL, KEY_FILE, CONFIG_FILE, MEMORY_FOLDER];

/**
 * Copies an open node to `target`: a folder that is not there or empty, or a file whose name ends in .tar. It gets its name only when all of it was flushed and read again. Appends go on meanwhile;
 * what is moved into the store waits. Faults: `bad-argument` (something is there), `carrier-full`, `carrier-failed`.
 */
export async function backUp({ dir, node, store }: { dir: string; node: Node; store: Pick<LmdbStore, 'copy'> }, wish: { target: string; withoutKey?: boolean }, progress: (bytes: number, events: number) => void): Promise<BackupMade> {
  const target = resolve(wish.target), single = /\.tar$/i.test(target), part = `${target}.part`, packed = `${target}.part.tar`;
  await refuseOccupied(target, part);
  try {
    await rm(part, { recursive: true, force: true });
    await rm(packed, { force: true });
    await mkdir(dirname(part), { recursive: true });
    for (const folder of ['', STORE, JOURNAL]) await mkdir(join(part, folder), { mode: 0o700 });
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
    if (existsSync(join(dir, CONFIG_FILE))) await copyFile(join(dir, CONFIG_FILE), join(part, CONFIG_FILE));
    await copyFolder(join(dir, MEMORY_FOLDER), join(part, MEMORY_FOLDER));
    const bytes = await flushUnder(part);
    progress(bytes, events);
    // Rows that were damaged before are damaged in the copy as well; more of them would be the work of the medium.
    const lost = await damageIn(join(part, STORE, 'data.mdb')), before = lost === 0 ? 0 : await damageIn(join(dir, STORE, 'data.mdb'));
    if (lost > before) throw new Fault('carrier-failed', `${join(target, STORE)} does not read as it was written: the medium is not to be trusted, use another one`);
    for (const { name, bytes: written } of slots) if (!(await readFile(join(part, name))).equals(written)) throw new Fault('carrier-failed', `${join(target, name)} does not read as it was written: the medium is not to be trusted, use another one`);
    const made: BackupMade = { path: target, bytes, events, key: wish.withoutKey !== true, damaged: !sound || lost > 0 };
    if (single) {
      made.bytes = await writeTar(part, packed);
      await rename(packed, target);
      await rm(part, { recursive: true, force: true });
    } else await rename(part, target);
    await realDisk().syncFolder(dirname(target));
    return made;
  } catch (error) {
    await rm(part, { recursive: true, force: true }).catch(() => {});
    await rm(packed, { force: true }).catch(() => {});
    throw worded(error, target);
  }
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

async function refuseOccupied(target: string, part: string): Promise<void> {
  const there = await stat(target).catch(() => undefined), inside = there?.isDirectory() ? await readdir(target).catch(() => ['?']) : [];
  if (there && (!there.isDirectory() || inside.length > 0)) throw new Fault('bad-argument', `${target} is there already; name a new folder or file, or move that one away.`);
  if (there && /\.tar$/i.test(target)) throw new Fault('bad-argument', `${target} is a folder; name a file that is not there yet.`);
  // What an interrupted backup left is replaced; what somebody else calls so is not.
  const left = await readdir(part).catch(() => []);
  if (left.some((name) => !INSIDE.includes(name))) throw new Fault('bad-argument', `${part} is in the way, and no backup made it; move it away.`);
}

/** Copies the plain files of a folder, if it is there. */
async function copyFolder(from: string, to: string): Promise<void> {
  const names = await readdir(from, { withFileTypes: true }).catch(() => []);
  if (names.length > 0) await mkdir(to, { mode: 0o700 });
  for (const entry of names) {
    // A file may be replaced just now: its successor has the same name.
    if (entry.isFile() && !entry.name.endsWith('.part')) await copyFile(join(from, entry.name), join(to, entry.name)).catch((error: NodeJS.ErrnoException) => { if (error.code !== 'ENOENT') throw error; });
  }
}

/** Brings all files under a folder, and their names, to the medium. Returns their bytes. */
async function flushUnder(folder: string): Promise<number> {
  let bytes = 0;
  for (const entry of await readdir(folder, { withFileTypes: true })) {
    const path = join(folder, entry.name);
    if (entry.isDirectory()) { bytes += await flushUnder(path); continue; }
    const file = await open(path, 'r');
    try {
      await file.sync();
      bytes += (await file.stat()).size;
    } finally {
      await file.close();
    }
  }
  await realDisk().syncFolder(folder);
  return bytes;
}

function worded(error: unknown, target: string): unknown {
  if (error instanceof Fault && error.code !== 'carrier-full') return error;
  const { code, message } = error as NodeJS.ErrnoException;
  if (code === undefined) return error;
  if (code === 'carrier-full' || code === 'ENOSPC' || code === 'EDQUOT' || code === 'EFBIG') return new Fault('carrier-full', `There is no room for a backup at ${target}; nothing of it was left there`, { cause: error });
  return new Fault('carrier-failed', `A backup at ${target} cannot be written (${message})`, { cause: error });
}
