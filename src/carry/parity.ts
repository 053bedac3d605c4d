// Parity over blocks of one size: a systematic Reed–Solomon code over GF(2^8) whose matrix is a Cauchy matrix, so that any K of K + M blocks restore all (Plank and Xu 2006).

import { Fault } from '../fault.ts';
import type { Bytes } from '../ports.ts';

/** Members and rows of one stripe together, at most: elements of the field that a Cauchy matrix can tell apart, one left out. */
export const STRIPE_MOST = 255;
const POLYNOMIAL = 0x11d;

/** All products: row a holds a × b at b. */
const PRODUCTS = new Uint8Array(65_536), INVERSES = new Uint8Array(256);
const LOGS = new Uint8Array(256), POWERS = new Uint8Array(255);
for (let i = 0, x = 1; i < 255; i++) {
  POWERS[i] = x;
  LOGS[x] = i;
  x = x & 0x80 ? (x << 1) ^ POLYNOMIAL : x << 1;
}
for (let a = 1; a < 256; a++) {
  INVERSES[a] = POWERS[(255 - LOGS[a]!) % 255]!;
  for (let b = 1; b < 256; b++) PRODUCTS[a * 256 + b] = POWERS[(LOGS[a]! + LOGS[b]!) % 255]!;
}

/** The coefficient of member `i` in row `j`. */
function cell(j: number, i: number): number {
  return INVERSES[(STRIPE_MOST - j) ^ i]!;
}

/** into ^= factor × from, byte by byte; `from` may be shorter, as if it ended in zeros. */
function addTimes(into: Bytes, factor: number, from: Bytes): void {
  if (factor === 0) return;
  const products = PRODUCTS.subarray(factor * 256, factor * 256 + 256);
  for (let b = 0; b < from.length; b++) into[b]! ^= products[from[b]!]!;
}

function check(members: number, rows: number): void {
  if (!(members >= 1 && rows >= 1 && members + rows <= STRIPE_MOST)) throw new Fault('bad-argument', `a stripe has at most ${STRIPE_MOST} blocks, parity included, and at least one of each, not ${members} and ${rows}`);
}

/** The parity of one stripe, member after member in any order. */
export class ParityRows {
  /** The rows as far as members were added; whole once all were. */
  readonly rows: readonly Bytes[];
  readonly #members: number;

  /** `members` (K) blocks and `rows` (M) of parity, of `size` bytes each. Fault `bad-argument` beyond 255 together. */
  constructor(members: number, rows: number, size: number) {
    check(members, rows);
    this.#members = members;
    this.rows = Array.from({ length: rows }, () => new Uint8Array(size));
  }

  /** Adds a member once; a shorter one counts as ending in zeros. */
  add(member: number, bytes: Bytes): void {
    if (!(member >= 0 && member < this.#members) || bytes.length > this.rows[0]!.length) throw new Fault('bad-argument', `block ${member} does not belong to this stripe`);
    this.rows.forEach((row, j) => addTimes(row, cell(j, member), bytes));
  }
}

/** Missing members on their way back: every member that is held, and every one of `rows`, is added once, in any order and none kept; then `blocks` are whole. */
export interface Mending {
  /** The rows that it takes. */
  readonly rows: readonly number[];
  /** The members that were asked for, by number. */
  readonly blocks: ReadonlyMap<number, Bytes>;
  addMember(member: number, bytes: Bytes): void;
  addRow(row: number, bytes: Bytes): void;
}

/**
 * Restores `wanted` of the `missing` members of a stripe of `members` (K) blocks of `size` bytes; undefined when there are too few `rows`. Holds the wanted members and no others.
 * Nothing is checked: whoever sealed the blocks sees whether they open. Fault `bad-argument` for numbers that no stripe has.
 */
export function mending(members: number, size: number, missing: readonly number[], wanted: readonly number[], rows: readonly number[]): Mending | undefined {
  const used = [...rows].sort((a, b) => a - b).slice(0, missing.length);
  if (used.length < missing.length) return undefined;
  if (used.length > 0) check(members, used[used.length - 1]! + 1);
  // The missing members are the inverse of their part of the matrix times what they add up to in each row: the row less everything that is held.
  const inverse = inverted(used.map((j) => Uint8Array.from(missing, (i) => cell(j, i))));
  const blocks = new Map(wanted.map((member) => [member, new Uint8Array(size)]));
  const add = (bytes: Bytes, factor: (of: Bytes) => number): void => {
    for (const [member, into] of blocks) addTimes(into, factor(inverse[missing.indexOf(member)]!), bytes.subarray(0, size));
  };
  return {
    rows: used, blocks,
    addMember: (member, bytes) => { add(bytes, (of) => used.reduce((sum, j, n) => sum ^ PRODUCTS[of[n]! * 256 + cell(j, member)]!, 0)); },
    addRow: (row, bytes) => { add(bytes, (of) => of[used.indexOf(row)]!); },
  };
}

/** The inverse of a square matrix by Gauss and Jordan; parts of a Cauchy matrix always have one. */
function inverted(matrix: Bytes[]): Bytes[] {
  const n = matrix.length;
  const inverse = matrix.map((_, i) => Uint8Array.from({ length: n }, (__, k) => Number(i === k)));
  const scale = (row: Bytes, factor: number): void => { for (let k = 0; k < n; k++) row[k] = PRODUCTS[factor * 256 + row[k]!]!; };
  for (let i = 0; i < n; i++) {
    const pivot = matrix.findIndex((row, k) => k >= i && row[i] !== 0);
    [matrix[i], matrix[pivot]] = [matrix[pivot]!, matrix[i]!];
    [inverse[i], inverse[pivot]] = [inverse[pivot]!, inverse[i]!];
    const factor = INVERSES[matrix[i]![i]!]!;
    scale(matrix[i]!, factor);
    scale(inverse[i]!, factor);
    for (let k = 0; k < n; k++) {
      if (k === i) continue;
      const by = matrix[k]![i]!;
      addTimes(matrix[k]!, by, matrix[i]!);
      addTimes(inverse[k]!, by, inverse[i]!);
    }
  }
  return inverse;
}
