// Which runs of a log are held: joining segments by their hashes, finding forks, and cutting at a revocation.
import type { Bytes } from '../ports.ts';
import type { Bound, LogRecord, Span } from './record.ts';
import { compare, equal, hex } from '../event/bytes.ts';

/** A segment as far as the chain is concerned; `hashes` holds e of each event (32 bytes each) where the reader has the key. */
export interface Piece { first: number; last: number; before: Bytes; after: Bytes; hashes?: Bytes | undefined }

/** e at a position of a piece, if known. */
export function hashAt(piece: Piece, position: number): Bytes | undefined {
  if (position === piece.last) return piece.after;
  if (position === piece.first - 1) return piece.before;
  if (position < piece.first || position > piece.last || !piece.hashes) return undefined;
  return piece.hashes.subarray((position - piece.first) * 32, (position - piece.first + 1) * 32);
}

/**
 * The usual case, decided without reading the store: the piece lies beside the held runs, continues the last one, or is held already.
 * Returns the new spans and how many events are new, or undefined when only `rebuild` can tell.
 */
export function extend(record: LogRecord, piece: Piece): { spans: readonly Span[]; added: number } | undefined {
  if (record.forked || (record.bounds && !inside(piece, record.bounds))) return undefined;
  if (links(record, piece)) return undefined;
  const count = piece.last - piece.first + 1;
  let lower: Span | undefined, upper: Span | undefined, over: Span | undefined;
  for (const span of record.spans) {
    if (piece.last === span.to && piece.first >= span.from && equal(piece.after, span.after)) return { spans: record.spans, added: 0 };
    if (span.to === piece.first - 1) lower = span;
    else if (span.from === piece.last + 1) upper = span;
    else if (span.to >= piece.first && span.from <= piece.last) { if (over) return undefined; over = span; }
  }
  let merged: Span = { from: piece.first, to: piece.last, before: piece.before, after: piece.after };
  let added = count;
  if (over) {
    // It overlaps one run and goes on: its own hashes can show that it is the same branch.
    const e = piece.hashes && piece.first >= over.from && piece.last > over.to ? hashAt(piece, over.to) : undefined;
    if (lower || !e || !equal(e, over.after)) return undefined;
    merged = { ...merged, from: over.from, before: over.before };
    added = piece.last - over.to;
  }
  if (lower) {
    if (!equal(lower.after, piece.before)) return undefined;
    merged = { ...merged, from: lower.from, before: lower.before };
  }
  if (upper) {
    if (!equal(upper.before, piece.after)) return undefined;
    merged = { ...merged, to: upper.to, after: upper.after };
  }
  const spans = record.spans.filter((s) => s !== lower && s !== upper && s !== over);
  return { spans: [...spans, merged].sort((a, b) => a.from - b.from), added };
}

/** True when a piece of a cut log ends below its bound, or right there. */
function inside(piece: Piece, bounds: readonly Bound[]): boolean {
  const top = Math.max(0, ...bounds.map((b) => b.position));
  return piece.last < top ? !bounds.some((b) => b.position === piece.last && !equal(b.e, piece.after)) : bounds.some((b) => b.position === piece.last && equal(b.e, piece.after));
}

/** True when a piece that is held already shows that the end of one run lies inside another: it is kept for that. */
export function links(record: LogRecord, piece: Piece): boolean {
  return record.spans.some((end) => {
    if (end.to < piece.first - 1 || end.to >= piece.last) return false;
    const e = hashAt(piece, end.to);
    return e !== undefined && equal(e, end.after) && record.spans.some((s) => s !== end && s.from <= piece.first && piece.last <= s.to);
  });
}

/** True when some piece holds this e at this position, or may hold it and cannot be read. */
export function holdsPoint(pieces: Piece[], position: number, e: Bytes): boolean {
  return pieces.some((piece) => {
    if (position < piece.first || position > piece.last) return false;
    const here = hashAt(piece, position);
    return here === undefined || equal(here, e);
  });
}

/** What `rebuild` found. `kept[i]` tells whether piece i is admitted (perhaps only up to a bound). */
export interface Rebuilt { spans: Span[]; events: number; kept: boolean[]; forked: boolean }

interface Point { position: number; e: Bytes; parent: Point | null; children: number; reached: boolean }

/**
 * The runs that a set of pieces makes, from nothing but the pieces: the chain hashes are points, pieces are the edges between them, and because
 * e(p) commits to everything before p the points form a forest. With `bounds`, pieces are cut at the bound, and where there are branches only those that lead to a bound stay.
 */
