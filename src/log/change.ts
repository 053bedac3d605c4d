// One atomic step of the log: collected here, committed once, and only then visible in memory.
import type { Admitted, Bytes, Op } from '../ports.ts';
import type { Segment } from '../event/segment.ts';
import type { Archive, Quarantined, Tally } from './archive.ts';
import type { LogRecord } from './record.ts';
import { compare, concat, equal, hex, utf8 } from '../event/bytes.ts';
import { parseSegment } from '../event/segment.ts';
import { encode } from '../event/cbor.ts';
import { QUARANTINE_AUTHORS, QUARANTINE_AUTHOR_BYTES, QUARANTINE_BYTES } from '../limits.ts';
import { DIRTY, OWED, QUARANTINED, SEEN, TALLY, encodeItems, encodeSeen, pages, recordOf, remember, see, setItems, tallyOf } from './archive.ts';
import { itemsOf } from './record.ts';
import { soundGet } from './damage.ts';
import { indexValue } from './index-row.ts';
import { alarmRow } from './meta.ts';
import { indexKey, lineageKey, prefixEnd, quarantineKey, segmentFrom, segmentKey } from './place.ts';
import { encodeRecord } from './record.ts';

/** Something an operator should know, kept until it is dismissed. */
export interface Alarm { code: string; node: Bytes; log: Bytes | null; text: string }
/** A stored segment as the log's files hand it around. */
export interface StoredRow { key: Bytes; bytes: Bytes }

/** A stored row as a segment, its log-id taken from the key. */
export function segmentOf(row: StoredRow): Segment {
  const segment = parseSegment(row.bytes);
  segment.log = row.key.length > 40 ? row.key.slice(32, 48) : row.key.slice(0, 16);
  return segment;
}

/** A stored row as a segment; undefined where its bytes are damaged: it covers nothing then, what it held is fetched again, and `verify` names it. */
export function readable(row: StoredRow): Segment | undefined {
  try {
    return segmentOf(row);
  } catch {
    return undefined;
  }
}

/** Collects writes; reads through it see them. */
export class Change {
  readonly archive: Archive;
  readonly ops: Op[] = [];
  /** Runs that were admitted, for views and followers. */
  readonly admitted: Admitted[] = [];
  /** Runs that are no longer admitted, or are about to be told anew. */
  readonly takenBack: Admitted[] = [];
  readonly alarms: Alarm[] = [];
  /** Streams and keys whose events were taken back: `latest` must be computed again. */
  readonly retracted: { stream: string; keys: Set<string> }[] = [];
  /** Nodes (by hex) whose logs were judged in this change, as they were owed it then. */
  readonly judged = new Map<string, Bytes | undefined>();
  /** Segments that turned out void, or of an unknown codec. */
  readonly counted = { void: 0, unknown: 0 };
  private readonly records = new Map<string, LogRecord>();
  private readonly quarantine = new Map<string, Quarantined>();
  private quarantineAdded = 0;
  private readonly fresh = new Set<string>();
  private readonly rows = new Map<string, { table: 'segment' | 'quarantine'; key: Bytes; bytes: Bytes | undefined }>();
  private readonly bytes = new Map<string, { segments: number; bytes: number }>();

  constructor(archive: Archive) { this.archive = archive; }

  async record(log: Bytes): Promise<LogRecord | undefined> {
    return this.records.get(hex(log)) ?? recordOf(this.archive, log);
  }

  /** Sets a log's record; `isNew` when the store had none. */
  setRecord(record: LogRecord, isNew: boolean): void {
    const name = hex(record.log);
    this.records.set(name, record);
    if (isNew) this.fresh.add(name);
  }

  get changedLogs(): LogRecord[] { return [...this.records.values()]; }
  get empty(): boolean { return this.ops.length === 0 && this.records.size === 0 && this.rows.size === 0; }

  /** Stores a segment and its row in the index (`keys`: the hashes of its events' keys, or undefined where they cannot be read). */
  putSegment(segment: Segment, keys: Uint32Array | undefined): void {
    const h = segment.header;
    this.setRow('segment', segmentKey(segment.log, h.first, h.count, h.after), segment.bytes);
    this.ops.push({ table: 'index', key: indexKey(h.stream, h.stampFirst, segment.log, h.first, h.after), value: indexValue(h, keys) });
    this.weigh(h.stream, 1, segment.bytes.length);
  }

