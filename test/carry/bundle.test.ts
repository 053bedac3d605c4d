// Bundles: what was put in comes out, from any subset of blocks in any order; damage costs what it hit, and parity brings it back.
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import fc from 'fast-check';
import type { Bytes } from '../../src/ports.ts';
import { bundleKey, openBlock, partsOf, PARITY, sealBlock, SEGMENTS, INDEX, WORD } from '../../src/carry/bundle-block.ts';
import { makeBundle, type Load, type Made } from '../../src/carry/bundle-maker.ts';
import { BLOCK_MOST, PARITY_EXTRA } from '../../src/carry/bundle-bounds.ts';
import { ParityRows } from '../../src/carry/parity.ts';
import { dealOf, encodeRow, membersOf, readRow, restoreStripe, rowsOf } from '../../src/carry/bundle-parity.ts';
import { BundleScan, type Found } from '../../src/carry/bundle-scan.ts';
import { encodeWord, readWord, type Word } from '../../src/carry/bundle-word.ts';
import { codeOf } from '../../src/fault.ts';
import { concat, equal, hex } from '../../src/event/bytes.ts';
import { createCrypto } from '../../src/io/crypto.ts';
import { Chance } from '../sim/chance.ts';

const test = suite('bundle'), crypto = createCrypto(), fleet = new Uint8Array(32).fill(9), key = bundleKey(crypto, fleet), seed = new Uint8Array(32).fill(4);
const word: Word = { node: crypto.signer(seed), boot: new Uint8Array(8).fill(1), made: 1_790_000_000_000, name: 'barn', for: [new Uint8Array(32).fill(7)], since: null, streams: ['telemetry'], frontier: [{ stream: 'telemetry', cursor: 'abc' }], took: [new Uint8Array(8).fill(3)] };
const sign = (message: Bytes): Bytes => crypto.sign(seed, message);

/** Bytes that do not repeat. */
function noise(from: number, length: number): Bytes {
  let state = from;
  return Uint8Array.from({ length }, () => { state ^= state << 13; state ^= state >>> 17; state ^= state << 5; return state & 0xff; });
}

/** Loads of these sizes, each unlike any other. */
async function* loads(sizes: number[]): AsyncGenerator<Load> {
  for (const [i, size] of sizes.entries()) yield { stream: `s${i % 3}`, log: new Uint8Array(16).fill(i), first: 1, last: 10, bytes: noise(i + 1, size) };
}
async function make(sizes: number[], volumeBytes = 1 << 30, padded = false): Promise<Made[]> {
  const chance = new Chance(String(sizes.length)), out: Made[] = [];
  const o = { crypto, random: chance, key, bundle: chance.bytes(8), word: (size: number) => encodeWord(fleet, sign, word, size - 100), volumeBytes, padded };
  for await (const made of makeBundle(o, loads(sizes))) out.push(made);
  return out;
}
function scan(bytes: Bytes, pieces: number): Found[] {
  const scanner = new BundleScan(crypto, key), out: Found[] = [];
  for (let at = 0; at < bytes.length; at += pieces) out.push(...scanner.push(bytes.subarray(at, at + pieces)));
  return [...out, ...scanner.end()];
}
/** A load by its hash. */
const mark = (bytes: Bytes): string => hex(crypto.sha256(bytes));
const carried = (found: Found[]): string[] => found.flatMap((f) => (f.kind === 'block' && f.block.kind === SEGMENTS ? partsOf(f.block.body)!.map(mark) : []));
const wanted = async (sizes: number[]): Promise<string[]> => { const out: string[] = []; for await (const { bytes } of loads(sizes)) out.push(mark(bytes)); return out; };
const sizes = fc.array(fc.oneof(fc.integer({ min: 200, max: 3_000 }), fc.integer({ min: 3_000, max: 16_352 }), fc.constant(131_072)), { minLength: 1, maxLength: 60 });

test('what goes in comes out, cut into any pieces, in volumes that keep their size; the word and the index with it', async () => {
  await fc.assert(fc.asyncProperty(sizes, fc.constantFrom(1 << 30, 1_500_000, 3_000_000), fc.boolean(), fc.integer({ min: 1_000, max: 900_000 }), async (all, volumeBytes, padded, pieces) => {
    const made = await make(all, volumeBytes, padded), volumes = new Map<number, Made[]>();
    for (const one of made) volumes.set(one.volume, [...volumes.get(one.volume) ?? [], one]);
    const out: string[] = [];
    for (const blocks of volumes.values()) {
      const bytes = concat(...blocks.map((b) => b.bytes));
      assert.ok(bytes.length <= volumeBytes || blocks.length <= 6);
      const found = scan(bytes, pieces), kinds = found.map((f) => (f.kind === 'block' ? f.block.kind : -1));
      assert.is(found.length, blocks.length);
      assert.equal([kinds[0], kinds[kinds.length - 1]], [WORD, WORD]);
      const indexed = found.flatMap((f) => (f.kind === 'block' && f.block.kind === INDEX ? partsOf(f.block.body)! : [])).length;
      assert.is(indexed, carried(found).length);
      out.push(...carried(found));
    }
    assert.equal(out, await wanted(all));
    assert.is(made.reduce((n, m) => n + m.events, 0), all.length * 10);
  }), { numRuns: 20 });
});

