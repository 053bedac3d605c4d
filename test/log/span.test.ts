// Spans depend on the set of pieces alone: any order, any packing, forks and holes included.
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import fc from 'fast-check';
import { createHash } from 'node:crypto';
import type { Bytes } from '../../src/ports.ts';
import type { LogRecord } from '../../src/log/record.ts';
import type { Piece } from '../../src/log/span.ts';
import { hex } from '../../src/event/bytes.ts';
import { emptyRecord, itemsOf, decodeRecord, encodeRecord, withCitation } from '../../src/log/record.ts';
import { extend, rebuild } from '../../src/log/span.ts';
import { HOLE, TIP } from '../../src/log/item.ts';

const spans = suite('spans');
const bytes = (n: number, fill: number): Bytes => new Uint8Array(n).fill(fill);
const record = (): LogRecord => emptyRecord(bytes(16, 1), { stream: 's', node: bytes(32, 2), incarnation: bytes(16, 3), grant: bytes(8, 4), keyHash: null });

/** A chain of hashes: e(0)..e(n), each branch named. */
function chain(n: number, branch: string, base?: Bytes[], from = 0): Bytes[] {
  const out = base ? base.slice(0, from + 1) : [createHash('sha256').update('root').digest()];
  for (let p = out.length; p <= n; p++) out.push(createHash('sha256').update(out[p - 1]!).update(branch + p).digest());
  return out.map((b) => new Uint8Array(b));
}
function piece(e: Bytes[], first: number, last: number, readable = true): Piece {
  const hashes = new Uint8Array((last - first + 1) * 32);
  for (let p = first; p <= last; p++) hashes.set(e[p]!, (p - first) * 32);
  return { first, last, before: e[first - 1]!, after: e[last]!, ...(readable && { hashes }) };
}
/** What the door does: the quick way where it can decide, all pieces otherwise. */
function run(pieces: Piece[]): LogRecord {
  let r = record();
  const held: Piece[] = [];
  for (const p of pieces) {
    const quick = extend(r, p);
    if (quick && quick.added === 0) continue;
    held.push(p);
    if (quick) r = { ...r, spans: quick.spans, events: r.events + quick.added };
    else {
      const b = rebuild(held, null);
      r = { ...r, spans: b.spans, events: b.events, forked: b.forked };
    }
  }
  return r;
}
const orders = (n: number): fc.Arbitrary<number[]> => fc.shuffledSubarray([...Array(n).keys()], { minLength: n, maxLength: n });
const shown = (r: LogRecord): string => JSON.stringify(itemsOf(r).map((i) => [i.kind, i.from, i.to, i.before && hex(i.before), hex(i.after)]).sort());

spans('one history in any order and packing gives one run', () => {
  const e = chain(40, 'a');
  const cuts = fc.uniqueArray(fc.integer({ min: 1, max: 39 }), { maxLength: 8 });
  fc.assert(fc.property(cuts, cuts, fc.infiniteStream(fc.nat()), (c1, c2, noise) => {
    const pieces = [c1, c2].flatMap((c) => {
      const at = [0, ...c.sort((a, b) => a - b), 40];
      return at.slice(1).map((to, i) => piece(e, at[i]! + 1, to));
    });
    const shuffled = pieces.map((p) => ({ p, k: noise.next().value as number })).sort((a, b) => a.k - b.k).map((x) => x.p);
    const r = run(shuffled);
    assert.is(r.spans.length, 1);
    assert.is(r.events, 40);
    assert.is(r.forked, false);
    assert.equal(itemsOf(r).map((i) => [i.kind, i.to]), [[TIP, 40]]);
  }));
});

spans('holes are the same whatever order the rest came in', () => {
  const e = chain(30, 'a');
  const parts = [piece(e, 1, 5), piece(e, 6, 9), piece(e, 15, 20), piece(e, 21, 22), piece(e, 28, 30)];
  fc.assert(fc.property(orders(5), (which) => {
    const order = which.map((i) => parts[i]!);
    const r = run(order);
    assert.is(r.events, 20);
    assert.equal(itemsOf(r).filter((i) => i.kind === HOLE).map((i) => [i.from, i.to]).sort(), [[10, 14], [23, 27]]);
    assert.equal(itemsOf(r).filter((i) => i.kind === TIP).map((i) => i.to), [30]);
    assert.is(shown(r), shown(run(parts)));
  }));
});

spans('a fork keeps both branches, in any order', () => {
  const a = chain(20, 'a'), b = chain(25, 'b', a, 12);
  const parts = [piece(a, 1, 10), piece(a, 11, 20), piece(b, 8, 15), piece(b, 16, 25)];
  fc.assert(fc.property(orders(4), (which) => {
    const order = which.map((i) => parts[i]!);
    const r = run(order);
    assert.is(r.forked, true);
    assert.is(r.events, 20 + 13);
    assert.equal(itemsOf(r).map((i) => [i.kind, i.to]).sort(), [[TIP, 20], [TIP, 25]]);
    assert.is(shown(r), shown(run(parts)));
  }));
});

spans('a relay that cannot read recognises the longer run of what it holds', () => {
  const e = chain(30, 'a');
  const short = [piece(e, 1, 10, false), piece(e, 11, 20, false), piece(e, 21, 30, false)];
  const long = [piece(e, 1, 20, false), piece(e, 1, 30, false), piece(e, 11, 30, false)];
  fc.assert(fc.property(orders(3), orders(3), (first, then) => {
    const r = run([...first.map((i) => short[i]!), ...then.map((i) => long[i]!)]);
    assert.equal(itemsOf(r).map((i) => [i.kind, i.to]), [[TIP, 30]]);
    assert.is(r.events, 30);
  }));
});

