// The page on inputs: every example in it is a configuration that is taken, and every setting that there is stands in it.

import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { readFileSync } from 'node:fs';
import { parse } from 'smol-toml';
import { INPUT_KINDS } from '../../targets/program/input-kinds.ts';
import { parseInputs } from '../../targets/program/input-settings.ts';

const PAGE = 'targets/program/INPUTS.md';

test('every example is a configuration', () => {
  const examples = [...readFileSync(PAGE, 'utf8').matchAll(/^```toml\n([^]*?)^```/gm)].map((each) => each[1]!);
  assert.ok(examples.length >= 3);
  for (const example of examples) assert.ok(parseInputs(parse(example)['input'], () => example, INPUT_KINDS).length > 0);
});

test('every kind and every setting of it is named', () => {
  const page = readFileSync(PAGE, 'utf8');
  const missing: string[] = [];
  for (const [kind, { options }] of Object.entries(INPUT_KINDS)) {
    for (const word of [kind, ...options]) if (!new RegExp(`[\`{ ,[]${word}[\`= ]`).test(page)) missing.push(`${kind}: ${word}`);
  }
  assert.equal(missing, []);
});

test.run();
