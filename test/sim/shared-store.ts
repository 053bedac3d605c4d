// A simulated database on which several processes of one node write: turns, slots with leases, news for the others, journals of the dead.

import { eventId } from '../../src/event/chain.ts';
import { Fault } from '../../src/fault.ts';
import type { Bytes, Journal, News, Op, Orphan, Range, Shared, Shift, Table } from '../../src/ports.ts';
import type { MemoryJournal } from './memory-journal.ts';
import type { MemoryStore } from './memory-store.ts';
import { Disk } from './memory-disk.ts';
import { closed, failure, type Mount } from './mount.ts';

/** How long a process that died keeps its slot, in ms, and how long a lock of it stays. */
const LEASE_MS = 20_000, LOCK_MS = 500;

type Feed = { n: number; by: Process } & News;

/** One process at the database. */
interface Process {
  readonly slot: number;
  readonly mount: Mount;
  /** Up to which commit it knows. */
  seen: number;
  /** Its lease was taken from it, or ended after its death. */
  over: boolean;
  name: Bytes | undefined;
  journal: { generation: number; record: Bytes }[];
  onNews: () => void;
}

/** Events that stand as rows: how often each id is there. */
export type Rows = Map<string, number>;

/** A database. Its tables lie on a disk that all processes share. */
export class SharedDatabase {
  readonly disk: Disk;
  /** As SQL would show them: event ids (incarnation, position and e in hex) by how often they stand there. */
  readonly rows: Rows = new Map();
  private n = 0;
  private feed: Feed[] = [];
  private processes: Process[] = [];
  private holder: Process | undefined;
  private waiting: { process: Process; grant: () => void }[] = [];

  constructor(disk: Disk) { this.disk = disk; }

  /** A process begins. `mount`: its hold on the disk. */
  connect(mount: Mount): { store: MemoryStore & { shared: Shared }; journal: MemoryJournal } {
    const taken = new Set(this.processes.map((p) => p.slot));
    let slot = 0;
    while (taken.has(slot)) slot++;
    const process: Process = { slot, mount, seen: this.n, over: false, name: undefined, journal: [], onNews: () => {} };
    this.processes.push(process);
    return { store: this.storeOf(process), journal: this.journalOf(process) };
  }

  /** Takes the lease of a process away, as if it had slept through it. */
  evict(slot: number): void {
    const process = this.processes.find((p) => p.slot === slot);
    if (!process) return;
    process.over = true;
    this.unlock(process);
    this.tell(process);
  }

  private storeOf(process: Process): MemoryStore & { shared: Shared } {
    const { mount } = process, { disk } = this;
    let shut = false, commits = 0, last: Promise<unknown> = Promise.resolve(), closing = false;
    const flying: { ops: Op[]; shift: Shift | undefined }[] = [];
    const usable = (): void => {
      if (shut) throw closed('store');
      if (process.over || mount.failed) throw failure('store');
    };
    const store: MemoryStore & { shared: Shared } = {
      manifest: { name: 'shared memory', durable: true },
      get commits() { return commits; },
      get: (table: Table, key: Bytes) => mount.read(() => { usable(); return disk.tables[table].get(key)?.slice(); }),
      scan: (table: Table, range: Range) => mount.read(() => { usable(); return disk.tables[table].scan(range); }),
      commit: (ops, shift) => {
        if (shut) return Promise.reject(closed('store'));
        const one = { ops, shift };
        flying.push(one);
        const done = last.catch(() => undefined).then(() => mount.flush(() => {
          flying.splice(flying.indexOf(one), 1);
          if (process.over || mount.failing()) { this.fail(process); throw failure('store'); }
          if (process.seen !== this.n) throw new Fault('busy', 'other processes have committed since');
          this.apply(process, ops, shift);
          commits++;
        }));
        last = done;
        return done;
      },
      space: () => mount.read(() => ({ used: disk.used(), free: 2 ** 40 })),
      close: async () => {
        if (closing) return;
        closing = true;
        await last.catch(() => undefined);
        shut = true;
        this.unlock(process);
        if (!process.journal.length) this.processes = this.processes.filter((p) => p !== process);
        else process.over = true;
        this.tell(process);
      },
      survive: () => {
        if (flying.length && process.seen === this.n && !process.over && mount.chance.hit(0.5)) this.apply(process, flying[0]!.ops, flying[0]!.shift);
        mount.timeline.after(mount.chance.int(0, LOCK_MS), () => this.unlock(process));
        mount.timeline.after(LEASE_MS, () => { if (!process.over) { process.over = true; this.tell(process); } });
      },
      load: () => ({ commits: flying.length, bytes: flying.reduce((sum, { ops }) => sum + ops.reduce((n, { key, value }) => n + key.length + (value?.length ?? 0), 0), 0) }),
      shared: {
        slot: process.slot,
        enter: () => new Promise((resolve, reject) => {
          this.waiting.push({ process, grant: () => {
            // The connection that holds the lock may break, and nobody here hears of it.
            if (mount.chance.hit(0.02)) mount.timeline.after(mount.chance.unit() * 20, () => this.unlock(process));
            void mount.read(() => { usable(); return this.newsFor(process); }).then(resolve, (error: unknown) => { this.fail(process); this.unlock(process); reject(error as Error); });
          } });
          this.next();
        }),
        leave: async () => this.unlock(process),
        orphans: () => mount.read(() => { usable(); return this.orphans(process); }),
        siblings: () => mount.read(() => this.processes.filter((p) => p !== process && !p.over && p.name).map((p) => p.name!)),
        announce: (name) => mount.flush(() => { process.name = name.slice(); }),
        get onNews() { return process.onNews; },
        set onNews(tell) { process.onNews = tell; },
      },
    };
    return store;
  }

