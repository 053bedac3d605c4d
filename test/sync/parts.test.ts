// The small parts of a session: pieces of units, sets of items, receipts.
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import fc from 'fast-check';
import { codeOf } from '../../src/fault.ts';
import type { Bytes } from '../../src/ports.ts';
import type { Item } from '../../src/sync/host.ts';
import { ItemHash } from '../../src/sync/itemid.ts';
import { ItemSet } from '../../src/sync/itemset.ts';
import { Cutter, Joiner } from '../../src/sync/pieces.ts';
import { digestOf, makeReceipt, readReceipt } from '../../src/sync/receipts.ts';
import { FLEET, ToyHost, bytesOf, crypto } from './toy-host.ts';

const parts = suite('parts');

parts('units come out of frames as they went in, each channel in its order, lower channels first', () => {
  fc.assert(fc.property(fc.integer({ min: 16, max: 300 }), fc.array(fc.tuple(fc.integer({ min: 0, max: 2 }), fc.integer({ min: 1, max: 1000 })), { maxLength: 20 }), (frameBytes, units) => {
    const cutter = new Cutter(frameBytes), joiner = new Joiner(1000);
    units.forEach(([channel, size], i) => cutter.add(channel, new Uint8Array(size).fill(i + 1)));
    const got: { channel: number; unit: Bytes }[] = [];
    for (let frame = cutter.next(); frame; frame = cutter.next()) {
      assert.ok(frame.length <= frameBytes);
      const joined = joiner.add(frame);
      if (joined) got.push({ channel: joined.channel, unit: joined.unit.slice() });
    }
    assert.is(cutter.waiting, 0);
    const expected = units.map(([channel, size], i) => ({ channel, unit: new Uint8Array(size).fill(i + 1) }));
    assert.equal(got, expected.sort((x, y) => x.channel - y.channel || x.unit[0]! - y.unit[0]!));
  }));
});

parts('an urgent unit overtakes one that is half sent', () => {
  const cutter = new Cutter(17), joiner = new Joiner(1000);
  cutter.add(2, new Uint8Array(100).fill(2));
  joiner.add(cutter.next()!);
  cutter.add(1, new Uint8Array(10).fill(1));
  assert.is(joiner.add(cutter.next()!)?.channel, 1);
});

parts('joiners refuse what is no frame and units that grow too long', () => {
  for (const frame of [[], [0x80], [0x83, 1], [0x84, 1], [0x40, 1]]) assert.throws(() => new Joiner(99).add(Uint8Array.from(frame)), (e: unknown) => codeOf(e) === 'bad-message');
  const joiner = new Joiner(99);
  joiner.add(new Uint8Array(90));
  assert.throws(() => joiner.add(new Uint8Array(12)), (e: unknown) => codeOf(e) === 'bad-message');
  assert.throws(() => new Cutter(5), (e: unknown) => codeOf(e) === 'bad-argument');
});

function item(n: number): Item {
  return { kind: n % 3 === 0 ? 1 : 0, log: bytesOf(`log ${n >> 1}`, 16), stream: 's', node: bytesOf(`node ${n % 5}`, 32), from: n + 1, to: n + 1, before: null, after: bytesOf(`e ${n}`, 32) };
}

parts('a set depends on what is in it, not on how it came to be', () => {
  const hash = new ItemHash(bytesOf('k', 16));
  fc.assert(fc.property(fc.array(fc.tuple(fc.boolean(), fc.integer({ min: 0, max: 30 })), { maxLength: 80 }), (steps) => {
    const set = new ItemSet(hash), model = new Map<number, Item>();
    for (const [add, n] of steps) {
      if (add) {
        set.add(item(n));
        model.set(n, item(n));
      } else {
        set.remove(item(n));
        model.delete(n);
      }
    }
    const fresh = new ItemSet(hash);
    for (const one of [...model.values()].reverse()) fresh.add(one);
    assert.is(set.count, model.size);
    assert.equal(set.root(), fresh.root());
    assert.is([...set.all()].length, model.size);
    const snapshot = set.snapshot();
    for (const known of snapshot.items) assert.is(snapshot.find(known.short), known);
    for (const one of model.values()) {
      const beside = set.tipsBeside(one).map((k) => k.item.from).sort();
      const expected = [...model.values()].filter((i) => i.kind === 0 && Buffer.from(i.node).equals(Buffer.from(one.node))).map((i) => i.from).sort();
      assert.equal(beside, expected);
    }
  }));
});

parts('receipts: read as made, refused when anything was changed', () => {
  const host = new ToyHost('a');
  const streams = ['b', '$fleet', 'a'].map((stream, i) => ({ stream, items: i + 1, digest: bytesOf(stream, 32) }));
  const digest = digestOf(crypto, streams);
  assert.equal(digest, digestOf(crypto, [...streams, { stream: 'none', items: 0, digest: bytesOf('none', 32) }].reverse()));
  const bytes = makeReceipt(FLEET, (m) => host.sign(m), { node: host.node, boot: host.boot, sequence: 7, items: 6, digest, streams });
  const read = readReceipt(crypto, FLEET, bytes);
  assert.equal(read.node, host.node);
  assert.is(read.sequence, 7);
  assert.equal(read.digest, digest);
  assert.equal(read.streams.map((s) => [s.stream, s.items]), streams.map((s) => [s.stream, s.items]));
  for (let i = 0; i < bytes.length; i++) {
    const bad = bytes.slice();
    bad[i]! ^= 1;
    assert.throws(() => readReceipt(crypto, FLEET, bad), (e: unknown) => ['bad-encoding', 'bad-signature'].includes(codeOf(e)));
  }
  assert.throws(() => readReceipt(crypto, bytesOf('other', 32), bytes), (e: unknown) => codeOf(e) === 'bad-signature');
});

parts.run();
