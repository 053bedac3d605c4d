// A fingerprint of what is held of each stream, kept up to date item by item: equal ones hold the same, so that a node can show in a few bytes how it stands.
import type { Crypto } from '../ports.ts';
import type { Item } from './item.ts';
import { itemBytes } from './item.ts';

/** Of one stream: how many items its frontier has, and the sum of their hashes (mod 2^32 in each of four lanes). */
export interface Fingerprint { items: number; sum: Uint32Array }

/**
 * The fingerprints of all streams (after AdHash: Bellare and Micciancio 1997, with too few bits to withstand a member who wants to deceive: such a one could as well be silent).
 * It is for choosing whom to compare with; only a session's comparison decides.
 */
export class Fingerprints {
  readonly #crypto: Crypto;
  readonly #streams = new Map<string, Fingerprint>();

  constructor(crypto: Crypto, items: Iterable<Item>) {
    this.#crypto = crypto;
    for (const item of items) this.#count(item, 1);
  }

  /** Follows a change of the frontier. */
  apply(change: { removed: Item[]; added: Item[] }): void {
    for (const item of change.removed) this.#count(item, -1);
    for (const item of change.added) this.#count(item, 1);
  }

  /** The streams of which something is held, in no order. */
  all(): ReadonlyMap<string, Fingerprint> { return this.#streams; }

  #count(item: Item, sign: 1 | -1): void {
    let one = this.#streams.get(item.stream);
    if (!one) this.#streams.set(item.stream, one = { items: 0, sum: new Uint32Array(4) });
    const hash = this.#crypto.sha256(itemBytes(item)), view = new DataView(hash.buffer, hash.byteOffset);
    one.items += sign;
    for (let lane = 0; lane < 4; lane++) one.sum[lane]! += sign * view.getUint32(lane * 4);
    if (one.items === 0) this.#streams.delete(item.stream);
  }
}
