// The header of a segment: what its author signs about a run of events (FORMAT.md section 4).
import { Fault } from '../fault.ts';
import { HEADER_BYTES, SEGMENT_BYTES, SEGMENT_EVENTS, STAMP_COUNTER_MAX, STAMP_GENERATION_MAX, STAMP_MS_MAX, STREAM_BYTES, TIME_MAX } from '../limits.ts';
import type { Bytes, ClockQuality } from '../ports.ts';
import type { LogName, Opening, Tip } from './chain.ts';
import { readCites, writeCites } from './chain.ts';
import { isStream } from './event.ts';
import { Reader } from './reader.ts';
import type { Stamp } from './stamp.ts';
import { compareStamp, stampFollows } from './stamp.ts';
import type { Writer } from './writer.ts';
import { written } from './writer.ts';

/** Versions and codecs that this release folds; others are carried. */
export const VERSION = 1, CODEC_COLUMNS = 1;

/** `before` is e(first-1), `after` e(first+count-1); times in ms since 1970; `uptime` in ms when sealed; `length` and `hash` are of the payload as stored. */
export interface Header {
  version: number;
  node: Bytes;
  incarnation: Bytes;
  stream: string;
  grant: Bytes;
  keyHash: Bytes | null;
  first: number;
  count: number;
  before: Bytes;
  after: Bytes;
  stampFirst: Stamp;
  stampLast: Stamp;
  timeMin: number;
  timeMax: number;
  clock: { quality: ClockQuality; uptime: number };
  salt: Bytes | null;
  codec: number;
  length: number;
  hash: Bytes;
  opening: { boot: Bytes; cites: Tip[] } | null;
}

/** Items of a header of version 1. */
const ITEMS = 20;

function writeStamp(w: Writer, s: Stamp): void {
  w.byte(0x83);
  w.head(0, s.generation);
  w.head(0, s.ms);
  w.head(0, s.counter);
}

function readStamp(r: Reader): Stamp {
  r.arrayOf(3);
  return { generation: r.uint(STAMP_GENERATION_MAX), ms: r.uint(STAMP_MS_MAX), counter: r.uint(STAMP_COUNTER_MAX) };
}

function readTime(r: Reader): number {
  const time = r.int();
  if (time > TIME_MAX || time < -TIME_MAX) r.fail('a time out of range');
  return time;
}

/** Writes the items from version up to time-max, without the array's head: also what the salt is made from. */
export function writeCovered(w: Writer, h: Omit<Header, 'salt' | 'codec' | 'length' | 'hash' | 'opening' | 'clock'>): void {
  w.head(0, h.version);
  w.bytes(h.node);
  w.bytes(h.incarnation);
  w.text(h.stream);
  w.bytes(h.grant);
  w.bytesOrNull(h.keyHash);
  w.head(0, h.first);
  w.head(0, h.count);
  w.bytes(h.before);
  w.bytes(h.after);
  writeStamp(w, h.stampFirst);
  writeStamp(w, h.stampLast);
  w.int(h.timeMin);
  w.int(h.timeMax);
}

/** The canonical bytes of a header. Faults: `bad-argument` (cites), `too-large` (above 8,192 bytes). */
export function encodeHeader(h: Header): Bytes {
  return written(HEADER_BYTES, (w) => {
    w.head(0x80, ITEMS);
    writeCovered(w, h);
    w.byte(0x82);
    w.head(0, h.clock.quality);
    w.head(0, h.clock.uptime);
    w.bytesOrNull(h.salt);
    w.head(0, h.codec);
    w.head(0, h.length);
    w.bytes(h.hash);
    if (h.opening === null) w.byte(0xf6);
    else {
      w.byte(0x82);
      w.bytes(h.opening.boot);
      writeCites(w, h.opening.cites);
    }
  });
}

/** A header from bytes that nobody vouches for; byte strings are copies. Checks structure, limits and that its parts agree. Faults: `bad-encoding`, `bad-segment`. */
export function parseHeader(bytes: Bytes): Header {
  const r = new Reader(bytes);
  const items = r.array();
  if (items < ITEMS) r.fail(`a header of ${items} items`);
  const header: Header = {
    version: r.uint(),
    node: r.copy(32),
    incarnation: r.copy(16),
    stream: r.text(STREAM_BYTES),
    grant: r.copy(8),
    keyHash: r.null() ? null : r.copy(16),
    first: r.uint(),
    count: r.uint(SEGMENT_EVENTS),
    before: r.copy(32),
    after: r.copy(32),
    stampFirst: readStamp(r),
    stampLast: readStamp(r),
    timeMin: readTime(r),
    timeMax: readTime(r),
    clock: readClock(r),
    salt: r.null() ? null : r.copy(12),
    codec: r.uint(),
    length: r.uint(SEGMENT_BYTES),
    hash: r.copy(32),
    opening: r.null() ? null : readBeginning(r),
  };
  for (let i = ITEMS; i < items; i++) r.skip();
  r.finish();
  agree(header);
  return header;
}

function readClock(r: Reader): Header['clock'] {
  r.arrayOf(2);
  return { quality: r.uint(2) as ClockQuality, uptime: r.uint() };
}

function readBeginning(r: Reader): Header['opening'] {
  r.arrayOf(2);
  return { boot: r.copy(8), cites: readCites(r) };
}

/** Throws Fault `bad-segment` when the parts of a header contradict each other. */
function agree(h: Header): void {
  const refuse = (what: string): never => {
    throw new Fault('bad-segment', `The segment's header: ${what}.`);
  };
  if (h.version < 1) refuse('version 0');
  if (!isStream(h.stream)) refuse('not the name of a stream');
  if (h.first < 1 || h.count < 1 || h.first > Number.MAX_SAFE_INTEGER - h.count + 1) refuse('positions out of range');
  if ((h.opening !== null) !== (h.first === 1)) refuse('an opening belongs to position 1 and nowhere else');
  if (h.timeMin > h.timeMax || (h.count === 1 && h.timeMin !== h.timeMax)) refuse('times that cannot be');
  if (h.count === 1 ? compareStamp(h.stampFirst, h.stampLast) !== 0 : !stampFollows(h.stampFirst, h.stampLast)) refuse('stamps that cannot be');
  const system = h.stream.startsWith('$');
  if (system !== (h.keyHash === null)) refuse('a key belongs to every stream but those of the system');
  if (understood(h) && system !== (h.salt === null)) refuse('a salt belongs to every stream but those of the system');
}

/** True when this release can fold what the header describes; otherwise the segment is carried and counted. */
export function understood(h: Header): boolean {
  return h.version === VERSION && h.codec === CODEC_COLUMNS;
}

/** The log that a header continues, by its name. */
export function logNameOf(fleet: Bytes, h: Header): LogName {
  return { fleet, node: h.node, incarnation: h.incarnation, stream: h.stream, grant: h.grant, keyHash: h.keyHash };
}

/** The opening that a first header tells; undefined for others. */
export function openingOf(fleet: Bytes, h: Header): Opening | undefined {
  return h.opening === null ? undefined : { ...logNameOf(fleet, h), boot: h.opening.boot, cites: h.opening.cites };
}

/** The position of a header's last event. */
export function lastOf(h: Header): number {
  return h.first + h.count - 1;
}
