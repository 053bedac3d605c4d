// Several links between two processes: one is used, the others rest and take over; copies of one machine are told apart; a link to oneself ends.
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { codeOf } from '../../src/fault.ts';
import type { Node } from '../../src/node.ts';
import { openNode } from '../../src/node.ts';
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

const choice = suite('choice of links');

function options(disk: Disk, seed: string) {
  const chance = new Chance(seed), mount = new Mount(disk, new EagerTimeline(), chance), began = performance.now();
  return {
    store: mountStore(mount), journal: mountJournal(mount), random: chance, crypto: fakeCrypto,
    clock: { now: () => Date.now(), uptime: () => Math.round(performance.now() - began), quality: () => 2 as const, boot: new Uint8Array(8) },
    keys: { load: () => Promise.resolve(disk.keyFile), save: (bytes: Uint8Array) => { disk.keyFile = bytes.slice(); return Promise.resolve(); } },
    wake: () => undefined, notice: () => undefined, windowMs: 0,
  };
}
async function two(disk = new Disk('b')): Promise<[Node, Node]> {
  const { node } = await createFleet(options(new Disk('a'), 'a'), { name: 'f', nodeName: 'a' });
  return [node, await joinFleet(options(disk, 'b'), await invite(node, { admin: false, read: ['*'], write: ['*'] }), { nodeName: 'b' })];
}
function join(x: Node, y: Node, preference?: number) {
  const { a, b, traffic } = linkPair(), o = preference === undefined ? {} : { preference };
  return { at: x.connect(a, 'open', o), to: y.connect(b, 'accept', o), traffic };
}
/** Lets both go on until `done`. */
async function until(nodes: Node[], done: () => boolean): Promise<void> {
  while (!done()) {
    for (const node of nodes) node.tick();
    await new Promise((resolve) => { setTimeout(resolve, 2); });
  }
}
const held = (node: Node): number => node.digest().events;
const draft = (n: number) => ({ key: 'k', type: 't', body: n });

choice('of two links the preferred one carries, the other almost nothing; when it breaks the other takes over at once', async () => {
  const [a, b] = await two();
  const spare = join(a, b, 1), best = join(b, a, 0);
  await until([a, b], () => spare.at.resting && spare.to.resting && best.at.synced && best.to.synced);
  assert.ok(!best.at.resting && !best.to.resting);
  const before = spare.traffic.fromA + spare.traffic.fromB;
  for (let i = 0; i < 200; i++) await a.append('s', [draft(i)], { urgent: true });
  await until([a, b], () => held(b) === 200);
  assert.is(spare.traffic.fromA + spare.traffic.fromB, before);
  best.at.link.close('unplugged');
  for (let i = 0; i < 50; i++) await b.append('s', [draft(i)], { urgent: true });
  await until([a, b], () => held(a) === 250 && held(b) === 250);
  assert.ok(!spare.at.resting && !spare.to.resting);
  await Promise.all([a.close(), b.close()]);
});

choice('whatever each side prefers and whoever opened the links, both choose the same one, and everything flows both ways', async () => {
  const [a, b] = await two(), chance = new Chance('preferences');
  let events = 0;
  for (let round = 0; round < 12; round++) {
    const pick = (): number | undefined => [undefined, 0, 1, 2, 3][chance.bytes(1)[0]! % 5];
    const links = Array.from({ length: 2 + (round % 3) }, () => {
      const { a: x, b: y } = linkPair(), swapped = chance.bytes(1)[0]! % 2 === 0, [from, to] = swapped ? [b, a] : [a, b];
      const say = (preference: number | undefined) => (preference === undefined ? {} : { preference });
      return [from.connect(x, 'open', say(pick())), to.connect(y, 'accept', say(pick()))] as const;
    });
    await until([a, b], () => links.every((ends) => ends.every((end) => end.process !== undefined)));
    for (const node of [a, b]) await node.append('s', [draft(round)], { urgent: true });
    events += 2;
    await until([a, b], () => held(a) === events && held(b) === events);
    assert.is(links.filter((ends) => ends.every((end) => !end.resting)).length, 1, `round ${round}`);
    assert.is(links.filter((ends) => ends.every((end) => end.resting)).length, links.length - 1, `round ${round}`);
    for (const [end] of links) end.close();
    await until([a, b], () => a.connections.size === 0 && b.connections.size === 0);
  }
  await Promise.all([a.close(), b.close()]);
});

