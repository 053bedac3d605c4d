// Segments found in any bytes: all that are whole, wherever they lie, none that is not, and no bytes that do harm.
import fc from 'fast-check';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { segmentsIn } from '../../src/carry/segment-scan.ts';
import { concat, hex } from '../../src/event/bytes.ts';
import { chainStart } from '../../src/event/chain.ts';
import { encodeEvent } from '../../src/event/event.ts';
import { runOf } from '../../src/event/run.ts';
import { eraseSegment, sealSegment, type Segment } from '../../src/event/segment.ts';
import { crypto, fixedRandom, openingIn, runs, seed, series, streamKey } from '../event/samples.ts';

const test = suite('segment scan');

function seal(stream: string, count: number): Segment {
  const opening = openingIn(stream);
  return sealSegment(crypto, fixedRandom('salt'), { seed, opening, streamKey: stream.startsWith('$') ? null : streamKey, first: 1, before: chainStart(crypto, opening), run: runOf(series(count).map(encodeEvent)), clock: { quality: 2, uptime: 5 } });
}
const samples = [seal('telemetry', 1), seal('telemetry', 400), seal('$fleet', 3), seal('a-stream-with-a-long-name', 40), eraseSegment(seal('telemetry', 7))];
const found = (bytes: Uint8Array, until = bytes.length): string[] => [...segmentsIn(crypto, bytes, until)].map(({ at, segment }) => `${at} ${hex(crypto.sha256(segment.bytes))}`);

test('whole segments between any bytes are found where they lie, and nothing else', () => {
  const noise = fc.oneof(fc.uint8Array({ maxLength: 300 }), fc.constantFrom(new Uint8Array(100).fill(0x83), Uint8Array.of(0x83, 0x59, 0xff, 0xff, 0x94), Uint8Array.of(0x83, 0x58, 0x30, 0x94), samples[1]!.bytes.slice(0, 500)));
  fc.assert(fc.property(fc.array(fc.tuple(noise, fc.nat(samples.length - 1)), { maxLength: 8 }), fc.uint8Array({ maxLength: 200 }), (parts, end) => {
    const pieces: Uint8Array[] = [], wanted: string[] = [];
    let at = 0;
    for (const [before, which] of parts) {
      const { bytes } = samples[which]!;
      wanted.push(`${at + before.length} ${hex(crypto.sha256(bytes))}`);
      pieces.push(before, bytes);
      at += before.length + bytes.length;
    }
    assert.equal(found(concat(...pieces, end)), wanted);
  }), runs(200));
});

test('a changed bit anywhere hides that segment alone', () => {
  const bytes = concat(samples[1]!.bytes, samples[2]!.bytes), length = samples[1]!.bytes.length, second = `${length} ${hex(crypto.sha256(samples[2]!.bytes))}`;
  fc.assert(fc.property(fc.nat(length - 1), fc.nat(7), (at, bit) => {
    const spoilt = bytes.slice();
    spoilt[at]! ^= 1 << bit;
    // What is signed is for the door to check: here a changed header or signature may still parse, a changed payload may not.
    const rest = found(spoilt);
    assert.is(rest.at(-1), second);
    if (at >= length - samples[1]!.payload!.length) assert.equal(rest, [second]);
  }), runs(300));
});

test('only what begins before the limit, though it may end behind it; no bytes do harm', () => {
  const two = concat(samples[0]!.bytes, samples[3]!.bytes), cut = samples[0]!.bytes.length;
  assert.is(found(two, cut).length, 1);
  assert.is(found(two, cut + 1).length, 2);
  assert.is(found(two.slice(0, -1)).length, 1);
  fc.assert(fc.property(fc.uint8Array({ maxLength: 2_000 }), (bytes) => { assert.equal(found(bytes), []); }), runs(300));
});

test.run();
