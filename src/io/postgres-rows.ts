// Events as rows of PostgreSQL: read from their canonical bytes and written in COPY's binary form, without making an object of each.
import type { Admitted, Bytes } from '../ports.ts';
import { compare, hex, text, utf8 } from '../event/bytes.ts';
import { checkEvent, peekEvent } from '../event/event.ts';
import { writeAscii, writeJson } from '../event/json.ts';
import { ORDER_BYTES, getUint } from '../event/order.ts';
import { Reader } from '../event/reader.ts';
import { Writer } from '../event/writer.ts';

/** Columns of an event's row, in the order in which `eventRows` gives them. */
export const EVENT_COLUMNS = ['time', 'stream', 'key', 'type', 'body', 'node', 'id'] as const;

/** PostgreSQL counts microseconds from 2000; its timestamps begin on 24 November 4714 BC. What is earlier is −infinity. */
const EPOCH_MS = 946_684_800_000, FIRST_MS = -210_866_803_200_000;
const SIGNATURE = Uint8Array.of(0x50, 0x47, 0x43, 0x4f, 0x50, 0x59, 0x0a, 0xff, 0x0d, 0x0a, 0, 0, 0, 0, 0, 0, 0, 0, 0);
/** Bytes that go out together. */
const CHUNK = 65_536;

/** Streams whose events are rows: all but the system's own. */
export function isRead(stream: string): boolean {
  return !stream.startsWith('$');
}

/** Writes a time in the binary form of timestamptz. */
function writeTime(w: Writer, ms: number): void {
  w.need(8);
  if (ms < FIRST_MS) {
    w.buffer.set([0x80, 0, 0, 0, 0, 0, 0, 0], w.at);
  } else {
    // Beyond 2^53 microseconds a double is not exact; split in two, both halves are.
    const us = (ms - EPOCH_MS) * 1_000;
    if (Number.isSafeInteger(us)) putInt64(w.buffer, w.at, Math.floor(us / 0x1_0000_0000), us);
    else new DataView(w.buffer.buffer).setBigInt64(w.at, BigInt(ms - EPOCH_MS) * 1_000n);
  }
  w.at += 8;
}

function putInt64(into: Bytes, at: number, high: number, low: number): void {
  for (let i = 3; i >= 0; i--) { into[at + i] = high; high >>= 8; }
  const rest = low - Math.floor(low / 0x1_0000_0000) * 0x1_0000_0000;
  for (let i = 0, shift = 24; i < 4; i++, shift -= 8) into[at + 4 + i] = rest >>> shift;
}

/** Room for a length, filled in by `close`. */
function open(w: Writer): number {
  w.need(4);
  w.at += 4;
  return w.at;
}

function close(w: Writer, start: number): void {
  putInt32(w.buffer, start - 4, w.at - start);
}

function putInt32(into: Bytes, at: number, n: number): void {
  into[at] = n >>> 24; into[at + 1] = n >>> 16; into[at + 2] = n >>> 8; into[at + 3] = n;
}

function field(w: Writer, bytes: Bytes): void {
  w.need(4);
  putInt32(w.buffer, w.at, bytes.length);
  w.at += 4;
  w.raw(bytes);
}

/** Copies the text that the reader stands at, without its head, as a field. */
function textField(w: Writer, reader: Reader): void {
  const n = reader.head(0x60);
  field(w, reader.bytes.subarray(reader.at, reader.at + n));
  reader.at += n;
}

/** Hex digits of all bytes, two each. */
const DIGITS = new Uint8Array(512);
for (let i = 0; i < 256; i++) DIGITS.set(utf8(hex(Uint8Array.of(i))), 2 * i);

function writeHex(w: Writer, bytes: Bytes, from: number, to: number): void {
  w.need(2 * (to - from));
  const { buffer } = w;
  let at = w.at;
  for (let i = from; i < to; i++) {
    const two = 2 * bytes[i]!;
    buffer[at++] = DIGITS[two]!;
    buffer[at++] = DIGITS[two + 1]!;
  }
  w.at = at;
}

/** Reads over a stamp, and gives the time; the reader then stands at the key. */
function timeOf(reader: Reader): number {
  reader.at++; // the array's head
  for (let i = 0; i < 3; i++) reader.head(0);
  const time = reader.int();
  reader.at++; // joined
  return time;
}

