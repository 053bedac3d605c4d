// Reading a stream in fold order: segments and the unstored tail merged, opened only where the index says that they can match.
import type { Bytes } from '../ports.ts';
import type { EventFields, EventHead } from '../event/event.ts';
import type { Run } from '../event/run.ts';
import type { Segment } from '../event/segment.ts';
import type { Stamp } from '../event/stamp.ts';
import type { Archive } from './archive.ts';
import type { OwnLog } from './own.ts';
import { Fault } from '../fault.ts';
import { concat, compare, equal, hex } from '../event/bytes.ts';
import { decodeEvent, peekEvent } from '../event/event.ts';
import { getStamp, getUint, ORDER_BYTES, orderBytes, STAMP_BYTES } from '../event/order.ts';
import { startOf } from '../event/run.ts';
import { compareStamp } from '../event/stamp.ts';
import { pages, recordOf } from './archive.ts';
import { readable } from './change.ts';
import type { Lost } from './damage.ts';
import { soundScan } from './damage.ts';
import { openIt } from './opened.ts';
import { keyHash32, parseIndexValue } from './index-row.ts';
import { eventsOf } from './own.ts';
import { prefixEnd, segmentFrom, segmentSpan, streamPrefix } from './place.ts';

/**
 * Which events: of one key, some keys or a type, from `since` to before `until` (ms of the event's time), at most `limit`; the last ones first with `reverse`.
 * `after`: only those that come later in the order of reading than a place (PLACE_BYTES of an order, or its stamp and more).
 */
export interface Query {
  key?: string | undefined; keys?: Set<string> | undefined; type?: string | undefined; since?: number | undefined; until?: number | undefined;
  limit?: number | undefined; reverse?: boolean | undefined; after?: Bytes | undefined;
}

/** Bytes of the order of an event that tell its place in reading from any other one's: e's first half is enough. */
export const PLACE_BYTES = ORDER_BYTES - 16;

/** One event as a reader gets it. */
export interface Found extends EventFields { node: Bytes; incarnation: Bytes; position: number; e: Bytes }

/** Events of one log, at event `i`, going by `step` up to but not including `end`; of them those behind the place `after`, if it is given. */
export interface Source { node: Bytes; incarnation: Bytes; first: number; run: Run; hashes: Bytes; i: number; end: number; step: 1 | -1; head: EventHead; after: Bytes | undefined }
/** The way to sources that a reader meets at the stamp `edge`. */
export interface Lead { edge: Stamp; open(): Promise<Source[]> }
/** What a reading is made of: sources that are open, and leads to others in the order of their edges. */
export interface Sources { open: Source[]; leads: AsyncGenerator<Lead> }
/** A row of the index that may match; `edge` is the stamp at which a reader meets its segment. */
interface Hint { edge: Stamp; log: Bytes; first: number; after: Bytes }

/** True when an event with this head is asked for. */
export function matches(head: Pick<EventHead, 'key' | 'type' | 'time'>, q: Query): boolean {
  return (q.key === undefined || head.key === q.key) && (!q.keys || q.keys.has(head.key)) && (q.type === undefined || head.type === q.type)
    && (q.since === undefined || head.time >= q.since) && (q.until === undefined || head.time < q.until);
}

/**
 * Events of a stream in fold order, or backwards. Memory is that of the segments that overlap in stamps at any moment; going backwards also that of the
 * stream's index. `unstored`: own logs with a tail. Fault `store-damaged` at the end, after all that can be read, when something could not (`verify` names it).
 */
export async function* readStream(archive: Archive, unstored: OwnLog[], stream: string, q: Query): AsyncGenerator<Found> {
  let lacking = 0;
  const left = yield* merged(streamSources(archive, unstored, stream, q, () => { lacking++; }), q);
  if (left > 0 && lacking) throw incomplete(stream, lacking);
}

/** The fault that ends a reading when something of it could not be read. */
export function incomplete(stream: string, lacking: number): Fault {
  return new Fault('store-damaged', `stream ${stream} could not be read whole: ${lacking} parts of it are damaged; \`holdfast verify\` names them, and other nodes may hold them`);
}

