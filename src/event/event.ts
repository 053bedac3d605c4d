// One event: its fields, its canonical bytes, and what may stand in them (FORMAT.md section 2).
import { Fault } from '../fault.ts';
import { EVENT_BYTES, KEY_BYTES, STAMP_COUNTER_MAX, STAMP_GENERATION_MAX, STAMP_MS_MAX, STREAM_BYTES, TIME_MAX, TYPE_BYTES } from '../limits.ts';
import type { Bytes } from '../ports.ts';
import { flawOf } from './bytes.ts';
import { Reader } from './reader.ts';
import type { Stamp } from './stamp.ts';
import type { Value } from './value.ts';
import { utf8Length, writeValue } from './value.ts';
import type { Writer } from './writer.ts';
import { written } from './writer.ts';

/** `time` in milliseconds since 1970 UTC; `joined` when it folds with its successor, whole or not at all. */
export interface EventFields { stamp: Stamp; time: number; joined: boolean; key: string; type: string; body: Value }

/** An event without its body, whose one item starts at `bodyAt`. */
export interface EventHead { stamp: Stamp; time: number; joined: boolean; key: string; type: string; bodyAt: number }

/** The first byte of every event: an array of eight items. */
const EIGHT = 0x88;

/** Appends the canonical event to `w` and returns its length in bytes. After a Fault `w` is as it was before.
 * Faults: `bad-event` (stamp, time, key or type), `bad-value` (body, with the path inside it), `too-large` (above 65,536 bytes). */
export function appendEvent(w: Writer, e: EventFields): number {
  const start = w.at, most = w.most;
  const { generation, ms, counter } = e.stamp;
  if (!within(generation, STAMP_GENERATION_MAX) || !within(ms, STAMP_MS_MAX) || !within(counter, STAMP_COUNTER_MAX)) {
    throw new Fault('bad-event', `The stamp ${generation}, ${ms}, ${counter} is out of range.`);
  }
  checkTime(e.time);
  try {
    w.most = start + EVENT_BYTES;
    w.byte(EIGHT);
    w.head(0, generation);
    w.head(0, ms);
    w.head(0, counter);
    w.int(e.time);
    w.byte(e.joined ? 1 : 0);
    appendName(w, e.key, KEY_BYTES, 'key');
    appendName(w, e.type, TYPE_BYTES, 'type');
    writeValue(w, e.body, 'body');
    if (w.at > w.most) throw tooLarge();
    return w.at - start;
  } catch (error) {
    w.at = start;
    throw error instanceof Fault && error.code === 'too-large' ? tooLarge() : error;
  } finally {
    w.most = most;
  }
}

function tooLarge(): Fault {
  return new Fault('too-large', `An event has at most ${EVENT_BYTES} bytes.`);
}

function appendName(w: Writer, name: string, most: number, what: string): void {
  if (typeof name !== 'string' || name.length === 0 || name.length > most) return checkName(name, most, what);
  let n: number;
  try {
    n = w.text(name);
  } catch (error) {
    checkName(name, most, what);
    throw error;
  }
  if (n > most) checkName(name, most, what);
}

function within(n: number, most: number): boolean {
  return Number.isInteger(n) && n >= 0 && n <= most;
}

/** The canonical bytes of an event, a fresh array. Faults as `appendEvent`. */
export function encodeEvent(e: EventFields): Bytes {
  return written(EVENT_BYTES, (w) => {
    appendEvent(w, e);
  });
}

/** The fields of an event from bytes that nobody vouches for. Faults: `bad-encoding`, `bad-event` (out of range), `too-large`. */
export function decodeEvent(bytes: Bytes): EventFields {
  const reader = new Reader(bytes);
  const { stamp, time, joined, key, type } = readHead(reader);
  const body = reader.value();
  reader.finish();
  return { stamp, time, joined, key, type, body };
}

/** The fields before the body of the event at `at`; checks all but the body and what follows it. Faults as `decodeEvent`. */
export function peekEvent(bytes: Bytes, at = 0, end = bytes.length): EventHead {
  return readHead(new Reader(bytes, at, end));
}

