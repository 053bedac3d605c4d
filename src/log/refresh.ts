// Learning what other processes of this node have committed: the log's memory follows the rows that changed.
import type { Admitted, Bytes, News, Table } from '../ports.ts';
import type { Archive } from './archive.ts';
import type { FleetFact } from './authority.ts';
import type { LogRecord } from './record.ts';
import { SEGMENT_EVENTS } from '../limits.ts';
import { equal, hex } from '../event/bytes.ts';
import { decodeItems, remember, setItems } from './archive.ts';
import { Change, segmentOf } from './change.ts';
import { takeAlarm, takeMeta } from './meta.ts';
import { beyond, factsOf, openIt, openStored } from './opened.ts';
import { decodeRecord } from './record.ts';

/** What was learnt: the records of the logs that changed, `$fleet` events among them, whether an alarm is new, and whether keys of views wait to be folded again. */
export interface Refreshed { records: LogRecord[]; facts: FleetFact[][]; alarmed: boolean; stale: boolean }

/** Rows that are read at a time. */
const TOGETHER = 128;

/** Brings the memory up to `news`. Faults: those of `Store.get`; what was not brought up then must be again. */
export async function refresh(archive: Archive, news: News): Promise<Refreshed> {
  const keys = new Map<Table, Map<string, Bytes>>();
  for (const { table, key } of news.changed) {
    const rows = keys.get(table);
    if (rows) rows.set(hex(key), key); else keys.set(table, new Map([[hex(key), key]]));
  }
  const read = (table: Table): Promise<{ key: Bytes; value: Bytes | undefined }[]> => rowsOf(archive, table, [...keys.get(table)?.values() ?? []]);

  const records: LogRecord[] = [];
  for (const { key, value } of await read('log')) {
    archive.records.delete(hex(key));
    if (!value) continue;
    const record = decodeRecord(value);
    records.push(record);
    remember(archive, record);
  }
  for (const { key, value } of await read('frontier')) setItems(archive, key, archive.ownItems(key) ?? (value ? decodeItems(key, value) : []));
  let stale = false;
  for (const { key, value } of await read('meta')) if (takeMeta(archive, key, value)) stale = true;
  let alarmed = false;
  for (const { value } of await read('alarm')) {
    if (!value) continue;
    alarmed = true;
    takeAlarm(archive, value);
  }
  archive.fold.stale([...keys.get('latest')?.values() ?? []]);

  const facts: FleetFact[][] = [];
  for (const record of records) {
    if (record.stream !== '$fleet') continue;
    for (const opened of await openStored(new Change(archive), record.log)) facts.push(factsOf(opened.segment, opened));
  }
  // What a revoked node knew may still count.
  for (const { key, value } of await read('quarantine')) {
    const segment = value && segmentOf({ key, bytes: value });
    if (segment?.header.stream === '$fleet' && archive.authority.judge(segment.header.node, segment.header.grant, '$fleet').state !== 'waiting') facts.push(factsOf(segment, openIt(archive, segment)));
  }
  return { records, facts, alarmed, stale };
}

/** The events that came, of these streams, as far as they are still held; `records`: of the logs that changed. */
export async function arrived(archive: Archive, news: News, records: LogRecord[], wanted: (stream: string) => boolean): Promise<Admitted[]> {
  const runs: Admitted[] = [];
  for (const { stream, node, incarnation, first, count, admitted } of news.moved) {
    if (!admitted || !wanted(stream)) continue;
    const last = first + count - 1;
    // An incarnation that was given another key or grant has another log, with positions of its own.
    const record = records.find((r) => r.stream === stream && equal(r.incarnation, incarnation) && equal(r.node, node) && r.spans.some((s) => s.from <= last && s.to >= first));
    if (!record) continue;
    const before: Parameters<typeof beyond>[1] = [];
    for (const segment of await new Change(archive).storedFrom(record.log, first - SEGMENT_EVENTS + 1, last)) {
      const opened = openIt(archive, segment);
      if (!opened.inside || opened.piece.last < first) continue;
      runs.push(...beyond(opened, before, first, last));
      before.push(opened.piece);
    }
  }
  return runs;
}

async function rowsOf(archive: Archive, table: Table, keys: Bytes[]): Promise<{ key: Bytes; value: Bytes | undefined }[]> {
  const rows: { key: Bytes; value: Bytes | undefined }[] = [];
  for (let i = 0; i < keys.length; i += TOGETHER) rows.push(...await Promise.all(keys.slice(i, i + TOGETHER).map(async (key) => ({ key, value: await archive.store.get(table, key) }))));
  return rows;
}
