// A segment with what this node can see inside, according to the keys that it holds.
import type { Admitted } from '../ports.ts';
import type { Segment } from '../event/segment.ts';
import type { Bytes } from '../ports.ts';
import type { Archive } from './archive.ts';
import type { FleetFact } from './authority.ts';
import type { Change } from './change.ts';
import type { Piece } from './span.ts';
import { equal } from '../event/bytes.ts';
import { decodeEvent } from '../event/event.ts';
import { understood } from '../event/header.ts';
import { openSegment } from '../event/segment.ts';
import { readable } from './change.ts';
import { keysOf } from './index-row.ts';
import { hashAt } from './span.ts';

/** A segment with what its reader can see inside. */
export interface Opened { segment: Segment; piece: Piece; inside: Pick<Admitted, 'bytes' | 'ends' | 'hashes'> | undefined }

/** Opens a segment as far as this node has its key; counts what is void or of an unknown codec. */
export function openIt(archive: Archive, segment: Segment): Opened {
  const h = segment.header;
  const piece: Piece = { first: h.first, last: h.first + h.count - 1, before: h.before, after: h.after };
  if (segment.payload === null || !understood(h)) return { segment, piece, inside: undefined };
  const key = archive.authority.keyOf(h.stream, h.keyHash);
  if (key === undefined) return { segment, piece, inside: undefined };
  const open = openSegment(archive.crypto, segment, key);
  if (!open) return { segment, piece, inside: undefined };
  piece.hashes = open.hashes;
  return { segment, piece, inside: { bytes: open.run.bytes, ends: open.run.ends, hashes: open.hashes } };
}

/** True when a segment that could be read turned out void. */
export function isVoid(archive: Archive, opened: Opened): boolean {
  const h = opened.segment.header;
  return !opened.inside && opened.segment.payload !== null && understood(h)
    && archive.authority.keyOf(h.stream, h.keyHash) !== undefined;
}

/** As `openIt`, once somebody looks inside: of a long log most segments join by their ends alone. */
export function openLater(archive: Archive, segment: Segment): Opened {
  const { first, count, before, after } = segment.header;
  let open: Opened | undefined;
  const look = (): Opened => open ??= openIt(archive, segment);
  return { segment, get inside() { return look().inside; }, piece: { first, last: first + count - 1, before, after, get hashes() { return look().piece.hashes; } } };
}

/** The stored segments of a log, opened when they are looked at. */
export async function openStored(change: Change, log: Bytes): Promise<Opened[]> {
  const rows = await change.stored('segment', log);
  return rows.map(readable).filter((segment) => segment !== undefined).map((segment) => openLater(change.archive, segment));
}

/** What a segment that can be read holds at the positions from..to. */
export function runOf(opened: Opened, from: number, to: number): Admitted {
  const h = opened.segment.header;
  const { bytes, ends, hashes } = opened.inside!;
  const a = from - h.first, b = to - h.first + 1;
  const start = a ? ends[a - 1]! : 0;
  return {
    stream: h.stream, node: h.node, incarnation: h.incarnation, first: from,
    bytes: bytes.subarray(start, ends[b - 1]), ends: ends.subarray(a, b).map((end) => end - start), hashes: hashes.subarray(a * 32, b * 32),
  };
}

/** Notes as admitted what a segment that can be read holds at the positions from..to. */
export function tell(change: Change, opened: Opened, from: number, to: number): void {
  if (from <= to) change.admitted.push(runOf(opened, from, to));
}

/** Notes as admitted what none of the `others`, readable pieces of the log, holds, at the positions `least` to `top`. */
export function tellNew(change: Change, opened: Opened, others: Piece[], top = Infinity, least = 1): void {
  change.admitted.push(...beyond(opened, others, least, top));
}

/** The runs of a segment that can be read, at the positions `least` to `top`, that none of the `others`, readable pieces of the log, holds. */
export function beyond(opened: Opened, others: Piece[], least: number, top: number): Admitted[] {
  const runs: Admitted[] = [];
  const first = Math.max(opened.piece.first, least), last = Math.min(opened.piece.last, top);
  const beside = others.filter((other) => other.first <= last && other.last >= first && other.hashes);
  const known = (position: number): boolean => beside.some((other) => {
    const e = position < other.first ? undefined : hashAt(other, position);
    return e !== undefined && equal(e, hashAt(opened.piece, position)!);
  });
  for (let from = first, to = first; from <= last; from = ++to) {
    while (from <= last && known(from)) from++;
    for (to = from; to < last && !known(to + 1);) to++;
    if (from <= last) runs.push(runOf(opened, from, to));
  }
  return runs;
}

/** The hashes of the keys inside, for the index. */
export function keysIn(opened: Opened): Uint32Array | undefined {
  return opened.inside && keysOf(opened.inside);
}

/** The events of a `$fleet` segment with their places. */
export function factsOf(segment: Segment, opened: Opened): FleetFact[] {
  const facts: FleetFact[] = [];
  const { inside } = opened;
  if (!inside) return facts;
  const h = segment.header;
  for (let i = 0, at = 0; i < inside.ends.length; at = inside.ends[i++]!) {
    facts.push({
      ...decodeEvent(inside.bytes.subarray(at, inside.ends[i]!)), node: h.node, log: segment.log, position: h.first + i,
      before: i ? inside.hashes.slice(i * 32 - 32, i * 32) : h.before, e: inside.hashes.slice(i * 32, i * 32 + 32), cites: h.first + i === 1 && h.opening ? h.opening.cites : [],
    });
  }
  return facts;
}
