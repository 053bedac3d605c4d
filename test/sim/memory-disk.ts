// A simulated disk: what is on stable storage, how it fills up, rots and fails, and how it is copied.

import { TABLES, type Bytes, type Op, type Table } from '../../src/ports.ts';
import { type Chance } from './chance.ts';
import { SortedTable } from './sorted-table.ts';

/** One generation of the journal, as it lies on the disk. */
export interface Generation { number: number; records: Bytes[] }

/** How long a disk takes, in milliseconds. */
export interface Pace { readMin: number; readMax: number; flushMin: number; flushMax: number }

/** A quick disk, for tests that are not about time. */
export const QUICK: Pace = { readMin: 0.02, readMax: 0.2, flushMin: 0.2, flushMax: 2 };

/**
 * Stable storage of one machine. Everything in it survives a power cut; what is on its way lives in the mounts of the store and of the journal.
 * Rows and records are never changed in place, so copies share them.
 */
export class Disk {
  readonly label: string;
  tables: Record<Table, SortedTable>;
  generations: Generation[] = [];
  /** Number of the newest generation ever begun. */
  newest = 0;
  keyFile: Bytes | undefined;
  /** Bytes that fit. */
  capacity = Number.POSITIVE_INFINITY;
  /** When set, the next flush of the store or of the journal fails, once, after an unknown part of it happened. */
  failNextFlush = false;
  /** What replay will name as damaged. */
  damage: string[] = [];
  pace: Pace;

  constructor(label: string, pace: Pace = QUICK) {
    this.label = label;
    this.pace = pace;
    this.tables = Object.fromEntries(TABLES.map((table) => [table, new SortedTable()])) as Record<Table, SortedTable>;
  }

  /** Bytes in use. */
  used(): number {
    let sum = this.keyFile?.length ?? 0;
    for (const table of TABLES) sum += this.tables[table].bytes;
    for (const generation of this.generations) for (const record of generation.records) sum += record.length;
    return sum;
  }

  /** Writes a batch; the caller decides whether it happens at all. */
  apply(ops: readonly Op[]): void {
    for (const { table, key, value } of ops) {
      if (value === undefined) this.tables[table].remove(key);
      else this.tables[table].put(key, value.slice());
    }
  }

  /** Writes one journal record into a generation, beginning it if it is new. */
  keep(generation: number, record: Bytes): void {
    let last = this.generations[this.generations.length - 1];
    if (!last || last.number < generation) {
      last = { number: generation, records: [] };
      this.generations.push(last);
      this.newest = Math.max(this.newest, generation);
    }
    last.records.push(record.slice());
  }

  /** An independent disk with the same contents: all of it, or only the tables or only the journal of a copy that was not taken at one moment. */
  copy(label: string): Disk {
    const out = new Disk(label, this.pace);
    out.takeTables(this);
    out.takeJournal(this);
    out.keyFile = this.keyFile;
    out.damage = this.damage.slice();
    return out;
  }

  takeTables(from: Disk): void {
    for (const table of TABLES) this.tables[table] = from.tables[table].copy();
  }

  takeJournal(from: Disk): void {
    this.generations = from.generations.map(({ number, records }) => ({ number, records: records.slice() }));
    this.newest = from.newest;
  }

  /** Flips bits in the value of one random row of a table, silently. Returns whether there was a row. */
  rot(table: Table, chance: Chance): boolean {
    const rows = this.tables[table];
    if (rows.size === 0) return false;
    const key = rows.keyAt(chance.int(0, rows.size - 1));
    const value = rows.get(key)!.slice();
    if (value.length === 0) return false;
    for (let flips = chance.int(1, 3); flips > 0; flips--) value[chance.int(0, value.length - 1)]! ^= 1 << chance.int(0, 7);
    rows.put(key, value);
    return true;
  }
}
