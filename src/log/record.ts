// What a store knows about one log: who writes it, which runs of it are held, and who cites it.
import type { Bytes } from '../ports.ts';
import type { Tip } from '../event/chain.ts';
import type { Header } from '../event/header.ts';
import type { Value } from '../event/value.ts';
import type { Item } from './item.ts';
import { HOLE, TIP } from './item.ts';
import { equal } from '../event/bytes.ts';
import { decode, encode } from '../event/cbor.ts';
import { Fault } from '../fault.ts';

/** A held run from a root to a leaf: positions from..to, e(from-1) and e(to). Branches of a fork share a root. */
export interface Span { from: number; to: number; before: Bytes; after: Bytes }
/** A position that the opening of a later log cites, the logs that do, and whether the branch on which it lies is held up to there. */
export interface Citation { position: number; e: Bytes; by: Bytes[]; held: boolean }
/** The last position that a revocation leaves valid. */
export interface Bound { position: number; e: Bytes }

export interface LogRecord {
  readonly log: Bytes;
  readonly stream: string;
  readonly node: Bytes;
  readonly incarnation: Bytes;
  readonly grant: Bytes;
  readonly keyHash: Bytes | null;
  /** Known once the first segment is held. */
  readonly opening: { boot: Bytes; cites: Tip[] } | null;
  /** One more than the highest of the logs it cites, as far as known. */
  readonly height: number;
  readonly spans: readonly Span[];
  readonly cited: readonly Citation[];
  /** Distinct events held and admitted. */
  readonly events: number;
  /** Null: everything is valid; otherwise the ends of what is. */
  readonly bounds: readonly Bound[] | null;
  /** True once two branches were proven. */
  readonly forked: boolean;
  /** True once a segment of it turned out void: its author may have packed the same events another way that is not. */
  readonly hollow: boolean;
}

/** A record as this store wrote it; the store is trusted to hold what was put in, damage shows as a wrong shape. */
type Stored = [version: number, log: Bytes, stream: string, node: Bytes, incarnation: Bytes, grant: Bytes, keyHash: Bytes | null, opening: [Bytes, [Bytes, number, Bytes][]] | null, height: number,
  spans: [number, number, Bytes, Bytes][], cited: [number, Bytes, Bytes[], boolean][], events: number, bounds: [number, Bytes][] | null, forked: boolean, hollow?: boolean];

/** A record of a log of which nothing is held yet. */
export function emptyRecord(log: Bytes, header: Pick<Header, 'stream' | 'node' | 'incarnation' | 'grant' | 'keyHash'>): LogRecord {
  return {
    log, stream: header.stream, node: header.node, incarnation: header.incarnation, grant: header.grant, keyHash: header.keyHash,
    opening: null, height: 1, spans: [], cited: [], events: 0, bounds: null, forked: false, hollow: false,
  };
}

/** A record that was made when another log cited this one says of it what its own segments say; citations by logs of another node or stream were nonsense. */
export function named(r: LogRecord, h: Pick<Header, 'stream' | 'node' | 'incarnation' | 'grant' | 'keyHash'>): LogRecord {
  if (r.spans.length || r.opening) return r;
  const { stream, node, incarnation, grant, keyHash } = h;
  return { ...r, stream, node, incarnation, grant, keyHash, cited: r.stream === stream && equal(r.node, node) ? r.cited : [] };
}

/** The stored form of a record. */
export function encodeRecord(r: LogRecord): Bytes {
  return encode([
    1, r.log, r.stream, r.node, r.incarnation, r.grant, r.keyHash,
    r.opening ? [r.opening.boot, r.opening.cites.map((t) => [t.log, t.position, t.e])] : null,
    r.height, r.spans.map((s) => [s.from, s.to, s.before, s.after]),
    r.cited.map((c) => [c.position, c.e, c.by, c.held]), r.events,
    r.bounds ? r.bounds.map((b) => [b.position, b.e]) : null, r.forked, r.hollow,
  ] as Value);
}

