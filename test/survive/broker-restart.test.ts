// The broker is killed and started again under load, without queues, sessions or retained messages: what nodes acknowledged arrives everywhere, and their memory stays flat.
// Runs dist/edge/holdfast.
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { hasMosquitto } from '../io/mosquitto.ts';
import { between, chance, SEED, TIMES } from './chance.ts';
import { atBroker, bookOf, brokersOf, foundAll, level, MB, memoryOf, restingMemory, runAt, until } from './broker-nodes.ts';
import { sleep } from './children.ts';

const test = suite('broker-restart');
const KILLS = 5 * TIMES;
if (!hasMosquitto()) console.log('mosquitto is not on this machine: tests of a real broker are skipped');

(hasMosquitto() ? test : test.skip)(`${KILLS} kills of the broker while three nodes append (seed ${SEED})`, () => atBroker(async (broker, path) => {
  const random = chance('restart'), book = bookOf();
  const dirs = ['a', 'b', 'c'].map(path);
  await foundAll(dirs[0]!, ...dirs.slice(1));
  const nodes = await Promise.all(dirs.map((dir) => runAt(dir, broker.url)));
  const connected = (): Promise<void> => until('all are at the broker', async () => (await Promise.all(nodes.map(brokersOf))).every(([peer]) => peer?.state === 'connected'));
  await connected();
  const idle = await Promise.all(nodes.map(({ pid }) => restingMemory(pid, 2))), watches = nodes.map(({ pid }) => memoryOf(pid));
  let over = false;
  const load = Promise.all(nodes.map(async (node) => {
    while (!over) {
      await book.append(node, between(random, 1, 60), 20);
      await sleep(between(random, 0, 200));
    }
  }));
  for (let kill = 0; kill < KILLS; kill++) {
    await sleep(between(random, 500, 3_000));
    await broker.kill();
    await sleep(between(random, 0, 1_500));
    await broker.restart();
    await connected();
  }
  over = true;
  await load;
  await level(nodes, book.acknowledged);
  const above = watches.map((watch, i) => (watch.stop() - idle[i]!) / MB);
  for (const [i, node] of nodes.entries()) {
    await book.check(node, `node ${i}`);
    assert.ok(above[i]! < 64, `${above[i]} MB above idle`);
    const { alarms, quarantine, damage } = await node.db.report();
    assert.equal({ alarms, quarantine, damage }, { alarms: [], quarantine: [], damage: [] });
    assert.equal((await node.db.verify(() => undefined)).damaged, []);
  }
  const at = (await Promise.all(nodes.map(brokersOf))).map(([peer]) => peer!.broker!);
  assert.ok(at.every(({ published, received, refused }) => published > 0 && received > 0 && refused === 0), JSON.stringify(at));
  console.log(`${book.acknowledged} events; live segments ${at.map(({ published, received }) => `${published} out, ${received} in`).join('; ')}; ${above.map((most) => most.toFixed(1)).join(', ')} MB above idle`);
  for (const node of nodes) await node.stop();
}));

test.run();
