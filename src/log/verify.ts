// Proving the store: everything is read again, hashed again, and its signatures are verified again.
import type { Bytes } from '../ports.ts';
import type { Archive } from './archive.ts';
import type { LogRecord } from './record.ts';
import type { Piece } from './span.ts';
import { codeOf, Fault } from '../fault.ts';
import { equal, hex } from '../event/bytes.ts';
import { checkSegment, parseSegment } from '../event/segment.ts';
import { pages } from './archive.ts';
import { isVoid, openIt } from './opened.ts';
import { indexKey, prefixEnd } from './place.ts';
import { decodeRecord, encodeRecord, itemsOf } from './record.ts';
import { rebuild } from './span.ts';

/** One thing that is damaged: what, where, and the code of its fault. */
export interface Damage { what: string; where: string; code: string }
/** What was proved. `void` counts segments whose author lied about their contents; they are whole. */
export interface Verified { events: number; segments: number; logs: number; void: number; damaged: Damage[] }

/** At most this many damages are listed. */
const LISTED = 1_000;

/** Re-reads every log. `progress` is told after each log; reading goes page by page and appending may go on meanwhile. */
export async function verifyStore(archive: Archive, progress: (done: { events: number; segments: number }) => void): Promise<Verified> {
  const out: Verified = { events: 0, segments: 0, logs: 0, void: 0, damaged: [] };
  const damage = (what: string, where: string, error: unknown): void => {
    if (out.damaged.length < LISTED) out.damaged.push({ what, where, code: error instanceof Error ? codeOf(error) : String(error) });
  };
  const known = new Set<string>();
  try {
    for await (const row of pages(archive.store, 'log', undefined, undefined, 64)) {
      let record: LogRecord;
      try {
        record = decodeRecord(row.value);
      } catch (error) {
        damage('log record', hex(row.key), error);
        continue;
      }
      known.add(hex(row.key));
      await verifyLog(archive, record, out, damage);
      out.logs++;
      progress(out);
    }
  } catch (error) {
    damage('table of logs', 'after the last log named as read', error);
  }
  try {
    let from: Bytes | undefined;
    for (;;) { // segments of logs that no record names
      const [row] = await archive.store.scan('segment', { limit: 1, ...(from && { gte: from }) });
      if (!row) break;
      const log = row.key.slice(0, 16);
      if (!known.has(hex(log)) && !(await archive.store.get('log', log))) damage('segments without a log record', `log ${hex(log)}`, 'store-damaged');
      from = prefixEnd(log);
      if (!from) break;
    }
  } catch (error) {
    damage('table of segments', 'somewhere in it', error);
  }
  return out;
}

async function verifyLog(archive: Archive, record: LogRecord, out: Verified, damage: (what: string, where: string, error: unknown) => void): Promise<void> {
  const name = `stream ${record.stream}, node ${hex(record.node)}, log ${hex(record.log)}`;
  const pieces: Piece[] = [];
  let whole = true;
  try {
    for await (const row of pages(archive.store, 'segment', record.log, prefixEnd(record.log), 16)) {
      const where = `${name}, segment at ${hex(row.key.subarray(16))}`;
      out.segments++;
      try {
        const segment = parseSegment(row.value);
        checkSegment(archive.crypto, archive.fleet, segment);
        const h = segment.header;
        if (!equal(segment.log, record.log)) throw new Fault('store-damaged', 'the segment is of another log');
        const opened = openIt(archive, segment);
        if (isVoid(archive, opened)) out.void++;
        pieces.push(opened.piece);
        if (!(await archive.store.get('index', indexKey(h.stream, h.stampFirst, segment.log, h.first, h.after)))) damage('index', where, 'store-damaged');
      } catch (error) {
        whole = false;
        damage('segment', where, error);
      }
    }
  } catch (error) {
    damage('segments', name, error);
    return;
  }
  // The log may have grown while it was read: compare with what is recorded of it now.
  const now = await archive.store.get('log', record.log);
  const built = rebuild(pieces, record.bounds);
  out.events += built.events;
  if (!now || !equal(now, encodeRecord(record))) return;
  if (!whole) return;
  const same = JSON.stringify(built.spans.map(shown).sort()) === JSON.stringify(record.spans.map(shown).sort()) && built.events === record.events;
  if (!same) damage('log record', `${name}: it says ${record.events} events, its segments hold ${built.events}`, 'store-damaged');
  const items = archive.frontier.get(hex(record.log)) ?? [];
  if (!same) return;
  if (items.length !== itemsOf(record).length && !items.some((i) => i.to > Math.max(0, ...record.spans.map((s) => s.to)))) damage('frontier', name, 'store-damaged');
}

function shown(s: { from: number; to: number; before: Bytes; after: Bytes }): string {
  return `${s.from}-${s.to} ${hex(s.before)} ${hex(s.after)}`;
}
