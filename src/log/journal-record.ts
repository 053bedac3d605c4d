// The records of the journal, as FORMAT.md section 8 has them: a log begins, events are appended, live segments are cut.
import type { Bytes } from '../ports.ts';
import type { Opening } from '../event/chain.ts';
import type { Writer } from '../event/writer.ts';
import { concat } from '../event/bytes.ts';
import { encode } from '../event/cbor.ts';
import { encodeOpening, readOpening } from '../event/chain.ts';
import { Reader } from '../event/reader.ts';

const OPEN = 1, APPEND = 2, SEALED = 3;

/** One record as it is read; `events` is a view of it: canonical events one behind the other, the first at position `first`, after the one whose e is `before`. */
export type JournalRecord =
  | { kind: 'open'; opening: Opening }
  | { kind: 'append'; log: Bytes; first: number; before: Bytes; events: Bytes }
  | { kind: 'sealed'; log: Bytes; last: number };

/** A log begins. Fault `bad-argument` as `encodeOpening`. */
export function openRecord(opening: Opening): Bytes {
  return concat(Uint8Array.of(0x82, OPEN), encodeOpening(opening));
}

/** Writes all of an append but its events, `bytes` of which follow. */
export function headAppend(w: Writer, log: Bytes, first: number, before: Bytes, bytes: number): void {
  w.head(0x80, 5);
  w.head(0, APPEND);
  w.bytes(log);
  w.head(0, first);
  w.bytes(before);
  w.head(0x40, bytes);
}

/** Live segments of a log were cut after position `last`. */
export function sealedRecord(log: Bytes, last: number): Bytes {
  return encode([SEALED, log, last]);
}

/** Reads a record. Fault `bad-encoding` when it is none. */
export function readRecord(bytes: Bytes): JournalRecord {
  const r = new Reader(bytes), items = r.array(), kind = r.uint();
  let record: JournalRecord;
  if (kind === OPEN && items === 2) record = { kind: 'open', opening: readOpening(r) };
  else if (kind === APPEND && items === 5) record = { kind: 'append', log: r.copy(16), first: r.uint(), before: r.copy(32), events: r.view() };
  else if (kind === SEALED && items === 3) record = { kind: 'sealed', log: r.copy(16), last: r.uint() };
  else return r.fail(`a record of kind ${kind} with ${items} items`);
  r.finish();
  return record;
}
