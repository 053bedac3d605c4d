// The reader against a second reading of the standard: it accepts exactly the canonical, whatever is thrown at it.
import { Encoder } from 'cbor-x';
import fc from 'fast-check';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { hex, unhex } from '../../src/event/bytes.ts';
import { decode, encode, scan } from '../../src/event/cbor.ts';
import { encodeValue } from '../../src/event/value.ts';
import { codeOf } from '../../src/fault.ts';
import { referenceAccepts } from './reference-cbor.ts';
import { runs, same, values } from './samples.ts';

const test = suite('cbor');

/** 'ok' or the code of the Fault; scanning and decoding must agree. */
function verdict(bytes: Uint8Array): string {
  let scanned: string, decoded = 'ok';
  try {
    scanned = scan(bytes) === bytes.length ? 'ok' : 'bad-encoding';
  } catch (error) {
    scanned = codeOf(error);
  }
  try {
    decode(bytes);
  } catch (error) {
    decoded = codeOf(error);
  }
  assert.is(scanned, decoded, hex(bytes));
  return decoded;
}

test('accepts exactly what the reference accepts, near canonical bytes', () => {
  const mutation = fc.record({ at: fc.nat(), to: fc.nat(255), how: fc.constantFrom('set', 'insert', 'delete', 'cut', 'add') });
  fc.assert(fc.property(values, fc.array(mutation, { maxLength: 3 }), (value, mutations) => {
    const bytes = [...encodeValue(value)];
    for (const { at, to, how } of mutations) {
      const i = at % (bytes.length + 1);
      if (how === 'set' && i < bytes.length) bytes[i] = to;
      if (how === 'insert') bytes.splice(i, 0, to);
      if (how === 'delete') bytes.splice(i, 1);
      if (how === 'cut') bytes.length = i;
      if (how === 'add') bytes.push(to);
    }
    const array = Uint8Array.from(bytes);
    assert.is(verdict(array), referenceAccepts(array) ? 'ok' : 'bad-encoding', hex(array));
  }), runs(4000));
});

test('accepts exactly what the reference accepts, of bytes that are CBOR by chance', () => {
  const heads = fc.constantFrom(0x00, 0x18, 0x19, 0x1a, 0x1b, 0x20, 0x38, 0x3b, 0x40, 0x41, 0x58, 0x60, 0x61, 0x62, 0x78, 0x80, 0x81, 0x82, 0x98, 0xa0, 0xa1, 0xa2, 0xb8, 0xc0, 0xc2, 0xf4, 0xf6, 0xf7, 0xf9, 0xfa, 0xfb, 0xff, 0x5f, 0x9f, 0xbf);
  fc.assert(fc.property(fc.array(fc.oneof(heads, fc.nat(255)), { maxLength: 24 }), (numbers) => {
    const bytes = Uint8Array.from(numbers);
    assert.is(verdict(bytes), referenceAccepts(bytes) ? 'ok' : 'bad-encoding', hex(bytes));
  }), runs(20_000));
});

test('refuses what RFC 8949 allows and canonical form does not', () => {
  for (const bad of [
    '', '1800', '1817', '190017', '1900ff', '1a0000ffff', '1b00000000ffffffff', '1b0020000000000000', '3b001fffffffffffff', '5801', '7801', '5f40ff', '7f60ff', '9fff', 'bfff', 'c001', 'c249ffffffffffffffffff', 'd9d9f700',
    'f7', 'f0', 'f820', 'f93c00', 'fa3f800000', 'fb3ff0000000000000', 'fb8000000000000000', 'fb7ff8000000000000', 'fb7ff0000000000000', 'fb4330000000000000', '6100', '61ff', '62c080', '63eda080', '64f4908080', '61c3', '62c3',
    'a201010202', 'a2616101616102', 'a2616201616102', 'a262616101616202', 'a16161', '0000', '9bffffffffffffffff', '9a7fffffff', 'ba7fffffff', '5affffffff', '7affffffff', '81'.repeat(33) + '01', '81'.repeat(100_000),
  ]) assert.is(verdict(unhex(bad)), 'bad-encoding', bad.slice(0, 60));
  assert.is(verdict(unhex('81'.repeat(32) + '01')), 'ok');
  assert.is(verdict(unhex('fb4340000000000000')), 'ok');
});

test('a key named __proto__ is an own property and pollutes nothing', () => {
  const bytes = unhex('a1695f5f70726f746f5f5fa16178f5');
  const value = decode(bytes) as Record<string, unknown>;
  assert.equal(Object.keys(value), ['__proto__']);
  assert.is(Object.getPrototypeOf(value), Object.prototype);
  assert.is(value['x'], undefined);
  assert.is(hex(encodeValue(value)), hex(bytes));
});

test('byte strings are copies', () => {
  const bytes = unhex('4101');
  const value = decode(bytes) as Uint8Array;
  bytes[1] = 9;
  assert.is(value[0], 1);
});

test('scan finds where an item ends', () => {
  assert.is(scan(unhex('f682010203'), 1), 4);
});

test('cbor-x reads what we write', () => {
  const other = new Encoder({ useRecords: false, tagUint8Array: false, mapsAsObjects: false, variableMapSize: true });
  const plain = (x: unknown): unknown =>
    typeof x === 'bigint' ? Number(x) : x instanceof Uint8Array ? new Uint8Array(x) : Array.isArray(x) ? x.map(plain)
      : x instanceof Map ? Object.fromEntries([...x].map(([k, v]: [unknown, unknown]) => [k as string, plain(v)])) : x;
  fc.assert(fc.property(values, (value) => {
    same(plain(other.decode(Buffer.from(encode(value)))), value);
  }), runs(1000));
});

test.run();
