// Stamps rise whatever the clock does, and outlive a clock in 2099.
import fc from 'fast-check';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import type { Stamp } from '../../src/event/stamp.ts';
import { ZERO_STAMP, compareStamp, isTopStamp, nextStamp, stampFollows } from '../../src/event/stamp.ts';
import { runs, stamps } from './samples.ts';

const test = suite('stamp');
const G = 0xffffffff, M = 0xffff_ffff_ffff;
const s = (generation: number, ms: number, counter: number): Stamp => ({ generation, ms, counter });
const near = fc.oneof(stamps, fc.record({ generation: fc.constantFrom(0, 1, G - 1, G), ms: fc.constantFrom(0, 1, M - 1, M), counter: fc.constantFrom(0, 1, G - 1, G) }, { noNullPrototype: true }));
const clocks = fc.oneof(fc.integer({ min: -1e12, max: 1e13 }), fc.constantFrom(0, -1, 1.5, M, M + 1, 1e300, NaN));

test('the next stamp follows the last one', () => {
  fc.assert(fc.property(near, clocks, fc.boolean(), (last, now, trusted) => {
    const next = nextStamp(last, now, trusted);
    assert.ok(stampFollows(last, next), JSON.stringify([last, now, next]));
    for (const [n, most] of [[next.generation, G], [next.ms, M], [next.counter, G]] as const) assert.ok(Number.isInteger(n) && n >= 0 && n <= most);
    assert.ok(compareStamp(next, last) > 0 || isTopStamp(last));
  }), runs(2000));
});

test('the rules one by one', () => {
  const now = 1_700_000_000_000;
  assert.equal(nextStamp(ZERO_STAMP, now, false), s(0, now, 0));
  assert.equal(nextStamp(s(0, now, 4), now, true), s(0, now, 5));
  assert.equal(nextStamp(s(2, now - 1, 4), now, true), s(2, now, 0));
  assert.equal(nextStamp(s(0, now + 300_000, 4), now, true), s(0, now + 300_000, 5), 'within five minutes: adopted');
  assert.equal(nextStamp(s(0, now + 300_001, 4), now, true), s(1, now, 0), 'beyond: outlived');
  assert.equal(nextStamp(s(0, now + 300_001, 4), now, false), s(0, now + 300_001, 5), 'an untrusted clock adopts');
  assert.equal(nextStamp(s(0, 5, G), -7, false), s(0, 6, 0));
  assert.equal(nextStamp(s(0, M, G), 7, false), s(1, 7, 0));
  assert.equal(nextStamp(s(G, M, 0), now, true), s(G, M, 1), 'no generation left');
  assert.equal(nextStamp(s(G, M, G), now, true), s(G, M, G), 'the top repeats');
});

test('order', () => {
  assert.ok(compareStamp(s(1, 0, 0), s(0, M, G)) > 0);
  assert.ok(compareStamp(s(0, 1, 0), s(0, 0, G)) > 0);
  assert.is(compareStamp(s(3, 2, 1), s(3, 2, 1)), 0);
  assert.not.ok(stampFollows(s(0, 1, 1), s(0, 1, 1)));
});

test.run();
