// Whether two sides hold the same of one set, as far as this side knows, and what to do about it next: nothing, compare, or tell our root.

import { equal, hex } from '../event/bytes.ts';
import { PAUSE_MOST_MS, PAUSE_MS, QUIET_MS, SETTLED_MOST_MS, SETTLED_MS, TELL_MS } from './bounds.ts';
import type { Sum } from './message.ts';

/** What `next` advises. `at`: not before then. */
export type Advice = { do: 'rest' } | { do: 'same' } | { do: 'compare' | 'tell'; at: number };

/** What has been moved in a session so far: segments sent and received. */
export interface Moved { sent: number; received: number }

/** Roots of one set on both sides. Times are those of the session's inputs, in ms. */
export class Agreement {
  readonly #mine: () => Sum;
  #peer: Sum | undefined;
  #agreed: string | undefined;
  #doubted = false;
  #settled: string | undefined;
  #settledAt = 0;
  #settledFor = SETTLED_MS;
  // The comparison under way or just over: both roots when it began, and what had been moved by then.
  #pair: string | undefined;
  #moved: Moved = { sent: 0, received: 0 };
  #lastPair: string | undefined;
  #pause = 0;
  #nextCompare = 0;
  #changedAt: number;
  #told: string | undefined;
  #toldAt = -Infinity;
  #tellNow = false;
  /** When we last sent something whose receipt the peer has not shown by telling its root; 0: it has. */
  #sentAt = 0;

  /** `mine`: the sum of our side now. */
  constructor(mine: () => Sum, now: number) {
    this.#mine = mine;
    this.#changedAt = now;
  }

  /** Both sides were found to hold the same, and nothing has changed here since. */
  get agreed(): boolean {
    return this.#agreed !== undefined && !this.#doubted && this.#agreed === this.#root();
  }

  /** A comparison brought nothing more, and no root has changed since. */
  get settled(): boolean {
    return this.#settled !== undefined && this.#settled === this.#both();
  }

  /** Both roots and how they stand, as a name. */
  get state(): string {
    return this.agreed ? `${this.#root()}=` : this.#both();
  }

  /** The peer told its sum. */
  hear(sum: Sum): void {
    this.#peer = sum;
    this.#sentAt = 0;
  }

  /** True when this is also our sum. */
  same(sum: Sum): boolean {
    const mine = this.#mine();
    return sum.count === mine.count && equal(sum.root, mine.root);
  }

  /** The peer tells a root that differs from ours: what is on its way may yet make them equal. */
  differ(now: number): void {
    this.#doubted = true;
    this.#changedAt = now;
  }

  /** Our side changed. */
  changed(now: number): void {
    this.#changedAt = now;
  }

  /** A comparison begins. */
  begin(moved: Moved): void {
    this.#pair = undefined;
    this.#moved = moved;
  }

  /** The opener compares: the next time not before a while, longer each time. */
  compared(now: number): void {
    this.#pause = Math.min(PAUSE_MOST_MS, Math.max(PAUSE_MS, 2 * this.#pause));
    this.#nextCompare = now + this.#pause;
  }

  /** The comparison was passed over and may be made again at once. */
  abandon(): void {
    this.#pause = this.#nextCompare = 0;
  }

  /** Nothing that was said before counts as said: the peer may have changed by another way. */
  resume(): void {
    this.abandon();
    this.#told = this.#settled = undefined;
    this.#sentAt = 0;
    this.#tellNow = true;
  }

  /** Something came that was not pushed: it is compared, or told, at once. */
  hurry(): void {
    this.abandon();
    this.#sentAt = 0;
    this.#tellNow = true;
  }

  /** In the comparison under way both sums are known. */
  sums(): void {
    this.#pair ??= this.#both();
  }

  /** Both sides hold the same. */
  agree(): void {
    this.#pause = this.#nextCompare = 0;
    this.#settled = this.#pair = this.#lastPair = undefined;
    this.#agreed = this.#told = this.#root();
    this.#doubted = false;
    this.#settledFor = SETTLED_MS;
  }

  /** The comparison and all that came of it are over. */
  over(moved: Moved, now: number): void {
    if (this.#pair === undefined) return;
    const received = moved.received > this.#moved.received, sent = moved.sent > this.#moved.sent;
    // Roots that stay as they were have nothing to give each other, at the latest when it happens twice.
    if (this.#pair === this.#both() && ((!sent && !received) || this.#pair === this.#lastPair)) {
      this.#settledFor = this.#settled === this.#pair ? Math.min(SETTLED_MOST_MS, 2 * this.#settledFor) : SETTLED_MS;
      this.#settled = this.#pair;
      this.#settledAt = now;
    }
    this.#lastPair = this.#pair;
    this.#pair = undefined;
    if (received) this.#tellNow = true;
    if (sent) this.#sentAt = now;
  }

  /** What to do, when nothing is under way. */
  next(opener: boolean, slow: number): Advice {
    if (this.agreed) return { do: 'rest' };
    if (this.settled) return opener ? { do: 'compare', at: this.#settledAt + slow * this.#settledFor } : { do: 'rest' };
    if (this.#peer && this.same(this.#peer)) return { do: 'same' };
    if (opener) {
      // A peer that is catching up, or has just sent what it had new, tells its root of its own accord.
      const catching = this.#sentAt > 0 ? this.#sentAt + slow * TELL_MS : 0;
      const quiet = this.#agreed !== undefined ? this.#changedAt + slow * (TELL_MS + 2 * QUIET_MS) : 0;
      return { do: 'compare', at: Math.max(this.#nextCompare, catching, quiet) };
    }
    if (this.#told === this.#root()) return { do: 'rest' };
    return { do: 'tell', at: this.#tellNow ? 0 : Math.max(this.#changedAt + slow * QUIET_MS, this.#toldAt + slow * TELL_MS) };
  }

  /** Our root was told. */
  told(now: number): void {
    this.#tellNow = false;
    this.#toldAt = now;
    this.#told = this.#root();
  }

  #root(): string {
    const { count, root } = this.#mine();
    return `${count} ${hex(root)}`;
  }

  #both(): string {
    return `${this.#root()} ${this.#peer ? hex(this.#peer.root) : ''}`;
  }
}
