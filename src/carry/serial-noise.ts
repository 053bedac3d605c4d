// How noisy a line is, and how large datagrams on it should be: large ones have less overhead, small ones are hit less often.

/** Bytes over which losses are remembered: long enough to tell 1 error in 10,000 bytes, short enough to follow the weather. */
const MEMORY_BYTES = 32_768;
/** What is believed before anything is known: so many losses in so many bytes. */
const FIRST_LOSSES = 0.4, FIRST_BYTES = 4_096;

/** The noise of one direction of one line. */
export interface Noise {
  /** Bytes were sent, and so many datagrams were found to be lost since the last call. */
  sent(bytes: number, lost: number): void;
  /** The best size of a datagram in bytes. */
  readonly size: number;
  /** Losses a byte. */
  readonly rate: number;
}

/**
 * Sizes between `least` and `most` for datagrams with `overhead` bytes that carry nothing. With e losses a byte, a datagram of n bytes brings
 * (1 - overhead / n)(1 - e n) of what it could, which is most at n = sqrt(overhead / e).
 */
export function lineNoise(least: number, most: number, overhead: number): Noise {
  let bytes = FIRST_BYTES, losses = FIRST_LOSSES, size = 0;
  const best = () => Math.round(Math.max(least, Math.min(most, Math.sqrt((overhead * bytes) / losses))));
  size = best();
  return {
    get rate() { return losses / bytes; },
    get size() { return size; },
    sent(more, lost) {
      const keep = Math.max(0, 1 - more / MEMORY_BYTES);
      bytes = bytes * keep + more;
      losses = Math.max(1e-6, losses * keep) + lost;
      const now = best();
      // Small changes bring nothing.
      if (Math.abs(now - size) > size / 8 || now === most || now === least) size = now;
    },
  };
}
