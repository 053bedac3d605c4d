// The store in front of a full one: reads as if everything had been written, in both directions and page by page, and writes it all when there is room.
import * as fc from 'fast-check';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { Fault, codeOf } from '../../src/fault.ts';
import { heldStore } from '../../src/node-held.ts';
import type { Op, Store } from '../../src/ports.ts';
import { compare } from '../../src/event/bytes.ts';

const test = suite('held');

/** A store in memory that has room or has not. */
function small(): Store & { full: boolean; rows: Map<number, number> } {
  const rows = new Map<number, number>();
  const store = {
    full: false, rows, manifest: { name: 'small', durable: true },
    get: async (_: string, key: Uint8Array) => (rows.has(key[0]!) ? Uint8Array.of(rows.get(key[0]!)!) : undefined),
    scan: async (_: string, { gte, lt, limit = 1_000, reverse }: { gte?: Uint8Array; lt?: Uint8Array; limit?: number; reverse?: boolean }) => {
      const keys = [...rows.keys()].map((key) => Uint8Array.of(key)).filter((key) => (!gte || compare(key, gte) >= 0) && (!lt || compare(key, lt) < 0)).sort(compare);
      return (reverse ? keys.reverse() : keys).slice(0, limit).map((key) => ({ key, value: Uint8Array.of(rows.get(key[0]!)!) }));
    },
    async commit(ops: Op[]) {
      if (store.full) throw new Fault('store-full', 'no room');
      for (const { key, value } of ops) if (value) rows.set(key[0]!, value[0]!); else rows.delete(key[0]!);
    },
    space: () => Promise.resolve({ used: 0, free: 0 }), close: () => Promise.resolve(),
  };
  return store as unknown as Store & { full: boolean; rows: Map<number, number> };
}

const ops = fc.array(fc.record({ key: fc.integer({ min: 0, max: 30 }), value: fc.option(fc.integer({ min: 0, max: 255 })) }), { maxLength: 12 });
const toOps = (list: { key: number; value: number | null }[]): Op[] => list.map(({ key, value }) => ({ table: 'log', key: Uint8Array.of(key), value: value === null ? undefined : Uint8Array.of(value) }));

test('reads are those of a store that took everything', () => fc.assert(fc.asyncProperty(fc.array(ops, { maxLength: 4 }), fc.array(ops, { maxLength: 4 }), fc.integer({ min: 1, max: 9 }), fc.option(fc.integer({ min: 0, max: 30 })), fc.option(fc.integer({ min: 0, max: 30 })), async (before, after, limit, from, to) => {
  const plain = small(), under = small(), store = heldStore(under);
  for (const list of before) { await plain.commit(toOps(list)); await store.commit(toOps(list)); }
  under.full = store.holding = true;
  for (const list of after) { await plain.commit(toOps(list)); await store.commit(toOps(list)); }
  const range = { limit, ...(from !== null && { gte: Uint8Array.of(from) }), ...(to !== null && { lt: Uint8Array.of(to) }) };
  for (const reverse of [false, true]) assert.equal(await store.scan('log', { ...range, reverse }), await plain.scan('log', { ...range, reverse }));
  for (let key = 0; key < 31; key++) assert.equal(await store.get('log', Uint8Array.of(key)), await plain.get('log', Uint8Array.of(key)));
  store.holding = false;
  if (store.held) assert.is(await store.flush().then(() => 'done', codeOf), 'store-full');
  under.full = false;
  await store.flush();
  assert.is(store.held, 0);
  assert.equal([...under.rows].sort(), [...plain.rows].sort());
}), { numRuns: 2_000 }));

test('with room nothing is held, and other faults go through', async () => {
  const under = small(), store = heldStore(under);
  store.holding = true;
  await store.commit(toOps([{ key: 1, value: 2 }]));
  assert.equal([store.held, under.rows.size], [0, 1]);
  under.commit = () => Promise.reject(new Fault('store-failed', 'the medium is gone'));
  assert.is(await heldStore(under).commit([]).then(() => 'done', codeOf), 'store-failed');
  const other = heldStore(under);
  other.holding = true;
  assert.is(await other.commit([]).then(() => 'done', codeOf), 'store-failed');
});

test.run();
