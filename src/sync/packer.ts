// Whether two nodes' deflate gives the same bytes for the same input: then columns of many small segments can travel packed together.

import type { Bytes, Crypto } from '../ports.ts';
import { concat } from '../event/bytes.ts';

/** The first 4 bytes of SHA-256 over the deflate of four inputs: short, repetitive, mixed, and longer than any of zlib's lookahead. They come from a fixed
 * linear congruential sequence (Numerical Recipes), so a second implementation can make them. */
export function packerOf(crypto: Crypto): Bytes {
  let x = 1;
  const next = (): number => {
    x = (Math.imul(x, 1664525) + 1013904223) >>> 0;
    return x >>> 24;
  };
  const input = (length: number, values: number, copies: number): Bytes => {
    const out = new Uint8Array(length);
    for (let i = 0; i < length; i++) out[i] = i > copies && next() < 160 ? out[i - 1 - (next() % copies)]! : next() % values;
    return out;
  };
  const inputs = [input(40, 256, 8), input(120, 16, 12), input(700, 64, 60), input(5000, 200, 300)];
  return crypto.sha256(concat(...inputs.map((one) => crypto.deflate(one)))).slice(0, 4);
}
