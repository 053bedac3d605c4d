// Through a real mosquitto: events a second and bytes an event, live and catching up, beside raw QoS 1 publishes of the same bytes; memory of a node whose broker is dead.

import { fork, type ChildProcess } from 'node:child_process';
import type { BrokerMembership } from '../../src/node-broker.ts';
import { joinBroker, planBroker } from '../../src/node-broker.ts';
import { mqttBroker } from '../../src/io/mqtt.ts';
import type { Broker } from '../../src/ports.ts';
import { freePort, hasMosquitto, startMosquitto } from '../io/mosquitto.ts';
import { openBenchNode, type BenchNode } from './bench-node.ts';
import type { Order } from './mqtt.child.ts';
import { deadBroker } from './mqtt-memory.ts';
import { freshFolder, pause, perSecond, say, tell } from './rows.ts';
import { readings } from './trace.ts';

const AWAY = 100_000, LIVE = 100_000, BATCH = 250, ROUNDS = 3;

interface Answer { invitations?: string[]; done?: true }

/** The other process, and what it says next. */
function other(url: string, invitations: number): { child: ChildProcess; order(order: Order): Promise<Answer>; begun: Promise<Answer> } {
  const child = fork(new URL('./mqtt.child.mjs', import.meta.url), [freshFolder('author'), url, String(invitations), String(AWAY)], { stdio: ['ignore', 'inherit', 'inherit', 'ipc'] });
  const next = (): Promise<Answer> => new Promise((resolve, reject) => {
    child.once('exit', (code) => reject(new Error(`the other process ended with ${code}`)));
    child.once('message', (message) => { child.removeAllListeners('exit'); resolve(message as Answer); });
  });
  return { child, begun: next(), order(order) { child.send(order); return next(); } };
}

interface Member { bench: BenchNode; broker: Broker; membership: BrokerMembership; stop(): Promise<void> }

/** A node of this process at the broker. */
async function member(url: string, invitation: string): Promise<Member> {
  const bench = await openBenchNode(freshFolder('member'), { invitation });
  const plan = planBroker(bench.node), broker = mqttBroker(url, { clientId: plan.clientId, will: plan.will, random: Math.random }), membership = joinBroker(bench.node, broker, { plan });
  return { bench, broker, membership, async stop() { await membership.close(); await bench.stop(); } };
}

async function holds(node: BenchNode['node'], events: number): Promise<void> {
  for (const end = performance.now() + 120_000; node.digest().events < events; await pause(2)) if (performance.now() > end) throw new Error(`${node.digest().events} of ${events} events arrived in 120 s`);
}

/** Messages a second of raw publishes from the other process, to a subscription of this one. */
async function raw(url: string, author: ReturnType<typeof other>, messages: number, bytes: number): Promise<number> {
  const broker = mqttBroker(url, { clientId: `ear${process.pid}`, random: Math.random });
  let got = 0, all = (): void => {};
  broker.subscribe(['raw/x']);
  broker.onMessage = (_topic, _payload, done) => { done(); if (++got === messages) all(); };
  await new Promise<void>((resolve) => { broker.onUp = resolve; });
  const since = performance.now(), arrived = new Promise<void>((resolve) => { all = resolve; });
  await author.order({ kind: 'publish', topic: 'raw/x', messages, bytes });
  await arrived;
  const rate = perSecond(messages, since);
  await broker.close();
  return rate;
}

