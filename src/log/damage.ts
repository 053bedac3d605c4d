// Reading on past what the medium lost: what is missing is named, the rest is served.
import type { Bytes, Range, Row, Store, Table } from '../ports.ts';
import { Fault } from '../fault.ts';
import { compare, hex } from '../event/bytes.ts';

/** Told of each stretch of a table that cannot be read. */
export type Lost = (table: Table, where: string) => void;

/** True for a read or a write that met a damaged page. */
export function isDamage(error: unknown): error is Fault {
  return error instanceof Fault && error.code === 'store-damaged';
}

/** Where a forward scan from `from` can go on after this fault, if the store knows (its `cause` says so). */
export function goOn(error: Fault, from: Bytes | undefined): Bytes | undefined {
  const next = (error.cause as { next?: unknown } | undefined)?.next;
  return next instanceof Uint8Array && (!from || compare(next, from) > 0) ? next : undefined;
}

/** In words: which table, from which key on. */
export function whereIn(from: Bytes | undefined, next: Bytes | undefined): string {
  return `${from ? `from ${hex(from)}` : 'from the start'} ${next ? `to ${hex(next)}` : 'on'}`;
}

/** One row, or undefined when it is not there or was lost. */
export async function soundGet(store: Store, table: Table, key: Bytes, lost?: Lost): Promise<Bytes | undefined> {
  try {
    return await store.get(table, key);
  } catch (error) {
    if (!isDamage(error)) throw error;
    lost?.(table, `at ${hex(key)}`);
    return undefined;
  }
}

/** A page of rows without what was lost: forward from behind the damage, in reverse nothing beyond it. */
export async function soundScan(store: Store, table: Table, range: Range, lost?: Lost): Promise<Row[]> {
  for (let gte = range.gte; ;) {
    try {
      return await store.scan(table, { ...range, ...(gte && { gte }) });
    } catch (error) {
      if (!isDamage(error)) throw error;
      const next = range.reverse ? undefined : goOn(error, gte);
      lost?.(table, whereIn(gte, next));
      if (!next || (range.lt && compare(next, range.lt) >= 0)) return [];
      gte = next;
    }
  }
}
