// The Journal port on a simulated disk: a crash keeps a first part of the records in flight, and the one that tore is gone.

import { Fault } from '../../src/fault.ts';
import type { Bytes, Journal } from '../../src/ports.ts';
import type { Disk } from './memory-disk.ts';
import { closed, failure, full, type Mount } from './mount.ts';

interface Entry { generation: number; record: Bytes; resolve?: () => void; reject?: (error: unknown) => void }

/** A mounted journal. */
export interface MemoryJournal extends Journal {
  /** Writes to `disk` what a power cut at this moment would leave of the records in flight: the first few of them. */
  survive(disk: Disk): void;
  /** Records and their bytes that wait or are in flight. */
  load(): { records: number; bytes: number };
  /** Flushes that happened. */
  readonly flushes: number;
}

/** Mounts the journal of `mount.disk`. What is found then is what `replay` gives; new records go to a new generation. */
export function mountJournal(mount: Mount): MemoryJournal {
  const { disk } = mount;
  const found = disk.generations.flatMap(({ records }) => records);
  const damage = disk.damage.slice();
  let current = disk.newest + 1;
  let size = 0;
  let waiting: Entry[] = [];
  let flying: Entry[] = [];
  let released = 0;
  let shut = false;
  let flushes = 0;
  const idle: (() => void)[] = [];
  disk.newest = current;

  const launch = (): void => {
    if (flying.length > 0 || mount.dead) return;
    if (!waiting.some(({ resolve }) => resolve)) {
      if (!shut) return;
      for (const { generation, record } of waiting.splice(0)) disk.keep(generation, record);
      for (const done of idle.splice(0)) done();
      return;
    }
    flying = waiting;
    waiting = [];
    void mount.flush(() => {
      const landed = flying;
      const failing = mount.failing();
      if (failing) survive(disk);
      flying = [];
      flushes++;
      let fits = true;
      for (const { generation, record, resolve, reject } of landed) {
        fits &&= disk.used() + record.length <= disk.capacity;
        if (failing) reject?.(failure('journal'));
        else if (fits) {
          if (generation >= released) disk.keep(generation, record);
          resolve?.();
        } else {
          if (generation === current) size -= record.length;
          reject?.(full('record'));
        }
      }
      // What is queued behind a record that did not fit is refused as well, so that a log has no gaps.
      if (!fits && !failing) for (const { record, generation, reject } of waiting.splice(0)) {
        if (generation === current) size -= record.length;
        reject?.(full('record'));
      }
      launch();
    });
  };

  const survive = (target: Disk): void => {
    const kept = mount.chance.int(0, flying.length);
    for (const { generation, record } of flying.slice(0, kept)) target.keep(generation, record);
  };

  const add = (entry: Entry): void => {
    size += entry.record.length;
    waiting.push(entry);
    launch();
  };

  return {
    get size() { return size; },
    get flushes() { return flushes; },
    append(record: Bytes): Promise<void> {
      if (shut) return Promise.reject(closed('journal'));
      if (mount.failed) return Promise.reject(failure('journal'));
      if (record.length < 1 || record.length > 1_048_576) return Promise.reject(new Fault('bad-argument', `a journal record of ${record.length} bytes`));
      return new Promise((resolve, reject) => add({ generation: current, record, resolve, reject }));
    },
    note(record: Bytes): void {
      if (!shut && !mount.dead) add({ generation: current, record });
    },
    replay: () => mount.read(() => ({ records: found.map((record) => record.slice()), damage: damage.slice() })),
    turn(): number {
      size = 0;
      current += 1;
      disk.newest = Math.max(disk.newest, current);
      return current;
    },
    release: (generation: number) => (shut ? Promise.reject(closed('journal')) : mount.flush(() => {
      released = Math.max(released, generation);
      disk.generations = disk.generations.filter(({ number }) => number >= generation);
    })),
    close(): Promise<void> {
      if (shut) return Promise.resolve();
      shut = true;
      return new Promise((resolve) => {
        idle.push(resolve);
        launch();
      });
    },
    survive,
    load() {
      const all = [...flying, ...waiting];
      return { records: all.length, bytes: all.reduce((sum, { record }) => sum + record.length, 0) };
    },
  };
}
