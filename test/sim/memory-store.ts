// The Store port on a simulated disk, with honest crash semantics: what was not flushed is lost, what was in flight may have happened.

import { Fault } from '../../src/fault.ts';
import { TABLES, type Bytes, type Op, type Range, type Row, type Store, type Table } from '../../src/ports.ts';
import type { Disk } from './memory-disk.ts';
import { closed, failure, full, type Mount } from './mount.ts';

interface Batch { ops: Op[]; resolve: () => void; reject: (error: unknown) => void }

/** A mounted store. */
export interface MemoryStore extends Store {
  /** Writes to `disk` what a power cut at this moment would leave of the commits in flight: the first few of them, each whole. */
  survive(disk: Disk): void;
  /** Commits and bytes in them that wait or are in flight. */
  load(): { commits: number; bytes: number };
  /** Commits that happened. */
  readonly commits: number;
}

/** Mounts the store of `mount.disk`. */
export function mountStore(mount: Mount): MemoryStore {
  const { disk } = mount;
  let waiting: Batch[] = [];
  let flying: Batch[] = [];
  let shut = false;
  let commits = 0;
  const idle: (() => void)[] = [];

  const launch = (): void => {
    if (flying.length > 0 || mount.dead) return;
    if (waiting.length === 0) {
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
      for (const batch of landed) {
        if (failing) batch.reject(failure('store'));
        else if (tooBig(disk, batch.ops)) batch.reject(full('commit'));
        else {
          disk.apply(batch.ops);
          commits++;
          batch.resolve();
        }
      }
      launch();
    });
  };

  const survive = (target: Disk): void => {
    const kept = mount.chance.int(0, flying.length);
    for (const { ops } of flying.slice(0, kept)) if (!tooBig(target, ops)) target.apply(ops);
  };

  const refused = (): Error | undefined => (shut ? closed('store') : mount.failed ? failure('store') : undefined);

  return {
    manifest: { name: 'memory', durable: true },
    get commits() { return commits; },
    get: (table: Table, key: Bytes): Promise<Bytes | undefined> => {
      if (shut) return Promise.reject(closed('store'));
      return mount.read(() => disk.tables[table].get(key)?.slice());
    },
    scan: (table: Table, range: Range): Promise<Row[]> => {
      if (shut) return Promise.reject(closed('store'));
      return mount.read(() => disk.tables[table].scan(range));
    },
    commit(ops: Op[]): Promise<void> {
      const error = refused() ?? wrong(ops);
      if (error) return Promise.reject(error);
      return new Promise((resolve, reject) => {
        waiting.push({ ops, resolve, reject });
        launch();
      });
    },
    space: () => mount.read(() => ({ used: disk.used(), free: Math.max(0, Math.min(disk.capacity, 2 ** 40) - disk.used()) })),
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
      return { commits: all.length, bytes: all.reduce((sum, { ops }) => sum + weight(ops), 0) };
    },
  };
}

function weight(ops: readonly Op[]): number {
  return ops.reduce((sum, { key, value }) => sum + key.length + (value?.length ?? 0), 0);
}

/** A batch that only removes always fits. */
function tooBig(disk: Disk, ops: readonly Op[]): boolean {
  return Number.isFinite(disk.capacity) && ops.some(({ value }) => value !== undefined) && disk.used() + weight(ops) > disk.capacity;
}

/** What the contract of the port refuses whatever the disk is like. */
function wrong(ops: readonly Op[]): Fault | undefined {
  for (const { table, key, value } of ops) {
    if (!TABLES.includes(table)) return new Fault('bad-argument', `there is no table ${table}`);
    if (key.length < 1 || key.length > 400) return new Fault('bad-argument', `a key of ${key.length} bytes in table ${table}`);
    if (value && value.length > 1_048_576) return new Fault('bad-argument', `a value of ${value.length} bytes in table ${table}`);
  }
  return undefined;
}
