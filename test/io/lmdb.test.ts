// The store on LMDB: the conformance suite, and what is LMDB's own: shared commits, a growing map, short reads, errors.
import { readdir, writeFile } from 'node:fs/promises';
import { rmSync } from 'node:fs';
import { join } from 'node:path';
import lmdb from 'node-lmdb';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { codeOf } from '../../src/fault.ts';
import { openLmdb } from '../../src/io/lmdb.ts';
import type { Op, Store } from '../../src/ports.ts';
import { freshFolder } from './folder.ts';
import { smallMount } from './mount.ts';
import { storeConformance } from './store-conformance.ts';

storeConformance('lmdb', async () => {
  const folder = await freshFolder();
  return { open: () => openLmdb({ folder: folder.path }), remove: folder.remove };
});

storeConformance('lmdb with a tiny map', async () => {
  const folder = await freshFolder();
  return { open: () => openLmdb({ folder: folder.path, mapBytes: 65_536 }), remove: folder.remove };
});

const test = suite('lmdb');
const put = (key: number, length: number): Op => ({ table: 'segment', key: Uint8Array.of(key >> 8, key & 255), value: new Uint8Array(length).fill(key) });
const code = (promise: Promise<unknown>): Promise<string> => promise.then(() => 'none', codeOf);
const keys = async (store: Store): Promise<number[]> => (await store.scan('segment', {})).map((row) => (row.key[0]! << 8) + row.key[1]!);

test('commits that arrive while one is under way share the next', async () => {
  const folder = await freshFolder();
  let writes = 0;
  const store = await openLmdb({ folder: folder.path, flushMs: 2, inject: () => { writes++; return undefined; } });
  let left = 640;
  await Promise.all(Array.from({ length: 64 }, async () => { while (left > 0) await store.commit([put(left--, 10)]); }));
  assert.ok(writes <= 24, `${writes} writes for 10 rounds`);
  assert.is((await keys(store)).length, 640);
  await store.close();
  await folder.remove();
});

test('the map grows while others read and write', async () => {
  const folder = await freshFolder();
  const store = await openLmdb({ folder: folder.path, mapBytes: 131_072 });
  let done = false;
  const reader = (async () => { while (!done) { await store.scan('segment', { limit: 20 }); await new Promise((next) => { setImmediate(next); }); } })();
  await Promise.all(Array.from({ length: 200 }, (_, i) => store.commit([put(i, 50_000)])));
  done = true;
  await reader;
  assert.equal(await keys(store), Array.from({ length: 200 }, (_, i) => i).slice(0, (await keys(store)).length));
  for (let i = 0; i < 200; i++) assert.is((await store.get('segment', Uint8Array.of(0, i)))!.length, 50_000);
  await store.close();
  const again = await openLmdb({ folder: folder.path, mapBytes: 131_072 });
  assert.is((await again.get('segment', Uint8Array.of(0, 199)))![0], 199);
  await again.close();
  await folder.remove();
});

test('readers leave nothing open: rows that are replaced over and over do not make the file grow', async () => {
  const folder = await freshFolder(), store = await openLmdb({ folder: folder.path });
  const sizes: number[] = [];
  for (let round = 0; round < 300; round++) {
    const commit = store.commit(Array.from({ length: 10 }, (_, i) => put(i, 3_000)));
    await store.scan('segment', { reverse: round % 2 === 0 });
    await store.get('segment', Uint8Array.of(0, 3));
    await commit;
    sizes.push((await store.space()).used);
  }
  assert.ok(sizes[299]! <= sizes[50]! + 100_000, `${sizes[50]} → ${sizes[299]}`);
  await store.close();
  await folder.remove();
});

test('a flush that fails stops the store for good; reading goes on', async () => {
  const folder = await freshFolder();
  let broken = false;
  const store = await openLmdb({ folder: folder.path, inject: () => broken ? new Error('Input/output error') : undefined });
  await store.commit([put(1, 10)]);
  broken = true;
  assert.equal(await Promise.all([store.commit([put(2, 10)]), store.commit([put(3, 10)])].map(code)), ['store-failed', 'store-failed']);
  broken = false;
  assert.is(await code(store.commit([put(4, 10)])), 'store-failed');
  assert.equal(await keys(store), [1]);
  await store.close();
  const again = await openLmdb({ folder: folder.path });
  await again.commit([put(5, 10)]);
  assert.equal(await keys(again), [1, 5]);
  await again.close();
  await folder.remove();
});

test('when a shared write finds no space, its batches are tried one by one', async () => {
  const folder = await freshFolder();
  let calls = 0;
  // The shared write and the second single one fail.
  const store = await openLmdb({ folder: folder.path, inject: () => { calls++; return calls === 1 || calls === 3 ? new Error('No space left on device') : undefined; } });
  assert.equal(await Promise.all([store.commit([put(1, 10)]), store.commit([put(2, 10)]), store.commit([put(3, 10)])].map(code)), ['none', 'store-full', 'none']);
  assert.equal(await keys(store), [1, 3]);
  await store.close();
  await folder.remove();
});

