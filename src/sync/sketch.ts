// A guess at how much two sets differ, from 128 bytes: parity bits of ever sparser samples (after Eppstein et al.: What's the Difference?, 2011).

import type { Bytes } from '../ports.ts';
import { SKETCH_BYTES } from './bounds.ts';

const STRATA = 4, BITS = 256;

/** The sketch of a set of ids: stratum s samples the ids whose top 3 × s bits are zero, and flips bit (low byte) of its 256 for each. */
export function sketch(lo: Uint32Array, hi: Uint32Array): Bytes {
  const out = new Uint8Array(SKETCH_BYTES);
  for (let i = 0; i < lo.length; i++) {
    const bit = lo[i]! & 0xff, h = hi[i]!;
    for (let s = 0; s < STRATA; s++) {
      if (s > 0 && h >>> (32 - 3 * s) !== 0) break;
      out[32 * s + (bit >> 3)]! ^= 1 << (bit & 7);
    }
  }
  return out;
}

/** How many ids differ, about (within a third, mostly), from the sketches of two sets; at least 1. Only a guess: no answer of a session depends on it. */
export function guess(a: Bytes, b: Bytes): number {
  let best = 1;
  for (let s = 0; s < STRATA; s++) {
    let ones = 0;
    for (let i = 32 * s; i < 32 * s + 32; i++) {
      let bits = a[i]! ^ b[i]!;
      for (; bits !== 0; bits &= bits - 1) ones++;
    }
    // Each id flips one bit: of E set bits among 256 that makes E + 1 - 2E/256. Near half of all that tells nothing, and a sparser sample does.
    if (ones > 96 && s < STRATA - 1) continue;
    let ids = 0;
    for (let expected = 0; expected < Math.min(ones, 124); ids++) expected += 1 - (2 * expected) / BITS;
    best = ids * 8 ** s;
    break;
  }
  return Math.max(1, best);
}
