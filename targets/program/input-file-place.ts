// Where in a file an input is: remembered so that it can be found again although the file was renamed, cut off, or replaced.

import { createHash } from 'node:crypto';
import { constants } from 'node:fs';
import { open, readdir, stat, type FileHandle } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';

/** Bytes at the beginning of a file, and before a place, that tell it from another one. */
const HEAD_BYTES = 1_024;
export const TAIL_BYTES = 256;
/** Files in a folder that are looked at when one was renamed. */
const MOST_FILES = 4_096;

/** A place in a file: `offset` bytes were dealt with. `absent`: there was no file yet, so the next one is read from its beginning. */
export interface Place { path: string; absent: boolean; file: string; offset: number; head: string; tail: string }

/** One file that is open, and who it is: device and inode. */
export interface OpenFile { handle: FileHandle; path: string; id: string }

/** Opens a regular file; undefined when there is none. Throws what the system says, or that it is no regular file. */
export async function openFile(path: string): Promise<OpenFile | undefined> {
  let handle: FileHandle;
  try {
    // A pipe without a writer would block otherwise.
    handle = await open(path, constants.O_RDONLY | constants.O_NONBLOCK);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw error;
  }
  const stats = await handle.stat({ bigint: true });
  if (!stats.isFile()) {
    await handle.close();
    throw new Error(`${path} is not a regular file`);
  }
  return { handle, path, id: `${stats.dev}:${stats.ino}` };
}

/** Who the file at a path is now; undefined when there is none. */
export async function fileAt(path: string): Promise<string | undefined> {
  try {
    const stats = await stat(path, { bigint: true });
    return `${stats.dev}:${stats.ino}`;
  } catch {
    return undefined;
  }
}

/** Reads `length` bytes at `at`, fewer at the end of the file. */
export async function bytesAt(handle: FileHandle, at: number, length: number): Promise<Buffer> {
  const bytes = Buffer.alloc(length);
  let got = 0;
  while (got < length) {
    const { bytesRead } = await handle.read(bytes, got, length - got, at + got);
    if (bytesRead === 0) break;
    got += bytesRead;
  }
  return bytes.subarray(0, got);
}

/** Describes a place in a file that is open. */
export async function placeIn(file: OpenFile, path: string, offset: number): Promise<Place> {
  return { path, absent: false, file: file.id, offset, ...await marks(file.handle, offset) };
}

/** The place of an input whose file is not there yet. */
export function noPlace(path: string): Place {
  return { path, absent: true, file: '', offset: 0, head: '', tail: '' };
}

/** What was remembered, if it is a place in the file of this path. */
export function readPlace(value: unknown, path: string): Place | undefined {
  if (value === null || typeof value !== 'object') return undefined;
  const place = value as Partial<Place>;
  const whole = place.path === path && typeof place.absent === 'boolean' && [place.file, place.head, place.tail].every((each) => typeof each === 'string')
    && Number.isSafeInteger(place.offset) && place.offset! >= 0;
  return whole ? place as Place : undefined;
}

/** Whether a file still holds, before the place, what it held when the place was remembered. */
export async function holds(file: OpenFile, place: Place): Promise<boolean> {
  if ((await file.handle.stat()).size < place.offset) return false;
  const { head, tail } = await marks(file.handle, place.offset);
  return head === place.head && tail === place.tail;
}

async function marks(handle: FileHandle, offset: number): Promise<{ head: string; tail: string }> {
  const length = Math.min(offset, TAIL_BYTES);
  return { head: sum(await bytesAt(handle, 0, Math.min(offset, HEAD_BYTES))), tail: sum(await bytesAt(handle, offset - length, length)) };
}

function sum(bytes: Buffer): string {
  return createHash('sha256').update(bytes).digest('hex').slice(0, 32);
}

/** Whether a file in the folder of `path` is called as rotation calls old ones: like it, with a number or a date behind it. */
function isRotated(name: string, path: string): boolean {
  const base = basename(path);
  return name.startsWith(base) && /^[.-][\dT:_-]+$/.test(name.slice(base.length));
}

/** The regular files beside `path`, and when they were last written. */
async function beside(path: string): Promise<{ name: string; path: string; id: string; changed: number }[]> {
  const folder = dirname(path), found = [];
  for (const name of (await readdir(folder).catch(() => [])).slice(0, MOST_FILES)) {
    if (name === basename(path)) continue;
    const stats = await stat(join(folder, name), { bigint: true }).catch(() => undefined);
    if (stats?.isFile() === true) found.push({ name, path: join(folder, name), id: `${stats.dev}:${stats.ino}`, changed: Number(stats.mtimeNs) / 1e6 });
  }
  return found;
}

/**
 * Finds what a file was renamed to while nobody looked, or copied to, and what has been renamed after it: the file of the place (of a copy: one that is called like an
 * old one and holds the same), then those that are called like old ones and are younger, oldest first. Empty when it is gone. All of them are open.
 */
export async function findRenamed(path: string, place: Place, copied: boolean): Promise<OpenFile[]> {
  const all = await beside(path);
  const rotated = all.filter(({ name }) => isRotated(name, path));
  // Of several copies the youngest has most.
  for (const old of copied ? [...rotated].sort((a, b) => b.changed - a.changed) : all.filter(({ id }) => id === place.file)) {
    const file = await openFile(old.path).catch(() => undefined);
    if (file === undefined) continue;
    if (!await holds(file, place).catch(() => false)) {
      await file.handle.close();
      continue;
    }
    const found = [file];
    for (const other of rotated.filter(({ id, changed }) => id !== file.id && changed > old.changed).sort((a, b) => a.changed - b.changed)) {
      const next = await openFile(other.path).catch(() => undefined);
      if (next !== undefined) found.push(next);
    }
    return found;
  }
  return [];
}

/** Finds the copy that was made of a file before it was cut off: one that is called like an old one and holds `tail` before `position`; open. */
export async function findCopy(path: string, position: number, tail: Buffer): Promise<OpenFile | undefined> {
  for (const { name, path: other } of await beside(path)) {
    const file = isRotated(name, path) ? await openFile(other).catch(() => undefined) : undefined;
    if (file === undefined) continue;
    if ((await bytesAt(file.handle, position - tail.length, tail.length)).equals(tail)) return file;
    await file.handle.close();
  }
  return undefined;
}
