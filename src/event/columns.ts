// The payload of a segment as columns: packing a run of canonical events and taking it apart again (COLUMNS.md).
import { Fault } from '../fault.ts';
import { INFLATED_BYTES, KEY_BYTES, RUN_BYTES, SEGMENT_EVENTS, TYPE_BYTES } from '../limits.ts';
import type { Bytes } from '../ports.ts';
import { getBodies, putBodies } from './column-bodies.ts';
import { assemble } from './column-events.ts';
import { getIntegers, putIntegers, scratchFor } from './column-integers.ts';
import { getKeysAndTimes, putKeysAndTimes } from './column-keys.ts';
import { getNames, putNames } from './column-names.ts';
import { parseRun } from './column-parse.ts';
import { PLAIN, getPlainRun, plainRun } from './column-plain.ts';
import { Source, putVarint } from './column-source.ts';
import { getStamps, putStamps } from './column-stamps.ts';
import type { Run } from './run.ts';
import { Writer } from './writer.ts';

/** The first byte of columns that are not plain. */
const COLUMNS = 1;

/**
 * The columns of a run, before deflate: at most one byte more than the events themselves. The same run always gives the same bytes.
 * Faults: `too-large` for more than 8,192 events, 2 MiB of them, or 1 MiB of columns (never when the events have less than 1 MiB); `bad-argument` for none;
 * `bad-encoding` when an event is not canonical.
 */
export function packColumns(run: Run): Bytes {
  const n = run.ends.length, total = n === 0 ? 0 : run.ends[n - 1]!;
  if (n === 0) throw new Fault('bad-argument', 'A run without events has no columns.');
  if (n > SEGMENT_EVENTS || total > RUN_BYTES) throw new Fault('too-large', `A segment holds at most ${SEGMENT_EVENTS} events and ${RUN_BYTES} bytes of them; these are ${n} and ${total}.`);
  // One event has nothing to be compared with.
  if (n === 1) return fitting(plainRun(run));
  const parsed = parseRun(run), { key, keys, type, types, time, joined } = parsed;
  const scratch = scratchFor(n), w = new Writer(4096 + (total >> 3));
  w.byte(COLUMNS);
  putVarint(w, total);
  putNames(w, keys, scratch);
  putNames(w, types, scratch);
  const rows = putKeysAndTimes(w, key, keys.count, time, n, scratch);
  putStamps(w, parsed, time, rows, scratch);
  putIntegers(w, joined, rows, scratch);
  if (types.count > 1) putIntegers(w, type, rows, scratch);
  putBodies(w, run, parsed, rows, scratch);
  return fitting(w.at > total ? plainRun(run) : w.copy());
}

function fitting(columns: Bytes): Bytes {
  if (columns.length > INFLATED_BYTES) throw new Fault('too-large', `A segment holds at most ${INFLATED_BYTES} bytes of columns; these are ${columns.length}.`);
  return columns;
}

/**
 * The run of `count` events that was packed: every event canonical, at most 2 MiB together, fresh bytes. Total: any input gives a run or Fault
 * `bad-encoding`, in time and memory bounded by the limits.
 */
export function unpackColumns(bytes: Bytes, count: number): Run {
  const source = new Source(bytes);
  if (!(Number.isInteger(count) && count >= 1 && count <= SEGMENT_EVENTS)) source.fail('a number of events that no segment has');
  if (bytes.length > INFLATED_BYTES) source.fail('more bytes than a segment holds');
  const form = source.byte();
  if (form === PLAIN) return getPlainRun(source, count);
  if (form !== COLUMNS) source.fail('an unknown form');
  const total = source.varint(RUN_BYTES), scratch = scratchFor(count);
  const keys = getNames(source, count, KEY_BYTES, scratch);
  const types = getNames(source, count, TYPE_BYTES, scratch);
  const { key, time, rows } = getKeysAndTimes(source, keys.count, count, scratch);
  const stamps = getStamps(source, time, rows, scratch);
  const joined = getIntegers(source, rows, scratch);
  const type = types.count > 1 ? getIntegers(source, rows, scratch) : new Float64Array(count);
  for (let i = 0; i < count; i++) if (!(type[i]! >= 0 && type[i]! < types.count)) source.fail('a type that is not listed');
  const { shape, bodies, raw } = getBodies(source, rows, total, scratch);
  if (source.at !== bytes.length) source.fail('bytes after the end');
  return assemble({ count, total, ...stamps, time, joined, key, keys, type, types, shape, bodies, raw }, source);
}