spans('a relay takes what it cannot compare for the same history packed again, as key holders find it, until two hashes prove a fork', () => {
  const a = chain(30, 'a'), b = chain(25, 'b', a, 5);
  for (const order of [[0, 1], [1, 0]]) {
    const parts = [piece(a, 1, 20, false), piece(a, 1, 7, false)];
    const r = run(order.map((i) => parts[i]!));
    assert.equal(itemsOf(r).map((i) => [i.kind, i.to]), [[TIP, 20]]);
    assert.is(r.events, 20);
    assert.is(r.forked, false);
  }
  const r = run([piece(a, 1, 20, false), piece(b, 1, 20, false)]);
  assert.equal(itemsOf(r).map((i) => [i.kind, i.to]), [[TIP, 20], [TIP, 20]]);
  assert.is(r.forked, true);
});

spans('a relay misses nothing below what leads to the end of a piece that it holds, though the log has another opening', () => {
  const a = chain(33, 'a');
  const other = piece([bytes(32, 7), ...chain(13, 'b').slice(1)], 1, 13, false);
  // As it was seen: the rest came first, then everything in one piece.
  const seen = rebuild([piece(a, 5, 17, false), piece(a, 18, 33, false), other, piece(a, 1, 33, false)], null);
  assert.equal(seen.spans.map((s) => [s.from, s.to]), [[1, 33]]); // where the other ends it cannot tell
  const cuts = fc.uniqueArray(fc.integer({ min: 1, max: 32 }), { maxLength: 6 });
  fc.assert(fc.property(cuts, cuts, fc.infiniteStream(fc.nat(5)), fc.infiniteStream(fc.nat()), (c1, c2, drop, noise) => {
    const some = [c1, c2].flatMap((c) => {
      const at = [0, ...c.sort((x, y) => x - y), 33];
      return at.slice(1).map((to, i) => piece(a, at[i]! + 1, to, false)).filter(() => drop.next().value !== 0);
    });
    const all = [...some, other];
    const shuffled = all.map((p) => ({ p, k: noise.next().value as number })).sort((x, y) => x.k - y.k).map((x) => x.p);
    const built = rebuild(shuffled, null);
    assert.equal(built.spans, rebuild(all, null).spans);
    for (const p of some) assert.ok(built.spans.some((s) => s.from <= p.first && p.last <= s.to), `${p.first}..${p.last} is in no run`);
  }), { seed: 4_711 });
});

spans('a bound cuts a run, and drops a branch that does not lead to it', () => {
  const a = chain(20, 'a'), forged = chain(14, 'x', a, 5);
  const parts = [piece(a, 1, 10), piece(a, 11, 20), piece(forged, 6, 14)];
  const bounds = [{ position: 16, e: a[16]! }];
  fc.assert(fc.property(orders(3), (which) => {
    const order = which.map((i) => parts[i]!);
    const b = rebuild(order, bounds);
    assert.equal(b.spans.map((s) => [s.from, s.to]), [[1, 16]]);
    assert.is(b.events, 16);
    assert.equal(order.map((p, i) => [p, b.kept[i]] as const).filter(([, k]) => k).map(([p]) => p.last).sort((x, y) => x - y), [10, 20]);
  }));
});

spans('a cited tip is no end, and a citation beyond what is held is a hole', () => {
  const e = chain(20, 'a');
  const held = run([piece(e, 1, 10)]);
  const at10 = withCitation(held, { log: held.log, position: 10, e: e[10]! }, bytes(16, 9), true).record;
  assert.equal(itemsOf(at10), []);
  const at15 = withCitation(held, { log: held.log, position: 15, e: e[15]! }, bytes(16, 9), false).record;
  assert.equal(itemsOf(at15).map((i) => [i.kind, i.from, i.to]), [[HOLE, 11, 15]]);
  const past = withCitation(held, { log: held.log, position: 7, e: e[7]! }, bytes(16, 9), true).record;
  assert.equal(itemsOf(past).map((i) => [i.kind, i.to]), [[TIP, 10]]);
  const other = chain(20, 'b', e, 3);
  const elsewhere = withCitation(held, { log: held.log, position: 7, e: other[7]! }, bytes(16, 9), false).record;
  assert.equal(itemsOf(elsewhere).map((i) => [i.kind, i.from, i.to]).sort(), [[TIP, 10, 10], [HOLE, 1, 7]].sort());
  const unheld = withCitation(record(), { log: held.log, position: 3, e: e[3]! }, bytes(16, 9), false).record;
  assert.equal(itemsOf(unheld).map((i) => [i.kind, i.from, i.to, i.before]), [[HOLE, 1, 3, null]]);
});

spans('records survive their stored form, and damage is named', () => {
  const e = chain(20, 'a');
  const r = withCitation({ ...run([piece(e, 1, 10), piece(e, 15, 20)]), opening: { boot: bytes(8, 5), cites: [{ log: bytes(16, 7), position: 4, e: bytes(32, 8) }] }, bounds: [{ position: 9, e: e[9]! }] },
    { log: bytes(16, 1), position: 10, e: e[10]! }, bytes(16, 9), true).record;
  assert.equal(decodeRecord(encodeRecord(r)), r);
  assert.throws(() => decodeRecord(encodeRecord(r).subarray(0, 40)), (x: any) => x.code === 'store-damaged');
});

spans.run();
