// Judging a node's logs again after its standing changed, or after more of what a revocation cut came in.
import type { Bytes } from '../ports.ts';
import type { Tip } from '../event/chain.ts';
import type { Judgement } from './authority.ts';
import type { Change } from './change.ts';
import type { Opened } from './opened.ts';
import type { Bound, Citation, LogRecord } from './record.ts';
import { CITED } from '../limits.ts';
import { compare, equal, hex } from '../event/bytes.ts';
import { peekEvent } from '../event/event.ts';
import { pages } from './archive.ts';
import { segmentOf } from './change.ts';
import { beyond, factsOf, isVoid, keysIn, openIt, openStored, tellNew } from './opened.ts';
import { prefixEnd } from './place.ts';
import { emptyRecord, named } from './record.ts';
import { hashAt, holdsPoint, rebuild } from './span.ts';
import { suspect } from './suspicion.ts';
import type { Piece } from './span.ts';

/** One log with all that is here of it, admitted or not. */
interface Case { record: LogRecord; isNew: boolean; inside: Opened[]; outside: Opened[]; /** What the openings of its segments cite. */ cites: Tip[]; judgement: Judgement; kept: Piece[] }

/**
 * Judges all logs of a node from scratch, so that the result depends only on what is held and not on the order in which it came: admits what waits
 * in quarantine, moves there what is no longer valid. Returns the nodes whose standing changed by `$fleet` events that were admitted here.
 */
export async function rejudge(change: Change, node: Bytes): Promise<Bytes[]> {
  const cases = await collect(change, node);
  const changed = new Map<string, Bytes>();
  // What somebody revoked knew may still count, admitted or not; while it was unknown it was not listened to.
  for (const one of cases.values()) {
    if (one.record.stream !== '$fleet' || one.judgement.state !== 'killed') continue;
    for (const o of one.outside) for (const n of change.archive.authority.learn(factsOf(o.segment, o))) changed.set(hex(n), n);
  }
  const bounds = boundsOf(cases);
  const cited = new Map<string, Citation[]>();
  // Which logs end up with a valid opening decides whose citations count; a killed log's bounds already say so.
  for (const one of [...cases.values()]) {
    const limit = bounds.get(hex(one.record.log));
    const all = [...one.inside, ...one.outside];
    const built = limit !== undefined && limit !== null && limit.length === 0
      ? { spans: [], events: 0, kept: all.map(() => false), forked: false }
      : rebuild(all.map((o) => o.piece), limit ?? null);
    await settle(change, one, all, built.kept, limit ?? null, changed);
    const openings = all.flatMap((o, i) => (built.kept[i] && o.segment.header.opening ? [o.segment.header.opening] : []));
    const opening = one.record.opening && openings.length ? one.record.opening : openings[0] ?? null;
    for (const tip of openings.flatMap((o) => o.cites)) await cite(change, cases, one, tip, cited);
    one.kept = all.filter((_, i) => built.kept[i]).map((o) => o.piece);
    one.record = { ...one.record, opening, spans: built.spans, events: built.events, forked: built.forked, hollow: one.record.hollow || one.outside.some((o) => isVoid(change.archive, o)), bounds: limit ?? null };
  }
  for (const [name, limit] of boundsOf(cases)) {
    if (!bounds.has(name)) cases.get(name)!.record = { ...cases.get(name)!.record, bounds: limit }; // a log that is cited and not there
  }
  for (const one of cases.values()) {
    if (one.isNew && !one.record.spans.length && !cited.has(hex(one.record.log))) continue;
    const citations = (cited.get(hex(one.record.log)) ?? []).map((c) => ({ ...c, held: holdsPoint(one.kept, c.position, c.e) }));
    const record = { ...one.record, cited: citations };
    change.setRecord(record, one.isNew);
    suspect(change, record);
  }
  return [...changed.values()];
}

