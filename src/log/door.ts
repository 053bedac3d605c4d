// The one door: segments from anywhere are checked here, judged, and given their place in the log.
import type { Bytes } from '../ports.ts';
import type { Tip } from '../event/chain.ts';
import type { Segment } from '../event/segment.ts';
import type { Archive } from './archive.ts';
import type { LogRecord } from './record.ts';
import { Fault } from '../fault.ts';
import { BRANCHES, CITED, SEGMENT_EVENTS, SPANS } from '../limits.ts';
import { equal, hex } from '../event/bytes.ts';
import { lastOf, understood } from '../event/header.ts';
import { checkSegment, parseSegment } from '../event/segment.ts';
import { owe } from './archive.ts';
import { Change } from './change.ts';
import { isDamage } from './damage.ts';
import { factsOf, isVoid, keysIn, openIt, openStored, tell, tellNew } from './opened.ts';
import type { Opened } from './opened.ts';
import { emptyRecord, named, withCitation } from './record.ts';
import { extend, hashAt, holdsPoint, links, rebuild } from './span.ts';
import type { Piece } from './span.ts';
import { suspectClone, suspectFork, suspectPast } from './suspicion.ts';
import { rejudge } from './verdict.ts';

/** What became of one segment. `events`: how many of its events are new here. */
export interface Outcome { state: 'admitted' | 'held' | 'quarantined' | 'refused'; log?: Bytes; events: number; fault?: Fault }

/** An arrival whose signature and hashes were checked: the segment, opened where that was asked for, or why it is refused. */
export type Inspected = { segment: Segment; opened: Opened | undefined } | { fault: Fault };

/** Checks arrivals. It needs no turn, so that it can be done while an earlier step is being committed; `open`: decrypt and unpack as well, which takes memory until they are admitted. */
export function inspect(archive: Archive, arrivals: (Bytes | Segment)[], open: boolean): Inspected[] {
  return arrivals.map((arrival) => {
    try {
      const segment = arrival instanceof Uint8Array ? parseSegment(arrival) : arrival;
      checkSegment(archive.crypto, archive.fleet, segment);
      return { segment, opened: open ? openIt(archive, segment) : undefined };
    } catch (fault) {
      if (fault instanceof Fault) return { fault };
      throw fault;
    }
  });
}

/**
 * Admits segments in one atomic step (one by one where the store is damaged). Callers take turns (one admit at a time). Bad segments are refused one by one and harm no other.
 * Faults: those of `Store.commit`; then nothing was admitted.
 */
export async function admit(archive: Archive, given: (Bytes | Segment | Inspected)[]): Promise<{ outcomes: Outcome[]; changes: Change[] }> {
  const arrivals = given.map((one) => (one instanceof Uint8Array || 'headerBytes' in one ? inspect(archive, [one], true)[0]! : one));
  try {
    const { outcomes, change } = await admitAll(archive, arrivals);
    return { outcomes, changes: [change] };
  } catch (error) {
    if (!isDamage(error)) throw error;
  }
  // One of them met a damaged page: each by itself, so that it harms no other.
  const outcomes: Outcome[] = [], changes: Change[] = [];
  for (const arrival of arrivals) {
    try {
      const one = await admitAll(archive, [arrival]);
      outcomes.push(...one.outcomes);
      changes.push(one.change);
    } catch (error) {
      if (!isDamage(error)) throw error;
      outcomes.push({ state: 'refused', events: 0, fault: error });
    }
  }
  return { outcomes, changes };
}

async function admitAll(archive: Archive, arrivals: Inspected[]): Promise<{ outcomes: Outcome[]; change: Change }> {
  const change = new Change(archive);
  const outcomes: Outcome[] = [];
  const touched = new Map<string, Bytes>();
  for (const arrival of arrivals) {
    try {
      if ('fault' in arrival) throw arrival.fault;
      const { segment, opened } = arrival;
      // What could not be read then may be readable by now.
      outcomes.push(await enter(change, segment, opened?.inside ? opened : openIt(archive, segment), touched));
    } catch (error) {
      if (!(error instanceof Fault) || error.code.startsWith('store-') || error.code === 'closed') throw error;
      outcomes.push({ state: 'refused', events: 0, fault: error });
    }
  }
  await judgeAgain(change, touched.values());
  await change.commit();
  return { outcomes, change };
}

