// The memory journal runs the suite of every Journal, and keeps exactly what a power cut may leave.

import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { journalConformance } from '../io/journal-conformance.ts';
import { Chance } from './chance.ts';
import { EagerTimeline } from './eager-timeline.ts';
import { Disk } from './memory-disk.ts';
import { mountJournal } from './memory-journal.ts';
import { Mount } from './mount.ts';
import { Timeline } from './timeline.ts';

journalConformance('memory', () => {
  const disk = new Disk('d');
  const timeline = new EagerTimeline();
  return { open: async () => mountJournal(new Mount(disk, timeline, new Chance('conformance'))) };
});

const test = suite('memory journal: power cuts');

test('what resolved survives in order, of the rest a first part at most', async () => {
  const beyond = new Set<number>();
  for (let seed = 0; seed < 40; seed++) {
    const disk = new Disk('d');
    const timeline = new Timeline();
    const mount = new Mount(disk, timeline, new Chance(`cut ${seed}`));
    const journal = mountJournal(mount);
    let resolved = 0;
    for (let n = 0; n < 10; n++) {
      timeline.after(n * 0.7, () => { void journal.append(Uint8Array.of(n)).then(() => { resolved++; }); });
      if (n === 5) timeline.after(n * 0.7, () => { journal.turn(); });
    }
    await timeline.run(new Chance(`when ${seed}`).unit() * 10);
    journal.survive(disk);
    mount.dead = true;
    await timeline.run(1_000);
    const next = mountJournal(new Mount(disk, new EagerTimeline(), new Chance('next')));
    const { records } = await next.replay();
    assert.equal(records.map((record) => record[0]), records.map((_, i) => i));
    assert.ok(records.length >= resolved);
    beyond.add(records.length - resolved);
  }
  assert.ok(beyond.size > 1, 'in some worlds what was in flight happened, in others not');
});

test('a full disk refuses a record and all queued behind it', async () => {
  const disk = new Disk('d');
  const journal = mountJournal(new Mount(disk, new EagerTimeline(), new Chance('full')));
  disk.capacity = 25;
  const code = (promise: Promise<void>): Promise<string> => promise.then(() => 'none', (fault: { code: string }) => fault.code);
  const first = journal.append(new Uint8Array(10));
  const rest = [20, 1, 10].map((bytes) => code(journal.append(new Uint8Array(bytes))));
  await first;
  assert.equal(await Promise.all(rest), ['store-full', 'store-full', 'store-full']);
  disk.capacity = 100;
  await journal.append(new Uint8Array(1));
  assert.equal(disk.generations.flatMap(({ records }) => records).map((record) => record.length), [10, 1]);
});

test.run();
