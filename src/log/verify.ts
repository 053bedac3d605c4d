// Proving the store: everything is read again, hashed again, and its signatures are verified again.
import type { Bytes, Table } from '../ports.ts';
import type { Archive } from './archive.ts';
import type { LogRecord } from './record.ts';
import type { Piece } from './span.ts';
import { codeOf, Fault } from '../fault.ts';
import { equal, hex } from '../event/bytes.ts';
import { checkSegment, parseSegment } from '../event/segment.ts';
import { encodeItems, pages } from './archive.ts';
import { isDamage, soundGet, soundScan } from './damage.ts';
import { sameItem, TIP } from './item.ts';
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
/** Tables that hold nothing that could be proved beyond what the store's own checksums say. */
const OTHERS: readonly Table[] = ['meta', 'lineage', 'index', 'latest', 'receipt', 'alarm'];

/** Tells of one damage. */
type Tell = (what: string, where: string, error: unknown) => void;

/** Re-reads every log, goes on after damage, and names all of it. `progress` is told after each log; reading goes page by page and appending may go on meanwhile. */
export async function verifyStore(archive: Archive, progress: (done: { events: number; segments: number }) => void): Promise<Verified> {
  const out: Verified = { events: 0, segments: 0, logs: 0, void: 0, damaged: [] };
  const damage: Tell = (what, where, error) => {
    if (out.damaged.length < LISTED) out.damaged.push({ what, where, code: error instanceof Error ? codeOf(error) : String(error) });
  };
  const lost = (table: Table, where: string): void => damage(`table ${table}`, where, 'store-damaged');
  const known = new Set<string>();
  const one = async (record: LogRecord): Promise<void> => {
    known.add(hex(record.log));
    await verifyLog(archive, record, out, damage, lost);
    out.logs++;
    progress(out);
  };
  for await (const row of pages(archive.store, 'log', undefined, undefined, 64, lost)) {
    try {
      await one(decodeRecord(row.value));
    } catch (error) {
      if (!isDamage(error)) throw error;
      damage('log record', hex(row.key), error);
    }
  }
  let from: Bytes | undefined;
  for (;;) { // segments of logs that no readable record names
    const [row] = await soundScan(archive.store, 'segment', { limit: 1, ...(from && { gte: from }) });
    if (!row) break;
    const log = row.key.slice(0, 16);
    if (!known.has(hex(log)) && !(await soundGet(archive.store, 'log', log))) {
      damage('segments without a log record', `log ${hex(log)}`, 'store-damaged');
      const record = archive.records.get(hex(log));
      if (record) await one(record);
    }
    from = prefixEnd(log);
    if (!from) break;
  }
  for await (const row of pages(archive.store, 'quarantine', undefined, undefined, 16, lost)) {
    try {
      checkSegment(archive.crypto, archive.fleet, parseSegment(row.value));
    } catch (error) {
      damage('segment in quarantine', hex(row.key), error);
    }
  }
  for (const table of OTHERS) {
    const rows = pages(archive.store, table, undefined, undefined, 500, lost);
    while (!(await rows.next()).done); // every row is read, and its checksum with it
  }
  return out;
}

async function verifyLog(archive: Archive, record: LogRecord, out: Verified, damage: Tell, lost: (table: Table, where: string) => void): Promise<void> {
  const name = `stream ${record.stream}, node ${hex(record.node)}, log ${hex(record.log)}`;
  const pieces: Piece[] = [];
  const unlisted: string[] = [];
  let whole = true;
  const broken = (table: Table, where: string): void => { whole = false; lost(table, `${where} (${name})`); };
  for await (const row of pages(archive.store, 'segment', record.log, prefixEnd(record.log), 16, broken)) {
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
      if (!(await soundGet(archive.store, 'index', indexKey(h.stream, h.stampFirst, segment.log, h.first, h.after)))) unlisted.push(where);
    } catch (error) {
      whole = false;
      damage('segment', where, error);
    }
  }
  const built = rebuild(pieces, record.bounds);
  out.events += built.events;
  const frontier = await soundGet(archive.store, 'frontier', record.log, broken);
  // The log may have grown while it was read: then there is nothing to compare with.
  const now = await soundGet(archive.store, 'log', record.log);
  if (!now || !equal(now, encodeRecord(record))) return;
  for (const where of unlisted) damage('index', where, 'store-damaged');
  if (!whole) return;
  const items = itemsOf(record), shown = archive.ownItems(record.log) ?? items, held = archive.frontier.get(hex(record.log)) ?? [];
  const same = JSON.stringify(built.spans.map(inWords).sort()) === JSON.stringify(record.spans.map(inWords).sort()) && built.events === record.events;
  if (!same) damage('log record', `${name}: it says ${record.events} events, its segments hold ${built.events}`, 'store-damaged');
  else if (items.length ? !frontier || !equal(frontier, encodeItems(items)) : frontier !== undefined) damage('frontier', name, 'store-damaged');
  else if (!held.every((i) => shown.some((j) => sameItem(i, j))) || !shown.every((i) => i.kind === TIP || held.some((j) => sameItem(i, j)))) damage('frontier in memory', name, 'internal'); // ends that own openings cite are left out there
}

function inWords(s: { from: number; to: number; before: Bytes; after: Bytes }): string {
  return `${s.from}-${s.to} ${hex(s.before)} ${hex(s.after)}`;
}
