// A store in front of the real one, for an opening that cannot write (a full or damaged medium): what was refused is kept in memory and read from there.
import type { Bytes, Op, Range, Row, Shift, Store, Table } from './ports.ts';
import { codeOf } from './fault.ts';
import { compare, hex, unhex } from './event/bytes.ts';

/** Bytes of rows after which a store may end a page. */
const PAGE_BYTES = 3 * 1_048_576;

export interface HeldStore extends Store {
  /** While true, a commit that is refused for want of room or for damage counts as done: its rows are held. The caller must be able to make them again (the journal is not released). */
  holding: boolean;
  /** Rows that are held in memory alone. */
  readonly held: number;
  /** Writes what is held. Faults: those of `Store.commit`. */
  flush(): Promise<void>;
}

/** Wraps a store. While nothing is held it only hands on. */
export function heldStore(store: Store): HeldStore {
  const held = new Map<Table, Map<string, Op>>();
  let count = 0, last: Promise<void> = Promise.resolve();
  let shifts: Shift[] = [];

  function keep(ops: Op[]): void {
    for (const op of ops) {
      let rows = held.get(op.table);
      if (!rows) held.set(op.table, rows = new Map());
      const name = hex(op.key);
      if (!rows.has(name)) count++;
      rows.set(name, op);
    }
  }

  /** With rows held, commits go one after the other: each takes all of them along. */
  async function together(ops: Op[], shift: Shift | undefined): Promise<void> {
    const all = [...[...held.values()].flatMap((rows) => [...rows.values()]), ...ops], moves = shift ? [...shifts, shift] : shifts;
    try {
      await store.commit(all, moves.length ? { retracted: moves.flatMap((each) => each.retracted), admitted: moves.flatMap((each) => each.admitted) } : undefined);
      held.clear();
      count = 0;
      shifts = [];
    } catch (error) {
      if (!outer.holding || !refused(error)) throw error;
      keep(ops);
      shifts = moves;
    }
  }

  /** Held ops of a range, in its order. */
  function within(table: Table, { gte, lt, reverse }: Range, edge: Bytes | undefined): Op[] {
    const ops = [...held.get(table) ?? []].filter(([name]) => {
      const key = unhex(name);
      if ((gte && compare(key, gte) < 0) || (lt && compare(key, lt) >= 0)) return false;
      return !edge || (reverse ? compare(key, edge) >= 0 : compare(key, edge) <= 0);
    }).map(([, op]) => op);
    return ops.sort((a, b) => compare(a.key, b.key) * (reverse ? -1 : 1));
  }

  async function scan(table: Table, range: Range): Promise<Row[]> {
    if (!held.get(table)?.size) return store.scan(table, range);
    const limit = range.limit ?? 1_000, out: Row[] = [];
    let { gte, lt } = range;
    for (;;) {
      const part: Range = { limit: limit - out.length, ...(gte && { gte }), ...(lt && { lt }), ...(range.reverse && { reverse: true }) };
      const rows = await store.scan(table, part), large = rows.reduce((sum, row) => sum + row.value.length, 0) >= PAGE_BYTES;
      // Up to its last row the page is known; without more of them, to the end of the range.
      const edge = large || rows.length >= part.limit! ? rows.at(-1)!.key : undefined;
      const merged = new Map(rows.map((row) => [hex(row.key), row]));
      for (const { key, value } of within(table, part, edge)) {
        if (value) merged.set(hex(key), { key, value }); else merged.delete(hex(key));
      }
      out.push(...[...merged.values()].sort((a, b) => compare(a.key, b.key) * (range.reverse ? -1 : 1)));
      if (!edge || out.length >= limit || (large && out.length > 0)) return out.slice(0, limit);
      if (range.reverse) lt = edge;
      else { gte = new Uint8Array(edge.length + 1); gte.set(edge); }
    }
  }

  const outer: HeldStore = {
    manifest: store.manifest, holding: false,
    ...(store.shared && { shared: store.shared }),
    get held() { return count; },
    async get(table, key) {
      const op = held.get(table)?.get(hex(key));
      return op ? op.value : store.get(table, key);
    },
    scan,
    commit(ops, shift) {
      if (!outer.holding && !count) return store.commit(ops, shift);
      return last = last.catch(() => undefined).then(() => together(ops, shift));
    },
    async flush() { if (count) await outer.commit([]); },
    space: () => store.space(),
    close: () => store.close(),
  };
  return outer;
}

/** Throws what is no refusal of a commit for want of room or for damage. */
export function unlessRefused(error: unknown): void {
  if (!refused(error)) throw error;
}

function refused(error: unknown): boolean {
  return codeOf(error) === 'store-full' || codeOf(error) === 'store-damaged';
}
