// When the own head is published: on each connection, when it says something new, and now and then.

import type { Bytes, Random } from '../ports.ts';
import { equal } from '../event/bytes.ts';
import { HEAD_ALIVE_MS, HEAD_EACH_MS, HEAD_MS, HEAD_SOON_MS, HEAD_TIPS } from './fanout-bounds.ts';
import type { Head, Held, OwnTip } from './fanout-head.ts';
import { makeHead } from './fanout-head.ts';

/** Until so long after the first connection the head waits at random, so that a fleet that starts at once does not speak at once. */
const START_MS = 500;

/** Publishes the head of one process. */
export class Headline {
  readonly #of: Omit<Head, 'sequence' | 'tips' | 'held'>;
  readonly #fleet: Bytes;
  readonly #sign: (message: Bytes) => Bytes;
  readonly #random: Random;
  #sequence = 0;
  #body: Bytes | undefined;
  #said: Bytes | undefined;
  #at = -Infinity;
  #due = Infinity;

  constructor(of: Omit<Head, 'sequence' | 'tips' | 'held'>, fleet: Bytes, sign: (message: Bytes) => Bytes, random: Random) {
    this.#of = of;
    this.#fleet = fleet;
    this.#sign = sign;
    this.#random = random;
  }

  /** When `next` may have one. */
  get deadline(): number { return this.#due; }

  /** A connection is there: the broker may have forgotten everything. `hasty`: at once. */
  up(now: number, hasty: boolean): void {
    this.#body = undefined;
    // Later connections come at random anyway, and may be short.
    const first = this.#at === -Infinity && !hasty;
    if (this.#due > now) this.#due = Math.max(now + (first ? this.#lot() * START_MS : 0), this.#at + (hasty ? 0 : HEAD_SOON_MS));
  }

  /** Something changed; `members` are there to hear of it. */
  changed(members: number): void {
    this.#due = Math.min(this.#due, this.#at + HEAD_MS + HEAD_EACH_MS * members);
  }

  /** Others should know soon: something was not fanned out, or a session brought something, or the head was cleared. */
  soon(): void {
    this.#due = Math.min(this.#due, this.#at + HEAD_SOON_MS);
  }

  /** It must be said again though nothing changed. */
  again(): void {
    this.#body = undefined;
    this.soon();
  }

  /** The head to publish now, or undefined when none is due. */
  next(now: number, tips: OwnTip[], held: Held[]): Bytes | undefined {
    if (this.#due > now) return undefined;
    const alive = HEAD_ALIVE_MS * (0.75 + 0.5 * this.#lot());
    const body = makeHead(new Uint8Array(0), () => new Uint8Array(0), { ...this.#of, sequence: 0, tips, held });
    if (this.#body && equal(body, this.#body) && now < this.#at + HEAD_ALIVE_MS * 0.75) {
      this.#due = this.#at + alive;
      return undefined;
    }
    this.#body = body;
    this.#at = now;
    this.#due = now + alive;
    return this.#said = makeHead(this.#fleet, this.#sign, { ...this.#of, sequence: ++this.#sequence, tips: tips.slice(0, HEAD_TIPS), held });
  }

  /** True for a signed head of this instance that this process did not make: a copy of its memory runs. */
  isTwin(sequence: number, plain: Bytes): boolean {
    return sequence > this.#sequence || (sequence === this.#sequence && this.#said !== undefined && !equal(plain, this.#said));
  }

  #lot(): number { return this.#random.bytes(1)[0]! / 256; }
}
