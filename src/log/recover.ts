// What the journal held when the process ended: sealed under the incarnation that wrote it and moved into the store.
import type { Bytes } from '../ports.ts';
import type { Opening, Tip } from '../event/chain.ts';
import type { Run } from '../event/run.ts';
import type { Archive } from './archive.ts';
import type { FleetFact } from './authority.ts';
import type { OwnLog, Sealer } from './own.ts';
import { SPANS } from '../limits.ts';
import { equal, hex } from '../event/bytes.ts';
import { decode } from '../event/cbor.ts';
import { Chain, chainStart, logKey } from '../event/chain.ts';
import { scan } from '../event/cbor.ts';
import { recordOf } from './archive.ts';
import { Change } from './change.ts';
import { place } from './door.ts';
import { factsOf } from './opened.ts';
import { eventsOf, hashOf, ownLog, sealRun } from './own.ts';

/** What recovery did; `skipped` says in words what of the journal could not be used; `facts` are the `$fleet` events among it. */
export interface Recovered { events: number; skipped: string[]; facts: FleetFact[] }

/** Takes the records of a journal, in order. Faults: those of `Store.commit`. Adds no events: a clone that does the same makes the same history. */
export async function recover(archive: Archive, sealer: Sealer, records: Bytes[]): Promise<Recovered> {
  const openings = new Map<string, Opening>();
  const logs = new Map<string, { own: OwnLog; marks: number[] }>();
  const skipped: string[] = [];
  for (const bytes of records) {
    try {
      const record = decode(bytes) as [1, OpeningItem] | [2, Bytes, number, Bytes, Bytes] | [3, Bytes, number];
      if (record[0] === 1) {
        const opening = openingFrom(record[1]);
        openings.set(hex(ownLog(archive.crypto, opening, null).log), opening);
        continue;
      }
      const log = record[1];
      const known = logs.get(hex(log)) ?? await resume(archive, log, openings.get(hex(log)));
      if (!known) { skipped.push(`events of log ${hex(log)}: its beginning is in neither the journal nor the store`); continue; }
      logs.set(hex(log), known);
      if (record[0] === 3) known.marks.push(record[2]);
      else {
        const why = take(archive, known.own, record[2], record[3], record[4]);
        if (why) skipped.push(why);
      }
    } catch (error) {
      skipped.push(`a record of ${bytes.length} bytes: ${(error as Error).message}`);
    }
  }
  const change = new Change(archive);
  const facts: FleetFact[] = [];
  let events = 0;
  for (const { own, marks } of logs.values()) {
    if (own.position === own.stored) continue;
    // Cut where live segments were cut, so that relays recognise what they hold.
    const cuts = [...new Set(marks.filter((m) => m > own.stored && m < own.position))].sort((a, b) => a - b).slice(-SPANS);
    let from = own.stored + 1;
    for (const to of [...cuts, own.position]) {
      const { run, hashes } = eventsOf(own, from, to);
      for (const segment of sealRun(own, sealer, from, hashOf(own, from - 1), run, hashes)) {
        const h = segment.header;
        const a = h.first - from;
        const piece = { first: h.first, last: h.first + h.count - 1, before: h.before, after: h.after, hashes: hashes.subarray(a * 32, (a + h.count) * 32) };
        const start = a ? run.ends[a - 1]! : 0;
        const opened = { segment, piece, inside: { bytes: run.bytes.subarray(start, run.ends[a + h.count - 1]), ends: run.ends.slice(a, a + h.count).map((e) => e - start), hashes: piece.hashes } };
        await place(change, opened);
        if (h.stream === '$fleet') facts.push(...factsOf(segment, opened));
      }
      from = to + 1;
    }
    events += own.position - own.stored;
  }
  if (events) await change.commit();
  return { events, skipped, facts };
}

type OpeningItem = [Bytes, Bytes, Bytes, string, Bytes, Bytes | null, Bytes, [Bytes, number, Bytes][]];

function openingFrom(v: OpeningItem): Opening {
  return {
    fleet: v[0], node: v[1], incarnation: v[2], stream: v[3], grant: v[4], keyHash: v[5], boot: v[6],
    cites: v[7].map((t): Tip => ({ log: t[0], position: t[1], e: t[2] })),
  };
}

/** The log as the store knows it, ready to be continued by journal records only. */
async function resume(archive: Archive, log: Bytes, opening: Opening | undefined): Promise<{ own: OwnLog; marks: number[] } | undefined> {
  const record = await recordOf(archive, log);
  const from = opening ?? (record?.opening
    ? { fleet: archive.fleet, node: record.node, incarnation: record.incarnation, stream: record.stream, grant: record.grant, keyHash: record.keyHash, ...record.opening }
    : undefined);
  if (!from || !equal(from.node, archive.node) || !equal(from.fleet, archive.fleet)) return undefined;
  const key = archive.authority.keyOf(from.stream, from.keyHash);
  if (key === undefined) return undefined;
  const span = record?.spans.find((s) => s.from === 1 && equal(s.before, chainStart(archive.crypto, from)));
  return { own: ownLog(archive.crypto, from, key, span && { position: span.to, e: span.after }), marks: [] };
}

/** Adds the events of one record if they continue the log; says why not otherwise. Events that the store holds already are passed over. */
function take(archive: Archive, own: OwnLog, first: number, before: Bytes, bytes: Bytes): string | undefined {
  const ends: number[] = [];
  for (let at = 0; at < bytes.length;) ends.push(at = scan(bytes, at));
  const last = first + ends.length - 1;
  if (last <= own.position) return undefined;
  const run: Run = { bytes, ends: Uint32Array.from(ends) };
  const hashes = new Chain(archive.crypto, logKey(archive.crypto, own.key, own.opening.incarnation), before).all(run);
  const e = (p: number): Bytes => (p === first - 1 ? before : hashes.subarray((p - first) * 32, (p - first + 1) * 32));
  if (first > own.position + 1 || !equal(e(own.position), hashOf(own, own.position))) {
    return `events ${first} to ${last} of stream ${own.opening.stream}: what came before them in the journal is missing`;
  }
  const skip = own.position - first + 1;
  const start = skip ? ends[skip - 1]! : 0;
  own.chunks.push({ first: own.position + 1, run: { bytes: bytes.subarray(start), ends: Uint32Array.from(ends.slice(skip).map((x) => x - start)) }, hashes: hashes.slice(skip * 32) });
  own.position = own.durable = last;
  return undefined;
}
