// What a stream holds that a cursor does not cover: found by walking back from the ends of both, so that it costs what the difference is, not what the stream is.
import type { Bytes } from '../ports.ts';
import type { Tip } from '../event/chain.ts';
import type { Archive } from './archive.ts';
import type { Told, Whole } from './cursor.ts';
import type { Item } from './item.ts';
import type { OwnLog } from './own.ts';
import type { LogRecord } from './record.ts';
import { equal, hex } from '../event/bytes.ts';
import { pages, recordOf } from './archive.ts';
import { SHORT } from './cursor.ts';
import { soundScan } from './damage.ts';
import { HOLE } from './item.ts';
import { hashOf } from './own.ts';
import { lineageKey, prefixEnd } from './place.ts';
import { hashesAt } from './supply.ts';

/** Positions of one log, both ends included. */
export interface Range { log: Bytes; from: number; to: number }

/** What has changed besides arrivals: nodes whose verdicts may have, and which keys are new. */
export interface News { judged: Bytes[]; /** True for the hash of a key that was not there before. */ fresh: ((keyHash: Bytes) => boolean) | undefined }

/** One log on the walk. `had`: up to where it was told; `shut`: its opening was not; `unread`: nothing of it could be read; `waits`: for its step. */
interface Mark { log: Bytes; author: string; record: LogRecord | undefined; own: OwnLog | undefined; height: number; wanted: number; had: number; tips: Told[]; holes: Told[]; shut: boolean; unread: boolean; waits: boolean }

/** The ends of a stream as they stand: the frontier's items, and of own logs also what is durable and not sealed yet. */
export function endsOf(archive: Archive, unstored: OwnLog[], stream: string): { log: Bytes; node: Bytes; told: Told }[] {
  const ends: { log: Bytes; node: Bytes; told: Told }[] = [];
  const end = (log: Bytes, node: Bytes, from: number, to: number, e: Bytes): void => {
    ends.push({ log, node, told: { log: log.slice(0, SHORT), from, to, e: e.slice(0, SHORT) } });
  };
  const tails = unstored.filter((own) => own.opening.stream === stream && own.durable > own.sealed);
  for (const items of archive.frontier.values()) {
    if (items[0]!.stream !== stream) continue;
    for (const item of items) {
      if (!tails.some((own) => isEndOf(own, item))) end(item.log, item.node, item.kind === HOLE ? item.from : 0, item.to, item.after);
    }
  }
  for (const own of tails) end(own.log, own.opening.node, 0, own.durable, hashOf(own, own.durable));
  return ends;
}

function isEndOf(own: OwnLog, item: Item): boolean {
  return item.kind !== HOLE && equal(own.log, item.log) && item.to === own.sealed && own.sealed > 0 && equal(item.after, hashOf(own, own.sealed));
}

/** The ranges that hold all that is admitted in a stream and that `whole` does not cover; at least that, where the history does not say. */
export async function missing(archive: Archive, unstored: OwnLog[], stream: string, whole: Whole, news: News): Promise<Range[]> {
  const marks = new Map<string, Mark>();
  const open = new Map<string, Mark[]>(); // by author: only a node's own logs cite its logs
  const muted = new Set(news.judged.map(hex));

  async function markOf(log: Bytes, author = ''): Promise<Mark> {
    const name = hex(log);
    let mark = marks.get(name);
    if (mark) return mark;
    const record = await recordOf(archive, log), own = unstored.find((o) => equal(o.log, log));
    mark = marks.get(name);
    if (mark) return mark;
    const node = record?.node ?? own?.opening.node;
    mark = { log, record, own, author: node ? hex(node) : author, height: record?.opening ? record.height : own ? Infinity : record?.height ?? 0, wanted: 0, had: 0, tips: [], holes: [], shut: false, unread: false, waits: false };
    mark.unread = record?.keyHash ? news.fresh?.(record.keyHash) === true : false;
    marks.set(name, mark);
    return mark;
  }
  const queue = (mark: Mark): void => {
    if (mark.waits) return;
    mark.waits = true;
    const list = open.get(mark.author);
    if (list) list.push(mark); else open.set(mark.author, [mark]);
  };
  async function want(log: Bytes, position: number, author?: string): Promise<void> {
    const mark = await markOf(log, author);
    if (position <= mark.wanted) return;
    mark.wanted = position;
    queue(mark);
  }
  async function hold(log: Bytes, tip: Told, sure: boolean): Promise<void> {
    const mark = await markOf(log);
    if (mark.tips.some((t) => t.to === tip.to && equal(t.e, tip.e))) return;
    mark.tips.push(tip);
    if (mark.unread) return;
    // What was missing of a branch was counted from what was held of another one: where it begins is not known.
    if (mark.record && branched(mark.record)) mark.had = !mark.holes.length && mark.record.spans.every((s) => mark.tips.some((t) => t.to === s.to && equal(t.e, s.after.subarray(0, SHORT)))) ? Infinity : 0;
    else if (tip.to > mark.had && (sure || await onBranch(archive, mark, tip))) mark.had = Math.max(mark.had, tip.to);
    queue(mark);
  }
  /** Who was told of any of a log was told of all that its opening cites; a cite of something that is not held proves nothing about what is. */
  async function step(mark: Mark): Promise<void> {
    const cites: Tip[] = mark.record?.opening?.cites ?? mark.own?.opening.cites ?? [];
    for (const cite of cites) {
      if (mark.tips.length && !mark.shut && !muted.has(mark.author)) {
        const noted = (await markOf(cite.log, mark.author)).record?.cited.find((c) => c.position === cite.position && equal(c.e, cite.e));
        if (noted?.held !== false) await hold(cite.log, { log: cite.log, from: 0, to: cite.position, e: cite.e.slice(0, SHORT) }, noted !== undefined);
      }
      if (mark.wanted > mark.had || (mark.wanted && mark.shut)) await want(cite.log, cite.position, mark.author);
    }
  }

  const ends = endsOf(archive, unstored, stream);
  const same = (a: Told, b: Told): boolean => a.from === b.from && a.to === b.to && equal(a.log, b.log) && equal(a.e, b.e);
  const here = new Map(ends.map((end) => [hex(end.told.log), end.log]));
  const known: [log: Bytes, told: Told][] = [];
  for (const told of whole.told) {
    const log = here.get(hex(told.log)) ?? await wholeLog(archive, unstored, told.log);
    if (!log) continue;
    known.push([log, told]);
    if (!told.from) continue;
    const mark = await markOf(log);
    mark.holes.push(told);
    if (told.from === 1) mark.shut = true;
    if (!ends.some((end) => same(end.told, told))) await want(log, told.to);
  }
  for (const [log, told] of known) await hold(log, told, false);
  const told = new Map<string, Told[]>();
  for (const one of whole.told) told.set(hex(one.log), [...told.get(hex(one.log)) ?? [], one]);
  for (const end of ends) {
    const mark = await markOf(end.log);
    if (mark.unread || !told.get(hex(end.told.log))?.some((one) => same(one, end.told))) await want(end.log, end.told.to);
  }
  for (const node of news.judged) await wantLogsOf(archive, node, stream, want);
  if (news.fresh) await wantUnread(archive, stream, news.fresh, want);

  for (const list of open.values()) {
    while (list.some((mark) => mark.wanted > mark.had || (mark.wanted && mark.shut))) {
      let best = 0;
      for (let i = 1; i < list.length; i++) if (list[i]!.height > list[best]!.height) best = i;
      const [mark] = list.splice(best, 1);
      mark!.waits = false;
      await step(mark!);
    }
  }
  return [...marks.values()].flatMap(rangesOf);
}

