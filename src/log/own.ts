// One of this node's own logs: its events from the journal to the store, sealed on the way.
import type { Bytes, Clock, ClockQuality, Crypto, Random } from '../ports.ts';
import type { Opening } from '../event/chain.ts';
import type { Run } from '../event/run.ts';
import type { Segment } from '../event/segment.ts';
import type { Item } from './item.ts';
import type { LogRecord } from './record.ts';
import type { Piece } from './span.ts';
import { Fault } from '../fault.ts';
import { SEGMENT_AIM, SEGMENT_EVENTS } from '../limits.ts';
import { concat, equal } from '../event/bytes.ts';
import { Chain, chainStart, logId, logKey } from '../event/chain.ts';
import { peekEvent } from '../event/event.ts';
import { joinRuns, sliceRun, startOf } from '../event/run.ts';
import { sealSegment } from '../event/segment.ts';
import { emptyRecord, itemsOf } from './record.ts';
import { extend, holdsPoint } from './span.ts';

/** Events of one append: positions first.., their bytes and e of each. */
export interface Chunk { first: number; run: Run; hashes: Bytes }
/** What sealing needs besides the log itself. */
export interface Sealer { crypto: Crypto; random: Random; seed: Bytes; clock: { quality: ClockQuality; uptime: number } }

/** A sealer for now, with the author's seed. */
export function sealerOf({ crypto, random }: Pick<Sealer, 'crypto' | 'random'>, { seed }: { seed: Bytes }, clock: Clock): Sealer {
  return { crypto, random, seed, clock: { quality: clock.quality(), uptime: clock.uptime() } };
}

export interface OwnLog {
  readonly opening: Opening;
  readonly log: Bytes;
  readonly key: Bytes | null;
  readonly start: Bytes;
  readonly chain: Chain;
  /** Last position given out, acknowledged, sealed, and in a stored segment. */
  position: number;
  durable: number;
  sealed: number;
  stored: number;
  /** e at `stored`. */
  storedHash: Bytes;
  /** What is not stored yet, in order. */
  chunks: Chunk[];
  /** Sealed and not stored yet, in order. */
  live: Segment[];
  /** The last stored segment while it is small enough to grow, with its events. */
  small: { segment: Segment; run: Run } | undefined;
  /** Bytes a sealed event took lately; decides how many go into a segment. */
  ratio: number;
  /** Uptime when the oldest unsealed event became durable. */
  since: number | undefined;
  /** An append was lost: nothing more is written to this log. */
  lost: boolean;
}

/** Begins a log; nothing is written yet. */
export function ownLog(crypto: Crypto, opening: Opening, key: Bytes | null, at?: { position: number; e: Bytes }): OwnLog {
  const start = chainStart(crypto, opening);
  const e = at?.e ?? start, position = at?.position ?? 0;
  return {
    opening, key, start, log: logId(crypto, opening), chain: new Chain(crypto, logKey(crypto, key, opening.incarnation), e),
    position, durable: position, sealed: position, stored: position, storedHash: e,
    chunks: [], live: [], small: undefined, ratio: 40, since: undefined, lost: false,
  };
}

/** The events from..to (positions) as one run with their hashes; all of them must be in the chunks. */
export function eventsOf(own: OwnLog, from: number, to: number): { run: Run; hashes: Bytes } {
  const runs: Run[] = [], hashes: Bytes[] = [];
  for (const chunk of own.chunks) {
    const last = chunk.first + chunk.run.ends.length - 1;
    if (last < from || chunk.first > to) continue;
    const a = Math.max(0, from - chunk.first), b = Math.min(last, to) - chunk.first + 1;
    runs.push(a === 0 && b === chunk.run.ends.length ? chunk.run : sliceRun(chunk.run, a, b));
    hashes.push(chunk.hashes.subarray(a * 32, b * 32));
  }
  return { run: runs.length === 1 ? runs[0]! : joinRuns(runs), hashes: hashes.length === 1 ? hashes[0]! : concat(...hashes) };
}

