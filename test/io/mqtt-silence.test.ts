// Brokers that fall silent: not answering, not acknowledging, not reading; they are left after a while, and cost little memory until then.
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { createServer, type AddressInfo } from 'node:net';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { connack5, fakeBroker, suback } from './broker-fake.ts';
import { probe, type Probe } from './broker-probe.ts';

const test = suite('silent brokers');
const CONNECT = 1, PUBLISH = 3, SUBSCRIBE = 8;

setFlagsFromString('--expose-gc');
const collect = runInNewContext('gc') as () => void;

/** What takes half a minute goes on while other tests run; the last one waits for it. */
const endings: Promise<void>[] = [];
function later(rest: () => Promise<void>): void {
  const running = rest();
  running.catch(() => {});
  endings.push(running);
}

/** Bytes of objects and buffers that this process needs. */
function memory(): number {
  collect();
  const { heapUsed, arrayBuffers } = process.memoryUsage();
  return heapUsed + arrayBuffers;
}

/** Publishes without waiting for anything, as no sender should. Returns how many messages were asked for. */
function flood(each: Probe, count: number, size: number): number {
  let refused = 0;
  for (let index = 0; index < count; index++) if (!each.publish('hf/f/a/s/x', new Uint8Array(size), false)) refused++;
  return refused;
}

test('a broker that takes messages and acknowledges none costs at most its window, and is left', async () => {
  let taken = 0;
  const broker = await fakeBroker((heard, connection, index) => {
    if (heard.kind === CONNECT) connection.send(connack5());
    if (heard.kind === SUBSCRIBE) connection.send(suback(heard, 5));
    if (heard.kind !== PUBLISH) return;
    if (index === 0) taken++;
    heard.body.fill(0);
    connection.heard.length = 0;
  });
  const each = probe(broker.url, { filters: ['hf/#'] });
  await each.until('a connection', () => each.up);
  const before = memory();
  assert.ok(flood(each, 200_000, 1_000) > 199_000);
  const cost = memory() - before;
  // Of a gigabyte that was offered; garbage that is not collected yet counts.
  assert.ok(cost < 48 * 1_048_576, `${cost} bytes`);
  later(async () => {
    await each.until('its end', () => each.downs.length > 0);
    assert.is(each.downs[0], 'the broker has acknowledged nothing for 30 s');
    assert.ok(taken > 0 && taken <= 128, `${taken} messages were sent at once`);
    await each.until('a second connection', () => each.ups === 2);
    await each.close();
    await broker.stop();
  });
});

test('so does a broker that stops reading', async () => {
  const broker = await fakeBroker((heard, connection) => {
    if (heard.kind === CONNECT) connection.send(connack5());
    if (heard.kind === SUBSCRIBE) {
      connection.send(suback(heard, 5));
      connection.socket.pause();
    }
  });
  const each = probe(broker.url, { filters: ['hf/#'], once: true });
  await each.until('a connection', () => each.up);
  const before = memory();
  assert.ok(flood(each, 20_000, 50_000) > 19_900);
  const cost = memory() - before;
  // Of a gigabyte that was offered; garbage that is not collected yet counts.
  assert.ok(cost < 48 * 1_048_576, `${cost} bytes`);
  assert.ok(each.traffic.out < 1_100_000);
  later(async () => {
    await each.until('its end', () => each.downs.length > 0);
    assert.is(each.downs[0], 'the broker has acknowledged nothing for 30 s');
    await each.close();
    await broker.stop();
  });
});

test('silence before the connection is up, and silence of an idle one', async () => {
  const mute = createServer((socket) => void socket.on('error', () => {}).resume());
  await new Promise<void>((resolve) => mute.listen(0, '127.0.0.1', resolve));
  const shy = await fakeBroker((heard, connection) => { if (heard.kind === CONNECT) connection.send(connack5()); });
  const gone = await fakeBroker((heard, connection) => {
    if (heard.kind === CONNECT) connection.send(connack5());
    if (heard.kind === SUBSCRIBE) connection.send(suback(heard, 5));
  });
  const cases: [Probe, string][] = [
    [probe(`mqtt://127.0.0.1:${(mute.address() as AddressInfo).port}`, { once: true }), 'what listens there took the connection, but does not answer as a broker'],
    [probe(shy.url, { once: true, filters: ['hf/#'] }), 'the broker did not answer our subscriptions'],
    [probe(`${gone.url}?keepalive=5`, { once: true, filters: ['hf/#'] }), 'the broker no longer answers'],
  ];
  later(async () => {
    await Promise.all(cases.map(async ([each, reason]) => {
      await each.until(reason, () => each.downs.length > 0);
      assert.is(each.downs[0], reason);
      await each.close();
    }));
    await Promise.all([shy.stop(), gone.stop()]);
    mute.close();
  });
});

test('close does not wait for what will not come', async () => {
  const broker = await fakeBroker((heard, connection) => { if (heard.kind === CONNECT) connection.send(connack5()); });
  const each = probe(broker.url);
  await each.until('a connection', () => each.up);
  flood(each, 10, 100);
  await each.close();
  assert.equal(each.downs, []);
  assert.ok(broker.connections[0]!.heard.some(({ kind }) => kind === 14), 'it said goodbye');
  const nobody = probe('mqtt://127.0.0.1:1');
  await nobody.until('a failure', () => nobody.downs.length === 1);
  await nobody.close();
  const early = probe(broker.url);
  await early.close();
  assert.is(early.ups, 0);
  await broker.stop();
});

test('they are left after half a minute', async () => {
  assert.is(endings.length, 3);
  await Promise.all(endings);
});

test.run();
