// The built-in view `latest`: of each stream and key the event that comes last in fold order.
import type { Admitted, Bytes, Fold, Op, Store } from '../ports.ts';
import { compare, concat, equal, text, utf8 } from '../event/bytes.ts';
import { peekEvent } from '../event/event.ts';
import { lastOfKeys } from '../event/last-keys.ts';
import { ORDER_BYTES, orderBytes } from '../event/order.ts';

/** Orders of rows kept in memory, so that admitting does not read the store for busy keys. */
const REMEMBERED = 16_384;

/** Appends that may wait before somebody looks at them. */
const FRESH = 16_384;

/** One row of the view: the order of the event and its canonical bytes. */
export interface Latest { key: string; order: Bytes; event: Bytes }

/** The key of a row in table `latest`: stream 0 key. */
export function latestKey(stream: string, key: string): Bytes {
  return concat(utf8(stream), new Uint8Array(1), utf8(key));
}

/** The value of a row: order 101 bytes, event. */
export function parseLatest(value: Bytes): { order: Bytes; event: Bytes } {
  return { order: value.subarray(0, ORDER_BYTES), event: value.subarray(ORDER_BYTES) };
}

/**
 * The view over a store. It takes the greatest order, so events may come in any order and any number of times; events that are acknowledged
 * but not stored yet lie over the store in memory (`preview`).
 */
export class LatestView implements Fold {
  readonly #store: Store;
  /** Acknowledged and not stored yet, not looked at so far: most are in the store before anybody asks. */
  #fresh: Admitted[] = [];
  /** Not stored yet, by stream and key. */
  readonly #overlay = new Map<string, Map<string, Latest>>();
  /** Orders of stored rows. */
  readonly #orders = new Map<string, Bytes>();
  /** Being stored. */
  #runs: Admitted[] = [];
  #writing: { stream: string; latest: Latest; name: string; newer: boolean }[] = [];

