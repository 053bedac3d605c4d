// Runs a row of simulated worlds as one test; every seed that fails prints itself.

import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { SCENARIOS } from './scenarios.ts';
import { runSeed } from './run.ts';

/** Registers and runs one test a scenario over the seeds from..from+count-1. */
export function worlds(from: number, count: number): void {
  const test = suite(`worlds ${from} to ${from + count - 1}`);
  for (const { name } of SCENARIOS) {
    const seeds = Array.from({ length: count }, (_, i) => from + i).filter((seed) => SCENARIOS[seed % SCENARIOS.length]!.name === name);
    if (seeds.length === 0) continue;
    test(`${name}: ${seeds.length} seeds`, async () => {
      const bad: string[] = [];
      for (const seed of seeds) {
        const outcome = await runSeed(seed);
        if (outcome.problems.length > 0) bad.push(`seed ${seed}: ${outcome.problems.slice(0, 5).join('; ')}\n    again, with its trace: npm run soak -- --from ${seed} --seeds 1 --trace`);
      }
      assert.equal(bad, [], bad.join('\n'));
    });
  }
  test.run();
}