/** e at a position that is stored's own or in the chunks. */
export function hashOf(own: OwnLog, position: number): Bytes {
  if (position === own.stored) return own.storedHash;
  for (let k = own.chunks.length - 1; k >= 0; k--) { // mostly it is one of the last
    const chunk = own.chunks[k]!, i = position - chunk.first;
    if (i >= 0 && i < chunk.run.ends.length) return chunk.hashes.subarray(i * 32, i * 32 + 32);
  }
  throw new Fault('internal', `position ${position} of an own log is not at hand`);
}

/** How many events make a segment of the aimed size, as far as the last ones tell. */
export function aimOf(own: OwnLog): number {
  return Math.min(SEGMENT_EVENTS, Math.max(1, Math.floor((SEGMENT_AIM - 500) / own.ratio)));
}

/** Seals a run that begins at `first` into as few segments as fit the aimed size; groups stay whole. With `whole` what does not fill one is left out. */
export function sealRun(own: OwnLog, sealer: Sealer, first: number, before: Bytes, run: Run, hashes: Bytes, whole = false): Segment[] {
  const out: Segment[] = [];
  const total = run.ends.length;
  let done = 0, from = before;
  let most = SEGMENT_EVENTS;
  while (done < total && !(whole && total - done < aimOf(own))) {
    let n = Math.min(total - done, most, aimOf(own));
    n = groupEnd(run, done, n);
    const piece = done === 0 && n === total ? run : sliceRun(run, done, done + n);
    const after = hashes.slice((done + n - 1) * 32, (done + n) * 32);
    let segment: Segment;
    try {
      segment = sealSegment(sealer.crypto, sealer.random, { seed: sealer.seed, opening: own.opening, streamKey: own.key, first: first + done, before: from, run: piece, clock: sealer.clock, after });
    } catch (error) {
      // More than the codec's bounds in one segment: take half, a single group always fits.
      if (!(error instanceof Fault) || error.code !== 'too-large' || n === groupEnd(run, done, 1)) throw error;
      most = Math.max(1, n >> 1);
      continue;
    }
    const size = segment.bytes.length;
    if (size > SEGMENT_AIM && n > groupEnd(run, done, 1)) {
      own.ratio = (size / n) * 1.03;
      most = Math.max(1, Math.floor((n * (SEGMENT_AIM - 200)) / size));
      continue;
    }
    if (n >= 16) own.ratio = Math.max(1, (size - 350) / n * 1.01);
    most = SEGMENT_EVENTS;
    out.push(segment);
    done += n;
    from = after;
  }
  return out;
}

/** The number of events from `at` on, about `n`, that does not cut a group. */
function groupEnd(run: Run, at: number, n: number): number {
  const joined = (i: number): boolean => peekEvent(run.bytes, startOf(run, i), run.ends[i]!).joined;
  let end = at + n;
  while (end > at && joined(end - 1)) end--;
  if (end > at) return end - at;
  end = at + n;
  while (end < run.ends.length && joined(end - 1)) end++;
  return end - at;
}

/** Seals everything durable that is not sealed yet, or of it what fills whole segments; returns the new live segments. */
export function sealTail(own: OwnLog, sealer: Sealer, whole = false): Segment[] {
  if (own.sealed === own.durable) return [];
  const { run, hashes } = eventsOf(own, own.sealed + 1, own.durable);
  const segments = sealRun(own, sealer, own.sealed + 1, hashOf(own, own.sealed), run, hashes, whole);
  own.live.push(...segments);
  for (const { header } of segments) own.sealed += header.count;
  own.since = own.sealed === own.durable ? undefined : sealer.clock.uptime;
  return segments;
}

/** A segment that is to be stored, with its events. */
export interface Stocked { segment: Segment; run: Run; hashes: Bytes }

