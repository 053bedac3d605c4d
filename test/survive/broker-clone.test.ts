// Two copies of one directory run at one broker with one configuration: neither throws the other off, all that both record arrives everywhere, and the alarm is raised.
// Runs dist/edge/holdfast.
import { cpSync } from 'node:fs';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { hasMosquitto } from '../io/mosquitto.ts';
import { atBroker, bookOf, brokersOf, foundAll, level, runAt, until } from './broker-nodes.ts';
import { sleep } from './children.ts';

const test = suite('broker-clone');
if (!hasMosquitto()) console.log('mosquitto is not on this machine: tests of a real broker are skipped');

(hasMosquitto() ? test : test.skip)('two copies of one directory at the same time', () => atBroker(async (broker, path) => {
  const book = bookOf(), [a, b, copy] = [path('a'), path('b'), path('copy')];
  await foundAll(a, b);
  // A log that both copies will go on from.
  const first = await runAt(b, broker.url);
  await until('the first is at the broker', async () => (await brokersOf(first))[0]?.state === 'connected');
  await book.append(first, 100);
  await first.stop();
  cpSync(b, copy, { recursive: true });
  const nodes = await Promise.all([a, b, copy].map((dir) => runAt(dir, broker.url)));
  for (let turn = 0; turn < 10; turn++) {
    await Promise.all(nodes.map((node) => book.append(node, 25)));
    await sleep(200);
  }
  await level(nodes, book.acknowledged);
  const [mine] = await brokersOf(nodes[1]!), [twin] = await brokersOf(nodes[2]!);
  assert.is.not(mine!.broker!.clientId, twin!.broker!.clientId);
  assert.is(mine!.broker!.topics.own, twin!.broker!.topics.own);
  for (const [i, node] of nodes.entries()) {
    await book.check(node, `node ${i}`);
    await until('the alarm', async () => (await node.db.report()).alarms.some((alarm) => alarm.code === 'clone'), 30, async () => (await node.db.report()).alarms);
    const { alarms, members } = await node.db.report();
    assert.equal(alarms.map(({ code, node: whose }) => `${code} ${members.find((m) => m.node === whose)?.name}`), ['clone b']);
    assert.equal((await node.db.verify(() => undefined)).damaged, []);
    // Nobody was cut off: one connection each, from the beginning.
    assert.not.match(node.program.stdout, /disconnected/);
  }
  assert.is(broker.log().match(/New client connected .* as hf/g)!.length, 4, 'one for each process, and the first of the copied one');
  assert.not.match(broker.log(), /already connected/);
  // Both are met by the third as processes of one node.
  const [seen] = await brokersOf(nodes[0]!);
  assert.equal(seen!.broker!.members.map(({ name }) => name), ['b', 'b']);
  for (const node of nodes) await node.stop();
}));

test.run();
