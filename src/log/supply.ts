// Finding what another node asks for: segments of a range or of everything a tip stands for, oldest first.
import type { Bytes, Row } from '../ports.ts';
import type { Tip } from '../event/chain.ts';
import type { Segment } from '../event/segment.ts';
import type { Archive } from './archive.ts';
import type { LogRecord } from './record.ts';
import { concat, equal, hex } from '../event/bytes.ts';
import { SEGMENT_EVENTS } from '../limits.ts';
import { readable } from './change.ts';
import { pages, recordOf } from './archive.ts';
import { soundScan } from './damage.ts';
import type { Lost } from './damage.ts';
import { openIt } from './opened.ts';
import { hashAt } from './span.ts';
import { segmentFrom, segmentSpan } from './place.ts';

/** Logs that one walk collects; who is still missing more asks again. */
const WALK_LOGS = 10_000;

/** A range of one log, or all that a tip stands for (`lineage`; `from` is then 1). */
export interface Target { log: Bytes; from: number; to: number; lineage: boolean }
/** Where a supply stands: the ranges still to go, nearest last. */
export interface SupplyCursor { ranges: { log: Bytes; from: number; to: number }[] }
/** A log with its segments that are sealed and not stored yet. */
export interface LiveLog { log: Bytes; record: Pick<LogRecord, 'opening' | 'height'>; live: Segment[]; /** e at a position, where it is not stored yet. */ at(position: number): Bytes | undefined }
/** Looks a live log up. */
export type LiveOf = (log: Bytes) => LiveLog | undefined;

/** At most about `budget` bytes of segments, but one at least when there is any; `cursor` null: that was all. Ranges not held are passed over, and damaged ones, of which `lost` is told. */
export async function supply(archive: Archive, liveOf: LiveOf, target: Target, have: Tip[], cursor: SupplyCursor | null, budget: number, lost?: Lost): Promise<{ segments: Bytes[]; cursor: SupplyCursor | null }> {
  const ranges = cursor ? cursor.ranges.slice() : target.lineage ? await lineage(archive, liveOf, target, have) : [{ log: target.log, from: target.from, to: target.to }];
  const segments: Bytes[] = [];
  let size = 0;
  while (ranges.length) {
    const range = ranges[ranges.length - 1]!;
    const found = await nextSegments(archive, liveOf, range, lost);
    if (!found.length) { ranges.pop(); continue; }
    const { from } = range;
    for (const s of found) {
      segments.push(s.bytes);
      size += s.bytes.length;
      range.from = Math.max(range.from, s.header.first + s.header.count);
    }
    ranges[ranges.length - 1] = { ...range };
    // A row that is not what its key says does not go on: it must not be sent for ever.
    if (range.from > range.to || range.from === from) ranges.pop();
    if (size >= budget) break;
  }
  return { segments, cursor: ranges.length ? { ranges } : null };
}

/** The longest held segment that covers the start of a range or comes next in it; all those of a fork. */
export async function nextSegments(archive: Archive, liveOf: LiveOf, range: { log: Bytes; from: number; to: number }, lost?: Lost): Promise<Segment[]> {
  const held: Segment[] = [];
  // Before the store is read: what is there now may be stored, and forgotten here, while it is read.
  const live = (liveOf(range.log)?.live ?? []).filter((s) => s.header.first + s.header.count - 1 >= range.from && s.header.first <= range.to);
  const rows = await soundScan(archive.store, 'segment', { gte: range.log, lt: segmentFrom(range.log, range.from + 1), reverse: true, limit: 4 }, lost);
  const take = (row: Row): void => {
    const segment = wholeOf(archive, row, lost);
    if (segment) held.push(segment);
  };
  for (const row of rows) if (segmentSpan(row.key).last >= range.from) take(row);
  if (!held.length) {
    // However many damaged ones follow each other: what lies behind them is held.
    for await (const row of pages(archive.store, 'segment', segmentFrom(range.log, range.from + 1), segmentFrom(range.log, range.to + 1), 4, lost ?? (() => undefined))) {
      take(row);
      if (held.length) break;
    }
  }
  if (live.length) held.push(live[0]!);
  const inRange = held.filter((s) => s.header.first <= range.to);
  if (!inRange.length) return [];
  const record = await recordOf(archive, range.log);
  // Of a fork everything is sent: so also where a copy of this machine has stored another branch than the one that is live here.
  if (record && (record.forked || (live.length && record.spans.some((s) => s.to >= live[0]!.header.first)))) {
    const start = Math.min(...inRange.map((s) => s.header.first));
    const all: Segment[] = [];
    for await (const row of pages(archive.store, 'segment', segmentFrom(range.log, start), segmentFrom(range.log, range.to + 1), 16, lost ?? (() => undefined))) {
      const segment = wholeOf(archive, row, lost);
      if (segment) all.push(segment);
    }
    return [...new Map([...inRange, ...all, ...live].map((s) => [hex(s.header.hash) + s.header.first, s])).values()];
  }
  const covering = inRange.filter((s) => s.header.first <= range.from);
  const choice = covering.length ? covering : [inRange.reduce((a, b) => (b.header.first < a.header.first ? b : a))];
  return [choice.reduce((a, b) => (b.header.first + b.header.count > a.header.first + a.header.count ? b : a))];
}

