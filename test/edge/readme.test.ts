// The README's tour, run as it stands there by the built program (dist/edge/holdfast), and the README's links, commands and settings against what exists.
// timeout: 300s

import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { existsSync, readFileSync } from 'node:fs';
import { GROUPS } from '../../targets/program/help.ts';
import { settingVariables } from '../../targets/program/settings.ts';
import { inFolder } from './program.ts';
import { blocksOf, keeps, README, walk } from './walkthrough.ts';

/** Where a reader waits two seconds for nodes to listen, this waits until they do, however busy the machine is. */
function patient(commands: string): string {
  const ports = [...commands.split(/^sleep/m)[0]!.matchAll(/listen tcp:\/\/127\.0\.0\.1:(\d+)/g)].map((found) => found[1]!);
  return commands.replace(/^sleep \d+$/gm, ports.map((port) => `for i in {1..600}; do (exec 3<>/dev/tcp/127.0.0.1/${port}) 2>/dev/null && break; sleep 0.1; done`).join('\n'));
}

test('a promised line is matched whole, and only with gaps where it says so', () => {
  assert.ok(keeps('sent … event…, received', 'sent 1 event, received'));
  assert.ok(keeps('a (b) [c]', 'a (b) [c]'));
  assert.not(keeps('a', 'a b'));
  assert.not(keeps('4 events', '14 events'));
});

test('the tour of the README does what it says', () => inFolder(async (path) => {
  const blocks = blocksOf(README);
  assert.ok(blocks.length >= 8 && blocks.every(({ promised }) => promised.length > 0));
  await walk(blocks, path('tour'), /(?<=tcp:\/\/[\d.]+:)77\d\d\b/g, patient);
  assert.ok(existsSync(path('tour/alpha/root.key')));
}));

test('the links of the README lead somewhere, and no command and no setting is left out', () => {
  const links = [...README.matchAll(/\]\(([^)#]+)\)/g)].map((found) => found[1]!);
  assert.equal(links.filter((link) => !existsSync(link)), []);
  const files = [...README.matchAll(/`((?:src|test|targets|hw)\/[\w/.-]+)`/g)].map((found) => found[1]!);
  assert.ok(links.length > 8 && files.length > 20);
  assert.equal(files.filter((file) => !existsSync(file)), []);
  const names = GROUPS.flatMap(([, each]) => each);
  assert.ok(names.length >= 17);
  assert.equal(names.filter((name) => !new RegExp(`^\\|[^|]*\`${name}\\b[^|]*\\|[^|]*\\|$`, 'm').test(README)), []);
  assert.equal(settingVariables().filter((name) => !new RegExp(`^\\| \`${name.slice('HOLDFAST_'.length).toLowerCase()}\` \\| \`${name}\` \\|`, 'm').test(README)), []);
});

test('files that the pages beside the code lead to are there', () => {
  const pages = [...README.matchAll(/\]\(([\w/.-]+\.md)\)/g)].map((found) => found[1]!);
  assert.ok(pages.length >= 8);
  for (const page of pages) {
    const files = [...readFileSync(page, 'utf8').matchAll(/`(?:\.\.\/)?((?:src|test|targets|hw)\/[\w/.-]+\.\w+)`/g)].map((found) => found[1]!);
    assert.equal(files.filter((file) => !existsSync(file)), [], page);
  }
});

test.run();
