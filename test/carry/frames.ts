// Frames for tests of links: each can be told from the others, and what came is compared with what was sent.

import * as assert from 'uvu/assert';
import fc from 'fast-check';
import type { Bytes } from '../../src/ports.ts';

/** A frame that can be told from others. */
export function frameOf(number: number, length: number): Bytes {
  const frame = new Uint8Array(Math.max(1, length));
  for (let i = 0; i < frame.length; i++) frame[i] = (number * 131 + i * 7 + (i >> 8)) & 0xff;
  return frame;
}

/** Frames of these sizes. */
export const framesOf = (lengths: number[], salt = 0): Bytes[] => lengths.map((length, i) => frameOf(i + salt, length));

/** Sizes of frames: mostly small ones, now and then one of several windows. */
export const sizes = fc.array(fc.oneof(
  { weight: 4, arbitrary: fc.integer({ min: 1, max: 60 }) }, { weight: 3, arbitrary: fc.integer({ min: 61, max: 3_000 }) }, { weight: 1, arbitrary: fc.constantFrom(20_000, 70_000) },
), { maxLength: 40 });

/** Asserts that these frames came, whole and in order. */
export function same(got: Bytes[], sent: Bytes[], what = ''): void {
  assert.is(got.length, sent.length, what);
  for (let i = 0; i < sent.length; i++) assert.is(Buffer.compare(got[i]!, sent[i]!), 0, `frame ${i} ${what}`);
}
