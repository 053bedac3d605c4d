// The journal when the medium fails: no space, errors of a flush, slow flushes.
import { cp, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { codeOf } from '../../src/fault.ts';
import { realDisk, slowDisk } from '../../src/io/disk.ts';
import { openJournal } from '../../src/io/journal.ts';
import { faultDisk, systemError } from './fault-disk.ts';
import { freshFolder } from './folder.ts';
import { smallMount } from './mount.ts';

const test = suite('journal faults');
const record = (length: number, value = 1): Uint8Array => new Uint8Array(length).fill(value);
const code = (promise: Promise<unknown>): Promise<string> => promise.then(() => 'none', codeOf);
const reread = async (folder: string): Promise<number[]> => {
  const journal = await openJournal({ folder }), { records, damage } = await journal.replay();
  assert.equal(damage, []);
  await journal.close();
  return records.map((found) => found[0]!);
};

test('no space to grow: what fits is kept, the rest and all behind it is refused, and later appends succeed', async () => {
  const folder = await freshFolder(), disk = faultDisk(realDisk());
  const journal = await openJournal({ folder: folder.path, disk });
  await journal.append(record(100, 1));
  let full = true;
  disk.before = (_path, bytes, at) => full && at + bytes.length > 16_384 ? { error: systemError('ENOSPC'), part: 100 } : undefined;
  const size = journal.size;
  const all = await Promise.all([journal.append(record(1_000, 2)), journal.append(record(50_000, 3)), journal.append(record(10, 4))].map(code));
  assert.equal(all, ['none', 'store-full', 'store-full']);
  assert.is(journal.size, size + 1_020);
  assert.is(await code(journal.append(record(200_000, 5))), 'store-full');
  assert.is(await code(journal.append(record(1_000, 6))), 'none');
  full = false;
  assert.is(await code(journal.append(record(200_000, 7))), 'none');
  await journal.close();
  assert.equal(await reread(folder.path), [1, 2, 6, 7]);
  await folder.remove();
});

test('no space in the middle of a write: nothing of it is ever replayed', async () => {
  for (const fresh of [true, false]) {
    const folder = await freshFolder(), disk = faultDisk(realDisk());
    const journal = await openJournal({ folder: folder.path, disk });
    if (!fresh) await journal.append(record(100, 1));
    let failed = false;
    disk.before = (_path, bytes) => !failed && Buffer.from(bytes).includes(Buffer.alloc(10, 9)) && (failed = true) ? { error: systemError('ENOSPC'), part: bytes.length - 30 } : undefined;
    assert.equal(await Promise.all([journal.append(record(10, 8)), journal.append(record(400, 8)), journal.append(record(10, 9))].map(code)), ['store-full', 'store-full', 'store-full']);
    disk.before = () => undefined;
    const copy = join(folder.path, 'copy');
    await cp(join(folder.path, '0.journal'), join(copy, '0.journal'));
    assert.equal(await reread(copy), fresh ? [] : [1]);
    await rm(copy, { recursive: true });
    assert.is(await code(journal.append(record(100, 2))), 'none');
    await journal.close();
    assert.equal(await reread(folder.path), fresh ? [2] : [1, 2]);
    await folder.remove();
  }
});

test('any other error of a flush stops the journal for good', async () => {
  for (const error of ['EIO', 'EROFS'] as const) {
    const folder = await freshFolder(), disk = faultDisk(realDisk());
    const journal = await openJournal({ folder: folder.path, disk });
    await journal.append(record(100, 1));
    disk.before = () => ({ error: systemError(error) });
    assert.equal(await Promise.all([journal.append(record(1)), journal.append(record(1))].map(code)), ['store-failed', 'store-failed']);
    disk.before = () => undefined;
    assert.is(await code(journal.append(record(1))), 'store-failed');
    assert.is(await code(journal.release(journal.turn())), 'store-failed');
    journal.note(record(1));
    await journal.close();
    assert.equal(await reread(folder.path), [1]);
    await folder.remove();
  }
});

test('an error while a generation is freed stops the journal, too', async () => {
  const folder = await freshFolder(), disk = faultDisk(realDisk());
  const journal = await openJournal({ folder: folder.path, disk });
  await journal.append(record(100, 1));
  disk.before = () => ({ error: systemError('EIO') });
  assert.is(await code(journal.release(journal.turn())), 'store-failed');
  assert.is(await code(journal.append(record(1))), 'store-failed');
  await journal.close();
  assert.equal(await reread(folder.path), [1]);
  await folder.remove();
});

test('slow flushes are shared: 64 callers need hardly more of them than one', async () => {
  const folder = await freshFolder();
  let flushes = 0;
  const slow = slowDisk(realDisk(), 5), disk = faultDisk(slow);
  disk.before = () => { flushes++; return undefined; };
  const journal = await openJournal({ folder: folder.path, disk });
  let left = 640;
  await Promise.all(Array.from({ length: 64 }, async () => { while (left-- > 0) await journal.append(record(100)); }));
  assert.ok(flushes <= 24, `${flushes} flushes for 10 rounds`);
  await journal.close();
  assert.is((await reread(folder.path)).length, 640);
  await folder.remove();
});

test('a medium that is really full', async () => {
  const mount = await smallMount(1_048_576);
  if (!mount) { console.log('skipped: "a medium that is really full" needs the right to mount a tmpfs'); assert.ok(true); return; }
  try {
    const folder = join(mount.path, 'journal'), journal = await openJournal({ folder });
    let kept = 0, seen = '';
    for (; kept < 100 && !seen; kept++) await journal.append(record(30_000, kept + 1)).catch((error: unknown) => { seen = codeOf(error); kept--; });
    assert.is(seen, 'store-full');
    assert.ok(kept > 20, `${kept}`);
    await journal.close();
    assert.equal(await reread(folder), Array.from({ length: kept }, (_, i) => i + 1));
    const again = await openJournal({ folder });
    await again.release(again.turn());
    for (let i = 0; i < 20; i++) assert.is(await code(again.append(record(30_000, 7))), 'none');
    await again.close();
    assert.is((await reread(folder)).length, 20);
  } finally {
    await mount.remove();
  }
});

test.run();
