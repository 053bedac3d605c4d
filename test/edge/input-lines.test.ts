// Lines of inputs: cut anywhere, too long, not UTF-8; JSON, CSV and text read from them; and hostile patterns.

import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import fc from 'fast-check';
import { codeOf } from '../../src/fault.ts';
import type { InputContext, Reading } from '../../targets/program/input.ts';
import { INPUT_LINE_BYTES, openLines } from '../../targets/program/input-lines.ts';

const test = suite('lines of inputs');

interface Heard { readings: Reading[]; values: unknown[]; refused: { code: string; reason: string; raw: string | Uint8Array }[]; settled: number; wantsHeader: boolean }

async function hear(options: { [name: string]: unknown }, bytes: Uint8Array | string, cuts: number[] = []): Promise<Heard> {
  const heard: Heard = { readings: [], values: [], refused: [], settled: 0, wantsHeader: false };
  const context: InputContext = {
    accept(reading) {
      heard.readings.push(reading);
      heard.values.push(reading.value);
      return Promise.resolve();
    },
    refuse: (code, reason, raw) => void heard.refused.push({ code, reason, raw }), state: () => {}, signal: new AbortController().signal,
  };
  const lines = openLines(options, context);
  const all = Buffer.from(bytes as string);
  let at = 0;
  for (const cut of [...cuts.map((each) => each % (all.length + 1)).sort((a, b) => a - b), all.length]) {
    await lines.push(all.subarray(at, cut));
    at = cut;
  }
  heard.settled = lines.settled;
  heard.wantsHeader = lines.wantsHeader;
  await lines.end();
  return heard;
}

function wrong(options: { [name: string]: unknown }): string {
  const context: InputContext = { accept: () => Promise.resolve(), refuse: () => {}, state: () => {}, signal: new AbortController().signal };
  try {
    openLines(options, context);
  } catch (error) {
    assert.is(codeOf(error), 'bad-config', (error as Error).message);
    return (error as Error).message;
  }
  return 'nothing is wrong';
}

test('lines do not depend on how the bytes are cut, nor on which line ends they have', async () => {
  const text = fc.string({ unit: 'grapheme', maxLength: 12 }).map((each) => each.replace(/[\r\n\ufeff]/g, ' '));
  await fc.assert(fc.asyncProperty(fc.array(fc.tuple(text, fc.constantFrom('\n', '\r', '\r\n'))), fc.array(fc.nat()), async (lines, cuts) => {
    const { values, refused } = await hear({ format: 'text' }, lines.map((each) => each.join('')).join(''), cuts);
    assert.equal(values, lines.map(([each]) => each).filter((each) => each.trim() !== ''));
    assert.equal(refused, []);
  }), { numRuns: 300 });
});

test('any bytes give readings or reasons, and end settled', async () => {
  const options = [{}, { format: 'csv' }, { format: 'text', pattern: '(?<a>[^,]+),(?<b>.*)' }, { format: 'nmea', join: true }, { format: 'nmea', checksum: 'optional' }];
  await fc.assert(fc.asyncProperty(fc.uint8Array({ maxLength: 300 }), fc.array(fc.nat(), { maxLength: 4 }), fc.constantFrom(...options), async (bytes, cuts, each) => {
    const { refused, settled } = await hear(each, Buffer.concat([bytes, Buffer.from('\n')]), cuts);
    assert.is(settled, bytes.length + 1);
    for (const { code, reason } of refused) assert.ok(code !== 'internal' && reason !== '', `${code}: ${reason}`);
  }), { numRuns: 300 });
});

test('a line that is too long is refused once, as soon as it is, and nothing after it is lost', async () => {
  const long = 'x'.repeat(INPUT_LINE_BYTES * 3);
  for (const cuts of [[], [70_000], Array.from({ length: 150 }, (_, i) => i * 1_371)]) {
    const { values, refused } = await hear({ format: 'text' }, `before\n${long}\nafter\n`, cuts);
    assert.equal(values, ['before', 'after']);
    assert.equal(refused.map(({ code }) => code), ['too-large']);
    assert.is(Buffer.from(refused[0]!.raw as string).toString(), 'x'.repeat(512));
  }
  const whole = 'y'.repeat(INPUT_LINE_BYTES);
  assert.equal((await hear({ format: 'text' }, `${whole}\n`, [9])).values, [whole], 'the longest that may be');
  const endless = await hear({ format: 'text' }, long);
  assert.is(endless.settled, 0, 'a source that goes on later begins with the same line');
  assert.is(endless.refused.length, 1);
});

