// Arrays as parameters in PostgreSQL's binary form: as text they would take twice the bytes and several times the work.
import type { Bytes } from '../ports.ts';

/** Types of elements by their numbers, which are the same in every PostgreSQL. */
export const BYTEA = 17, INT8 = 20, TEXT = 25, TIMESTAMPTZ = 1184, JSONB = 3802;

/** An array of one dimension whose elements are given in their binary form; null where there is none. */
export function binaryArray(type: number, items: readonly (Bytes | null)[]): Bytes {
  let length = items.length === 0 ? 12 : 20, nulls = 0;
  for (const item of items) {
    length += 4 + (item?.length ?? 0);
    if (!item) nulls = 1;
  }
  const out = new Uint8Array(length), view = new DataView(out.buffer);
  view.setInt32(0, items.length === 0 ? 0 : 1);
  view.setInt32(4, nulls);
  view.setInt32(8, type);
  if (items.length === 0) return out;
  view.setInt32(12, items.length);
  view.setInt32(16, 1);
  let at = 20;
  for (const item of items) {
    view.setInt32(at, item ? item.length : -1);
    at += 4;
    if (item) {
      out.set(item, at);
      at += item.length;
    }
  }
  return out;
}

/** A whole number as the binary form of bigint. */
export function int8(value: number | bigint): Bytes {
  const out = new Uint8Array(8);
  new DataView(out.buffer).setBigInt64(0, BigInt(value));
  return out;
}
