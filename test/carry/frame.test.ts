// Frames on a stream: any cutting of the stream gives the same frames, and no bytes make the decoder hold more than one.
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import fc from 'fast-check';
import { encodeFrame, frameDecoder } from '../../src/carry/frame.ts';
import { codeOf } from '../../src/fault.ts';
import { FRAME_BYTES } from '../../src/limits.ts';

const frames = suite('frames');

frames('come out as they went in, however the stream is cut', () => {
  const sizes = fc.oneof(fc.integer({ min: 1, max: 300 }), fc.constantFrom(127, 128, 16383, 16384, 70_000));
  fc.assert(fc.property(fc.array(sizes, { maxLength: 12 }), fc.array(fc.integer({ min: 1, max: 5000 }), { minLength: 1, maxLength: 20 }), (lengths, cuts) => {
    const sent = lengths.map((n, i) => new Uint8Array(n).fill(i + 1));
    const stream = Buffer.concat(sent.map(encodeFrame));
    const got: Uint8Array[] = [];
    const decoder = frameDecoder((frame) => got.push(new Uint8Array(frame)));
    for (let at = 0, i = 0; at < stream.length; i++) {
      const end = at + cuts[i % cuts.length]!;
      decoder.push(stream.subarray(at, end));
      at = end;
    }
    assert.is(got.length, sent.length);
    got.forEach((frame, i) => assert.ok(Buffer.from(frame).equals(Buffer.from(sent[i]!))));
  }));
});

frames('the largest passes, a larger one is refused on both sides', () => {
  const largest = new Uint8Array(FRAME_BYTES).fill(7);
  let got = 0;
  frameDecoder((frame) => { got = frame.length; }).push(encodeFrame(largest));
  assert.is(got, FRAME_BYTES);
  assert.throws(() => encodeFrame(new Uint8Array(FRAME_BYTES + 1)), (e: unknown) => codeOf(e) === 'too-large');
  assert.throws(() => encodeFrame(new Uint8Array(0)), (e: unknown) => codeOf(e) === 'bad-argument');
});

frames('lengths that are empty, too long, padded or endless are refused, once and for all', () => {
  for (const bytes of [[0], [0x80, 0], [0x85, 0x80, 0], [0xff, 0xff, 0xff], [0x81, 0x80, 0x10], [0x80, 0x80, 0x80]]) {
    const decoder = frameDecoder(() => assert.unreachable());
    assert.throws(() => decoder.push(new Uint8Array(bytes)), (e: unknown) => codeOf(e) === 'bad-message');
    assert.throws(() => decoder.push(new Uint8Array([1, 1])), (e: unknown) => codeOf(e) === 'bad-message');
  }
});

frames('any bytes give frames or a Fault', () => {
  fc.assert(fc.property(fc.array(fc.uint8Array({ maxLength: 400 }), { maxLength: 20 }), (chunks) => {
    const decoder = frameDecoder((frame) => assert.ok(frame.length > 0 && frame.length <= FRAME_BYTES));
    try {
      for (const chunk of chunks) decoder.push(chunk);
    } catch (error) {
      assert.is(codeOf(error), 'bad-message');
    }
  }));
});

frames.run();
