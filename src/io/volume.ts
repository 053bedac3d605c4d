// Volumes of bundles as files: written aside, flushed, renamed, read again and compared before they count; read in pieces, and at any place again.

import { createHash } from 'node:crypto';
import { join } from 'node:path';
import { Fault } from '../fault.ts';
import type { Bytes } from '../ports.ts';
import { realDisk, type Disk } from './disk.ts';

/** What a volume is called while it is not whole. */
export const PART = '.part';
/** Bytes of one read. */
const PIECE = 1_048_576;

/** A volume that is being written. */
export interface VolumeWriter {
  readonly name: string;
  /** Adds bytes. Faults: `carrier-full` (the medium is full; nothing that was written before is harmed), `carrier-failed` (it is gone, or cannot be written). */
  write(bytes: Bytes): Promise<void>;
  /** Makes it count: on the medium, under its name, read again and found to be what was written. Faults as for `write`, and `carrier-failed`. */
  finish(): Promise<void>;
  /** Leaves what was written as `….part`, flushed if the medium still takes it. */
  leave(): Promise<void>;
}

/** Begins a volume in a folder, which is made if it is missing; an older `….part` of the name is replaced. Faults: `carrier-full`, `carrier-failed`. */
export async function createVolume(folder: string, name: string, disk: Disk = realDisk()): Promise<VolumeWriter> {
  const part = join(folder, name + PART), path = join(folder, name), hash = createHash('sha256');
  const file = await onMedium(folder, async () => {
    await disk.makeFolder(folder);
    await disk.remove(part);
    return disk.open(part, { create: true, mode: 0o644 });
  });
  let at = 0;
  return {
    name,
    write: (bytes) => onMedium(folder, async () => {
      await file.write(bytes, at);
      at += bytes.length;
      hash.update(bytes);
    }),
    finish: () => onMedium(folder, async () => {
      await file.sync();
      await file.close();
      await disk.rename(part, path);
      await disk.syncFolder(folder);
      const again = createHash('sha256'), volume = await openVolume(path, disk);
      for await (const piece of volume.pieces()) again.update(piece);
      await volume.close();
      if (volume.size !== at || !again.digest().equals(hash.digest())) throw new Fault('carrier-failed', `${path} does not read as it was written: the medium is not to be trusted, use another one`);
    }),
    async leave() {
      await file.sync().catch(() => {});
      await file.close().catch(() => {});
    },
  };
}

/** A file whose bytes are read in order or at any place. */
export interface OpenVolume { readonly name: string; readonly size: number; pieces(): AsyncGenerator<Bytes>; read(at: number, length: number): Promise<Bytes>; close(): Promise<void> }

/** Opens a file for reading. Faults: `not-found`, `carrier-failed` (cannot be read, or went away while it was). */
export async function openVolume(path: string, disk: Disk = realDisk()): Promise<OpenVolume> {
  const file = await onMedium(path, () => disk.open(path, { read: true })), size = await onMedium(path, () => file.size());
  const read = (at: number, length: number): Promise<Bytes> => onMedium(path, () => file.read(at, length));
  return {
    name: path, size, read,
    async *pieces() {
      for (let at = 0; ;) {
        const piece = await read(at, PIECE);
        if (piece.length === 0) return;
        yield piece;
        at += piece.length;
      }
    },
    close: () => file.close().catch(() => {}),
  };
}

const FULL = new Set(['ENOSPC', 'EDQUOT', 'EFBIG']), AWAY = new Set(['ENOENT', 'ENOTDIR']);

/** Does something on a medium that people pull out: what fails is said in words that tell what to do. */
async function onMedium<T>(where: string, step: () => Promise<T>): Promise<T> {
  try {
    return await step();
  } catch (error) {
    if (error instanceof Fault) throw error;
    const { code = '', message } = error as NodeJS.ErrnoException;
    if (FULL.has(code)) throw new Fault('carrier-full', `${where} is full: what was written before is kept and of use; go on with another medium, or free some room and do the same again`, { cause: error });
    if (AWAY.has(code)) throw new Fault('not-found', `${where} is not there${code === 'ENOENT' ? ' (any more)' : ''}`, { cause: error });
    if (code === 'EROFS' || code === 'EACCES' || code === 'EPERM') throw new Fault('carrier-failed', `${where} cannot be written: ${code === 'EROFS' ? 'it is read-only; is the switch of the stick or card set to lock?' : 'this user may not; check who owns it'}`, { cause: error });
    throw new Fault('carrier-failed', `${where} failed (${code === '' ? message : code}): was it pulled out? What was taken in or written whole before is kept; do the same again to go on`, { cause: error });
  }
}
