// CBOR of others: what RFC 8949 allows is read, what is broken or hostile is refused, in time and memory in proportion to its bytes.

import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { Encoder } from 'cbor-x';
import * as fc from 'fast-check';
import { unhex } from '../../src/event/bytes.ts';
import { Fault } from '../../src/fault.ts';
import { foreignItems, foreignValue } from '../../targets/program/foreign-cbor.ts';

function code(work: () => unknown): string {
  try {
    work();
  } catch (error) {
    if (error instanceof Fault) return `${error.code}: ${error.message}`;
    throw error;
  }
  return 'read';
}

/** The items of a body, each as its value. */
const read = (bytes: Uint8Array) => foreignItems(bytes, 1_000).map(foreignValue);

test('values of RFC 8949, appendix A', () => {
  const cases: [string, unknown][] = [
    ['00', 0], ['17', 23], ['1818', 24], ['190100', 256], ['1a000f4240', 1_000_000], ['1b000000e8d4a51000', 1_000_000_000_000], ['1bffffffffffffffff', 18446744073709551615n],
    ['20', -1], ['3863', -100], ['3bffffffffffffffff', -18446744073709551616n], ['3b001ffffffffffffe', -9007199254740991], ['c249010000000000000000', 18446744073709551616n],
    ['c349010000000000000000', -18446744073709551617n], ['f90000', 0], ['f98000', -0], ['f93c00', 1], ['f97bff', 65_504], ['f90001', 5.960464477539063e-8], ['f90400', 0.00006103515625], ['f9c400', -4],
    ['fa47c35000', 100_000], ['fb3ff199999999999a', 1.1], ['f97c00', Infinity], ['f97e00', NaN], ['f9fc00', -Infinity], ['f4', false], ['f5', true], ['f6', null], ['f7', null],
    ['c074323031332d30332d32315432303a30343a30305a', '2013-03-21T20:04:00Z'], ['c11a514b67b0', 1363896240], ['d74401020304', new Uint8Array([1, 2, 3, 4])], ['d9d9f700', 0],
    ['40', new Uint8Array()], ['60', ''], ['62c3bc', 'ü'], ['64f0908591', '𐅑'], ['a0', {}], ['a26161016162820203', { a: 1, b: [2, 3] }], ['a201020304', { 1: 2, 3: 4 }],
    ['5f42010243030405ff', new Uint8Array([1, 2, 3, 4, 5])], ['7f657374726561646d696e67ff', 'streaming'], ['bf61610161629f0203ffff', { a: 1, b: [2, 3] }], ['a1209f00ff', { '-1': [0] }],
    // Not as short as it could be, which the log would not write.
    ['1800', 0], ['1900ff', 255], ['fb3ff0000000000000', 1],
  ];
  for (const [bytes, value] of cases) {
    const got = foreignValue(unhex(bytes));
    if (typeof value === 'number') assert.ok(Object.is(got, value), `${bytes}: ${String(got)}`);
    else assert.equal(got, value, bytes);
    if (bytes[0] !== '8' && bytes[0] !== '9') assert.is(foreignItems(unhex(bytes), 10).length, 1, bytes);
  }
});

test('a body is one array of readings, or a sequence of them', () => {
  assert.equal(read(unhex('820102')), [1, 2]);
  assert.equal(read(unhex('9f0102ff')), [1, 2]);
  assert.equal(read(unhex('010263616263')), [1, 2, 'abc']);
  assert.equal(read(unhex('80')), []);
  assert.equal(read(new Uint8Array()), []);
  assert.equal(foreignItems(unhex('82a16161018102'), 10).map((item) => Buffer.from(item).toString('hex')), ['a1616101', '8102']);
  assert.match(code(() => foreignItems(unhex('83010203'), 2)), /^too-many/);
});

test('what is broken is refused', () => {
  const cases: [string, RegExp][] = [
    ['18', /bad-encoding: not CBOR: it ends too soon/], ['62c3', /too soon/], ['8201', /too soon/], ['9f01', /too soon/], ['5f4101', /too soon/], ['a16161', /too soon/], ['1c', /an unknown length/],
    ['fc', /unknown length/], ['ff', /a break outside/], ['1f', /an item without its value/], ['df00', /without its value/], ['f800', /simple value in two bytes/], ['8102ff', /something follows/],
    ['5f6161ff', /part of another kind/], ['7f7f6161ffff', /part of another kind/], ['bf6161ff', /a break outside/], ['9bffffffffffffffff', /too soon/], ['bbffffffffffffffff', /too soon/],
    ['5bffffffffffffffff00', /too soon/], ['7affffffff61', /too soon/],
  ];
  for (const [bytes, words] of cases) assert.match(code(() => read(unhex(bytes))), words, bytes);
});