  dropSegment(segment: Segment): void {
    const h = segment.header;
    this.setRow('segment', segmentKey(segment.log, h.first, h.count, h.after), undefined);
    this.ops.push({ table: 'index', key: indexKey(h.stream, h.stampFirst, segment.log, h.first, h.after) });
    this.weigh(h.stream, -1, -segment.bytes.length);
  }

  /** Keeps a segment that is not admitted; false when there is no room for it (its peers keep it, and it is asked for again once its author is granted). */
  async putQuarantine(segment: Segment, whatever = false): Promise<boolean> {
    const h = segment.header;
    const key = quarantineKey(h.node, segment.log, h.first, h.count, h.after);
    const known = this.rows.get('quarantine' + hex(key));
    if (known ? known.bytes !== undefined : await this.archive.store.get('quarantine', key) !== undefined) return true;
    const held = this.quarantined(h.node);
    const all = this.archive.quarantineBytes + this.quarantineAdded;
    const authors = this.archive.quarantine.size + this.quarantine.size;
    if (!whatever && (held.segments === 0 && authors >= QUARANTINE_AUTHORS)) return false;
    if (!whatever && (held.bytes + segment.bytes.length > QUARANTINE_AUTHOR_BYTES || all + segment.bytes.length > QUARANTINE_BYTES)) return false;
    this.setRow('quarantine', key, segment.bytes);
    this.quarantineAdded += segment.bytes.length;
    this.quarantine.set(hex(h.node), { node: h.node, bytes: held.bytes + segment.bytes.length, segments: held.segments + 1 });
    return true;
  }

  dropQuarantine(segment: Segment): void {
    const h = segment.header;
    this.setRow('quarantine', quarantineKey(h.node, segment.log, h.first, h.count, h.after), undefined);
    const held = this.quarantined(h.node);
    this.quarantineAdded -= segment.bytes.length;
    this.quarantine.set(hex(h.node), { node: h.node, bytes: held.bytes - segment.bytes.length, segments: held.segments - 1 });
  }

  /** Authors of which something lies in quarantine. */
  waiting(): Bytes[] {
    return [...new Map([...this.archive.quarantine, ...this.quarantine]).values()].filter((q) => q.segments > 0).map((q) => q.node);
  }

  private quarantined(node: Bytes): Quarantined {
    return this.quarantine.get(hex(node)) ?? this.archive.quarantine.get(hex(node)) ?? { node, bytes: 0, segments: 0 };
  }

  /** Rows of `segment` or `quarantine` that begin with a prefix, as this change would leave them, in order of key. */
  stored(table: 'segment' | 'quarantine', prefix: Bytes): Promise<StoredRow[]> {
    return this.rowsFrom(table, prefix, prefixEnd(prefix));
  }

  /** Stored segments of a log that begin at first..last, as this change would leave them. */
  async storedFrom(log: Bytes, first: number, last: number): Promise<Segment[]> {
    return (await this.rowsFrom('segment', segmentFrom(log, Math.max(1, first)), segmentFrom(log, last + 1))).map(readable).filter((segment) => segment !== undefined);
  }

  private async rowsFrom(table: 'segment' | 'quarantine', gte: Bytes, lt: Bytes | undefined): Promise<StoredRow[]> {
    const found = new Map<string, StoredRow>();
    for await (const row of pages(this.archive.store, table, gte, lt, 64)) found.set(hex(row.key), { key: row.key, bytes: row.value });
    for (const row of this.rows.values()) {
      if (row.table !== table || compare(row.key, gte) < 0 || (lt && compare(row.key, lt) >= 0)) continue;
      if (row.bytes) found.set(hex(row.key), { key: row.key, bytes: row.bytes }); else found.delete(hex(row.key));
    }
    return [...found.entries()].sort((a, b) => (a[0] < b[0] ? -1 : 1)).map((e) => e[1]);
  }

  alarm(code: string, node: Bytes, log: Bytes | null, text: string): void {
    this.alarms.push({ code, node, log, text });
  }

