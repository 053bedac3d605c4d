// Rateless set reconciliation (Yang, Gilad, Alizadeh: Practical Rateless Set Reconciliation, SIGCOMM 2024): coded symbols of a set of 64-bit
// ids, an endless stream of which about 1.4 for each differing id suffice to find the difference of two sets.

import { Fault } from '../fault.ts';
import type { Bytes } from '../ports.ts';
import { putWord, word } from './itemid.ts';

/** Bytes of a coded symbol: the exclusive or of the ids mapped to it (8), and of their checks (4). */
export const SYMBOL_BYTES = 12;

/** Coded symbols in columns. */
export interface Symbols { lo: Uint32Array; hi: Uint32Array; check: Uint32Array; count: number }

/** The finalizer of MurmurHash3 (Appleby, public domain): every bit of the input reaches every bit of the output. */
function mix(h: number): number {
  h = Math.imul(h ^ (h >>> 16), 0x85ebca6b);
  h = Math.imul(h ^ (h >>> 13), 0xc2b2ae35);
  return (h ^ (h >>> 16)) >>> 0;
}

/** The check of an id, 32 bits. Exclusive or of two ids does not give that of their checks. */
function checkOf(lo: number, hi: number): number {
  return mix(lo ^ mix(hi ^ 0x9e3779b9));
}

/**
 * The mapping: an id is in symbol 0; from symbol i its next one is i + ceil((i + 1.5) * (2^16 / sqrt(r + 1) - 1)) (at least 1), where r is the next
 * 32 random bits of the id. So it is in symbol i with probability 1 / (1 + i/2). All operations are exactly rounded, so both sides agree.
 */
function gap(i: number, r: number): number {
  const g = Math.ceil((i + 1.5) * (65536 / Math.sqrt(r + 1) - 1));
  return g < 1 ? 1 : g;
}

/** Random bits number n of an id start from this and go on by `after`. */
function start(lo: number, hi: number): number {
  return mix(hi ^ mix(lo ^ 0x7f4a7c15));
}
function after(state: number): number {
  return mix((state + 0x9e3779b9) | 0);
}

const END = 0xffff_ffff;

/** A set of ids that becomes coded symbols, more and more of them. Costs 8 bytes an id besides the ids themselves. */
export class Coder {
  readonly #lo: Uint32Array;
  readonly #hi: Uint32Array;
  readonly #state: Uint32Array;
  readonly #next: Uint32Array;
  #symbols: Symbols = { lo: new Uint32Array(0), hi: new Uint32Array(0), check: new Uint32Array(0), count: 0 };

  /** Keeps both columns and does not change them. */
  constructor(lo: Uint32Array, hi: Uint32Array) {
    this.#lo = lo;
    this.#hi = hi;
    this.#state = new Uint32Array(lo.length);
    this.#next = new Uint32Array(lo.length);
    for (let i = 0; i < lo.length; i++) this.#state[i] = start(lo[i]!, hi[i]!);
  }

