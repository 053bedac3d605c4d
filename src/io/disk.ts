// The files of one machine behind a thin port, so that tests can slow flushes, fail them, tear writes and lose what was not flushed.
import { constants, close, fdatasync, fstat, ftruncate, open, read, write } from 'node:fs';
import { mkdir, readdir, rename, rm, stat, statfs } from 'node:fs/promises';
import { dirname } from 'node:path';
import { promisify } from 'node:util';
import type { Bytes } from '../ports.ts';

/** An open file. Offsets and lengths are bytes. */
export interface DiskFile {
  /** Writes all of `bytes` at `at`; on stable storage when it resolves, if the file was opened durable. A failed write may have written a part. */
  write(bytes: Bytes, at: number): Promise<void>;
  /** Reads up to `length` bytes at `at`; fewer where the file ends. */
  read(at: number, length: number): Promise<Bytes>;
  size(): Promise<number>;
  truncate(length: number): Promise<void>;
  /** Brings what was written so far to stable storage. */
  sync(): Promise<void>;
  close(): Promise<void>;
}

/** How to open a file: `create` makes it if it is missing, `exclusive` refuses one that is there, `durable` makes every write wait for the medium, `read` opens it for reading alone, and waits for nobody at the other end of a pipe. */
export interface OpenMode { create?: boolean; exclusive?: boolean; durable?: boolean; read?: boolean; mode?: number }

/** What the journal and the files of keys need of a file system. Errors are those of Node, with their `code` (ENOSPC, EIO, …). */
export interface Disk {
  open(path: string, how?: OpenMode): Promise<DiskFile>;
  /** Names in a folder, sorted. */
  list(path: string): Promise<string[]>;
  makeFolder(path: string): Promise<void>;
  rename(from: string, to: string): Promise<void>;
  /** Removes a file; no error when there is none. */
  remove(path: string): Promise<void>;
  /** Brings the names in a folder to stable storage. */
  syncFolder(path: string): Promise<void>;
  /** Bytes left for this process on the medium that holds `path`. */
  free(path: string): Promise<number>;
}

const openFile = promisify(open), closeFile = promisify(close), syncFile = promisify(fdatasync), statFile = promisify(fstat), truncateFile = promisify(ftruncate);

function writeSome(fd: number, bytes: Bytes, from: number, at: number): Promise<number> {
  return new Promise((resolve, reject) => write(fd, bytes, from, bytes.length - from, at, (error, count) => { if (error) reject(error); else resolve(count); }));
}

function readSome(fd: number, into: Bytes, from: number, at: number): Promise<number> {
  return new Promise((resolve, reject) => read(fd, into, from, into.length - from, at, (error, count) => { if (error) reject(error); else resolve(count); }));
}

function diskFile(fd: number): DiskFile {
  return {
    async write(bytes, at) {
      // One hop to the thread pool in the ordinary case; a nearly full medium takes a part first and then says ENOSPC.
      for (let done = 0; done < bytes.length;) done += await writeSome(fd, bytes, done, at + done);
    },
    async read(at, length) {
      const into = new Uint8Array(length);
      let done = 0;
      for (let count = 1; done < length && count > 0; done += count) count = await readSome(fd, into, done, at + done);
      return into.subarray(0, done);
    },
    size: async () => (await statFile(fd)).size,
    truncate: (length) => truncateFile(fd, length),
    sync: () => syncFile(fd),
    close: () => closeFile(fd),
  };
}

/**
 * The real file system. A durable file is opened with O_DSYNC: one write is one hop to the thread pool, and on blocks that are already there it flushes
 * data only (7.3k against 6.5k a second for write and fdatasync, ext4; half the bytes of a file that grows).
 */
export function realDisk(): Disk {
  return {
    async open(path, how = {}) {
      const flags = (how.read ? constants.O_RDONLY | constants.O_NONBLOCK : constants.O_RDWR) | (how.create ? constants.O_CREAT : 0) | (how.exclusive ? constants.O_CREAT | constants.O_EXCL : 0) | (how.durable ? constants.O_DSYNC : 0);
      return diskFile(await openFile(path, flags, how.mode ?? 0o600));
    },
    list: async (path) => (await readdir(path)).sort(),
    async makeFolder(path) {
      // One step where the parent is there: Node's way to make all of them never ends in places such as /proc.
      if (!await stat(dirname(path)).then((parent) => parent.isDirectory(), () => false)) await mkdir(path, { recursive: true, mode: 0o700 });
      else await mkdir(path, { mode: 0o700 }).catch((error: NodeJS.ErrnoException) => { if (error.code !== 'EEXIST') throw error; });
    },
    rename,
    remove: (path) => rm(path, { force: true }),
    async syncFolder(path) {
      const fd = await openFile(path, constants.O_RDONLY);
      try { await promisify(fdatasync)(fd); } finally { await closeFile(fd); }
    },
    async free(path) {
      const { bavail, bsize } = await statfs(path);
      return bavail * bsize;
    },
  };
}

/** Resolves when `performance.now()` has reached `moment`: a timer, and turns of the event loop for the last millisecond, which timers round up. */
export async function until(moment: number): Promise<void> {
  const ms = Math.floor(moment - performance.now()) - 1;
  if (ms > 0) await new Promise((resolve) => { setTimeout(resolve, ms); });
  while (performance.now() < moment) await new Promise((resolve) => { setImmediate(resolve); });
}

/** Emulates a slow medium: every flush (a durable write, a sync) takes at least `ms`. The wait comes after the real write and blocks no thread. */
export function slowDisk(disk: Disk, ms: number): Disk {
  const slow = async (work: Promise<void>): Promise<void> => {
    const moment = performance.now() + ms;
    await work;
    await until(moment);
  };
  return {
    ...disk,
    async open(path, how = {}) {
      const file = await disk.open(path, how);
      return { ...file, write: (bytes, at) => how.durable ? slow(file.write(bytes, at)) : file.write(bytes, at), sync: () => slow(file.sync()) };
    },
    syncFolder: (path) => slow(disk.syncFolder(path)),
  };
}
