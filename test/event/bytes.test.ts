// Byte strings: order, encodings, CRC-32C against the vectors of its RFC.
import fc from 'fast-check';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { base64url, compare, concat, crc32c, equal, hex, text, unbase64url, unhex, utf8 } from '../../src/event/bytes.ts';
import { code, runs } from './samples.ts';

const test = suite('bytes');

test('order is that of Buffer.compare', () => {
  fc.assert(fc.property(fc.uint8Array(), fc.uint8Array(), (a, b) => {
    assert.is(Math.sign(compare(a, b)), Buffer.compare(a, b));
    assert.is(equal(a, b), compare(a, b) === 0);
    assert.ok(equal(concat(a, b), Buffer.concat([a, b])));
  }), runs(300));
});

test('hex and base64url go there and back, and agree with Node', () => {
  fc.assert(fc.property(fc.uint8Array(), (a) => {
    assert.is(hex(a), Buffer.from(a).toString('hex'));
    assert.equal(unhex(hex(a).toUpperCase()), a);
    assert.is(base64url(a), Buffer.from(a).toString('base64url'));
    assert.equal(unbase64url(base64url(a)), a);
  }), runs(300));
  for (const bad of ['a', 'xy', '0 ']) assert.is(code(() => unhex(bad)), 'bad-argument');
  for (const bad of ['A', 'AB', 'AA=', 'A+', 'AAB', '\u00e9A']) assert.is(code(() => unbase64url(bad)), 'bad-argument', bad);
});

test('text is strict UTF-8 and keeps a byte order mark', () => {
  assert.is(text(utf8('\ufeffé𝒳')), '\ufeffé𝒳');
  for (const bad of ['c080', 'eda080', 'f4908080', 'ff', 'c3']) assert.is(code(() => text(unhex(bad))), 'bad-encoding', bad);
});

test('CRC-32C of RFC 3720 B.4', () => {
  assert.is(crc32c(new Uint8Array(32)), 0x8a9136aa);
  assert.is(crc32c(new Uint8Array(32).fill(0xff)), 0x62a8ab43);
  assert.is(crc32c(Uint8Array.from({ length: 32 }, (_, i) => i)), 0x46dd794e);
  assert.is(crc32c(utf8('6789'), crc32c(utf8('12345'))), 0xe3069283);
});

test.run();
