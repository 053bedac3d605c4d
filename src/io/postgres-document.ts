// Documents in PostgreSQL: a few bytes by name that all processes of a node share, replaced only by those who have seen what they replace.
import type { Bytes } from '../ports.ts';
import { storeFault } from './postgres-errors.ts';
import type { Line } from './postgres-line.ts';

/** A document. `save` replaces what `load` gave (`before`, undefined for nothing), durably, and says false when it is something else by now. */
export interface Document { load(): Promise<Bytes | undefined>; save(next: Bytes, before: Bytes | undefined): Promise<boolean> }

/** The document of a name. Faults: `store-full`, `store-failed`, `closed`. */
export function documentOn(line: Line, name: string): Document {
  async function load(): Promise<Bytes | undefined> {
    const rows = await line.use((session) => session.query<{ value: Bytes }>('SELECT value FROM holdfast.document WHERE name = $1', [name])).catch((error: unknown) => { throw storeFault(error, `reading document ${name}`); });
    return rows[0] && new Uint8Array(rows[0].value);
  }
  return {
    load,
    async save(next, before) {
      const rows = await line.use((session) => session.query(before
        ? 'UPDATE holdfast.document SET value = $2 WHERE name = $1 AND value = $3 RETURNING name'
        : 'INSERT INTO holdfast.document (name, value) VALUES ($1, $2) ON CONFLICT (name) DO NOTHING RETURNING name', [name, Buffer.from(next), ...(before ? [Buffer.from(before)] : [])]))
        .catch((error: unknown) => { throw storeFault(error, `saving document ${name}`); });
      if (rows.length > 0) return true;
      // A first attempt whose answer was lost with the connection may have been done.
      const now = await load();
      return now !== undefined && Buffer.compare(now, next) === 0;
    },
  };
}
