// How many events came into each stream lately: samples for the small charts of the page.

import type { Database } from '../program/database.ts';

/** Length of one sample, and how many are kept: ten minutes. */
export const SAMPLE_MS = 10_000, SAMPLES = 60;
/** Streams that are sampled. */
const STREAMS = 1_000;

/** The samples of a database. */
export interface Rates {
  /** Events that came in each of the last samples, oldest first; fewer after a start. */
  of(stream: string): readonly number[];
  stop(): void;
}

/** Begins to sample. A database that cannot be asked leaves a gap that the next sample fills. */
export function sampleRates(database: Pick<Database, 'streams'>, intervalMs = SAMPLE_MS): Rates {
  const known = new Map<string, { events: number; samples: number[] }>();
  let first = true, busy = false;
  const sample = async (): Promise<void> => {
    if (busy) return;
    busy = true;
    try {
      for (const { stream, events } of await database.streams()) {
        const one = known.get(stream);
        if (one === undefined) {
          // What was there before the first look came at some other time; what appears later is new.
          if (known.size < STREAMS) known.set(stream, { events, samples: first ? [] : [events] });
          continue;
        }
        one.samples.push(Math.max(0, events - one.events));
        if (one.samples.length > SAMPLES) one.samples.shift();
        one.events = events;
      }
      first = false;
    } catch {
      // It is closing, or busy: the next sample counts what this one would have.
    } finally {
      busy = false;
    }
  };
  void sample();
  const timer = setInterval(() => void sample(), intervalMs);
  timer.unref();
  return { of: (stream) => known.get(stream)?.samples ?? [], stop: () => clearInterval(timer) };
}
