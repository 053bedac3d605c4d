// Tests are tests: each asserts something, runs every suite that it declares, and leaves no other one out; and the runner judges what they print.

import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { judge } from '../../build/verdict.mjs';
import { strip } from './strip.ts';
import { readTree, sample, type Tree } from './tree.ts';

function check(tree: Tree): string[] {
  const wrong: string[] = [];
  for (const [path, text] of tree) {
    if (!path.endsWith('.test.ts')) continue;
    const say = (why: string) => wrong.push(`${path}: ${why}`);
    const code = strip(text);
    const conforms = /from '[^']*-conformance\.ts'/.test(strip(text, false));
    if (!/\bassert(\.\w+)?\(|\bfc\.assert\(|\b(throws|rejects)\w*\(/.test(code) && !conforms) say('asserts nothing');
    const suites = [...code.matchAll(/\b(?:const|let)\s+(\w+)\s*=\s*suite\b/g)].map((match) => match[1]!);
    if (/import\s*\{[^}]*\btest\b[^}]*\}\s*from '[ ]{3}'/.test(code)) suites.push('test');
    if (suites.length === 0 && !conforms) say('declares no suite');
    for (const name of suites) if (!new RegExp(`(?<![\\w$])${name}\\.run\\(\\)`).test(code)) say(`${name}.run() is missing`);
    if (/\.only\(/.test(code)) say('.only leaves the other tests out');
  }
  return wrong;
}

test('every test file asserts and runs', () => {
  assert.equal(check(readTree(['test'])), []);
});

test('the rule can fail', () => {
  const top = "import { test } from 'uvu';\nimport * as assert from 'uvu/assert';\n";
  const bad = [
    top + "test('a', () => { assert.ok(1); });\n", top + "test('a', () => {});\ntest.run();\n", top + "test('a', () => { assert.ok(1); });\n// test.run();\n",
    top + "const other = suite('b');\nother('a', () => { assert.ok(1); });\ntest.run();\n", top + "test.only('a', () => { assert.ok(1); });\ntest.run();\n", 'assert.ok(1);\n',
  ];
  for (const text of bad) assert.is(check(sample('test/log/x.test.ts', text)).length, 1, text);
  assert.equal(check(sample('test/log/x.test.ts', top + "test('a', () => { assert.ok(1); });\ntest.run();\n")), []);
  assert.equal(check(sample('test/log/x.test.ts', "import { storeConformance } from './store-conformance.ts';\nstoreConformance('memory');\n")), []);
});

const totals = (total: number, passed: number, skipped = 0) => `  Total:     ${total}\n  Passed:    ${passed}\n  Skipped:   ${skipped}\n`;
const ended = { code: 0, signal: null, timedOut: false, seconds: 5 };

test('the runner adds up honestly', () => {
  assert.equal(judge({ ...ended, output: totals(3, 3, 1) }), { passed: 3, failed: 0, skipped: 1, why: '' });
  assert.is(judge({ ...ended, code: 1, output: totals(3, 2) }).failed, 1);
  assert.is(judge({ ...ended, output: totals(3, 0) }).failed, 3, 'a hook that throws');
  assert.is(judge({ ...ended, output: totals(0, 0, 2) }).failed, 0, 'all skipped by name');
});

test('the runner catches files that look fine', () => {
  assert.match(judge({ ...ended, output: totals(0, 0) }).why, 'no test');
  assert.match(judge({ ...ended, output: '' }).why, 'without totals');
  assert.match(judge({ ...ended, output: totals(1, 1) + totals(1, 1) }).why, 'more than once');
  assert.match(judge({ ...ended, code: 7, output: totals(1, 1) }).why, 'exit 7');
  assert.match(judge({ ...ended, code: null, signal: 'SIGSEGV', output: '' }).why, 'SIGSEGV');
  assert.match(judge({ ...ended, timedOut: true, output: '' }).why, 'killed');
  assert.match(judge({ ...ended, timedOut: true, output: totals(1, 1) }).why, 'keeps the process open');
  for (const output of ['', totals(0, 0)]) assert.is(judge({ ...ended, output }).failed, 1);
});

test.run();
