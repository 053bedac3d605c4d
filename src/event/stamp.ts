// Stamps: the order in which events fold, a hybrid logical clock with generations (FORMAT.md section 2).
import { STAMP_AHEAD_MS, STAMP_COUNTER_MAX, STAMP_GENERATION_MAX, STAMP_MS_MAX } from '../limits.ts';

/** Compared by generation (32 bits), then milliseconds since 1970 (48 bits), then counter (32 bits). */
export interface Stamp { generation: number; ms: number; counter: number }

/** Before every stamp that is written. */
export const ZERO_STAMP: Readonly<Stamp> = Object.freeze({ generation: 0, ms: 0, counter: 0 });

/** Below 0, 0 or above 0. */
export function compareStamp(a: Stamp, b: Stamp): number {
  return a.generation - b.generation || a.ms - b.ms || a.counter - b.counter;
}

/** True for the last stamp there is, which is repeated when it has been reached. */
export function isTopStamp(s: Stamp): boolean {
  return s.counter === STAMP_COUNTER_MAX && s.ms === STAMP_MS_MAX && s.generation === STAMP_GENERATION_MAX;
}

/** True when `b` may follow `a` in one log: later, or the last stamp there is once more. */
export function stampFollows(a: Stamp, b: Stamp): boolean {
  return compareStamp(a, b) < 0 || (isTopStamp(a) && isTopStamp(b));
}

/**
 * The stamp of the next event. `last` is the greatest stamp of all that the author holds, `now` its clock in ms since 1970. A trusted clock that `last` runs more than five
 * minutes ahead of is not dragged along: the next generation starts at `now`. After Kulkarni et al., "Logical physical clocks", 2014; the generation is ours.
 */
export function nextStamp(last: Stamp, now: number, trusted: boolean): Stamp {
  const ms = now > 0 ? Math.min(Math.floor(now), STAMP_MS_MAX) : 0;
  if (ms > last.ms) return { generation: last.generation, ms, counter: 0 };
  if (trusted && last.ms > ms + STAMP_AHEAD_MS && last.generation < STAMP_GENERATION_MAX) return { generation: last.generation + 1, ms, counter: 0 };
  if (last.counter < STAMP_COUNTER_MAX) return { generation: last.generation, ms: last.ms, counter: last.counter + 1 };
  if (last.ms < STAMP_MS_MAX) return { generation: last.generation, ms: last.ms + 1, counter: 0 };
  if (last.generation < STAMP_GENERATION_MAX) return { generation: last.generation + 1, ms, counter: 0 };
  return { generation: last.generation, ms: last.ms, counter: last.counter };
}
