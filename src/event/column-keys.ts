// Keys and times together: where events stand in the order of their times, the keys of the rows follow from the times of each key (COLUMNS.md section 3).
import type { Choice } from './column-choice.ts';
import { choose } from './column-choice.ts';
import type { Scratch } from './column-integers.ts';
import { getIntegers, putChosen, putIntegers } from './column-integers.ts';
import type { Rows } from './column-rows.ts';
import { gather, mergeByTime, plainRows, rowsByKey } from './column-rows.ts';
import type { Source } from './column-source.ts';
import type { Writer } from './writer.ts';

const INDEXED = 0, MERGED = 1;
/** Bits of one key's count of rows. */
const COUNT = 10;

/** Writes the key (its number below `count`) and time of each row; returns the rows by key. */
export function putKeysAndTimes(w: Writer, key: Float64Array, count: number, time: Float64Array, n: number, scratch: Scratch): Rows {
  const rows = rowsByKey(key, n, count);
  if (count === 1) {
    putIntegers(w, time, rows, scratch);
    return rows;
  }
  const indexes = choose(key, plainRows(n), scratch.sorted), times = choose(time, rows, scratch.more);
  const merged = inOrderOfTime(key, time, n) ? mergedTimes(time, rows) : undefined;
  if (merged === undefined || merged.cost + COUNT * count >= indexes.cost + times.cost) {
    w.byte(INDEXED);
    putChosen(w, indexes, plainRows(n), scratch);
    putChosen(w, times, rows, scratch);
    return rows;
  }
  w.byte(MERGED);
  const counts = new Float64Array(count);
  for (let k = 0; k < count; k++) counts[k] = rows.starts[k + 1]! - rows.starts[k]!;
  putIntegers(w, counts, plainRows(count), scratch);
  putChosen(w, merged, rows, scratch);
  return rows;
}

function inOrderOfTime(key: Float64Array, time: Float64Array, n: number): boolean {
  for (let i = 1; i < n; i++) if (time[i]! < time[i - 1]! || (time[i] === time[i - 1] && key[i]! < key[i - 1]!)) return false;
  return true;
}

function mergedTimes(time: Float64Array, rows: Rows): Choice {
  const n = rows.n, byKey = { n, index: null, starts: rows.starts };
  return choose(gather(time, rows, new Float64Array(n)), byKey, new Float64Array(n), true);
}

/** Reads what `putKeysAndTimes` wrote. Fault `bad-encoding`. */
export function getKeysAndTimes(source: Source, count: number, n: number, scratch: Scratch): { key: Float64Array; time: Float64Array; rows: Rows } {
  if (count === 1) {
    const rows = plainRows(n);
    return { key: new Float64Array(n), time: getIntegers(source, rows, scratch), rows };
  }
  const form = source.byte();
  if (form === INDEXED) {
    const key = getIntegers(source, plainRows(n), scratch), seen = new Uint8Array(count);
    let distinct = 0;
    for (let i = 0; i < n; i++) {
      const k = key[i]!;
      if (!(k >= 0 && k < count)) source.fail('a key that is not listed');
      if (seen[k] === 0) distinct++;
      seen[k] = 1;
    }
    if (distinct < count) source.fail('a key without events');
    const rows = rowsByKey(key, n, count);
    return { key, time: getIntegers(source, rows, scratch), rows };
  }
  if (form !== MERGED) source.fail('an unknown form of keys');
  const counts = getIntegers(source, plainRows(count), scratch);
  const starts = new Int32Array(count + 1);
  for (let k = 0, total = 0; k < count; k++) {
    total += counts[k]!;
    if (!(counts[k]! >= 1 && total <= n - (count - 1 - k))) source.fail('counts of events that do not fit');
    starts[k + 1] = total;
  }
  if (starts[count] !== n) source.fail('counts of events that do not fit');
  return merge(getIntegers(source, { n, index: null, starts }, scratch), starts, source);
}

function merge(times: Float64Array, starts: Int32Array, source: Source): { key: Float64Array; time: Float64Array; rows: Rows } {
  const n = times.length, keyAt = new Float64Array(n);
  for (let k = 0; k + 1 < starts.length; k++) {
    for (let i = starts[k]!; i < starts[k + 1]!; i++) {
      keyAt[i] = k;
      if (i > starts[k]! && times[i]! < times[i - 1]!) source.fail('times of one key that fall');
    }
  }
  const places = mergeByTime(times, starts), index = new Int32Array(n);
  const key = new Float64Array(n), time = new Float64Array(n);
  for (let i = 0; i < n; i++) {
    const place = places[i]!;
    index[place] = i;
    key[i] = keyAt[place]!;
    time[i] = times[place]!;
  }
  return { key, time, rows: { n, index, starts } };
}
