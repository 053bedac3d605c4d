// A broker connection against a real mosquitto, in MQTT 5 and 3.1.1: messages, retained ones, restarts, limits, wills, and an orderly end.
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { Aedes } from 'aedes';
import { spawn } from 'node:child_process';
import { createServer, type AddressInfo, type Socket } from 'node:net';
import { fileURLToPath } from 'node:url';
import { codeOf } from '../../src/fault.ts';
import { bytes, probe, type Probe } from './broker-probe.ts';
import { startRelay } from './broker-relay.ts';
import { hasMosquitto, startMosquitto, type Mosquitto } from './mosquitto.ts';

const test = suite('mqtt');
const here = hasMosquitto();
if (!here) console.log('mosquitto is not on this machine: tests of a real broker are skipped');
const live = here ? test : test.skip;

const up = (each: Probe): Promise<void> => each.until('a connection', () => each.up);
const has = (each: Probe, topic: string): Promise<void> => each.until(`a message on ${topic}`, () => each.messages.some((message) => message.topic === topic));

/** Publishes messages of `size` bytes, numbered in their first four, waiting when asked to. */
async function pour(from: Probe, topic: string, count: number, size: number, first = 0): Promise<void> {
  for (let index = first; index < first + count; index++) {
    const payload = new Uint8Array(size);
    new DataView(payload.buffer).setUint32(0, index);
    if (!from.publish(topic, payload, false)) await new Promise<void>((resolve) => (from.onDrain = resolve));
  }
}
const numbers = (each: Probe): number[] => each.messages.map(({ payload }) => new DataView(payload.buffer, payload.byteOffset).getUint32(0));

