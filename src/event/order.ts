// The fold order of events as bytes: comparing two orders bytewise compares the events.
import type { Bytes } from '../ports.ts';
import type { Stamp } from './stamp.ts';

/** Bytes of a stamp in sortable form. */
export const STAMP_BYTES = 14;
/** Bytes of an order: stamp 14, node 32, incarnation 16, position 7, e 32. */
export const ORDER_BYTES = 101;

/** Writes `value` (0 to 2^53-1) big-endian into `width` bytes at `at`. */
export function putUint(into: Bytes, at: number, value: number, width: number): void {
  let low = value >>> 0, high = (value - low) / 0x1_0000_0000;
  for (let i = at + width - 1; i >= at; i--) {
    into[i] = low;
    low = (low >>> 8) | (high << 24);
    high >>>= 8;
  }
}

/** Reads a big-endian unsigned integer of `width` bytes (at most 7). */
export function getUint(from: Bytes, at: number, width: number): number {
  let value = 0;
  for (let i = at; i < at + width; i++) value = value * 256 + from[i]!;
  return value;
}

/** Writes a stamp in sortable form (14 bytes) at `at`. */
export function putStamp(into: Bytes, at: number, stamp: Stamp): void {
  putUint(into, at, stamp.generation, 4);
  putUint(into, at + 4, stamp.ms, 6);
  putUint(into, at + 10, stamp.counter, 4);
}

/** The stamp at `at`, as written by putStamp. */
export function getStamp(from: Bytes, at: number): Stamp {
  return { generation: getUint(from, at, 4), ms: getUint(from, at + 4, 6), counter: getUint(from, at + 10, 4) };
}

/** The order of one event (FORMAT section 2), 101 bytes. */
export function orderBytes(stamp: Stamp, node: Bytes, incarnation: Bytes, position: number, e: Bytes): Bytes {
  const out = new Uint8Array(ORDER_BYTES);
  putStamp(out, 0, stamp);
  out.set(node, 14);
  out.set(incarnation, 46);
  putUint(out, 62, position, 7);
  out.set(e, 69);
  return out;
}
