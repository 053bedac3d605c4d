// What is left behind by accident: paths of one machine, unfinished remarks, debugging, pages that a stranger does not have.

import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { existsSync, readFileSync, readdirSync } from 'node:fs';
import { readTree, sample, type Tree } from './tree.ts';

/** This file holds the words themselves. */
const HERE = 'test/house/words.test.ts';
const BANNED: [RegExp, string][] = [
  [/(^|[\s'"`(])\/(work|home|root|Users)\/\w/, 'a path of one machine'],
  [/\b(TODO|FIXME|XXX|HACK)\b/, 'an unfinished remark: do it, or open an issue'],
  [/\bdebugger\b;?/, 'debugging'],
  [/\b(DESIGN|FACTS|API)\.md\b|\bDESIGN §|\/tmp\/plan\b/, 'a page that is not in this repository'],
  [/\b(subagents?|the brief|as instructed|per the instructions)\b/i, 'how it was made does not matter to its reader'],
  [/^(<{7}|>{7}|={7})( |$)/m, 'a conflict'],
];

function check(tree: Tree): string[] {
  const wrong: string[] = [];
  for (const [path, text] of tree) {
    text.split('\n').forEach((line, index) => {
      for (const [banned, why] of BANNED) if (banned.test(line)) wrong.push(`${path}:${index + 1}: ${why}: ${line.trim().slice(0, 100)}`);
    });
  }
  return wrong;
}

test('nothing is left behind', () => {
  const tree = readTree();
  tree.delete(HERE);
  for (const name of readdirSync('.').filter((each) => /\.(md|json|ts)$/.test(each) || each === 'NOTICE')) tree.set(name, readFileSync(name, 'utf8'));
  for (const path of ['src/event/FORMAT.md', 'src/event/COLUMNS.md', '.ci/run'].filter((each) => existsSync(each))) tree.set(path, readFileSync(path, 'utf8'));
  assert.equal(check(tree), []);
});

test('the rule can fail', () => {
  const bad = ["open('/home/me/x')", '// TODO later', 'debugger;', '// see DESIGN.md', '// DESIGN §4', '<<<<<<< HEAD', '/root/x'];
  for (const text of bad) assert.is(check(sample('src/x.ts', text)).length, 1, text);
  const good = ['const path = `${dir}/home/x`;', "// root/child", 'https://example.org/home/x', '=> a'];
  for (const text of good) assert.equal(check(sample('src/x.ts', text)), [], text);
});

test.run();
