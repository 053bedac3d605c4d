// The other process of the broker benchmark: a node at the broker that appends when it is told to, or rows that are published as they are.

import { mqttBroker } from '../../src/io/mqtt.ts';
import { joinBroker, planBroker } from '../../src/node-broker.ts';
import { invite } from '../../src/node-acts.ts';
import { openBenchNode, storeAll } from './bench-node.ts';
import { readings } from './trace.ts';

/** What the parent asks for: events from the trace, or so many raw messages of so many bytes. */
export type Order =
  | { kind: 'append'; from: number; count: number; batch: number; urgent: boolean }
  | { kind: 'publish'; topic: string; messages: number; bytes: number };

const [folder, url, invitations, ahead] = [process.argv[2]!, process.argv[3]!, Number(process.argv[4]), Number(process.argv[5])];
const all = readings();
const { node, stop } = await openBenchNode(folder);
const tokens: string[] = [];
for (let i = 0; i < invitations; i++) tokens.push(await invite(node, {}));
/** `urgent`: the last ones do not wait for their window. */
async function append(from: number, count: number, batch: number, urgent: boolean): Promise<void> {
  const end = from + count;
  for (let i = from; i < end; i += batch) await node.append('telemetry', Array.from({ length: Math.min(batch, end - i) }, (_, k) => all[(i + k) % all.length]!), { urgent: urgent && i + batch >= end });
}
await append(0, ahead, 250, false);
await storeAll(node);
const plan = planBroker(node), broker = mqttBroker(url, { clientId: plan.clientId, will: plan.will, random: Math.random });
const membership = joinBroker(node, broker, { plan });

/** As many messages as the connection takes, QoS 1, through the same client. */
async function publish(topic: string, messages: number, bytes: number): Promise<void> {
  const raw = mqttBroker(url, { clientId: `raw${process.pid}`, random: Math.random });
  let free = (): void => {};
  raw.onDrain = () => free();
  await new Promise<void>((resolve) => { raw.onUp = resolve; });
  const payload = new Uint8Array(bytes).map((_, i) => (i * 2_654_435_761) >>> 24);
  for (let i = 0; i < messages; i++) {
    const roomy = new Promise<void>((resolve) => { free = resolve; });
    if (!raw.publish(topic, payload, false)) await roomy;
  }
  await raw.close();
}

process.on('message', (order: Order) => {
  const done = order.kind === 'append' ? append(order.from, order.count, order.batch, order.urgent) : publish(order.topic, order.messages, order.bytes);
  // A digest would seal what waits for its window.
  done.then(() => process.send!({ done: true }), (error: unknown) => { console.error(error); process.exit(1); });
});
process.on('disconnect', () => { void membership.close().then(stop).then(() => process.exit(0)); });
process.send!({ invitations: tokens });
