// The shape of files: short, opened by the sentence that they are for, named after a concept, with named exports that say what they do.

import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { readdirSync } from 'node:fs';
import { posix } from 'node:path';
import { strip } from './strip.ts';
import { readTree, sample, type Tree } from './tree.ts';

const MOST_LINES = 300;
/** Names that say nothing about what is inside. */
const NAMELESS = /^(utils?|helpers?|types?|models?|managers?|common|misc|shared|lib|index|stuff|base)$|(^|-)(manager|helper|util|utils)$/;

function check(tree: Tree): string[] {
  const wrong: string[] = [];
  for (const [path, text] of tree) {
    const say = (why: string) => wrong.push(`${path}: ${why}`);
    const lines = text.replace(/\n$/, '').split('\n');
    if (lines.length > MOST_LINES) say(`${lines.length} lines; split it along a noun (at most ${MOST_LINES})`);
    const first = lines[0]!.startsWith('#!') ? lines[1]! : lines[0]!;
    if (!/^\/\/ ["'`A-Z0-9].{18,}/.test(first)) say('opens with one comment sentence that says what the file is for');
    for (const part of path.replace(/\.(test|child|bench|d)?\.?(ts|mjs|js)$/, '').split('/')) if (NAMELESS.test(part)) say(`"${part}" names nothing: call it after its concept`);
    if (posix.basename(path) !== posix.basename(path).toLowerCase()) say('file names are lower case, with hyphens');
    const code = strip(text);
    if (/\bexport\s+default\b|\bas\s+default\b/.test(code)) say('named exports only');
    if (/\bexport\s+(type\s+)?(\*|\{[^}]*\})\s*(as\s+\w+\s*)?from\b/.test(code)) say('no barrels: import from the file that has it');
    if (/\r/.test(text)) say('line ends are LF');
    if (/[ \t]$/m.test(text)) say('spaces at the end of a line');
    if (/^(src|targets)\//.test(path) && !path.endsWith('.d.ts')) for (const name of undocumented(text, code)) say(`${name} has no docstring`);
  }
  return wrong;
}

/** Exported functions and classes without a doc comment right before them; of overloads the first counts. */
function undocumented(text: string, code: string): string[] {
  const lines = text.split('\n');
  const missing: string[] = [];
  const seen = new Set<string>();
  code.split('\n').forEach((line, index) => {
    const name = /^export\s+(?:abstract\s+)?(?:async\s+)?(?:function\s*\*?|class)\s+(\w+)/.exec(line)?.[1]
      ?? /^export\s+const\s+(\w+)(?:\s*:[^=]*)?\s*=\s*(?:async\s+)?(?:function\b|\([^()]*\)\s*(?::[^=]*)?=>|\w+\s*=>|<)/.exec(line)?.[1];
    if (name === undefined || seen.has(name)) return;
    seen.add(name);
    if (!lines[index - 1]?.trimEnd().endsWith('*/')) missing.push(name);
  });
  return missing;
}

test('every file has the shape of the house', () => {
  assert.equal(check(readTree()), []);
});

test('the root holds no folder beyond the house', () => {
  const known = ['src', 'targets', 'test', 'build', 'hw', 'dist', 'node_modules', 'coverage', 'holdfast-data', 'holdfast-server-data', '.git', '.ci', 'docs'];
  assert.equal(readdirSync('.', { withFileTypes: true }).filter((entry) => entry.isDirectory() && !known.includes(entry.name)).map((entry) => entry.name), []);
});

test('the rule can fail', () => {
  const top = '// A file that says what it is for.\n';
  const bad: [string, string][] = [
    ['src/log/x.ts', top + 'a;\n'.repeat(300)], ['src/log/x.ts', 'const a = 1;\n'], ['src/log/x.ts', '// x\n'], ['src/log/utils.ts', top], ['src/helpers/x.ts', top],
    ['src/log/log-manager.ts', top], ['src/log/index.ts', top], ['test/log/types.test.ts', top], ['src/log/LogStore.ts', top], ['src/log/x.ts', top + 'export default 1;\n'],
    ['src/log/x.ts', top + 'export { a as default };\n'], ['src/log/x.ts', top + "export * from './y.ts';\n"], ['src/log/x.ts', top + "export { a, b } from './y.ts';\n"],
    ['src/log/x.ts', top + "export type { a } from './y.ts';\n"], ['src/log/x.ts', top + 'a; \n'], ['src/log/x.ts', top + 'a;\r\n'], ['src/log/x.ts', top + 'export function f() {}\n'],
    ['src/log/x.ts', top + '// about f\nexport async function* f() {}\n'], ['src/log/x.ts', top + 'export const f = (a: number): number => a;\n'], ['src/log/x.ts', top + 'export class A {}\n'],
  ];
  for (const [path, text] of bad) assert.is(check(sample(path, text)).length, 1, `${path}: ${text.slice(0, 80)}`);
  const good: [string, string][] = [
    ['src/log/x.ts', top + 'a;\n'.repeat(299)], ['src/log/door.ts', top + '/** Opens it. */\nexport function f() {}\nfunction g() {}\n'], ['src/log/x.ts', top + "// export default\nexport { a };\nconst s = 'export default';\n"],
    ['src/log/x.ts', top + '/** One. */\nexport function f(a: 1): 1;\nexport function f(a: 2): 2;\nexport function f(a: number) { return a; }\n'], ['src/log/x.ts', top + 'export const A = 1;\nexport const B = new Map();\n'],
    ['test/x.ts', top + 'export function f() {}\n'], ['build/x.mjs', '#!/usr/bin/env node\n' + top],
  ];
  for (const [path, text] of good) assert.equal(check(sample(path, text)), [], path);
});

test.run();
