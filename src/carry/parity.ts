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

/**
 * The missing members of a stripe of `members` (K) blocks of `size` bytes, by number; undefined when too few blocks are left. `held`: members by number; `rows`: rows of parity by number.
 * Nothing is checked: whoever sealed the blocks sees whether they open. Fault `bad-argument` for numbers that no stripe has.
 */
export function restore(members: number, size: number, held: ReadonlyMap<number, Bytes>, rows: ReadonlyMap<number, Bytes>): Map<number, Bytes> | undefined {
  const missing = Array.from({ length: members }, (_, i) => i).filter((i) => !held.has(i));
  const used = [...rows.keys()].sort((a, b) => a - b).slice(0, missing.length);
  if (used.length < missing.length) return undefined;
  if (missing.length === 0) return new Map();
  check(members, used[used.length - 1]! + 1);
  // What the missing members add up to in each row: the row less everything that is held.
  const sums = used.map((j) => {
    const sum = new Uint8Array(size);
    sum.set(rows.get(j)!.subarray(0, size));
    for (const [i, bytes] of held) addTimes(sum, cell(j, i), bytes);
    return sum;
  });
  const inverse = inverted(used.map((j) => Uint8Array.from(missing, (i) => cell(j, i))));
  return new Map(missing.map((member, k) => {
    const bytes = new Uint8Array(size);
    sums.forEach((sum, j) => addTimes(bytes, inverse[k]![j]!, sum));
    return [member, bytes];
  }));
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
