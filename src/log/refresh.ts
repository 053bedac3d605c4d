// Learning what other processes of this node have committed: the log's memory follows the rows that changed.
import type { Admitted, Bytes, News, Table } from '../ports.ts';
import type { Archive } from './archive.ts';
import type { FleetFact } from './authority.ts';
import type { LogRecord } from './record.ts';
import { SEGMENT_EVENTS } from '../limits.ts';
import { equal, hex, text, utf8 } from '../event/bytes.ts';
import { decode } from '../event/cbor.ts';
import { decodeItems, owe, OWED, QUARANTINED, remember, see, setItems } from './archive.ts';
import { Change, DIRTY, segmentOf } from './change.ts';
import { beyond, factsOf, openIt, openStored } from './opened.ts';
import { decodeRecord } from './record.ts';

/** What was learnt: the records of the logs that changed, `$fleet` events among them, the nodes whose alarms are new, and whether keys of views wait to be folded again. */
export interface Refreshed { records: LogRecord[]; facts: FleetFact[][]; alarmed: boolean; stale: boolean }

/** Rows that are read at a time. */
const TOGETHER = 128;
const TALLY = utf8('tally:'), SEEN = utf8('seen'), FOLDED = utf8('folded');

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
  const stale = await meta(archive, await read('meta'));
  let alarmed = false;
  for (const { value } of await read('alarm')) {
    if (!value) continue;
    const [code, node] = decode(value) as [string, Bytes];
    alarmed = true;
    if (code === 'clone' || code === 'fork') archive.suspects.add(hex(node));
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

/** Rows of `meta`: counts, quarantine, the highest stamp, and what is due. True when a view waits to be folded again. */
async function meta(archive: Archive, rows: { key: Bytes; value: Bytes | undefined }[]): Promise<boolean> {
  let stale = false;
  for (const { key, value } of rows) {
    if (begins(key, TALLY)) {
      const stream = text(key.subarray(TALLY.length));
      if (!value) { archive.tallies.delete(stream); continue; }
      const [events, logs, segments, bytes] = decode(value) as number[];
      archive.tallies.set(stream, { events: events!, logs: logs!, segments: segments!, bytes: bytes! });
    } else if (begins(key, QUARANTINED)) {
      const node = key.slice(QUARANTINED.length), [bytes, segments] = value ? decode(value) as number[] : [0, 0];
      archive.quarantineBytes += bytes! - (archive.quarantine.get(hex(node))?.bytes ?? 0);
      if (value) archive.quarantine.set(hex(node), { node, bytes: bytes!, segments: segments! }); else archive.quarantine.delete(hex(node));
    } else if (equal(key, SEEN) && value) {
      const [generation, ms, counter, voids, unknown] = decode(value) as number[];
      see(archive, { generation: generation!, ms: ms!, counter: counter! });
      archive.counted = { void: voids!, unknown: unknown! };
    } else if (equal(key, OWED)) {
      archive.owedStored = value !== undefined;
      owe(archive, (value ? decode(value) as Bytes[] : []).filter((node) => !archive.owed.has(hex(node))));
    } else if (equal(key, FOLDED)) archive.folded = undefined;
    else if (begins(key, DIRTY) && value) stale = true;
  }
  return stale;
}

function begins(key: Bytes, prefix: Bytes): boolean {
  return equal(key.subarray(0, prefix.length), prefix);
}