/** Notes a citation, also of a log of which nothing has come yet: its end is a hole, and stays cited when it comes. */
async function cite(change: Change, cases: Map<string, Case>, one: Case, tip: Tip, cited: Map<string, Citation[]>): Promise<void> {
  const name = hex(tip.log), by = one.record.log;
  if (equal(tip.log, by)) return;
  const known = cases.get(name)?.record ?? await change.record(tip.log);
  if (known && (!equal(known.node, one.record.node) || known.stream !== one.record.stream)) return; // nonsense by its author
  if (!cases.has(name)) {
    const record = known ?? emptyRecord(tip.log, one.record);
    cases.set(name, { record, isNew: !known, inside: [], outside: [], cites: [], judgement: one.judgement, kept: [] });
  }
  const list = cited.get(name) ?? [];
  const same = list.find((c) => c.position === tip.position && equal(c.e, tip.e));
  if (same) { if (same.by.length < 8 && !same.by.some((b) => equal(b, by))) same.by.push(by); } else if (list.length < CITED) list.push({ position: tip.position, e: tip.e, by: [by], held: false });
  cited.set(name, list);
}

/** All logs of a node; none when there is nothing to judge: nothing waits, and all that is held was and is valid. */
async function collect(change: Change, node: Bytes): Promise<Map<string, Case>> {
  const { archive } = change;
  const cases = new Map<string, Case>();
  const records = new Map<string, LogRecord>();
  for await (const row of pages(archive.store, 'lineage', node, prefixEnd(node))) {
    const record = await change.record(row.key.slice(-16));
    if (record) records.set(hex(record.log), record);
  }
  for (const record of change.changedLogs) if (equal(record.node, node)) records.set(hex(record.log), record);
  const waiting = await change.stored('quarantine', node);
  const judge = (r: LogRecord): Judgement => archive.authority.judge(node, r.grant, r.stream);
  if (!waiting.length && [...records.values()].every((r) => r.bounds === null && judge(r).state === 'live')) return cases;
  for (const [name, record] of records) {
    const inside = await openStored(change, record.log);
    cases.set(name, { record, isNew: false, inside, outside: [], cites: inside.flatMap((o) => o.segment.header.opening?.cites ?? []), judgement: judge(record), kept: [] });
  }
  for (const row of waiting) {
    const opened = openIt(archive, segmentOf(row));
    const { header, log } = opened.segment;
    let one = cases.get(hex(log));
    if (!one) {
      const record = emptyRecord(log, header);
      one = { record, isNew: true, inside: [], outside: [], cites: [], judgement: judge(record), kept: [] };
      cases.set(hex(log), one);
    }
    if (!one.outside.length) {
      one.record = named(one.record, header);
      one.judgement = judge(one.record);
    }
    one.outside.push(opened);
    if (header.opening) one.cites.push(...header.opening.cites);
    if (one.judgement.state === 'waiting' && header.stream === '$fleet' && header.first === 1 && factsOf(opened.segment, opened).slice(0, 1).some((f) => archive.authority.wouldJoin(f))) {
      one.judgement = { state: 'live' };
    }
  }
  return cases;
}

/** For each log: null where all is valid, else the ends of what is; none at all for logs that wait for a grant. */
function boundsOf(cases: Map<string, Case>): Map<string, Bound[] | null> {
  const result = new Map<string, Bound[] | null>();
  const known = new Map<string, { cuts: Reach[]; released: Reach }>(); // logs under one grant share it
  for (const [name, one] of cases) {
    const j = one.judgement;
    if (j.state === 'live') { result.set(name, null); continue; }
    if (j.state === 'waiting') { result.set(name, []); continue; }
    const key = [...j.cuts, j.releases].map((tips) => tips.map((tip) => `${hex(tip.log)}${tip.position}`).join()).join('|');
    const reach = known.get(key) ?? { cuts: ancestries(cases, j.cuts), released: ancestries(cases, [j.releases])[0]! };
    known.set(key, reach);
    const reached = reach.cuts.map((cut) => cut.get(name));
    // Valid is what every revocation left, or any release gave back.
    let kept: Bound[] = [];
    if (reached.every((r) => r !== undefined)) {
      // Ends on different branches may stand at one position: everybody must take the same one.
      const lowest = reached.map((r) => highest(r!)).sort((a, b) => a.position - b.position || compare(a.e, b.e))[0];
      kept = reached.length === 1 ? reached[0]! : lowest ? [lowest] : [];
    }
    result.set(name, [...kept, ...reach.released.get(name) ?? []]);
  }
  return result;
}