export function rebuild(all: Piece[], bounds: readonly Bound[] | null): Rebuilt {
  const cut = all.map((piece) => (bounds ? cutAt(piece, bounds) : piece));
  const points = new Map<string, Point>();
  const point = (position: number, e: Bytes): Point => {
    const name = `${position}:${hex(e)}`;
    let p = points.get(name);
    if (!p) points.set(name, p = { position, e, parent: null, children: 0, reached: false });
    return p;
  };
  for (const piece of cut) {
    if (!piece) continue;
    point(piece.first - 1, piece.before);
    point(piece.last, piece.after);
  }
  let sorted: Point[], paths: (Point[] | undefined)[];
  do {
    sorted = [...points.values()].sort((a, b) => a.position - b.position);
    for (const p of sorted) { p.parent = null; p.children = 0; }
    paths = cut.map((piece) => piece && pathOf(piece, sorted));
    for (const path of paths) {
      for (let i = 1; path && i < path.length; i++) {
        // Of several ways into a point the shortest is the finest view of the same run.
        const here = path[i]!, from = path[i - 1]!;
        if (!here.parent || from.position > here.parent.position) here.parent = from;
      }
    }
    stretch(cut, paths);
    for (const p of sorted) if (p.parent) p.parent.children++;
  } while (sorted.some((p) => p.children > 1) && partings(cut, paths, point));
  const branched = sorted.some((p) => p.children > 1);
  let kept = cut.map((piece) => piece !== undefined);
  if (bounds && branched) {
    for (const b of bounds) {
      for (let p: Point | null | undefined = points.get(`${b.position}:${hex(b.e)}`); p && !p.reached; p = p.parent) p.reached = true;
    }
    kept = paths.map((path) => path !== undefined && path[path.length - 1]!.reached);
    if (kept.some((k, i) => !k && cut[i])) {
      const rest = rebuild(all.filter((_, i) => kept[i]), bounds);
      return { ...rest, kept, forked: true };
    }
  }
  const spans: Span[] = [];
  let events = 0;
  for (const p of sorted) {
    if (!p.parent) continue;
    events += p.position - p.parent.position;
    if (p.children) continue;
    let root = p.parent;
    while (root.parent) root = root.parent;
    spans.push({ from: root.position + 1, to: p.position, before: root.e, after: p.e });
  }
  return { spans, events, kept, forked: twice(sorted) || (branched && overlapping(cut).every((p) => p.first === p.last || p.hashes !== undefined)) };
}

/**
 * The known points that lie on a piece, in order. Inside a piece that cannot be read here (no key) nothing tells which points are its own: where only one e is
 * known at each position of it, they are taken to be, since its author has most likely packed again what was there. So a relay counts as a key holder does.
 */
function pathOf(piece: Piece, sorted: Point[]): Point[] {
  const path: Point[] = [], within: Point[] = [];
  let low = 0, high = sorted.length;
  while (low < high) { const mid = (low + high) >> 1; if (sorted[mid]!.position < piece.first - 1) low = mid + 1; else high = mid; }
  for (let i = low; i < sorted.length && sorted[i]!.position <= piece.last; i++) {
    const e = hashAt(piece, sorted[i]!.position);
    if (e && equal(e, sorted[i]!.e)) path.push(sorted[i]!);
    within.push(sorted[i]!);
  }
  if (within.length === path.length) return path;
  const opaque = piece.last > piece.first && !piece.hashes;
  return opaque && within.every((p, i) => i === 0 || p.position > within[i - 1]!.position) ? within : path;
}

/** What unreadable pieces show all the same: as e(p) commits to everything before p, whatever is known to lead to the end of such a piece from behind its start comes after its start. */
function stretch(cut: (Piece | undefined)[], paths: (Point[] | undefined)[]): void {
  const opaque = paths.flatMap((path, k) => (path && !cut[k]!.hashes && path.length > 1 ? [{ start: path[0]!, end: path[path.length - 1]! }] : []));
  for (const { start, end } of opaque.sort((a, b) => b.start.position - a.start.position || compare(a.start.e, b.start.e))) {
    let p = end;
    while (p.parent && p.parent.position > start.position) p = p.parent;
    const from = p.parent;
    if (from?.position === start.position) continue;
    p.parent = start;
    start.parent ??= from;
  }
}

/** Makes points of the places where readable pieces part ways; true when there was a new one. */
function partings(cut: (Piece | undefined)[], paths: (Point[] | undefined)[], point: (position: number, e: Bytes) => Point): boolean {
  const out = new Map<Point, Map<Point, Piece>>(); // from a point with several ways on, one piece for each way
  paths.forEach((path, k) => {
    for (let i = 1; path && i < path.length; i++) {
      const from = path[i - 1]!;
      if (from.children < 2 || !cut[k]!.hashes || path[i]!.parent !== from) continue;
      const ways = out.get(from) ?? new Map<Point, Piece>();
      ways.set(path[i]!, cut[k]!);
      out.set(from, ways);
    }
  });
  let found = false;
  for (const [from, ways] of out) {
    const [first, ...others] = ways.entries();
    for (const other of others) {
      let p = from.position;
      const most = Math.min(first![0].position, other[0].position);
      while (p < most && equal(hashAt(first![1], p + 1)!, hashAt(other[1], p + 1)!)) p++;
      if (p === from.position) continue;
      point(p, hashAt(first![1], p)!);
      found = true;
    }
  }
  return found;
}

/** The pieces that share a position with another: only they can be ways of one branch in other packings. */
function overlapping(cut: (Piece | undefined)[]): Piece[] {
  const sorted = cut.filter((p) => p !== undefined).sort((a, b) => a.first - b.first);
  const out = new Set<Piece>();
  let over: Piece | undefined; // of those so far the one that reaches furthest
  for (const p of sorted) {
    if (over && p.first <= over.last) out.add(over).add(p);
    if (!over || p.last > over.last) over = p;
  }
  return [...out];
}

/** True when two hashes stand at one position (two openings of one log at position 0): nothing else proves a fork to who cannot read. */
function twice(sorted: Point[]): boolean {
  return sorted.some((p, i) => i > 0 && p.position === sorted[i - 1]!.position);
}

function cutAt(piece: Piece, bounds: readonly Bound[]): Piece | undefined {
  const top = Math.max(0, ...bounds.map((b) => b.position));
  if (piece.last <= top) {
    // The end of a valid log is where its bound says; another hash there is another branch.
    const same = bounds.filter((b) => b.position === piece.last);
    return same.length && !same.some((b) => equal(b.e, piece.after)) && same.length === bounds.length ? undefined : piece;
  }
  for (const b of bounds) {
    if (b.position < piece.first || b.position > piece.last) continue;
    const e = piece.hashes ? hashAt(piece, b.position) : b.e;
    if (e && equal(e, b.e)) return { first: piece.first, last: b.position, before: piece.before, after: b.e, hashes: piece.hashes };
  }
  return undefined;
}
