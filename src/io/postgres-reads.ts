// Reads of the store's tables: single rows asked for together travel together, pages end near 4 MiB, and a lost connection is only a delay.
import { Fault } from '../fault.ts';
import { TABLES, type Bytes, type Range, type Row, type Table } from '../ports.ts';
import { storeFault } from './postgres-errors.ts';
import type { Line } from './postgres-line.ts';
import { storeTable } from './postgres-schema.ts';

/** Rows of a page unless told otherwise, and bytes after which a page ends. */
const PAGE_ROWS = 1_000, PAGE_BYTES = 4 * 1_048_576;
/** Keys that are asked for at once. */
const TOGETHER = 64;

/** What of a store only reads. */
export interface Reads {
  get(table: Table, key: Bytes): Promise<Bytes | undefined>;
  scan(table: Table, range: Range): Promise<Row[]>;
}

interface Asked { key: Bytes; resolve: (value: Bytes | undefined) => void; reject: (error: unknown) => void }

const buffer = (bytes: Bytes): Buffer => Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
const text = (bytes: Bytes): string => buffer(bytes).toString('latin1');
/** As plain bytes of its own: a Buffer's `slice` would not copy. */
const plain = (bytes: Bytes): Bytes => new Uint8Array(bytes.buffer, bytes.byteOffset, bytes.byteLength);

/** Reads over some connections; each goes to the one with the fewest before it. */
export function reads(lines: readonly Line[]): Reads {
  const busy = lines.map(() => 0), asked = new Map<Table, Asked[]>();

  async function query<R>(what: string, name: string, statement: string, values: unknown[]): Promise<R[]> {
    const i = busy.indexOf(Math.min(...busy));
    busy[i]!++;
    try {
      return await lines[i]!.use((session) => session.query<R>(statement, values, name));
    } catch (error) {
      throw storeFault(error, what);
    } finally {
      busy[i]!--;
    }
  }

  function check(table: Table): void {
    if (!TABLES.includes(table)) throw new Fault('bad-argument', `There is no table ${String(table)}.`);
  }

  async function fetch(table: Table, all: Asked[]): Promise<void> {
    try {
      const rows = await query<Row>(`a read of table ${table}`, `get_${table}_${all.length === 1 ? 'one' : 'many'}`, all.length === 1 ? `SELECT key, value FROM ${storeTable(table)} WHERE key = $1` : `SELECT key, value FROM ${storeTable(table)} WHERE key = ANY($1::bytea[])`,
        [all.length === 1 ? buffer(all[0]!.key) : all.map(({ key }) => buffer(key))]);
      const found = new Map(rows.map((row) => [text(row.key), row.value]));
      for (const { key, resolve } of all) {
        const value = found.get(text(key));
        resolve(value && new Uint8Array(value));
      }
    } catch (error) {
      for (const { reject } of all) reject(error);
    }
  }

  return {
    get(table, key) {
      return new Promise((resolve, reject) => {
        check(table);
        let waiting = asked.get(table);
        if (!waiting) {
          asked.set(table, waiting = []);
          // Whoever asks in this turn of the loop shares the query.
          setImmediate(() => {
            const all = asked.get(table)!;
            asked.delete(table);
            for (let i = 0; i < all.length; i += TOGETHER) void fetch(table, all.slice(i, i + TOGETHER));
          });
        }
        waiting.push({ key, resolve, reject });
      });
    },
    async scan(table, { gte, lt, limit = PAGE_ROWS, reverse = false }) {
      check(table);
      if (limit <= 0) return [];
      const values: unknown[] = [limit], where: string[] = [];
      if (gte) where.push(`key >= $${values.push(buffer(gte))}`);
      if (lt) where.push(`key < $${values.push(buffer(lt))}`);
      const order = `ORDER BY key ${reverse ? 'DESC' : 'ASC'}`;
      // Lengths are known without reading values that lie elsewhere; the sum before a row decides, so there is always one.
      const rows = await query<Row>(`a scan of table ${table}`, `scan_${table}${gte ? '_from' : ''}${lt ? '_to' : ''}${reverse ? '_back' : ''}`, `SELECT key, value FROM (
          SELECT key, value, sum(octet_length(value)) OVER (${order} ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING) AS before
          FROM (SELECT key, value FROM ${storeTable(table)}${where.length > 0 ? ` WHERE ${where.join(' AND ')}` : ''} ${order} LIMIT $1) page
        ) counted WHERE before IS NULL OR before < ${PAGE_BYTES} ${order}`, values);
      return rows.map(({ key, value }) => ({ key: plain(key), value: plain(value) }));
    },
  };
}
