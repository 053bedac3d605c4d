// Chance from a seed that is printed: what a failing run did can be done again (SURVIVE_SEED=…), as far as a real machine repeats itself.

/** Uniform numbers from 0 to 1, by mulberry32. */
export type Chance = () => number;

/** The seed of this run: SURVIVE_SEED, else one of today's. */
export const SEED = Number(process.env['SURVIVE_SEED'] ?? Date.now() % 1_000_000);

/** A sequence of its own for each name. */
export function chance(name: string, seed = SEED): Chance {
  let state = seed >>> 0;
  for (const c of name) state = Math.imul(state ^ c.charCodeAt(0), 0x01000193) >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let t = state;
    t = Math.imul(t ^ (t >>> 15), t | 1);
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
    return ((t ^ (t >>> 14)) >>> 0) / 4_294_967_296;
  };
}

/** A whole number from `least` to `most`. */
export function between(random: Chance, least: number, most: number): number {
  return least + Math.floor(random() * (most - least + 1));
}

/** So many times more than usual: SURVIVE (1 by default; `SURVIVE=10 npm test -- survive` runs ten times as long). */
export const TIMES = Math.max(1, Number(process.env['SURVIVE'] ?? 1) || 1);
