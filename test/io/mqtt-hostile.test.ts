// Brokers that mean harm or are broken: floods, garbage, packets out of measure, refusals, and what is said about them.
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import fc from 'fast-check';
import { Aedes } from 'aedes';
import { createServer, type AddressInfo } from 'node:net';
import { connack4, connack5, disconnect5, fakeBroker, packet, puback, publish, suback, type FakeConnection, type Heard } from './broker-fake.ts';
import { bytes, probe, type Probe } from './broker-probe.ts';

const test = suite('hostile brokers');
const CONNECT = 1, PUBLISH = 3, PUBACK = 4, SUBSCRIBE = 8;

const up = (each: Probe): Promise<void> => each.until('a connection', () => each.up);
/** Answers as a broker of this version does, PUBLISH excepted. */
function polite(version: 4 | 5, heard: Heard, connection: FakeConnection, properties = new Uint8Array()): void {
  if (heard.kind === CONNECT) connection.send(version === 5 ? connack5(0, properties) : connack4());
  if (heard.kind === SUBSCRIBE) connection.send(suback(heard, version));
}

for (const version of [5, 4] as const) {
  test(`a flood is not read beyond what is granted, and acknowledged in order when it is done (version ${version})`, async () => {
    const acknowledged: number[] = [];
    const broker = await fakeBroker((heard, connection) => {
      polite(version, heard, connection);
      if (heard.kind === PUBACK) acknowledged.push(heard.body.readUInt16BE(0));
    });
    const open: (() => void)[] = [];
    let held = true;
    const each = probe(`${broker.url}?version=${version}`, { filters: ['hf/#'], hold: (done) => (held ? void open.push(done) : done()) });
    await up(each);
    const { socket } = broker.connections[0]!;
    const message = (id: number): Uint8Array => publish(version, 'hf/x', id, new Uint8Array(50_000).fill(id));
    let sent = 0;
    const MOST = 4_000;
    const flood = (): void => {
      while (sent < MOST) if (!socket.write(message(++sent))) return void socket.once('drain', flood);
    };
    flood();
    await each.until('64 messages', () => open.length === 64);
    // 200 MB are on offer: what is neither handed out nor in the system's buffers is still with the broker.
    await new Promise((resolve) => setTimeout(resolve, 300));
    assert.is(open.length, 64);
    assert.ok(sent < 1_000, `${sent} messages were taken from the broker`);
    assert.equal(acknowledged, []);
    // Done in another order: MQTT wants acknowledgements in the order of arrival.
    for (const done of open.slice(1, 40)) done();
    await new Promise((resolve) => setTimeout(resolve, 50));
    assert.equal(acknowledged, []);
    assert.is(open.length, 64, 'a message that waits for an older one keeps its place');
    held = false;
    open[0]!();
    open[0]!();
    for (const done of open.slice(40)) done();
    await each.until('all messages', () => each.messages.length === MOST);
    while (acknowledged.length < MOST) await new Promise((resolve) => setTimeout(resolve, 10));
    assert.equal(acknowledged, Array.from({ length: MOST }, (_, index) => index + 1));
    assert.ok(each.messages.every(({ payload }, index) => payload[0] === (index + 1 & 255)));
    await each.close();
    await broker.stop();
  });

  test(`never more unacknowledged messages than the broker takes (version ${version})`, async () => {
    const open: Heard[] = [];
    let most = 0, total = 0;
    const properties = Uint8Array.of(0x21, 0, 3);
    const broker = await fakeBroker((heard, connection) => {
      polite(version, heard, connection, properties);
      if (heard.kind !== PUBLISH) return;
      total++;
      most = Math.max(most, open.push(heard));
      setTimeout(() => connection.send(puback(open.shift()!)), 1);
    });
    const each = probe(`${broker.url}?version=${version}`);
    await up(each);
    let asked = 0;
    for (let index = 0; index < 200; index++) {
      if (each.publish('hf/x', new Uint8Array(100), false)) continue;
      asked++;
      await new Promise<void>((resolve) => (each.onDrain = resolve));
    }
    await each.close();
    assert.is(total, 200);
    assert.is(most, version === 5 ? 3 : 20);
    assert.ok(asked > 1);
    await broker.stop();
  });
}