if (!hasMosquitto()) say('skipped: mosquitto is not installed');
else {
  const mosquitto = await startMosquitto({ config: ['max_packet_size 262144', 'max_inflight_messages 64', 'max_queued_messages 1000', 'max_queued_bytes 16777216', 'set_tcp_nodelay true'] });
  const author = other(mosquitto.url, ROUNDS), { invitations } = await author.begun;

  let catchUp = { seconds: Infinity, bytes: 0, bytesIn: 0 }, last: Member | undefined;
  for (let round = 0; round < ROUNDS; round++) {
    await last?.stop();
    say(`catching up, ${round + 1} of ${ROUNDS}`);
    last = await member(mosquitto.url, invitations![round]!);
    // From the session's beginning on: before it, the fan-out waits on purpose, for chance and for what is on its way.
    const whole = performance.now();
    while (last.membership.report().sessions.now === 0) await pause(1);
    const since = performance.now();
    await holds(last.bench.node, AWAY);
    const seconds = (performance.now() - since) / 1_000;
    say(`${seconds.toFixed(2)} s, and ${((since - whole) / 1_000).toFixed(1)} s until it began`);
    if (seconds < catchUp.seconds) catchUp = { seconds, bytes: (last.broker.traffic.in + last.broker.traffic.out) / AWAY, bytesIn: last.broker.traffic.in };
  }
  // The same bytes as datagrams of a session: 16 KiB each.
  const packets = Math.ceil(catchUp.bytesIn / 16_384), rawPackets = await raw(mosquitto.url, author, packets * 20, 16_384) / packets;
  tell({
    what: `${AWAY} events through mosquitto to a node that was away`, value: AWAY / catchUp.seconds, unit: 'events/s', baseline: { what: 'raw QoS 1 publishes of the same bytes, 16 KiB each', value: rawPackets * AWAY }, reach: 'report',
    note: `from the session's beginning on, durable on arrival, verified; ${catchUp.bytes.toFixed(2)} bytes an event on this node's connection, both directions, the broker's own included; best of ${ROUNDS}`,
  });

  say('live');
  const { broker, bench, membership } = last!;
  for (const end = performance.now() + 60_000; membership.report().sessions.now > 0 && performance.now() < end;) await pause(100);
  const before = { ...broker.traffic }, { received } = membership.report(), from = bench.node.digest().events, since = performance.now();
  await author.order({ kind: 'append', from: AWAY, count: LIVE, batch: BATCH, urgent: true });
  await holds(bench.node, from + LIVE);
  const rate = perSecond(LIVE, since), bytes = broker.traffic.in - before.in + broker.traffic.out - before.out, { received: messages, sessions } = membership.report();
  const live = messages - received, size = Math.round((broker.traffic.in - before.in) / Math.max(1, live)), rawRate = await raw(mosquitto.url, author, live * 10, size) / live;
  tell({
    what: `live through mosquitto, appended in batches of ${BATCH}`, value: rate, unit: 'events/s', baseline: { what: `raw QoS 1 publishes of ${size} bytes, as many as segments`, value: rawRate * LIVE }, reach: 'report',
    note: `until durable at the other node; ${(bytes / LIVE).toFixed(2)} bytes an event on its connection; ${live} segments fanned out, ${sessions.ended + sessions.failed} sessions in all`,
  });

  const json = Math.round(readings(1_000).reduce((sum, event) => sum + JSON.stringify(event).length, 0) / 1_000), singles = await raw(mosquitto.url, author, 50_000, json);
  tell({ what: 'the same', value: rate, unit: 'events/s', baseline: { what: `raw QoS 1 publishes of ${json} bytes, one for each event as JSON, not stored`, value: singles }, reach: 'report' });

  say('live, 10 events a second for 30 s');
  const slow = { ...broker.traffic }, start = bench.node.digest().events;
  for (let i = 0; i < 300; i++) {
    await author.order({ kind: 'append', from: AWAY + LIVE + i, count: 1, batch: 1, urgent: false });
    await pause(95);
  }
  await holds(bench.node, start + 300);
  tell({ what: 'live through mosquitto at about 10 events/s, default window', value: (broker.traffic.in - slow.in + broker.traffic.out - slow.out) / 300, unit: 'bytes/event', reach: 'report', note: 'topic, seal, heads, acknowledgements and keep-alive included' });
  await last!.stop();
  author.child.disconnect();
  await mosquitto.stop();
}
await deadBroker(`mqtt://127.0.0.1:${await freePort()}`);
