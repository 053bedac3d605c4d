// A node's own life: checkpoints that overlap, closing in the middle of things, followers that throw.
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { codeOf } from '../../src/fault.ts';
import { openNode } from '../../src/node.ts';
import type { Node } from '../../src/node.ts';
import type { Notice } from '../../src/node-options.ts';
import { createFleet } from '../../src/node-setup.ts';
import { Chance } from '../sim/chance.ts';
import { EagerTimeline } from '../sim/eager-timeline.ts';
import { fakeCrypto } from '../sim/fake-crypto.ts';
import { Disk } from '../sim/memory-disk.ts';
import { mountJournal } from '../sim/memory-journal.ts';
import { mountStore } from '../sim/memory-store.ts';
import { Mount } from '../sim/mount.ts';

const life = suite('life of a node');

/** Starts a process on a disk; the first one founds a fleet. */
async function start(disk: Disk, name: string): Promise<{ node: Node; notices: Notice[] }> {
  const chance = new Chance(name), mount = new Mount(disk, new EagerTimeline(), chance), notices: Notice[] = [];
  const options = {
    store: mountStore(mount), journal: mountJournal(mount), random: chance, crypto: fakeCrypto,
    clock: { now: () => 1_000_000, uptime: () => 0, quality: () => 2 as const, boot: new Uint8Array(8) },
    keys: { load: () => Promise.resolve(disk.keyFile), save: (bytes: Uint8Array) => { disk.keyFile = bytes.slice(); return Promise.resolve(); } },
    wake: () => undefined, notice: (n: Notice) => { notices.push(n); },
  };
  return { node: disk.keyFile ? await openNode(options) : (await createFleet(options, { name: 'f', nodeName: 'n' })).node, notices };
}
const draft = (n: number): { key: string; type: string; body: number } => ({ key: `k${n % 2}`, type: 't', body: n });

life('a checkpoint that is asked for while one is under way stores what was appended before the call', async () => {
  const { node } = await start(new Disk('a'), '1');
  await node.append('s', [draft(1)]);
  const first = node.checkpoint();
  await node.append('s', [draft(2)]);
  await Promise.all([first, node.checkpoint(), node.checkpoint()]);
  assert.is(node.writer.unstored().length, 0);
  assert.is(node.streams().find((s) => s.stream === 's')!.events, 2);
  assert.equal((await node.verify(() => undefined)).damaged, []);
  await node.close();
});

life('a node that is closed in the middle of appends keeps what it acknowledged, and says `closed` afterwards', async () => {
  const disk = new Disk('a');
  const { node } = await start(disk, '1');
  const kept = Promise.allSettled(Array.from({ length: 8 }, (_, i) => node.append('s', [draft(i)])));
  await Promise.all([node.close(), node.close()]);
  assert.ok((await kept).every((one) => one.status === 'fulfilled'));
  assert.is(node.tick(), undefined);
  for (const late of [node.append('s', [draft(9)]), node.latest('s', 'k1')]) {
    try { await late; assert.unreachable(); } catch (error) { assert.is(codeOf(error), 'closed'); }
  }
  const again = await start(disk, '2');
  let n = 0;
  for await (const entry of again.node.read('s')) { n++; assert.is(entry.stream, 's'); }
  assert.is(n, 8);
  await again.node.close();
});

life('a follower that throws costs no append, and is named', async () => {
  const { node, notices } = await start(new Disk('a'), '1');
  let told = 0;
  node.follow('s', {}, () => { throw new Error('broken'); });
  node.follow('s', {}, () => { told++; });
  await node.append('s', [draft(1)]);
  await node.append('s', [draft(2)]);
  assert.is(told, 2);
  assert.is(notices.filter((n) => n.kind === 'alarm' && n.alarm.code === 'follower').length, 1);
  await node.close();
});

life.run();