  constructor(store: Store) { this.#store = store; }

  /** Takes acknowledged events that no stored segment holds yet. */
  preview(run: Admitted): void {
    this.#fresh.push(run);
    if (this.#fresh.length >= FRESH) this.#look();
  }

  #look(): void {
    for (const run of this.#fresh) {
      let keys = this.#overlay.get(run.stream);
      if (!keys) this.#overlay.set(run.stream, keys = new Map());
      for (const last of lastOfEach(run)) {
        const old = keys.get(last.key);
        if (!old || compare(last.order, old.order) > 0) keys.set(last.key, { ...last, event: last.event.slice() });
      }
    }
    this.#fresh = [];
  }

  async admit(runs: Admitted[]): Promise<Op[]> {
    const best = new Map<string, { stream: string; latest: Latest; name: string }>();
    for (const run of runs) {
      for (const latest of lastOfEach(run)) {
        const name = `${run.stream}\0${latest.key}`;
        const old = best.get(name);
        if (!old || compare(latest.order, old.latest.order) > 0) best.set(name, { stream: run.stream, latest, name });
      }
    }
    const ops: Op[] = [];
    this.#writing = [];
    this.#runs = runs;
    // What is not remembered is asked for at once: a store that is a server answers all of it together.
    const asked = new Map<string, Promise<Bytes | undefined>>();
    for (const { stream, latest, name } of best.values()) if (!this.#orders.has(name)) asked.set(name, this.#store.get('latest', latestKey(stream, latest.key)));
    const rows = new Map(await Promise.all([...asked].map(async ([name, row]) => [name, await row] as const)));
    for (const one of best.values()) {
      const row = rows.get(one.name), order = this.#orders.get(one.name) ?? (row && parseLatest(row).order);
      const newer = !order || compare(one.latest.order, order) > 0;
      this.#writing.push({ ...one, newer });
      if (newer) ops.push({ table: 'latest', key: latestKey(one.stream, one.latest.key), value: concat(one.latest.order, one.latest.event) });
    }
    return ops;
  }

  stale(keys: Bytes[]): void {
    for (const key of keys) this.#orders.delete(text(key));
  }

  settled(durable: boolean): void {
    if (durable && this.#fresh.length) this.#fresh = this.#fresh.filter((f) => !covered(f, this.#runs));
    this.#runs = [];
    for (const { stream, latest, name, newer } of durable ? this.#writing : []) {
      if (newer) this.#remember(name, latest.order);
      const keys = this.#overlay.get(stream);
      const over = keys?.get(latest.key);
      if (over && compare(over.order, latest.order) <= 0) keys!.delete(latest.key);
    }
    this.#writing = [];
  }

  /** The row of a key, or undefined when there is none. */
  async get(stream: string, key: string): Promise<Latest | undefined> {
    this.#look();
    const over = this.#overlay.get(stream)?.get(key); // before the store is read: meanwhile it may go there
    const row = await this.#store.get('latest', latestKey(stream, key));
    const stored = row && { key, ...parseLatest(row) };
    return over && (!stored || compare(over.order, stored.order) > 0) ? over : stored;
  }

  /** Keys of a stream with their rows, in order of their bytes, page by page; with `after` those behind that key. */
  async *all(stream: string, after?: string): AsyncGenerator<Latest> {
    const prefix = concat(utf8(stream), new Uint8Array(1));
    const end = prefix.slice();
    end[end.length - 1] = 1;
    this.#look();
    const last = after === undefined ? undefined : utf8(after);
    const extra = [...(this.#overlay.get(stream)?.values() ?? [])].filter(({ key }) => !last || compare(utf8(key), last) > 0).sort((a, b) => compare(utf8(a.key), utf8(b.key)));
    let from = last ? concat(prefix, last, new Uint8Array(1)) : prefix, i = 0;
    for (;;) {
      const rows = await this.#store.scan('latest', { gte: from, lt: end, limit: 500 });
      for (const row of rows) {
        const name = row.key.subarray(prefix.length);
        while (i < extra.length && compare(utf8(extra[i]!.key), name) < 0) yield extra[i++]!;
        const key = text(name);
        const stored = { key, ...parseLatest(row.value) };
        if (i < extra.length && extra[i]!.key === key) {
          const over = extra[i++]!;
          yield compare(over.order, stored.order) > 0 ? over : stored;
        } else yield stored;
      }
      if (!rows.length) break;
      from = concat(rows[rows.length - 1]!.key, new Uint8Array(1));
    }
    while (i < extra.length) yield extra[i++]!;
  }

  /** Forgets the stored row of a key: what it showed was taken back. `latest` is what a fold over the remaining stored events gives. */
  replace(stream: string, key: string, latest: Latest | undefined): Op {
    const name = `${stream}\0${key}`;
    this.#orders.delete(name);
    return { table: 'latest', key: latestKey(stream, key), value: latest && concat(latest.order, latest.event) };
  }

  #remember(name: string, order: Bytes): void {
    this.#orders.delete(name);
    this.#orders.set(name, order);
    if (this.#orders.size > REMEMBERED) this.#orders.delete(this.#orders.keys().next().value!);
  }
}

/** True when `runs` hold all events of `fresh`: e at its end and, from one run to the one before it, everything down to its first. */
function covered(fresh: Admitted, runs: Admitted[]): boolean {
  for (let last = fresh.first + fresh.ends.length - 1; ;) {
    const e = hashAt(fresh, last);
    const run = runs.find((r) => r.first <= last && last < r.first + r.ends.length && equal(hashAt(r, last), e));
    if (!run || run.first <= fresh.first) return run !== undefined;
    last = run.first - 1;
  }
}

function hashAt(run: Admitted, position: number): Bytes {
  return run.hashes.subarray((position - run.first) * 32, (position - run.first + 1) * 32);
}

/** The last event of each key of a run. */
function lastOfEach(run: Admitted): Latest[] {
  const found: Latest[] = [];
  for (const [key, i] of lastOfKeys(run)) {
    const start = i ? run.ends[i - 1]! : 0, end = run.ends[i]!;
    const { stamp } = peekEvent(run.bytes, start, end);
    found.push({ key, event: run.bytes.subarray(start, end), order: orderBytes(stamp, run.node, run.incarnation, run.first + i, run.hashes.subarray(i * 32, i * 32 + 32)) });
  }
  return found;
}
