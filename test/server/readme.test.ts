// The README's example of a server, run as it stands there by dist/server/holdfast and dist/edge/holdfast.
// timeout: 180s
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { SERVER } from '../edge/program.ts';
import { blocksOf, README, walk } from '../edge/walkthrough.ts';
import { inPlace } from './server.ts';

/** Where a reader waits some seconds for a process to be up, this waits until it says so. */
function patient(commands: string): string {
  return commands.replace(/^sleep \d+\n/gm, (_, at: number) => {
    const log = [...commands.slice(0, at).matchAll(/> (\S+\.log) &/g)].at(-1)![1]!;
    return `for i in {1..600}; do grep -q '^page at' ${log} && break; sleep 0.1; done\n`;
  });
}

test('the example of a server does what it says', () => inPlace(async (path) => {
  const blocks = blocksOf(README, 'server');
  assert.ok(blocks.length > 0 && blocks.every(({ promised }) => promised.length > 5));
  await walk(blocks, path('server'), /(?<=127\.0\.0\.1:)\d{4}\b/g, patient, { HQ: SERVER });
}));

test.run();