/** Packs the live segments for the store: large ones as they are, runs of small ones sealed again as longer ones, the last small stored one before them included. */
export function stock(own: OwnLog, sealer: Sealer): Stocked[] {
  const out: Stocked[] = [];
  let i = 0;
  while (i < own.live.length) {
    const segment = own.live[i]!;
    const first = segment.header.first;
    if (segment.bytes.length >= SEGMENT_AIM / 2) {
      const { run, hashes } = eventsOf(own, first, first + segment.header.count - 1);
      out.push({ segment, run, hashes });
      i++;
      continue;
    }
    let j = i;
    while (j < own.live.length && (j === i || own.live[j]!.bytes.length < SEGMENT_AIM / 2)) j++;
    const last = own.live[j - 1]!.header.first + own.live[j - 1]!.header.count - 1;
    let { run, hashes } = eventsOf(own, first, last);
    let from = first, before = segment.header.before;
    const small = i === 0 ? own.small : undefined;
    if (small) {
      from = small.segment.header.first;
      before = small.segment.header.before;
      hashes = concat(new Chain(sealer.crypto, logKey(sealer.crypto, own.key, own.opening.incarnation), before).all(small.run), hashes);
      run = joinRuns([small.run, run]);
    }
    if (j - i === 1 && !small) out.push({ segment, run, hashes });
    else {
      const sealed = sealRun(own, sealer, from, before, run, hashes);
      for (const s of sealed) {
        const a = s.header.first - from;
        out.push({ segment: s, run: sliceRun(run, a, a + s.header.count), hashes: hashes.slice(a * 32, (a + s.header.count) * 32) });
      }
    }
    i = j;
  }
  return out;
}

/** What is not stored yet, up to a position, as the log's chain sees it. */
export function unstoredPiece(own: OwnLog, to: number): Piece {
  const hashes: Bytes[] = [];
  for (const chunk of own.chunks) {
    const a = Math.max(0, own.stored + 1 - chunk.first), b = Math.min(chunk.run.ends.length, to - chunk.first + 1);
    if (b > a) hashes.push(chunk.hashes.subarray(a * 32, b * 32));
  }
  return { first: own.stored + 1, last: to, before: own.storedHash, after: hashOf(own, to).slice(), hashes: concat(...hashes) };
}

/** The usual case: the store knows of the log what this process put there, no more and no less, and every cited point of it is held. */
function alone(own: OwnLog, held: LogRecord): boolean {
  if (held.bounds || held.forked || held.spans.length !== (own.stored ? 1 : 0) || !held.cited.every((c) => c.held)) return false;
  const span = held.spans[0];
  return !span || (span.from === 1 && span.to === own.stored && equal(span.after, own.storedHash));
}

/**
 * The frontier's items of an own log as far as it is sealed. `record`: what the store knows of it, which can be more than this process put there:
 * a clone of its disk may have stored and spread the same events, or gone on differently.
 */
export function itemsOfOwn(own: OwnLog, record: LogRecord | undefined): Item[] {
  const held = record ?? emptyRecord(own.log, own.opening);
  if (own.sealed === own.stored) return itemsOf(held);
  if (alone(own, held)) return itemsOf({ ...held, spans: [{ from: 1, to: own.sealed, before: own.start, after: hashOf(own, own.sealed).slice() }] });
  const piece = unstoredPiece(own, own.sealed);
  const others = held.spans.filter((s) => !(s.to === own.stored && equal(s.after, own.storedHash)));
  if (others.some((s) => s.to === own.sealed && equal(s.after, piece.after))) return itemsOf(held);
  const spans = extend(held, piece)?.spans ?? [...others, { from: 1, to: own.sealed, before: own.start, after: piece.after }];
  return itemsOf({ ...held, spans, cited: held.cited.map((c) => (c.held ? c : { ...c, held: holdsPoint([piece], c.position, c.e) })) });
}

/** How many acknowledged events of an own log the store does not have. */
export function countUnstored(own: OwnLog, record: LogRecord | undefined): number {
  if (own.durable === own.stored) return 0;
  if (alone(own, record ?? emptyRecord(own.log, own.opening))) return own.durable - own.stored;
  return extend(record ?? emptyRecord(own.log, own.opening), unstoredPiece(own, own.durable))?.added ?? own.durable - own.stored;
}

/** Drops what is stored now; `last` is the segment that holds its end, where it was this process that stored it. */
export function forgetStored(own: OwnLog, position: number, last: Stocked | undefined): void {
  own.storedHash = hashOf(own, position).slice();
  own.stored = position;
  own.chunks = own.chunks.filter((c) => c.first + c.run.ends.length - 1 > position);
  own.live = own.live.filter((s) => s.header.first > position);
  own.small = last && last.segment.bytes.length < SEGMENT_AIM / 2 ? { segment: last.segment, run: last.run } : undefined;
}
