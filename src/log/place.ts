// Where the log keeps things in a store: the keys of its tables.
import type { Bytes } from '../ports.ts';
import type { Stamp } from '../event/stamp.ts';
import { concat, utf8 } from '../event/bytes.ts';
import { getUint, putStamp, putUint } from '../event/order.ts';

/** `segment`: log-id 16, first 7, count 2, after 4: the segments of a log in order of position. */
export function segmentKey(log: Bytes, first: number, count: number, after: Bytes): Bytes {
  const key = new Uint8Array(29);
  key.set(log);
  putUint(key, 16, first, 7);
  putUint(key, 23, count, 2);
  key.set(after.subarray(0, 4), 25);
  return key;
}

/** The first and last position that a key of `segment` names. */
export function segmentSpan(key: Bytes): { first: number; last: number } {
  const first = getUint(key, 16, 7);
  return { first, last: first + getUint(key, 23, 2) - 1 };
}

/** The lowest possible key of `segment` for a log from a position on. */
export function segmentFrom(log: Bytes, position: number): Bytes {
  const key = new Uint8Array(23);
  key.set(log);
  putUint(key, 16, position, 7);
  return key;
}

/** The prefix of all keys that belong to a stream (streams have no zero byte in their names). */
export function streamPrefix(stream: string): Bytes {
  return concat(utf8(stream), new Uint8Array(1));
}

/** `index`: stream 0, first stamp 14, log-id 16, first 7, after 4: the segments of a stream in order of their first stamp. */
export function indexKey(stream: string, stamp: Stamp, log: Bytes, first: number, after: Bytes): Bytes {
  const prefix = streamPrefix(stream);
  const key = new Uint8Array(prefix.length + 41);
  key.set(prefix);
  putStamp(key, prefix.length, stamp);
  key.set(log, prefix.length + 14);
  putUint(key, prefix.length + 30, first, 7);
  key.set(after.subarray(0, 4), prefix.length + 37);
  return key;
}

/** `lineage`: node 32, stream 0, log-id 16: the logs of a node. */
export function lineageKey(node: Bytes, stream: string, log: Bytes): Bytes {
  return concat(node, streamPrefix(stream), log);
}

/** `quarantine`: node 32, log-id 16, first 7, count 2, after 4. */
export function quarantineKey(node: Bytes, log: Bytes, first: number, count: number, after: Bytes): Bytes {
  return concat(node, segmentKey(log, first, count, after));
}

/** The smallest key above all keys that begin with `prefix` (undefined when there is none). */
export function prefixEnd(prefix: Bytes): Bytes | undefined {
  const end = prefix.slice();
  for (let i = end.length - 1; i >= 0; i--) {
    if (end[i]! < 255) { end[i]!++; return end.subarray(0, i + 1); }
  }
  return undefined;
}