/** A stored segment that is what its author signed, as far as its hash tells. What is damaged is passed over, as what is not held: nobody would take it. */
function wholeOf({ crypto }: Archive, row: Row, lost: Lost | undefined): Segment | undefined {
  const segment = readable({ key: row.key, bytes: row.value });
  if (segment && (segment.payload === null || equal(crypto.sha256(segment.payload), segment.header.hash))) return segment;
  lost?.('segment', `at ${hex(row.key)}`);
  return undefined;
}

/** Up to where somebody who holds a tip holds the branch of its log that is held here: a tip of another branch says nothing about this one. */
async function hadBy(archive: Archive, liveOf: LiveOf, target: Target, tip: Tip): Promise<number> {
  // Who asks for an end below its own asks for another branch; which of them it holds is not known here.
  if (equal(tip.log, target.log) && (tip.position >= target.to || (await recordOf(archive, tip.log))?.forked)) return 0;
  const known = await hashesAt(archive, tip.log, tip.position);
  const live = liveOf(tip.log)?.at(tip.position);
  if (live) known.push(live);
  return !known.length || known.some((e) => equal(e.subarray(0, tip.e.length), tip.e)) ? tip.position : 0;
}

/** Ranges, nearest last, of all logs that `target` stands for and `have` does not: a walk back from both along the cites, highest log first. */
async function lineage(archive: Archive, liveOf: LiveOf, target: Target, have: Tip[]): Promise<SupplyCursor['ranges']> {
  interface Mark { log: Bytes; record: Pick<LogRecord, 'opening' | 'height'> | undefined; wanted: number; had: number; waits: boolean }
  const marks = new Map<string, Mark>();
  const open: Mark[] = [];
  const mark = async (log: Bytes, wanted: number, had: number): Promise<void> => {
    let one = marks.get(hex(log));
    if (!one) {
      const record = await recordOf(archive, log) ?? liveOf(log)?.record;
      if (!record && !wanted) return;
      marks.set(hex(log), one = { log, record, wanted: 0, had: 0, waits: false });
    }
    if (wanted <= one.wanted && had <= one.had) return;
    one.wanted = Math.max(one.wanted, wanted);
    one.had = Math.max(one.had, had);
    // Heights are only as good as what was known when they were noted: a log may be met again.
    if (!one.waits) open.push(one);
    one.waits = true;
  };
  await mark(target.log, target.to, 0);
  const cites = async (log: Bytes): Promise<Tip[]> => (await recordOf(archive, log) ?? liveOf(log)?.record)?.opening?.cites ?? [];
  for (const tip of have) {
    const had = await hadBy(archive, liveOf, target, tip);
    await mark(tip.log, 0, had);
    // Whatever its branch, who holds some of a log holds what the log cites.
    if (!had) for (const cite of await cites(tip.log)) await mark(cite.log, 0, await hadBy(archive, liveOf, target, cite));
  }
  for (let walked = 0; walked < WALK_LOGS && open.some((m) => m.wanted > m.had); walked++) {
    let best = 0;
    for (let i = 1; i < open.length; i++) if ((open[i]!.record?.height ?? 0) > (open[best]!.record?.height ?? 0)) best = i;
    const [one] = open.splice(best, 1);
    one!.waits = false;
    for (const tip of one!.record?.opening?.cites ?? []) {
      // Who holds any of a log holds what its opening cites, or names it as a hole.
      await mark(tip.log, one!.wanted ? tip.position : 0, one!.had ? await hadBy(archive, liveOf, target, tip) : 0);
    }
  }
  const ranges = [...marks.values()].filter((m) => m.wanted > m.had && !m.waits).map((m) => ({ log: m.log, from: m.had + 1, to: m.wanted }));
  return ranges.sort((a, b) => heightOf(marks, b.log) - heightOf(marks, a.log));
}

