// Simulated worlds with a server: several processes of one node on one database, which die, lose their leases and come back.
// timeout: 300s

import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { runSeed } from './run.ts';

const worlds = suite('worlds with a server');

for (const [from, count] of [[1, 4], [5, 4]] as const) {
  worlds(`server: seeds ${from} to ${from + count - 1}`, async () => {
    const failed: string[] = [];
    for (let seed = from; seed < from + count; seed++) {
      const { problems } = await runSeed(seed, 'server');
      if (problems.length > 0) failed.push(`seed ${seed}: ${problems.slice(0, 5).join('; ')}\n    again, with its trace: npm run soak -- --from ${seed} --seeds 1 --scenario server --trace`);
    }
    assert.is(failed.length, 0, failed.join('\n'));
  });
}

worlds.run();
