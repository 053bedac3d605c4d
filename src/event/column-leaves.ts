// The column of one leaf: numbers, texts, bytes, booleans and nulls at one place in bodies of one shape (COLUMNS.md section 4).
import type { Bytes } from '../ports.ts';
import type { Scratch } from './column-integers.ts';
import { getIntegers, getWide, putIntegers, putWide } from './column-integers.ts';
import { NEAR } from './column-choice.ts';
import { levelsOf } from './column-levels.ts';
import type { Rows } from './column-rows.ts';
import { rowsMarked } from './column-rows.ts';
import type { Source } from './column-source.ts';
import { putVarint } from './column-source.ts';
import type { Strings } from './column-strings.ts';
import { getStrings, putStrings } from './column-strings.ts';
import type { Writer } from './writer.ts';

/** Kinds of leaves. 0 to PLACES_MOST: a number that is an integer divided by that power of ten. */
export const PLACES_MOST = 9, FLOAT = 10, TEXT = 11, BYTES = 12, FALSE = 13, TRUE = 14, NULL = 15;
const MIXED = 16;
const TENS = [1, 10, 100, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9];
/** Of so many numbers one may be written as a float rather than make all others longer. */
const ODD = 16;

/** The leaves of one column in the order of the log: kinds, and by kind the number itself or the number of a string in a list. */
export interface Leaves { kinds: Uint8Array; values: Float64Array; texts: Strings | undefined; strings: Strings | undefined }

/**
 * Writes a column. `kinds` are FLOAT for every number (this chooses the finer kind and overwrites it), `values` hold numbers, or where
 * in `bytes` the content of a text or byte string starts; `ends` where it ends.
 */
export function putLeaves(w: Writer, bytes: Bytes, kinds: Uint8Array, values: Float64Array, ends: Float64Array, rows: Rows, scratch: Scratch): void {
  const n = rows.n;
  let numbers = 0;
  for (let i = 0; i < n; i++) if (kinds[i] === FLOAT) numbers++;
  const scaled = new Float64Array(numbers > 0 ? n : 0);
  const places = numbers > 0 ? scale(kinds, values, n, numbers, scaled) : 0;
  let seen = 0;
  for (let i = 0; i < n; i++) seen |= 1 << kinds[i]!;
  const mixed = (seen & (seen - 1)) !== 0;
  if (mixed) {
    w.byte(MIXED);
    putIntegers(w, Float64Array.from(kinds.subarray(0, n)), rows, scratch);
  }
  for (let kind = 0; kind <= NULL; kind++) {
    if ((seen & (1 << kind)) === 0) continue;
    if (!mixed) w.byte(kind);
    if (kind > BYTES) continue;
    const own = mixed ? rowsMarked(rows, kinds, kind) : rows;
    const part = (all: Float64Array): Float64Array => (mixed ? picked(all, kinds, kind, own.n) : all);
    if (kind === places && kind < FLOAT) putIntegers(w, part(scaled), own, scratch);
    else if (kind === FLOAT) putFloats(w, part(values), own, scratch);
    else putStrings(w, { bytes, from: Int32Array.from(part(values)), to: Int32Array.from(part(ends)), count: own.n }, own, scratch);
  }
}

function picked(all: Float64Array, kinds: Uint8Array, kind: number, count: number): Float64Array {
  const out = new Float64Array(count);
  for (let i = 0, at = 0; at < count; i++) if (kinds[i] === kind) out[at++] = all[i]!;
  return out;
}

