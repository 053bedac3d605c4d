// Values: the encoder against a second reading of the standard, and what it refuses by name.
import fc from 'fast-check';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { hex } from '../../src/event/bytes.ts';
import { decode } from '../../src/event/cbor.ts';
import { checkText, compareKeys, encodeValue, utf8Length } from '../../src/event/value.ts';
import { Fault, codeOf } from '../../src/fault.ts';
import { referenceEncode } from './reference-cbor.ts';
import { runs, same, texts, values } from './samples.ts';

const test = suite('value');
const refused = (value: unknown): string => {
  try {
    encodeValue(value, 'body');
    return 'accepted';
  } catch (error) {
    return error instanceof Fault ? `${error.code} ${error.message}` : `not a Fault: ${String(error)}`;
  }
};

test('every value encodes as the reference does and comes back', () => {
  fc.assert(fc.property(values, (value) => {
    const bytes = encodeValue(value);
    assert.is(hex(bytes), Buffer.from(referenceEncode(value)).toString('hex'));
    same(decode(bytes), value);
  }), runs(2000));
});

test('the order in which keys were added does not show', () => {
  fc.assert(fc.property(fc.uniqueArray(texts, { maxLength: 12 }), (keys) => {
    const one = Object.fromEntries(keys.map((k) => [k, 1])), two = Object.fromEntries([...keys].reverse().map((k) => [k, 1]));
    assert.equal(encodeValue(one), encodeValue(two));
  }), runs(500));
  assert.ok(compareKeys('z', 'aa') < 0);
  assert.ok(compareKeys('\ud83d\ude00', '\uffee\u0001') > 0, 'by UTF-8, not by UTF-16');
});

test('-0 is 0, and only whole numbers beyond 2^53 are floats', () => {
  assert.is(hex(encodeValue(-0)), '00');
  assert.is(hex(encodeValue(2 ** 53 - 1)), '1b001fffffffffffff');
  assert.is(hex(encodeValue(1 - 2 ** 53)), '3b001ffffffffffffe');
  assert.is(hex(encodeValue(2 ** 53)), 'fb4340000000000000');
  assert.is(hex(encodeValue(1.5)), 'fb3ff8000000000000');
});

test('what is not a value is refused with its path', () => {
  const cycle: unknown[] = [];
  cycle.push(cycle);
  let deep: unknown = 1;
  for (let i = 0; i < 33; i++) deep = [deep];
  for (const [value, says] of [
    [{ a: [0, 1, 2, NaN] }, 'body.a[3]: NaN'], [[Infinity], 'body[0]: Infinity'], [undefined, 'body: undefined'], [{ a: undefined }, 'body.a: undefined'], [new Array(2), 'body[0]: undefined'],
    [{ 'x y': 1n }, 'body["x y"]: bigint'], [() => 1, 'body: function'], [Symbol('s'), 'body: symbol'], [new Date(0), 'body: Date'], [{ m: new Map() }, 'body.m: Map'],
    [new (class Foo {})(), 'body: Foo'], [new Float64Array(1), 'body: Float64Array'], ['a\0b', 'body: text must not hold U+0000'], [{ a: '\ud800' }, 'body.a: text must not hold half'],
    [{ ['k\udc00']: 1 }, 'half of a surrogate'], [['x'.repeat(100) + '\ud800'], 'body[0]: text must not'], [cycle, 'more than 32'], [deep, 'more than 32'],
  ] as [unknown, string][]) {
    const said = refused(value);
    assert.ok(said.startsWith('bad-value ') && said.includes(says), `${said} should be bad-value … ${says}`);
  }
});

test('plain objects of any kind pass', () => {
  assert.is(refused(Object.assign(Object.create(null) as object, { a: 1 })), 'accepted');
  assert.is(refused({ body: Buffer.from('abc') }), 'accepted');
  let deep: unknown = 1;
  for (let i = 0; i < 32; i++) deep = [deep];
  assert.is(refused(deep), 'accepted');
});

test('a getter that encodes in between does no harm', () => {
  const value = { a: 'before', get b() { return encodeValue(['inner', 1]).length; }, c: 'after' };
  assert.equal(decode(encodeValue(value)), { a: 'before', b: 8, c: 'after' });
});

test('values that share parts over and over end with too-large, not with the memory', () => {
  let shared: unknown = 'x'.repeat(1000);
  for (let i = 0; i < 30; i++) shared = [shared, shared];
  assert.ok(refused(shared).startsWith('too-large'));
});

test('text and its length', () => {
  fc.assert(fc.property(texts, (s) => assert.is(utf8Length(s), Buffer.byteLength(s))), runs(500));
  for (const bad of ['\0', 'a\ud800', '\udc00b', '\ude00\ud83d']) {
    try {
      checkText(bad);
      assert.unreachable();
    } catch (error) {
      assert.is(codeOf(error), 'bad-value');
    }
  }
});

test.run();
