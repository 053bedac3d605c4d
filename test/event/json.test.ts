// Values as JSON: what is written from canonical bytes is what is written from the value.
import fc from 'fast-check';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { jsonText, writeJson } from '../../src/event/json.ts';
import { Reader } from '../../src/event/reader.ts';
import { encodeValue } from '../../src/event/value.ts';
import { Writer } from '../../src/event/writer.ts';
import { Fault } from '../../src/fault.ts';
import { runs, same, values } from './samples.ts';

const test = suite('json');

function written(bytes: Uint8Array): string {
  const w = new Writer(8), reader = new Reader(bytes);
  writeJson(w, reader);
  reader.finish();
  return new TextDecoder('utf-8', { fatal: true }).decode(w.copy());
}

test('both ways of writing JSON give the same value', () => {
  fc.assert(fc.property(values, (value) => {
    // Through text once more: how a number is spelled does not matter, the order of keys neither.
    same(JSON.parse(written(encodeValue(value))), JSON.parse(jsonText(value)));
  }), runs(2000));
});

test('what needs care', () => {
  const cases: [unknown, string][] = [
    [new Uint8Array([1, 2, 255]), '{"$bytes":"AQL_"}'], [new Uint8Array(0), '{"$bytes":""}'], [[], '[]'], [{}, '{}'], [null, 'null'], [[true, false], '[true,false]'], [-0, '0'], [1e21, '1e+21'], [5e-324, '5e-324'], [-1.5, '-1.5'],
    [Number.MAX_SAFE_INTEGER, '9007199254740991'], [-Number.MAX_SAFE_INTEGER, '-9007199254740991'], [[0, 9, 10, 99, 100, 999, 1_000, 9_999, 10_000], '[0,9,10,99,100,999,1000,9999,10000]'],
    ['"\\/\b\t\n\f\r\u0001\u001f\u007f\u2028é😀', String.raw`"\"\\/\b\t\n\f\r\u0001\u001f` + '\u007f\u2028é😀"'], [{ __proto__x: { '"': [{ a: 'b' }] } }, String.raw`{"__proto__x":{"\"":[{"a":"b"}]}}`],
  ];
  for (const [value, json] of cases) {
    assert.is(written(encodeValue(value)), json);
    assert.equal(JSON.parse(jsonText(value)), JSON.parse(json));
  }
});

test('what is no value is refused', () => {
  for (const bytes of [[], [0xff], [0x61], [0x82, 0x01], [0xa1, 0x01, 0x01], [0xf7], [0xfb, 0x7f, 0xf0, 0, 0, 0, 0, 0, 0]]) {
    let refused = false;
    try { written(Uint8Array.from(bytes)); } catch (error) { refused = error instanceof Fault; }
    assert.ok(refused, String(bytes));
  }
});

test.run();
