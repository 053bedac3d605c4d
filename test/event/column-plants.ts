// Random plants whose sensors send events of like shape, as gateways record them, for the tests of columns.
import fc from 'fast-check';
import type { EventFields } from '../../src/event/event.ts';
import type { Value } from '../../src/event/value.ts';
import { events, values } from './samples.ts';

/** A small generator, so that a long plant comes from one number. */
export function chance(seed: number): (n: number) => number {
  let x = seed >>> 0 || 1;
  return (n) => {
    x ^= x << 13;
    x >>>= 0;
    x ^= x >>> 17;
    x ^= x << 5;
    x >>>= 0;
    return x % n;
  };
}

type Leaf = (i: number, draw: (n: number) => number) => Value;
const words = ['open', 'closed', 'fault: überlast', '', 'x'.repeat(70), '__proto__', '𝒳'];
/** What one field of a body may do. */
const leaves: Leaf[] = [
  (i) => i, (i) => 1e12 + 125 * i, () => 4, () => null, () => true, () => 'C',
  (_, draw) => (draw(1000) - 500) / 10, (i, draw) => Math.round((20 + i / 50 + draw(7) / 10) * 1000) / 1000, (_, draw) => Math.round(draw(40) * (1000 / 7)) / 100,
  (_, draw) => Math.fround(draw(9) / 3), (_, draw) => draw(2 ** 31) / 2 ** 31, (_, draw) => 2 ** 53 - 1 - draw(5), (_, draw) => -(2 ** 51) + draw(2 ** 30),
  (_, draw) => draw(2) === 1, (_, draw) => (draw(9) === 0 ? null : draw(100)), (_, draw) => words[draw(words.length)]!, (i) => `row ${i}`,
  (_, draw) => Uint8Array.from({ length: draw(5) }, () => draw(256)), (_, draw) => [draw(4), draw(4) / 4], (_, draw) => (draw(12) === 0 ? { more: [draw(3), 'w'] } : 0.5),
  (_, draw) => (draw(20) === 0 ? 0.1 + 0.2 : draw(90) / 100), (i) => Math.floor(i / 40), (i) => 1000 * i * i, (_, draw) => 1000 * draw(60) + (draw(30) === 0 ? 1 : 0),
];

/** Events of some keys and some types, each type with bodies of its own shape; now and then one that is like none. */
export const plants: fc.Arbitrary<EventFields[]> = fc.record({
  seed: fc.integer(), count: fc.integer({ min: 1, max: 400 }), keys: fc.integer({ min: 1, max: 40 }),
  fields: fc.array(fc.array(fc.nat(leaves.length - 1), { maxLength: 6 }), { minLength: 1, maxLength: 3 }),
  step: fc.constantFrom(0, 1, 50, 1000, 60_000), jitter: fc.constantFrom(1, 3, 200, 5000), apart: fc.constantFrom(0, 2, 1e9), odd: fc.array(events, { maxLength: 2 }), value: values,
}).map(({ seed, count, keys, fields, step, jitter, apart, odd, value }) => {
  const draw = chance(seed), list: EventFields[] = [];
  let ms = 1.6e12, counter = 0;
  for (let i = 0; i < count; i++) {
    const time = 1.5e12 + step * i + draw(jitter), now = time + apart, kind = draw(fields.length);
    if (now > ms) counter = 0;
    else counter++;
    ms = Math.max(ms, now);
    const body = Object.fromEntries(fields[kind]!.map((leaf, k) => [`field ${k}`, leaves[leaf]!(i, draw)]));
    list.push({ stamp: { generation: seed & 1, ms, counter }, time, joined: draw(50) === 0, key: `pump-${draw(keys)}`, type: `type${kind}`, body: draw(60) === 0 ? value : body });
  }
  for (const e of odd) list.splice(draw(list.length + 1), 0, e);
  return list;
});
