// A question that the peer must answer at once: it shows that the peer lives, how long a round trip takes, and that all which left before has arrived or is lost.

/** The questions of one end, one at a time. */
export interface Question {
  /** To be put into the next datagram. */
  readonly due: boolean;
  /** Asked and not answered. */
  readonly open: boolean;
  /** Asks, unless one is open. */
  ask(): void;
  /** Asks once more. */
  again(): void;
  /** It leaves now, after `place` among what was sent; gives its number on the wire. */
  put(now: number, place: number): number;
  /** An answer came: how long it took and the place; undefined when it is not the one that is waited for. */
  answered(number: number | undefined, now: number): { ms: number; place: number } | undefined;
}

/** No question yet. */
export function arqQuestion(): Question {
  let number = 0, due = false, at: number | undefined, before = 0;
  return {
    get due() { return due; },
    get open() { return at !== undefined; },
    ask() { if (at === undefined) due = true; },
    again() { due = true; },
    put(now, place) {
      due = false;
      at = now;
      before = place;
      return (number = (number + 1) & 0xff);
    },
    answered(answer, now) {
      if (at === undefined || answer !== number) return undefined;
      const ms = now - at;
      at = undefined;
      return { ms, place: before };
    },
  };
}