/** All that is held of a stream; `lost` is told of what cannot be read. */
export function streamSources(archive: Archive, unstored: OwnLog[], stream: string, q: Query, lost: Lost): Sources {
  const step = q.reverse ? -1 : 1;
  const open = unstored.filter((own) => own.opening.stream === stream && own.durable > own.stored).map((own) => {
    const { run, hashes } = eventsOf(own, own.stored + 1, own.durable);
    return sourceOver({ node: own.opening.node, incarnation: own.opening.incarnation, first: own.stored + 1, run, hashes }, 0, run.ends.length, step, q.after);
  });
  async function* leads(): AsyncGenerator<Lead> {
    for await (const hint of q.reverse ? backwards(archive, stream, q, lost) : forwards(archive, stream, q, lost)) yield { edge: hint.edge, open: () => follow(archive, hint, step, q.after, lost) };
  }
  return { open, leads: leads() };
}

/** Events of sources in the order of reading, each once, as many as `limit` says. Returns how many of these are left. */
export async function* merged({ open, leads }: Sources, q: Query): AsyncGenerator<Found, number> {
  const step = q.reverse ? -1 : 1, heap: Source[] = [];
  for (const source of open) push(heap, source, q);
  let lead = (await leads.next()).value as Lead | undefined;
  let left = q.limit ?? Infinity;
  let last: Found | undefined;
  while (left > 0) {
    while (lead && (!heap.length || compareStamp(lead.edge, heap[0]!.head.stamp) * step <= 0)) {
      for (const source of await lead.open()) push(heap, source, q);
      lead = (await leads.next()).value as Lead | undefined;
    }
    const top = heap[0];
    if (!top) break;
    const start = startOf(top.run, top.i);
    const e = top.hashes.slice(top.i * 32, top.i * 32 + 32);
    const position = top.first + top.i;
    // The same event can stand in two segments that overlap; copies are neighbours here.
    if (!(last && last.position === position && equal(last.e, e))) {
      last = { ...decodeEvent(top.run.bytes.subarray(start, top.run.ends[top.i]!)), node: top.node, incarnation: top.incarnation, position, e };
      yield last;
      left--;
    }
    advance(top, q);
    if (top.i === top.end) { heap[0] = heap[heap.length - 1]!; heap.pop(); }
    sink(heap);
  }
  return left;
}

async function* forwards(archive: Archive, stream: string, q: Query, lost: Lost): AsyncGenerator<Hint> {
  const prefix = streamPrefix(stream);
  const wanted = q.key === undefined ? undefined : keyHash32(q.key);
  const some = q.keys && new Set([...q.keys].map(keyHash32));
  const place = q.after && getStamp(q.after, 0);
  for await (const row of pages(archive.store, 'index', prefix, prefixEnd(prefix), 256, lost)) {
    const info = parseIndexValue(row.value);
    if (q.since !== undefined && info.timeMax < q.since) continue;
    if (q.until !== undefined && info.timeMin >= q.until) continue;
    if (wanted !== undefined && info.keys && !has(info.keys, wanted)) continue;
    if (some && info.keys && !info.keys.some((hash) => some.has(hash))) continue;
    const key = row.key.subarray(prefix.length);
    if (place && (q.reverse ? compareStamp(getStamp(key, 0), place) > 0 : compareStamp(info.stampLast, place) < 0)) continue;
    yield { edge: q.reverse ? info.stampLast : getStamp(key, 0), log: key.slice(STAMP_BYTES, 30), first: getUint(key, 30, 7), after: key.slice(37) };
  }
}

/** The index is in order of first stamps; backwards, segments are met at their last ones. */
async function* backwards(archive: Archive, stream: string, q: Query, lost: Lost): AsyncGenerator<Hint> {
  const leads: Hint[] = [];
  for await (const lead of forwards(archive, stream, q, lost)) leads.push(lead);
  yield* leads.sort((a, b) => compareStamp(b.edge, a.edge));
}

/** Events `low` to below `high` of a run whose first has position `from.first`, of them those behind the place `after`. */
export function sourceOver(from: Pick<Source, 'node' | 'incarnation' | 'first' | 'run' | 'hashes'>, low: number, high: number, step: 1 | -1, after: Bytes | undefined): Source {
  return { ...from, after, step, i: step > 0 ? low - 1 : high, end: step > 0 ? high : low - 1, head: undefined as never };
}

