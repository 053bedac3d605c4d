// The rows of an LMDB file that nobody has open, read without LMDB and without writing: what lies on sound pages.
import { closeSync, openSync, statSync } from 'node:fs';
import { Fault } from '../fault.ts';
import type { Store } from '../ports.ts';
import { readMetas } from './lmdb-pages.ts';
import { salvageReader } from './lmdb-salvage.ts';

/** A Store that only reads. `cut`: the file ends before its last page; undefined headers mean that nothing can be found by its trees. */
export interface Rescue extends Store { readonly headers: boolean; readonly cut: boolean }

/** Opens a data.mdb. Fault `not-found`. Faults of reading: `store-damaged`, with where to go on. */
export function rescueLmdb(path: string): Rescue {
  let fd: number;
  try {
    fd = openSync(path, 'r');
  } catch (error) {
    throw new Fault('not-found', `${path} cannot be opened (${(error as NodeJS.ErrnoException).code ?? String(error)})`, { cause: error });
  }
  const reader = salvageReader(fd), [meta] = readMetas(fd), { size } = statSync(path);
  return {
    manifest: { name: 'lmdb', durable: true }, headers: meta !== undefined, cut: meta !== undefined && size < (meta.last + 1) * meta.pageSize,
    async get(table, key) { return reader.get(table, key); },
    async scan(table, range) { return reader.scan(table, range); },
    commit: () => Promise.reject(new Fault('unsupported', `${path} is only read`)),
    space: () => Promise.resolve({ used: size, free: 0 }),
    async close() { closeSync(fd); },
  };
}
