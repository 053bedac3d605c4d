// Short ids of frontier items for one session: SipHash-2-4 under a key that only its two sides know, so that nobody can make two items collide.

import type { Bytes } from '../ports.ts';
import type { Item } from './host.ts';

/** 64 bits as two unsigned halves. */
export interface Id { lo: number; hi: number }

const MESSAGE = 97;

/**
 * SipHash-2-4 (Aumasson, Bernstein 2012) in 32-bit halves, without BigInt: 10,000 items are hashed in some 20 ms on a small machine.
 * One instance is one key of 16 bytes; the result object is used again by the next call.
 */
export class ItemHash {
  readonly #k: Int32Array;
  readonly #v = new Int32Array(8);
  readonly #message = new Uint8Array(MESSAGE);
  readonly #id: Id = { lo: 0, hi: 0 };

  constructor(key: Bytes) {
    this.#k = new Int32Array([word(key, 0), word(key, 4), word(key, 8), word(key, 12)]);
  }

  /** The id of an item; read it before the next call. */
  of(item: Item): Id {
    const m = this.#message;
    m[0] = item.kind;
    m.set(item.log, 1);
    eight(m, 17, item.kind === 0 ? item.to : item.from);
    eight(m, 25, item.to);
    if (item.before === null) m.fill(0, 33, 65);
    else m.set(item.before, 33);
    m.set(item.after, 65);
    return this.hash(m);
  }

  /** The id of a tip that need not exist as an item. `e`: 32 bytes. */
  ofTip(log: Bytes, position: number, e: Bytes): Id {
    const m = this.#message;
    m[0] = 0;
    m.set(log, 1);
    eight(m, 17, position);
    eight(m, 25, position);
    m.fill(0, 33, 65);
    m.set(e, 65);
    return this.hash(m);
  }

  /** SipHash-2-4 of any bytes. */
  hash(bytes: Bytes): Id {
    const v = this.#v, k = this.#k;
    // v0..v3 as (lo, hi) pairs.
    v[0] = k[0]! ^ 0x70736575; v[1] = k[1]! ^ 0x736f6d65;
    v[2] = k[2]! ^ 0x6e646f6d; v[3] = k[3]! ^ 0x646f7261;
    v[4] = k[0]! ^ 0x6e657261; v[5] = k[1]! ^ 0x6c796765;
    v[6] = k[2]! ^ 0x79746573; v[7] = k[3]! ^ 0x74656462;
    const whole = bytes.length & ~7;
    let at = 0;
    for (; at < whole; at += 8) absorb(v, word(bytes, at), word(bytes, at + 4));
    let lo = 0, hi = bytes.length << 24;
    for (let i = 0; at + i < bytes.length; i++) {
      if (i < 4) lo |= bytes[at + i]! << (8 * i);
      else hi |= bytes[at + i]! << (8 * (i - 4));
    }
    absorb(v, lo, hi);
    v[4]! ^= 0xff;
    round(v); round(v); round(v); round(v);
    const id = this.#id;
    id.lo = (v[0]! ^ v[2]! ^ v[4]! ^ v[6]!) >>> 0;
    id.hi = (v[1]! ^ v[3]! ^ v[5]! ^ v[7]!) >>> 0;
    return id;
  }
}

function absorb(v: Int32Array, lo: number, hi: number): void {
  v[6]! ^= lo; v[7]! ^= hi;
  round(v); round(v);
  v[0]! ^= lo; v[1]! ^= hi;
}

/** One SipRound on four 64-bit words kept as halves. */
function round(v: Int32Array): void {
  let a = v[0]!, A = v[1]!, b = v[2]!, B = v[3]!, c = v[4]!, C = v[5]!, d = v[6]!, D = v[7]!, t: number, s: number;
  s = (a >>> 0) + (b >>> 0); a = s | 0; A = (A + B + (s > 0xffff_ffff ? 1 : 0)) | 0;
  t = b; b = (b << 13) | (B >>> 19); B = (B << 13) | (t >>> 19); b ^= a; B ^= A;
  t = a; a = A; A = t;
  s = (c >>> 0) + (d >>> 0); c = s | 0; C = (C + D + (s > 0xffff_ffff ? 1 : 0)) | 0;
  t = d; d = (d << 16) | (D >>> 16); D = (D << 16) | (t >>> 16); d ^= c; D ^= C;
  s = (a >>> 0) + (d >>> 0); a = s | 0; A = (A + D + (s > 0xffff_ffff ? 1 : 0)) | 0;
  t = d; d = (d << 21) | (D >>> 11); D = (D << 21) | (t >>> 11); d ^= a; D ^= A;
  s = (c >>> 0) + (b >>> 0); c = s | 0; C = (C + B + (s > 0xffff_ffff ? 1 : 0)) | 0;
  t = b; b = (b << 17) | (B >>> 15); B = (B << 17) | (t >>> 15); b ^= c; B ^= C;
  t = c; c = C; C = t;
  v[0] = a; v[1] = A; v[2] = b; v[3] = B; v[4] = c; v[5] = C; v[6] = d; v[7] = D;
}

/** Four bytes, little-endian. */
export function word(bytes: Bytes, at: number): number {
  return bytes[at]! | (bytes[at + 1]! << 8) | (bytes[at + 2]! << 16) | (bytes[at + 3]! << 24);
}

/** Writes a 32-bit half, little-endian. */
export function putWord(bytes: Uint8Array, at: number, n: number): void {
  bytes[at] = n;
  bytes[at + 1] = n >>> 8;
  bytes[at + 2] = n >>> 16;
  bytes[at + 3] = n >>> 24;
}

function eight(bytes: Uint8Array, at: number, n: number): void {
  const high = Math.floor(n / 0x1_0000_0000);
  bytes[at] = high >>> 24; bytes[at + 1] = high >>> 16; bytes[at + 2] = high >>> 8; bytes[at + 3] = high;
  bytes[at + 4] = n >>> 24; bytes[at + 5] = n >>> 16; bytes[at + 6] = n >>> 8; bytes[at + 7] = n;
}

/** An id's first 6 bytes as a number, below 2^48: what ids are looked up by. */
export function shortOf(lo: number, hi: number): number {
  return lo + (hi & 0xffff) * 0x1_0000_0000;
}

/** The number of a short at `at`. */
export function readShort(bytes: Bytes, at: number): number {
  return (word(bytes, at) >>> 0) + (bytes[at + 4]! | (bytes[at + 5]! << 8)) * 0x1_0000_0000;
}

/** Writes the 6 bytes of a short. */
export function putShort(bytes: Uint8Array, at: number, short: number): void {
  putWord(bytes, at, short >>> 0);
  const high = Math.floor(short / 0x1_0000_0000);
  bytes[at + 4] = high;
  bytes[at + 5] = high >>> 8;
}

/** Shorts, 6 bytes each, in the order given. */
export function packShorts(shorts: readonly number[]): Bytes {
  const out = new Uint8Array(6 * shorts.length);
  shorts.forEach((short, i) => putShort(out, 6 * i, short));
  return out;
}

/** The shorts of `packShorts`. `bytes.length` is a multiple of 6. */
export function unpackShorts(bytes: Bytes): number[] {
  const out: number[] = [];
  for (let at = 0; at + 6 <= bytes.length; at += 6) out.push(readShort(bytes, at));
  return out;
}
