// Brokers as they are set up elsewhere: the example rules of src/io/MQTT.md for real nodes, MQTT 3.1.1 only, small packets and short queues.
// Runs dist/edge/holdfast.
// timeout: 240s
import { readFileSync } from 'node:fs';
import { createServer, type AddressInfo } from 'node:net';
import { Aedes } from 'aedes';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { inFolder } from '../edge/program.ts';
import { freePort, hasMosquitto, startMosquitto } from '../io/mosquitto.ts';
import { atBroker, bookOf, brokersOf, foundAll, level, runAt, until, type BrokerNode } from './broker-nodes.ts';
import { sleep } from './children.ts';

const test = suite('broker-setups');
const live = hasMosquitto() ? test : test.skip;
if (!hasMosquitto()) console.log('mosquitto is not on this machine: tests of a real broker are skipped');

/** The level below which a node writes. */
async function ownLevel(node: BrokerNode): Promise<string> {
  return (await brokersOf(node))[0]!.broker!.topics.own;
}

live('the example ACL: a user for each node, and one that uses the other level\'s password', () => inFolder(async (path) => {
  const book = bookOf(), [a, b] = [path('a'), path('b')];
  await foundAll(a, b);
  // The levels, as `holdfast status` tells them before there is any broker.
  const port = await freePort(), url = (user: string, secret: string) => `mqtt://${user}:${secret}@127.0.0.1:${port}`;
  const one = await runAt(a, url('pump-7', 'one'));
  let two = await runAt(b, url('pump-8', 'two'));
  const levels = [await ownLevel(one), await ownLevel(two)].map((own) => own.split('/'));
  const example = /^```acl\n([^]*?)^```$/m.exec(readFileSync('src/io/MQTT.md', 'utf8'))![1]!;
  const [fleet, first, second] = ['fQ3vXcKzWm1p', '2bN8sJdYw0aL', 'xT5uRk3Vq1mE'];
  assert.ok([fleet, first, second].every((level) => example.includes(level)));
  const acl = example.replaceAll(fleet, levels[0]![1]!).replaceAll(first, levels[0]![2]!).replaceAll(second, levels[1]![2]!);
  const broker = await startMosquitto({ port, acl, users: { 'pump-7': 'one', 'pump-8': 'two' } });
  try {
    await Promise.all([one, two].map((node) => book.append(node, 100)));
    await level([one, two], book.acknowledged);
    for (const node of [one, two]) {
      await book.check(node, node.dir);
      assert.not.match(node.program.stdout, /refused/);
    }
    // The second connects with the first's password: nothing of its level is taken any more, and it is told.
    await two.stop();
    two = await runAt(b, url('pump-7', 'one'));
    await book.append(two, 10);
    await two.program.until(/a message on hf\/\S+ was refused: the broker's ACL does not let this user publish there/);
    await book.append(one, 10);
    await sleep(2_000);
    assert.equal(await Promise.all([one, two].map(async ({ db }) => (await db.digest()).events)).then((all) => all[0]), 210);
    // Its own again: what it recorded meanwhile arrives.
    await two.stop();
    two = await runAt(b, url('pump-8', 'two'));
    await level([one, two], book.acknowledged);
    await book.check(one, 'in the end');
    for (const node of [one, two]) await node.stop();
  } finally {
    await broker.stop();
  }
}));

/** Two nodes, one of which has much that the other lacks, then both live. */
async function converges(url: string, path: (name: string) => string, seconds = 90): Promise<BrokerNode[]> {
  const book = bookOf(), [a, b] = [path('a'), path('b')];
  await foundAll(a, b);
  const nodes = [await runAt(a, url), await runAt(b, url)];
  await book.append(nodes[0]!, 5_000, 500);
  await level(nodes, book.acknowledged, seconds);
  await until('sessions are over', async () => (await brokersOf(nodes[0]!))[0]!.broker!.sessions === 0);
  for (let turn = 0; turn < 5; turn++) {
    await Promise.all(nodes.map((node) => book.append(node, 20)));
    await sleep(300);
  }
  await level(nodes, book.acknowledged, seconds);
  for (const node of nodes) {
    await book.check(node, node.dir);
    assert.equal((await node.db.report()).alarms, []);
  }
  return nodes;
}

test('a broker without MQTT 5 (aedes)', () => inFolder(async (path) => {
  const broker = await Aedes.createBroker(), server = createServer(broker.handle);
  await new Promise<void>((resolve) => { server.listen(0, '127.0.0.1', resolve); });
  const versions = new Set<number>();
  broker.on('client', (client) => { versions.add((client as unknown as { version: number }).version); });
  try {
    const nodes = await converges(`mqtt://127.0.0.1:${(server.address() as AddressInfo).port}`, path);
    assert.equal([...versions], [4]);
    for (const node of nodes) await node.stop();
  } finally {
    await new Promise<void>((resolve) => { broker.close(() => resolve()); });
    server.close();
  }
}));

live('only MQTT 3.1.1 asked for', () => atBroker(async (broker, path) => {
  const nodes = await converges(`${broker.url}?version=4`, path);
  assert.match(broker.log(), /as hf[0-9a-f]{16} \(p2,/);
  assert.not.match(broker.log(), /\(p5,/);
  for (const node of nodes) await node.stop();
}));

live('packets of 4096 bytes, short queues, few in flight', () => atBroker(async (broker, path) => {
  const nodes = await converges(broker.url, path);
  assert.not.match(broker.log(), /malformed|protocol error|oversize/i);
  for (const node of nodes) {
    assert.not.match(node.program.stdout, /disconnected/);
    await node.stop();
  }
}, { config: ['max_packet_size 4096', 'max_queued_messages 20', 'max_inflight_messages 5'] }));

test.run();
