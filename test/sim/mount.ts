// What the memory store and the memory journal share: one process's hold on a disk, lost at once when the process dies.

import { Fault } from '../../src/fault.ts';
import type { Chance } from './chance.ts';
import type { Disk } from './memory-disk.ts';
import type { Timeline } from './timeline.ts';

/** A process's hold on a disk. After `dead` nothing that it asked for happens or is answered. */
export class Mount {
  readonly disk: Disk;
  readonly timeline: Timeline;
  readonly chance: Chance;
  dead = false;
  /** A flush failed: the process must stop, and gets nothing but that error until it does. */
  failed = false;
  /** Called when a flush fails. */
  onFailed: () => void = () => {};

  constructor(disk: Disk, timeline: Timeline, chance: Chance) {
    this.disk = disk;
    this.timeline = timeline;
    this.chance = chance;
  }

  /** Answers after a read's time with what `answer` gives or throws; never, if the process is dead by then. */
  read<T>(answer: () => T): Promise<T> {
    const { readMin, readMax } = this.disk.pace;
    return this.later(readMin + this.chance.unit() * (readMax - readMin), answer);
  }

  /** Answers after a flush's time. */
  flush<T>(answer: () => T): Promise<T> {
    const { flushMin, flushMax } = this.disk.pace;
    return this.later(flushMin + this.chance.unit() * (flushMax - flushMin), answer);
  }

  /** Throws what a flush must end with, if it fails now. */
  failing(): boolean {
    if (!this.disk.failNextFlush) return this.failed;
    this.disk.failNextFlush = false;
    this.failed = true;
    this.onFailed();
    return true;
  }

  private later<T>(ms: number, answer: () => T): Promise<T> {
    return new Promise((resolve, reject) => {
      if (this.dead) return;
      this.timeline.after(ms, () => {
        if (this.dead) return;
        try {
          resolve(answer());
        } catch (error) {
          reject(error);
        }
      });
    });
  }
}

/** The error of a flush that failed. */
export const failure = (what: string): Fault => new Fault('store-failed', `the flush of the ${what} failed; stop the process`);
/** The error of a full disk. */
export const full = (what: string): Fault => new Fault('store-full', `no room for the ${what}; nothing was kept`);
/** The error of a call after close. */
export const closed = (what: string): Fault => new Fault('closed', `the ${what} is closed`);
