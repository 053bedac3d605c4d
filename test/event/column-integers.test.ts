// A column of integers comes back from every form that its page describes, also from those that the packer would not choose.
import fc from 'fast-check';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { choose } from '../../src/event/column-choice.ts';
import { getIntegers, putIntegers, scratchFor } from '../../src/event/column-integers.ts';
import { levelsOf } from '../../src/event/column-levels.ts';
import { mergeByTime, plainRows, rowsByKey, rowsMarked } from '../../src/event/column-rows.ts';
import type { Rows } from '../../src/event/column-rows.ts';
import { Source, putPlanes, putVarint, unzigzag, zigzag } from '../../src/event/column-source.ts';
import { Writer } from '../../src/event/writer.ts';
import { inForm } from './column-forms.ts';
import { code, runs } from './samples.ts';

const test = suite('column integers');

const near = fc.oneof(fc.integer({ min: -3, max: 3 }), fc.integer({ min: -300, max: 300 }), fc.integer(), fc.integer({ min: -(2 ** 50), max: 2 ** 50 }));
const columns = fc.oneof(fc.array(near, { minLength: 1, maxLength: 60 }), fc.array(fc.integer({ min: 0, max: 2 }), { minLength: 1, maxLength: 300 }),
  fc.record({ n: fc.integer({ min: 1, max: 700 }), step: near, by: fc.integer({ min: 1, max: 9 }) }).map(({ n, step, by }) => Array.from({ length: n }, (_, i) => (step % 2 ** 40) + by * i * i - (i % 5))));
const keyed = fc.tuple(columns, fc.integer({ min: 1, max: 9 })).map(([values, count]) => {
  const n = values.length, keys = new Float64Array(n);
  // Every key occurs.
  for (let i = 0; i < n; i++) keys[i] = i < count ? i % Math.min(count, n) : (i * i + (values[i]! & 3)) % Math.min(count, n);
  return { values, rows: rowsByKey(keys, n, Math.min(count, n)) };
});

function back(bytes: Uint8Array, rows: Rows): number[] {
  const source = new Source(bytes), out = [...getIntegers(source, rows, scratchFor(rows.n))];
  assert.is(source.at, bytes.length);
  return out;
}

test('as the packer chooses', () => {
  fc.assert(fc.property(keyed, ({ values, rows }) => {
    const w = new Writer(64);
    putIntegers(w, Float64Array.from(values), rows, scratchFor(rows.n));
    assert.equal(back(w.copy(), rows), values);
  }), runs(1000));
});

test('in any form', () => {
  const forms = fc.record({
    form: fc.constantFrom('planes' as const, 'planes' as const, 'runs' as const, 'wide' as const), delta: fc.constantFrom(0 as const, 1 as const, 2 as const),
    byKey: fc.boolean(), levels: fc.boolean(), base: fc.constantFrom(0, 1, -7, 1000), divisor: fc.constantFrom(1, 2, 7, 125, 60_000),
  });
  fc.assert(fc.property(keyed, forms, ({ values, rows }, form) => {
    assert.equal(back(inForm(values, rows, form), rows), values);
  }), runs(2000));
});

test('rows that are marked keep their order and their keys', () => {
  fc.assert(fc.property(keyed, fc.integer({ min: 1, max: 4 }), ({ values, rows }, every) => {
    const marks = values.map((_, i) => (i % every === 0 ? 1 : 0)), own = rowsMarked(rows, marks, 1);
    const kept = values.map((_, i) => i).filter((i) => marks[i] === 1);
    assert.is(own.n, kept.length);
    const order = Array.from({ length: rows.n }, (_, i) => rows.index?.[i] ?? i).filter((i) => marks[i] === 1);
    assert.equal(Array.from({ length: own.n }, (_, i) => kept[own.index?.[i] ?? i]), order);
    for (let g = 0; g + 1 < own.starts.length; g++) assert.ok(own.starts[g]! < own.starts[g + 1]!);
    assert.is(own.starts.at(-1), own.n);
    const form = { form: 'planes', delta: 1, byKey: true, levels: false, base: 0, divisor: 1 } as const;
    assert.equal(back(inForm(kept.map((i) => values[i]!), own, form), own), kept.map((i) => values[i]));
  }), runs(500));
});

test('merging by time is a stable sort', () => {
  fc.assert(fc.property(fc.array(fc.array(fc.nat(30), { minLength: 1, maxLength: 20 }), { minLength: 1, maxLength: 12 }), (groups) => {
    const times = groups.flatMap((group) => group.toSorted((a, b) => a - b)), starts = [0];
    for (const group of groups) starts.push(starts.at(-1)! + group.length);
    const expected = times.map((_, i) => i).sort((a, b) => times[a]! - times[b]! || a - b);
    assert.equal([...mergeByTime(Float64Array.from(times), Int32Array.from(starts))], expected);
  }), runs(500));
});

test('levels are what occurs, in order', () => {
  fc.assert(fc.property(fc.array(fc.oneof(fc.constantFrom(0.5, -2, 1e300, 7, 2 ** 53), fc.double({ noNaN: true }).map((x) => x + 0)), { minLength: 1, maxLength: 40 }), (values) => {
    const found = levelsOf(Float64Array.from(values), values.length, values.length)!;
    assert.equal([...found.levels], [...new Set(values)].sort((a, b) => a - b));
    assert.equal([...found.ranks].map((r) => found.levels[r]), values);
  }), runs(500));
  assert.is(levelsOf(Float64Array.from({ length: 500 }, (_, i) => i), 500, 400), undefined);
});

test('varints and zigzags', () => {
  fc.assert(fc.property(fc.oneof(fc.maxSafeNat(), fc.nat()), (n) => {
    const w = new Writer(8), p = new Writer(8);
    putVarint(w, n);
    putPlanes(p, Float64Array.of(n), 1);
    assert.equal(w.copy(), p.copy());
    assert.is(new Source(w.copy()).varint(n), n);
    if (n > 0) assert.is(code(() => new Source(w.copy()).varint(n - 1)), 'bad-encoding');
    for (const v of [n, -n]) if (Math.abs(v) <= 2 ** 52) assert.is(unzigzag(zigzag(v)) + 0, v + 0);
  }), runs(500));
});

test('columns far from zero are wide, others are not', () => {
  const form = (values: number[]): string => choose(Float64Array.from(values), plainRows(values.length), new Float64Array(values.length)).form;
  assert.is(form([2 ** 50, 0]), 'planes');
  assert.is(form([2 ** 50 + 1, 0]), 'wide');
  assert.is(form([5, 5]), 'constant');
  assert.is(form([0]), 'zero');
});

test.run();