/** As `peekEvent`, and checks that one canonical body ends exactly at `end`. Faults as `decodeEvent`. */
export function checkEvent(bytes: Bytes, at = 0, end = bytes.length): EventHead {
  const reader = new Reader(bytes, at, end);
  const head = readHead(reader);
  reader.skip();
  reader.finish();
  return head;
}

function readHead(reader: Reader): EventHead {
  const { stamp, time, joined } = readOrder(reader);
  const key = reader.text(KEY_BYTES);
  const type = reader.text(TYPE_BYTES);
  if (key === '' || type === '') throw nameless();
  return { stamp, time, joined, key, type, bodyAt: reader.at };
}

function readOrder(reader: Reader): Pick<EventFields, 'stamp' | 'time' | 'joined'> {
  if (reader.end - reader.at > EVENT_BYTES) throw tooLarge();
  reader.arrayOf(8);
  const generation = reader.uint(STAMP_GENERATION_MAX);
  const ms = reader.uint(STAMP_MS_MAX);
  const counter = reader.uint(STAMP_COUNTER_MAX);
  const time = reader.int();
  if (time > TIME_MAX || time < -TIME_MAX) throw new Fault('bad-event', `The time ${time} is out of range.`);
  return { stamp: { generation, ms, counter }, time, joined: reader.uint(1) === 1 };
}

function nameless(): Fault {
  return new Fault('bad-event', 'A key and a type are not empty.');
}

/** Reads over the event from `reader.at` to `reader.end` and returns what orders it; with `whole` checks all of it as `checkEvent` does, without making its texts. */
export function skimEvent(reader: Reader, whole: boolean): Pick<EventFields, 'stamp' | 'time' | 'joined'> {
  const order = readOrder(reader);
  if (whole) {
    if (reader.skipText(KEY_BYTES) === 0 || reader.skipText(TYPE_BYTES) === 0) throw nameless();
    reader.skip();
    reader.finish();
  }
  return order;
}

function checkName(name: unknown, most: number, what: string): void {
  if (typeof name !== 'string') throw new Fault('bad-event', `The ${what} must be text.`);
  const n = utf8Length(name);
  if (n < 1 || n > most) throw new Fault('bad-event', `The ${what} has ${n} bytes of UTF-8; 1 to ${most} are allowed.`);
  const flaw = flawOf(name);
  if (flaw !== undefined) throw new Fault('bad-event', `The ${what}: ${flaw}.`);
}

/** Throws Fault `bad-event` unless it is a text of 1 to 255 bytes. */
export function checkKey(key: unknown): asserts key is string {
  checkName(key, KEY_BYTES, 'key');
}

/** Throws Fault `bad-event` unless it is a text of 1 to 64 bytes. */
export function checkType(type: unknown): asserts type is string {
  checkName(type, TYPE_BYTES, 'type');
}

/** Throws Fault `bad-event` unless it is a whole number of milliseconds within 8.64e15 of 1970. */
export function checkTime(time: unknown): asserts time is number {
  if (typeof time !== 'number' || !Number.isInteger(time) || time > TIME_MAX || time < -TIME_MAX) {
    throw new Fault('bad-event', `The time ${String(time)} is not a whole number of milliseconds within ${TIME_MAX} of 1970.`);
  }
}

/** True for a stream's name: an optional `$`, a letter or digit, then letters, digits, dots, underscores and hyphens; 64 bytes at most. */
export function isStream(stream: unknown): stream is string {
  return typeof stream === 'string' && stream.length <= STREAM_BYTES && /^\$?[A-Za-z0-9][A-Za-z0-9._-]*$/.test(stream);
}

/** Throws Fault `bad-argument` unless it is a stream's name. */
export function checkStream(stream: unknown): asserts stream is string {
  if (!isStream(stream)) {
    throw new Fault('bad-argument', `"${String(stream).slice(0, 80)}" is not a stream's name: letters, digits, dots, underscores and hyphens, ${STREAM_BYTES} at most; \`$\` in front is the system's.`);
  }
}
