// The form of a segment without what its receiver knows (PROTOCOL.md section 5): its fields, how they are written and read.

import { SEGMENT_EVENTS } from '../limits.ts';
import type { Bytes } from '../ports.ts';
import type { Tip } from '../event/chain.ts';
import { readCites, writeCites } from '../event/chain.ts';
import type { Reader } from '../event/reader.ts';
import type { Stamp } from '../event/stamp.ts';
import type { Writer } from '../event/writer.ts';

/** A node or a stream: in full (it then gets the next number of its channel), or by that number. */
export type Name<T> = { full: T } | { number: number };

/** Which log a thin segment belongs to. */
export type Ref =
  | { by: 'handle'; handle: number }
  | { by: 'tip'; short: Bytes }
  | { by: 'log'; start: Bytes }
  | { by: 'facts'; node: Name<Bytes>; incarnation: Bytes; stream: Name<string>; grant: Bytes; keyHash: Bytes | null };

/** What of a segment follows from its payload, and must be told to who cannot open that. */
export interface Told { after: Bytes; stampFirst: Stamp; stampLast: Stamp; timeMin: number; timeMax: number; codec: number }

/** A thin segment. `seal`: signature (64 bytes) and salt (12 or none). */
export interface Thin {
  ref: Ref;
  /** Absent: it follows from the ref. */
  first: number | undefined;
  /** e(first-1); absent: the receiver knows or computes it. */
  before: Bytes | undefined;
  count: number;
  quality: number;
  uptime: number;
  seal: Bytes;
  opening: { boot: Bytes; cites: Tip[] } | undefined;
  /** Absent: an open form, whose body is opened and looked at. */
  told: Told | undefined;
  /** Open: the payload before encryption; closed: the payload; a number: length of the columns among those that travel packed. */
  body: Bytes | number;
}

const REFS = ['handle', 'tip', 'log', 'facts'] as const;
const FIRST = 4, BEFORE = 8, OPEN = 16, PACKED = 32;
/** Uptimes above this cannot travel thin: they share an integer with the clock's quality. */
export const UPTIME_MOST = 2 ** 50;

/** Writes a thin segment. */
export function writeThin(w: Writer, t: Thin): void {
  const told = t.told;
  const twoStamps = told !== undefined && t.count > 1;
  const items = 6 + (t.first !== undefined ? 1 : 0) + (t.before ? 1 : 0) + (t.opening ? 1 : 0) + (told ? 7 : 0) + (twoStamps ? 3 : 0);
  w.head(0x80, items);
  const packed = typeof t.body === 'number';
  w.head(0, REFS.indexOf(t.ref.by) | (t.first !== undefined ? FIRST : 0) | (t.before ? BEFORE : 0) | (told ? 0 : OPEN) | (packed ? PACKED : 0));
  writeRef(w, t.ref);
  if (t.first !== undefined) w.head(0, t.first);
  if (t.before) w.bytes(t.before);
  w.head(0, t.count);
  w.head(0, 4 * t.uptime + t.quality);
  w.bytes(t.seal);
  if (t.opening) {
    w.byte(0x82);
    w.bytes(t.opening.boot);
    writeCites(w, t.opening.cites);
  }
  if (told) {
    w.bytes(told.after);
    writeStamp(w, told.stampFirst);
    if (twoStamps) writeStamp(w, told.stampLast);
    w.int(told.timeMin);
    w.head(0, told.timeMax - told.timeMin);
    w.head(0, told.codec);
  }
  if (typeof t.body === 'number') w.head(0, t.body);
  else w.bytes(t.body);
}

/** Reads a thin segment; byte strings are views. `hasOpening` follows from the number of items. Fault `bad-encoding`. */
export function readThin(r: Reader): Thin {
  const items = r.array();
  const form = r.uint(63);
  const open = (form & OPEN) !== 0, packed = (form & PACKED) !== 0;
  if (packed && !open) r.fail('a packed segment that is not open');
  const ref = readRef(r, form & 3);
  const first = form & FIRST ? r.uint() : undefined;
  if (first === 0) r.fail('position 0');
  const before = form & BEFORE ? r.view(32) : undefined;
  const count = r.uint(SEGMENT_EVENTS);
  if (count === 0) r.fail('a segment without events');
  const clock = r.uint(), quality = clock % 4;
  if (quality === 3) r.fail('a clock of unknown quality');
  const seal = r.view();
  if (seal.length !== 64 && seal.length !== 76) r.fail('a seal of a wrong length');
  const least = 6 + (first !== undefined ? 1 : 0) + (before ? 1 : 0) + (open ? 0 : count > 1 ? 10 : 7);
  if (items !== least && items !== least + 1) r.fail('a thin segment with a wrong number of items');
  const opening = items > least ? readOpeningPart(r) : undefined;
  const told = open ? undefined : readTold(r, count);
  const body = packed ? r.uint() : r.view();
  return { ref, first, before, count, quality, uptime: Math.floor(clock / 4), seal, opening, told, body };
}

function readTold(r: Reader, count: number): Told {
  const after = r.view(32), stampFirst = readStamp(r), stampLast = count > 1 ? readStamp(r) : stampFirst;
  const timeMin = r.int(), timeMax = timeMin + r.uint(), codec = r.uint();
  if (!Number.isSafeInteger(timeMax)) r.fail('a time out of range');
  return { after, stampFirst, stampLast, timeMin, timeMax, codec };
}

function readOpeningPart(r: Reader): { boot: Bytes; cites: Tip[] } {
  r.arrayOf(2);
  return { boot: r.view(8), cites: readCites(r) };
}

function writeStamp(w: Writer, s: Stamp): void {
  w.head(0, s.generation);
  w.head(0, s.ms);
  w.head(0, s.counter);
}

function readStamp(r: Reader): Stamp {
  return { generation: r.uint(), ms: r.uint(), counter: r.uint() };
}

function writeRef(w: Writer, ref: Ref): void {
  switch (ref.by) {
    case 'handle':
      w.head(0, ref.handle);
      return;
    case 'tip':
      w.bytes(ref.short);
      return;
    case 'log':
      w.bytes(ref.start);
      return;
    case 'facts':
      w.byte(0x85);
      if ('full' in ref.node) w.bytes(ref.node.full);
      else w.head(0, ref.node.number);
      w.bytes(ref.incarnation);
      if ('full' in ref.stream) w.text(ref.stream.full);
      else w.head(0, ref.stream.number);
      w.bytes(ref.grant);
      w.bytesOrNull(ref.keyHash);
  }
}

function readRef(r: Reader, kind: number): Ref {
  if (kind === 0) return { by: 'handle', handle: r.uint() };
  if (kind === 1) return { by: 'tip', short: r.view(6) };
  if (kind === 2) return { by: 'log', start: r.view(8) };
  r.arrayOf(5);
  const node = number(r) ?? { full: r.copy(32) };
  const incarnation = r.copy(16);
  const stream = number(r) ?? { full: r.text(64) };
  const grant = r.copy(8), keyHash = r.null() ? null : r.copy(16);
  return { by: 'facts', node, incarnation, stream, grant, keyHash };
}

function number(r: Reader): { number: number } | undefined {
  return r.at < r.end && r.bytes[r.at]! >> 5 === 0 ? { number: r.uint() } : undefined;
}
