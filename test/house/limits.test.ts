// Every maximum in limits.ts is used somewhere: a limit that nothing enforces is a promise broken in silence.

import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { strip } from './strip.ts';
import { readTree, sample, type Tree } from './tree.ts';

const LIMITS = 'src/limits.ts';

function check(tree: Tree): string[] {
  const names = [...strip(tree.get(LIMITS)!).matchAll(/^export const (\w+)/gm)].map((match) => match[1]!);
  const users = [...tree].filter(([path]) => path !== LIMITS).map(([, text]) => strip(text).replace(/^import\b[^;]*;/gm, ''));
  return names.filter((name) => !users.some((code) => new RegExp(`\\b${name}\\b`).test(code)));
}

test('every limit is enforced', () => {
  const tree = readTree(['src', 'targets']);
  assert.ok(tree.has(LIMITS));
  assert.equal(check(tree), []);
});

test('the rule can fail', () => {
  const tree = sample(LIMITS, 'export const A = 1;\nexport const B = 2;\n');
  tree.set('src/x.ts', "import { A, B } from './limits.ts';\n// B\nif (x > A) throw x;\n");
  assert.equal(check(tree), ['B']);
});

test.run();
