// Lines in: cut anywhere, too long, not UTF-8, not JSON, not events; and values that JSON alone cannot say.
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import fc from 'fast-check';
import { codeOf } from '../../src/fault.ts';
import { jsonText } from '../../src/event/json.ts';
import { bytesFromJson, LINE_BYTES, lineReader, readDraft, type Line } from '../../targets/program/ndjson.ts';

const test = suite('ndjson');

function read(bytes: Uint8Array, cuts: number[]): Line[] {
  const reader = lineReader();
  const lines: Line[] = [];
  let at = 0;
  for (const cut of [...cuts.map((each) => each % (bytes.length + 1)).sort((a, b) => a - b), bytes.length]) {
    lines.push(...reader.push(bytes.subarray(at, cut)));
    at = cut;
  }
  return [...lines, ...reader.end()];
}

function refused(line: string): { code: string; message: string } {
  try {
    readDraft(line);
  } catch (error) {
    return { code: codeOf(error), message: (error as Error).message };
  }
  return { code: 'none', message: '' };
}

test('lines do not depend on how the bytes are cut', () => {
  fc.assert(fc.property(fc.array(fc.string({ unit: 'grapheme', maxLength: 20 })), fc.array(fc.nat()), (texts, cuts) => {
    const clean = texts.map((text) => text.replaceAll('\n', ' '));
    const found = read(Buffer.from(clean.join('\n')), cuts);
    assert.equal(found.map(({ number, text }) => [number, text]), clean.map((text, i) => [i + 1, i === 0 ? text.replace(/^\ufeff/, '') : text] as const).filter(([, text]) => text.trim() !== ''));
  }), { numRuns: 300 });
});

test('any bytes give lines or reasons, in bounded memory', () => {
  fc.assert(fc.property(fc.uint8Array({ maxLength: 400 }), fc.array(fc.nat()), (bytes, cuts) => {
    for (const line of read(bytes, cuts)) {
      assert.ok((line.text === undefined) !== (line.fault === undefined));
      if (line.text !== undefined) refused(line.text);
    }
  }), { numRuns: 500 });
});

test('a line that is too long is named, skipped and not held; the next one is read', () => {
  const long = Buffer.alloc(LINE_BYTES * 5 + 1, 0x61);
  const reader = lineReader();
  const lines: Line[] = [];
  for (let at = 0; at < long.length; at += 60_000) lines.push(...reader.push(long.subarray(at, at + 60_000)));
  lines.push(...reader.push(Buffer.from('\nnext\n\n \r\nlast')), ...reader.end());
  assert.equal(lines.map(({ number, text, fault }) => [number, text ?? fault?.code]), [[1, 'too-large'], [2, 'next'], [5, 'last']]);
  assert.equal(read(Buffer.alloc(LINE_BYTES, 0x61), []).map(({ text }) => text?.length), [LINE_BYTES]);
  assert.equal(read(Buffer.alloc(LINE_BYTES + 1, 0x61), []).map(({ fault }) => fault?.code), ['too-large']);
});

test('broken UTF-8 is named; a byte order mark is not text', () => {
  assert.equal(read(Buffer.from([0x22, 0xff, 0x22, 10, 0x61]), []).map(({ text, fault }) => text ?? fault?.code), ['bad-encoding', 'a']);
  assert.equal(read(Buffer.from('\ufeff{}\n\ufeff'), []).map(({ text }) => text), ['{}']);
});

test('events are read with and without a time, in both ways of writing it', () => {
  assert.equal(readDraft('{"key":"a","type":"b"}'), { key: 'a', type: 'b', body: null });
  assert.equal(readDraft('{"key":"a","type":"b","time":5,"body":[1,{"c":null}]}'), { key: 'a', type: 'b', body: [1, { c: null }], time: 5 });
  assert.is(readDraft('{"key":"a","type":"b","time":"1970-01-01T00:00:01Z"}').time, 1000);
  assert.is(readDraft('{"key":"a","type":"b","time":null}').time, undefined);
  assert.equal(readDraft('{"id":"x","stream":"s","key":"a","type":"b","time":1,"body":2,"node":"n"}'), { key: 'a', type: 'b', body: 2, time: 1 });
});

test('what is no event is refused with what is wrong about it', () => {
  for (const [line, code, word] of [
    ['{', 'bad-encoding', 'JSON'], ['[]', 'bad-encoding', 'object'], ['null', 'bad-encoding', 'object'], ['7', 'bad-encoding', 'object'], ['{}', 'bad-event', 'no key'],
    ['{"key":1,"type":"a"}', 'bad-event', 'key is not text'], ['{"key":"a"}', 'bad-event', 'no type'], ['{"key":"a","type":null}', 'bad-event', 'type is not text'],
    ['{"key":"a","type":"b","tiem":1}', 'bad-event', 'Did you mean time?'], ['{"key":"a","type":"b","time":"soon"}', 'bad-event', 'soon'], ['{"key":"a","type":"b","time":1.5}', 'bad-event', '1.5'],
    ['{"key":"a","type":"b","time":true}', 'bad-event', 'true'], ['{"key":"a","type":"b","body":9007199254740993}', 'bad-value', '9007199254740993'], ['{"key":"a","type":"b","body":[1e999]}', 'bad-value', '1e999'],
    ['{"key":"a","type":"b","body":-12345678901234567890}', 'bad-value', '-12345678901234567890'],
  ] as const) {
    const found = refused(line);
    assert.is(found.code, code, line);
    assert.ok(found.message.includes(word), `${line}: ${found.message}`);
  }
});

test('long numbers inside text, fractions and exponents are no reason to refuse', () => {
  for (const body of ['"12345678901234567890"', '{"1234567890123456789":1}', '"a\\"9007199254740993"', '0.12345678901234567890', '1.5e300', '1e20', '9007199254740991', '-9007199254740991', '1.2345678901234567e5']) {
    assert.is(refused(`{"key":"a","type":"b","body":${body}}`).code, 'none', body);
  }
});

test('bytes go through JSON and back; what only looks like bytes stays what it is', () => {
  fc.assert(fc.property(fc.uint8Array({ maxLength: 40 }), (bytes) => {
    const body = { a: [bytes, { b: bytes }] };
    assert.equal(bytesFromJson(JSON.parse(jsonText(body))), body);
    assert.equal(readDraft(`{"key":"a","type":"b","body":${jsonText(bytes)}}`).body, bytes);
  }));
  for (const text of ['{"$bytes":"a"}', '{"$bytes":"AB"}', '{"$bytes":"AA=="}', '{"$bytes":1}', '{"$bytes":"AA","b":1}', '{"$bytes":"!"}']) {
    assert.is(jsonText(bytesFromJson(JSON.parse(text))), text);
  }
});

test('a key named __proto__ is a key, and deep nesting is no trap', () => {
  const body = readDraft('{"key":"a","type":"b","body":{"__proto__":{"$bytes":"AAA"},"c":[]}}').body;
  assert.is(jsonText(body), '{"__proto__":{"$bytes":"AAA"},"c":[]}');
  assert.is(({} as { c?: unknown }).c, undefined);
  assert.is(refused(`{"key":"a","type":"b","body":${'['.repeat(100_000)}"$bytes"${']'.repeat(100_000)}}`).code, 'none');
});

test.run();