function has(sorted: Uint32Array, value: number): boolean {
  let low = 0, high = sorted.length;
  while (low < high) { const mid = (low + high) >> 1; if (sorted[mid]! < value) low = mid + 1; else high = mid; }
  return sorted[low] === value;
}

async function follow(archive: Archive, row: Hint, step: 1 | -1, after: Bytes | undefined, lost: Lost): Promise<Source[]> {
  const record = await recordOf(archive, row.log);
  const top = record?.bounds ? Math.max(0, ...record.bounds.map((b) => b.position)) : Infinity;
  const sources: Source[] = [];
  for (const segment of await find(archive, row, lost)) {
    const h = segment.header;
    const { inside } = openIt(archive, segment);
    if (!inside) continue;
    let high = Math.min(h.count, top - h.first + 1);
    const low = Math.max(0, row.first - h.first);
    // A longer segment that replaced the row's since it was read: its later events were met already.
    while (step < 0 && high > low && compareStamp(peekEvent(inside.bytes, startOf(inside, high - 1), inside.ends[high - 1]!).stamp, row.edge) > 0) high--;
    if (high > low) sources.push(sourceOver({ node: h.node, incarnation: h.incarnation, first: h.first, run: inside, hashes: inside.hashes }, low, high, step, after));
  }
  return sources;
}

/** The segment that an index row names, or the longer one that replaced it since the row was read. */
async function find(archive: Archive, row: { log: Bytes; first: number; after: Bytes }, lost: Lost): Promise<Segment[]> {
  const from = segmentFrom(row.log, row.first), to = segmentFrom(row.log, row.first + 1);
  const exact = (await soundScan(archive.store, 'segment', { gte: from, lt: to }, lost)).find((r) => compare(r.key.subarray(25), row.after) === 0);
  if (exact) {
    const segment = readable({ key: exact.key, bytes: exact.value });
    if (!segment) lost('segment', `log ${hex(row.log)}, from position ${row.first}`);
    return segment ? [segment] : [];
  }
  const before = await soundScan(archive.store, 'segment', { gte: row.log, lt: concat(to), reverse: true, limit: 8 });
  return before.filter((r) => segmentSpan(r.key).last >= row.first).map((r) => readable({ key: r.key, bytes: r.value })).filter((segment) => segment !== undefined);
}

function advance(source: Source, q: Query): void {
  while ((source.i += source.step) !== source.end) {
    source.head = peekEvent(source.run.bytes, startOf(source.run, source.i), source.run.ends[source.i]!);
    if (matches(source.head, q) && (!source.after || beyond(source, source.after))) return;
  }
}

/** True when the event under a source comes later than a place, in the direction of the source. */
function beyond(source: Source, place: Bytes): boolean {
  const { head, node, incarnation, first, hashes, i, step } = source;
  return step * compare(orderBytes(head.stamp, node, incarnation, first + i, hashes.subarray(i * 32, i * 32 + 32)).subarray(0, place.length), place) > 0;
}

/** Adds a source to a heap, at its first event that is asked for. */
function push(heap: Source[], source: Source, q: Query): void {
  advance(source, q);
  if (source.i === source.end) return;
  heap.push(source);
  for (let i = heap.length - 1; i > 0;) {
    const up = (i - 1) >> 1;
    if (order(heap[up]!, heap[i]!) <= 0) break;
    [heap[up], heap[i]] = [heap[i]!, heap[up]!];
    i = up;
  }
}

function sink(heap: Source[]): void {
  for (let i = 0; ;) {
    let least = i;
    for (const child of [2 * i + 1, 2 * i + 2]) if (child < heap.length && order(heap[child]!, heap[least]!) < 0) least = child;
    if (least === i) return;
    [heap[i], heap[least]] = [heap[least]!, heap[i]!];
    i = least;
  }
}

/** Fold order (backwards where the sources go backwards): stamp, node, incarnation, position, e. */
function order(a: Source, b: Source): number {
  return a.step * (compareStamp(a.head.stamp, b.head.stamp) || compare(a.node, b.node) || compare(a.incarnation, b.incarnation)
    || a.first + a.i - (b.first + b.i) || compare(a.hashes.subarray(a.i * 32, a.i * 32 + 32), b.hashes.subarray(b.i * 32, b.i * 32 + 32)));
}