/** Finds the fewest decimal places that fit nearly all numbers, gives these numbers that kind and their integers in `out`; returns the places. */
function scale(kinds: Uint8Array, values: Float64Array, n: number, numbers: number, out: Float64Array): number {
  const allowed = Math.floor(numbers / ODD);
  for (let places = 0; places <= PLACES_MOST; places++) {
    const ten = TENS[places]!;
    let odd = 0;
    for (let i = 0; i < n && odd <= allowed; i++) {
      if (kinds[i] !== FLOAT) continue;
      const v = values[i]!, whole = Math.round(v * ten);
      // The division is the decoder's: only where it gives back the very number is the integer as good.
      if (whole / ten === v && whole <= NEAR && whole >= -NEAR) out[i] = whole;
      else odd++;
    }
    if (odd > allowed) continue;
    for (let i = 0; i < n; i++) {
      if (kinds[i] === FLOAT && out[i]! / ten === values[i]) kinds[i] = places;
    }
    return places;
  }
  return FLOAT;
}

/** Floats as they are, or the distinct ones and a column of their ranks. */
function putFloats(w: Writer, values: Float64Array, rows: Rows, scratch: Scratch): void {
  const n = rows.n, found = levelsOf(values, n, n >> 2);
  if (found === undefined) {
    putVarint(w, 0);
    return putWide(w, values, n);
  }
  putVarint(w, found.levels.length);
  putWide(w, found.levels, found.levels.length);
  putIntegers(w, found.ranks, rows, scratch);
}

function getFloats(source: Source, rows: Rows, scratch: Scratch): Float64Array {
  const n = rows.n, count = source.varint(n), levels = new Float64Array(count === 0 ? n : count);
  getWide(source, levels.length, levels);
  for (let i = 0; i < levels.length; i++) {
    const v = levels[i]!;
    // Integers are allowed here, for those far from zero; -0 is not a value.
    if (!Number.isFinite(v) || Object.is(v, -0)) source.fail('a number that is no value');
  }
  if (count === 0) return levels;
  const out = getIntegers(source, rows, scratch);
  for (let i = 0; i < n; i++) {
    const v = levels[out[i]!];
    if (v === undefined) source.fail('a level that is not listed');
    else out[i] = v;
  }
  return out;
}

/** Reads a column of `rows.n` leaves. Fault `bad-encoding`; whether texts are valid UTF-8 is not checked here. */
export function getLeaves(source: Source, rows: Rows, scratch: Scratch): Leaves {
  const n = rows.n, kinds = new Uint8Array(n);
  const leaves: Leaves = { kinds, values: new Float64Array(0), texts: undefined, strings: undefined };
  const head = source.byte();
  if (head < MIXED) {
    kinds.fill(head);
    leaves.values = getKind(source, head, rows, scratch, leaves);
    return leaves;
  }
  if (head > MIXED) source.fail('an unknown kind of leaves');
  const marks = getIntegers(source, rows, scratch);
  let seen = 0;
  for (let i = 0; i < n; i++) {
    const kind = marks[i]!;
    if (!(kind >= 0 && kind <= NULL)) source.fail('an unknown kind of leaves');
    kinds[i] = kind;
    seen |= 1 << kind;
  }
  const values = leaves.values = new Float64Array(n);
  for (let kind = 0; kind <= BYTES; kind++) {
    if ((seen & (1 << kind)) === 0) continue;
    const part = getKind(source, kind, rowsMarked(rows, kinds, kind), scratch, leaves);
    for (let i = 0, at = 0; i < n; i++) if (kinds[i] === kind) values[i] = part[at++]!;
  }
  return leaves;
}

function getKind(source: Source, kind: number, rows: Rows, scratch: Scratch, into: Leaves): Float64Array {
  if (kind === FLOAT) return getFloats(source, rows, scratch);
  if (kind > BYTES) return new Float64Array(rows.n);
  if (kind >= TEXT) {
    const { list, numbers } = getStrings(source, rows, scratch);
    if (kind === TEXT) into.texts = list;
    else into.strings = list;
    return numbers;
  }
  const out = getIntegers(source, rows, scratch);
  const ten = TENS[kind]!;
  if (kind > 0) for (let i = 0; i < rows.n; i++) out[i]! /= ten;
  return out;
}
