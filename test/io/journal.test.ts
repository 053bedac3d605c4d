// The journal on files: the conformance suite, and what the files look like over time.
import { join } from 'node:path';
import { readdir, stat } from 'node:fs/promises';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { openJournal } from '../../src/io/journal.ts';
import { realDisk } from '../../src/io/disk.ts';
import { faultDisk } from './fault-disk.ts';
import { freshFolder } from './folder.ts';
import { journalConformance } from './journal-conformance.ts';

journalConformance('files', async () => {
  const folder = await freshFolder();
  return { open: () => openJournal({ folder: join(folder.path, 'journal') }), remove: folder.remove };
});

const test = suite('journal files');
const record = (length: number, value = 7): Uint8Array => new Uint8Array(length).fill(value);

async function lengths(folder: string): Promise<number[]> {
  const names = (await readdir(folder)).sort();
  return Promise.all(names.map(async (name) => (await stat(join(folder, name))).size));
}

test('opening and closing without a record leaves no file; a released journal keeps one small one', async () => {
  const folder = await freshFolder();
  const first = await openJournal({ folder: folder.path });
  await first.close();
  assert.equal(await lengths(folder.path), []);
  const second = await openJournal({ folder: folder.path });
  for (let i = 0; i < 50; i++) await second.append(record(30_000));
  assert.ok((await lengths(folder.path))[0]! >= 1_500_000);
  await second.release(second.turn());
  await second.close();
  assert.equal(await lengths(folder.path), [16_384]);
  await folder.remove();
});

test('two files take turns, and their length stays the same while records are added', async () => {
  const folder = await freshFolder();
  const journal = await openJournal({ folder: folder.path });
  const seen = new Set<string>();
  for (let round = 0; round < 8; round++) {
    for (let i = 0; i < 40; i++) await journal.append(record(1_000));
    const generation = journal.turn();
    for (let i = 0; i < 3; i++) await journal.append(record(1_000));
    await journal.release(generation);
    if (round >= 3) seen.add(String(await lengths(folder.path)));
  }
  assert.is(seen.size, 1, [...seen].join(' then '));
  assert.is([...seen][0]!.split(',').length, 2);
  await journal.close();
  await folder.remove();
});

test('a small flush stays within one block, and blocks are read as one sequence', async () => {
  const folder = await freshFolder(), disk = faultDisk(realDisk()), blocks: number[] = [];
  disk.before = (_path, bytes, at) => { if (at >= 8_192 && bytes.length < 8_192) blocks.push(Math.floor((at + bytes.length - 1) / 4_096) - Math.floor(at / 4_096)); return undefined; };
  const journal = await openJournal({ folder: folder.path, disk });
  const sizes = Array.from({ length: 400 }, (_, i) => 1 + (i * 97) % 1_400);
  for (const size of sizes) await journal.append(record(size));
  const crossing = sizes.slice(1).filter((size) => size + 20 > 1_024).length;
  assert.ok(blocks.filter((count) => count > 0).length <= crossing, 'only large groups cross');
  await journal.close();
  const again = await openJournal({ folder: folder.path }), { records, damage } = await again.replay();
  assert.equal(records.map((found) => found.length), sizes);
  assert.equal([damage, [...again.torn]], [[], []]);
  await again.close();
  await folder.remove();
});

test('an unreadable file is named, kept under another name, and stops nothing', async () => {
  const folder = await freshFolder();
  const { writeFile } = await import('node:fs/promises');
  const journal = await openJournal({ folder: folder.path });
  await journal.append(record(10));
  await journal.close();
  await writeFile(join(folder.path, '5.journal'), 'what is this');
  await writeFile(join(folder.path, 'notes.txt'), 'not ours');
  const again = await openJournal({ folder: folder.path });
  const { records, damage } = await again.replay();
  assert.is(records.length, 1);
  assert.is(damage.length, 1);
  assert.match(damage[0]!, /5\.journal/);
  await again.append(record(11));
  await again.release(again.turn());
  await again.close();
  assert.ok((await readdir(folder.path)).includes('5.unreadable'));
  assert.equal((await (await openJournal({ folder: folder.path })).replay()).damage, []);
  await folder.remove();
});

test.run();