/** Reads a stored record. Fault `store-damaged` when it is not one. */
export function decodeRecord(bytes: Bytes): LogRecord {
  try {
    const [version, log, stream, node, incarnation, grant, keyHash, opening, height, spans, cited, events, bounds, forked, hollow] = decode(bytes) as Stored;
    if (version !== 1) throw new Fault('store-damaged', `a log record has the unknown version ${version}`);
    return {
      log, stream, node, incarnation, grant, keyHash, height, events, forked, hollow: hollow === true,
      opening: opening && { boot: opening[0], cites: opening[1].map((t) => ({ log: t[0], position: t[1], e: t[2] })) },
      spans: spans.map((s) => ({ from: s[0], to: s[1], before: s[2], after: s[3] })),
      cited: cited.map((c) => ({ position: c[0], e: c[1], by: c[2], held: c[3] })),
      bounds: bounds && bounds.map((b) => ({ position: b[0], e: b[1] })),
    };
  } catch (error) {
    if (error instanceof Fault && error.code === 'store-damaged') throw error;
    throw new Fault('store-damaged', 'a log record in the store cannot be read; run `holdfast verify`', { cause: error });
  }
}

/** The same record with one more citation, `held` when its tip is on a branch that is held; `again` tells that another log cited the same tip before. */
export function withCitation(r: LogRecord, tip: Tip, by: Bytes, held: boolean): { record: LogRecord; again: boolean } {
  const old = r.cited.find((c) => c.position === tip.position && equal(c.e, tip.e));
  if (!old) return { record: { ...r, cited: [...r.cited, { position: tip.position, e: tip.e, by: [by], held }] }, again: false };
  if (old.by.some((b) => equal(b, by))) return { record: r, again: false };
  if (old.by.length >= 8) return { record: r, again: true };
  return { record: { ...r, cited: r.cited.map((c) => (c === old ? { ...c, by: [...c.by, by] } : c)) }, again: true };
}

/** The items that this log adds to the frontier: a function of the record alone, so of the set of held segments. */
export function itemsOf(r: LogRecord): Item[] {
  const items: Item[] = [];
  const inside = new Set<Span>(); // spans whose end a hole names already
  const hole = (from: number, to: number, below: Span | undefined, after: Bytes): void => {
    if (items.some((i) => i.kind === HOLE && i.to === to && equal(i.after, after))) return;
    if (below && below.to === from - 1) inside.add(below);
    items.push({ kind: HOLE, log: r.log, stream: r.stream, node: r.node, from, to, before: below ? below.after : null, after });
  };
  const belowOf = (position: number): Span | undefined =>
    r.spans.filter((s) => s.to < position).sort((a, b) => b.to - a.to)[0];
  for (const span of r.spans) {
    if (span.from === 1) continue;
    const below = belowOf(span.from);
    // A run that ends just below is of another branch, else they were one: what is missing may begin anywhere.
    if (below?.to === span.from - 1) hole(1, span.from - 1, undefined, span.before);
    else hole((below?.to ?? 0) + 1, span.from - 1, below, span.before);
  }
  const top = r.bounds ? Math.max(0, ...r.bounds.map((b) => b.position)) : Infinity;
  const wanted = r.cited.filter((c) => c.position <= top && !c.held);
  const highest = Math.max(0, ...wanted.map((c) => c.position));
  for (const c of wanted) {
    // Citations further down are inside the same hole, unless a run is held between.
    if (c.position !== highest && !r.spans.some((s) => s.from > c.position)) continue;
    if (r.spans.some((s) => s.from === c.position + 1 && equal(s.before, c.e))) continue;
    const below = belowOf(c.position);
    hole((below?.to ?? 0) + 1, c.position, below, c.e);
  }
  for (const span of r.spans) {
    if (inside.has(span)) continue;
    if (r.cited.some((c) => c.position === span.to && equal(c.e, span.after))) continue;
    items.push({ kind: TIP, log: r.log, stream: r.stream, node: r.node, from: span.to, to: span.to, before: null, after: span.after });
  }
  return items;
}
