// A share of the time that a transmitter may be on the air, kept over any hour.

/** The hour over which the share is kept (as the rules for shared bands count), and the part of it that may be used in one go. */
const HOUR_MS = 3_600_000, BURST = 0.1;

/** What is left of the share. */
export interface Airtime {
  /** Something may be sent now. */
  ready(now: number): boolean;
  /** Something was sent that takes so long. */
  spent(ms: number, now: number): void;
  /** When something may be sent. */
  readonly readyAt: number;
}

/** An account of `share` (0 to 1) of the time: a tenth of an hour's share at once, nine tenths as time goes, so no hour ever has more than its share. */
export function airtime(share: number, start: number): Airtime {
  const most = share * HOUR_MS * BURST, earn = share * (1 - BURST);
  let left = most, at = start;
  const settle = (now: number) => {
    if (now <= at) return;
    left = Math.min(most, left + (now - at) * earn);
    at = now;
  };
  return {
    ready(now) {
      if (share >= 1) return true;
      settle(now);
      return left > 0;
    },
    spent(ms, now) {
      settle(now);
      left -= ms;
    },
    get readyAt() { return share >= 1 || left > 0 ? -Infinity : at + (1e-3 - left) / earn; },
  };
}
