// What an input remembers from one start of the node to the next.

import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { folder, listener } from './input-sources.ts';

test('of what is remembered the newest counts that is whole: a note after a kill, what was flushed after a power cut', async () => {
  const dir = folder(), { memory } = listener(dir);
  assert.is(await memory.load(), undefined);
  await memory.save({ at: 1 });
  await memory.note({ at: 2 });
  const again = listener(dir).memory;
  assert.equal(await again.load(), { at: 2 });
  await again.save({ at: 3 });
  assert.equal(await listener(dir).memory.load(), { at: 3 });
  await again.note({ at: 4 });
  writeFileSync(join(dir, 'inputs/input.recent.json'), '');
  assert.equal(await listener(dir).memory.load(), { at: 3 });
  writeFileSync(join(dir, 'inputs/input.json'), 'null');
  assert.is(await listener(dir).memory.load(), undefined);
});

test.run();
