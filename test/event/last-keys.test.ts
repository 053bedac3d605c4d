// The last event of each key of a run, against the plain way of finding it.
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import fc from 'fast-check';
import { peekEvent } from '../../src/event/event.ts';
import { lastOfKeys } from '../../src/event/last-keys.ts';
import type { Run } from '../../src/event/run.ts';
import { RunBuilder, startOf } from '../../src/event/run.ts';

const test = suite('last of keys');

function plainly(run: Run): Map<string, number> {
  const last = new Map<string, number>();
  for (let i = 0; i < run.ends.length; i++) last.set(peekEvent(run.bytes, startOf(run, i), run.ends[i]!).key, i);
  return last;
}

const keys = fc.oneof(fc.string({ minLength: 1, maxLength: 4 }), fc.string({ unit: 'grapheme', minLength: 1, maxLength: 20 }), fc.integer({ min: 20, max: 255 }).map((n) => 'k'.repeat(n)))
  .filter((key) => !key.includes('\0') && new TextEncoder().encode(key).length <= 255);
const numbers = fc.oneof(fc.nat({ max: 30 }), fc.nat({ max: 300 }), fc.nat({ max: 70_000 }), fc.nat({ max: 0xffff_ffff }));

test('as the plain way, for stamps and times of every size', () => {
  fc.assert(fc.property(fc.array(fc.record({ key: keys, generation: numbers, ms: fc.oneof(numbers, fc.nat({ max: 2 ** 47 })), counter: numbers, time: fc.oneof(fc.integer(), fc.maxSafeInteger().map((n) => n % 8.64e15)) }), { minLength: 1, maxLength: 60 }), (events) => {
    const builder = new RunBuilder();
    for (const { key, generation, ms, counter, time } of events) builder.add({ stamp: { generation, ms, counter }, time: time || 0, joined: false, key, type: 't', body: null });
    const run = builder.run();
    assert.equal([...lastOfKeys(run)], [...plainly(run)]);
    assert.is(lastOfKeys(run), lastOfKeys(run));
  }));
});

test('many keys share buckets', () => {
  const builder = new RunBuilder();
  for (let i = 0; i < 5_000; i++) builder.add({ stamp: { generation: 0, ms: i, counter: 0 }, time: i, joined: false, key: `sensor-${i % 3_000}`, type: 't', body: i });
  const run = builder.run();
  assert.equal([...lastOfKeys(run)], [...plainly(run)]);
});

test.run();