/** Whether several branches of a log are held: also where the place at which they part is missing, so that nobody can call it a fork yet. */
export function branched({ forked, spans }: Pick<LogRecord, 'forked' | 'spans'>): boolean {
  let below: LogRecord['spans'][number] | undefined;
  for (const span of [...spans].sort((a, b) => a.from - b.from)) {
    if (below && (span.from <= below.to || (span.from === below.to + 1 && !equal(span.before, below.after)))) return true;
    below = span;
  }
  return forked;
}

function rangesOf({ log, wanted, had, holes }: Mark): Range[] {
  const ranges: Range[] = wanted > had ? [{ log, from: had + 1, to: wanted }] : [];
  for (const hole of holes) if (hole.from <= Math.min(had, wanted)) ranges.push({ log, from: hole.from, to: Math.min(hole.to, had, wanted) });
  return ranges;
}

/** Whether the branch that is held of a log is the one that a tip is on, as far as what is held can tell. */
async function onBranch(archive: Archive, { record, own, log, author }: Mark, tip: Told): Promise<boolean> {
  const like = (e: Bytes): boolean => equal(e.subarray(0, SHORT), tip.e);
  if (record?.spans.some((span) => span.to === tip.to && like(span.after))) return true;
  if (own && tip.to >= own.stored && tip.to <= own.durable) return like(hashOf(own, tip.to));
  const known = await hashesAt(archive, log, tip.to);
  // It lies beyond what is held: of a log that was cut, or whose author was cloned, it may be the end of another branch.
  return known.length ? known.some(like) : !record?.bounds && !archive.suspects.has(author);
}

/** The log that a cursor names. */
async function wholeLog(archive: Archive, unstored: OwnLog[], short: Bytes): Promise<Bytes | undefined> {
  const own = unstored.find((o) => equal(o.log.subarray(0, SHORT), short));
  if (own) return own.log;
  const end = prefixEnd(short);
  const rows = await soundScan(archive.store, 'log', { gte: short, ...(end && { lt: end }), limit: 2 });
  return rows.length === 1 ? rows[0]!.key : undefined;
}

/** All logs of a node whose verdicts may have changed. */
async function wantLogsOf(archive: Archive, node: Bytes, stream: string, want: (log: Bytes, position: number) => Promise<void>): Promise<void> {
  const prefix = lineageKey(node, stream, new Uint8Array(0));
  for await (const row of pages(archive.store, 'lineage', prefix, prefixEnd(prefix), 500, () => undefined)) {
    const record = await recordOf(archive, row.key.slice(-16));
    if (record?.spans.length) await want(record.log, Math.max(...record.spans.map((s) => s.to)));
  }
}

/** All logs that can be read only with keys that were not there. */
async function wantUnread(archive: Archive, stream: string, fresh: (keyHash: Bytes) => boolean, want: (log: Bytes, position: number) => Promise<void>): Promise<void> {
  for await (const row of pages(archive.store, 'log', undefined, undefined, 256, () => undefined)) {
    const record = await recordOf(archive, row.key);
    if (record?.stream === stream && record.keyHash && record.spans.length && fresh(record.keyHash)) await want(record.log, Math.max(...record.spans.map((s) => s.to)));
  }
}
