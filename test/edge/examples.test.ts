// The examples of the README and of the page on HTTP, run as they stand there by the built program: sensors at a broker, a GPS, a script, a wire and a stick, a dead card, curl. One whose tools are not on this machine is skipped by name.
// timeout: 300s

import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { spawnSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { delimiter, join } from 'node:path';
import { inFolder } from './program.ts';
import { blocksOf, README, walk } from './walkthrough.ts';

const PAGES = `${README}\n${readFileSync('targets/api/HTTP.md', 'utf8')}`;
/** What each example takes besides the program. */
const TOOLS: { [example: string]: string[] } = { zigbee: ['mosquitto', 'mosquitto_pub'], gps: ['socat'], script: ['awk'], wire: ['socat', 'awk', 'dd'], recover: ['awk', 'dd'], curl: ['curl'], carried: ['curl'] };

/** Where a reader waits some seconds for nodes to be up, this waits until each that was started before has its links and its inputs. */
function patient(commands: string): string {
  return commands.replace(/^sleep \d+\n/gm, (_, at: number) => [...commands.slice(0, at).matchAll(/^holdfast run --dir (\w+)/gm)].map(([, dir]) =>
    `for i in {1..300}; do holdfast status --dir ${dir} > ${dir}.status 2>&1; grep -q '^running' ${dir}.status && ! grep -Eq 'NOT WORKING|  mqtt:[^ ]*  (connecting|waiting)' ${dir}.status && break; sleep 0.2; done\n`).join(''));
}

function has(tool: string): boolean {
  return [...(process.env['PATH'] ?? '').split(delimiter), '/usr/sbin'].some((folder) => existsSync(join(folder, tool)))
    // `--json` came with curl 7.82.
    && (tool !== 'curl' || /--json/.test(spawnSync('curl', ['--help', 'http'], { encoding: 'utf8' }).stdout));
}

test('every example is known here', () => {
  // That of the server is run in test/server.
  assert.equal([...new Set([...PAGES.matchAll(/^```sh example=(\S+)$/gm)].map((found) => found[1]!))].filter((name) => name !== 'server').sort(), Object.keys(TOOLS).sort());
});

for (const [example, tools] of Object.entries(TOOLS)) {
  const missing = tools.filter((tool) => !has(tool));
  if (missing.length > 0) console.log(`skipped: ${example}, for want of ${missing.join(', ')}`);
  (missing.length > 0 ? test.skip : test)(`the example ${example} does what it says`, () => inFolder(async (path) => {
    const blocks = blocksOf(PAGES, example);
    assert.ok(blocks.length > 0 && blocks.every(({ promised }) => promised.length > 0));
    await walk(blocks, path(example), /(?<=127\.0\.0\.1:|-p )\d{4}\b/g, patient);
  }));
}

test.run();
