// After damage: what the store says about its logs is made again from what it still holds of them.
import type { Op } from '../ports.ts';
import type { Archive, Tally } from './archive.ts';
import type { LogRecord } from './record.ts';
import type { Piece } from './span.ts';
import { codeOf } from '../fault.ts';
import { concat, equal, hex, utf8 } from '../event/bytes.ts';
import { encode } from '../event/cbor.ts';
import { encodeItems, encodeSeen, pages, remember, SEEN, see, setItems, TALLY } from './archive.ts';
import { segmentOf } from './change.ts';
import type { Lost } from './damage.ts';
import { soundGet } from './damage.ts';
import { openIt } from './opened.ts';
import { lineageKey } from './place.ts';
import { decodeRecord, emptyRecord, encodeRecord, itemsOf, withCitation } from './record.ts';
import { holdsPoint, rebuild } from './span.ts';

/**
 * Reads every segment once. Records of logs that cannot be read are made again from their segments, citations from the openings, frontier and tallies from the
 * records, the highest stamp from the headers. What cannot be written back stays in memory, and is made again at the next start. `whole` false: only records,
 * for damage that shows while the node runs.
 */
export async function mend(archive: Archive, lost: Lost, whole: boolean): Promise<void> {
  const { store } = archive;
  const known = new Set<string>();
  const made = new Map<string, { record: LogRecord; pieces: Piece[] }>();
  const tallies = new Map<string, Tally>();
  const tallyOf = (stream: string): Tally => {
    let t = tallies.get(stream);
    if (!t) tallies.set(stream, t = { events: 0, logs: 0, segments: 0, bytes: 0 });
    return t;
  };
  for await (const row of pages(store, 'segment', undefined, undefined, 64, lost)) {
    const segment = segmentOf({ key: row.key, bytes: row.value });
    const h = segment.header, name = hex(segment.log);
    const t = tallyOf(h.stream);
    t.segments++;
    t.bytes += row.value.length;
    see(archive, h.stampLast);
    if (known.has(name)) continue;
    let one = made.get(name);
    if (!one) {
      if (await soundGet(store, 'log', segment.log)) { known.add(name); continue; }
      made.set(name, one = { record: emptyRecord(segment.log, h), pieces: [] });
    }
    one.pieces.push(openIt(archive, segment).piece);
    if (h.opening) one.record = { ...one.record, opening: h.opening };
  }
  for (const one of made.values()) {
    const { spans, events, forked } = rebuild(one.pieces, null);
    one.record = { ...one.record, spans, events, forked };
  }
  // Who cites what was lost is in the openings of the others.
  const cite = async (by: LogRecord): Promise<void> => {
    for (const tip of by.opening?.cites ?? []) {
      const name = hex(tip.log);
      let one = made.get(name);
      if (!one) {
        if (known.has(name) || await soundGet(store, 'log', tip.log)) continue;
        made.set(name, one = { record: emptyRecord(tip.log, by), pieces: [] });
      }
      if (equal(one.record.node, by.node) && one.record.stream === by.stream) one.record = withCitation(one.record, tip, by.log, holdsPoint(one.pieces, tip.position, tip.e)).record;
    }
  };
  for (const one of [...made.values()]) await cite(one.record);
  const rest: LogRecord[] = [];
  for await (const row of pages(store, 'log', undefined, undefined, 500, () => undefined)) {
    const record = decodeRecord(row.value);
    await cite(record);
    if (whole) rest.push({ ...record, opening: null });
  }
  const ops: Op[] = [];
  for (const { record } of made.values()) {
    archive.own.add(hex(record.log)); // stays in memory: the store may never take it
    remember(archive, record);
    const items = itemsOf(record);
    ops.push({ table: 'log', key: record.log, value: encodeRecord(record) }, { table: 'lineage', key: lineageKey(record.node, record.stream, record.log), value: new Uint8Array(0) });
    if (items.length) ops.push({ table: 'frontier', key: record.log, value: encodeItems(items) });
  }
  if (whole) {
    archive.frontier.clear();
    archive.tallies.clear();
  }
  for (const record of [...rest, ...[...made.values()].map((one) => one.record)]) {
    setItems(archive, record.log, archive.ownItems(record.log) ?? itemsOf(record));
    const t = tallyOf(record.stream);
    t.logs++;
    t.events += record.events;
  }
  for (const [stream, t] of whole ? tallies : []) {
    archive.tallies.set(stream, t);
    ops.push({ table: 'meta', key: concat(TALLY, utf8(stream)), value: encode([t.events, t.logs, t.segments, t.bytes]) });
  }
  ops.push({ table: 'meta', key: SEEN, value: encodeSeen(archive, archive.counted) });
  try {
    await store.commit(ops);
  } catch (error) {
    if (codeOf(error) !== 'store-damaged' && codeOf(error) !== 'store-full') throw error;
  }
}
