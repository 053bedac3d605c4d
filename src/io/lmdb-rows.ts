// How rows lie in LMDB: one tree, a byte for the table before each key, a checksum after each value.
import { Fault } from '../fault.ts';
import { TABLES, type Bytes, type Table } from '../ports.ts';
import { crc32c } from '../event/bytes.ts';

/** Bytes of the longest key and of the longest value that a store takes. */
export const KEY_MAX = 400, VALUE_MAX = 1_048_576;

// One tree instead of one for each table: a commit that touches five tables writes a fifth less to the device (41 against 53 KB, segments of 4,000 bytes)
// and a small store takes 40 KB less. These numbers are forever; a new table gets a new one.
const NUMBERS: Record<Table, number> = { meta: 1, log: 2, lineage: 3, frontier: 4, segment: 5, index: 6, latest: 7, quarantine: 8, receipt: 9, alarm: 10 };

/** The key of the row that says which version of this layout a store has. */
export const VERSION_KEY: Bytes = Uint8Array.of(0);
export const VERSION: Bytes = Uint8Array.of(1);

/** The first key that a table could have; of the next table: the first that it cannot. Fault: bad-argument. */
export function tableStart(table: Table, after = 0): Bytes {
  const number = NUMBERS[table];
  if (number === undefined) throw new Fault('bad-argument', `There is no table ${String(table)}.`);
  return Uint8Array.of(number + after);
}

/** The stored key of a row. Faults: bad-argument. */
export function storedKey(table: Table, key: Bytes): Bytes {
  if (key.length < 1 || key.length > KEY_MAX) throw new Fault('bad-argument', `A key of table ${table} has 1 to ${KEY_MAX} bytes, not ${key.length}.`);
  return joined(tableStart(table), key);
}

/** A bound of a range, which may be of any length, cut to what can be compared. */
export function storedBound(table: Table, key: Bytes): Bytes {
  return joined(tableStart(table), key.length > KEY_MAX + 1 ? key.subarray(0, KEY_MAX + 1) : key);
}

/** The table that a stored key belongs to, for messages. */
export function tableOf(key: Bytes): string {
  return TABLES.find((table) => NUMBERS[table] === key[0]) ?? 'none';
}

function joined(start: Bytes, key: Bytes): Bytes {
  const out = new Uint8Array(1 + key.length);
  out[0] = start[0]!;
  out.set(key, 1);
  return out;
}

/** The stored value: the value and the CRC-32C of stored key and value, big-endian. LMDB itself notices no changed bit. Fault: bad-argument. */
export function storedValue(key: Bytes, value: Bytes): Bytes {
  if (value.length > VALUE_MAX) throw new Fault('bad-argument', `A value of a store has at most ${VALUE_MAX} bytes, not ${value.length}.`);
  const out = new Uint8Array(value.length + 4), crc = crc32c(value, crc32c(key));
  out.set(value);
  new DataView(out.buffer).setUint32(value.length, crc);
  return out;
}

/** The value of a stored row, sharing its bytes; undefined when the checksum says that key or value changed. */
export function valueOf(key: Bytes, stored: Bytes): Bytes | undefined {
  const length = stored.length - 4;
  if (length < 0) return undefined;
  const value = stored.subarray(0, length), crc = new DataView(stored.buffer, stored.byteOffset + length, 4).getUint32(0);
  return crc === crc32c(value, crc32c(key)) ? value : undefined;
}
