// Columns of texts and byte strings, and the dictionary that finds repeated ones (COLUMNS.md section 5).
import type { Bytes } from '../ports.ts';
import type { Scratch } from './column-integers.ts';
import { getIntegers, putIntegers } from './column-integers.ts';
import type { Rows } from './column-rows.ts';
import { plainRows } from './column-rows.ts';
import type { Source } from './column-source.ts';
import { putVarint } from './column-source.ts';
import type { Writer } from './writer.ts';

/** A listed string is worth it when each occurs this often on average. */
const REPEATED = 1.5;

/** Byte strings that are parts of `bytes`: number i is `from[i]` to `to[i]`. */
export interface Strings { bytes: Bytes; from: Int32Array; to: Int32Array; count: number }

/** Numbers byte strings by first appearance; a hash table with open addresses. */
export class Dictionary implements Strings {
  readonly bytes: Bytes;
  from = new Int32Array(16);
  to = new Int32Array(16);
  count = 0;
  #hashes = new Int32Array(16);
  #table = new Int32Array(64);

  /** All strings are parts of `bytes`. */
  constructor(bytes: Bytes) {
    this.bytes = bytes;
  }

  /** The number of bytes `from` to `to`, which is `count` before the call when they are new. */
  add(from: number, to: number): number {
    const bytes = this.bytes;
    // FNV-1a, with a last step that brings the high bits down.
    let h = 0x811c9dc5;
    for (let i = from; i < to; i++) h = Math.imul(h ^ bytes[i]!, 0x01000193);
    h ^= h >>> 15;
    const mask = this.#table.length - 1;
    for (let at = h & mask; ; at = (at + 1) & mask) {
      const entry = this.#table[at]! - 1;
      if (entry < 0) return this.#insert(from, to, h, at);
      if (this.#hashes[entry] === h && this.#same(entry, from, to)) return entry;
    }
  }

  #same(entry: number, from: number, to: number): boolean {
    const start = this.from[entry]!;
    if (this.to[entry]! - start !== to - from) return false;
    for (let i = from, k = start; i < to; i++, k++) if (this.bytes[i] !== this.bytes[k]) return false;
    return true;
  }

  #insert(from: number, to: number, h: number, at: number): number {
    const entry = this.count++;
    if (entry === this.from.length) {
      this.from = doubled(this.from);
      this.to = doubled(this.to);
      this.#hashes = doubled(this.#hashes);
    }
    this.from[entry] = from;
    this.to[entry] = to;
    this.#hashes[entry] = h;
    this.#table[at] = entry + 1;
    if (4 * this.count > this.#table.length) this.#grow();
    return entry;
  }

  #grow(): void {
    const table = new Int32Array(4 * this.#table.length), mask = table.length - 1;
    for (let entry = 0; entry < this.count; entry++) {
      let at = this.#hashes[entry]! & mask;
      while (table[at] !== 0) at = (at + 1) & mask;
      table[at] = entry + 1;
    }
    this.#table = table;
  }
}

function doubled(array: Int32Array): Int32Array<ArrayBuffer> {
  const grown = new Int32Array(2 * array.length);
  grown.set(array);
  return grown;
}

/** Writes the strings one after the other: the lengths as a column, then all bytes. Their number is not written. */
export function putList(w: Writer, strings: Strings, scratch: Scratch): void {
  const { bytes, from, to, count } = strings;
  const lengths = new Float64Array(count);
  for (let k = 0; k < count; k++) lengths[k] = to[k]! - from[k]!;
  putIntegers(w, lengths, plainRows(count), scratch);
  for (let k = 0; k < count; k++) w.raw(bytes.subarray(from[k]!, to[k]!));
}

/** Reads `count` strings that `putList` wrote; `scratch` is for at least as many rows. Fault `bad-encoding`. */
export function getList(source: Source, count: number, scratch: Scratch): Strings {
  const lengths = getIntegers(source, plainRows(count), scratch);
  const from = new Int32Array(count), to = new Int32Array(count);
  for (let k = 0; k < count; k++) {
    const length = lengths[k]!;
    if (length < 0) source.fail('a negative length');
    from[k] = source.take(length);
    to[k] = source.at;
  }
  return { bytes: source.bytes, from, to, count };
}

/** Writes one string for each row, as a list of them or as a list of the distinct ones and a column of their numbers. */
export function putStrings(w: Writer, strings: Strings, rows: Rows, scratch: Scratch): void {
  const { bytes, from, to, count } = strings;
  const distinct = new Dictionary(bytes), numbers = new Float64Array(count);
  for (let i = 0; i < count; i++) numbers[i] = distinct.add(from[i]!, to[i]!);
  if (distinct.count * REPEATED > count) {
    putVarint(w, 0);
    return putList(w, strings, scratch);
  }
  putVarint(w, distinct.count);
  putList(w, distinct, scratch);
  putIntegers(w, numbers, rows, scratch);
}

/** Reads what `putStrings` wrote: the listed strings, and the number of each row's string among them. Fault `bad-encoding`. */
export function getStrings(source: Source, rows: Rows, scratch: Scratch): { list: Strings; numbers: Float64Array } {
  const count = source.varint(rows.n);
  const list = getList(source, count === 0 ? rows.n : count, scratch);
  if (count === 0) {
    const numbers = new Float64Array(rows.n);
    for (let i = 0; i < rows.n; i++) numbers[i] = i;
    return { list, numbers };
  }
  const numbers = getIntegers(source, rows, scratch);
  for (let i = 0; i < rows.n; i++) if (!(numbers[i]! >= 0 && numbers[i]! < count)) source.fail('a string that is not listed');
  return { list, numbers };
}