test('a medium that is really full: refused, read on, and written again when there is room', async () => {
  const mount = await smallMount(2 * 1_048_576);
  if (!mount) { console.log('skipped: "a medium that is really full" needs the right to mount a tmpfs'); assert.ok(true); return; }
  try {
    await writeFile(join(mount.path, 'other'), new Uint8Array(600_000));
    const store = await openLmdb({ folder: join(mount.path, 'store') });
    const kept: number[] = [];
    let seen = 'none';
    for (let i = 0; i < 100 && seen === 'none'; i++) {
      seen = await code(store.commit([put(i, 50_000)]));
      if (seen === 'none') kept.push(i);
    }
    assert.is(seen, 'store-full');
    assert.ok(kept.length > 10, `${kept.length}`);
    assert.equal(await keys(store), kept);
    assert.is(await code(store.commit([put(200, 60_000)])), 'store-full');
    assert.ok((await store.space()).free < 100_000);
    rmSync(join(mount.path, 'other'));
    assert.is(await code(store.commit([put(201, 50_000)])), 'none');
    assert.equal(await keys(store), [...kept, 201]);
    await store.close();
    const again = await openLmdb({ folder: join(mount.path, 'store') });
    assert.equal(await again.check(), []);
    assert.equal(await keys(again), [...kept, 201]);
    await again.close();
  } finally {
    await mount.remove();
  }
});

test('compacting gives free pages back, while reads and commits go on', async () => {
  const folder = await freshFolder(), store = await openLmdb({ folder: folder.path });
  await Promise.all(Array.from({ length: 200 }, (_, i) => store.commit([put(i, 15_000), { table: 'index', key: Uint8Array.of(i), value: Uint8Array.of(i) }])));
  await store.commit(Array.from({ length: 190 }, (_, i) => ({ table: 'segment' as const, key: Uint8Array.of(0, i) })));
  const { used } = await store.space();
  assert.is(await store.compact(64 * 1_048_576), 0, 'not for so little');
  let done = false, reads = 0;
  const reader = (async () => { while (!done) { assert.is((await store.scan('index', {})).length >= 200, true); reads++; await new Promise((next) => { setImmediate(next); }); } })();
  const before = store.commit([put(300, 10)]), compacting = store.compact(100_000), after = store.commit([put(301, 10), { table: 'index', key: Uint8Array.of(250), value: Uint8Array.of(1) }]);
  await Promise.all([before, after]);
  assert.ok(await compacting > 2_000_000);
  done = true;
  await reader;
  assert.ok(reads > 1);
  assert.ok((await store.space()).used < used / 4);
  const expected = [...Array.from({ length: 10 }, (_, i) => 190 + i), 300, 301];
  assert.equal(await keys(store), expected);
  assert.equal(await store.check(), []);
  await store.close();
  assert.equal((await readdir(folder.path)).sort(), ['data.mdb', 'lock.mdb']);
  const again = await openLmdb({ folder: folder.path });
  assert.equal(await keys(again), expected);
  await again.close();
  await folder.remove();
});

test('compacting without space for the copy leaves everything as it is', async () => {
  const mount = await smallMount(4 * 1_048_576);
  if (!mount) { console.log('skipped: "compacting without space" needs the right to mount a tmpfs'); assert.ok(true); return; }
  try {
    const store = await openLmdb({ folder: mount.path });
    await store.commit(Array.from({ length: 60 }, (_, i) => put(i, 50_000)));
    await store.commit(Array.from({ length: 10 }, (_, i) => ({ table: 'segment' as const, key: Uint8Array.of(0, i) })));
    assert.is(await store.compact(100_000), 0);
    assert.is((await keys(store)).length, 50);
    await store.commit([put(100, 10)]);
    await store.close();
  } finally {
    await mount.remove();
  }
});

test('a store of a later layout is refused', async () => {
  const folder = await freshFolder(), env = new lmdb.Env();
  env.open({ path: folder.path, mapSize: 1_048_576 });
  const dbi = env.openDbi({ name: null, keyIsBuffer: true }), transaction = env.beginTxn();
  transaction.putBinary(dbi, Buffer.of(0), Buffer.of(2), { keyIsBuffer: true });
  transaction.commit();
  env.close();
  assert.is(await code(openLmdb({ folder: folder.path })), 'unsupported');
  assert.is(await code(openLmdb({ folder: folder.path })), 'unsupported', 'it was closed again');
  await folder.remove();
});

test('a folder that cannot be used is named', async () => {
  const folder = await freshFolder(), path = join(folder.path, 'file');
  await writeFile(path, '');
  const error = await openLmdb({ folder: path }).then(() => undefined, (fault: unknown) => fault);
  assert.is(codeOf(error), 'store-failed');
  assert.match((error as Error).message, path);
  await folder.remove();
});

test.run();