test('a small bundle is small', async () => {
  const made = await make([300]);
  assert.ok(made.reduce((n, m) => n + m.bytes.length, 0) < 4 * 4_096);
  const empty = await make([]);
  assert.equal(empty.map((m) => [m.last, openBlock(crypto, key, m.bytes)!.kind]), [[true, WORD]]);
});

test('damage costs the blocks that it hits, and nothing else', async () => {
  const all = Array.from({ length: 200 }, (_, i) => 4_000 + i * 50), made = await make(all, 1 << 30, true), bytes = concat(...made.map((m) => m.bytes)), want = await wanted(all);
  await fc.assert(fc.asyncProperty(fc.uniqueArray(fc.nat(bytes.length - 1), { minLength: 1, maxLength: 6 }), fc.integer({ min: 10_000, max: 3_000_000 }), async (at, pieces) => {
    const spoiled = bytes.slice(), size = made[0]!.size, hit = new Set(at.map((n) => Math.floor(n / size)));
    for (const n of at) spoiled[n]! ^= 0x40;
    const found = scan(spoiled, pieces), kept = made.filter((_, i) => !hit.has(i)).flatMap((m) => { const b = openBlock(crypto, key, m.bytes)!; return b.kind === SEGMENTS ? partsOf(b.body)!.map(mark) : []; });
    assert.equal(carried(found), kept);
    assert.ok(kept.length < want.length || [...hit].every((i) => openBlock(crypto, key, made[i]!.bytes)!.kind !== SEGMENTS));
    assert.is(found.filter((f) => f.kind === 'damaged').reduce((n, f) => n + (f.kind === 'damaged' ? f.length : 0), 0), hit.size * size);
  }), { numRuns: 20 });
  // Cut short anywhere: everything before the cut.
  for (const length of [10, made[0]!.size, 5 * made[0]!.size + 77, bytes.length - 1]) {
    const whole = made.slice(0, Math.floor(length / made[0]!.size));
    assert.is(scan(bytes.slice(0, length), 100_000).filter((f) => f.kind === 'block').length, whole.length);
  }
  // Volumes one after the other, of different sizes of blocks.
  const other = await make([131_072, 300, 300], 1 << 30, true);
  assert.is(scan(concat(bytes, concat(...other.map((m) => m.bytes)), bytes), 70_000).filter((f) => f.kind === 'block').length, 2 * made.length + other.length);
});

test('strangers, noise and other fleets give nothing, and no throw', async () => {
  const made = await make([3_000, 500]), bytes = concat(...made.map((m) => m.bytes));
  const stranger = new BundleScan(crypto, bundleKey(crypto, new Uint8Array(32)));
  assert.equal([...stranger.push(bytes), ...stranger.end()].map((f) => f.kind), ['damaged']);
  fc.assert(fc.property(fc.uint8Array({ maxLength: 20_000 }), (bytes) => { assert.ok(scan(bytes, 999).every((f) => f.kind === 'damaged')); }), { numRuns: 50 });
  const sealed = (plain: Bytes): Bytes => { const nonce = new Uint8Array(12); return concat(nonce, crypto.seal(key, nonce, plain)); };
  fc.assert(fc.property(fc.uint8Array({ minLength: 1, maxLength: 300 }), (plain) => { openBlock(crypto, key, sealed(plain)); partsOf(plain); readRow(plain); }));
});

test('a word says who made it, and nobody else can', () => {
  const body = encodeWord(fleet, sign, word, 4_000);
  assert.equal(readWord(crypto, fleet, body), word);
  const long = { ...word, frontier: [{ stream: 'a', cursor: 'x'.repeat(9_000) }, { stream: 'b', cursor: 'y' }] };
  assert.equal(readWord(crypto, fleet, encodeWord(fleet, sign, long, 4_000)).frontier, [{ stream: 'b', cursor: 'y' }]);
  // A moment that no clock can show is no moment.
  try { readWord(crypto, fleet, encodeWord(fleet, sign, { ...word, made: 9e15 }, 4_000)); assert.unreachable(); } catch (error) { assert.is(codeOf(error), 'bad-encoding'); }
  for (let i = 0; i < body.length; i++) {
    const spoiled = body.slice();
    spoiled[i]! ^= 1;
    try { readWord(crypto, fleet, spoiled); assert.unreachable(); } catch (error) { assert.ok(['bad-encoding', 'bad-signature'].includes(codeOf(error))); }
  }
});

