// Reading columns byte by byte from input that nobody vouches for, and the variable-length integers that they are made of.
import { Fault } from '../fault.ts';
import type { Bytes } from '../ports.ts';
import type { Writer } from './writer.ts';

/** A varint has at most this many bytes: 56 bits, of which 53 are used. */
export const VARINT_BYTES = 8;

/** A place in columns that are being read; every method throws Fault `bad-encoding` when what it is to read is not there. */
export class Source {
  readonly bytes: Bytes;
  at: number;

  constructor(bytes: Bytes, at = 0) {
    this.bytes = bytes;
    this.at = at;
  }

  /** Refuses the input here. */
  fail(what: string): never {
    throw new Fault('bad-encoding', `Columns: ${what} (at byte ${this.at}).`);
  }

  byte(): number {
    if (this.at >= this.bytes.length) this.fail('the input ends early');
    return this.bytes[this.at++]!;
  }

  /** Passes over `n` bytes and returns where they start. */
  take(n: number): number {
    const at = this.at;
    if (n > this.bytes.length - at) this.fail('the input ends early');
    this.at = at + n;
    return at;
  }

  /** An integer from 0 to `most`: seven bits a byte, the lowest first, the top bit set on all but the last. */
  varint(most: number): number {
    let n = 0, place = 1;
    for (let i = 0; i < VARINT_BYTES; i++) {
      const b = this.byte();
      n += (b & 127) * place;
      if (b < 128) {
        if (n > most) this.fail(`a number above ${most}`);
        return n;
      }
      place *= 128;
    }
    return this.fail('a number that is too long');
  }

  /** An integer either side of zero. */
  signed(): number {
    return unzigzag(this.varint(Number.MAX_SAFE_INTEGER));
  }
}

/** 0, -1, 1, -2, … as 0, 1, 2, 3, …; exact within 2^52 of zero. */
export function zigzag(n: number): number {
  return n >= 0 ? 2 * n : -2 * n - 1;
}

/** The inverse of `zigzag`. */
export function unzigzag(z: number): number {
  if (z < 0x4000_0000) return (z >>> 1) ^ -(z & 1);
  return z % 2 === 0 ? z / 2 : -(z + 1) / 2;
}

/** Writes an integer from 0 to 2^53 - 1 as `Source.varint` reads it. */
export function putVarint(w: Writer, n: number): void {
  w.need(VARINT_BYTES);
  while (n > 127) {
    const low = n % 128;
    w.buffer[w.at++] = low | 128;
    n = (n - low) / 128;
  }
  w.buffer[w.at++] = n;
}

/**
 * Writes the first `n` of `values` (integers from 0 to 2^53 - 1) as varints whose first bytes stand together, then their second bytes, and so on: bytes
 * of one significance are alike, and deflate sees them side by side. Overwrites `values`.
 */
export function putPlanes(w: Writer, values: Float64Array, n: number): void {
  while (n > 0) {
    w.need(n);
    const buffer = w.buffer;
    let at = w.at, more = 0;
    for (let i = 0; i < n; i++) {
      const v = values[i]!;
      if (v < 128) buffer[at++] = v;
      else if (v < 0x8000_0000) {
        buffer[at++] = (v & 127) | 128;
        values[more++] = v >>> 7;
      } else {
        const low = v % 128;
        buffer[at++] = low | 128;
        values[more++] = (v - low) / 128;
      }
    }
    w.at = at;
    n = more;
  }
}

/** Reads what `putPlanes` wrote into the first `n` of `out`; `rest` is scratch of at least `n`. Fault `bad-encoding`. */
export function getPlanes(source: Source, n: number, out: Float64Array, rest: Int32Array): void {
  const bytes = source.bytes;
  let at = source.take(n), left = 0;
  for (let i = 0; i < n; i++) {
    const b = bytes[at + i]!;
    out[i] = b & 127;
    if (b > 127) rest[left++] = i;
  }
  for (let plane = 1, place = 128; left > 0; plane++, place *= 128) {
    if (plane === VARINT_BYTES) source.fail('a number that is too long');
    at = source.take(left);
    let more = 0;
    for (let i = 0; i < left; i++) {
      const b = bytes[at + i]!, k = rest[i]!;
      const v = out[k]! + (b & 127) * place;
      if (v > Number.MAX_SAFE_INTEGER) source.fail('a number above 2^53 - 1');
      out[k] = v;
      if (b > 127) rest[more++] = k;
    }
    left = more;
  }
}
