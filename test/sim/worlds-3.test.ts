// Simulated worlds 101 to 150: after everything that can happen, and healing, all nodes agree and nothing is missing.
// timeout: 900s

import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { failures, seedsByScenario } from './seeds.ts';

const worlds = suite('worlds 101 to 150');

for (const [scenario, seeds] of seedsByScenario(101, 50)) {
  worlds(`${scenario}: seeds ${seeds.join(', ')}`, async () => {
    const failed = await failures(seeds);
    assert.is(failed.length, 0, failed.join('\n'));
  });
}

worlds.run();