/** Judges the logs of these nodes again, of those that were left over, and of those whose standing that changes in turn: it can admit `$fleet` events. */
export async function judgeAgain(change: Change, nodes: Iterable<Bytes>): Promise<void> {
  const touched = new Map([...change.archive.owed.values(), ...nodes].map((node) => [hex(node), node]));
  while (touched.size) {
    const [name, node] = touched.entries().next().value!;
    touched.delete(name);
    change.judged.set(name, change.archive.owed.get(name));
    const changed = await rejudge(change, node);
    owe(change.archive, changed);
    for (const other of changed) touched.set(hex(other), other);
    if (changed.length) for (const other of change.waiting()) if (hex(other) !== name) touched.set(hex(other), other);
  }
}

async function enter(change: Change, segment: Segment, opened: Opened, touched: Map<string, Bytes>): Promise<Outcome> {
  const { archive } = change;
  const h = segment.header;
  const verdict = archive.authority.judge(h.node, h.grant, h.stream);
  const facts = h.stream === '$fleet' ? factsOf(segment, opened) : [];
  const joins = verdict.state === 'waiting' && verdict.why === 'unknown' && h.first === 1 && facts.slice(0, 1).some((fact) => archive.authority.wouldJoin(fact));
  const known = joins || verdict.state !== 'waiting';
  const learn = (): void => {
    if (!facts.length || !known) return;
    const nodes = archive.authority.learn(facts);
    owe(archive, nodes);
    for (const node of nodes) touched.set(hex(node), node);
    // Who waits may wait for just this, also where it changes nobody's standing: a join names all that its author had seen.
    for (const node of change.waiting()) touched.set(hex(node), node);
  };
  if (verdict.state === 'live' || joins) {
    const outcome = await place(change, opened);
    if (outcome.state === 'admitted') learn();
    return outcome;
  }
  learn();
  const record = await change.record(segment.log);
  // Below the cut of a log that was judged already: it needs no judging again, unless it tells what else is in the ancestry.
  if (verdict.state === 'killed' && h.first > 1 && record?.bounds?.length && !change.archive.owed.has(hex(h.node)) && extend(record, opened.piece)) return place(change, opened);
  if (record && record.spans.some((s) => s.from <= h.first && h.first + h.count - 1 <= s.to && record.bounds)) {
    if (await covers(change, record, opened.piece)) return { state: 'held', log: segment.log, events: 0 };
  }
  if (!(await change.putQuarantine(segment))) {
    throw new Fault('too-many', `no room in quarantine for a segment of node ${hex(h.node)}; it is asked for again once the node is granted`);
  }
  if (verdict.state === 'killed') touched.set(hex(h.node), h.node);
  return { state: 'quarantined', log: segment.log, events: 0 };
}

/** Gives a checked segment its place in its log; its author's right was judged already. */
export async function place(change: Change, opened: Opened): Promise<Outcome> {
  const { archive } = change;
  const { segment, piece } = opened;
  const h = segment.header;
  const old = await change.record(segment.log);
  let record = old ? named(old, h) : emptyRecord(segment.log, h);
  for (const tip of h.opening?.cites ?? []) {
    const cited = (await change.record(tip.log))?.cited;
    if (cited && cited.length >= CITED && !cited.some((c) => equal(c.e, tip.e))) throw new Fault('too-many', `log ${hex(tip.log)} of node ${hex(h.node)} is cited at more than ${CITED} places`);
  }
  const fills = record.hollow && opened.inside !== undefined; // it may say what a void segment of the same events does not
  const quick = fills ? undefined : extend(record, piece);
  let added: number;
  if (quick) {
    if (quick.added === 0) return { state: 'held', log: segment.log, events: 0 };
    if (quick.spans.length > SPANS) throw new Fault('too-many', `log ${hex(segment.log)} of node ${hex(h.node)} has more than ${SPANS} runs beyond holes; more is taken once holes are filled`);
    await dropInside(change, record, opened);
    record = { ...record, spans: quick.spans, events: record.events + quick.added };
    added = quick.added;
    change.putSegment(segment, keysIn(opened));
    if (opened.inside) tell(change, opened, piece.last - added + 1, piece.last); // what is new is its end, or all of it
  } else {
    if (!links(record, piece) && await covers(change, record, piece, fills)) return { state: 'held', log: segment.log, events: 0 };
    const stored = (await openStored(change, segment.log)).map((o) => o.piece);
    const built = rebuild([...stored, piece], record.bounds);
    if (built.spans.length > BRANCHES) throw new Fault('too-many', `log ${hex(segment.log)} of node ${hex(h.node)} has more than ${BRANCHES} branches and runs beyond holes`);
    if (fills) await dropVoid(change, opened);
    change.putSegment(segment, keysIn(opened));
    if (opened.inside) tellNew(change, opened, stored);
    added = built.events - record.events;
    record = { ...record, spans: built.spans, events: built.events, forked: built.forked };
    if (built.forked && !old?.forked) {
      suspectFork(change, record);
    }
  }
  record = { ...record, cited: record.cited.map((c) => (c.held ? c : { ...c, held: holdsPoint([piece], c.position, c.e) })) };
  if (h.opening) record = await openLog(change, record, h.opening);
  for (const c of record.cited) {
    if (record.spans.some((s) => s.to > c.position)) suspectPast(change, record);
  }
  const empty = isVoid(archive, opened);
  change.setRecord(empty ? { ...record, hollow: true } : record, !old);
  change.see(h.stampLast);
  if (opened.inside) return { state: 'admitted', log: segment.log, events: Math.max(0, added) };
  if (empty) {
    change.counted.void++;
    change.alarm('void', h.node, segment.log, `a segment of node ${hex(h.node)} in stream ${h.stream} does not hold what it says; its events are kept and not folded`);
  } else if (!understood(h)) change.counted.unknown++;
  return { state: 'admitted', log: segment.log, events: Math.max(0, added) };
}