test('well-formed items without a value that can be recorded are refused alone, by name', () => {
  const cases: [string, RegExp][] = [
    ['c48221196ab3', /bad-value: what has CBOR tag 4 cannot/], ['d81b00', /tag 27/], ['d81c00', /tag 28/], ['e0', /simple value 0/], ['f8ff', /simple value 255/], ['61ff', /bad-encoding: .*not UTF-8/],
    ['7f61c361bcff', /not UTF-8/], ['a2616101616102', /bad-value: the key "a", which is there twice/], ['a2016161613102', /the key "1", which is there twice/], ['a1f500', /neither text nor a number/],
    ['a1810100', /neither text nor a number/], ['c201', /bad-encoding: .*without its bytes/], [`c25841${'ff'.repeat(65)}`, /a number of that size/], [`${'81'.repeat(40)}00`, /inside each other/], [`${'c1'.repeat(40)}00`, /inside each other/],
  ];
  for (const [bytes, words] of cases) {
    const item = unhex(bytes);
    // Behind another, so that an array is not taken for the list of readings.
    const items = foreignItems(new Uint8Array([0, ...item, 0]), 10);
    assert.is(items.length, 3, bytes);
    assert.match(code(() => foreignValue(items[1]!)), words, bytes);
  }
});

test('bombs of depth, length and size are refused, and a key called __proto__ is only a key', () => {
  for (const byte of [0x81, 0x9f, 0xa1, 0xbf, 0xc1, 0xd8]) assert.match(code(() => read(new Uint8Array(1 << 20).fill(byte))), /^bad-(encoding|value)/, byte.toString(16));
  assert.match(code(() => read(unhex(`00c25a000fffff${'ff'.repeat(0xfffff)}`))), /a number of that size/);
  // Each level claims as many as there are bytes.
  const claims = new Uint8Array(4_998);
  for (let i = 0; i < claims.length; i += 3) claims.set([0x99, 0x13, 0x88], i);
  assert.match(code(() => read(claims)), /bad-encoding/);
  const map = foreignValue(unhex('a1695f5f70726f746f5f5fa168706f6c6c7574656401')) as { polluted?: number };
  assert.equal([Object.keys(map), map.polluted, ({} as { polluted?: number }).polluted], [['__proto__'], undefined, undefined]);
});

test('bytes are copies of the body', () => {
  const body = unhex('00420102');
  const [, item] = foreignItems(body, 10);
  const value = foreignValue(item!) as Uint8Array;
  body.fill(9);
  assert.equal(value, new Uint8Array([1, 2]));
});

test('what cbor-x writes is read as it reads it', () => {
  const encoder = new Encoder({ useRecords: false, variableMapSize: true, mapsAsObjects: true });
  const leaf = fc.oneof(fc.integer(), fc.double({ noNaN: true }), fc.string({ unit: 'grapheme' }), fc.boolean(), fc.constant(null), fc.uint8Array(), fc.maxSafeInteger());
  const { value } = fc.letrec((tie) => ({ value: fc.oneof({ maxDepth: 4 }, leaf, fc.array(tie('value'), { maxLength: 5 }), fc.dictionary(fc.string().filter((key) => key !== '__proto__'), tie('value'), { maxKeys: 5 })) }));
  fc.assert(fc.property(value, (given) => {
    const bytes = new Uint8Array(encoder.encode(given));
    assert.equal(plain(foreignValue(bytes)), plain(encoder.decode(bytes)));
  }), { numRuns: 1_000, verbose: 1 });
});

/** Bytes of each kind as one kind, and numbers by their text: 64 bits come as bigints elsewhere, also where they need not. */
function plain(value: unknown): unknown {
  if (value instanceof Uint8Array) return `bytes ${Buffer.from(value).toString('hex')}`;
  if (typeof value === 'number' || typeof value === 'bigint') return `number ${String(value)}`;
  if (Array.isArray(value)) return value.map(plain);
  return value !== null && typeof value === 'object' ? Object.fromEntries(Object.entries(value).map(([key, inner]) => [key, plain(inner)])) : value;
}

test('any bytes: read, or refused with a code of ours', () => {
  let values = 0;
  fc.assert(fc.property(fc.uint8Array({ maxLength: 60 }), (bytes) => {
    try {
      values += read(bytes).length;
    } catch (error) {
      return error instanceof Fault;
    }
    return true;
  }), { numRuns: 5_000, verbose: 1 });
  assert.ok(values > 0);
});

test.run();
