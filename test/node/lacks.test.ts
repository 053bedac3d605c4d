// What a peer lacks: nothing while a session has just brought both level, and what does not get through as soon as it has not for a while.
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import type { Node } from '../../src/node.ts';
import { lacksOf } from '../../src/node-lacks.ts';
import { createFleet, joinFleet } from '../../src/node-setup.ts';
import { invite } from '../../src/node-acts.ts';
import { linkPair } from '../bench/memory-link.ts';
import { Chance } from '../sim/chance.ts';
import { EagerTimeline } from '../sim/eager-timeline.ts';
import { fakeCrypto } from '../sim/fake-crypto.ts';
import { Disk } from '../sim/memory-disk.ts';
import { mountJournal } from '../sim/memory-journal.ts';
import { mountStore } from '../sim/memory-store.ts';
import { Mount } from '../sim/mount.ts';

const lacks = suite('what peers lack');
let ms = 0;

function options(name: string) {
  const disk = new Disk(name), chance = new Chance(name), mount = new Mount(disk, new EagerTimeline(), chance);
  return {
    store: mountStore(mount), journal: mountJournal(mount), random: chance, crypto: fakeCrypto,
    clock: { now: () => 1_790_000_000_000 + ms, uptime: () => ms, quality: () => 2 as const, boot: new Uint8Array(8) },
    keys: { load: () => Promise.resolve(disk.keyFile), save: (bytes: Uint8Array) => { disk.keyFile = bytes.slice(); return Promise.resolve(); } },
    wake: () => undefined, notice: () => undefined, windowMs: 0,
  };
}
async function until(nodes: Node[], done: () => boolean): Promise<void> {
  while (!done()) {
    ms += 5;
    for (const node of nodes) node.tick();
    await new Promise((resolve) => { setTimeout(resolve, 1); });
  }
}
const lacking = async (node: Node): Promise<number[]> => (await lacksOf(node, 10)).map(({ events }) => events);

lacks('a link that was level and takes no more is level for a moment only', async () => {
  const { node: a } = await createFleet(options('a'), { name: 'f', nodeName: 'a' });
  const b = await joinFleet(options('b'), await invite(a, { admin: false, read: ['*'], write: ['*'] }), { nodeName: 'b' });
  const { a: left, b: right } = linkPair(), at = a.connect(left, 'open', {});
  b.connect(right, 'accept', {});
  await a.append('s', [{ key: 'k', type: 't', body: 1 }]);
  await until([a, b], () => at.level && b.digest().events === 1);
  assert.equal(await lacking(a), [0]);
  // From here on nothing arrives, and nobody says so.
  left.send = right.send = () => true;
  await a.append('s', Array.from({ length: 200 }, (_, n) => ({ key: 'k', type: 't', body: n })), { urgent: true });
  assert.ok(at.level);
  ms += 15_000;
  assert.equal([at.synced, at.equal, at.level], [true, true, false]);
  const [events] = await lacking(a);
  assert.ok(events! >= 200, `${events}`);
  await Promise.all([a.close(), b.close()]);
});

lacks.run();