/** Notes the citations of a log's opening in the logs it cites; a copy of a machine can have opened the same log otherwise. */
export async function openLog(change: Change, record: LogRecord, opening: NonNullable<LogRecord['opening']>): Promise<LogRecord> {
  let height = 1;
  for (const tip of opening.cites) {
    if (equal(tip.log, record.log)) continue;
    const old = await change.record(tip.log);
    if (old && (!equal(old.node, record.node) || old.stream !== record.stream)) continue; // nonsense by its author: cites are within one node and stream
    if (old?.cited.some((c) => c.position === tip.position && equal(c.e, tip.e) && c.by.some((by) => equal(by, record.log)))) continue;
    const { record: cited, again } = withCitation(old ?? emptyRecord(tip.log, record), tip, record.log, old !== undefined && await holdsTip(change, old, tip));
    change.setRecord(cited, !old);
    height = Math.max(height, cited.height + 1);
    if (again) suspectClone(change, record);
    if (cited.spans.some((s) => s.to > tip.position)) suspectPast(change, cited);
  }
  return { ...record, opening: record.opening ?? opening, height: Math.max(height, record.height) };
}

async function holdsTip(change: Change, record: LogRecord, tip: Tip): Promise<boolean> {
  const over = record.spans.filter((s) => s.from <= tip.position && tip.position <= s.to);
  if (!over.length || over.some((s) => s.to === tip.position && equal(s.after, tip.e))) return over.length > 0;
  const segments = await change.storedFrom(tip.log, tip.position - SEGMENT_EVENTS + 1, tip.position);
  return holdsPoint(segments.map((s) => openIt(change.archive, s).piece), tip.position, tip.e);
}

/** True when stored segments (`readable`: that are not void) are known to hold all events of a piece: where they end alike, they are alike up to there. */
async function covers(change: Change, record: LogRecord, piece: Piece, readable = false): Promise<boolean> {
  if (!record.spans.some((s) => s.from <= piece.first && piece.last <= s.to)) return false;
  let reach = piece.first - 1;
  for (const segment of await change.storedFrom(record.log, piece.first - SEGMENT_EVENTS + 1, piece.last)) {
    const last = lastOf(segment.header), to = Math.min(last, piece.last);
    if (segment.header.first > reach + 1 || to <= reach || (readable && !openIt(change.archive, segment).inside)) continue;
    const mine = hashAt(piece, to), e = last === to ? segment.header.after : mine && hashAt(openIt(change.archive, segment).piece, to);
    if (e && mine && equal(e, mine)) reach = to;
  }
  return reach === piece.last;
}

/** A packing that can be read replaces the void ones of the same events. */
async function dropVoid(change: Change, { piece, segment }: Opened): Promise<void> {
  for (const other of await change.storedFrom(segment.log, piece.first, piece.last)) {
    const last = lastOf(other.header), e = last <= piece.last ? hashAt(piece, last) : undefined;
    if (!e || !equal(e, other.header.after) || !isVoid(change.archive, openIt(change.archive, other))) continue;
    change.dropSegment(other);
    change.counted.void--;
  }
}

/** A longer run replaces the shorter segments that lie wholly inside it. */
async function dropInside(change: Change, record: LogRecord, { piece, segment }: Opened): Promise<void> {
  if (!piece.hashes || !record.spans.some((s) => s.from <= piece.last && piece.first <= s.to)) return;
  for (const other of await change.storedFrom(segment.log, piece.first, piece.last)) {
    const last = lastOf(other.header);
    const e = last <= piece.last ? hashAt(piece, last) : undefined;
    if (e && equal(e, other.header.after)) change.dropSegment(other);
  }
}
