// The link of one node breaks every 200 ms while 10,000 events are to go, in both directions: it makes progress, nothing is lost, and its memory stays flat.
// Runs dist/edge/holdfast.
// timeout: 400s
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { startRelay } from '../io/broker-relay.ts';
import { hasMosquitto } from '../io/mosquitto.ts';
import { atBroker, bookOf, foundAll, level, MB, memoryOf, runAt } from './broker-nodes.ts';
import { SEED } from './chance.ts';
import { sleep } from './children.ts';

const test = suite('broker-flap');
const COUNT = 5_000;
if (!hasMosquitto()) console.log('mosquitto is not on this machine: tests of a real broker are skipped');

(hasMosquitto() ? test : test.skip)(`${2 * COUNT} events over a link that flaps`, () => atBroker(async (broker, path, later) => {
  const book = bookOf(), relay = await startRelay(broker.port, SEED);
  later(() => relay.stop());
  relay.acts = { flapMs: 200 };
  const [a, b] = [path('a'), path('b')];
  await foundAll(a, b);
  const nodes = [await runAt(a, relay.url), await runAt(b, broker.url)] as const;
  const watch = memoryOf(nodes[0].pid), idle = watch.last();
  await Promise.all(nodes.map(async (node) => {
    for (let i = 0; i < COUNT; i += 100) { await book.append(node, 100); await sleep(20); }
  }));
  await level([...nodes], book.acknowledged, 300);
  const above = watch.stop() - idle;
  assert.ok(above < 64 * MB, `${(above / MB).toFixed(1)} MB above idle`);
  for (const [i, node] of nodes.entries()) {
    await book.check(node, `node ${i}`);
    assert.equal((await node.db.report()).alarms, []);
  }
  console.log(`${relay.counts.connections} connections, ${relay.counts.cut} cut, ${relay.counts.messages} messages; ${(above / MB).toFixed(1)} MB above idle`);
  for (const node of nodes) await node.stop();
}));

test.run();
