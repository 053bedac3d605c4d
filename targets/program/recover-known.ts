// What is known to have been written, and what of it is not held in the end: by the records, indexes and journals of the sources, and by what logs cite.

import { compare, hex } from '../../src/event/bytes.ts';
import { logId } from '../../src/event/chain.ts';
import { Ranges } from '../../src/carry/bundle-index.ts';
import { getUint } from '../../src/event/order.ts';
import { looseRows, rescueLmdb } from '../../src/io/lmdb-rescue.ts';
import { pages, recordOf } from '../../src/log/archive.ts';
import { HOLE } from '../../src/log/item.ts';
import { readRecord } from '../../src/log/journal-record.ts';
import { segmentSpan } from '../../src/log/place.ts';
import { decodeRecord } from '../../src/log/record.ts';
import type { Bytes, Crypto } from '../../src/ports.ts';
import type { Node } from '../../src/node.ts';
import { scan } from '../../src/event/cbor.ts';
import type { Missing } from './database.ts';
import { nameOf } from './report.ts';

/** Ranges that a report names. */
const LISTED = 10_000;

/** What sources say that they held. */
export class Known {
  readonly #ranges = new Ranges();
  readonly #of = new Map<string, { stream: string; node: Bytes | undefined }>();

  /** Notes positions of a log. */
  add(log: Bytes, first: number, last: number, stream?: string, node?: Bytes): void {
    const name = hex(log), of = this.#of.get(name);
    if (!of || (of.node === undefined && node) || (of.stream === '' && stream)) this.#of.set(name, { stream: stream || of?.stream || '', node: node ?? of?.node });
    this.#ranges.add(log, first, last);
  }

  /** Notes what an old store's records and indexes say: by its trees, and where these are broken by whatever pages are sound. */
  async addStore(path: string): Promise<void> {
    const rescue = rescueLmdb(path);
    let broken = !rescue.headers || rescue.cut;
    try {
      for (const table of rescue.headers ? ['log', 'index'] as const : []) {
        for await (const { key, value } of pages(rescue, table, undefined, undefined, 500, () => { broken = true; })) this.#row(table, key, value);
      }
    } finally {
      await rescue.close();
    }
    if (broken) for (const { table, key, value } of looseRows(path)) this.#row(table, key, value);
  }

  #row(table: string, key: Bytes, value: Bytes): void {
    if (table === 'log') {
      try {
        const record = decodeRecord(value);
        for (const span of record.spans) this.add(record.log, span.from, span.to, record.stream, record.node);
      } catch { /* its segments and its index say what they can */ }
    } else if (table === 'index') {
      // Stream, zero, stamp 14, log 16, first 7, four bytes of e: how many events follow the first is not said.
      const end = key.indexOf(0), first = key.length === end + 42 && end > 0 ? getUint(key, end + 31, 7) : 0;
      if (first > 0) this.add(key.slice(end + 15, end + 31), first, first, new TextDecoder().decode(key.subarray(0, end)));
    }
  }

  /** Notes what records of a journal say. */
  addJournal(crypto: Crypto, records: Bytes[]): void {
    const openings = new Map<string, { stream: string; node: Bytes }>();
    for (const bytes of records) {
      try {
        const record = readRecord(bytes);
        if (record.kind === 'open') openings.set(hex(logId(crypto, record.opening)), record.opening);
        if (record.kind !== 'append') continue;
        let count = 0;
        for (let at = 0; at < record.events.length; count++) at = scan(record.events, at);
        const of = openings.get(hex(record.log));
        if (count > 0) this.add(record.log, record.first, record.first + count - 1, of?.stream, of?.node);
      } catch { /* whoever takes the journal in names it */ }
    }
  }

  /** What of all this a node does not hold, nor keep in quarantine, and, with `holes`, what the cites of logs say that is missing. */
  async missingAt(node: Node, holes = true): Promise<Missing[]> {
    const { archive } = node, set = new Map<string, { from: number; to: number }[]>(), out: Missing[] = [];
    for await (const { key } of pages(archive.store, 'quarantine', undefined, undefined, 500, () => undefined)) {
      const { first, last } = segmentSpan(key.subarray(32)), name = hex(key.subarray(32, 48));
      set.set(name, [...set.get(name) ?? [], { from: first, to: last }]);
    }
    for (const items of archive.frontier.values()) for (const item of items) if (holes && item.kind === HOLE) this.add(item.log, item.from, item.to, item.stream, item.node);
    for (const { log, first, last } of this.#ranges.list().sort((a, b) => compare(a.log, b.log) || a.first - b.first)) {
      const record = await recordOf(archive, log), name = hex(log), of = this.#of.get(name), author = record?.node ?? of?.node;
      const tail = node.writer.unstored().find((own) => hex(own.log) === name);
      const held = [...record?.spans ?? [], ...set.get(name) ?? [], ...(tail ? [{ from: tail.stored + 1, to: tail.durable }] : [])].sort((a, b) => a.from - b.from);
      let at = first;
      const gap = (to: number): void => {
        if (at <= to && out.length < LISTED) out.push({ stream: record?.stream ?? of?.stream ?? '', node: author ? hex(author) : '', name: author ? nameOf(node, author) : '', log: name, first: at, last: to });
      };
      for (const span of held) {
        if (span.from > last) break;
        gap(span.from - 1);
        at = Math.max(at, span.to + 1);
      }
      gap(last);
    }
    return out;
  }
}