function highest(bounds: Bound[]): Bound {
  return bounds.reduce((a, b) => (b.position > a.position || (b.position === a.position && compare(b.e, a.e) < 0) ? b : a));
}

/** For each log the positions up to which an ancestry goes. */
type Reach = Map<string, Bound[]>;

/**
 * What the ancestries of several cuts reach. The way back leads only through logs that all of them reach: those are valid and everyone gets to hold their
 * openings, while what one cut alone names lies in quarantine on some nodes and is unknown on others, and a verdict must not depend on it.
 */
function ancestries(cases: Map<string, Case>, cuts: Tip[][]): Reach[] {
  const reached: Reach[] = cuts.map(() => new Map());
  const passed = new Set<string>();
  const queue = cuts.flatMap((cut, i) => cut.map((tip) => ({ i, tip })));
  for (let next = queue.pop(); next; next = queue.pop()) {
    const { i, tip } = next;
    const name = hex(tip.log), bounds = reached[i]!.get(name) ?? [];
    if (bounds.some((b) => b.position === tip.position && equal(b.e, tip.e))) continue;
    reached[i]!.set(name, [...bounds, { position: tip.position, e: tip.e }]);
    if (passed.has(name) || !reached.every((each) => each.has(name))) continue;
    passed.add(name);
    for (const cite of cases.get(name)?.cites ?? []) reached.forEach((_, k) => queue.push({ i: k, tip: cite }));
  }
  return reached;
}

/** Moves the segments of one log between the store's valid part and quarantine, and tells views and the fleet. */
async function settle(change: Change, one: Case, all: Opened[], kept: boolean[], limit: Bound[] | null, changed: Map<string, Bytes>): Promise<void> {
  const { authority } = change.archive;
  const top = limit ? Math.max(0, ...limit.map((b) => b.position)) : Infinity;
  const before = one.record.bounds ? Math.max(0, ...one.record.bounds.map((b) => b.position)) : Infinity;
  for (let i = 0; i < all.length; i++) {
    const opened = all[i]!;
    const h = opened.segment.header;
    const wasInside = i < one.inside.length;
    const last = h.first + h.count - 1;
    if (kept[i]) {
      if (!wasInside) {
        change.dropQuarantine(opened.segment);
        change.putSegment(opened.segment, keysIn(opened));
        change.see(h.stampLast);
        if (h.stream === '$fleet') for (const n of authority.learn(factsOf(opened.segment, opened))) changed.set(hex(n), n);
      }
      // The same events may lie here in several packings.
      const others = (): Piece[] => all.slice(0, i).filter((other, j) => kept[j] && other.inside).map((other) => other.piece);
      if (!wasInside && opened.inside) tellNew(change, opened, others(), top);
      if (wasInside && opened.inside && top > before && last > before) tellNew(change, opened, others(), top, before + 1);
      if (wasInside && last > top && before > top && opened.inside) takeBack(change, opened, [], top + 1);
    } else if (wasInside) {
      change.dropSegment(opened.segment);
      const stay = all.filter((other, j) => kept[j] && j < one.inside.length && other.inside && other.piece.first <= Math.min(last, top));
      if (opened.inside) takeBack(change, opened, stay.map((other) => cutTo(other.piece, top)), h.first);
      // A node's own events are never given up, whatever the others think of it.
      await change.putQuarantine(opened.segment, equal(h.node, change.archive.node));
    }
  }
}

/** What of a piece lies at positions up to `top`. */
function cutTo(piece: Piece, top: number): Piece {
  return piece.last <= top ? piece : { ...piece, last: top, after: hashAt(piece, top)!, hashes: piece.hashes?.subarray(0, (top - piece.first + 1) * 32) };
}

/** Taken back: positions from `from` on that none of the `others`, readable pieces that stay, holds. Their keys must be folded again. */
function takeBack(change: Change, opened: Opened, others: Piece[], from: number): void {
  const { stream } = opened.segment.header;
  for (const run of beyond(opened, others, from, Infinity)) {
    change.takenBack.push(run);
    const keys = new Set<string>();
    for (let i = 0; i < run.ends.length; i++) keys.add(peekEvent(run.bytes, i ? run.ends[i - 1]! : 0, run.ends[i]!).key);
    change.retracted.push({ stream, keys });
  }
}