  /** Writes everything at once, when there is anything; memory follows only when it is durable. Faults: those of `Store.commit`. */
  async commit(): Promise<void> {
    const { archive } = this;
    const owed = new Map([...archive.owed].filter(([name, node]) => this.judged.get(name) !== node));
    if (this.empty && !archive.owedStored) { this.forgive(); return; }
    const counted = { void: archive.counted.void + this.counted.void, unknown: archive.counted.unknown + this.counted.unknown };
    const ops = this.ops;
    const tallies = new Map<string, Tally>();
    const tally = (stream: string): Tally => {
      let t = tallies.get(stream);
      if (!t) tallies.set(stream, t = { ...tallyOf(archive, stream) });
      return t;
    };
    for (const [name, record] of this.records) {
      const before = this.fresh.has(name) ? undefined : await recordOf(archive, record.log);
      const items = itemsOf(record);
      ops.push({ table: 'log', key: record.log, value: encodeRecord(record) });
      ops.push({ table: 'frontier', key: record.log, value: items.length ? encodeItems(items) : undefined });
      if (before && before.stream !== record.stream) ops.push({ table: 'lineage', key: lineageKey(before.node, before.stream, record.log) });
      if (!before || before.stream !== record.stream || !equal(before.node, record.node)) ops.push({ table: 'lineage', key: lineageKey(record.node, record.stream, record.log), value: new Uint8Array(0) });
      const t = tally(record.stream);
      t.events += record.events - (before?.events ?? 0);
      if (!before) t.logs++;
    }
    for (const [stream, delta] of this.bytes) {
      const t = tally(stream);
      t.segments += delta.segments;
      t.bytes += delta.bytes;
    }
    for (const row of this.rows.values()) ops.push({ table: row.table, key: row.key, value: row.bytes });
    await this.raise();
    for (const { stream, keys } of this.retracted) {
      for (const key of keys) ops.push({ table: 'meta', key: concat(DIRTY, utf8(`${stream}\0${key}`)), value: new Uint8Array(0) });
    }
    for (const [stream, t] of tallies) ops.push({ table: 'meta', key: concat(TALLY, utf8(stream)), value: encode([t.events, t.logs, t.segments, t.bytes]) });
    for (const q of this.quarantine.values()) {
      ops.push({ table: 'meta', key: concat(QUARANTINED, q.node), value: q.segments ? encode([q.bytes, q.segments]) : undefined });
    }
    ops.push({ table: 'meta', key: SEEN, value: encodeSeen(archive, counted) });
    if (owed.size || archive.owedStored) ops.push({ table: 'meta', key: OWED, value: owed.size ? encode([...owed.values()]) : undefined });
    try {
      if (this.admitted.length) ops.push(...await archive.fold.admit(this.admitted));
      await archive.store.commit(ops, this.admitted.length || this.takenBack.length ? { retracted: this.takenBack, admitted: this.admitted } : undefined);
    } catch (error) {
      archive.fold.settled(false);
      throw error;
    }
    archive.fold.settled(true);
    archive.counted = counted;
    archive.owedStored = owed.size > 0;
    this.forgive();
    for (const record of this.records.values()) {
      remember(archive, record);
      setItems(archive, record.log, archive.ownItems(record.log) ?? itemsOf(record));
    }
    for (const [stream, t] of tallies) archive.tallies.set(stream, t);
    for (const a of this.alarms) if (a.code === 'clone' || a.code === 'fork') archive.suspects.add(hex(a.node));
    archive.quarantineBytes += this.quarantineAdded;
    for (const [name, q] of this.quarantine) if (q.segments) archive.quarantine.set(name, q); else archive.quarantine.delete(name);
  }

  /** What stands already is neither written nor told again, whoever shows the same once more. */
  private async raise(): Promise<void> {
    const rows = new Map<string, { alarm: Alarm; op: Op }>();
    for (const alarm of this.alarms.splice(0)) {
      const op = alarmRow(this.archive.crypto, alarm);
      if (!rows.has(hex(op.key)) && await soundGet(this.archive.store, 'alarm', op.key) === undefined) rows.set(hex(op.key), { alarm, op });
    }
    for (const { alarm, op } of rows.values()) {
      this.alarms.push(alarm);
      this.ops.push(op);
    }
  }

  /** What was judged here is settled, unless it became due again since. */
  private forgive(): void {
    for (const [name, node] of this.judged) if (this.archive.owed.get(name) === node) this.archive.owed.delete(name);
  }

  /** Raises the highest stamp seen; safe before the commit, since a stamp may always be higher than needed. */
  see(stamp: Parameters<typeof see>[1]): void { see(this.archive, stamp); }

  private setRow(table: 'segment' | 'quarantine', key: Bytes, bytes: Bytes | undefined): void {
    this.rows.set(table + hex(key), { table, key, bytes });
  }

  private weigh(stream: string, segments: number, bytes: number): void {
    const w = this.bytes.get(stream) ?? { segments: 0, bytes: 0 };
    this.bytes.set(stream, { segments: w.segments + segments, bytes: w.bytes + bytes });
  }
}
