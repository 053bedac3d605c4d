// Source maps are decoded as esbuild writes them: every mapping leads back to where a word came from.

import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { transformSync } from 'esbuild';
import { decodeMappings } from '../../build/mappings.mjs';

test('mappings lead back to the source', () => {
  const source = 'const first: number = 1;\n\n\nexport function second(third: string) {\n' + '  // far away\n'.repeat(40) + '  return third + first;\n}\n';
  const { code, map } = transformSync(source, { loader: 'ts', sourcemap: 'external', minifyWhitespace: false });
  const lines = source.split('\n'), outLines = code.split('\n');
  const mappings = decodeMappings((JSON.parse(map) as { mappings: string }).mappings);
  assert.ok(mappings.length > 8);
  let words = 0;
  for (const { line, column, sourceLine, sourceColumn } of mappings) {
    const out = /^\w+/.exec(outLines[line]!.slice(column))?.[0];
    if (out === undefined || !/^(first|second|third|return)$/.test(out)) continue;
    words++;
    assert.ok(lines[sourceLine!]!.slice(sourceColumn).startsWith(out), `${out} at ${line}:${column}`);
  }
  assert.ok(words >= 5);
});

test.run();
