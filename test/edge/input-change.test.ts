// Deadbands and intervals: what is left out is never a change that a person asked to see, and memory stays bounded.

import { test } from 'uvu';
import * as assert from 'uvu/assert';
import * as fc from 'fast-check';
import { changes, watchChanges, type Candidate, type ChangeRules, type ChangeWatch, type Deadband } from '../../targets/program/input-change.ts';

type Body = { [field: string]: unknown };
interface Given extends Candidate { n: number }

const bands = (given: { [field: string]: number | string }) => new Map<string, Deadband>(Object.entries(given).map(([name, band]) =>
  [name, typeof band === 'number' ? { by: band, relative: false } : { by: Number.parseFloat(band) / 100, relative: true }]));

function watch(rules: Partial<ChangeRules>, most?: { keys: number; bytes: number }): { offer(body: Body, at: number, id?: string): string; watch: ChangeWatch<Given> } {
  const watching = watchChanges<Given>({ bands: undefined, minInterval: 0, maxInterval: 0, ...rules }, most)!;
  let n = 0;
  return {
    watch: watching,
    offer(body, at, id = 'k') {
      const { what, dropped } = watching.offer({ id, body, bytes: 20, n: n++ }, at);
      return dropped === undefined ? what : `${what} without ${dropped.n}`;
    },
  };
}

test('a number counts as changed from its deadband on, as a person reckons it', () => {
  const cases: [number | string, number, number, boolean][] = [
    [0.2, 20, 20.19, false], [0.2, 20, 20.2, true], [0.2, 20, 19.8, true], [0.2, 20.1, 20.3, true], [0.1, 0.2, 0.3, true], [0, 5, 5, false], [0, 5, 5.0000001, true],
    ['1%', 200, 201.9, false], ['1%', 200, 202, true], ['1%', -200, -198, true], ['1%', 0, 0, false], ['1%', 0, 1e-9, true], ['0%', 7, 7, false], ['50%', 10, 5, true],
  ];
  for (const [band, before, after, wanted] of cases) assert.is(changes({ t: before }, { t: after }, bands({ t: band })), wanted, `${before} → ${after} by ${band}`);
});

test('other fields count as changed when they are not the same', () => {
  const none = bands({});
  const same: [Body, Body][] = [[{}, {}], [{ a: 1, b: 'x' }, { b: 'x', a: 1 }], [{ a: { x: [1, null], y: 2 } }, { a: { y: 2, x: [1, null] } }], [{ a: new Uint8Array([1]) }, { a: new Uint8Array([1]) }], [{ a: 0 }, { a: -0 }]];
  for (const [a, b] of same) assert.not(changes(a, b, none), JSON.stringify([a, b]));
  const other: [Body, Body][] = [[{ a: 1 }, {}], [{}, { a: 1 }], [{ a: 1 }, { b: 1 }], [{ a: 1 }, { a: '1' }], [{ a: null }, { a: 0 }], [{ a: [1] }, { a: { 0: 1 } }], [{ a: [1] }, { a: [1, 2] }], [{ a: new Uint8Array([1]) }, { a: new Uint8Array([2]) }], [{ a: 'toString' }, { toString: 'a' }]];
  for (const [a, b] of other) assert.ok(changes(a, b, none), JSON.stringify([a, b]));
  assert.not(changes({ a: 1, b: 5 }, { a: 1.1, b: 5.1 }, bands({ '*': 0.5 })));
  assert.ok(changes({ a: 1, b: 5 }, { a: 1.1, b: 5.1 }, bands({ '*': 0.5, b: 0.01 })));
  assert.ok(changes({ t: 1 }, { t: 'off' }, bands({ t: 100 })));
});

test('small steps add up: they are measured from what was recorded', () => {
  const { offer } = watch({ bands: bands({ t: 1 }) });
  assert.equal([0, 0.4, 0.8, 1.2, 1.6, 2.0, 2.4].map((t, i) => offer({ t }, i)), ['record', 'unchanged', 'unchanged', 'record', 'unchanged', 'unchanged', 'record']);
});

test('keys are watched apart', () => {
  const { offer } = watch({ bands: bands({}) });
  assert.equal([offer({ t: 1 }, 0, 'a'), offer({ t: 1 }, 0, 'b'), offer({ t: 1 }, 0, 'a'), offer({ t: 2 }, 0, 'b')], ['record', 'record', 'unchanged', 'record']);
});

test('at least so often, though nothing changed', () => {
  const { offer } = watch({ bands: bands({}), maxInterval: 100 });
  assert.equal([0, 50, 99, 100, 150, 200].map((at) => offer({ t: 1 }, at)), ['record', 'unchanged', 'unchanged', 'record', 'unchanged', 'record']);
});

