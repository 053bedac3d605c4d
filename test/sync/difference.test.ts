// Rateless symbols: every difference is found, with about as many symbols as were promised, and invented ones do no harm.
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import fc from 'fast-check';
import { codeOf } from '../../src/fault.ts';
import { Coder, Decoder, SYMBOL_BYTES, packSymbols } from '../../src/sync/difference.ts';
import { ItemHash, packShorts, shortOf, unpackShorts } from '../../src/sync/itemid.ts';
import { guess, sketch } from '../../src/sync/sketch.ts';

/** Numbers that look random, the same in each run. */
function* chance(seed: number): Generator<number> {
  for (let x = seed >>> 0; ; ) {
    x = (x + 0x6d2b79f5) >>> 0;
    let t = Math.imul(x ^ (x >>> 15), x | 1);
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
    yield (t ^ (t >>> 14)) >>> 0;
  }
}

interface Columns { lo: Uint32Array; hi: Uint32Array }

/** Two sets: `both` ids in common, then `a` and `b` of their own. */
function sets(seed: number, both: number, a: number, b: number): { a: Columns; b: Columns } {
  const next = chance(seed), draw = (): number => next.next().value!;
  const shared = Array.from({ length: both }, () => [draw(), draw()]);
  const columns = (own: number): Columns => {
    const all = [...shared, ...Array.from({ length: own }, () => [draw(), draw()])];
    return { lo: Uint32Array.from(all, (id) => id[0]!), hi: Uint32Array.from(all, (id) => id[1]!) };
  };
  return { a: columns(a), b: columns(b) };
}

/** Symbols needed, in batches, until b knows the difference from a's symbols. */
function needed(x: Columns, y: Columns, batch: number): { symbols: number; found: Set<string> } {
  const coder = new Coder(x.lo, x.hi), decoder = new Decoder(new Coder(y.lo, y.hi));
  for (let from = 0; from < 1_000_000; from += batch) {
    if (decoder.add(packSymbols(coder.upTo(from + batch), from, from + batch))) {
      return { symbols: from + batch, found: new Set(decoder.found.lo.map((lo, i) => `${lo} ${decoder.found.hi[i]}`)) };
    }
  }
  throw new Error('not decoded');
}

const difference = suite('difference');

difference('random sets: what differs is found, all of it and nothing else', () => {
  fc.assert(fc.property(fc.integer(), fc.integer({ min: 0, max: 400 }), fc.integer({ min: 0, max: 60 }), fc.integer({ min: 0, max: 60 }), fc.integer({ min: 1, max: 50 }), (seed, both, m, n, batch) => {
    const { a, b } = sets(seed, both, m, n);
    const { found } = needed(a, b, batch);
    const expected = new Set<string>();
    for (const [own, count] of [[a, m], [b, n]] as const) for (let i = both; i < both + count; i++) expected.add(`${own.lo[i]} ${own.hi[i]}`);
    assert.equal([...found].sort(), [...expected].sort());
  }), { numRuns: 200 });
});

difference('symbols needed stay near 1.4 for each differing id', () => {
  for (const [d, most] of [[20, 2.2], [200, 1.7], [2000, 1.55]] as const) {
    let symbols = 0;
    for (let seed = 1; seed <= 10; seed++) {
      const { a, b } = sets(seed, 3000, d / 2, d / 2);
      symbols += needed(a, b, Math.max(1, d / 50)).symbols;
    }
    assert.ok(symbols / 10 <= most * d, `${symbols / 10} symbols for ${d} ids`);
  }
});

difference('symbols do not depend on when they are asked for', () => {
  const { a } = sets(3, 500, 0, 0);
  const once = packSymbols(new Coder(a.lo, a.hi).upTo(700), 0, 700);
  const coder = new Coder(a.lo, a.hi);
  for (const n of [1, 2, 30, 31, 699, 700]) coder.upTo(n);
  assert.equal(packSymbols(coder.upTo(700), 0, 700), once);
});

difference('invented symbols give an answer or a Fault, and end', () => {
  fc.assert(fc.property(fc.integer(), fc.array(fc.uint8Array({ minLength: 0, maxLength: 60 * SYMBOL_BYTES }), { maxLength: 8 }), (seed, parts) => {
    const { a } = sets(seed, 50, 0, 0);
    const decoder = new Decoder(new Coder(a.lo, a.hi));
    try {
      for (const part of parts) decoder.add(part);
    } catch (error) {
      assert.is(codeOf(error), 'bad-message');
    }
    assert.ok(decoder.found.lo.length <= decoder.count);
  }));
});

difference('one id said twice over is a contradiction, not an endless loop', () => {
  const { a, b } = sets(9, 0, 1, 30);
  const honest = packSymbols(new Coder(a.lo, a.hi).upTo(64), 0, 64);
  for (let i = 20; i < 40; i++) honest.copyWithin(i * SYMBOL_BYTES, 0, SYMBOL_BYTES);
  assert.throws(() => new Decoder(new Coder(b.lo.subarray(0, 0), b.hi.subarray(0, 0))).add(honest), (e: unknown) => codeOf(e) === 'bad-message');
});

difference('the sketch guesses sizes within a factor of two', () => {
  for (const d of [4, 40, 200, 1000, 8000, 60_000]) {
    const { a, b } = sets(d, 1000, d / 2, d / 2);
    const about = guess(sketch(a.lo, a.hi), sketch(b.lo, b.hi));
    assert.ok(about >= d / 2 && about <= 2 * d, `${about} for ${d}`);
  }
});

difference('SipHash-2-4 gives the vectors of its authors', () => {
  const hash = new ItemHash(Uint8Array.from({ length: 16 }, (_, i) => i));
  const hex = (n: number): string => n.toString(16).padStart(8, '0');
  const of = (length: number): string => {
    const { lo, hi } = hash.hash(Uint8Array.from({ length }, (_, i) => i));
    return hex(hi) + hex(lo);
  };
  assert.is(of(0), '726fdb47dd0e0e31');
  assert.is(of(1), '74f839c593dc67fd');
  assert.is(of(8), '93f5f5799a932462');
  assert.is(of(15), 'a129ca6149be45e5');
  assert.is(of(63), '958a324ceb064572');
});

difference('shorts are packed and unpacked', () => {
  fc.assert(fc.property(fc.array(fc.tuple(fc.integer({ min: 0, max: 0xffff_ffff }), fc.integer({ min: 0, max: 0xffff_ffff }))), (ids) => {
    const shorts = ids.map(([lo, hi]) => shortOf(lo, hi));
    assert.equal(unpackShorts(packShorts(shorts)), shorts);
  }));
});

difference.run();