test('parity brings back whole volumes and scattered blocks, up to its share', async () => {
  const volumes = [7, 5, 6, 6, 3], size = 4_096, share = 0.34, deal = dealOf(volumes, size, share), total = 27;
  const block = (volume: number, index: number): Bytes => new Uint8Array(new Chance(`${volume} ${index}`).bytes(size));
  const places = Array.from({ length: deal.stripes }, (_, s) => membersOf(deal, s)).flat();
  assert.is(new Set(places.map((p) => `${p.volume} ${p.index}`)).size, total);
  for (let lost = 0; lost < volumes.length; lost++) {
    let back = 0;
    for (let stripe = 0; stripe < deal.stripes; stripe++) {
      const rows = await rowsOf(deal, stripe, (v, i) => Promise.resolve(block(v, i)));
      const kept = new Map(rows.map((bytes, row) => {
        const sealed = sealBlock(crypto, new Chance(String(row)), key, { kind: PARITY, bundle: new Uint8Array(8), volume: 0, index: row, last: false, body: encodeRow({ deal, stripe, row, bytes }) }, size + PARITY_EXTRA);
        return [row, readRow(openBlock(crypto, key, sealed)!.body)!.bytes] as const;
      }));
      const left = { has: (v: number) => v !== lost, block: (v: number, i: number) => Promise.resolve(block(v, i)), rows: [...kept.keys()], row: (row: number) => Promise.resolve(kept.get(row)) };
      for await (const { volume, index, bytes } of restoreStripe(deal, stripe, left)) { assert.ok(equal(bytes, block(volume, index)) && volume === lost); back++; }
      for await (const none of restoreStripe(deal, stripe, { ...left, rows: [] })) assert.unreachable(String(none.volume));
      // Rows that are there no more, and a block: nothing is made up.
      for await (const none of restoreStripe(deal, stripe, { ...left, row: () => Promise.resolve(undefined) })) assert.unreachable(String(none.volume));
      for await (const none of restoreStripe(deal, stripe, { ...left, block: () => Promise.resolve(undefined) })) if (deal.members > 1) assert.unreachable(String(none.volume));
    }
    assert.is(back, volumes[lost]);
  }
  for (const call of [() => dealOf([], 4_096, 0.2), () => dealOf([1], 4_096, 0), () => dealOf([1], 4_096, 3)]) { try { call(); assert.unreachable(); } catch (error) { assert.is(codeOf(error), 'bad-argument'); } }
  const wide = { ...deal, blocks: Array.from({ length: 160 }, () => 70_000), members: 60, stripes: 190_000 };
  assert.ok(encodeRow({ deal: wide, stripe: 1, row: 1, bytes: new Uint8Array(size) }).length < size + PARITY_EXTRA - 80);
});

test('a deal of the largest blocks and stripes is restored in bounded memory; a row that cannot be read is replaced by another', async () => {
  const K = 127, deal = { blocks: Array.from({ length: K }, () => 1), size: BLOCK_MOST, members: K, rows: 128, stripes: 1 };
  const small = (n: number): Bytes => new Uint8Array(new Chance(String(n)).bytes(40)), made = new ParityRows(K, 128, 40);
  for (let i = 0; i < K; i++) made.add(i, small(i));
  // All that is read lies in one place, one after the other: what is kept of it would be overwritten.
  const place = new Uint8Array(deal.size);
  let read = 0, back = 0, together = 0, most = 0;
  const large = (bytes: Bytes): Promise<Bytes> => {
    place.fill(0).set(bytes);
    read++;
    together = 0;
    return Promise.resolve(place);
  };
  for await (const { volume, bytes } of restoreStripe(deal, 0, { has: (v) => v % 3 !== 0, block: (v) => large(small(v)), rows: [...made.rows.keys()], row: (row) => (row === 5 ? Promise.resolve(undefined) : large(made.rows[row]!)) })) {
    assert.ok(volume % 3 === 0 && equal(bytes.subarray(0, 40), small(volume)) && bytes.subarray(40).every((byte) => byte === 0));
    back++;
    most = Math.max(most, ++together);
  }
  assert.is(back, 43);
  // 4 MiB of restored blocks at a time, and for each such part everything is read once more.
  assert.is(most, 16);
  assert.ok(read >= 3 * K && read <= 4 * K, `${read}`);
});

test.run();
