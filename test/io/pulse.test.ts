// The pulse of a medium: flushes of others count, a flush that hangs or fails shows, and where nothing is flushed it flushes itself.

import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { mkdtempSync, readdirSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { realDisk, type Disk } from '../../src/io/disk.ts';
import { pulse } from '../../src/io/pulse.ts';

let folder: string;
test.before.each(() => { folder = mkdtempSync(join(tmpdir(), 'holdfast-pulse-')); });
test.after.each(() => { rmSync(folder, { recursive: true }); });

/** A disk whose flushes end when they are told to. */
function held(): { disk: Disk; writes: { path: string; end(error?: Error): void }[] } {
  const writes: { path: string; end(error?: Error): void }[] = [];
  const flush = (path: string): Promise<void> => new Promise((done, fail) => { writes.push({ path, end: (error) => { if (error) fail(error); else done(); } }); });
  const real = realDisk();
  return { writes, disk: { ...real, async open(path, how) { return { ...await real.open(path, how), write: () => flush(path), sync: () => flush(path) }; } } };
}
const soon = (): Promise<void> => new Promise((done) => { setTimeout(done, 10); });
async function state(promise: Promise<void>): Promise<'waits' | 'done' | 'failed'> {
  let now: 'waits' | 'done' | 'failed' = 'waits';
  promise.then(() => { now = 'done'; }, () => { now = 'failed'; });
  await soon();
  return now;
}

test('on a real disk it writes one byte in one place, only when nobody else flushes', async () => {
  const { disk, beat } = pulse(realDisk(), folder);
  await beat();
  await beat();
  assert.is(statSync(join(folder, 'pulse')).size, 1);
  rmSync(join(folder, 'pulse'));
  const file = await disk.open(join(folder, 'journal'), { create: true, durable: true });
  await file.write(new Uint8Array(100), 0);
  await beat();
  assert.equal(readdirSync(folder), ['journal']);
  assert.equal(await file.read(0, 200), new Uint8Array(100));
  await file.close();
});

test('a flush of another counts once it ended, and only for one beat', async () => {
  const { disk, writes } = held();
  const medium = pulse(disk, folder);
  const durable = await medium.disk.open(join(folder, 'a'), { create: true, durable: true });
  const first = durable.write(new Uint8Array(1), 0);
  const beat = medium.beat();
  assert.is(await state(beat), 'waits');
  writes[0]!.end();
  await first;
  assert.is(await state(beat), 'done');
  assert.is(writes.length, 1);
  const next = medium.beat();
  assert.is(await state(next), 'waits');
  assert.is(writes[1]!.path, join(folder, 'pulse'));
  writes[1]!.end();
  assert.is(await state(next), 'done');
});

test('a write that is not flushed proves nothing; a sync does', async () => {
  const { disk, writes } = held();
  const medium = pulse(disk, folder);
  const file = await medium.disk.open(join(folder, 'a'), { create: true });
  const write = file.write(new Uint8Array(1), 0);
  writes[0]!.end();
  await write;
  const beat = medium.beat();
  await soon();
  assert.is(writes.length, 2, 'it flushes itself');
  writes[1]!.end();
  assert.is(await state(beat), 'done');
  const sync = file.sync();
  writes[2]!.end();
  await sync;
  assert.is(await state(medium.beat()), 'done');
  assert.is(writes.length, 3);
});

test('a medium that takes no flush has no pulse', async () => {
  const { disk, writes } = held();
  const medium = pulse(disk, folder);
  const failing = medium.beat().then(() => 'done', () => 'failed');
  await soon();
  writes[0]!.end(new Error('EIO'));
  assert.is(await failing, 'failed');
  const file = await medium.disk.open(join(folder, 'a'), { create: true, durable: true });
  const broken = file.write(new Uint8Array(1), 0);
  writes[1]!.end(new Error('EIO'));
  assert.is(await state(broken), 'failed', 'the writer hears of it as before');
  const next = medium.beat();
  assert.is(await state(next), 'waits', 'a failed flush is none');
  writes[2]!.end();
  assert.is(await state(next), 'done');
});

test.run();
