// From readings to events: what goes where, and a reason for everything that cannot be one.

import { test } from 'uvu';
import * as assert from 'uvu/assert';
import * as fc from 'fast-check';
import { parse } from 'smol-toml';
import { encodeEvent } from '../../src/event/event.ts';
import { ZERO_STAMP } from '../../src/event/stamp.ts';
import type { Value } from '../../src/event/value.ts';
import type { Reading } from '../../targets/program/input.ts';
import { INPUT_KINDS } from '../../targets/program/input-kinds.ts';
import { INPUT_STREAMS, mappingOf, type Mapped, type Mapping, type Refusal } from '../../targets/program/input-mapping.ts';
import { readTime } from '../../targets/program/input-moment.ts';
import { parseInputs } from '../../targets/program/input-settings.ts';

const NOW = 1_795_167_000_000;

function mapping(toml: string): Mapping {
  const [settings] = parseInputs(parse(`[[input]]\nkind = "file"\nname = "meter"\npath = "x"\n${toml}`)['input'], () => 'here', INPUT_KINDS);
  return mappingOf(settings!, {}, 'alpha');
}

function map(toml: string, value: unknown, more: Partial<Reading> = {}): Mapped | Refusal {
  return mapping(toml)({ value, raw: '', ...more }, NOW);
}

function mapped(...args: Parameters<typeof map>): Mapped {
  const result = map(...args);
  if ('reason' in result) throw new Error(result.reason);
  return result;
}

function refused(...args: Parameters<typeof map>): string {
  const result = map(...args);
  if (!('reason' in result)) throw new Error(`mapped: ${JSON.stringify(result)}`);
  return `${result.code}: ${result.reason}`;
}

test('defaults: the stream telemetry, the name of the input, type reading, now, all fields', () => {
  const { bytes, ...event } = mapped('', { t: 20.5, ok: true });
  assert.equal(event, { stream: 'telemetry', key: 'meter', type: 'reading', time: NOW, body: { t: 20.5, ok: true } });
  assert.is(bytes, encodeEvent({ stamp: ZERO_STAMP, time: NOW, joined: false, key: 'meter', type: 'reading', body: { t: 20.5, ok: true } }).length);
  assert.equal(mapped('', 4.2).body, { value: 4.2 });
  assert.equal(mapped('', [1, 2]).body, { value: [1, 2] });
  assert.equal(mapped('', null).body, { value: null });
  assert.equal(mapped('', new Uint8Array([1])).body, { value: new Uint8Array([1]) });
  assert.is(mapped('', 1, { time: 77 }).time, 77);
  assert.equal(mapped('', {}).body, {});
});

test('templates take fields, paths and the words of the source; what they say is not said again', () => {
  const toml = 'stream = "{site}"\nkey = "{topic.2}-{device}"\ntype = "{meta.kind}"\ndrop = ["linkquality"]\ntime = "ts"';
  const event = mapped(toml, { site: 'north', device: 7, ts: NOW - 5, meta: { kind: 'power' }, w: 3, linkquality: 80 }, { names: { 'topic.2': 'roof' } });
  assert.equal([event.stream, event.key, event.type, event.time, event.body], ['north', 'roof-7', 'power', NOW - 5, { meta: { kind: 'power' }, w: 3 }]);
  assert.is(mapped('key = "{node}/{input}"', {}).key, 'alpha/meter');
  assert.is(mapped('key = "{{{a}}}"', { a: true }).key, '{true}');
  // The source is believed before what it carries.
  assert.is(mapped('key = "{topic}"', { topic: 'forged' }, { names: { topic: 'real' } }).key, 'real');
});

test('fields are chosen and renamed', () => {
  assert.equal(mapped('fields = ["a", "b"]', { a: 1, c: 2 }).body, { a: 1 });
  assert.equal(mapped('fields = { temperature = "t", north = "pos.lat" }', { t: 1, pos: { lat: 2, lon: 3 } }).body, { temperature: 1, north: 2 });
  assert.equal(mapped('fields = { x = "a.b" }', { 'a.b': 1, a: { b: 2 } }).body, { x: 1 });
  assert.match(refused('fields = ["a", "b"]', { c: 2 }), /^bad-event: it has none of the fields a, b$/);
});

