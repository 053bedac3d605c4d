// The rows of an LMDB file that nobody has open, read without LMDB and without writing: what lies on sound pages.
import { closeSync, openSync, statSync } from 'node:fs';
import { Fault } from '../fault.ts';
import type { Bytes, Store } from '../ports.ts';
import { parsePage, readMetas } from './lmdb-pages.ts';
import { tableOf, valueOf } from './lmdb-rows.ts';
import { salvageReader } from './lmdb-salvage.ts';
import { openWorn } from './worn-file.ts';

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

/** The usual page, where no header says which. */
const PAGE = 4_096;

/** Short rows that lie on pages which are sound by themselves, wherever they hang, old ones and removed ones among them; each matches its checksum. For files whose trees are broken. */
export function* looseRows(path: string): Generator<{ table: string; key: Bytes; value: Bytes }> {
  const fd = openSync(path, 'r'), [meta] = readMetas(fd);
  closeSync(fd);
  const file = openWorn(path), size = meta?.pageSize ?? PAGE, shape = { index: 0, word: meta?.word ?? 8 as const, pageSize: size, last: Math.ceil(file.size / size), transaction: 0, free: { root: -1, depth: 0, pages: 0 }, main: { root: -1, depth: 0, pages: 0 } };
  try {
    for (let number = 2; number * size < file.size; number++) {
      const bytes = file.read(number * size, size), page = bytes.length === size ? parsePage(bytes, number, shape, 1, 1) : undefined;
      if (!page || !('values' in page)) continue;
      for (const [i, stored] of page.values.entries()) {
        const key = page.keys[i]!, value = 'bytes' in stored ? valueOf(key, stored.bytes) : undefined;
        if (value) yield { table: tableOf(key), key: key.slice(1), value: value.slice() };
      }
    }
  } finally {
    file.close();
  }
}
