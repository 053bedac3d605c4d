// What a session has to say and the link has not taken yet: messages gather to units, are sealed when their turn comes, and are cut into frames.

import { Fault } from '../fault.ts';
import type { Bytes } from '../ports.ts';
import { AHEAD_MS, CHANNELS, GATHER_BYTES, OUTBOX_AIM, OUTBOX_FIRST, OUTBOX_LEAST, OUTBOX_MOST, RATE_BYTES, RATE_MS, TALK } from './bounds.ts';
import type { Cipher } from './cipher.ts';
import { Cutter } from './pieces.ts';

/** What a waiting message costs besides its bytes. */
const EACH = 96;

/** Messages in, frames out; lower channels first. */
export class Outbox {
  readonly #cutter: Cutter;
  readonly #queues: Bytes[][] = [];
  #bytes = 0;
  #messages = 0;
  #cipher: Cipher | undefined;
  /** Bytes that the link takes in a millisecond, once that is known. */
  #rate: number | undefined;
  #taken = 0;
  #busy = 0;
  #last: number | undefined;

  constructor(frameBytes: number) {
    this.#cutter = new Cutter(frameBytes);
    for (let i = 0; i < CHANNELS; i++) this.#queues.push([]);
  }

  /** Bytes that wait. */
  get waiting(): number {
    return this.#bytes + this.#cutter.waiting;
  }

  /** How many bytes should wait for the link at most: so many that it does not run dry, and few where it is slow. */
  get aim(): number {
    return this.#rate === undefined ? OUTBOX_FIRST : Math.max(OUTBOX_LEAST, Math.min(OUTBOX_AIM, Math.round(this.#rate * AHEAD_MS)));
  }

  /** A unit of the handshake, as it is. */
  plain(unit: Bytes): void {
    this.#cutter.add(TALK, unit);
  }

  /** From now on messages are sealed with this. */
  secure(cipher: Cipher): void {
    this.#cipher = cipher;
  }

  /** A message for a channel. Fault `busy` when the peer asks for answers and does not take them. */
  add(channel: number, message: Bytes): void {
    this.#queues[channel]!.push(message);
    this.#bytes += message.length;
    this.#messages++;
    if (this.waiting + EACH * this.#messages > OUTBOX_MOST) throw new Fault('busy', 'The peer does not take what it asked for.');
  }

  /** Forgets all that nobody has asked for again: the session ends. */
  clear(): void {
    for (const queue of this.#queues) queue.length = 0;
    this.#bytes = this.#messages = 0;
  }

  /** The next frame for the link, which takes one now; `thin`: every byte counts. */
  next(now: number, thin: boolean): Bytes | undefined {
    const frame = this.#next();
    // Time counts only from frame to frame of what waited: a pause in which there was nothing to send says nothing about the link.
    if (this.#last !== undefined) this.#busy += Math.max(0, now - this.#last);
    this.#last = frame && this.waiting > 0 ? now : undefined;
    this.#taken += frame?.length ?? 0;
    if (this.#busy >= RATE_MS || (!thin && this.#taken >= RATE_BYTES)) {
      // One stall does not make a quick link a slow one.
      this.#rate = Math.max(this.#taken / Math.max(1, this.#busy), (this.#rate ?? 0) / 2);
      this.#taken = this.#busy = 0;
    }
    return frame;
  }

  #next(): Bytes | undefined {
    if (this.#cipher) for (let channel = 0; channel < CHANNELS; channel++) {
      if (this.#cutter.has(channel)) break;
      const queue = this.#queues[channel]!;
      if (queue.length === 0) continue;
      this.#cutter.add(channel, this.#cipher.seal(channel, this.#gather(queue)));
      break;
    }
    return this.#cutter.next();
  }

  #gather(queue: Bytes[]): Bytes {
    let n = 1, bytes = queue[0]!.length;
    while (n < queue.length && bytes + queue[n]!.length <= GATHER_BYTES) bytes += queue[n++]!.length;
    const plain = new Uint8Array(bytes);
    let at = 0;
    for (const message of queue.splice(0, n)) {
      plain.set(message, at);
      at += message.length;
    }
    this.#bytes -= bytes;
    this.#messages -= n;
    return plain;
  }
}