  private journalOf(process: Process): MemoryJournal {
    const { mount } = process;
    let current = 1, size = 0, flushes = 0, shut = false, waiting: Bytes[] = [], flying: { generation: number; record: Bytes }[] = [];
    let last: Promise<unknown> = Promise.resolve();
    const journal: Journal & Pick<MemoryJournal, 'survive' | 'load' | 'flushes'> = {
      get size() { return size; },
      get flushes() { return flushes; },
      append(record) {
        if (shut) return Promise.reject(closed('journal'));
        const mine = [...waiting, record].map((each) => ({ generation: current, record: each }));
        waiting = [];
        size += mine.reduce((sum, one) => sum + one.record.length, 0);
        flying.push(...mine);
        const done = last.catch(() => undefined).then(() => mount.flush(() => {
          flying = flying.filter((one) => !mine.includes(one));
          if (process.over || mount.failing()) throw failure('journal');
          process.journal.push(...mine);
          flushes++;
        }));
        last = done;
        return done;
      },
      note(record) { waiting.push(record); },
      replay: async () => ({ records: [], damage: [] }),
      turn() { size = 0; return ++current; },
      release: (generation) => mount.flush(() => { if (!process.over) process.journal = process.journal.filter((one) => one.generation >= generation); }),
      async close() {
        shut = true;
        await last.catch(() => undefined);
      },
      survive() { if (!process.over) process.journal.push(...flying.slice(0, mount.chance.int(0, flying.length))); },
      load: () => ({ records: flying.length, bytes: flying.reduce((sum, { record }) => sum + record.length, 0) }),
    };
    return journal;
  }

  private apply(process: Process, ops: Op[], shift: Shift | undefined): void {
    this.disk.apply(ops);
    this.n++;
    process.seen = this.n;
    const moved = shift ? [...shift.retracted.map((run) => ({ run, admitted: false })), ...shift.admitted.map((run) => ({ run, admitted: true }))] : [];
    for (const { run, admitted } of moved) {
      for (let i = 0; i < run.ends.length; i++) {
        const id = `${run.stream} ${eventId(run.incarnation, run.first + i, run.hashes.subarray(i * 32, i * 32 + 32))}`;
        if (admitted) this.rows.set(id, (this.rows.get(id) ?? 0) + 1); else this.rows.delete(id);
      }
    }
    this.feed.push({
      n: this.n, by: process, changed: ops.map(({ table, key }) => ({ table, key })),
      moved: moved.map(({ run, admitted }) => ({ stream: run.stream, node: run.node, incarnation: run.incarnation, first: run.first, count: run.ends.length, admitted })),
    });
    this.tell(process);
  }

  private newsFor(process: Process): News {
    const fresh = this.feed.filter(({ n }) => n > process.seen);
    process.seen = this.n;
    this.feed = this.feed.filter(({ n }) => this.processes.some((p) => !p.over && p.seen < n));
    return { changed: fresh.flatMap((each) => each.changed), moved: fresh.flatMap((each) => each.moved) };
  }

  private orphans(by: Process): Orphan[] {
    const left = this.processes.filter((p) => p.over && p !== by);
    for (const empty of left.filter((p) => !p.journal.length)) this.processes.splice(this.processes.indexOf(empty), 1);
    return left.filter((p) => p.journal.length).map((dead) => ({
      slot: dead.slot, records: dead.journal.map(({ record }) => record.slice()),
      done: () => by.mount.flush(() => { this.processes = this.processes.filter((p) => p !== dead); }),
    }));
  }

  /** Others hear that something happened, some time later. */
  private tell(by: Process): void {
    for (const other of this.processes) if (other !== by && !other.over) other.mount.timeline.after(other.mount.chance.int(0, 1_000), () => { if (!other.mount.dead && !other.over) other.onNews(); });
  }

  private fail(process: Process): void {
    if (!process.over) return;
    process.mount.failed = true;
    process.mount.onFailed();
  }

  private unlock(process: Process): void {
    if (this.holder === process) this.holder = undefined;
    this.next();
  }

  private next(): void {
    if (this.holder) return;
    this.waiting = this.waiting.filter(({ process }) => !process.mount.dead);
    const first = this.waiting.shift();
    if (!first) return;
    this.holder = first.process;
    first.grant();
  }
}

