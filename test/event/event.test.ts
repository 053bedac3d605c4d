// Events: there and back, their limits on both sides, and peeking.
import fc from 'fast-check';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { encodeValue } from '../../src/event/value.ts';
import type { EventFields } from '../../src/event/event.ts';
import { checkEvent, checkKey, checkStream, checkTime, checkType, decodeEvent, encodeEvent, peekEvent } from '../../src/event/event.ts';
import { hex } from '../../src/event/bytes.ts';
import { Fault } from '../../src/fault.ts';
import { code, events, runs, same, series } from './samples.ts';

const test = suite('event');
const [plain] = series(1) as [EventFields];

test('an event is the array of its fields, and comes back', () => {
  fc.assert(fc.property(events, (e) => {
    const bytes = encodeEvent(e);
    const { generation, ms, counter } = e.stamp;
    assert.is(hex(bytes), hex(encodeValue([generation, ms, counter, e.time, e.joined ? 1 : 0, e.key, e.type, e.body])));
    same(decodeEvent(bytes), e);
    const { body, ...head } = e, { bodyAt, ...peeked } = peekEvent(bytes);
    same(peeked, head);
    same(checkEvent(bytes), { ...head, bodyAt });
    assert.is(hex(bytes.subarray(bodyAt)), hex(encodeValue(body)));
  }), runs(1000));
});

test('what is out of range is refused when written', () => {
  const { stamp } = plain;
  for (const [change, wants] of [
    [{ stamp: { ...stamp, generation: 2 ** 32 } }, 'bad-event'], [{ stamp: { ...stamp, ms: 2 ** 48 } }, 'bad-event'], [{ stamp: { ...stamp, counter: -1 } }, 'bad-event'], [{ stamp: { ...stamp, counter: 0.5 } }, 'bad-event'],
    [{ time: 8.64e15 + 1 }, 'bad-event'], [{ time: NaN }, 'bad-event'], [{ time: 1.5 }, 'bad-event'], [{ time: '1' }, 'bad-event'],
    [{ key: '' }, 'bad-event'], [{ key: 'x'.repeat(256) }, 'bad-event'], [{ key: 'é'.repeat(128) }, 'bad-event'], [{ key: 'a\0' }, 'bad-event'], [{ key: 7 }, 'bad-event'], [{ key: '\ud800' }, 'bad-event'],
    [{ type: '' }, 'bad-event'], [{ type: 'x'.repeat(65) }, 'bad-event'], [{ type: undefined }, 'bad-event'], [{ body: { a: NaN } }, 'bad-value'], [{ body: undefined }, 'bad-value'],
    [{ body: 'x'.repeat(65_600) }, 'too-large'], [{ body: new Uint8Array(70_000) }, 'too-large'], [{ body: 'é'.repeat(40_000) }, 'too-large'],
    [{ key: 'x'.repeat(255), type: 'x'.repeat(64) }, 'ok'], [{ time: -8.64e15 }, 'ok'],
  ] as [object, string][]) assert.is(code(() => encodeEvent({ ...plain, ...change })), wants, JSON.stringify(change).slice(0, 80));
});

test('the largest event has 65,536 bytes', () => {
  const rest = encodeEvent({ ...plain, body: 'x'.repeat(60_000) }).length - 60_000;
  assert.is(encodeEvent({ ...plain, body: 'x'.repeat(65_536 - rest) }).length, 65_536);
  assert.is(code(() => encodeEvent({ ...plain, body: 'x'.repeat(65_537 - rest) })), 'too-large');
});

test('a refused body is named', () => {
  try {
    encodeEvent({ ...plain, body: { a: [0, 1, 2, NaN] } });
    assert.unreachable();
  } catch (error) {
    assert.is((error as Fault).message, 'body.a[3]: NaN');
  }
});

test('what is out of range is refused when read', () => {
  const good = [0, 1, 0, 5, 0, 'k', 't', null];
  const with_ = (i: number, v: unknown) => encodeValue(good.map((x, k) => (k === i ? v : x)));
  assert.is(code(() => decodeEvent(encodeValue(good))), 'ok');
  for (const [bytes, wants] of [
    [with_(0, 2 ** 32), 'bad-encoding'], [with_(1, 2 ** 48), 'bad-encoding'], [with_(2, -1), 'bad-encoding'], [with_(3, 8.64e15 + 1), 'bad-event'], [with_(3, 1.5), 'bad-encoding'],
    [with_(4, 2), 'bad-encoding'], [with_(4, true), 'bad-encoding'], [with_(5, ''), 'bad-event'], [with_(5, 'x'.repeat(256)), 'bad-encoding'], [with_(6, 'x'.repeat(65)), 'bad-encoding'], [with_(6, null), 'bad-encoding'],
    [encodeValue(good.slice(0, 7)), 'bad-encoding'], [encodeValue([...good, 1]), 'bad-encoding'], [with_(7, new Uint8Array(65_536)), 'too-large'], [new Uint8Array(0), 'bad-encoding'],
    [Uint8Array.from([...encodeValue(good), 0]), 'bad-encoding'],
  ] as [Uint8Array, string][]) {
    assert.is(code(() => decodeEvent(bytes)), wants, hex(bytes).slice(0, 80));
    assert.is(code(() => checkEvent(bytes)), wants, hex(bytes).slice(0, 80));
  }
});

test('any bytes give an event or a Fault, and what decodes encodes to the same', () => {
  fc.assert(fc.property(events, fc.array(fc.tuple(fc.nat(), fc.nat(255)), { maxLength: 3 }), (e, changes) => {
    const bytes = encodeEvent(e);
    for (const [at, to] of changes) bytes[at % bytes.length] = to;
    const decoded = code(() => decodeEvent(bytes));
    assert.ok(['ok', 'bad-encoding', 'bad-event'].includes(decoded), decoded);
    assert.is(code(() => checkEvent(bytes)), decoded);
    if (decoded === 'ok') assert.is(hex(encodeEvent(decodeEvent(bytes))), hex(bytes));
  }), runs(2000));
});

test('names and times are checked one by one too', () => {
  assert.is(code(() => checkKey('k')), 'ok');
  assert.is(code(() => checkType('')), 'bad-event');
  assert.is(code(() => checkTime(2 ** 60)), 'bad-event');
  for (const good of ['a', '$fleet', 'telemetry', 'a.b-c_D9', 'x'.repeat(64)]) assert.is(code(() => checkStream(good)), 'ok', good);
  for (const bad of ['', '$', '-a', '.a', 'a b', 'ä', 'a/b', '$$a', 'x'.repeat(65), 'a\n', 7, null]) assert.is(code(() => checkStream(bad)), 'bad-argument', String(bad));
});

test.run();
