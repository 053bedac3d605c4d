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

/**
 * Finds what a file was renamed to while nobody looked, and what has been renamed after it: the file of the place, then those that are called like `path` with a
 * number or a date behind it and are younger, oldest first. Empty when it is gone. All of them are open.
 */
export async function findRenamed(path: string, place: Place): Promise<OpenFile[]> {
  const folder = dirname(path), base = basename(path);
  const names = (await readdir(folder).catch(() => [])).slice(0, MOST_FILES);
  let old: { file: OpenFile; changed: number } | undefined;
  const others: { path: string; id: string; changed: number }[] = [];
  for (const name of names) {
    if (name === base) continue;
    const other = join(folder, name);
    const stats = await stat(other, { bigint: true }).catch(() => undefined);
    if (stats === undefined || !stats.isFile()) continue;
    const id = `${stats.dev}:${stats.ino}`, changed = Number(stats.mtimeNs) / 1e6;
    if (id !== place.file) {
      if (name.startsWith(base) && /^[.-][\dT:_-]+$/.test(name.slice(base.length))) others.push({ path: other, id, changed });
      continue;
    }
    const file = await openFile(other).catch(() => undefined);
    if (file === undefined) continue;
    if (file.id === place.file && await holds(file, place)) old = { file, changed };
    else await file.handle.close();
  }
  if (old === undefined) return [];
  const found = [old.file];
  for (const other of others.filter(({ changed }) => changed > old.changed).sort((a, b) => a.changed - b.changed)) {
    const file = await openFile(other.path).catch(() => undefined);
    if (file !== undefined) found.push(file);
  }
  return found;
}
