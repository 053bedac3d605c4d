// One comparison of one set: from COMPARE to the side that works out which ids differ. The exchange after it is in `offers.ts`.

import { Fault } from '../fault.ts';
import type { Bytes } from '../ports.ts';
import { equal } from '../event/bytes.ts';
import { LIST_BATCH, PROBE_IDS, SET_ITEMS, SKETCH_BYTES, SYMBOLS_BATCH } from './bounds.ts';
import type { Desk } from './desk.ts';
import { Coder, Decoder, SYMBOL_BYTES, packSymbols } from './difference.ts';
import { shortOf, word } from './itemid.ts';
import type { Known, Snapshot } from './itemset.ts';
import { packIds } from './itemset.ts';
import type { Message, SetNumber, Sum } from './message.ts';
import { guess, sketch } from './sketch.ts';

/** What came out: our items that the peer lacks, and shorts of the peer's items that we lack. */
export interface Difference { mine: Known[]; theirs: Set<number> }

type Told = Extract<Message, { kind: 'symbols' | 'list' }>;

/** Ids of the peer's that one comparison works on; the rest waits for the next. */
const THEIRS_MOST = 65_536;
/** Messages of symbols sent without being asked for more. */
const BURST = 16;

/** One comparison, as seen by either side. Inputs give the difference once it is known here. */
export class Comparison {
  readonly #desk: Desk;
  readonly #set: SetNumber;
  readonly snapshot: Snapshot;
  #coder: Coder | undefined;
  #decoder: Decoder | undefined;
  #sent = 0;
  #peer: Sum | undefined;
  #list: { shorts: Float64Array; at: number } | undefined;
  // Symbols are given up for a list, or the difference is out: what still comes of them is passed over.
  #listing = false;
  #found = false;

  constructor(desk: Desk, set: SetNumber, snapshot: Snapshot) {
    this.#desk = desk;
    this.#set = set;
    this.snapshot = snapshot;
  }

  /** Our side of it. */
  get sum(): Sum {
    return { count: this.snapshot.count, root: this.snapshot.root };
  }

  /** The opener's first word. */
  compare(early: boolean): void {
    const { snapshot } = this;
    const probe = snapshot.count <= PROBE_IDS ? packIds(snapshot, 0, snapshot.count) : sketch(snapshot.lo, snapshot.hi);
    this.#desk.say({ kind: 'compare', set: this.#set, early, sum: this.sum, probe });
  }

