// The Clock port of a simulated machine: a wall clock that may be wrong by decades, jump and drift, and an uptime that never runs backwards.

import type { Bytes, Clock, ClockQuality } from '../../src/ports.ts';
import type { Timeline } from './timeline.ts';

/** The true time at the beginning of every world: 2026-01-01T00:00:00Z. */
export const DAWN = 1_767_225_600_000;
/** 2099-06-01T00:00:00Z. */
export const FAR = 4_083_955_200_000;

/** How a machine's wall clock stands. Changes take effect at once in every process on it. */
export interface Wall {
  /** Milliseconds since 1970 shown when the world began. */
  offset: number;
  /** Milliseconds shown per true millisecond. */
  rate: number;
  quality: ClockQuality;
}

/** True time in a world: milliseconds since 1970. */
export function trueTime(timeline: Timeline): number {
  return Math.floor(DAWN + timeline.now);
}

/** Sets a wall clock so that it shows `ms` now. */
export function setWall(wall: Wall, timeline: Timeline, ms: number): void {
  wall.offset = ms - timeline.now * wall.rate;
}

/** The clock that one process sees. */
export function simClock(timeline: Timeline, wall: Wall, boot: Bytes): Clock {
  const started = timeline.now;
  return {
    now: () => Math.floor(wall.offset + timeline.now * wall.rate),
    uptime: () => Math.floor(timeline.now - started),
    quality: () => wall.quality,
    boot,
  };
}