for (const version of [5, 4]) {
  live(`messages arrive once each and in order, payloads are copies (version ${version})`, async () => {
    const broker = await startMosquitto();
    const from = probe(`${broker.url}?version=${version}`), to = probe(`${broker.url}?version=${version}`, { filters: ['hf/f/+/s/#'] });
    await Promise.all([up(from), up(to)]);
    to.publish('hf/f/b/s/own', bytes('own'), false);
    await pour(from, 'hf/f/a/s/x', 2_000, 300);
    await pour(from, 'hf/f/a/s/x', 100, 20_000, 2_000);
    await to.until('2100 messages', () => to.messages.filter(({ topic }) => topic === 'hf/f/a/s/x').length >= 2_100);
    const own = to.messages.findIndex(({ topic }) => topic === 'hf/f/b/s/own');
    assert.is(own < 0, version === 5, 'a broker of MQTT 5 is asked not to send our own messages back');
    if (own >= 0) to.messages.splice(own, 1);
    assert.equal(numbers(to), Array.from({ length: 2_100 }, (_, index) => index));
    assert.is(to.messages[0]!.payload.constructor, Uint8Array);
    assert.is(to.messages[0]!.payload.buffer.byteLength, 300, 'a copy of its own');
    assert.is(from.messages.length, 0);
    assert.match(broker.log(), version === 5 ? /\(p5, c1, k30\)/ : /\(p2, c1, k30\)/);
    await Promise.all([from.close(), to.close()]);
    // With the acknowledgements; also after the end.
    assert.ok(from.traffic.out > 2_600_000 && to.traffic.in > 2_600_000 && from.traffic.in > 2_100 * 4, JSON.stringify([from.traffic, to.traffic]));
    assert.is(from.publish('hf/f/a/s/x', bytes('late'), false), false);
    assert.equal([...from.downs, ...to.downs], []);
    await broker.stop();
  });

  live(`subscriptions are replaced, and retained messages come with them (version ${version})`, async () => {
    const broker = await startMosquitto();
    const from = probe(`${broker.url}?version=${version}`), to = probe(`${broker.url}?version=${version}`, { filters: ['hf/f/+/h', 'hf/f/+/s'] });
    await up(from);
    from.publish('hf/f/a/h', bytes('head'), true);
    await Promise.all([up(to), has(to, 'hf/f/a/h')]);
    // More filters than go into one packet; one of the old ones goes.
    to.subscribe(['hf/f/+/h', ...Array.from({ length: 20 }, (_, index) => `hf/f/+/n${index}`)]);
    from.publish('hf/f/a/r', bytes('retained'), true);
    to.subscribe(['hf/f/+/h', 'hf/f/+/n19', 'hf/f/+/r']);
    await has(to, 'hf/f/a/r');
    from.publish('hf/f/a/s', bytes('no longer wanted'), false);
    from.publish('hf/f/a/n18', bytes('no longer wanted'), false);
    from.publish('hf/f/a/n19', bytes('wanted'), false);
    await has(to, 'hf/f/a/n19');
    assert.equal(to.messages.map(({ topic }) => topic), ['hf/f/a/h', 'hf/f/a/r', 'hf/f/a/n19']);
    // An empty one clears the topic for those who come later.
    from.publish('hf/f/a/h', new Uint8Array(), true);
    await from.close();
    const late = probe(`${broker.url}?version=${version}`, { filters: ['hf/f/+/h', 'hf/f/+/r'] });
    await has(late, 'hf/f/a/r');
    assert.equal(late.messages.map(({ topic }) => topic), ['hf/f/a/r']);
    await Promise.all([to.close(), late.close()]);
    await broker.stop();
  });

  live(`a broker killed under load and started again is found again (version ${version})`, async () => {
    const broker = await startMosquitto();
    const from = probe(`${broker.url}?version=${version}`), to = probe(`${broker.url}?version=${version}`, { filters: ['hf/f/#'] });
    await Promise.all([up(from), up(to)]);
    const pouring = setInterval(() => { for (let index = 0; index < 20; index++) from.publish('hf/f/a/s', new Uint8Array(4_000), false); }, 1);
    await to.until('some messages', () => to.messages.length > 500);
    await broker.kill();
    await Promise.all([from, to].map((each) => each.until('the end of the connection', () => each.downs.length > 0)));
    clearInterval(pouring);
    assert.is(from.up, false);
    assert.is(from.publish('hf/f/a/s', bytes('into the void'), false), false);
    await broker.restart();
    await Promise.all([from, to].map((each) => each.until('a second connection', () => each.ups === 2)));
    const before = to.messages.length;
    from.publish('hf/f/a/again', bytes('hello'), true);
    await has(to, 'hf/f/a/again');
    // Nothing of the first connection is sent again.
    assert.is(to.messages.length, before + 1);
    assert.match(to.downs.join('\n'), /refuses connections on port|closed the connection|broke the connection/);
    await Promise.all([from.close(), to.close()]);
    await broker.stop();
  });

  live(`the limits of the broker are obeyed (version ${version})`, async () => {
    const broker = await startMosquitto({ config: ['max_packet_size 6000', 'max_inflight_messages 5'] });
    const from = probe(`${broker.url}?version=${version}`), to = probe(`${broker.url}?version=${version}`, { filters: ['hf/#'] });
    await Promise.all([up(from), up(to)]);
    if (version === 5) {
      assert.is(from.payloadBytes, 6_000 - 256 - 16);
      // The longest topic and the largest payload together just fit.
      const topic = `hf/${'t'.repeat(253)}`;
      assert.is(from.publish(topic, new Uint8Array(from.payloadBytes), false), true);
      await has(to, topic);
      const code = (call: () => void) => { try { call(); } catch (error) { return codeOf(error); } return 'none'; };
      assert.is(code(() => from.publish('hf/t', new Uint8Array(from.payloadBytes + 1), false)), 'too-large');
      assert.is(code(() => from.publish(`${topic}t`, new Uint8Array(1), false)), 'too-large');
    }
    await pour(from, 'hf/f', 1_000, 500);
    await to.until('all messages', () => to.messages.filter(({ topic }) => topic === 'hf/f').length === 1_000);
    assert.equal([...from.downs, ...to.downs], [], 'the broker cuts who sends too much');
    await Promise.all([from.close(), to.close()]);
    await broker.stop();
  });
}

