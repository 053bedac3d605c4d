// The states that this process was in lately, stream by stream: a head that shows one of them is merely late.

import type { Crypto } from '../ports.ts';
import type { Head, Held, Print } from './fanout-head.ts';
import { covers, heldOf, showHeld, stateOf } from './fanout-head.ts';
import { STATES, STATES_MS } from './fanout-bounds.ts';

const EMPTY: Pick<Held, 'items' | 'sum'> = { items: 0, sum: new Uint8Array(8) };

/** Streams of which earlier states are remembered. */
const STREAMS = 256;
/** A difference that a session could not settle is let be for so long, with whomever it is found, and for twice as long each time. */
const SETTLED_MS = 90_000, SETTLED_MOST_MS = 3_600_000, SETTLED = 64;

/** Remembers states of streams, and judges heads by them. */
export class States {
  readonly #crypto: Crypto;
  readonly #interest: string[] | null;
  readonly #prints: () => ReadonlyMap<string, Print>;
  readonly #now = new Map<string, string>();
  /** By stream: earlier states, and when each was left. */
  readonly #past = new Map<string, Map<string, number>>();
  /** By what both sides showed: differences that were found to be none that a session could settle. */
  readonly #settled = new Map<string, { until: number; ms: number }>();
  /** When something last changed here. */
  changedAt = -Infinity;

  constructor(crypto: Crypto, interest: string[] | null, prints: () => ReadonlyMap<string, Print>) {
    this.#crypto = crypto;
    this.#interest = interest;
    this.#prints = prints;
    for (const [stream, print] of prints()) this.#now.set(stream, stateOf(heldOf(stream, print)));
  }

  /** What a head of this process shows now. */
  show(): Held[] {
    const held = showHeld(this.#crypto, this.#prints(), this.#interest), rest = held.find((one) => one.stream === '');
    if (rest) this.#enter('', stateOf(rest), this.changedAt);
    return held;
  }

  /** Some streams may have changed. */
  changed(streams: Iterable<string>, now: number): void {
    const prints = this.#prints();
    for (const stream of streams) {
      if (!covers(this.#interest, stream)) continue;
      if (this.#enter(stream, stateOf(heldOf(stream, prints.get(stream))), now)) this.changedAt = now;
    }
  }

  #enter(stream: string, state: string, now: number): boolean {
    const old = this.#now.get(stream) ?? stateOf(EMPTY);
    if (old === state) return false;
    this.#now.set(stream, state);
    let past = this.#past.get(stream);
    if (!past) {
      if (this.#past.size >= STREAMS) this.#past.delete(this.#past.keys().next().value!);
      this.#past.set(stream, past = new Map());
    }
    past.delete(old);
    past.set(old, now);
    if (past.size > STATES) past.delete(past.keys().next().value!);
    return true;
  }

  /** How a peer stands by its head: `equal` now, `late` (it shows what was here lately), or `other`. */
  judge(head: Head, now: number): 'equal' | 'late' | 'other' {
    let verdict: 'equal' | 'late' = 'equal';
    const shown = new Map(head.held.map((one) => [one.stream, one]));
    const folded = shown.has(''), most = head.held.length ? head.held[head.held.length - (folded ? 2 : 1)]?.stream ?? '' : '';
    for (const stream of new Set([...shown.keys(), ...this.#now.keys()])) {
      if (stream === '' ? !folded || !this.#now.has('') : !covers(this.#interest, stream) || !covers(head.interest, stream)) continue;
      const theirs = shown.get(stream);
      // One of the streams that did not fit into the head: told together.
      if (!theirs && folded && stream > most) continue;
      const state = stateOf(theirs ?? EMPTY);
      if (state === (this.#now.get(stream) ?? stateOf(EMPTY))) continue;
      const left = this.#past.get(stream)?.get(state);
      if (left === undefined || now - left > STATES_MS) return 'other';
      verdict = 'late';
    }
    return verdict;
  }

  /** A session about this difference brought nothing to anybody. */
  settle(head: Head, now: number): void {
    const name = this.#pair(head), ms = Math.min(SETTLED_MOST_MS, 2 * (this.#settled.get(name)?.ms ?? SETTLED_MS / 2));
    this.#settled.delete(name);
    if (this.#settled.size >= SETTLED) this.#settled.delete(this.#settled.keys().next().value!);
    this.#settled.set(name, { until: now + ms, ms });
  }

  /** For how many milliseconds this very difference need not be looked into again. */
  settled(head: Head, now: number): number {
    return this.#settled.size ? Math.max(0, (this.#settled.get(this.#pair(head))?.until ?? -Infinity) - now) : 0;
  }

  #pair(head: Head): string {
    const mine = [...this.#now].map(([stream, state]) => `${stream} ${state}`).sort();
    return `${mine.join()};${head.held.map((one) => `${one.stream} ${stateOf(one)}`).join()}`;
  }

  /** Items here less those that the head shows; a rough measure of how far a peer is behind. */
  beyond(head: Head): number {
    let mine = 0, theirs = 0;
    for (const [stream, print] of this.#prints()) if (covers(this.#interest, stream) && covers(head.interest, stream)) mine += print.items;
    for (const one of head.held) theirs += one.items;
    return mine - theirs;
  }
}
