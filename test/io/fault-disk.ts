// A file system that fails on purpose: errors at chosen calls, and a power cut that tears the durable writes under way, sector by sector, on real files.
import { closeSync, openSync, writeSync } from 'node:fs';
import type { Bytes } from '../../src/ports.ts';
import type { Disk, DiskFile } from '../../src/io/disk.ts';

/** Sectors that a medium writes whole or not at all. */
const SECTOR = 512;

export interface FaultDisk extends Disk {
  /** Called before each durable write; an error that it gives is thrown instead, after `part` bytes were written all the same. */
  before: (path: string, bytes: Bytes, at: number) => { error: Error; part?: number } | undefined;
  /** Cuts the power: every call from now on fails, and of each durable write under way some sectors reach the medium. */
  cut(random: () => number): void;
  readonly off: boolean;
}

/** An error as Node's file system gives it. */
export function systemError(code: 'ENOSPC' | 'EIO' | 'EROFS'): Error {
  return Object.assign(new Error(`${code}: injected`), { code });
}

/** Wraps a disk. Durable writes take `ms()` milliseconds before they happen, so that a cut finds some under way. */
export function faultDisk(disk: Disk, ms: () => number = () => 0): FaultDisk {
  const underWay = new Set<{ path: string; bytes: Bytes; at: number }>();
  let off = false;
  const on = <T>(work: () => Promise<T>): Promise<T> => off ? Promise.reject(systemError('EIO')) : work();
  const wrapped: FaultDisk = {
    before: () => undefined,
    get off() { return off; },
    cut(random) {
      off = true;
      for (const { path, bytes, at } of underWay) {
        const fd = openSync(path, 'r+');
        for (let from = at; from < at + bytes.length;) {
          const to = Math.min(at + bytes.length, (Math.floor(from / SECTOR) + 1) * SECTOR);
          if (random() < 0.5) writeSync(fd, bytes, from - at, to - from, from);
          from = to;
        }
        closeSync(fd);
      }
    },
    async open(path, how = {}): Promise<DiskFile> {
      const file = await on(() => disk.open(path, how));
      return {
        ...file,
        async write(bytes, at) {
          const fault = how.durable ? wrapped.before(path, bytes, at) : undefined;
          if (fault) {
            if (fault.part) await file.write(bytes.subarray(0, fault.part), at);
            throw fault.error;
          }
          if (!how.durable) return on(() => file.write(bytes, at));
          const write = { path, bytes: bytes.slice(), at };
          underWay.add(write);
          await new Promise((resolve) => { setTimeout(resolve, ms()); });
          await on(() => file.write(write.bytes, at));
          underWay.delete(write);
        },
        truncate: (length) => on(() => file.truncate(length)),
        sync: () => on(() => file.sync()),
      };
    },
    list: (path) => disk.list(path),
    makeFolder: (path) => on(() => disk.makeFolder(path)),
    rename: (from, to) => on(() => disk.rename(from, to)),
    remove: (path) => on(() => disk.remove(path)),
    syncFolder: (path) => on(() => disk.syncFolder(path)),
    free: (path) => disk.free(path),
  };
  return wrapped;
}
