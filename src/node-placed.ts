// Where appended events stand: ids are made only when somebody looks at them.
import type { Bytes } from './ports.ts';
import type { Appended } from './log/writer.ts';
import { eventId } from './event/chain.ts';

/** One appended event: its id and its position in its log. */
export interface Placed { readonly id: string; readonly position: number }

/** An append can bring thousands of events, and few callers want their ids. */
class LazyPlace implements Placed {
  readonly position: number;
  readonly #incarnation: Bytes;
  readonly #e: Bytes;
  constructor(incarnation: Bytes, position: number, e: Bytes) {
    this.#incarnation = incarnation;
    this.position = position;
    this.#e = e;
  }
  get id(): string { return eventId(this.#incarnation, this.position, this.#e); }
}

/** The places of an append, in the order of its drafts. */
export function placesOf(done: Appended): Placed[] {
  const out = new Array<Placed>(done.count);
  for (let i = 0; i < done.count; i++) out[i] = new LazyPlace(done.incarnation, done.first + i, done.hashes.subarray(i * 32, i * 32 + 32));
  return out;
}
