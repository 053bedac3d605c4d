// Whose turn it is on a line that carries one direction at a time (half duplex): one side talks, says when it is done, and then hears the other.

import type { Random } from '../ports.ts';

/** A pause in what is heard after which nobody talks any more, besides the time of some bytes: systems hand bytes on in bunches. */
const SILENCE_MS = 60, SILENCE_BYTES = 6;
/** The first guess of how long an answer takes to begin, its bounds, and bytes whose time comes on top. */
const ANSWER_MS = 300, ANSWER_LEAST_MS = 60, ANSWER_MOST_MS = 4_000, ANSWER_BYTES = 24;
/** Before an answer the line rests for so long, so that the other side's transmitter is off. */
const GAP_MS = 2, GAP_BYTES = 3;
/** When both begin at once both wait for so long at random, twice as long each time. */
const SLOT_MS = 40, SLOT_BYTES = 24, DOUBLINGS = 5;

/** The turns of one side. */
export interface Turn {
  /** Something may be put on the line now; the first one should be told by `begin`. */
  may(now: number): boolean;
  /** We talk. */
  begin(now: number): void;
  /** There was nothing to say, or it may not be said. */
  pass(now: number): void;
  /** Our last word leaves at `end`; the other side may talk. */
  over(end: number): void;
  /** Bytes came, whatever they are. */
  noise(now: number): void;
  /** A frame came: of the peer or our own echo, the last of a turn or not. */
  frame(own: boolean, last: boolean, now: number): void;
  /** True when our turn has not been answered by anything that could be understood. */
  tick(now: number): boolean;
  /** An answer that was owed did not come: perhaps it takes longer than we wait. */
  slow(): void;
  /** When to `tick`, or when something may be said; undefined: not before something comes. */
  readonly deadline: number | undefined;
}

/** The turns on a line where a byte takes `byteMs`; nobody talks longer than `turnMs` at a time, but for one frame. */
export function lineTurn(random: Random, byteMs: number, turnMs: number): Turn {
  let phase: 'free' | 'talk' | 'wait' | 'hear' = 'free';
  /** Free: nothing is said before. Talk: from and until when. Wait and hear: when that ends. */
  let from = 0, until = 0, saidAt = 0, tries = 0, answer = ANSWER_MS, understood = false;
  const silence = SILENCE_MS + SILENCE_BYTES * byteMs, gap = GAP_MS + GAP_BYTES * byteMs, slot = SLOT_MS + SLOT_BYTES * byteMs;
  const grace = () => Math.min(ANSWER_MOST_MS, Math.max(ANSWER_LEAST_MS, 3 * answer)) + ANSWER_BYTES * byteMs;
  const chance = () => {
    const [a, b] = random.bytes(2);
    return (a! * 256 + b!) / 65_536;
  };
  const free = (now: number) => {
    phase = 'free';
    from = now + (tries === 0 ? 0 : chance() * slot * 2 ** Math.min(DOUBLINGS, tries));
  };

  return {
    may: (now) => now >= from && (phase === 'free' || (phase === 'talk' && now < until)),
    begin(now) {
      if (phase === 'talk') return;
      phase = 'talk';
      // Nobody gave us this turn: one frame, so that little is lost if the other side has begun as well.
      from = until = now;
    },
    pass(now) {
      if (phase === 'talk' && now >= from) free(now);
    },
    over(end) {
      phase = 'wait';
      saidAt = end;
      until = end + grace();
    },
    noise(now) {
      if (phase === 'talk') return;
      if (phase === 'wait' && now > saidAt) {
        // Slow answers count at once, quicker ones by and by.
        const took = now - saidAt;
        answer = took > answer ? took : (answer + took) / 2;
      }
      if (phase !== 'hear') understood = false;
      phase = 'hear';
      until = now + silence;
    },
    frame(own, last, now) {
      if (own) {
        // An adapter that hears itself: the end of our turn comes only now.
        if (phase === 'hear' && last) {
          phase = 'wait';
          saidAt = now;
          until = now + grace();
        }
        return;
      }
      tries = 0;
      understood = true;
      if (phase === 'talk' || !last) return;
      phase = 'talk';
      from = now + gap;
      until = from + turnMs;
    },
    tick(now) {
      if ((phase !== 'wait' && phase !== 'hear') || now < until) return false;
      // There was no answer to give, or it was lost, or both talked at once.
      const unanswered = phase === 'wait' || !understood;
      if (unanswered) tries++;
      free(now);
      return unanswered;
    },
    slow() { answer = Math.min(ANSWER_MOST_MS, answer * 1.5); },
    get deadline() { return phase === 'wait' || phase === 'hear' ? until : from; },
  };
}
