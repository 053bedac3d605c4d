// The core is pure: no clock, no chance, no timers, no process, no locale, and no mathematics that differs between machines.

import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { strip } from './strip.ts';
import { isCore, readTree, sample, type Tree } from './tree.ts';

/** What must not stand in the code of the core, and why. */
const BANNED: [RegExp, string][] = [
  [/(?<![\w$.])Date\b/, 'time comes from the Clock port'],
  [/\bMath\s*\.\s*random\b/, 'chance comes from the Random port'],
  [/\bMath\s*\.\s*(a?sinh?|a?cosh?|a?tanh?|atan2|exp|expm1|log|log10|log2|log1p|pow|cbrt|hypot)\b/, 'results differ between machines'],
  [/(?<![\w$.])(set|clear)(Timeout|Interval|Immediate)\b/, 'the core never sleeps: it says when to wake it'],
  [/(?<![\w$.])(queueMicrotask|performance|navigator|fetch|WebSocket|Worker|structuredClone|SharedArrayBuffer|Atomics)\s*[.(]/, 'not in the core'],
  [/(?<![\w$.])((console|process|Buffer|globalThis|global)(?=\s*[.[])|require(?=\s*\()|new\s+Buffer\b|__dirname|__filename)/, 'belongs to the host'],
  [/\bimport\s*\.\s*meta\b/, 'belongs to the host'],
  [/(?<![\w$.])(Intl|WeakRef|FinalizationRegistry)\b/, 'differs between machines or moments'],
  [/\.\s*(toLocale\w+|localeCompare|normalize)\b/, 'text is compared by its bytes and never changed'],
  [/(?<![\w$.])(eval|Function)\s*\(/, 'no code from text'],
];

function check(tree: Tree): string[] {
  const wrong: string[] = [];
  for (const [path, text] of tree) {
    if (!isCore(path) || path.endsWith('.d.ts')) continue;
    strip(text).split('\n').forEach((line, index) => {
      for (const [banned, why] of BANNED) {
        const found = banned.exec(line);
        if (found) wrong.push(`${path}:${index + 1}: ${found[0].trim()}: ${why}`);
      }
    });
  }
  return wrong;
}

test('the core is pure', () => {
  assert.equal(check(readTree(['src'])), []);
});

test('the rule can fail', () => {
  const bad = ['const t = Date.now();', 'new Date()', 'Math.random()', 'Math.sin(x)', 'Math.log2(x)', 'setTimeout(f, 1)', 'clearInterval(t)', 'performance.now()', 'console.log(1)', 'process.exit()',
    'Buffer.from(x)', 'new Intl.Collator()', 'x.toLocaleString()', 'a.localeCompare(b)', 's.normalize()', 'eval(s)', 'new Function(s)', 'import.meta.url', 'fetch(u)', 'require(x)', 'f(`${Date.now()}`)'];
  for (const text of bad) assert.ok(check(sample('src/log/x.ts', text)).length > 0, text);
  const good = ['// Date.now() is banned', "const s = 'process.exit()';", 'Math.floor(x / 2)', 'interface A { process(x: number): void; global: boolean }', 'const { crypto } = ports; this.crypto.sha256(x); ports.process(x)', 'Math.imul(a, b)'];
  for (const text of good) assert.equal(check(sample('src/log/x.ts', text)), [], text);
  assert.equal(check(sample('src/io/x.ts', 'Date.now()')), []);
});

test.run();
