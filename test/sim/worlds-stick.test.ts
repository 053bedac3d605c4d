// Simulated worlds whose nodes are brought level by hand: sticks that travel for days, alone, and beside lines that break.
// timeout: 300s

import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { runSeed } from './run.ts';

const worlds = suite('worlds of couriers');

for (const [scenario, from, count] of [['sticks', 1, 12], ['couriers', 1, 3]] as const) {
  worlds(`${scenario}: seeds ${from} to ${from + count - 1}`, async () => {
    const failed: string[] = [];
    for (let seed = from; seed < from + count; seed++) {
      const { problems } = await runSeed(seed, scenario);
      if (problems.length > 0) failed.push(`seed ${seed}: ${problems.slice(0, 5).join('; ')}\n    again, with its trace: npm run soak -- --from ${seed} --seeds 1 --scenario ${scenario} --trace`);
    }
    assert.is(failed.length, 0, failed.join('\n'));
  });
}

worlds('a world of sticks replays', async () => {
  const [first, second] = [await runSeed(12, 'sticks'), await runSeed(12, 'sticks')];
  assert.is(first.hash, second.hash);
  assert.is(first.steps, second.steps);
});

worlds.run();
