// The columns of stamps: the clock beside the events' times, the counter beside what it should be (COLUMNS.md section 3).
import { choose } from './column-choice.ts';
import type { Scratch } from './column-integers.ts';
import { getIntegers, putChosen, putIntegers } from './column-integers.ts';
import type { Rows } from './column-rows.ts';
import type { Source } from './column-source.ts';
import type { Writer } from './writer.ts';

const ABSOLUTE = 0, BESIDE_TIME = 1;

/** The three columns of stamps, in the order of the log. */
export interface Stamps { generation: Float64Array; ms: Float64Array; counter: Float64Array }

/** Writes the stamps of events whose times are known. */
export function putStamps(w: Writer, { generation, ms, counter }: Stamps, time: Float64Array, rows: Rows, scratch: Scratch): void {
  const n = rows.n;
  putIntegers(w, generation, rows, scratch);
  const apart = new Float64Array(n);
  for (let i = 0; i < n; i++) apart[i] = ms[i]! - time[i]!;
  const absolute = choose(ms, rows, scratch.sorted), beside = choose(apart, rows, scratch.more);
  w.byte(beside.cost <= absolute.cost ? BESIDE_TIME : ABSOLUTE);
  putChosen(w, beside.cost <= absolute.cost ? beside : absolute, rows, scratch);
  for (let i = 0; i < n; i++) apart[i] = counter[i]! - expected(generation, ms, counter, i);
  putIntegers(w, apart, rows, scratch);
}

/** Reads what `putStamps` wrote. Fault `bad-encoding`; ranges are not checked here. */
export function getStamps(source: Source, time: Float64Array, rows: Rows, scratch: Scratch): Stamps {
  const n = rows.n;
  const generation = getIntegers(source, rows, scratch);
  const form = source.byte();
  if (form > BESIDE_TIME) source.fail('an unknown form of stamps');
  const ms = getIntegers(source, rows, scratch);
  if (form === BESIDE_TIME) for (let i = 0; i < n; i++) ms[i]! += time[i]!;
  const counter = getIntegers(source, rows, scratch);
  for (let i = 0; i < n; i++) counter[i]! += expected(generation, ms, counter, i);
  return { generation, ms, counter };
}

/** Within one millisecond the counter counts; with another one it begins at zero. */
function expected(generation: Float64Array, ms: Float64Array, counter: Float64Array, i: number): number {
  return i > 0 && ms[i] === ms[i - 1] && generation[i] === generation[i - 1] ? counter[i - 1]! + 1 : 0;
}
