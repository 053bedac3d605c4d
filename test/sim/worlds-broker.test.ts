// Simulated worlds that meet at brokers which lose, repeat, reorder, replay and forget: alone, and beside lines.
// timeout: 600s

import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { failures, replays, rowsOf } from './seeds.ts';

const worlds = suite('worlds at brokers');

for (const { name, seeds, scenario } of rowsOf([['brokers', 1, 14], ['mixed', 1, 4]])) {
  worlds(name, async () => {
    const failed = await failures(seeds, scenario);
    assert.is(failed.length, 0, failed.join('\n'));
  });
}

worlds('a world with a broker replays', async () => {
  assert.ok(await replays(7, 'brokers'));
});

worlds.run();
