// Canonical CBOR of envelopes and values: checking, reading and writing whole items (FORMAT.md section 1).
// One reader and one writer serve both. cbor-x has no canonical mode: behind a scan and between conversions (large integers, order of keys, "__proto__", copies)
// it took twice the time of the reader and three times that of the writer on a segment's header. The tests hold it against them.

import type { Bytes } from '../ports.ts';
import { Reader } from './reader.ts';
import type { Value } from './value.ts';
import { encodeValue } from './value.ts';

/** Checks one canonical item of `bytes` that starts at `at` and returns where it ends. Fault `bad-encoding`; time in proportion to the bytes, no copies. */
export function scan(bytes: Bytes, at = 0): number {
  const reader = new Reader(bytes, at);
  reader.skip();
  return reader.at;
}

/** The value of `bytes`, which must be one canonical item and nothing else. Byte strings are copies; every key of a map, "__proto__" too, becomes an
 * own property. Fault `bad-encoding`. */
export function decode(bytes: Bytes): Value {
  const reader = new Reader(bytes);
  const value = reader.value();
  reader.finish();
  return value;
}

/** The canonical bytes of an envelope: arrays, maps, integers within 2^53 - 1 of zero, numbers, bytes, text, booleans, null. Fault `bad-value`. */
export function encode(item: unknown): Bytes {
  return encodeValue(item, 'item');
}
