// One process per data directory: the second is refused, the dead are succeeded, whoever comes at the same moment.
import { cp, readdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { Fault } from '../../src/fault.ts';
import { openLmdb } from '../../src/io/lmdb.ts';
import { lock } from '../../src/io/lock.ts';
import { start, type Child } from './child.ts';
import { freshFolder } from './folder.ts';

const test = suite('lock');

async function fault(promise: Promise<unknown>): Promise<Fault> {
  try { await promise; } catch (error) { if (error instanceof Fault) return error; throw error; }
  throw new Error('it was not refused');
}

test('within one process a directory is taken once, and again after its release', async () => {
  const folder = await freshFolder();
  const first = await lock(folder.path);
  assert.is(first.unclean, false);
  const second = await fault(lock(join(folder.path, '.')));
  assert.is(second.code, 'store-locked');
  await first.release();
  await first.release();
  assert.equal(await readdir(folder.path), []);
  await (await lock(folder.path)).release();
  await folder.remove();
});

test('a second process is refused, and told which has it; after a kill the next one takes over', async () => {
  const folder = await freshFolder();
  const child = await start('lock-child', [folder.path, 'lock']);
  assert.is(await child.line(), 'held false');
  const refusal = await fault(lock(folder.path));
  assert.is(refusal.code, 'store-locked');
  assert.match(refusal.message, `Process ${child.process.pid} `);
  assert.match(refusal.message, folder.path);
  child.process.kill('SIGKILL');
  await child.ended;
  const held = await lock(folder.path);
  assert.is(held.unclean, true);
  await held.release();
  assert.equal(await readdir(folder.path), []);
  await folder.remove();
});

test('the number of a dead process that is in use again is no obstacle, nor is an earlier boot, nor another container', async () => {
  const folder = await freshFolder();
  const own = (await (async () => { const held = await lock(folder.path), names = await readdir(folder.path); await held.release(); return names; })())[0]!.split('.');
  for (const [at, value] of [[2, '1'], [3, '00000000'], [4, '1']] as const) {
    const name = own.map((part, i) => i === at ? value : i === 1 && at !== 2 ? '1' : part).join('.');
    await writeFile(join(folder.path, name), '');
    const held = await lock(folder.path);
    assert.is(held.unclean, true, name);
    await held.release();
    assert.equal(await readdir(folder.path), []);
  }
  await folder.remove();
});

test('a copy of a directory that is open is free: what names the owner of the original there does not count', async () => {
  const folder = await freshFolder(), copy = await freshFolder();
  const child = await start('lock-child', [folder.path, 'lock']);
  assert.is(await child.line(), 'held false');
  await cp(folder.path, copy.path, { recursive: true });
  const held = await lock(copy.path);
  assert.is((await fault(lock(folder.path))).code, 'store-locked');
  await held.release();
  assert.equal(await readdir(copy.path), []);
  child.process.kill('SIGKILL');
  await child.ended;
  await folder.remove();
  await copy.remove();
});

test('of many that come at the same moment exactly one gets it', async () => {
  const folder = await freshFolder();
  for (let round = 0; round < 3; round++) {
    const children: Child[] = await Promise.all(Array.from({ length: 6 }, () => start('lock-child', [folder.path, 'lock'])));
    const lines = await Promise.all(children.map((child) => child.line()));
    assert.is(lines.filter((line) => line!.startsWith('held')).length, 1, lines.join('; '));
    assert.is(lines.filter((line) => line!.startsWith('store-locked')).length, 5, lines.join('; '));
    for (const child of children) child.process.stdin!.write('go\n');
    await Promise.all(children.map((child) => child.ended));
  }
  assert.equal(await readdir(folder.path), []);
  await folder.remove();
});

test('the store refuses a second process by itself, and opens after the first was killed', async () => {
  const folder = await freshFolder();
  const child = await start('lock-child', [folder.path, 'store']);
  assert.match((await child.line())!, /^held/);
  assert.is((await fault(openLmdb({ folder: folder.path }))).code, 'store-locked');
  child.process.kill('SIGKILL');
  await child.ended;
  const store = await openLmdb({ folder: folder.path });
  assert.is((await fault(openLmdb({ folder: folder.path }))).code, 'store-locked');
  await store.close();
  await folder.remove();
});

test.run();
