// Reading ranges of logs in fold order: each range is opened segment after segment, when its turn comes.
import type { Segment } from '../event/segment.ts';
import type { Stamp } from '../event/stamp.ts';
import type { Archive } from './archive.ts';
import type { OwnLog } from './own.ts';
import type { Bytes } from '../ports.ts';
import type { Lead, Source, Sources } from './reader.ts';
import type { Range } from './since.ts';
import { equal } from '../event/bytes.ts';
import { compareStamp } from '../event/stamp.ts';
import { pages, recordOf } from './archive.ts';
import { readable } from './change.ts';
import { openIt } from './opened.ts';
import { eventsOf } from './own.ts';
import { segmentFrom, segmentSpan } from './place.ts';
import { sourceOver } from './reader.ts';
import { branched } from './since.ts';
import { nextSegments } from './supply.ts';

/** Ranges whose next segment is kept in memory; those of more are read again when their turn comes. */
const KEPT = 64;

/** A range with the stamp at which its next segments come up, and these if they are kept. */
interface Head { edge: Stamp; range: Range; segments: Segment[] | undefined }

/** All that ranges hold, of it what lies behind the place `after`, forward. What is not held, cannot be read or is damaged is passed over. `unstored`: own logs with a tail. */
export function rangeSources(archive: Archive, unstored: OwnLog[], ranges: Range[], after: Bytes | undefined): Sources {
  // At once: what is not stored now may be a moment later.
  const open = ranges.flatMap(({ log, from, to }) => {
    const own = unstored.find((o) => equal(o.log, log));
    const low = Math.max(from, (own?.stored ?? 0) + 1), high = Math.min(to, own?.durable ?? 0);
    if (!own || low > high) return [];
    const { run, hashes } = eventsOf(own, low, high);
    return [sourceOver({ node: own.opening.node, incarnation: own.opening.incarnation, first: low, run, hashes }, 0, run.ends.length, 1, after)];
  });
  async function* leads(): AsyncGenerator<Lead> {
    for await (const head of heads(archive, ranges)) yield { edge: head.edge, open: () => sourcesOf(archive, head, after) };
  }
  return { open, leads: leads() };
}

/** Several readings as one, all forward. */
export async function* together(all: AsyncGenerator<Lead>[]): AsyncGenerator<Lead> {
  const next = await Promise.all(all.map(async (leads) => (await leads.next()).value as Lead | undefined));
  for (;;) {
    let least = -1;
    next.forEach((lead, i) => { if (lead && (least < 0 || compareStamp(lead.edge, next[least]!.edge) < 0)) least = i; });
    if (least < 0) return;
    yield next[least]!;
    next[least] = (await all[least]!.next()).value as Lead | undefined;
  }
}

/** The next segments of all ranges, in order of their first stamps. */
async function* heads(archive: Archive, ranges: Range[]): AsyncGenerator<Head & { segments: Segment[] }> {
  const waiting: Head[] = []; // the last one comes first
  const enter = async (range: Range): Promise<void> => {
    const segments = range.from > range.to ? [] : await segmentsAt(archive, range);
    if (!segments.length) return;
    const edge = segments.map((s) => s.header.stampFirst).reduce((a, b) => (compareStamp(b, a) < 0 ? b : a));
    let low = 0, high = waiting.length;
    while (low < high) { const mid = (low + high) >> 1; if (compareStamp(waiting[mid]!.edge, edge) > 0) low = mid + 1; else high = mid; }
    waiting.splice(low, 0, { edge, range, segments: waiting.length < KEPT ? segments : undefined });
  };
  for (const range of ranges) await enter({ ...range });
  for (let head = waiting.pop(); head; head = waiting.pop()) {
    const { edge, range } = head;
    const segments = head.segments ?? await segmentsAt(archive, range);
    yield { edge, range, segments };
    const last = segments.reduce((n, { header }) => Math.max(n, header.first + header.count - 1), 0);
    // A row that is not what its key says does not go on.
    if (last >= range.from) await enter({ ...range, from: last + 1 });
  }
}

/** The segments that cover the start of a range, or come next in it; of a log with branches all that lie in it. */
async function segmentsAt(archive: Archive, range: Range): Promise<Segment[]> {
  const record = await recordOf(archive, range.log);
  if (!record || !branched(record)) return nextSegments(archive, () => undefined, range);
  const all: Segment[] = [];
  for await (const row of pages(archive.store, 'segment', segmentFrom(range.log, 0), segmentFrom(range.log, range.to + 1), 64, () => undefined)) {
    const segment = segmentSpan(row.key).last >= range.from ? readable({ key: row.key, bytes: row.value }) : undefined;
    if (segment) all.push(segment);
  }
  return all;
}

async function sourcesOf(archive: Archive, { range, segments }: Head & { segments: Segment[] }, after: Bytes | undefined): Promise<Source[]> {
  const record = await recordOf(archive, range.log);
  const top = record?.bounds ? Math.max(0, ...record.bounds.map((b) => b.position)) : Infinity;
  return segments.flatMap((segment) => {
    const { node, incarnation, first, count } = segment.header;
    const { inside } = openIt(archive, segment);
    const low = Math.max(0, range.from - first), high = Math.min(count, range.to - first + 1, top - first + 1);
    return inside && high > low ? [sourceOver({ node, incarnation, first, run: inside, hashes: inside.hashes }, low, high, 1, after)] : [];
  });
}
