// What one end waits for and since when: an answer, what fills a gap, or any word at all; and when it has waited long enough.

/** The watch of one end. */
export interface Watch {
  /** The latest time known. */
  readonly now: number;
  /** Takes note of the time; `waiting`: the peer owes us something; `heard`: it has just said something. Gives the latest time known. */
  at(now: number, waiting: boolean, heard?: boolean): number;
  /** Something that arrived waits (or nothing does) for what is missing before it; `moved`: a gap was filled. */
  gap(open: boolean, moved: boolean): void;
  /** What patience has run out for. */
  readonly out: 'answer' | 'gap' | undefined;
  /** The peer has been silent for longer than it should be. */
  readonly quiet: boolean;
  /** When `out` or (if `asking`) `quiet` may change. */
  deadline(asking: boolean): number;
}

/** A watch with so much patience, in milliseconds; silence of `keepAlive` is too long. */
export function arqWatch(start: number, patience: number, keepAlive = Infinity): Watch {
  let clock = start, heardAt = start, owedSince = Infinity, gapSince = Infinity;
  // Both sides may have to lose patience with each other before a gap proves that one of them does not repeat.
  const gapEnd = () => gapSince + 2 * patience;
  return {
    get now() { return clock; },
    at(now, waiting, heard = false) {
      clock = Math.max(clock, now);
      if (heard) heardAt = clock;
      owedSince = !waiting ? Infinity : heard ? clock : Math.min(owedSince, clock);
      return clock;
    },
    gap(open, moved) {
      gapSince = !open ? Infinity : moved ? clock : Math.min(gapSince, clock);
    },
    get out() { return clock >= owedSince + patience ? 'answer' : clock >= gapEnd() ? 'gap' : undefined; },
    get quiet() { return clock - heardAt >= keepAlive; },
    deadline(asking) { return Math.min(owedSince + patience, gapEnd(), asking ? heardAt + keepAlive : Infinity); },
  };
}
