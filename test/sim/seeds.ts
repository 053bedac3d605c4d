// Runs a row of simulated worlds for a test; every seed that fails tells how to see it again.

import { runSeed } from './run.ts';
import { SCENARIOS } from './scenarios.ts';

/** The seeds of from..from+count-1 by the name of the scenario that each takes in turn. */
export function seedsByScenario(from: number, count: number): Map<string, number[]> {
  const out = new Map<string, number[]>();
  for (let seed = from; seed < from + count; seed++) {
    const { name } = SCENARIOS[seed % SCENARIOS.length]!;
    out.set(name, [...(out.get(name) ?? []), seed]);
  }
  return out;
}

/** Runs worlds one after another; a text for each that failed. */
export async function failures(seeds: readonly number[]): Promise<string[]> {
  const out: string[] = [];
  for (const seed of seeds) {
    const { problems } = await runSeed(seed);
    if (problems.length > 0) out.push(`seed ${seed}: ${problems.slice(0, 5).join('; ')}\n    again, with its trace: npm run soak -- --from ${seed} --seeds 1 --trace`);
  }
  return out;
}
