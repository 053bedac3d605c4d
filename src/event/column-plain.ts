// Events as they are, one after the other: what columns fall back to when they would not be shorter (COLUMNS.md section 1).
import { Fault } from '../fault.ts';
import { EVENT_BYTES, VALUE_DEPTH } from '../limits.ts';
import type { Bytes } from '../ports.ts';
import type { Source } from './column-source.ts';
import { checkEvent } from './event.ts';
import { Reader } from './reader.ts';
import type { Run } from './run.ts';
import { startOf } from './run.ts';

/** The first byte. */
export const PLAIN = 0;

/** The events of a run behind that byte. Fault `bad-encoding` when one is not canonical. */
export function plainRun(run: Run): Bytes {
  const n = run.ends.length, total = run.ends[n - 1]!, out = new Uint8Array(1 + total);
  for (let i = 0; i < n; i++) checkHere(run.bytes, startOf(run, i), run.ends[i]!);
  out[0] = PLAIN;
  out.set(run.bytes.subarray(0, total), 1);
  return out;
}

/** The run of `count` canonical events that fill the rest of the input; copies. Fault `bad-encoding`. */
export function getPlainRun(source: Source, count: number): Run {
  const bytes: Bytes = source.bytes.slice(source.at), ends = new Uint32Array(count);
  let at = 0;
  for (let i = 0; i < count; i++) {
    // The event is one level deeper than its body.
    const reader = new Reader(bytes, at, Math.min(bytes.length, at + EVENT_BYTES));
    reader.skip(VALUE_DEPTH + 1);
    checkHere(bytes, at, reader.at);
    ends[i] = at = reader.at;
  }
  if (at !== bytes.length) source.fail('bytes after the last event');
  return { bytes, ends };
}

function checkHere(bytes: Bytes, at: number, end: number): void {
  try {
    checkEvent(bytes, at, end);
  } catch (error) {
    if (error instanceof Fault) throw new Fault('bad-encoding', error.message);
    throw error;
  }
}