test('a broker without MQTT 5 is spoken to in 3.1.1, and 5 is not tried each time', async () => {
  const aedes = await Aedes.createBroker();
  const sockets: Socket[] = [];
  const server = createServer((socket) => { sockets.push(socket); aedes.handle(socket); });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const each = probe(`mqtt://127.0.0.1:${(server.address() as AddressInfo).port}`, { filters: ['hf/#'] });
  await up(each);
  assert.is(sockets.length, 2);
  assert.equal(each.downs, []);
  each.publish('hf/x', bytes('hello'), false);
  await has(each, 'hf/x');
  sockets[1]!.destroy();
  await each.until('a second connection', () => each.ups === 2);
  assert.is(sockets.length, 3);
  const forced = probe(`mqtt://127.0.0.1:${(server.address() as AddressInfo).port}?version=5`, { once: true });
  await forced.until('a refusal', () => forced.downs.length > 0);
  assert.is(forced.downs[0], 'the broker does not speak MQTT 5');
  await Promise.all([each.close(), forced.close()]);
  server.close();
  aedes.close();
});

live('what a killed process had retained as its will is cleared', async () => {
  const broker = await startMosquitto();
  const to = probe(broker.url, { filters: ['hf/f/+/h'] });
  await up(to);
  const child = spawn(process.execPath, [fileURLToPath(new URL('./mqtt-will.child.mjs', import.meta.url)), broker.url, 'hf/f/child/h'], { stdio: ['ignore', 'inherit', 'inherit'] });
  await has(to, 'hf/f/child/h');
  assert.is(to.messages[0]!.payload.length, 4);
  child.kill('SIGKILL');
  await to.until('the will', () => to.messages.length === 2);
  assert.equal(to.messages[1], { topic: 'hf/f/child/h', payload: new Uint8Array() });
  const late = probe(broker.url, { filters: ['hf/f/+/h', 'hf/end'] });
  await up(late);
  to.publish('hf/end', bytes('.'), false);
  await has(late, 'hf/end');
  assert.is(late.messages.length, 1, 'nothing is retained');
  await Promise.all([to.close(), late.close()]);
  await broker.stop();
});

live('close lets what was published arrive, and a will stays unsent', async () => {
  const broker = await startMosquitto();
  const relay = await startRelay(broker.port, 1, { delayMs: 20 });
  const to = probe(broker.url, { filters: ['hf/#'] });
  const from = probe(relay.url, { will: { topic: 'hf/h' } });
  await Promise.all([up(from), up(to)]);
  from.publish('hf/h', bytes('head'), true);
  for (let index = 0; index < 400; index++) from.publish('hf/s', new Uint8Array(100), false);
  await from.close();
  await to.until('all messages', () => to.messages.length >= 401);
  await new Promise((resolve) => setTimeout(resolve, 200));
  assert.is(to.messages.filter(({ topic }) => topic === 'hf/h').length, 1);
  assert.equal(from.downs, []);
  await to.close();
  await relay.stop();
  await broker.stop();
});

live('two clients with one id are told so, and take turns only as fast as their pauses', async () => {
  const broker: Mosquitto = await startMosquitto();
  const options = { clientId: 'same', random: () => 0.999 };
  const one = probe(broker.url, options);
  await up(one);
  const two = probe(broker.url, options);
  await two.until('three ends', () => one.downs.length + two.downs.length >= 3);
  // Pauses of 1.5 s and 3 s: a fight without them would be at hundreds of connections.
  assert.ok((broker.log().match(/New client connected/g) ?? []).length <= 5, broker.log());
  assert.match(one.downs[0]!, /another client connected with our client id/);
  await Promise.all([one.close(), two.close()]);
  await broker.stop();
});

test.run();