test('what cannot be an event is refused with its reason', () => {
  const cases: [string, unknown, RegExp][] = [
    ['key = "{device}"', { a: 1 }, /bad-event: it has no "device", which the key needs/],
    ['key = "{device}"', { device: null }, /"device" is neither text nor a number, so it cannot stand in the key/],
    ['key = "{device}"', { device: {} }, /neither text nor a number/],
    ['key = "{device}"', { device: '' }, /bad-event: The key has 0 bytes/],
    ['key = "{device}"', { device: 'x'.repeat(300) }, /bad-event: The key has 300 bytes/],
    ['key = "{device}"', { device: 'a\0b' }, /bad-event/],
    ['key = "{constructor}"', {}, /it has no "constructor"/],
    ['stream = "{room}"', { room: 'living room' }, /"living room" cannot name a stream/],
    ['stream = "{room}"', { room: '$fleet' }, /cannot name a stream/],
    ['stream = "{room}"', { room: '' }, /cannot name a stream/],
    ['time = "ts"', {}, /it has no "ts", which says when it happened/],
    ['time = "ts"', { ts: 'yesterday' }, /the time "yesterday" is neither/],
    ['', { a: NaN }, /^bad-value: body\.a: NaN is not a number that can be recorded$/],
    ['', { a: [1, { b: -Infinity }] }, /^bad-value: body\.a\[1\]\.b: -Infinity/],
    ['', { a: 12345678901234567890n }, /^bad-value: body\.a: a whole number that cannot be kept exactly; send it as text$/],
    ['', { a: '\ud800' }, /bad-value: body\.a/],
    ['', { 'a\0': 1 }, /bad-value/],
    ['', { a: new Date() }, /bad-value: body\.a/],
    ['', { a: 'x'.repeat(70_000) }, /too-large/],
    ['', undefined, /bad-event: it says nothing/],
    ['', { a: JSON.parse('['.repeat(50) + ']'.repeat(50)) as unknown }, /bad-value: body\.a.*inside each other/],
  ];
  for (const [toml, value, words] of cases) assert.match(refused(toml, value), words);
  const cyclic: { [name: string]: unknown } = {};
  cyclic['self'] = cyclic;
  assert.match(refused('', cyclic), /inside each other/);
});

test('a field may be called __proto__, and changes nothing but itself', () => {
  const value = JSON.parse('{"__proto__":{"polluted":1},"a":2}') as unknown;
  const { body } = mapped('drop = ["b"]', value);
  assert.equal(Object.keys(body), ['__proto__', 'a']);
  assert.is(({} as { polluted?: number }).polluted, undefined);
  assert.is(Object.getPrototypeOf(body), Object.prototype);
});

test('an input that names streams without end is stopped', () => {
  const into = mapping('stream = "{room}"');
  for (let i = 0; i < INPUT_STREAMS; i++) assert.not('reason' in into({ value: { room: `room-${i}` }, raw: '' }, NOW));
  const more = into({ value: { room: 'one-more' }, raw: '' }, NOW);
  assert.is('reason' in more && more.code, 'too-many');
  assert.not('reason' in into({ value: { room: 'room-0' }, raw: '' }, NOW));
});

test('times: what can be meant in one way only', () => {
  const ms = Date.UTC(2026, 10, 20, 9, 30), cases: [unknown, Parameters<typeof readTime>[1], number | RegExp][] = [
    [ms, 'auto', ms], [ms / 1_000, 'auto', ms], [ms / 1_000 + 0.25, 'auto', ms + 250], [String(ms), 'auto', ms], [`${ms / 1_000}.5`, 'auto', ms + 500],
    ['2026-11-20T09:30:00Z', 'auto', ms], ['2026-11-20 10:30:00+01:00', 'auto', ms], ['2026-11-20T15:00+0530', 'auto', ms],
    ['2026-11-20T09:30:00', 'auto', /names no zone.*"utc"/], ['2026-11-20', 'auto', /names no zone/], ['2026-11-20T09:30:00', 'utc', ms], ['2026-11-20', 'utc', Date.UTC(2026, 10, 20)],
    [ms * 1_000, 'auto', /several units.*as = "ms"/], [12_345, 'auto', /several units/], [0, 'auto', /several units/], [-ms, 'auto', -ms],
    [ms * 1_000, 'us', ms], [String(ms * 1_000), 'us', ms], [`${ms}123456`, 'ns', ms], [BigInt(ms) * 1_000_000n, 'ns', ms], [0, 'ms', 0], [90, 's', 90_000],
    ['2026-02-30T00:00:00Z', 'auto', /neither milliseconds/], ['2026-11-20T09:30:00Z', 'ms', /no number of ms/], [NaN, 'auto', /neither/], [Infinity, 's', /no number/],
    [true, 'auto', /neither/], [{}, 'auto', /a list or a map/], [new Uint8Array(2), 'auto', /bytes/], [1e20, 's', /no number of s/], ['', 'auto', /neither/],
  ];
  for (const [found, form, wanted] of cases) {
    if (typeof wanted === 'number') assert.is(readTime(found, form), wanted, `${String(found)} as ${form}`);
    else assert.throws(() => readTime(found, form), wanted, `${String(found)} as ${form}`);
  }
});

test('whatever a source says, it becomes an event that the log takes, or a reason', () => {
  const anything = fc.oneof(fc.anything({ withBigInt: true, withDate: true, withMap: true, withTypedArray: true, withNullPrototype: true }), fc.object(), fc.dictionary(fc.string(), fc.jsonValue()));
  const maps = ['', 'key = "{a}"\ntype = "{b}"', 'stream = "{a}"', 'time = "a"', 'fields = ["a", "b.c"]', 'drop = ["a"]'].map(mapping);
  let events = 0, reasons = 0;
  fc.assert(fc.property(anything, fc.nat(maps.length - 1), (value, which) => {
    const result = maps[which]!({ value, raw: '' }, NOW);
    if ('reason' in result) {
      reasons++;
      return result.reason.length > 0 && result.code !== 'internal';
    }
    events++;
    encodeEvent({ stamp: ZERO_STAMP, time: result.time, joined: false, key: result.key, type: result.type, body: result.body as Value });
    return true;
  }), { numRuns: 2_000, verbose: 1 });
  assert.ok(events > 100 && reasons > 100, `${events} events, ${reasons} reasons`);
});

test.run();
