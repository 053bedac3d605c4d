// Frames on a line: stuffing, checksum and tag in one, and what garbage around and inside them does.
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import fc from 'fast-check';
import { concat, hex, unhex } from '../../src/event/bytes.ts';
import { stuff, unstuff } from '../../src/carry/cobs.ts';
import { encodeLineFrame, lineDecoder, LINE_FRAME_BYTES } from '../../src/carry/serial-frame.ts';

const test = suite('serial frames');

const upTo = (from: number, to: number) => Uint8Array.from({ length: to - from + 1 }, (_, i) => from + i);
const bytes = fc.oneof(fc.uint8Array({ maxLength: 700 }), fc.array(fc.constantFrom(0, 0, 1, 255), { maxLength: 700 }).map((list) => Uint8Array.from(list)), fc.integer({ min: 250, max: 260 }).map((n) => new Uint8Array(n).fill(7)));

test('stuffing: known vectors', () => {
  const rows: [string, string][] = [
    ['', '01'], ['00', '0101'], ['0000', '010101'], ['001100', '01021101'], ['11220033', '0311220233'], ['11223344', '0511223344'], ['11000000', '0211010101'],
    [hex(upTo(1, 254)), `ff${hex(upTo(1, 254))}`], [`00${hex(upTo(1, 254))}`, `01ff${hex(upTo(1, 254))}`], [hex(upTo(1, 255)), `ff${hex(upTo(1, 254))}02ff`],
    [`${hex(upTo(2, 255))}00`, `ff${hex(upTo(2, 255))}0101`], [`${hex(upTo(3, 255))}0001`, `fe${hex(upTo(3, 255))}0201`],
  ];
  for (const [plain, stuffed] of rows) {
    assert.is(hex(stuff(unhex(plain))), stuffed);
    assert.is(hex(unstuff(unhex(stuffed))!), plain);
  }
});

test('stuffing: what comes back is what went in, without a zero, at a byte for each 254', () => {
  fc.assert(fc.property(bytes, fc.integer({ min: 0, max: 3 }), (plain, after) => {
    const stuffed = stuff(plain, after), body = stuffed.subarray(0, stuffed.length - after);
    assert.ok(!body.includes(0));
    assert.ok(stuffed.subarray(body.length).every((byte) => byte === 0));
    assert.ok(body.length <= plain.length + 1 + Math.floor(plain.length / 254));
    assert.equal(unstuff(body), plain);
  }), { numRuns: 500 });
  fc.assert(fc.property(bytes, (any) => {
    const plain = unstuff(any);
    assert.ok(plain === undefined || plain.length < any.length);
  }), { numRuns: 500 });
});

interface Got { datagram: Uint8Array; over: boolean; bytes: number }

function decoded(pieces: Uint8Array[]): { got: Got[]; noise: number } {
  const got: Got[] = [];
  const decoder = lineDecoder((datagram, over, taken) => got.push({ datagram, over, bytes: taken }));
  for (const piece of pieces) decoder.push(piece);
  return { got, noise: decoder.noise };
}

const datagram = fc.tuple(fc.uint8Array({ minLength: 4, maxLength: 4 }), fc.uint8Array({ maxLength: 600 })).map(([tag, body]) => {
  // Bits 2 and 3 of the tag are not the datagram's.
  tag[3]! &= ~12;
  return concat(tag, body);
});

test('datagrams come out of a stream in any pieces, with whose turn it is', () => {
  fc.assert(fc.property(fc.array(fc.tuple(datagram, fc.boolean(), fc.boolean()), { maxLength: 12 }), fc.array(fc.integer({ min: 1, max: 90 }), { minLength: 1, maxLength: 5 }), (all, cuts) => {
    const wire = concat(...all.map(([each, over, first]) => encodeLineFrame(each, over, first))), pieces: Uint8Array[] = [];
    for (let at = 0, i = 0; at < wire.length; at += cuts[i++ % cuts.length]!) pieces.push(wire.subarray(at, at + cuts[i % cuts.length]!));
    const { got, noise } = decoded([wire]);
    assert.equal(got.map((one) => [hex(one.datagram), one.over]), all.map(([each, over]) => [hex(each), over]));
    assert.is(noise, 0);
    // A frame with a body of n bytes costs the stuffing, 4 of the checksum that is the tag too, and a zero.
    all.forEach(([each], i) => assert.ok(got[i]!.bytes <= each.length + 2 + Math.floor(each.length / 254)));
    const cut = decoded(Array.from({ length: wire.length }, (_, i) => wire.subarray(i, i + 1)));
    assert.equal(cut.got.map((one) => hex(one.datagram)), all.map(([each]) => hex(each)));
  }), { numRuns: 100 });
});

test('any damage changes the tag: a frame that was hit is nobody\'s', () => {
  fc.assert(fc.property(datagram, fc.array(fc.tuple(fc.nat(), fc.integer({ min: 1, max: 255 })), { minLength: 1, maxLength: 4 }), (each, hits) => {
    const wire = encodeLineFrame(each, false, false), hurt = wire.slice();
    for (const [at, bits] of hits) hurt[at % (hurt.length - 1)]! ^= bits;
    if (hex(hurt) === hex(wire)) return;
    for (const one of decoded([hurt]).got) {
      // The two bits that give the turn away, and nothing else, may be hit together.
      const changed = hurt.map((byte, i) => byte ^ wire[i]!).filter((bits) => bits !== 0);
      if (one.over && changed.length === 1 && changed[0] === 12) continue;
      assert.not.equal(hex(one.datagram.subarray(0, 4)), hex(each.subarray(0, 4)));
    }
  }), { numRuns: 1_000 });
});

test('chatter and half frames spoil nothing that comes after a zero', () => {
  const each = concat(Uint8Array.of(1, 2, 3, 1), upTo(0, 99)), frame = encodeLineFrame(each, false, true);
  const chatter = new TextEncoder().encode('\r\nU-Boot 2026.01 (Jan 05 2026)\r\nDRAM:  1 GiB\r\nlogin: ');
  const { got, noise } = decoded([chatter, frame.subarray(0, 40), frame, frame.subarray(0, 70), chatter, frame]);
  assert.is(got.filter((one) => hex(one.datagram) === hex(each)).length, 2);
  assert.ok(noise > 50);
});

test('a line without zeros is thrown away as it comes, however long', () => {
  let calls = 0;
  const decoder = lineDecoder(() => { calls++; });
  for (let i = 0; i < 300; i++) decoder.push(new Uint8Array(1_000).fill(0x55));
  assert.ok(decoder.noise > 300_000 - 2 * LINE_FRAME_BYTES);
  assert.is(calls, 0);
  decoder.push(encodeLineFrame(Uint8Array.of(1, 1, 1, 1, 5), false, true));
  assert.is(calls, 1);
});

test.run();
