// Columns give back every run to the byte, whatever it holds, and stay within their limits.
import fc from 'fast-check';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { equal, hex } from '../../src/event/bytes.ts';
import { packColumns, unpackColumns } from '../../src/event/columns.ts';
import type { EventFields } from '../../src/event/event.ts';
import { encodeEvent } from '../../src/event/event.ts';
import type { Run } from '../../src/event/run.ts';
import { runOf, sliceRun } from '../../src/event/run.ts';
import type { Value } from '../../src/event/value.ts';
import { INFLATED_BYTES, RUN_BYTES, SEGMENT_EVENTS } from '../../src/limits.ts';
import { code, crypto, events, runs } from './samples.ts';
import { plants } from './column-plants.ts';

const test = suite('columns');

/** Packs and unpacks; the packed bytes. */
function there(run: Run): Uint8Array {
  const packed = packColumns(run), back = unpackColumns(packed, run.ends.length), total = run.ends.at(-1)!;
  assert.ok(equal(back.bytes, run.bytes.subarray(0, total)), 'other bytes');
  assert.equal([...back.ends], [...run.ends]);
  assert.ok(packed.length <= total + 1, 'longer than the events');
  assert.ok(equal(packed, packColumns(run)), 'not the same twice');
  return packed;
}

const runFrom = (list: EventFields[]): Run => runOf(list.map(encodeEvent));
/** A steady source: `body` of each row, one row a second, keys in turn. */
function steady(n: number, body: (i: number) => Value, keys = 3): Run {
  return runFrom(Array.from({ length: n }, (_, i) => ({ stamp: { generation: 1, ms: 1.7e12 + 1000 * i, counter: 0 }, time: 1.7e12 + 1000 * i - 3, joined: false, key: `k${i % keys}`, type: 't', body: body(i) })));
}

test('any events', () => {
  fc.assert(fc.property(fc.array(events, { minLength: 1, maxLength: 12 }), (list) => {
    there(runFrom(list));
  }), runs(400));
});

test('events of like shape, with the odd one between', () => {
  fc.assert(fc.property(plants, (list) => {
    there(runFrom(list));
  }), runs(400));
});

test('a view into a larger buffer, and a part of a run', () => {
  const run = steady(50, (i) => ({ a: i, b: i / 10 }));
  const shifted = new Uint8Array(run.bytes.length + 13);
  shifted.set(run.bytes, 13);
  const view = { bytes: shifted.subarray(13), ends: run.ends };
  assert.ok(equal(there(run), there(view)));
  there(sliceRun(run, 7, 31));
});

test('numbers that are hard to write', () => {
  const odd = [0.1 + 0.2, 1e300, -1e300, 5e-324, 2 ** 53, -(2 ** 60), 1 / 3, 1e21, 123456789.123456, 1.005, 2 ** 53 - 1, -(2 ** 53) + 1, 2 ** 50, 2 ** 50 + 1, 0, 1e-9, 1e-10, 2 ** 51 + 0.5];
  there(steady(90, (i) => odd[i % odd.length]!));
  there(steady(90, (i) => ({ v: i % 30 === 7 ? odd[(i / 7) % odd.length | 0]! : i / 100 })));
  for (const x of odd) {
    there(steady(2, () => x));
    there(steady(40, (i) => (i === 20 ? x : 20.25)));
  }
});

test('floats of a sensor with few levels become small', () => {
  const level = (i: number): number => Math.fround(20 + ((i * i) % 11) / 7);
  const size = crypto.deflate(there(steady(800, (i) => ({ t: level(i) })))).length;
  assert.ok(size < 400, String(size));
});

test('extremes of stamps and times', () => {
  const at = (generation: number, ms: number, counter: number, time: number): EventFields => ({ stamp: { generation, ms, counter }, time, joined: true, key: 'k', type: 't', body: null });
  there(runFrom([at(0, 0, 0, -8.64e15), at(0, 2 ** 48 - 1, 0xffffffff, 8.64e15), at(0xffffffff, 0, 0, 0), at(0xffffffff, 2 ** 48 - 1, 0xffffffff, 8.64e15)]));
  // The counter that would follow is out of range.
  there(runFrom([at(1, 5, 0xffffffff, 1), at(1, 5, 0xffffffff, 1), at(1, 5, 0, 1), at(1, 4, 7, 1)]));
});

