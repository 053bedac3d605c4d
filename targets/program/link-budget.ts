// What a link may carry: a budget of bytes in a time, and the account that is kept of it.

/** Bytes in both directions that a link may carry in so many milliseconds. */
export interface Budget { bytes: number; ms: number }

/** An account of a budget: a tenth of it at once, the rest as time goes, so that no such time ever carries more. */
export interface Account {
  /** So many bytes more went over the link. */
  spend(bytes: number, now: number): void;
  readonly spent: boolean;
  /** Milliseconds until half of what may go at once is there again. */
  wait(now: number): number;
}

/** Opens an account; times are those of a clock that never runs backwards, ms. */
export function account({ bytes, ms }: Budget, start: number): Account {
  const most = bytes / 10, earn = (bytes - most) / ms;
  let left = most, at = start;
  const settle = (now: number): void => {
    left = Math.min(most, left + (now - at) * earn);
    at = now;
  };
  return {
    spend(more, now) {
      settle(now);
      left -= more;
    },
    get spent() { return left <= 0; },
    wait(now) {
      settle(now);
      return left >= most / 2 ? 0 : Math.ceil((most / 2 - left) / earn);
    },
  };
}
