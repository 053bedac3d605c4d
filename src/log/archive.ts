// The log's memory of its store: records, the frontier, counters and the highest stamp seen.
import type { Bytes, Crypto, Fold, Random, Store, Table } from '../ports.ts';
import type { Stamp } from '../event/stamp.ts';
import type { Value } from '../event/value.ts';
import type { Authority } from './authority.ts';
import type { Item } from './item.ts';
import type { Lost } from './damage.ts';
import type { LogRecord } from './record.ts';
import { compareStamp } from '../event/stamp.ts';
import { hex, utf8 } from '../event/bytes.ts';
import { decode, encode } from '../event/cbor.ts';
import { isDamage, soundScan } from './damage.ts';
import { fleetDigest, sameItem } from './item.ts';
import { decodeRecord } from './record.ts';

/** What is counted per stream: admitted events, logs that were ever begun, stored segments and their bytes. */
export interface Tally { events: number; logs: number; segments: number; bytes: number }

/** What lies in quarantine of one author. */
export interface Quarantined { node: Bytes; bytes: number; segments: number }

/** Rows of `meta`. Before the name of a stream: what is counted of it. */
export const TALLY = utf8('tally:');
/** Before a node's id: what lies in quarantine of it. */
export const QUARANTINED = utf8('quarantine:');
/** Before the name of a stream and key whose `latest` must be folded again: kept until it is done. */
export const DIRTY = utf8('dirty:');
/** The highest stamp that was seen, and the counts over all streams. */
export const SEEN = utf8('seen');
/** The nodes that are owed a judgement. */
export const OWED = utf8('owed');
/** The names of the fleet keys under which everything held was folded. */
export const FOLDED = utf8('folded');

/** Records kept in memory beside those of the frontier. */
const CACHED_RECORDS = 4_096;

/** Everything that the files of this room share. Changed only by `Change.commit` and, for what is not stored yet, by the writer. */
export interface Archive {
  readonly store: Store;
  readonly crypto: Crypto;
  readonly random: Random;
  readonly fleet: Bytes;
  readonly node: Bytes;
  readonly authority: Authority;
  readonly fold: Fold;
  readonly records: Map<string, LogRecord>;
  /** Logs (hex) that this process writes or has left with a tail; their records stay in memory. */
  readonly own: Set<string>;
  /** Items by log, hex of the log-id; logs without items do not appear. */
  readonly frontier: Map<string, Item[]>;
  /** What changed in the frontier since someone last took it. */
  delta: { removed: Item[]; added: Item[] };
  readonly tallies: Map<string, Tally>;
  /** Nodes (hex) of which a clone or a fork is known: what nobody can tell apart without the key is taken for another branch there. */
  readonly suspects: Set<string>;
  /** By hex of the author's id. */
  readonly quarantine: Map<string, Quarantined>;
  /** Of all of them together. */
  quarantineBytes: number;
  seen: Stamp;
  /** The items of a log, where this process has sealed more of it than is stored; set by the writer. */
  ownItems: (log: Bytes) => Item[] | undefined;
  /** Segments whose payload is void by their author, and segments of codecs that this version does not know. */
  counted: { void: number; unknown: number };
  /** Nodes (by hex) whose standing changed and whose logs were not judged since: a failed commit or a crash must not lose a verdict. */
  readonly owed: Map<string, Bytes>;
  /** True when the store names nodes that are owed a judgement. */
  owedStored: boolean;
  /** Names of the keys under which everything held is folded, once known. */
  folded: Set<string> | undefined;
  /** What could not be read when the node was opened, or when a peer wanted it, in words. */
  readonly damage: string[];
  /** Makes the records of logs again that cannot be read; set by `openArchive`. */
  mend: () => Promise<void>;
  /** While records are made again. */
  mending: Promise<void> | undefined;
  /** Logs (hex) whose damaged records left no trace anywhere else. */
  readonly gone: Set<string>;
}

/** Notes nodes whose standing changed; each time as another copy, which tells what was judged before from what was not. */
export function owe(archive: Archive, nodes: Bytes[]): void {
  for (const node of nodes) archive.owed.set(hex(node), node.slice());
}

/** The stored form of one log's items. */
export function encodeItems(items: Item[]): Bytes {
  return encode([items[0]!.stream, items[0]!.node, items.map((i) => [i.kind, i.from, i.to, i.before, i.after])] as Value);
}