  /** The accepter's answer to a COMPARE that is not equal. Fault `bad-message` for a probe that is none. */
  compared(sum: Sum, probe: Bytes): Difference | undefined {
    const { snapshot } = this;
    this.#check(sum);
    this.#peer = sum;
    const mine = snapshot.count, theirs = sum.count;
    if (probe.length !== (theirs <= PROBE_IDS ? 8 * theirs : SKETCH_BYTES)) throw new Fault('bad-message', 'A comparison begins with a probe of a wrong length.');
    if (theirs <= PROBE_IDS) return this.#fromList(shortsOf(probe));
    if (mine <= PROBE_IDS) {
      this.#sayList(0);
      return undefined;
    }
    const about = Math.max(guess(sketch(snapshot.lo, snapshot.hi), probe), Math.abs(mine - theirs));
    // 1.4 would do if the guess were right; where bytes are dear another round trip is the lesser evil.
    const symbols = Math.ceil((this.#desk.thin ? 1.4 : 1.9) * about) + 8;
    if (symbols * SYMBOL_BYTES < 8 * Math.min(mine, theirs)) this.#saySymbols(symbols);
    else if (mine <= theirs) this.#sayList(0);
    else this.#desk.say({ kind: 'more', set: this.#set, list: true, from: 0 });
    return undefined;
  }

  /** The other side wants to hear more. Requests that have been answered already are passed over. */
  more(list: boolean, from: number): void {
    if (list) {
      if (from <= this.snapshot.count) this.#sayList(from);
    } else if (from === this.#sent && from > 0) this.#saySymbols(Math.max(32, Math.ceil(from / 4)));
  }

  /** Symbols of the peer; those out of step are passed over. */
  symbols(message: Told): Difference | undefined {
    this.#check(message.sum);
    const { snapshot } = this;
    this.#decoder ??= new Decoder((this.#coder ??= new Coder(snapshot.lo, snapshot.hi)));
    const decoder = this.#decoder;
    if (this.#listing || this.#found || message.from !== decoder.count || message.bytes.length === 0) return undefined;
    if (decoder.add(message.bytes)) return this.#fromFound(decoder.found.lo, decoder.found.hi);
    const least = Math.min(snapshot.count, message.sum.count);
    const list = (this.#listing = decoder.count * SYMBOL_BYTES > 12 * least + 1024);
    if (list && snapshot.count < message.sum.count) this.#sayList(0);
    else this.#desk.say({ kind: 'more', set: this.#set, list, from: list ? 0 : decoder.count });
    return undefined;
  }

  /** Ids of the peer; parts out of step are passed over. */
  list(message: Told): Difference | undefined {
    const { sum, from, bytes } = message;
    this.#check(sum);
    if (from === 0) this.#list = { shorts: new Float64Array(Math.min(sum.count, LIST_BATCH)), at: 0 };
    const list = this.#list;
    if (this.#found || !list || from !== list.at || list.at + bytes.length / 8 > sum.count) return undefined;
    const shorts = shortsOf(bytes);
    if (list.at + shorts.length > list.shorts.length) {
      const grown = new Float64Array(Math.min(sum.count, 2 * (list.at + shorts.length)));
      grown.set(list.shorts.subarray(0, list.at));
      list.shorts = grown;
    }
    list.shorts.set(shorts, list.at);
    list.at += shorts.length;
    if (list.at === sum.count) return this.#fromList(list.shorts.subarray(0, list.at));
    if (shorts.length > 0) this.#desk.say({ kind: 'more', set: this.#set, list: true, from: list.at });
    return undefined;
  }

  #check(sum: Sum): void {
    if (sum.count > SET_ITEMS) throw new Fault('bad-message', 'The peer claims more items than a session compares.');
    if (this.#peer && !equal(this.#peer.root, sum.root)) this.#list = this.#decoder = undefined;
    this.#peer = sum;
  }

  #saySymbols(count: number): void {
    const { snapshot } = this;
    this.#coder ??= new Coder(snapshot.lo, snapshot.hi);
    const end = this.#sent + Math.min(count, BURST * SYMBOLS_BATCH);
    const symbols = this.#coder.upTo(end);
    while (this.#sent < end) {
      const to = Math.min(end, this.#sent + SYMBOLS_BATCH);
      this.#desk.say({ kind: 'symbols', set: this.#set, sum: this.sum, from: this.#sent, bytes: packSymbols(symbols, this.#sent, to) });
      this.#sent = to;
    }
  }

  #sayList(from: number): void {
    const { snapshot } = this;
    const to = Math.min(snapshot.count, from + LIST_BATCH);
    this.#desk.say({ kind: 'list', set: this.#set, sum: this.sum, from, bytes: packIds(snapshot, from, to) });
  }

  #fromFound(lo: number[], hi: number[]): Difference {
    this.#found = true;
    const out: Difference = { mine: [], theirs: new Set() };
    for (let i = 0; i < lo.length; i++) {
      const known = this.snapshot.find(shortOf(lo[i]!, hi[i]!));
      if (known && known.lo === lo[i] && known.hi === hi[i]) out.mine.push(known);
      else if (out.theirs.size < THEIRS_MOST) out.theirs.add(shortOf(lo[i]!, hi[i]!));
    }
    return out;
  }

  #fromList(shorts: Float64Array): Difference {
    this.#found = true;
    const { snapshot } = this;
    const sorted = shorts.slice().sort();
    const theirs = new Set<number>();
    for (const short of sorted) if (theirs.size < THEIRS_MOST && !snapshot.find(short)) theirs.add(short);
    return { mine: snapshot.items.filter((known) => !has(sorted, known.short)), theirs };
  }
}

function shortsOf(ids: Bytes): Float64Array {
  const out = new Float64Array(ids.length / 8);
  for (let i = 0; i < out.length; i++) out[i] = shortOf(word(ids, 8 * i) >>> 0, word(ids, 8 * i + 4) >>> 0);
  return out;
}

function has(sorted: Float64Array, n: number): boolean {
  let low = 0, high = sorted.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (sorted[middle]! < n) low = middle + 1;
    else high = middle;
  }
  return sorted[low] === n;
}
