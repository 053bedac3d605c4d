// Simulated worlds with a server: several processes of one node on one database, which die, lose their leases and come back.
// timeout: 300s

import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { failures, rowsOf } from './seeds.ts';

const worlds = suite('worlds with a server');

for (const { name, seeds, scenario } of rowsOf([['server', 1, 4], ['server', 5, 4], ['server at brokers', 35, 8]])) {
  worlds(name, async () => {
    const failed = await failures(seeds, scenario);
    assert.is(failed.length, 0, failed.join('\n'));
  });
}

worlds.run();
