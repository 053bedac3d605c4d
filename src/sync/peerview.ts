// What a session knows of its peer: the keys it can read, how far it holds each log, which of our items it lacks. Bounded; forgetting costs bytes, never rightness.

import type { Bytes } from '../ports.ts';
import { hex } from '../event/bytes.ts';
import { REMEMBERED } from './bounds.ts';

/** The last place of a log that the peer is known to hold; `e` is empty when it is not known here. */
export interface Held { to: number; e: Bytes }

/** Knowledge about the peer, gathered from what it said, sent, and was sent. */
export class PeerView {
  readonly #held = new Map<string, Held>();
  #keys = new Set<string>();
  /** True when the peer's deflate gives the same bytes as ours. */
  packsAlike = false;

  /** Takes the hashes of keys from its HELLO, 8 bytes each. */
  setKeys(keys: Bytes): void {
    this.#keys = new Set();
    for (let at = 0; at < keys.length; at += 8) this.#keys.add(hex(keys.subarray(at, at + 8)));
  }

  /** True when the peer said that it holds this key; null: none is needed. */
  reads(keyHash: Bytes | null): boolean {
    return keyHash === null || this.#keys.has(hex(keyHash.subarray(0, 8)));
  }

  /** Remembers that the peer holds a log up to here. */
  holds(log: Bytes, to: number, e: Bytes): void {
    const key = hex(log);
    const had = this.#held.get(key);
    if (had && had.to > to) return;
    if (!had && this.#held.size >= REMEMBERED) this.#held.clear();
    this.#held.set(key, { to, e });
  }

  /** How far the peer is known to hold a log. */
  heldOf(log: Bytes): Held | undefined {
    return this.#held.get(hex(log));
  }
}

/** Our items of one set, by short, that a comparison found the peer to lack, or that were only announced. Beyond what is remembered all count as lacked. */
export class Lacks {
  readonly #shorts = new Set<number>();

  add(shorts: Iterable<number>): void {
    for (const short of shorts) if (this.#shorts.size < REMEMBERED) this.#shorts.add(short);
  }

  has(short: number): boolean {
    return this.#shorts.size >= REMEMBERED || this.#shorts.has(short);
  }

  /** The item is gone, or on its way. */
  remove(short: number): void {
    this.#shorts.delete(short);
  }

  /** Both sides hold the same: nothing is lacked. */
  clear(): void {
    this.#shorts.clear();
  }
}