/** Reads the stored form of one log's items. */
export function decodeItems(log: Bytes, value: Bytes): Item[] {
  const [stream, node, items] = decode(value) as [string, Bytes, Value[][]];
  return items.map((i) => ({ kind: i[0] as 0 | 1, log, stream, node, from: i[1] as number, to: i[2] as number, before: i[3] as Bytes | null, after: i[4] as Bytes }));
}

/** The stored form of the highest stamp and the counts beside it. */
export function encodeSeen({ seen }: Archive, counted: Archive['counted']): Bytes {
  return encode([seen.generation, seen.ms, seen.counter, counted.void, counted.unknown]);
}

/** Rows of a table from `gte` to below `lt`, page by page, so that no read transaction stays open between pages. With `lost` what is damaged is named there and passed over. */
export async function* pages(store: Store, table: Table, gte?: Bytes, lt?: Bytes, limit = 500, lost?: Lost): AsyncGenerator<{ key: Bytes; value: Bytes }> {
  let from = gte;
  for (;;) {
    const range = { limit, ...(from && { gte: from }), ...(lt && { lt }) };
    const rows = lost ? await soundScan(store, table, range, lost) : await store.scan(table, range);
    yield* rows;
    if (!rows.length) return;
    const last = rows[rows.length - 1]!.key;
    from = new Uint8Array(last.length + 1);
    from.set(last);
  }
}

/** The record of a log, from memory or the store. */
export async function recordOf(archive: Archive, log: Bytes): Promise<LogRecord | undefined> {
  const name = hex(log);
  const known = archive.records.get(name);
  if (known) return known;
  if (archive.gone.has(name)) return undefined;
  let bytes: Bytes | undefined;
  try {
    bytes = await archive.store.get('log', log);
  } catch (error) {
    if (!isDamage(error)) throw error;
    await (archive.mending ??= archive.mend().finally(() => { archive.mending = undefined; }));
    const made = archive.records.get(name);
    if (!made) archive.gone.add(name);
    return made;
  }
  const late = archive.records.get(name); // another reader may have been quicker, and newer
  if (late) return late;
  if (!bytes) return undefined;
  const record = decodeRecord(bytes);
  remember(archive, record);
  return record;
}

/** Keeps a record in memory, dropping the oldest ones above the bound, but never those of own logs. */
export function remember(archive: Archive, record: LogRecord): void {
  const name = hex(record.log);
  archive.records.delete(name);
  archive.records.set(name, record);
  if (archive.records.size <= CACHED_RECORDS) return;
  for (const oldest of archive.records.keys()) {
    if (archive.own.has(oldest)) continue;
    archive.records.delete(oldest);
    return;
  }
}

/** Replaces a log's items in memory and notes what came and went. */
export function setItems(archive: Archive, log: Bytes, items: Item[]): void {
  const name = hex(log);
  const old = archive.frontier.get(name) ?? [];
  if (items.length) archive.frontier.set(name, items); else archive.frontier.delete(name);
  archive.delta.removed.push(...old.filter((o) => !items.some((i) => sameItem(i, o))));
  archive.delta.added.push(...items.filter((i) => !old.some((o) => sameItem(i, o))));
}

/** Raises the highest stamp seen. */
export function see(archive: Archive, stamp: Stamp): void {
  if (compareStamp(stamp, archive.seen) > 0) archive.seen = stamp;
}

/** All items, of the system's streams or of the others, narrowed to `streams` when given. */
export function itemsIn(archive: Archive, wanted: (stream: string) => boolean): Item[] {
  const out: Item[] = [];
  for (const items of archive.frontier.values()) if (wanted(items[0]!.stream)) out.push(...items);
  return out;
}

/** The digest over all streams but the system's, as hex. */
export function digestOf(archive: Archive): string {
  const streams = new Map<string, Item[]>();
  for (const item of itemsIn(archive, (s) => !s.startsWith('$'))) {
    const list = streams.get(item.stream);
    if (list) list.push(item); else streams.set(item.stream, [item]);
  }
  return hex(fleetDigest(archive.crypto, streams));
}

/** The stream's tally, all zero when nothing is stored. */
export function tallyOf(archive: Archive, stream: string): Tally {
  return archive.tallies.get(stream) ?? { events: 0, logs: 0, segments: 0, bytes: 0 };
}