test('at most so often: the last one is recorded at the end of the interval', () => {
  const { offer, watch: w } = watch({ minInterval: 100 });
  assert.equal([offer({ t: 1 }, 0), offer({ t: 2 }, 10), offer({ t: 3 }, 20)], ['record', 'held', 'held without 1']);
  assert.equal([w.held, w.next(), w.due(99).length], [1, 100, 0]);
  assert.equal(w.due(100).map(({ body }) => body), [{ t: 3 }]);
  assert.equal([w.held, w.next()], [0, undefined]);
  // Recorded at 100: the next interval begins there.
  assert.equal([offer({ t: 4 }, 150), w.next(), offer({ t: 5 }, 200)], ['held', 200, 'record without 3']);
  assert.equal([offer({ t: 6 }, 210), w.flush().map(({ n }) => n), w.held], ['held', [5], 0]);
});

test('the last one wins over one that is held, also when it says that nothing changed', () => {
  const { offer, watch: w } = watch({ bands: bands({ t: 1 }), minInterval: 100 });
  assert.equal([offer({ t: 0 }, 0), offer({ t: 9 }, 10), offer({ t: 0.1 }, 20)], ['record', 'held', 'unchanged without 1']);
  assert.is(w.held, 0);
});

test('keys beyond those that can be watched are recorded, and counted', () => {
  const { offer, watch: w } = watch({ bands: bands({}) }, { keys: 3, bytes: 1e6 });
  for (let i = 0; i < 10; i++) assert.is(offer({ t: 1 }, 0, `k${i}`), 'record');
  assert.is(w.unwatched, 7);
  assert.equal([offer({ t: 1 }, 1, 'k0'), offer({ t: 1 }, 1, 'k9')], ['unchanged', 'record']);
  const small = watch({ bands: bands({}) }, { keys: 1e6, bytes: 1_000 });
  for (let i = 0; i < 100; i++) small.offer({ t: 1 }, 0, `k${i}`);
  assert.ok(small.watch.unwatched > 90);
});

test('what could not be recorded is forgotten: the next one counts', () => {
  const { offer, watch: w } = watch({ bands: bands({}) });
  assert.equal([offer({ t: 1 }, 0), offer({ t: 1 }, 1)], ['record', 'unchanged']);
  w.forget('k');
  w.forget('nobody');
  assert.is(offer({ t: 1 }, 2), 'record');
});

test('rules that leave nothing out watch nothing', () => {
  assert.is(watchChanges({ bands: undefined, minInterval: 0, maxInterval: 0 }), undefined);
});

test('any run of readings: intervals hold, the last value is never off by more than its deadband, every reading is accounted for', () => {
  const step = fc.record({ wait: fc.nat(60), key: fc.constantFrom('a', 'b', 'c'), t: fc.integer({ min: -5, max: 5 }) });
  fc.assert(fc.property(fc.array(step, { maxLength: 80 }), fc.constantFrom(0, 20, 50), fc.constantFrom(undefined, 1, 3), fc.constantFrom(0, 100), (steps, minInterval, band, maxInterval) => {
    const w = watchChanges<Given>({ bands: band === undefined ? undefined : bands({ t: band }), minInterval, maxInterval: band === undefined ? 0 : maxInterval });
    if (w === undefined) return;
    let now = 0, out = 0, n = 0;
    const recorded = new Map<string, { at: number; t: number }[]>(), last = new Map<string, number>();
    const record = (each: Given) => {
      recorded.set(each.id, [...recorded.get(each.id) ?? [], { at: now, t: each.body['t'] as number }]);
      out++;
    };
    for (const { wait, key, t } of steps) {
      const until = now + wait;
      for (let next = w.next(); next !== undefined && next <= until; next = w.next()) {
        now = next;
        for (const each of w.due(now)) record(each);
      }
      now = until;
      const candidate: Given = { id: key, body: { t }, bytes: 10, n: n++ };
      const { what, dropped } = w.offer(candidate, now);
      if (dropped !== undefined) out++;
      if (what === 'record') record(candidate);
      else if (what === 'unchanged') out++;
      last.set(key, t);
    }
    assert.is(out + w.held, steps.length);
    for (const each of w.flush()) record(each);
    for (const [key, all] of recorded) {
      // The last ones were let out early by the end.
      for (let i = 1; i < all.length - 1; i++) assert.ok(all[i]!.at - all[i - 1]!.at >= minInterval);
      assert.ok(Math.abs(all.at(-1)!.t - last.get(key)!) < (band ?? 1e-9));
    }
  }), { numRuns: 500, verbose: 1 });
});

test.run();
