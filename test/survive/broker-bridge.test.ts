// Two brokers with a node at each: bridged as src/io/MQTT.md shows it, and joined by nothing but a node that is at both.
// Runs dist/edge/holdfast.
// timeout: 420s
import { readFileSync } from 'node:fs';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { hasMosquitto, startMosquitto } from '../io/mosquitto.ts';
import { atBroker, bookOf, brokersOf, foundAll, level, runAt, until } from './broker-nodes.ts';
import { sleep } from './children.ts';

const test = suite('broker-bridge');
const live = hasMosquitto() ? test : test.skip;
if (!hasMosquitto()) console.log('mosquitto is not on this machine: tests of a real broker are skipped');

live('two bridged brokers are as one', () => atBroker(async (north, path, later) => {
  const book = bookOf(), [a, b] = [path('a'), path('b')];
  await foundAll(a, b);
  const one = await runAt(a, north.url);
  const [{ broker: seen }] = await brokersOf(one) as [Awaited<ReturnType<typeof brokersOf>>[number]];
  const fleet = seen!.topics.read.slice(0, -1);
  const text = /^```bridge\n([^]*?)^```$/m.exec(readFileSync('src/io/MQTT.md', 'utf8'))![1]!;
  const south = await startMosquitto({ config: text.replaceAll('hf/fQ3vXcKzWm1p/', fleet).replace('broker-north.example:8883', `127.0.0.1:${north.port}`).split('\n') });
  later(() => south.stop());
  const two = await runAt(b, south.url);
  const nodes = [one, two];
  await until('both hold the same', async () => (await Promise.all(nodes.map(brokersOf))).every(([peer]) => peer?.broker?.members.length === 1 && peer.broker.members[0]!.equal && peer.broker.sessions === 0), 180);
  for (let turn = 0; turn < 10; turn++) {
    await Promise.all(nodes.map((node) => book.append(node, 20)));
    await sleep(200);
  }
  await level(nodes, book.acknowledged);
  for (const [i, node] of nodes.entries()) {
    await book.check(node, `node ${i}`);
    const [peer] = await brokersOf(node);
    assert.ok(peer!.broker!.received > 5, `live segments came over the bridge: ${JSON.stringify(await Promise.all(nodes.map(brokersOf)))}`);
    assert.equal((await node.db.report()).alarms, []);
  }
  // The other broker is cut off for a while.
  await south.kill();
  await Promise.all(nodes.map((node) => book.append(node, 500)));
  await south.restart();
  await level(nodes, book.acknowledged);
  await book.check(two, 'after the cut');
  for (const node of nodes) await node.stop();
}));

live('a node at two brokers joins them', () => atBroker(async (north, path, later) => {
  const book = bookOf(), south = await startMosquitto(), [a, b, c] = [path('a'), path('b'), path('c')];
  later(() => south.stop());
  await foundAll(a, b, c);
  const nodes = [await runAt(a, north.url), await runAt(b, north.url, south.url), await runAt(c, south.url)];
  for (let turn = 0; turn < 5; turn++) {
    await Promise.all(nodes.map((node) => book.append(node, 100)));
    await sleep(500);
  }
  await level(nodes, book.acknowledged);
  for (const [i, node] of nodes.entries()) {
    await book.check(node, `node ${i}`);
    assert.equal((await node.db.report()).alarms, []);
  }
  const both = await brokersOf(nodes[1]!);
  assert.equal(both.map(({ broker }) => broker!.members.map(({ name }) => name)), [['a'], ['c']]);
  assert.is.not(both[0]!.broker!.clientId, both[1]!.broker!.clientId);
  for (const node of nodes) await node.stop();
}));

test.run();
