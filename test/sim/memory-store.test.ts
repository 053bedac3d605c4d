// The memory store runs the suite of every Store, and keeps exactly what a power cut may leave.

import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { storeConformance } from '../io/store-conformance.ts';
import { Chance } from './chance.ts';
import { EagerTimeline } from './eager-timeline.ts';
import { Disk } from './memory-disk.ts';
import { mountStore } from './memory-store.ts';
import { Mount } from './mount.ts';
import { Timeline } from './timeline.ts';

storeConformance('memory', () => {
  const disk = new Disk('d');
  const timeline = new EagerTimeline();
  return { open: async () => mountStore(new Mount(disk, timeline, new Chance('conformance'))) };
});

const test = suite('memory store: power cuts');
const key = (n: number): Uint8Array => Uint8Array.of(n);

test('what resolved survives, the rest is a first part of the commits, each whole', async () => {
  const kept = new Set<number>();
  for (let seed = 0; seed < 40; seed++) {
    const disk = new Disk('d');
    const timeline = new Timeline();
    const mount = new Mount(disk, timeline, new Chance(`cut ${seed}`));
    const store = mountStore(mount);
    let resolved = 0;
    for (let n = 0; n < 10; n++) {
      timeline.after(n, () => {
        void store.commit([{ table: 'log', key: key(n), value: key(n) }, { table: 'index', key: key(n), value: key(n) }]).then(() => { resolved++; });
      });
    }
    await timeline.run(new Chance(`when ${seed}`).unit() * 14);
    store.survive(disk);
    mount.dead = true;
    await timeline.run(1_000);
    const rows = disk.tables.log.scan({});
    assert.equal(rows.map((row) => row.key[0]), rows.map((_, i) => i));
    assert.equal(disk.tables.index.scan({}).length, rows.length);
    assert.ok(rows.length >= resolved);
    kept.add(rows.length - resolved);
  }
  assert.ok(kept.size > 1, 'in some worlds what was in flight happened, in others not');
});

test('a full disk refuses what adds, takes what removes, and takes more when there is room', async () => {
  const disk = new Disk('d');
  const store = mountStore(new Mount(disk, new EagerTimeline(), new Chance('full')));
  await store.commit([{ table: 'log', key: key(1), value: new Uint8Array(100) }]);
  disk.capacity = 150;
  const error = await store.commit([{ table: 'log', key: key(2), value: new Uint8Array(100) }]).then(() => undefined, (fault: { code: string }) => fault.code);
  assert.is(error, 'store-full');
  assert.is(await store.get('log', key(2)), undefined);
  await store.commit([{ table: 'log', key: key(1) }]);
  await store.commit([{ table: 'log', key: key(2), value: new Uint8Array(100) }]);
  assert.is((await store.get('log', key(2)))!.length, 100);
});

test('after a failed flush nothing is acknowledged any more', async () => {
  const disk = new Disk('d');
  const mount = new Mount(disk, new EagerTimeline(), new Chance('fail'));
  let told = 0;
  mount.onFailed = () => { told++; };
  const store = mountStore(mount);
  disk.failNextFlush = true;
  const codes = await Promise.all([1, 2].map((n) => store.commit([{ table: 'log', key: key(n), value: key(n) }]).then(() => 'none', (fault: { code: string }) => fault.code)));
  assert.equal(codes, ['store-failed', 'store-failed']);
  assert.is(await store.commit([]).then(() => 'none', (fault: { code: string }) => fault.code), 'store-failed');
  assert.is(told, 1);
});

test.run();