  /** All symbols up to number `count`; O(ids + symbols × log) for what is new. */
  upTo(count: number): Symbols {
    const had = this.#symbols.count;
    if (count <= had) return this.#symbols;
    const s = grown(this.#symbols, count);
    const lo = this.#lo, hi = this.#hi, next = this.#next, state = this.#state;
    for (let i = 0; i < lo.length; i++) {
      let at = next[i]!;
      if (at >= count) continue;
      const a = lo[i]!, b = hi[i]!, c = checkOf(a, b);
      let r = state[i]!;
      while (at < count) {
        s.lo[at]! ^= a;
        s.hi[at]! ^= b;
        s.check[at]! ^= c;
        r = after(r);
        const to = at + gap(at, r);
        at = to < END ? to : END;
      }
      next[i] = at;
      state[i] = r;
    }
    return (this.#symbols = s);
  }
}

function grown(s: Symbols, count: number): Symbols {
  const grow = (a: Uint32Array): Uint32Array => {
    const out = new Uint32Array(count);
    out.set(a.subarray(0, s.count));
    return out;
  };
  return { lo: grow(s.lo), hi: grow(s.hi), check: grow(s.check), count };
}

/** Symbols `from` to `to` as bytes. */
export function packSymbols(s: Symbols, from: number, to: number): Bytes {
  const out = new Uint8Array(SYMBOL_BYTES * (to - from));
  for (let i = from, at = 0; i < to; i++, at += SYMBOL_BYTES) {
    putWord(out, at, s.lo[i]!);
    putWord(out, at + 4, s.hi[i]!);
    putWord(out, at + 8, s.check[i]!);
  }
  return out;
}

/** Ids of a difference, in columns. */
export interface Ids { lo: number[]; hi: number[] }

/**
 * Finds the difference between an own set and that of the peer from the peer's symbols. `done` once all symbols so far are explained.
 * Total: a peer that invents symbols gets a wrong answer or a Fault `bad-message`, in time proportional to its symbols × log.
 */
export class Decoder {
  readonly #own: Coder;
  #left: Symbols = { lo: new Uint32Array(0), hi: new Uint32Array(0), check: new Uint32Array(0), count: 0 };
  // Ids found, with the mapping of each continued up to the symbols so far.
  readonly #lo: number[] = [];
  readonly #hi: number[] = [];
  readonly #state: number[] = [];
  readonly #next: number[] = [];
  readonly #seen = new Set<string>();

  constructor(own: Coder) {
    this.#own = own;
  }

  /** Symbols received so far. */
  get count(): number {
    return this.#left.count;
  }

  /** The ids on either side only, as found so far; which side an id is on, its owner knows. */
  get found(): Ids {
    return { lo: this.#lo, hi: this.#hi };
  }

  /** Takes more symbols (12 bytes each) that follow those before; true when the difference is known. */
  add(bytes: Bytes): boolean {
    const had = this.#left.count, count = had + Math.floor(bytes.length / SYMBOL_BYTES);
    const s = (this.#left = grown(this.#left, count));
    const own = this.#own.upTo(count);
    for (let i = had, at = 0; i < count; i++, at += SYMBOL_BYTES) {
      s.lo[i] = word(bytes, at) ^ own.lo[i]!;
      s.hi[i] = word(bytes, at + 4) ^ own.hi[i]!;
      s.check[i] = word(bytes, at + 8) ^ own.check[i]!;
    }
    const queue: number[] = [];
    for (let k = 0; k < this.#lo.length; k++) this.#spread(k, queue);
    for (let i = had; i < count; i++) queue.push(i);
    while (queue.length > 0) this.#peel(queue.pop()!, queue);
    // Every id is in symbol 0, so that one is empty only when all are found; a chance of 2^-96 apart.
    return count > 0 && s.lo[0] === 0 && s.hi[0] === 0 && s.check[0] === 0 && this.#empty();
  }

  #empty(): boolean {
    const s = this.#left;
    for (let i = 0; i < s.count; i++) if (s.lo[i] !== 0 || s.hi[i] !== 0 || s.check[i] !== 0) return false;
    return true;
  }

  /** Takes the one id out of symbol `i`, if it holds just one, and lists the other symbols that it was in. */
  #peel(i: number, queue: number[]): void {
    const s = this.#left;
    const lo = s.lo[i]!, hi = s.hi[i]!, check = s.check[i]!;
    if ((lo === 0 && hi === 0 && check === 0) || checkOf(lo, hi) !== check) return;
    const name = `${lo} ${hi}`;
    if (this.#seen.has(name) || this.#lo.length >= s.count) throw new Fault('bad-message', 'The symbols of a comparison contradict each other.');
    this.#seen.add(name);
    this.#lo.push(lo);
    this.#hi.push(hi);
    this.#state.push(start(lo, hi));
    this.#next.push(0);
    this.#spread(this.#lo.length - 1, queue);
  }

  /** Takes id number `k` out of all symbols that it is in and was not yet taken out of. */
  #spread(k: number, queue: number[]): void {
    const s = this.#left;
    const lo = this.#lo[k]!, hi = this.#hi[k]!, check = checkOf(lo, hi);
    let at = this.#next[k]!, r = this.#state[k]!;
    while (at < s.count) {
      s.lo[at]! ^= lo;
      s.hi[at]! ^= hi;
      s.check[at]! ^= check;
      queue.push(at);
      r = after(r);
      const to = at + gap(at, r);
      at = to < END ? to : END;
    }
    this.#next[k] = at;
    this.#state[k] = r;
  }
}
