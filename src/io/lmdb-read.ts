// Reading from LMDB: single rows and pages of rows, each in a transaction that ends before the call returns.
import lmdb from 'node-lmdb';
import { Fault } from '../fault.ts';
import type { Bytes, Range, Row, Table } from '../ports.ts';
import { damaged, type LmdbReader } from './lmdb-reader.ts';
import { KEY_MAX, storedBound, storedKey, tableStart, valueOf } from './lmdb-rows.ts';

/** Bytes of rows in one page of a scan, about; rows in one unless told otherwise. */
const PAGE_BYTES = 4 * 1_048_576, PAGE_ROWS = 1_000;
const KEYS = { keyIsBuffer: true } as const;

const plain = (bytes: Bytes): Bytes => new Uint8Array(bytes.buffer, bytes.byteOffset, bytes.byteLength);
const below = (a: Bytes, b: Bytes): boolean => Buffer.compare(a, b) < 0;

/** Reads `dbi` of `env`. What it gives are copies. */
export function lmdbReader(env: lmdb.Env, dbi: lmdb.Dbi): LmdbReader {
  let transaction: lmdb.Txn | undefined;

  function pause(): void {
    transaction?.abort();
    transaction = undefined;
  }

  // LMDB keeps every page that an open transaction could see: a transaction lasts for one call, and what is kept is only its place in the table of readers.
  function within<T>(table: Table, work: (txn: lmdb.Txn) => T): T {
    try {
      if (transaction) transaction.renew();
      else transaction = env.beginTxn({ readOnly: true });
      const result = work(transaction);
      transaction.reset();
      return result;
    } catch (error) {
      pause();
      if (error instanceof Fault) throw error;
      throw damaged(table, error instanceof Error ? error.message : String(error), undefined, error);
    }
  }

  function get(table: Table, key: Bytes): Bytes | undefined {
    const stored = storedKey(table, key);
    return within(table, (txn) => {
      const found = txn.getBinary(dbi, stored as Buffer, KEYS) as Buffer | null;
      if (!found) return undefined;
      const value = valueOf(stored, plain(found));
      if (!value) throw damaged(table, 'a row does not match its checksum', key);
      return value;
    });
  }

  function scan(table: Table, range: Range): Row[] {
    const from = range.gte ? storedBound(table, range.gte) : tableStart(table), to = range.lt ? storedBound(table, range.lt) : tableStart(table, 1);
    const limit = range.limit ?? PAGE_ROWS, reverse = range.reverse === true;
    if (limit <= 0 || !below(from, to)) return [];
    return within(table, (txn) => {
      const cursor = new lmdb.Cursor<Buffer>(txn, dbi, KEYS), rows: Row[] = [];
      try {
        let key: Buffer | null = cursor.goToRange((reverse ? to : from) as Buffer);
        if (reverse) key = key ? cursor.goToPrev() : cursor.goToLast();
        for (let bytes = 0; key && (reverse ? !below(key, from) : below(key, to)) && rows.length < limit && bytes < PAGE_BYTES; key = reverse ? cursor.goToPrev() : cursor.goToNext()) {
          const stored = plain(key), short = stored.subarray(1), value = valueOf(stored, plain(cursor.getCurrentBinary()!));
          if (!value) {
            // First what came before it; the call that begins here says what is wrong.
            if (rows.length > 0) break;
            // A key longer than any that was written cannot be asked for: nobody gets past it.
            throw damaged(table, 'a row does not match its checksum', short.length > KEY_MAX ? undefined : reverse ? short : Uint8Array.of(...short, 0));
          }
          rows.push({ key: short, value });
          bytes += stored.length + value.length;
        }
      } finally {
        cursor.close();
      }
      return rows;
    });
  }

  return { get, scan, pause };
}
