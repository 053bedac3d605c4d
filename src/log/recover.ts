// What the journal held when the process ended: sealed under the incarnation that wrote it and moved into the store.
import type { Bytes } from '../ports.ts';
import type { Opening } from '../event/chain.ts';
import type { Run } from '../event/run.ts';
import type { Segment } from '../event/segment.ts';
import type { Archive } from './archive.ts';
import type { FleetFact } from './authority.ts';
import type { OwnLog, Sealer } from './own.ts';
import type { LogRecord } from './record.ts';
import type { Piece } from './span.ts';
import { Fault } from '../fault.ts';
import { SPANS } from '../limits.ts';
import { concat, equal, hex } from '../event/bytes.ts';
import { scan } from '../event/cbor.ts';
import { Chain, logId, logKey } from '../event/chain.ts';
import { joinRuns, sliceRun } from '../event/run.ts';
import { recordOf } from './archive.ts';
import { Change } from './change.ts';
import { place } from './door.ts';
import { readRecord } from './journal-record.ts';
import { factsOf } from './opened.ts';
import { ownLog, sealRun } from './own.ts';
import { hashAt } from './span.ts';
import { hashesAt } from './supply.ts';

/** What recovery did; `skipped` says in words what of the journal could not be used; `facts` are the `$fleet` events among it; `segments`: what was sealed of it anew; `change`: what was committed. */
export interface Recovered { events: number; skipped: string[]; facts: FleetFact[]; segments: Segment[]; change: Change }

/** Consecutive events of the journal, record by record. */
interface Stretch { first: number; last: number; before: Bytes; after: Bytes; runs: Run[]; hashes: Bytes[] }
/** One own log as the journal tells it; `marks`: where live segments were cut. */
interface Told { own: OwnLog; stretches: Stretch[]; marks: number[] }

/**
 * Takes the records of a journal, in order. Where some are missing, what comes after them is kept beyond a hole: it was acknowledged.
 * Faults: those of `Store.commit`. Adds no events: a clone that does the same makes the same history.
 */
export async function recover(archive: Archive, sealer: Sealer, records: Bytes[]): Promise<Recovered> {
  const openings = new Map<string, Opening>();
  const logs = new Map<string, Told>();
  const skipped: string[] = [];
  for (const bytes of records) {
    try {
      const record = readRecord(bytes);
      if (record.kind === 'open') {
        openings.set(hex(logId(archive.crypto, record.opening)), record.opening);
        continue;
      }
      const { log } = record;
      const known = logs.get(hex(log)) ?? await resume(archive, log, openings.get(hex(log)));
      if (!known) { skipped.push(`events of log ${hex(log)}: its beginning is in neither the journal nor the store`); continue; }
      logs.set(hex(log), known);
      if (record.kind === 'sealed') known.marks.push(record.last); else take(archive, known, record.first, record.before, record.events);
    } catch (error) {
      skipped.push(`a record of ${bytes.length} bytes: ${(error as Error).message}`);
    }
  }
  const change = new Change(archive);
  const facts: FleetFact[] = [], segments: Segment[] = [];
  let events = 0;
  for (const { own, stretches, marks } of logs.values()) {
    const { stream } = own.opening;
    for (const { first, last, before, after, runs, hashes: parts } of stretches) {
      const run = joinRuns(runs), whole: Piece = { first, last, before, after, hashes: concat(...parts) };
      const record = await change.record(own.log);
      if (first > 1 && !record?.spans.some((s) => s.from < first && first - 1 <= s.to)) skipped.push(`what came before event ${first} of stream ${stream} is in neither the journal nor the store`);
      const held = record ? await heldOf(archive, record, whole) : first - 1;
      // Cut where live segments were cut, so that relays recognise what they hold.
      const cuts = [...new Set(marks.filter((m) => m > held && m < last))].sort((a, b) => a - b).slice(-SPANS);
      let from = held + 1;
      for (const to of held < last ? [...cuts, last] : []) {
        const hashes = whole.hashes!.subarray((from - first) * 32, (to - first + 1) * 32);
        const part = sliceRun(run, from - first, to - first + 1);
        for (const segment of sealRun(own, sealer, from, hashAt(whole, from - 1)!, part, hashes)) {
          const h = segment.header, a = h.first - from;
          const piece = { first: h.first, last: h.first + h.count - 1, before: h.before, after: h.after, hashes: hashes.subarray(a * 32, (a + h.count) * 32) };
          const opened = { segment, piece, inside: { ...sliceRun(part, a, a + h.count), hashes: piece.hashes } };
          const placed = (await place(change, opened)).events;
          events += placed;
          if (placed) segments.push(segment);
          if (stream === '$fleet') facts.push(...factsOf(segment, opened));
        }
        from = to + 1;
      }
    }
  }
  if (!change.empty) await change.commit();
  return { events, skipped, facts, segments, change };
}

/** The log of an opening, or as the store knows it. */
async function resume(archive: Archive, log: Bytes, opening: Opening | undefined): Promise<Told | undefined> {
  const record = await recordOf(archive, log);
  const from = opening ?? (record?.opening
    ? { fleet: archive.fleet, node: record.node, incarnation: record.incarnation, stream: record.stream, grant: record.grant, keyHash: record.keyHash, ...record.opening }
    : undefined);
  if (!from || !equal(from.node, archive.node) || !equal(from.fleet, archive.fleet)) return undefined;
  const key = archive.authority.keyOf(from.stream, from.keyHash);
  return key === undefined ? undefined : { own: ownLog(archive.crypto, from, key), stretches: [], marks: [] };
}

/** Adds the events of one record. Fault `bad-event` for what cannot be the beginning of its log. */
function take(archive: Archive, { own, stretches }: Told, first: number, before: Bytes, bytes: Bytes): void {
  const ends: number[] = [];
  for (let at = 0; at < bytes.length;) ends.push(at = scan(bytes, at));
  if (first === 1 && !equal(before, own.start)) throw new Fault('bad-event', 'it does not begin its log');
  const run: Run = { bytes, ends: Uint32Array.from(ends) };
  const hashes = new Chain(archive.crypto, logKey(archive.crypto, own.key, own.opening.incarnation), before).all(run);
  const last = first + ends.length - 1, after = hashes.slice(-32);
  const lower = stretches[stretches.length - 1];
  if (lower && lower.last === first - 1 && equal(lower.after, before)) {
    lower.runs.push(run);
    lower.hashes.push(hashes);
    lower.last = last;
    lower.after = after;
  } else stretches.push({ first, last, before, after, runs: [run], hashes: [hashes] });
}

/** Up to which position of a piece the store holds its events. What it holds there may also be another branch, written by a copy of this machine. */
async function heldOf(archive: Archive, record: LogRecord, piece: Piece): Promise<number> {
  let held = piece.first - 1;
  for (const span of record.spans) {
    if (span.from > piece.first || span.to < piece.first) continue;
    const to = Math.min(span.to, piece.last);
    const known = span.to === to ? [span.after] : await hashesAt(archive, record.log, to);
    if (known.some((e) => equal(e, hashAt(piece, to)!))) held = Math.max(held, to);
  }
  return held;
}
