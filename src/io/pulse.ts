// Whether the medium still takes flushes: watches those that happen on a Disk, and makes one where none does.

import { join } from 'node:path';
import type { Disk, DiskFile } from './disk.ts';

/** The file that a flush of its own goes to: one byte, always the same place, so that a card writes the same block. */
const PULSE_FILE = 'pulse';

/** A Disk whose flushes are watched. */
export interface Pulse {
  /** The disk to give to whoever writes. */
  disk: Disk;
  /**
   * Resolves once a flush has succeeded that ended after the last beat did, and none that was begun before this call is still under way: at once if
   * others have flushed in the meantime, else after one byte of its own in `folder`. Rejects with the error of the file system if that cannot be flushed; waits as long as a flush hangs.
   */
  beat(): Promise<void>;
}

/** Watches a disk. `folder` must be on the medium that matters, and exist when `beat` is first called. */
export function pulse(disk: Disk, folder: string): Pulse {
  const underWay = new Set<Promise<void>>();
  let fresh = false;
  let own: DiskFile | undefined;

  function watched(flush: Promise<void>): Promise<void> {
    const seen = flush.then(() => { fresh = true; }, () => {}).finally(() => underWay.delete(seen));
    underWay.add(seen);
    return flush;
  }

  return {
    disk: {
      ...disk,
      async open(path, how = {}) {
        const file = await disk.open(path, how);
        return { ...file, write: (bytes, at) => how.durable ? watched(file.write(bytes, at)) : file.write(bytes, at), sync: () => watched(file.sync()) };
      },
    },
    async beat() {
      await Promise.all(underWay);
      if (!fresh) {
        own ??= await disk.open(join(folder, PULSE_FILE), { create: true, durable: true });
        await own.write(new Uint8Array(1), 0);
      }
      fresh = false;
    },
  };
}
