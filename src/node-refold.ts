// Folding again what a verdict took back, and folding for the first time what a new key makes readable.
import type { Admitted, Bytes } from './ports.ts';
import type { Archive } from './log/archive.ts';
import type { OwnLog } from './log/own.ts';
import type { Found } from './log/reader.ts';
import type { LatestView } from './view/latest.ts';
import { equal, text } from './event/bytes.ts';
import { encodeEvent } from './event/event.ts';
import { orderBytes } from './event/order.ts';
import { pages } from './log/archive.ts';
import { Change, DIRTY, segmentOf } from './log/change.ts';
import { parseIndexValue } from './log/index-row.ts';
import { decodeRecord } from './log/record.ts';
import { keysIn, openStored, tell } from './log/opened.ts';
import { indexKey, prefixEnd } from './log/place.ts';
import { readStream } from './log/reader.ts';
import { rebuild } from './log/span.ts';

/**
 * Computes `latest` again for every key that lost an event; `unstored`: own logs with a tail, whose events may come last again. The marks lie in the store, so that
 * a crash between only delays it.
 */
export async function refold(archive: Archive, latest: LatestView, unstored: OwnLog[]): Promise<void> {
  for await (const mark of pages(archive.store, 'meta', DIRTY, prefixEnd(DIRTY), 256)) {
    const name = text(mark.key.subarray(DIRTY.length));
    const zero = name.indexOf('\0');
    const stream = name.slice(0, zero), key = name.slice(zero + 1);
    let last: Found | undefined;
    for await (const found of readStream(archive, unstored, stream, { key })) last = found;
    const row = last && {
      key, order: orderBytes(last.stamp, last.node, last.incarnation, last.position, last.e), event: encodeEvent(last),
    };
    await archive.store.commit([latest.replace(stream, key, row), { table: 'meta', key: mark.key }]);
  }
}

/** After keys were learnt: opens the logs that could not be read before, folds them and hands what they hold to `told`. */
export async function relearn(archive: Archive, told: (run: Admitted) => void): Promise<void> {
  for await (const row of pages(archive.store, 'log', undefined, undefined, 256)) {
    const record = decodeRecord(row.value);
    if (!record.keyHash || !record.spans.length || !archive.authority.keyOf(record.stream, record.keyHash)) continue;
    if (!(await unread(archive, record.log))) continue;
    const change = new Change(archive);
    const opened = await openStored(change, record.log);
    const top = record.bounds ? Math.max(0, ...record.bounds.map((b) => b.position)) : Infinity;
    for (const o of opened) {
      if (!o.inside) continue;
      change.dropSegment(o.segment);
      change.putSegment(o.segment, keysIn(o));
      tell(change, o, o.piece.first, Math.min(o.piece.last, top));
    }
    const built = rebuild(opened.map((o) => o.piece), record.bounds);
    change.setRecord({ ...record, spans: built.spans, events: built.events, forked: built.forked }, false);
    await change.commit();
    for (const run of change.admitted) told(run);
  }
}

/** True when the first stored segment of a log was indexed without its keys, as is what could not be read. */
async function unread(archive: Archive, log: Bytes): Promise<boolean> {
  const [row] = await archive.store.scan('segment', { gte: log, limit: 1 });
  if (!row || !equal(row.key.subarray(0, 16), log)) return false;
  const { header: h } = segmentOf({ key: row.key, bytes: row.value });
  const index = await archive.store.get('index', indexKey(h.stream, h.stampFirst, log, h.first, h.after));
  return index !== undefined && parseIndexValue(index).keys === undefined;
}