test('garbage ends a connection, and nothing else', async () => {
  const escaped: unknown[] = [];
  const note = (error: unknown): void => void escaped.push(error);
  process.on('uncaughtException', note).on('unhandledRejection', note);
  let next: { version: 4 | 5; before: 'connack' | 'suback' | 'up'; chunks: Uint8Array[] };
  const broker = await fakeBroker((heard, connection) => {
    const { version, before, chunks } = next;
    const spoil = (): void => {
      connection.send(...chunks);
      setTimeout(() => connection.socket.destroy(), 5);
    };
    if (heard.kind === CONNECT && before === 'connack') return spoil();
    if (heard.kind === SUBSCRIBE && before === 'suback') return spoil();
    polite(version, heard, connection);
    if (heard.kind === SUBSCRIBE && before === 'up') setTimeout(spoil, 2);
  });
  const byte = fc.nat(255);
  const property = fc.oneof(fc.constantFrom([0x13, 0, 0], [0x13, 255, 255], [0x21, 0, 0], [0x22, 0, 9], [0x22, 255, 255], [0x27, 0, 0, 0, 1], [0x24, 0], [0x25, 0], [0x26, 0, 1, 97, 0, 1, 98], [0x1f, 0, 1, 7], [0x12, 0]), fc.array(byte, { maxLength: 6 }));
  const properties = fc.array(property, { maxLength: 4 }).map((each) => Uint8Array.from(each.flat())).map((each) => Uint8Array.from([each.length, ...each]));
  const chunk = fc.oneof(
    fc.uint8Array({ maxLength: 40 }),
    fc.tuple(byte, fc.uint8Array({ maxLength: 30 })).map(([first, body]) => packet(first, body)),
    fc.tuple(fc.nat(1), byte, properties).map(([flags, code, its]) => packet(0x20, flags, code, its)),
    fc.tuple(fc.constantFrom(0, 0, 0, 0x87), properties).map(([code, its]) => packet(0x20, 0, code, its)),
    fc.tuple(fc.constantFrom(0x40, 0x50, 0x62, 0x70, 0x90, 0xb0), fc.nat(3), byte, properties).map(([first, id, code, its]) => packet(first, 0, id, code, its)),
    fc.tuple(fc.nat(7), fc.string({ maxLength: 5 }), fc.nat(3), properties, fc.uint8Array({ maxLength: 9 })).map(([flags, topic, id, its, payload]) => packet(0x30 | flags, 0, Buffer.byteLength(topic), bytes(topic), 0, id, its, payload)),
    fc.tuple(byte, properties).map(([code, its]) => packet(0xe0, code, its)), fc.tuple(byte, properties).map(([code, its]) => packet(0xf0, code, its)), fc.constantFrom(packet(0xd0), packet(0xc0), Uint8Array.of(0x30, 255, 255, 255, 255), Uint8Array.of(0x30, 255, 255, 255, 127)),
  );
  await fc.assert(fc.asyncProperty(fc.constantFrom(4 as const, 5 as const), fc.constantFrom('connack' as const, 'suback' as const, 'up' as const), fc.array(chunk, { minLength: 1, maxLength: 6 }), async (version, before, chunks) => {
    next = { version, before, chunks };
    const each = probe(`${broker.url}?version=${version}`, { once: true, filters: ['hf/#'], will: { topic: 'hf/w' } });
    each.onUp = () => { for (let index = 0; index < 3; index++) each.publish('hf/y', bytes('y'), false); };
    await each.until('its end', () => each.downs.length > 0);
    await each.close();
    assert.equal(escaped, []);
    for (const { payload } of each.messages) assert.is(payload.constructor, Uint8Array);
  }), { numRuns: 600 });
  process.off('uncaughtException', note).off('unhandledRejection', note);
  await broker.stop();
});

test('what a broker may not send is named', async () => {
  const wrong: [Uint8Array, RegExp][] = [
    [packet(0x34, 0, 1, 97, 0, 1, 0), /QoS 2/], [Uint8Array.of(0x32, 0x81, 0x80, 0x10), /a packet of more than 262144 bytes/], [Buffer.concat([Uint8Array.of(0x32, 0xff, 0xff, 0xff, 0x7f), new Uint8Array(100_000)]), /more than 262144/],
    [Uint8Array.of(0x01, 0), /no MQTT packet/], [Uint8Array.of(0x32, 0x80, 0x80, 0x80, 0x80, 1), /no MQTT packet/], [packet(0x32, 0, 1, 97, 0, 0, 0), /a fault|without an id/], [connack5(), /not in order/],
    [disconnect5(0x8e), /another client connected with our client id, so/], [disconnect5(0x8b), /the broker shuts down/], [disconnect5(0x97), /quota/], [packet(0xe0, 0x98, 7, 0x1f, 0, 4, ...bytes('\u001b[31')), /administrator .*says "\[31"/],
  ];
  for (const [sent, why] of wrong) {
    const broker = await fakeBroker((heard, connection) => {
      polite(5, heard, connection);
      if (heard.kind === SUBSCRIBE) setTimeout(() => connection.send(sent), 1);
    });
    const each = probe(broker.url, { once: true, filters: ['hf/#'] });
    await each.until('its end', () => each.downs.length > 0);
    assert.match(each.downs[0]!, why);
    await each.close();
    await broker.stop();
  }
});

