// One side's items of one set, by id: grows and shrinks with the frontier, knows its root, and is frozen for comparisons.

import type { Bytes } from '../ports.ts';
import { hex } from '../event/bytes.ts';
import type { Item } from './host.ts';
import type { ItemHash } from './itemid.ts';
import { putWord, shortOf } from './itemid.ts';

/** An item with its id. */
export interface Known { item: Item; lo: number; hi: number; short: number }

/** The items of a moment, ids in columns. Later changes of the set do not touch it. */
export interface Snapshot { count: number; root: Bytes; lo: Uint32Array; hi: Uint32Array; items: Known[]; find(short: number): Known | undefined }

/** A set of items. Adding what is there, or removing what is not, does nothing. */
export class ItemSet {
  readonly #hash: ItemHash;
  // By short; two items that share one (1 in 10^14 pairs) stand in one list.
  readonly #byShort = new Map<number, Known | Known[]>();
  // Tips of one stream and node, which a want tells the supplier.
  readonly #tips = new Map<string, Known[]>();
  #count = 0;
  #sumLo = 0;
  #sumHi = 0;
  #xorLo = 0;
  #xorHi = 0;

  constructor(hash: ItemHash) {
    this.#hash = hash;
  }

  get count(): number {
    return this.#count;
  }

  /** 16 bytes: the sum of all ids and their exclusive or. Both sides know the ids' key and nobody else does, so chance alone makes different sets agree. */
  root(): Bytes {
    const out = new Uint8Array(16);
    putWord(out, 0, this.#sumLo);
    putWord(out, 4, this.#sumHi);
    putWord(out, 8, this.#xorLo);
    putWord(out, 12, this.#xorHi);
    return out;
  }

  /** Adds an item; the entry, whether new or not. */
  add(item: Item): Known {
    const { lo, hi } = this.#hash.of(item);
    const short = shortOf(lo, hi);
    const there = this.#byShort.get(short);
    const known: Known = { item, lo, hi, short };
    if (there === undefined) this.#byShort.set(short, known);
    else if (Array.isArray(there)) {
      const same = there.find((k) => k.hi === hi);
      if (same) return same;
      there.push(known);
    } else if (there.hi === hi) return there;
    else this.#byShort.set(short, [there, known]);
    this.#count++;
    this.#turn(lo, hi, 1);
    if (item.kind === 0) {
      const key = authorOf(item), tips = this.#tips.get(key);
      if (tips) tips.push(known);
      else this.#tips.set(key, [known]);
    }
    return known;
  }

  /** Removes an item; its entry, or undefined when it was not there. */
  remove(item: Item): Known | undefined {
    const { lo, hi } = this.#hash.of(item);
    const short = shortOf(lo, hi);
    const there = this.#byShort.get(short);
    let gone: Known | undefined;
    if (Array.isArray(there)) {
      const i = there.findIndex((k) => k.hi === hi);
      if (i >= 0) gone = there.splice(i, 1)[0];
      if (there.length === 1) this.#byShort.set(short, there[0]!);
    } else if (there?.hi === hi) {
      gone = there;
      this.#byShort.delete(short);
    }
    if (!gone) return undefined;
    this.#count--;
    this.#turn(lo, hi, -1);
    const tips = this.#tips.get(authorOf(item)), i = tips ? tips.indexOf(gone) : -1;
    if (i >= 0) tips!.splice(i, 1);
    if (tips?.length === 0) this.#tips.delete(authorOf(item));
    return gone;
  }

  /** The item of a short; undefined when there is none, or more than one. */
  find(short: number): Known | undefined {
    const there = this.#byShort.get(short);
    return Array.isArray(there) ? undefined : there;
  }

  /** Our tips of the stream and node of this item. */
  tipsBeside(item: Item): readonly Known[] {
    return this.#tips.get(authorOf(item)) ?? [];
  }

  /** All items, in no order. */
  *all(): Generator<Known> {
    for (const there of this.#byShort.values()) {
      if (Array.isArray(there)) yield* there;
      else yield there;
    }
  }

  /** A frozen copy. */
  snapshot(): Snapshot {
    const lo = new Uint32Array(this.#count), hi = new Uint32Array(this.#count);
    const items: Known[] = [];
    for (const known of this.all()) {
      lo[items.length] = known.lo;
      hi[items.length] = known.hi;
      items.push(known);
    }
    let index: Map<number, Known | undefined> | undefined;
    const find = (short: number): Known | undefined => {
      if (!index) {
        index = new Map();
        for (const known of items) index.set(known.short, index.has(known.short) ? undefined : known);
      }
      return index.get(short);
    };
    return { count: items.length, root: this.root(), lo, hi, items, find };
  }

  #turn(lo: number, hi: number, sign: 1 | -1): void {
    this.#xorLo = (this.#xorLo ^ lo) >>> 0;
    this.#xorHi = (this.#xorHi ^ hi) >>> 0;
    const low = this.#sumLo + sign * lo;
    this.#sumLo = low >>> 0;
    const carry = low > 0xffff_ffff ? 1 : low < 0 ? -1 : 0;
    this.#sumHi = (this.#sumHi + sign * hi + carry) >>> 0;
  }
}

function authorOf(item: Item): string {
  return `${hex(item.node)}${item.stream}`;
}

/** Writes ids, 8 bytes each, of a snapshot from number `from` on. */
export function packIds(snapshot: Snapshot, from: number, to: number): Bytes {
  const out = new Uint8Array(8 * (to - from));
  for (let i = from; i < to; i++) {
    putWord(out, 8 * (i - from), snapshot.lo[i]!);
    putWord(out, 8 * (i - from) + 4, snapshot.hi[i]!);
  }
  return out;
}
