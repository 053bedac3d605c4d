// The baseline of most rows: each event as CBOR in a row of LMDB, through node-lmdb, and nothing else.

import { createRequire } from 'node:module';
import { Encoder } from 'cbor-x';
import type lmdbModule from 'node-lmdb';
import type { Reading } from './trace.ts';

const lmdb = createRequire(import.meta.url)('node-lmdb') as typeof lmdbModule;
const encoder = new Encoder({ useRecords: false, tagUint8Array: false, variableMapSize: true });
const KEYS = { keyIsBuffer: true } as const;

/** An LMDB environment with one table of rows, numbered from 1. */
export interface LmdbRows {
  /** Writes rows in one transaction; it blocks until they are on stable storage. */
  commit(values: Uint8Array[]): void;
  close(): void;
}

/** Opens an environment in a folder that is there. */
export function openRows(folder: string): LmdbRows {
  const env = new lmdb.Env();
  env.open({ path: folder, mapSize: 4 * 2 ** 30, maxDbs: 1 });
  const dbi = env.openDbi({ name: null, keyIsBuffer: true });
  let number = 0;
  return {
    commit(values) {
      const txn = env.beginTxn();
      for (const value of values) {
        const key = Buffer.allocUnsafe(8);
        key.writeUInt32BE(0, 0);
        key.writeUInt32BE(++number, 4);
        txn.putBinary(dbi, key, value as Buffer, KEYS);
      }
      txn.commit();
    },
    close() {
      dbi.close();
      env.close();
    },
  };
}

/** An event as a row: an array, which is the smallest and quickest that cbor-x makes. */
export function rowOf({ key, type, time, body }: Reading): Uint8Array {
  return encoder.encode([time, key, type, body]);
}
