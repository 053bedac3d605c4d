// Damaged LMDB files: LMDB itself ends the process on most of them. They are opened, named, read around and written beside, each in a process of its own.
// timeout: 240s
import { closeSync, cpSync, fstatSync, openSync, readSync, rmSync, truncateSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import type { Damage } from '../../src/io/lmdb-reader.ts';
import { codeOf } from '../../src/fault.ts';
import { parsePage, readAt, readMetas } from '../../src/io/lmdb-pages.ts';
import { openLmdb, type LmdbStore } from '../../src/io/lmdb.ts';
import type { Op } from '../../src/ports.ts';
import { start } from './child.ts';
import { freshFolder } from './folder.ts';

const PAGE = 4_096, ROUNDS = Number(process.env['DAMAGES'] ?? 14);
const test = suite('lmdb damage');
interface Result { opened: string; rows: number; reversed: number; faults: number; other: string[]; damage: number; written: number; refused: number }

/** A linear congruential generator: the seed is printed. */
function generator(seed: number): (below: number) => number {
  let state = seed;
  return (below) => Math.floor((state = (Math.imul(state, 1_103_515_245) + 12_345) & 0x7fffffff) / 0x80000000 * below);
}

async function filled(folder: string, random: (below: number) => number): Promise<number> {
  const store = await openLmdb({ folder }), bytes = (length: number): Uint8Array => Uint8Array.from({ length }, () => random(256));
  let rows = 0;
  for (let i = 0; i < 40; i++) {
    const ops: Op[] = [{ table: 'segment', key: bytes(20), value: bytes(i % 2 ? 15_000 : 3_000) }, { table: 'frontier', key: bytes(20), value: bytes(50) }];
    for (let j = 0; j < 30; j++) ops.push({ table: 'index', key: bytes(20), value: bytes(60) }, { table: 'latest', key: Uint8Array.of(i, j), value: bytes(100) });
    await store.commit(ops);
    rows += ops.length;
  }
  await store.commit(Array.from({ length: 30 }, (_, i) => ({ table: 'latest' as const, key: Uint8Array.of(7, i) })));
  await store.close();
  return rows - 30;
}

/** Runs the child on a folder, its pages checked while the store is opened or (`checkMs` 0) beside everything else; one that has not ended after half a minute goes round for ever, or waits for ever. */
async function inChild(folder: string, where: string, checkMs = 80): Promise<{ end: string | number; line: string | undefined }> {
  const child = await start('damage-child', [folder, String(checkMs)]), limit = setTimeout(() => { child.process.kill('SIGKILL'); console.log(`${where}: no end after 30 s`); }, 30_000);
  const line = await child.line(), end = await child.ended;
  clearTimeout(limit);
  return { end, line };
}

const KINDS: Record<string, (fd: number, pages: number, random: (below: number) => number) => void> = {
  'a page of zeros': (fd, pages, random) => { writeSync(fd, new Uint8Array(PAGE), 0, PAGE, (2 + random(pages - 2)) * PAGE); },
  'a page of noise': (fd, pages, random) => { writeSync(fd, Uint8Array.from({ length: PAGE }, () => random(256)), 0, PAGE, (2 + random(pages - 2)) * PAGE); },
  'changed bits': (fd, pages, random) => {
    const one = new Uint8Array(1);
    for (let i = 0; i < 60; i++) {
      const at = 2 * PAGE + random((pages - 2) * PAGE);
      readSync(fd, one, 0, 1, at);
      one[0]! ^= 1 << random(8);
      writeSync(fd, one, 0, 1, at);
    }
  },
  'a page in the place of another': (fd, pages, random) => {
    const page = new Uint8Array(PAGE);
    readSync(fd, page, 0, PAGE, (2 + random(pages - 2)) * PAGE);
    writeSync(fd, page, 0, PAGE, (2 + random(pages - 2)) * PAGE);
  },
  'a file cut short': () => undefined,
  'a changed list of free pages': (fd, _, random) => {
    const root = readMetas(fd)[0]!.free.root, one = new Uint8Array(1), at = root * PAGE + [10, 12, 14, 16][random(4)]! + random(random(2) ? 2 : PAGE - 18);
    readSync(fd, one, 0, 1, at);
    one[0]! ^= 1 << random(8);
    writeSync(fd, one, 0, 1, at);
  },
  'changed headers': (fd, _, random) => {
    const one = new Uint8Array(1);
    for (let i = 0; i < 2; i++) {
      const at = random(2) * PAGE + random(152);
      readSync(fd, one, 0, 1, at);
      one[0]! ^= 1 << random(8);
      writeSync(fd, one, 0, 1, at);
    }
  },
};

test(`${ROUNDS} damaged files`, async () => {
  const seed = Number(process.env['SEED'] ?? Math.floor(Math.random() * 1e9)), random = generator(seed), folder = await freshFolder();
  console.log(`seed ${seed}`);
  const base = join(folder.path, 'base'), copy = join(folder.path, 'copy'), rows = await filled(base, random);
  for (let round = 0; round < ROUNDS; round++) {
    const kind = Object.keys(KINDS)[round % Object.keys(KINDS).length]!, where = `seed ${seed}, round ${round}: ${kind}`;
    rmSync(copy, { recursive: true, force: true });
    cpSync(base, copy, { recursive: true });
    const file = join(copy, 'data.mdb'), fd = openSync(file, 'r+'), pages = fstatSync(fd).size / PAGE;
    KINDS[kind]!(fd, pages, random);
    closeSync(fd);
    if (kind === 'a file cut short') truncateSync(file, (2 + random(pages - 2)) * PAGE - random(100));
    for (let again = 0; again < 2; again++) {
      const { end, line } = await inChild(copy, where, again === 0 ? 0 : 80);
      assert.is(end, 0, where);
      const result = JSON.parse(line!) as Result;
      const lost = kind === 'changed headers' && result.opened === 'store-damaged'; // both of them
      assert.equal([lost ? 'yes' : result.opened, result.other], ['yes', []], where);
      if (lost) continue;
      if (again === 0) assert.ok(result.rows === rows || result.damage > 0 || result.faults > 0, `${where}: ${result.rows} of ${rows} rows and nothing said`);
      // Where the roots of the last two commits are lost, so is the way to everything.
      if (kind === 'changed bits' && result.refused < 100) assert.ok(result.rows > rows / 3 && result.reversed > rows / 3, `${where}: ${line}`);
    }
  }
  await folder.remove();
});

test('keys that no scan could get past, too long or out of order, do not send it round for ever', async () => {
  const folder = await freshFolder(), base = join(folder.path, 'base'), copy = join(folder.path, 'copy');
  await filled(base, generator(7));
  const fd = openSync(join(base, 'data.mdb'), 'r+'), meta = readMetas(fd)[0]!, page = (number: number): Uint8Array => readAt(fd, number * PAGE, PAGE);
  // From the root down its middle to a leaf.
  const path: { number: number; bytes: Uint8Array }[] = [];
  for (let number = meta.main.root, level = 1; level <= meta.main.depth; level++) {
    const bytes = page(number), content = parsePage(bytes, number, meta, level, meta.main.depth)!;
    path.push({ number, bytes });
    if ('children' in content) number = content.children[content.children.length >> 1]!;
  }
  closeSync(fd);
  assert.ok(path.length >= 2);
  const node = (bytes: Uint8Array, index: number): number => new DataView(bytes.buffer).getUint16(16 + 2 * index, true);
  for (const { number, bytes } of path) {
    for (const [what, change] of Object.entries<(copied: DataView, at: number) => void>({
      'a long key': (copied, at) => { copied.setUint16(at + 6, 700, true); },
      'a key of the end': (copied, at) => { copied.setUint8(at + 8, 255); },
      'a key of the beginning': (copied, at) => { copied.setUint8(at + 8, 1); },
    })) {
      rmSync(copy, { recursive: true, force: true });
      cpSync(base, copy, { recursive: true });
      const changed = bytes.slice(), count = (new DataView(bytes.buffer).getUint16(12, true) - 16) >> 1, file = openSync(join(copy, 'data.mdb'), 'r+');
      // The node that lies first in the page, of those in the middle: a long key stays inside the page.
      const at = Math.min(...Array.from({ length: count - 2 }, (_, i) => node(bytes, i + 1)));
      change(new DataView(changed.buffer), at);
      writeSync(file, changed, 0, PAGE, number * PAGE);
      closeSync(file);
      const { end, line } = await inChild(copy, `page ${number}: ${what}`, number % 2 * 80), result = JSON.parse(line ?? '{}') as Result;
      assert.equal([end, result.opened, result.other, result.damage > 0], [0, 'yes', [], true], `page ${number}: ${what}`);
    }
  }
  await folder.remove();
});

test('a changed row is named with its table and with where a scan goes on; the rows beside it are served', async () => {
  const folder = await freshFolder(), first = await openLmdb({ folder: folder.path });
  await first.commit([10, 20, 30].map((key) => ({ table: 'lineage' as const, key: Uint8Array.of(key), value: new Uint8Array(50).fill(key) })));
  await first.close();
  const file = join(folder.path, 'data.mdb'), fd = openSync(file, 'r+'), bytes = Buffer.alloc(fstatSync(fd).size);
  readSync(fd, bytes, 0, bytes.length, 0);
  for (let at = bytes.indexOf(Buffer.alloc(50, 20)); at >= 0; at = bytes.indexOf(Buffer.alloc(50, 20), at + 50)) writeSync(fd, Uint8Array.of(21), 0, 1, at + 7);
  closeSync(fd);
  const store = await openLmdb({ folder: folder.path });
  const fault = await store.get('lineage', Uint8Array.of(20)).then(() => undefined, (error: unknown) => error as Error);
  assert.is(codeOf(fault), 'store-damaged');
  assert.match(fault!.message, 'lineage');
  for (const [reverse, before, after] of [[false, 10, 30], [true, 30, 10]] as const) {
    assert.equal((await store.scan('lineage', { reverse })).map((row) => row.key[0]), [before]);
    const stop = await store.scan('lineage', reverse ? { reverse, lt: Uint8Array.of(before) } : { gte: Uint8Array.of(before, 0) }).then(() => undefined, (error: unknown) => error as Error);
    assert.is(codeOf(stop), 'store-damaged');
    const next = (stop!.cause as Damage).next!;
    assert.equal((await store.scan('lineage', reverse ? { reverse, lt: next } : { gte: next })).map((row) => row.key[0]), [after]);
  }
  await store.commit([{ table: 'lineage', key: Uint8Array.of(20), value: Uint8Array.of(1) }]);
  assert.is((await store.scan('lineage', {})).length, 3);
  await store.close();
  await folder.remove();
});

test('when the root of the tree is lost, the state before the last commit stands in', async () => {
  const folder = await freshFolder(), first = await openLmdb({ folder: folder.path }), put = (store: LmdbStore, key: number): Promise<void> => store.commit([{ table: 'log', key: Uint8Array.of(key), value: new Uint8Array(500).fill(key) }]);
  for (let i = 1; i <= 60; i++) await put(first, i);
  await first.close();
  const fd = openSync(join(folder.path, 'data.mdb'), 'r+');
  writeSync(fd, new Uint8Array(PAGE).fill(1), 0, PAGE, readMetas(fd)[0]!.main.root * PAGE);
  closeSync(fd);
  const store = await openLmdb({ folder: folder.path });
  assert.equal((await store.scan('log', {})).map((row) => row.key[0]), Array.from({ length: 59 }, (_, i) => i + 1));
  assert.is(store.damage.length, 1);
  assert.match(store.damage[0]!, 'before its last commit');
  for (let i = 70; i < 75; i++) await put(store, i);
  await store.close();
  const again = await openLmdb({ folder: folder.path });
  assert.equal([...again.damage], []);
  assert.is((await again.scan('log', {})).length, 64);
  await again.close();
  await folder.remove();
});

test('one damaged header is mended; two are a fault that says what to do', async () => {
  for (const page of [0, 1]) {
    const folder = await freshFolder(), first = await openLmdb({ folder: folder.path });
    for (let i = 1; i <= 4 + page; i++) await first.commit([{ table: 'log', key: Uint8Array.of(i), value: Uint8Array.of(i) }]);
    await first.close();
    const zero = (at: number): void => { const fd = openSync(join(folder.path, 'data.mdb'), 'r+'); writeSync(fd, new Uint8Array(200), 0, 200, at); closeSync(fd); };
    zero(page * PAGE);
    const store = await openLmdb({ folder: folder.path });
    assert.ok((await store.scan('log', {})).length >= 3 + page);
    assert.match(store.damage[0]!, 'mended');
    await store.commit([{ table: 'log', key: Uint8Array.of(100), value: Uint8Array.of(1) }]);
    await store.close();
    const again = await openLmdb({ folder: folder.path });
    assert.equal([...again.damage], []);
    assert.ok(await again.get('log', Uint8Array.of(100)));
    await again.close();
    zero(0);
    zero(PAGE);
    const fault = await openLmdb({ folder: folder.path }).then(() => undefined, (error: unknown) => error as Error);
    assert.is(codeOf(fault), 'store-damaged');
    await folder.remove();
  }
});

test.run();