test('what is settled is the end of the last whole line; what follows it counts at the end of the source', async () => {
  const { values, settled, refused } = await hear({}, '1\r\n2\n\n3', [2, 3]);
  assert.equal(values, [1, 2, 3]);
  assert.is(settled, 6);
  assert.equal(refused, []);
});

test('text that is not UTF-8 is refused with its bytes; a mark before the first line is not part of it', async () => {
  const { values, refused } = await hear({ format: 'text' }, Buffer.from([0xef, 0xbb, 0xbf, 0x61, 10, 0x80, 0x62, 10, 0xc3, 0xa4, 10]));
  assert.equal(values, ['a', 'ä']);
  assert.equal(refused.map(({ code, raw }) => [code, [...raw as Uint8Array]]), [['bad-encoding', [0x80, 0x62]]]);
});

test('JSON: objects and lone values, nothing changed on the way, nothing too deep', async () => {
  const lines = ['{"a":1.5,"b":{"c":[1,null]}}', '7', '"on"', 'true', '{"a":1,"a":2}', '{"__proto__":{"polluted":1},"x":1}'];
  const { values, refused } = await hear({}, lines.join('\n'));
  assert.equal(refused, []);
  assert.equal(values.slice(0, 5), [{ a: 1.5, b: { c: [1, null] } }, 7, 'on', true, { a: 2 }]);
  assert.is(JSON.stringify(values[5]), lines[5]);
  assert.is((values[5] as { polluted?: number }).polluted, undefined);
  const bad: [string, string, RegExp][] = [
    ['{"a":NaN}', 'bad-encoding', /^not JSON/], ['{"a":1', 'bad-encoding', /^not JSON/], ['{"n":9007199254740993}', 'bad-value', /cannot be kept exactly/], ['{"n":1e999}', 'bad-value', /cannot be kept exactly/],
    ['['.repeat(33) + ']'.repeat(33), 'bad-value', /^more than 32/], ['{"a":'.repeat(10_000) + '1' + '}'.repeat(10_000), 'bad-value', /^more than 32/], ['['.repeat(60_000), 'bad-value', /^more than 32/],
  ];
  for (const [line, code, reason] of bad) {
    const heard = await hear({}, line);
    assert.is(heard.refused[0]?.code, code, line.slice(0, 40));
    assert.match(heard.refused[0]!.reason, reason);
    assert.is(heard.refused[0]!.raw, line);
  }
  assert.equal((await hear({}, '['.repeat(32) + ']'.repeat(32))).refused, []);
  assert.equal((await hear({}, '{"a":"[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[\\"[[[["}')).refused, [], 'brackets in text do not count');
});

test('CSV: columns by the first line or by name, quoting, numbers where nothing is lost by it', async () => {
  const csv = 'time,room,"t, °C",n\n2026-11-20T09:00:00Z,"say ""hi""",20.5,\n,"",-0.0,007\n1e3,+5,.5,12345678901234567890\n';
  const { values, refused } = await hear({ format: 'csv' }, csv);
  assert.equal(refused, []);
  assert.equal(values, [
    { time: '2026-11-20T09:00:00Z', room: 'say "hi"', 't, °C': 20.5 },
    { room: '', 't, °C': 0, n: '007' },
    { time: 1000, room: 5, 't, °C': 0.5, n: '12345678901234567890' },
  ]);
  assert.ok(Object.is((values[1] as { [name: string]: number })['t, °C'], 0), '-0 is 0');
  const named = await hear({ format: 'csv', columns: ['a', '', '__proto__'], separator: ';', decimal: ',' }, 'a;x;1,5\n1;2;3;\na;;__proto__\n');
  assert.is(JSON.stringify(named.values), '[{"a":"a","__proto__":1.5},{"a":1,"__proto__":3}]', 'one separator more at the end is a habit; a header that comes again is none');
  const ruled = await hear({ format: 'csv', columns: ['id', 'v'], text_columns: ['id'], number_columns: ['v'] }, '12,007\n12,x\n12,\n1,"3"\n');
  assert.equal(ruled.values, [{ id: '12', v: 7 }, { id: '12' }, { id: '1', v: 3 }]);
  assert.match(ruled.refused[0]!.reason, /^v is "x", which is not a number/);
});

