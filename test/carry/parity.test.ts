// Parity: whatever is lost of a stripe, as long as enough is left, comes back byte for byte; the code is the one that the page names.
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import fc from 'fast-check';
import { codeOf } from '../../src/fault.ts';
import { mending, ParityRows } from '../../src/carry/parity.ts';

const test = suite('parity');

/** Multiplication by shifting and adding: the definition, for comparison. */
function times(a: number, b: number): number {
  let product = 0;
  for (let bit = 0; bit < 8; bit++) {
    if (b & (1 << bit)) {
      let shifted = a;
      for (let i = 0; i < bit; i++) shifted = shifted & 0x80 ? (shifted << 1) ^ 0x11d : shifted << 1;
      product ^= shifted;
    }
  }
  return product;
}
const inverse = (a: number): number => { for (let b = 1; b < 256; b++) if (times(a, b) === 1) return b; throw new Error(String(a)); };
const block = (seed: number, size: number): Uint8Array => Uint8Array.from({ length: size }, (_, i) => Math.imul(seed * 7919 + i, 2_654_435_761) >>> 24);

/** The missing members, `together` of them at a time; undefined when there are too few rows. */
function restore(K: number, size: number, held: ReadonlyMap<number, Uint8Array>, rows: ReadonlyMap<number, Uint8Array>, together = K): Map<number, Uint8Array> | undefined {
  const missing = [...Array(K).keys()].filter((i) => !held.has(i)), out = new Map<number, Uint8Array>();
  for (let from = 0; from < missing.length; from += together) {
    const mend = mending(K, size, missing, missing.slice(from, from + together), [...rows.keys()]);
    if (!mend) return undefined;
    for (const [i, bytes] of held) mend.addMember(i, bytes);
    for (const j of mend.rows) mend.addRow(j, rows.get(j)!);
    for (const [i, bytes] of mend.blocks) out.set(i, bytes);
  }
  return out;
}

test('rows are the Cauchy matrix of the page times the members', () => {
  const K = 9, M = 4, size = 17, members = Array.from({ length: K }, (_, i) => block(i, size)), made = new ParityRows(K, M, size);
  for (const [i, bytes] of members.entries()) made.add(i, bytes);
  for (let j = 0; j < M; j++) {
    const row = new Uint8Array(size);
    for (let i = 0; i < K; i++) for (let b = 0; b < size; b++) row[b]! ^= times(inverse((255 - j) ^ i), members[i]![b]!);
    assert.equal(made.rows[j], row);
  }
});

test('any K of K + M restore all', () => {
  const stripe = fc.integer({ min: 1, max: 60 }).chain((K) => fc.record({ K: fc.constant(K), M: fc.integer({ min: 1, max: Math.min(40, 255 - K) }), size: fc.integer({ min: 1, max: 200 }), seed: fc.nat(1000), together: fc.integer({ min: 1, max: 60 }), order: fc.infiniteStream(fc.nat(1_000_000)) }));
  fc.assert(fc.property(stripe, ({ K, M, size, seed, together, order }) => {
    // The last member may be shorter.
    const members = Array.from({ length: K }, (_, i) => block(seed + i, i === K - 1 ? Math.max(1, size >> 1) : size));
    const made = new ParityRows(K, M, size);
    for (const [i, bytes] of members.entries()) made.add(i, bytes);
    const all = [...Array(K + M).keys()].map((n) => [order.next().value as number, n] as const).sort((a, b) => a[0] - b[0]).map(([, n]) => n).slice(0, K);
    const held = new Map(all.filter((n) => n < K).map((n) => [n, members[n]!])), rows = new Map(all.filter((n) => n >= K).map((n) => [n - K, made.rows[n - K]!]));
    const back = restore(K, size, held, rows, together)!;
    assert.is(back.size, K - held.size);
    for (const [i, bytes] of back) assert.equal(bytes.slice(0, members[i]!.length), members[i]);
    if (rows.size > 0) {
      rows.delete([...rows.keys()][0]!);
      assert.is(restore(K, size, held, rows, together), undefined);
    }
  }), { numRuns: 200 });
});

test('the largest stripe, with the last rows alone', () => {
  const K = 212, M = 43, size = 64, made = new ParityRows(K, M, size), members = Array.from({ length: K }, (_, i) => block(i, size));
  for (const [i, bytes] of members.entries()) made.add(i, bytes);
  const held = new Map(members.entries());
  for (let i = 0; i < M; i++) held.delete(i * 4);
  const back = restore(K, size, held, new Map(made.rows.entries()))!;
  assert.is(back.size, M);
  for (const [i, bytes] of back) assert.equal(bytes, members[i]);
});

test('what is no stripe is refused', () => {
  for (const call of [() => new ParityRows(213, 43, 8), () => new ParityRows(0, 1, 8), () => new ParityRows(1, 0, 8), () => new ParityRows(3, 1, 8).add(3, new Uint8Array(8)), () => new ParityRows(3, 1, 8).add(0, new Uint8Array(9))]) {
    try { call(); assert.unreachable(); } catch (error) { assert.is(codeOf(error), 'bad-argument'); }
  }
  assert.is(restore(3, 8, new Map([[0, new Uint8Array(8)]]), new Map()), undefined);
});

test.run();
