// The index row of a segment: enough to know whether it can hold an event that a reader asks for, without opening it.
import type { Bytes } from '../ports.ts';
import type { Header } from '../event/header.ts';
import type { Run } from '../event/run.ts';
import type { Stamp } from '../event/stamp.ts';
import { crc32c, utf8 } from '../event/bytes.ts';
import { lastOfKeys } from '../event/last-keys.ts';
import { getStamp, getUint, putStamp, putUint, STAMP_BYTES } from '../event/order.ts';

/** More different keys than this are not listed: the segment is opened to see. */
const LISTED_KEYS = 1_024;
const TIME_BIAS = 0x20_0000; // makes the high half of a time unsigned: times reach from -8.64e15 to 8.64e15
const FIXED = STAMP_BYTES + 16;

/** What an index row tells. `keys`: hashes of keys, ascending; undefined: any key may be inside. */
export interface IndexRow { stampLast: Stamp; timeMin: number; timeMax: number; keys: Uint32Array | undefined }

/** The hash by which a key is listed. */
export function keyHash32(key: string): number {
  return crc32c(utf8(key));
}

/** The hashes of a run's keys, ascending, or undefined when there are too many. */
export function keysOf(run: Run): Uint32Array | undefined {
  const names = lastOfKeys(run);
  if (names.size > LISTED_KEYS) return undefined;
  return Uint32Array.from(names.keys(), keyHash32).sort();
}

/** The row's bytes: last stamp 14, time-min 8, time-max 8, then 4 a key. */
export function indexValue(h: Header, keys: Uint32Array | undefined): Bytes {
  const out = new Uint8Array(FIXED + 1 + (keys ? keys.length * 4 : 0));
  putStamp(out, 0, h.stampLast);
  putTime(out, STAMP_BYTES, h.timeMin);
  putTime(out, STAMP_BYTES + 8, h.timeMax);
  out[FIXED] = keys ? 1 : 0;
  if (keys) for (let i = 0; i < keys.length; i++) putUint(out, FIXED + 1 + i * 4, keys[i]!, 4);
  return out;
}

/** Reads a row back. */
export function parseIndexValue(bytes: Bytes): IndexRow {
  let keys: Uint32Array | undefined;
  if (bytes[FIXED] === 1) {
    keys = new Uint32Array((bytes.length - FIXED - 1) / 4);
    for (let i = 0; i < keys.length; i++) keys[i] = getUint(bytes, FIXED + 1 + i * 4, 4);
  }
  return { stampLast: getStamp(bytes, 0), timeMin: getTime(bytes, STAMP_BYTES), timeMax: getTime(bytes, STAMP_BYTES + 8), keys };
}

function putTime(into: Bytes, at: number, time: number): void {
  const high = Math.floor(time / 0x1_0000_0000); // a power of two: exact
  putUint(into, at, high + TIME_BIAS, 4);
  putUint(into, at + 4, time - high * 0x1_0000_0000, 4);
}

function getTime(from: Bytes, at: number): number {
  return (getUint(from, at, 4) - TIME_BIAS) * 0x1_0000_0000 + getUint(from, at + 4, 4);
}
