// Simulated worlds that meet at brokers which lose, repeat, reorder, replay and forget: alone, and beside lines.
// timeout: 600s

import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { runSeed } from './run.ts';

const worlds = suite('worlds at brokers');

for (const [scenario, from, count] of [['brokers', 1, 14], ['mixed', 1, 4]] as const) {
  worlds(`${scenario}: seeds ${from} to ${from + count - 1}`, async () => {
    const failed: string[] = [];
    for (let seed = from; seed < from + count; seed++) {
      const { problems } = await runSeed(seed, scenario);
      if (problems.length > 0) failed.push(`seed ${seed}: ${problems.slice(0, 5).join('; ')}\n    again, with its trace: npm run soak -- --from ${seed} --seeds 1 --scenario ${scenario} --trace`);
    }
    assert.is(failed.length, 0, failed.join('\n'));
  });
}

worlds('a world with a broker replays', async () => {
  const [first, second] = [await runSeed(7, 'brokers'), await runSeed(7, 'brokers')];
  assert.is(first.hash, second.hash);
  assert.is(first.steps, second.steps);
});

worlds.run();