function heightOf(marks: Map<string, { record: Pick<LogRecord, 'height'> | undefined }>, log: Bytes): number {
  return marks.get(hex(log))?.record?.height ?? 0;
}

/** For a tip held here: up to `most` earlier ends of held segments in its ancestry, nearest first. */
export async function olderTips(archive: Archive, liveOf: LiveOf, tip: { log: Bytes; to: number }, most: number): Promise<Tip[]> {
  const out: Tip[] = [];
  const live = liveOf(tip.log);
  for (const s of [...(live?.live ?? [])].reverse()) {
    if (out.length >= most) return out;
    if (s.header.first > 1 && s.header.first <= tip.to) out.push({ log: tip.log, position: s.header.first - 1, e: s.header.before });
  }
  if (out.length < most) {
    const rows = await soundScan(archive.store, 'segment', { gte: tip.log, lt: segmentFrom(tip.log, tip.to + 1), reverse: true, limit: most - out.length });
    for (const row of rows) {
      const h = readable({ key: row.key, bytes: row.value })?.header;
      if (h && h.first > 1) out.push({ log: tip.log, position: h.first - 1, e: h.before });
    }
  }
  if (out.length < most) {
    const record = await recordOf(archive, tip.log);
    for (const cite of record?.opening?.cites ?? live?.record.opening?.cites ?? []) if (out.length < most) out.push(cite);
  }
  return out;
}

/** Would the door take something of this tip's ancestry? False when that end is held, or waits in quarantine; undefined when only a key could tell whether it is another branch. */
export async function lacks(archive: Archive, liveOf: LiveOf, tip: { log: Bytes; node: Bytes; to: number; after: Bytes }): Promise<boolean | undefined> {
  const record = await recordOf(archive, tip.log);
  const live = liveOf(tip.log)?.at(tip.to);
  if (live && equal(live, tip.after)) return false;
  if (record) {
    const e = await hashesAt(archive, tip.log, tip.to);
    if (live) e.push(live);
    if (e.some((x) => equal(x, tip.after))) return false;
    const top = record.bounds ? Math.max(0, ...record.bounds.map((b) => b.position)) : Infinity;
    if (record.bounds && tip.to > top && record.spans.some((s) => s.to >= top)) return false;
    // Another history at a held position is wanted.
    if (record.spans.some((s) => s.from <= tip.to && tip.to <= s.to)) return e.length > 0 ? true : undefined;
  }
  const around = (position: number): Bytes => concat(tip.node, segmentFrom(tip.log, position));
  let unsure = false;
  for await (const row of pages(archive.store, 'quarantine', around(Math.max(1, tip.to - SEGMENT_EVENTS + 1)), around(tip.to + 1), 64)) {
    const { last } = segmentSpan(row.key.subarray(32));
    if (last < tip.to) continue;
    // A copy of that node may have written another branch there, and one of the two may be valid.
    const segment = readable({ key: row.key, bytes: row.value }), e = segment && (last === tip.to ? segment.header.after : hashAt(openIt(archive, segment).piece, tip.to));
    if (e && equal(e, tip.after)) return false;
    if (segment && !e) unsure = true;
  }
  return unsure ? undefined : true;
}

/** Every e that stored segments are known to have at a position. */
export async function hashesAt(archive: Archive, log: Bytes, position: number): Promise<Bytes[]> {
  const out: Bytes[] = [];
  const rows = await soundScan(archive.store, 'segment', { gte: log, lt: segmentFrom(log, position + 2), reverse: true, limit: 8 });
  for (const row of rows) {
    const { first, last } = segmentSpan(row.key);
    if (last < position || first - 1 > position) continue;
    const segment = readable({ key: row.key, bytes: row.value });
    if (!segment) continue;
    const edge = last === position || first - 1 === position;
    const e = hashAt(edge ? { first, last, before: segment.header.before, after: segment.header.after } : openIt(archive, segment).piece, position);
    if (e) out.push(e);
  }
  return out;
}
