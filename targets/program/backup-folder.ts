// What every backup of a node has, whatever its medium: a folder or .tar file that gets its name when all of it is there, with the settings in it.

import { copyFile, mkdir, open, readdir, rename, rm, stat, statfs } from 'node:fs/promises';
import { existsSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { Fault } from '../../src/fault.ts';
import { realDisk } from '../../src/io/disk.ts';
import type { BackupMade } from './database.ts';
import { MEMORY_FOLDER } from './input-memory.ts';
import { CONFIG_FILE } from './settings.ts';
import { writeTar } from './tar.ts';

/** With less than this left a medium is full, whatever it says. */
const FULL_BYTES = 65_536;
/** What `copySettings` puts into a backup. */
export const SETTINGS_INSIDE = [CONFIG_FILE, MEMORY_FOLDER];

/**
 * Makes a backup at `target`, a folder that is not there or empty, or a file whose name ends in .tar: `fill` writes it into a folder that is under way, flushes it and reads it again. `inside`: the
 * names in it, so that what an earlier one left under way is known. Faults: `bad-argument` (something is there), `carrier-full`, `carrier-failed`, those of `fill`.
 */
export async function packBackup(given: string, inside: readonly string[], fill: (part: string, target: string) => Promise<Omit<BackupMade, 'path'>>): Promise<BackupMade> {
  const target = resolve(given), single = /\.tar$/i.test(target), part = `${target}.part`, packed = `${target}.part.tar`;
  await refuseOccupied(target, part, inside);
  try {
    await rm(part, { recursive: true, force: true });
    await rm(packed, { force: true });
    await mkdir(dirname(part), { recursive: true });
    await mkdir(part, { mode: 0o700 });
    const made = { path: target, ...await fill(part, target) };
    if (single) {
      made.bytes = await writeTar(part, packed);
      await rename(packed, target);
      await rm(part, { recursive: true, force: true });
    } else await rename(part, target);
    await realDisk().syncFolder(dirname(target));
    return made;
  } catch (error) {
    // Before anything is removed: a full medium fails in many words.
    const full = await isFull(part);
    await rm(part, { recursive: true, force: true }).catch(() => {});
    await rm(packed, { force: true }).catch(() => {});
    throw worded(error, target, full);
  }
}

/** Copies the configuration of a data directory, and how far its inputs have read. */
export async function copySettings(dir: string, part: string): Promise<void> {
  if (existsSync(join(dir, CONFIG_FILE))) await copyFile(join(dir, CONFIG_FILE), join(part, CONFIG_FILE));
  await copyFolder(join(dir, MEMORY_FOLDER), join(part, MEMORY_FOLDER));
}

async function refuseOccupied(target: string, part: string, inside: readonly string[]): Promise<void> {
  const there = await stat(target).catch(() => undefined), occupied = there?.isDirectory() ? await readdir(target).catch(() => ['?']) : [];
  if (there && (!there.isDirectory() || occupied.length > 0)) throw new Fault('bad-argument', `${target} is there already; name a new folder or file, or move that one away.`);
  if (there && /\.tar$/i.test(target)) throw new Fault('bad-argument', `${target} is a folder; name a file that is not there yet.`);
  // What an interrupted backup left is replaced; what somebody else calls so is not.
  const left = await readdir(part).catch(() => []);
  if (left.some((name) => !inside.includes(name))) throw new Fault('bad-argument', `${part} is in the way, and no backup made it; move it away.`);
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
export async function flushUnder(folder: string): Promise<number> {
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

/** Whether there is no room left where `path` is, or was to be. */
async function isFull(path: string): Promise<boolean> {
  const found = await statfs(path).catch(() => statfs(dirname(path))).catch(() => undefined);
  return found !== undefined && found.bavail * found.bsize < FULL_BYTES;
}

function worded(error: unknown, target: string, full: boolean): unknown {
  const { code, message } = error as NodeJS.ErrnoException;
  if (error instanceof Fault && code !== 'carrier-full' && !(full && code === 'carrier-failed')) return error;
  if (code === undefined) return error;
  if (full || code === 'carrier-full' || code === 'ENOSPC' || code === 'EDQUOT' || code === 'EFBIG') return new Fault('carrier-full', `There is no room for a backup at ${target}; nothing of it was left there`, { cause: error });
  return new Fault('carrier-failed', `A backup at ${target} cannot be written (${message})`, { cause: error });
}
