// How a store of LMDB is read, whoever reads it, and the fault of what cannot be read: known without the engine.
import { Fault } from '../fault.ts';
import type { Bytes, Range, Row, Table } from '../ports.ts';

export interface LmdbReader {
  get(table: Table, key: Bytes): Bytes | undefined;
  scan(table: Table, range: Range): Row[];
  /** Ends the transaction object itself, as growing the map and closing demand. The next read makes another. */
  pause(): void;
}

/** What a `store-damaged` Fault of a scan has as its `cause`: where the scan can go on (as `gte`, or as `lt` in reverse), if that is known. */
export interface Damage { table: Table; next: Bytes | undefined }

/** The Fault for something unreadable in a table. */
export function damaged(table: Table, what: string, next?: Bytes, cause?: unknown): Fault {
  const where: Damage = { table, next };
  return new Fault('store-damaged', `Table ${table} of the store is damaged: ${what}. The rest of it can be read; what was lost can be fetched from other nodes.`, { cause: cause ?? where });
}
