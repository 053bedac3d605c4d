// Repair: segments that are damaged are dropped from what a log is said to hold, so that they are asked for again.
import type { Bytes } from '../ports.ts';
import type { Piece } from './span.ts';
import { Fault } from '../fault.ts';
import { compare, equal } from '../event/bytes.ts';
import { checkSegment, parseSegment } from '../event/segment.ts';
import type { Change } from './change.ts';
import { goOn, isDamage } from './damage.ts';
import { indexValue } from './index-row.ts';
import { keysIn, openIt } from './opened.ts';
import { indexKey, prefixEnd, segmentSpan } from './place.ts';
import { holdsPoint, rebuild } from './span.ts';

/** Bytes of a key of `segment`. */
const KEY_BYTES = 29;

/**
 * Reads the segments of a log again, checks each as the door does, and sets its record to what they make; rows that are damaged go, and index rows that are missing come back. False: nothing was to be done.
 * Nothing is written before `change.commit`. Faults: those of reading but for damage.
 */
export async function dropDamaged(change: Change, log: Bytes): Promise<boolean> {
  const { archive } = change, record = await change.record(log), end = prefixEnd(log);
  if (!record) return false;
  const pieces: Piece[] = [];
  let changed = false;
  const drop = (key: Bytes): void => {
    changed = true;
    change.ops.push({ table: 'segment', key });
  };
  for (let from = log; ;) {
    let rows: { key: Bytes; value: Bytes }[];
    try {
      rows = await archive.store.scan('segment', { gte: from, limit: 16, ...(end && { lt: end }) });
    } catch (error) {
      if (!isDamage(error)) throw error;
      changed = true;
      const next = goOn(error, from);
      // One row: its key is the place to go on from, less the zero at the end. A page: what lay on it has no names.
      if (next?.length === KEY_BYTES + 1 && next[KEY_BYTES] === 0) drop(next.slice(0, KEY_BYTES));
      if (!next || (end && compare(next, end) >= 0)) break;
      from = next;
      continue;
    }
    if (rows.length === 0) break;
    for (const { key, value } of rows) {
      from = new Uint8Array(key.length + 1);
      from.set(key);
      try {
        const segment = parseSegment(value), h = segment.header;
        checkSegment(archive.crypto, archive.fleet, segment);
        if (!equal(segment.log, log) || segmentSpan(key).first !== h.first) throw new Fault('store-damaged', 'the row is of another log or place');
        const opened = openIt(archive, segment);
        pieces.push(opened.piece);
        const place = indexKey(h.stream, h.stampFirst, log, h.first, h.after);
        if (await archive.store.get('index', place).catch(() => undefined)) continue;
        changed = true;
        change.ops.push({ table: 'index', key: place, value: indexValue(h, keysIn(opened)) });
      } catch (error) {
        if (!(error instanceof Fault)) throw error;
        drop(key);
      }
    }
  }
  const { spans, events, forked } = rebuild(pieces, record.bounds);
  const same = spans.length === record.spans.length && spans.every((s) => record.spans.some((o) => o.from === s.from && o.to === s.to && equal(o.after, s.after) && equal(o.before, s.before)));
  if (!changed && same) return false;
  change.setRecord({ ...record, spans, events, forked: record.forked || forked, cited: record.cited.map((c) => ({ ...c, held: holdsPoint(pieces, c.position, c.e) })) }, false);
  return true;
}
