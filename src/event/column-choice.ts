// How the packer chooses the form of an integer column: by trying the likely ones on a sample.
import { cost, emptySample, middle, take } from './column-estimate.ts';
import { levelsOf } from './column-levels.ts';
import type { Rows } from './column-rows.ts';
import { gather } from './column-rows.ts';

/** Integers further from zero than this are written as floats, so that second differences stay exact. */
export const NEAR = 2 ** 50;

/** The form of one column of integers; `sequence` holds its values, or their ranks among `levels`, in the order in which they are written. */
export interface Choice {
  form: 'zero' | 'constant' | 'wide' | 'runs' | 'planes';
  delta: 0 | 1 | 2;
  byKey: boolean;
  levels: Float64Array | undefined;
  base: number;
  divisor: number;
  sequence: Float64Array;
  /** Estimated bits of the whole column. */
  cost: number;
}

/** Runs are worth being written as such from this length on average; in short columns earlier, where deflate cannot learn. */
const RUN = 8, RUN_OF_FEW = 3, FEW = 64;
/** A more complicated form must leave no more than this of the cost. */
const GAIN = 0.97;
/** Levels are at most so many, and looked for from so many values on. */
const LEVELS = 1_024, LEVELS_FROM = 32;
/** Bits of one level in the list. */
const LEVEL = 9;
/** Quanta in which timers and instruments tick, and how many values it takes to look for them. */
const DIVISORS = [10, 16, 20, 25, 40, 50, 60, 64, 100, 125, 200, 250, 500, 1_000, 10_000, 60_000];
const DIVISORS_FROM = 256, GLANCE = 128;

const sample = emptySample();

/** The form for the first `rows.n` of `values` (integers within 2^53 - 1 of zero, in the order of the log); `spare` is scratch of that size. With `forced`
 * the column is written by key. */
export function choose(values: Float64Array, rows: Rows, spare: Float64Array, forced = false): Choice {
  const n = rows.n;
  const choice: Choice = { form: 'zero', delta: 0, byKey: false, levels: undefined, base: 0, divisor: 1, sequence: values, cost: 8 };
  let far = Math.abs(values[0]!), changes = 0, bends = 0, before = 0;
  for (let i = 1; i < n; i++) {
    const v = values[i]!, d = v - values[i - 1]!;
    if (d !== 0) changes++;
    if (d !== before) bends++;
    before = d;
    const size = v < 0 ? -v : v;
    if (size > far) far = size;
  }
  if (far > NEAR) return { ...choice, form: 'wide', cost: 64 * n };
  if (changes === 0 && !forced) return { ...choice, form: values[0] === 0 ? 'zero' : 'constant', cost: 24 };
  const several = rows.starts.length > 2;
  const sorted = gather(values, rows, spare);
  if (forced) {
    choice.sequence = sorted;
    choice.byKey = true;
    // The rows are by key already: what bends in the log bends in the groups.
    if ((1 + bends) * RUN <= n) return { ...choice, form: 'runs', delta: 1, cost: 14 * (1 + bends) };
  } else if (runs(choice, values, sorted, several, n, changes, bends)) return choice;
  return planes(choice, sorted, several && !forced, n);
}

/** Takes runs of equal residuals when they are few. */
function runs(choice: Choice, values: Float64Array, sorted: Float64Array, several: boolean, n: number, changes: number, bends: number): boolean {
  let changesByKey = n;
  if (sorted !== values) {
    changesByKey = 0;
    for (let i = 1; i < n; i++) if (sorted[i] !== sorted[i - 1]) changesByKey++;
  }
  const least = 1 + Math.min(changes, changesByKey, bends);
  if (least * (n < FEW ? RUN_OF_FEW : RUN) > n) return false;
  choice.form = 'runs';
  choice.cost = 14 * least;
  if (least === 1 + changes) return true;
  if (several && least === 1 + changesByKey) {
    choice.byKey = true;
    choice.sequence = sorted;
  } else choice.delta = 1;
  return true;
}

function planes(choice: Choice, sorted: Float64Array, several: boolean, n: number): Choice {
  choice.form = 'planes';
  choice.delta = 1;
  choice.cost = cost(take(sample, choice.sequence, n, 1));
  if (several) {
    const byKey = cost(take(sample, sorted, n, 1));
    if (byKey <= choice.cost) {
      choice.cost = byKey;
      choice.byKey = true;
      choice.sequence = sorted;
    }
  }
  for (const delta of [0, 2] as const) {
    const bits = cost(take(sample, choice.sequence, n, delta));
    if (bits < choice.cost * GAIN) {
      choice.cost = bits;
      choice.delta = delta;
    }
  }
  if (n >= LEVELS_FROM && choice.cost > 2 * n) levels(choice, n);
  if (choice.levels === undefined && choice.delta > 0 && choice.cost > 5 * n) {
    take(sample, choice.sequence, n, choice.delta);
    base(choice);
    if (n >= DIVISORS_FROM && choice.cost > 6 * n) divide(choice);
  }
  return choice;
}

function levels(choice: Choice, n: number): void {
  const found = levelsOf(choice.sequence, n, Math.min(LEVELS, n >> 1));
  if (found === undefined) return;
  const count = found.levels.length;
  // Without gaps between the levels their steps are the steps of the values.
  if (found.levels[count - 1]! - found.levels[0]! < 1.2 * count) return;
  for (const delta of [0, 1] as const) {
    const bits = cost(take(sample, found.ranks, n, delta)) + LEVEL * count;
    if (bits >= choice.cost * GAIN) continue;
    choice.cost = bits;
    choice.delta = delta;
    choice.levels = found.levels;
  }
  if (choice.levels !== undefined) choice.sequence = found.ranks;
}

function base(choice: Choice): void {
  const by = middle(sample);
  if (Math.abs(by) < 16) return;
  const bits = cost(sample, by);
  if (bits >= choice.cost * GAIN) return;
  choice.cost = bits;
  choice.base = by;
}

/** A few values show which divisor may be worth it, all of the sample whether it is. */
function divide(choice: Choice): void {
  let least = cost(sample, choice.base, 1, GLANCE), best = 1;
  for (const divisor of DIVISORS) {
    const bits = cost(sample, choice.base, divisor, GLANCE);
    if (bits >= least) continue;
    least = bits;
    best = divisor;
  }
  const bits = best > 1 ? cost(sample, choice.base, best) : choice.cost;
  if (bits >= choice.cost * GAIN) return;
  choice.cost = bits;
  choice.divisor = best;
}
