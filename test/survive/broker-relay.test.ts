// Between one node and the broker stands a relay that repeats, reorders, replays, delays and swallows messages: nothing is missing, nothing is there twice, and no alarm is raised.
// Runs dist/edge/holdfast.
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { startRelay } from '../io/broker-relay.ts';
import { hasMosquitto } from '../io/mosquitto.ts';
import { atBroker, bookOf, brokersOf, foundAll, level, MB, memoryOf, runAt, until } from './broker-nodes.ts';
import { between, chance, SEED } from './chance.ts';
import { sleep } from './children.ts';

const test = suite('broker-relay');
if (!hasMosquitto()) console.log('mosquitto is not on this machine: tests of a real broker are skipped');

(hasMosquitto() ? test : test.skip)(`messages repeated, reordered, replayed, delayed and lost (seed ${SEED})`, () => atBroker(async (broker, path, later) => {
  const random = chance('relay'), book = bookOf(), relay = await startRelay(broker.port, SEED);
  later(() => relay.stop());
  const dirs = ['a', 'b', 'c'].map(path);
  await foundAll(dirs[0]!, ...dirs.slice(1));
  const nodes = [await runAt(dirs[0]!, relay.url), await runAt(dirs[1]!, broker.url), await runAt(dirs[2]!, broker.url)];
  await level(nodes, 0);
  const watch = memoryOf(nodes[0]!.pid), idle = watch.last();
  relay.acts = { duplicate: 0.25, reorder: 0.25, replay: 0.3, lose: 0.1, delayMs: 40 };
  for (let turn = 0; turn < 60; turn++) {
    await Promise.all(nodes.map((node) => book.append(node, between(random, 1, 80), 20)));
    await sleep(between(random, 0, 300));
    // Connections too: what was replayed before may come once more on the next one.
    if (turn % 20 === 19) relay.cut();
  }
  await level(nodes, book.acknowledged, 75);
  const above = watch.stop() - idle, { counts } = relay;
  assert.ok(counts.duplicated > 20 && counts.reordered > 20 && counts.replayed > 20 && counts.lost > 5, JSON.stringify(counts));
  assert.ok(above < 64 * MB, `${(above / MB).toFixed(1)} MB above idle`);
  for (const [i, node] of nodes.entries()) {
    await book.check(node, `node ${i}`);
    const { alarms, quarantine, holes } = await node.db.report();
    assert.equal({ alarms, quarantine, holes }, { alarms: [], quarantine: [], holes: 0 });
    assert.equal((await node.db.verify(() => undefined)).damaged, []);
  }
  const [peer] = await brokersOf(nodes[0]!);
  assert.ok(peer!.broker!.repeated > 0, JSON.stringify(peer));
  // A relay that behaves again is no different from none.
  relay.acts = {};
  await Promise.all(nodes.map((node) => book.append(node, 20)));
  await level(nodes, book.acknowledged);
  await until('sessions are over', async () => (await brokersOf(nodes[0]!))[0]!.broker!.sessions === 0);
  console.log(`${book.acknowledged} events; ${JSON.stringify(counts)}; repeated ${peer!.broker!.repeated}, refused ${peer!.broker!.refused}; ${(above / MB).toFixed(1)} MB above idle`);
  for (const node of nodes) await node.stop();
}));

test.run();
