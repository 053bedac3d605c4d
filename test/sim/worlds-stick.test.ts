// Simulated worlds whose nodes are brought level by hand: sticks that travel for days, alone, and beside lines that break.
// timeout: 300s

import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { failures, replays, rowsOf } from './seeds.ts';

const worlds = suite('worlds of couriers');

for (const { name, seeds, scenario } of rowsOf([['sticks', 1, 12], ['couriers', 1, 3]])) {
  worlds(name, async () => {
    const failed = await failures(seeds, scenario);
    assert.is(failed.length, 0, failed.join('\n'));
  });
}

worlds('a world of sticks replays', async () => {
  assert.ok(await replays(12, 'sticks'));
});

worlds.run();