choice('a preferred link that dies without a word: what is urgent goes by the other one within seconds, and nothing more does once it answers again', async () => {
  // Both run on this time alone.
  let now = 0;
  const clocked = (disk: Disk, seed: string) => ({ ...options(disk, seed), clock: { now: () => 1e12 + now, uptime: () => now, quality: () => 2 as const, boot: new Uint8Array(8) } });
  const { node: a } = await createFleet(clocked(new Disk('a'), 'a'), { name: 'f', nodeName: 'a' });
  const b = await joinFleet(clocked(new Disk('b'), 'b'), await invite(a, { admin: false, read: ['*'], write: ['*'] }), { nodeName: 'b' });
  const forth = async (ms: number, done: () => boolean = () => false): Promise<number> => {
    for (const from = now; ;) {
      for (const node of [a, b]) node.tick();
      await new Promise((resolve) => { setImmediate(resolve); });
      if (done() || now >= from + ms) return now - from;
      now += 50;
    }
  };
  const spare = join(a, b, 1), pair = linkPair();
  // The cable: what is sent while it is out waits in the system, and nobody is told.
  let out = false;
  const waiting: (() => void)[] = [];
  for (const end of [pair.a, pair.b]) {
    const send = end.send.bind(end);
    end.send = (frame) => {
      if (!out) return send(frame);
      const kept = frame.slice();
      waiting.push(() => { send(kept); });
      return true;
    };
  }
  const best = { at: a.connect(pair.a, 'open', { preference: 0 }), to: b.connect(pair.b, 'accept', { preference: 0 }) };
  await forth(20_000, () => spare.at.resting && spare.to.resting && best.at.equal && best.to.equal);
  await forth(20_000);
  assert.ok(spare.at.resting && !best.at.resting);
  out = true;
  await forth(5_000);
  await a.append('s', [draft(1)], { urgent: true });
  const took = await forth(60_000, () => held(b) === 1);
  assert.is(held(b), 1);
  assert.ok(took >= 9_000 && took <= 15_000, `${took}`);
  // From then on nothing waits; and from the other side it is the same.
  await b.append('s', [draft(2)], { urgent: true });
  await forth(20_000, () => held(a) === 2);
  await a.append('s', [draft(3)], { urgent: true });
  assert.ok(await forth(20_000, () => held(b) === 3) < 5_000);
  assert.ok(a.connections.size === 2 && b.connections.size === 2, 'neither link was given up');
  // The cable is back before either end has: it is heard, and the spare rests.
  out = false;
  for (const late of waiting) late();
  await forth(40_000, () => spare.at.resting && spare.to.resting && !best.at.silent && !best.to.silent);
  assert.ok(spare.at.resting && spare.to.resting && !best.at.resting && !best.to.resting);
  await Promise.all([a.close(), b.close()]);
});

choice('two that dial each other send everything once', async () => {
  const [a, b] = await two();
  const one = join(a, b), other = join(b, a);
  await until([a, b], () => [one.at, one.to].every((c) => c.resting) || [other.at, other.to].every((c) => c.resting));
  assert.ok([one.at, one.to].every((c) => c.resting) !== [other.at, other.to].every((c) => c.resting));
  const before = one.traffic.fromA + other.traffic.fromB;
  await a.append('s', Array.from({ length: 256 }, (_, i) => ({ key: 'k', type: 't', body: i })), { urgent: true });
  await until([a, b], () => held(b) === 256);
  const idle = one.at.resting ? one : other;
  assert.ok(idle.at.report().sent === 0 && one.traffic.fromA + other.traffic.fromB > before);
  await Promise.all([a.close(), b.close()]);
});

choice('copies of one machine are different processes: links to both are used', async () => {
  const disk = new Disk('b'), [a, b] = await two(disk);
  await b.checkpoint();
  const copy = await openNode(options(disk.copy('copy'), 'copy'));
  const one = join(a, b), other = join(a, copy);
  await until([a, b, copy], () => one.at.process !== undefined && other.at.process !== undefined);
  assert.ok(one.at.process !== other.at.process && !one.at.resting && !other.at.resting);
  await a.append('s', [draft(1)], { urgent: true });
  await until([a, b, copy], () => held(b) === 1 && held(copy) === 1);
  await Promise.all([a.close(), b.close(), copy.close()]);
});

choice('copies of a machine in the middle of its work say that they are one process: once their histories have parted, links to both are used', async () => {
  const disk = new Disk('b'), [a, b] = await two(disk);
  await b.close();
  const twins = await Promise.all(['one', 'two'].map((name) => openNode(options(disk.copy(name), 'the same memory'))));
  const [one, other] = twins as [Node, Node], alone = async (twin: Node, count: number): Promise<void> => {
    const { at, to } = join(a, twin);
    await until([a, twin], () => held(a) === count);
    at.close();
    to.close();
    await until([a, twin], () => a.connections.size === 0 && twin.connections.size === 0);
  };
  await one.append('s', [draft(1), draft(2)], { urgent: true });
  await other.append('s', [draft(3)], { urgent: true });
  await alone(one, 2);
  await alone(other, 3);
  const links = twins.map((twin) => join(a, twin));
  await until([a, ...twins], () => links.every(({ at }) => at.process !== undefined) && held(one) === 3 && held(other) === 3);
  assert.is(links[0]!.at.process, links[1]!.at.process);
  assert.ok(links.every(({ at, to }) => !at.resting && !to.resting));
  // They know of it by now, and take each other for another process.
  for (const { at } of links) at.close();
  await one.append('s', [draft(4)], { urgent: true });
  const between = join(one, other);
  await until([a, ...twins], () => held(other) === 4 && between.at.process !== undefined);
  await Promise.all([a.close(), one.close(), other.close()]);
});

choice('a link that leads back to the node itself ends, and raises no alarm', async () => {
  const [a, b] = await two();
  const { at, to } = join(a, a);
  for (const end of [at, to]) assert.ok(['bad-argument', 'link-closed'].includes(codeOf(await end.done.catch((error: unknown) => error))));
  assert.equal((await a.status()).alarms, []);
  await Promise.all([a.close(), b.close()]);
});

choice.run();
