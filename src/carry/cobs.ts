// Consistent overhead byte stuffing (Cheshire and Baker 1999): bytes without a zero, so that a zero can stand between frames on a line.

import type { Bytes } from '../ports.ts';

/** Bytes of a run at most; a run of this length has no zero after it. */
const RUN = 254;

/** The same bytes without a zero: one byte more, and another one for each 254. Ends with room for `after` more bytes, which are zero. */
export function stuff(bytes: Bytes, after = 0): Bytes {
  const out = new Uint8Array(bytes.length + Math.floor(bytes.length / RUN) + 1 + after);
  let code = 0, at = 1;
  for (let i = 0; i < bytes.length; i++) {
    const byte = bytes[i]!;
    if (byte !== 0) out[at++] = byte;
    if (byte === 0 || at - code === RUN + 1) {
      out[code] = at - code;
      code = at++;
    }
  }
  out[code] = at - code;
  // A full run at the very end needs no empty one after it.
  if (at - code === 1 && bytes.length > 0 && bytes[bytes.length - 1] !== 0) return out.subarray(0, code + after).fill(0, code);
  return out.subarray(0, at + after);
}

/** What was stuffed; undefined for bytes that no stuffing makes. */
export function unstuff(bytes: Bytes): Bytes | undefined {
  if (bytes.length === 0) return undefined;
  const out = new Uint8Array(bytes.length - 1);
  let at = 0, i = 0;
  while (i < bytes.length) {
    const code = bytes[i++]!, stop = i + code - 1;
    if (code === 0 || stop > bytes.length) return undefined;
    while (i < stop) {
      if (bytes[i] === 0) return undefined;
      out[at++] = bytes[i++]!;
    }
    if (code <= RUN && i < bytes.length) out[at++] = 0;
  }
  return out.subarray(0, at);
}