test('keys in and out of the order of time', () => {
  const event = (key: string, time: number): EventFields => ({ stamp: { generation: 0, ms: 1000, counter: 0 }, time, joined: false, key, type: 't', body: time % 7 });
  const mixed = (n: number, jump: number): EventFields[] => Array.from({ length: n }, (_, i) => event(`k${(i * i + i) % 13}`, 1e9 + 50 * i + ((i * 7919) % 40) - (i === jump ? 90_000 : 0)));
  const sorted = crypto.deflate(there(runFrom(mixed(600, -1)))).length, jumped = crypto.deflate(there(runFrom(mixed(600, 300)))).length;
  assert.ok(sorted < jumped, `keys that follow from times are not written: ${sorted}, ${jumped}`);
  // Equal times: keys in the order of their first appearance merge, others do not.
  there(runFrom(['a', 'b', 'c', 'a', 'b', 'c'].map((k, i) => event(k, i < 3 ? 5 : 6))));
  there(runFrom(['a', 'b', 'c', 'c', 'b', 'a'].map((k, i) => event(k, i < 3 ? 5 : 6))));
});

test('many shapes, large shapes, deep and empty bodies', () => {
  there(steady(600, (i) => ({ [`n${i % 300}`]: i, x: 'y' })));
  there(steady(6, (i) => Object.fromEntries(Array.from({ length: 900 }, (_, k) => [`name${k}`, i]))));
  there(steady(4, (i) => Array.from({ length: 3000 }, (_, k) => k * i)));
  let deep: Value = 7;
  for (let d = 0; d < 32; d++) deep = d % 2 === 0 ? [deep] : { d: deep };
  there(steady(5, () => deep));
  const empty: Value[] = [{}, [], { a: {} }, [[]], { a: [] }];
  there(steady(9, (i) => empty[i % 5]!));
  there(steady(9, (i) => ({ '__proto__x': i, ...JSON.parse('{"__proto__": {"a": 1}}') as object })));
});

test('limits', () => {
  const none = { bytes: new Uint8Array(0), ends: new Uint32Array(0) };
  assert.is(code(() => packColumns(none)), 'bad-argument');
  const most = steady(SEGMENT_EVENTS, (i) => i);
  there(most);
  assert.is(code(() => packColumns(steady(SEGMENT_EVENTS + 1, (i) => i))), 'too-large');
  // 60,000 bytes that do not repeat, then many of them: 1 MiB less a little fits, above it columns are refused, above 2 MiB at once.
  let x = 1;
  const noise = (): Uint8Array => Uint8Array.from({ length: 60_000 }, () => (x = Math.imul(x, 1103515245) + 12345 >>> 0) >>> 16 & 255);
  there(steady(17, noise));
  assert.is(code(() => packColumns(steady(18, noise))), 'too-large');
  assert.is(code(() => packColumns(steady(36, () => 'a'.repeat(60_000)))), 'too-large');
  const long = steady(34, () => 'a'.repeat(60_000));
  assert.ok(long.bytes.length > INFLATED_BYTES && long.bytes.length < RUN_BYTES);
  there(long);
});

test('what is not canonical is refused', () => {
  const run = steady(40, (i) => ({ a: i, b: 'text' }));
  for (let at = 0; at < run.bytes.length; at += 3) {
    for (const bit of [1, 0x20, 0x80]) {
      const bytes = run.bytes.slice();
      bytes[at]! ^= bit;
      const spoiled = { bytes, ends: run.ends };
      if (code(() => packColumns(spoiled)) === 'ok') there(spoiled);
      else assert.is(code(() => packColumns(spoiled)), 'bad-encoding', hex(bytes.subarray(at, at + 4)));
    }
  }
  assert.is(code(() => packColumns({ bytes: run.bytes.subarray(0, 30), ends: run.ends })), 'bad-encoding');
});

test.run();