test('CSV: lines that do not fit are refused with their reason, and a header that is none', async () => {
  const reason = async (options: { [name: string]: unknown }, text: string) => (await hear({ format: 'csv', ...options }, text)).refused[0]?.reason;
  const columns = ['a', 'b'];
  assert.is(await reason({ columns }, '1'), '1 columns instead of 2');
  assert.is(await reason({ columns }, '1,2,3'), '3 columns instead of 2');
  assert.match(await reason({ columns }, '1,"2')!, /column 2 .* not closed/);
  assert.match(await reason({ columns }, '"1"x,2')!, /column 1 goes on/);
  assert.match(await reason({ columns }, ','.repeat(2_000))!, /more than 1024 columns/);
  assert.match(await reason({}, '1,2\n3,4')!, /1 is no name of a column/);
  assert.match(await reason({}, 'a,a')!, /two columns are called "a"/);
  assert.match(await reason({ number_columns: ['c'] }, 'a,b')!, /no column "c"/);
  const late = await hear({ format: 'csv' }, '1,2\na,b\n3,4\n');
  assert.equal([late.values, late.refused.length, late.wantsHeader], [[{ a: 3, b: 4 }], 1, false], 'a header that comes after half a line is found');
  assert.is((await hear({ format: 'csv' }, '')).wantsHeader, true);
});

test('text: the line as it is, or what the named groups of a pattern find', async () => {
  assert.equal((await hear({ format: 'text', comment: '#' }, '# a remark\n 20.5 \n')).values, [' 20.5 ']);
  const { values, refused } = await hear({ format: 'text', pattern: '^T=(?<t>[-\\d.]+)(?: H=(?<h>\\d+))?(?<rest>.*)$', text_columns: ['rest'] }, 'T=20.5 H=40 12\nT=3\nhello\n');
  assert.equal(values, [{ t: 20.5, h: 40, rest: ' 12' }, { t: 3 }]);
  assert.equal(refused.map((each) => [each.code, each.reason]), [['bad-encoding', 'the pattern does not match the line']]);
});

test('a pattern that takes for ever on some line is stopped, and rests', async () => {
  const { values, refused } = await hear({ format: 'text', pattern: '^(?<a>(x+)+)$' }, `xx\n${'x'.repeat(60)}!\nxx\n${'y'.repeat(5_000)}\n`);
  assert.equal(values, [{ a: 'xx' }]);
  assert.equal(refused.map(({ code }) => code), ['timeout', 'busy', 'too-large']);
  // Each takes for ever on its line in a way of its own; none may pass for a harmless one.
  const hostile: [string, string][] = [
    ['^(?<a>(?:x|x)+)$', 'x'.repeat(60) + '!'], ['^(?<a>(?:x*){20,})$', 'x'.repeat(60) + '!'], ['^(?<a>x*x*x*x*x*x*x*x*)y', 'x'.repeat(400)], ['(?<a>x+)+y', 'x'.repeat(60)], ['^(?<a>[(]+)+\\)$', '('.repeat(60)],
    [`^(?<a>${'(?:x|xx)'.repeat(40)})y`, 'x'.repeat(70)], ['(?<a>.*.*.*.*=.*)z', 'x='.repeat(300)],
  ];
  for (const [pattern, line] of hostile) assert.equal((await hear({ format: 'text', pattern }, `${line}\n`)).refused.map(({ code }) => code), ['timeout'], pattern);
});

test('settings that can never work are told', () => {
  const bad: [{ [name: string]: unknown }, RegExp][] = [
    [{ format: 'xml' }, /^format is "xml"; it can be "json", "csv", "text", "nmea"/], [{ format: 'csv', columns: [] }, /^columns/], [{ format: 'csv', columns: ['a', 'a'] }, /two columns are called "a"/],
    [{ format: 'csv', columns: ['', ''] }, /no column has a name/], [{ format: 'csv', separator: ',,' }, /^separator/], [{ format: 'csv', separator: '"' }, /^separator/], [{ format: 'csv', decimal: ',' }, /both be a comma/],
    [{ format: 'csv', columns: ['a'], number_columns: ['b'] }, /no column "b"/], [{ format: 'csv', text_columns: ['b'], number_columns: ['b'] }, /both in/], [{ format: 'csv', text_columns: 'b' }, /^text_columns/],
    [{ format: 'text', pattern: '(' }, /cannot be used/], [{ format: 'text', pattern: 'a(b)' }, /no named group/], [{ format: 'nmea', checksum: 'no' }, /^checksum/], [{ format: 'nmea', sentences: ['rmc'] }, /^sentences/],
    [{ format: 'nmea', join: 'yes' }, /^join/], [{ comment: 5 }, /^comment/],
  ];
  for (const [options, reason] of bad) assert.match(wrong(options), reason, JSON.stringify(options));
});

test.run();
