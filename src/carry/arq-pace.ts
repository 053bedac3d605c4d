// How long a round trip takes, and how many bytes may be in the air without making everything that follows wait.

import type { ArqSettings } from './arq-options.ts';

/** The longest time after which something unanswered is repeated, and what its variance counts at least. */
const TIMEOUT_MOST_MS = 60_000, VARIANCE_LEAST_MS = 30;
/** Delay that queues on the way may add to the shortest round trip before less is sent. */
const QUEUE_LEAST_MS = 150;
/** Datagrams in the air at the start, and always allowed. */
const START = 8, LEAST = 4;
/** A timeout is doubled so many times at most; fewer where nobody else's traffic suffers from repeats. */
const DOUBLINGS = 10, PACED_DOUBLINGS = 2;
/** A shortest round trip is forgotten after this long: routes change. */
const SHORTEST_MS = 60_000;

/** The pace of one connection. */
export interface Pace {
  /** Time after which what is unanswered is repeated (RFC 6298), doubled each time it was in vain. */
  readonly timeout: number;
  /** The same without doubling. */
  readonly calm: number;
  /** Bytes that may be in the air. */
  readonly budget: number;
  /** A round trip was measured. */
  measured(ms: number, now: number): void;
  /** `bytes` were acknowledged; `filled`: as many were in the air as the budget allowed. */
  advanced(bytes: number, filled: boolean): void;
  /** Nothing came in time. */
  vain(): void;
  /** The peer has been heard: the next timeout is an ordinary one. */
  heard(): void;
}

/** A pace that starts from a guess of the round trip; never more than the window in the air, and always as much if `paced`. */
export function arqPace({ roundTrip, window, paced, timeout }: Pick<ArqSettings, 'roundTrip' | 'window' | 'paced' | 'timeout'>, mtu: () => number): Pace {
  let smooth: number | undefined, spread = 0, doubled = 0;
  let shortest = Infinity, lately = Infinity, since: number | undefined;
  let budget = Math.min(window, START * mtu()), starting = true, cutAt = -Infinity;

  const least = () => Math.min(window, LEAST * mtu());
  const calm = () => Math.min(TIMEOUT_MOST_MS, Math.max(timeout, smooth === undefined ? (paced ? 1 : 2) * roundTrip : smooth + Math.max(4 * spread, VARIANCE_LEAST_MS)));

  return {
    get timeout() { return Math.min(TIMEOUT_MOST_MS, calm() * 2 ** doubled); },
    get calm() { return calm(); },
    get budget() { return paced ? window : Math.max(budget, least()); },
    measured(ms, now) {
      if (smooth === undefined) {
        smooth = ms;
        spread = ms / 2;
      } else {
        spread += (Math.abs(smooth - ms) - spread) / 4;
        smooth += (ms - smooth) / 8;
      }
      // The shortest of the last one to two minutes.
      since ??= now;
      if (now - since > SHORTEST_MS) {
        shortest = lately;
        lately = Infinity;
        since = now;
      }
      lately = Math.min(lately, ms);
      shortest = Math.min(shortest, ms);
      const allowed = shortest + Math.max(QUEUE_LEAST_MS, shortest);
      // Queues fill because of us: once a round trip, as many bytes go out of the air as bring the delay down to what is allowed.
      if (smooth > allowed && ms > allowed && now - cutAt > smooth) {
        budget = Math.max(least(), budget * Math.max(0.5, allowed / smooth));
        starting = false;
        cutAt = now;
      }
    },
    advanced(bytes, filled) {
      if (!filled) return;
      const allowed = smooth === undefined || smooth <= shortest + Math.max(QUEUE_LEAST_MS, shortest);
      if (allowed) budget = Math.min(window, budget + (starting ? bytes : (mtu() * bytes) / budget));
    },
    vain() { if (doubled < (paced ? PACED_DOUBLINGS : DOUBLINGS)) doubled++; },
    heard() { doubled = 0; },
  };
}
