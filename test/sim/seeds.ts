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

/** Rows of worlds of one scenario each, `count` seeds from `from` on: what a test of them is called, its seeds and the scenario. */
export function rowsOf(rows: readonly (readonly [scenario: string, from: number, count: number])[]): { name: string; seeds: number[]; scenario: string }[] {
  return rows.map(([scenario, from, count]) => ({ name: `${scenario}: seeds ${from} to ${from + count - 1}`, seeds: Array.from({ length: count }, (_, i) => from + i), scenario }));
}

/** Runs worlds one after another, each of the scenario that its seed takes in turn or of the one that is named; a text for each that failed. */
export async function failures(seeds: readonly number[], scenario?: string): Promise<string[]> {
  const out: string[] = [];
  for (const seed of seeds) {
    const { problems } = await runSeed(seed, scenario);
    if (problems.length > 0) out.push(`seed ${seed}: ${problems.slice(0, 5).join('; ')}\n    again, with its trace: npm run soak -- --from ${seed} --seeds 1 ${scenario === undefined ? '' : `--scenario ${scenario} `}--trace`);
  }
  return out;
}

/** Runs a world twice: whether nothing told the second time from the first. */
export async function replays(seed: number, scenario: string): Promise<boolean> {
  const first = await runSeed(seed, scenario), second = await runSeed(seed, scenario);
  return second.hash === first.hash && second.steps === first.steps;
}