/** Calls back with the time of each event of a run. */
export function eachTime(run: Admitted, look: (time: number) => void): void {
  const reader = new Reader(run.bytes);
  for (let i = 0; i < run.ends.length; i++) {
    reader.at = i === 0 ? 0 : run.ends[i - 1]!;
    reader.end = run.ends[i]!;
    look(timeOf(reader));
  }
}

/** All events of some runs as what COPY … WITH (FORMAT binary) takes, in chunks that are used again: each must be sent before the next is asked for. The events are canonical. */
export function* eventRows(runs: readonly Admitted[]): Generator<Bytes> {
  const w = new Writer(2 * CHUNK);
  w.raw(SIGNATURE);
  for (const run of runs) {
    const stream = utf8(run.stream), node = utf8(hex(run.node)), incarnation = utf8(`${hex(run.incarnation)}-`), reader = new Reader(run.bytes);
    for (let i = 0; i < run.ends.length; i++) {
      reader.at = i === 0 ? 0 : run.ends[i - 1]!;
      reader.end = run.ends[i]!;
      w.byte(0);
      w.byte(EVENT_COLUMNS.length);
      let start = open(w);
      writeTime(w, timeOf(reader));
      close(w, start);
      field(w, stream);
      textField(w, reader);
      textField(w, reader);
      start = open(w);
      w.byte(1); // the version of jsonb's binary form
      writeJson(w, reader);
      close(w, start);
      field(w, node);
      start = open(w);
      w.raw(incarnation);
      writeAscii(w, String(run.first + i));
      w.byte(0x2d);
      writeHex(w, run.hashes, 32 * i, 32 * i + 16);
      close(w, start);
      if (w.at < CHUNK) continue;
      yield w.buffer.subarray(0, w.at);
      w.at = 0;
    }
  }
  w.byte(0xff);
  w.byte(0xff);
  yield w.buffer.subarray(0, w.at);
}

/** The id of event `i` of a run, as `eventId` writes it. */
export function idAt(run: Admitted, i: number): Bytes {
  return utf8(`${hex(run.incarnation)}-${run.first + i}-${hex(run.hashes.subarray(32 * i, 32 * i + 16))}`);
}

/** What tells event `i` of a run among the rows: its time (8 bytes), key and id. */
export function nameAt(run: Admitted, i: number): { time: Bytes; key: Bytes; id: Bytes } {
  const { time, key } = peekEvent(run.bytes, i === 0 ? 0 : run.ends[i - 1]!, run.ends[i]!);
  return { time: timeBytes(time), key: utf8(key), id: idAt(run, i) };
}

/** A time in the binary form of timestamptz. */
export function timeBytes(ms: number): Bytes {
  const w = new Writer(8);
  writeTime(w, ms);
  return w.buffer;
}

/** The readable parts of a row of the view `latest`, each in its binary form. */
export interface LatestParts { stream: Bytes; name: Bytes; type: Bytes; time: Bytes; body: Bytes; node: Bytes; id: Bytes }

/** What a row of table `latest` shows to people; undefined for the system's streams, and for what is no such row. */
export function latestParts(key: Bytes, value: Bytes): LatestParts | undefined {
  if (key[0] === 0x24 || value.length <= ORDER_BYTES) return undefined;
  const zero = key.indexOf(0);
  if (zero < 1) return undefined;
  try {
    const event = value.subarray(ORDER_BYTES), head = checkEvent(event), stream = key.subarray(0, zero), name = utf8(head.key);
    text(stream);
    if (compare(name, key.subarray(zero + 1)) !== 0) return undefined;
    const w = new Writer(256);
    w.byte(1);
    writeJson(w, new Reader(event, head.bodyAt));
    const id = `${hex(value.subarray(46, 62))}-${getUint(value, 62, 7)}-${hex(value.subarray(69, 85))}`;
    return { stream, name, type: utf8(head.type), time: timeBytes(head.time), body: w.copy(), node: utf8(hex(value.subarray(14, 46))), id: utf8(id) };
  } catch {
    return undefined;
  }
}
