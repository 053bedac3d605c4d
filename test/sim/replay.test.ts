// One seed is one world: running it again gives the same trace, to the byte.
// timeout: 300s

import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { runSeed } from './run.ts';
import { SCENARIOS } from './scenarios.ts';

const test = suite('a seed replays');

for (const [i, { name }] of SCENARIOS.entries()) {
  test(name, async () => {
    const seed = 10_000 + i;
    const lines: string[] = [];
    const first = await runSeed(seed, name);
    const second = await runSeed(seed, name, (line) => lines.push(line));
    assert.is(second.hash, first.hash);
    assert.is(second.steps, first.steps);
    assert.ok(lines.length > 100);
    assert.is.not((await runSeed(seed + 1, name)).hash, first.hash);
  });
}

test.run();
