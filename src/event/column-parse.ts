// From a run to its columns: one pass over the events that takes their heads apart and matches each body with a shape.
import { EVENT_BYTES, KEY_BYTES, STAMP_COUNTER_MAX, STAMP_GENERATION_MAX, STAMP_MS_MAX, TIME_MAX, TYPE_BYTES } from '../limits.ts';
import { Matcher } from './column-match.ts';
import { Dictionary } from './column-strings.ts';
import { Reader } from './reader.ts';
import type { Run } from './run.ts';

/** The columns of the heads, and the bodies matched with shapes. */
export interface Parsed {
  generation: Float64Array; ms: Float64Array; counter: Float64Array; time: Float64Array; joined: Float64Array;
  /** Numbers in the dictionaries, which hold encoded texts, heads included. */
  key: Float64Array; type: Float64Array; keys: Dictionary; types: Dictionary;
  /** 0: no shape; otherwise one more than its number in `bodies`, whose cells of this row start at `cellAt`. */
  shape: Float64Array; bodyAt: Int32Array; cellAt: Int32Array; bodies: Matcher;
}

/** Takes a run apart. Fault `bad-encoding` when an event is not canonical. */
export function parseRun(run: Run): Parsed {
  const n = run.ends.length, bytes = run.bytes;
  const numbers = (): Float64Array => new Float64Array(n);
  const parsed: Parsed = {
    generation: numbers(), ms: numbers(), counter: numbers(), time: numbers(), joined: numbers(), key: numbers(), type: numbers(),
    keys: new Dictionary(bytes), types: new Dictionary(bytes), shape: numbers(), bodyAt: new Int32Array(n), cellAt: new Int32Array(n),
    bodies: new Matcher(bytes, n),
  };
  const { generation, ms, counter, time, joined, key, type, keys, types, shape, bodyAt, cellAt, bodies } = parsed;
  const reader = new Reader(bytes);
  for (let i = 0, at = 0; i < n; i++) {
    reader.at = at;
    reader.end = run.ends[i]!;
    if (reader.end > bytes.length || reader.end - at > EVENT_BYTES) reader.fail('an event is too long');
    reader.arrayOf(8);
    generation[i] = reader.uint(STAMP_GENERATION_MAX);
    ms[i] = reader.uint(STAMP_MS_MAX);
    counter[i] = reader.uint(STAMP_COUNTER_MAX);
    time[i] = reader.int();
    if (Math.abs(time[i]!) > TIME_MAX) reader.fail('a time out of range');
    joined[i] = reader.uint(1);
    key[i] = name(reader, keys, KEY_BYTES, i > 0 ? key[i - 1]! : -1);
    type[i] = name(reader, types, TYPE_BYTES, i > 0 ? type[i - 1]! : -1);
    bodyAt[i] = reader.at;
    cellAt[i] = bodies.cell;
    at = run.ends[i]!;
    shape[i] = bodies.match(reader.at, at, key[i]!, type[i]!);
  }
  return parsed;
}

/** Reads a text and returns its number; `likely` is tried first. */
function name(reader: Reader, names: Dictionary, most: number, likely: number): number {
  const { bytes, at } = reader;
  if (likely >= 0) {
    const from = names.from[likely]!, length = names.to[likely]! - from;
    let k = 0;
    while (k < length && bytes[at + k] === bytes[from + k]) k++;
    if (k === length && at + k < reader.end) {
      reader.at = at + k;
      return likely;
    }
  }
  const length = reader.head(0x60);
  if (length === 0 || length > most) reader.fail('a key or type that is empty or too long');
  reader.at = at;
  reader.skip();
  return names.add(at, reader.at);
}
