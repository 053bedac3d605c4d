// As whom PostgreSQL runs for root: never as somebody whose other programs would get the rights of root by it.
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { chmodSync, mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { Fault } from '../../src/fault.ts';
import { guiseFor } from '../../src/io/guise.ts';
import { freshFolder } from './folder.ts';

const root = process.getuid?.() === 0;
if (!root) console.log('skipped: who PostgreSQL is for root is seen by root');
const live = root ? test : test.skip;

/** The words before the program, or the code of the fault, where a folder of data and the program's folder have these modes. */
async function wayFor(data: number, program: number): Promise<string> {
  const place = await freshFolder();
  try {
    chmodSync(place.path, 0o755);
    const [folder, tools] = [join(place.path, 'data'), join(place.path, 'tools')];
    for (const [path, mode] of [[folder, data], [tools, program]] as const) mkdirSync(path, { mode });
    writeFileSync(join(tools, 'trial'), '#!/bin/sh\nexit 0\n', { mode: 0o755 });
    return guiseFor(folder, [join(tools, 'trial')]).before.join(' ');
  } catch (error) {
    assert.instance(error, Fault);
    return (error as Fault).code;
  } finally {
    await place.remove();
  }
}

live('a user that reaches all by itself gets no right besides', async () => {
  assert.is(await wayFor(0o755, 0o755), '');
});

live('where that user may look into the data it gets no right to look elsewhere', async () => {
  assert.match(await wayFor(0o755, 0o700), /^unshare |^unsupported$/);
});

live('where nobody may look into the data it may', async () => {
  assert.match(await wayFor(0o700, 0o700), /^setpriv |^unshare |^unsupported$/);
});

test.run();