test('refusals of the connection are said in words, of both versions', async () => {
  const refused: [4 | 5, Uint8Array, RegExp][] = [
    [5, connack5(0x84), /does not speak MQTT 5/], [5, connack4(1), /does not speak MQTT 5/], [5, connack5(0x85), /client id/], [5, connack5(0x89), /busy/], [5, connack5(0x9b), /QoS 1/], [5, connack5(0, Uint8Array.of(0x24, 0)), /no QoS 1/],
    [5, connack5(0x97, Uint8Array.of(0x1f, 0, 9, ...bytes('10 clients'.slice(0, 9)))), /quota .*says "10 client"/], [4, connack4(2), /client id/], [4, connack4(3), /not available/], [4, connack4(4), /without a user name/], [4, connack4(77), /code 0x4d/],
  ];
  for (const [version, sent, why] of refused) {
    const broker = await fakeBroker((heard, connection) => { if (heard.kind === CONNECT) connection.send(sent); });
    const each = probe(`${broker.url}?version=${version}`, { once: true });
    await each.until('its end', () => each.downs.length > 0);
    assert.match(each.downs[0]!, why);
    await each.close();
    await broker.stop();
  }
});

test('what the rules of the broker refuse is noticed once for each kind', async () => {
  const broker = await fakeBroker((heard, connection) => {
    if (heard.kind === CONNECT) connection.send(connack5());
    if (heard.kind === SUBSCRIBE) connection.send(suback(heard, 5, 0x87));
    if (heard.kind === PUBLISH) connection.send(puback(heard, 0x87));
  });
  const each = probe(broker.url, { filters: ['hf/f/+/s/#'] });
  await up(each);
  for (let index = 0; index < 50; index++) each.publish(`hf/f/a/s/${index}`, bytes('x'), false);
  each.publish('hf/f/a/h/1', bytes('x'), true);
  await each.until('three notices', () => each.notices.length === 3);
  broker.connections[0]!.socket.destroy();
  await each.until('a second connection', () => each.ups === 2);
  each.publish('hf/f/a/s/0', bytes('x'), false);
  await each.close();
  assert.equal(each.notices, [
    "the subscription to hf/f/+/s/# was refused: the broker's ACL does not let this user subscribe to it: let it read there",
    "a message on hf/f/a/s/0 was refused: the broker's ACL does not let this user publish there", "a message on hf/f/a/h/1 was refused: the broker's ACL does not let this user publish there",
  ]);
  await broker.stop();
});

test('a subscription that a broker of 3.1.1 refuses is noticed, and the others are granted', async () => {
  const aedes = await Aedes.createBroker();
  aedes.authorizeSubscribe = (_client, subscription, answer) => answer(null, subscription.topic.startsWith('secret') ? null : subscription);
  const server = createServer(aedes.handle);
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const each = probe(`mqtt://127.0.0.1:${(server.address() as AddressInfo).port}?version=4`, { filters: ['secret/#', 'open/#'] });
  await up(each);
  assert.equal(each.notices, ["the subscription to secret/# was refused: the broker's ACL does not let this user subscribe to it: let it read there"]);
  each.publish('open/x', bytes('x'), false);
  await each.until('its own message', () => each.messages.length === 1);
  await each.close();
  server.close();
  aedes.close();
});

test('a broker that only hangs up on MQTT 5 is asked in 3.1.1, and one that keeps nothing is sent nothing to keep', async () => {
  const flags: number[] = [];
  const old = await fakeBroker((heard, connection) => {
    if (heard.kind === CONNECT && heard.body[6] === 5) return void connection.socket.destroy();
    polite(4, heard, connection);
  });
  const each = probe(old.url, { filters: ['hf/#'] });
  await up(each);
  assert.equal(old.connections.map(({ heard }) => heard[0]!.body[6]), [5, 4]);
  await each.close();
  await old.stop();
  const keeper = await fakeBroker((heard, connection) => {
    // With the flag of a retained will, a broker that retains nothing must refuse.
    if (heard.kind === CONNECT && (heard.body[7]! & 0x20) !== 0) return connection.send(connack5(0x9a));
    polite(5, heard, connection, Uint8Array.of(0x25, 0));
    if (heard.kind !== PUBLISH) return;
    flags.push(heard.flags);
    connection.send(puback(heard));
  });
  const other = probe(keeper.url, { will: { topic: 'hf/h' } });
  await up(other);
  other.publish('hf/h', bytes('x'), true);
  await other.close();
  assert.equal(flags, [2]);
  assert.equal(other.downs, []);
  await keeper.stop();
});

test.run();
