// Where appended events stand: ids are made only when somebody looks at them.
import type { Appended } from './log/writer.ts';
import { eventId } from './event/chain.ts';

/** One appended event: its id and its position in its log. */
export interface Placed { readonly id: string; readonly position: number }

/** An append can bring thousands of events, and few callers want their ids. */
class LazyPlace implements Placed {
  readonly position: number;
  readonly #of: Appended;
  constructor(of: Appended, position: number) {
    this.#of = of;
    this.position = position;
  }
  get id(): string {
    const { incarnation, first, hashes } = this.#of, at = (this.position - first) * 32;
    return eventId(incarnation, this.position, hashes.subarray(at, at + 32));
  }
}

/** The places of an append, in the order of its drafts. */
export function placesOf(done: Appended): Placed[] {
  const out = new Array<Placed>(done.count);
  for (let i = 0; i < done.count; i++) out[i] = new LazyPlace(done, done.first + i);
  return out;
}
