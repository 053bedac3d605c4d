// Subscriptions in common with others of a group, on a real mosquitto in MQTT 5 and 3.1.1, and on brokers that cannot do it or will not.
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { connack5, fakeBroker, packet, puback, suback, type Heard } from './broker-fake.ts';
import { bytes, probe, type Probe } from './broker-probe.ts';
import { hasMosquitto, startMosquitto } from './mosquitto.ts';

const test = suite('mqtt shares');
const here = hasMosquitto();
if (!here) console.log('mosquitto is not on this machine: tests of a real broker are skipped');
const live = here ? test : test.skip;

const CONNECT = 1, PUBLISH = 3, SUBSCRIBE = 8, UNSUBSCRIBE = 10;
const up = (each: Probe): Promise<void> => each.until('a connection', () => each.up);
const SHARED = { group: 'g1', filters: ['hf/f/+/s/+'] };

/** A client of the group that hears all heads for itself. */
function member(url: string, options: Parameters<typeof probe>[1] = {}): Probe {
  const each = probe(url, options);
  each.subscribe(['hf/f/+/h'], SHARED);
  return each;
}
/** Waits for what several clients bring about together. */
async function eventually(what: string, ready: () => boolean): Promise<void> {
  for (const end = performance.now() + 30_000; !ready(); await new Promise((resolve) => setTimeout(resolve, 20))) assert.ok(performance.now() < end, `${what} did not happen`);
}
const texts = (each: Probe, kind: string): string[] => each.messages.filter(({ topic }) => topic.includes(`/${kind}`)).map(({ payload }) => new TextDecoder().decode(payload));

for (const version of [5, 4]) {
  live(`${version === 5 ? 'each message comes to one of a group' : 'a broker of 3.1.1 is asked for everything'}; heads come to all (version ${version})`, async () => {
    const broker = await startMosquitto(), url = `${broker.url}?version=${version}`;
    const from = probe(url);
    await up(from);
    from.publish('hf/f/a/h', bytes('head'), true);
    const group = [member(url), member(url), member(url)], alone = probe(url, { filters: ['hf/f/+/s/+'] });
    await Promise.all([...group, alone].map(up));
    for (let i = 0; i < 300; i++) from.publish('hf/f/a/s/x', bytes(`${i}`), false);
    for (let i = 300; i < 310; i++) group[0]!.publish('hf/f/b/s/x', bytes(`${i}`), false);
    const numbers = (each: Probe): string[] => texts(each, 's/x');
    await alone.until('all', () => numbers(alone).length === 310);
    const wanted = Array.from({ length: 310 }, (_, i) => `${i}`);
    if (version === 5) {
      await eventually('310 in all', () => group.reduce((n, one) => n + numbers(one).length, 0) === 310);
      assert.equal(group.flatMap(numbers).sort((a, b) => Number(a) - Number(b)), wanted);
      for (const each of group) assert.ok(numbers(each).length > 0);
    } else await Promise.all(group.map((each) => each.until('all', () => numbers(each).length === 310)));
    await Promise.all(group.map((each) => each.until('the head', () => texts(each, 'h').length > 0)));
    for (const each of group) assert.equal(texts(each, 'h'), ['head']);
    assert.equal([...group, alone, from].flatMap((each) => [...each.downs, ...each.notices]), []);
    await Promise.all([...group, alone, from].map((each) => each.close()));
    await broker.stop();
  });
}

live('one of a group goes with messages in its hands: from then on the others have everything', async () => {
  const broker = await startMosquitto();
  const group = [member(broker.url), member(broker.url, { hold: () => {} })], from = probe(broker.url);
  await Promise.all([...group, from].map(up));
  for (let i = 0; i < 40; i++) from.publish('hf/f/a/s/x', bytes(`before ${i}`), false);
  await group[1]!.until('some', () => group[1]!.messages.length >= 10);
  await group[1]!.close();
  for (let i = 0; i < 40; i++) from.publish('hf/f/a/s/x', bytes(`after ${i}`), false);
  await group[0]!.until('all that came after', () => texts(group[0]!, 's').filter((text) => text.startsWith('after')).length === 40);
  // And one that joins takes its part at once.
  const third = member(broker.url);
  await up(third);
  const had = group[0]!.messages.length;
  for (let i = 0; i < 40; i++) from.publish('hf/f/a/s/x', bytes(`then ${i}`), false);
  await eventually('40 between them', () => third.messages.length + group[0]!.messages.length - had === 40);
  assert.ok(third.messages.length > 0);
  await Promise.all([group[0]!, third, from].map((each) => each.close()));
  await broker.stop();
});

live('a group can be left for a subscription of one\'s own, and come back to', async () => {
  const broker = await startMosquitto();
  const group = [member(broker.url), member(broker.url)], from = probe(broker.url);
  await Promise.all([...group, from].map(up));
  group[0]!.subscribe(['hf/f/+/h', 'hf/f/+/s/+', 'hf/f/+/ready']);
  from.publish('hf/f/a/ready', bytes('yes'), true);
  await group[0]!.until('the new filters', () => texts(group[0]!, 'ready').length > 0);
  for (let i = 0; i < 20; i++) from.publish('hf/f/a/s/x', bytes(`${i}`), false);
  await Promise.all(group.map((each) => each.until('all', () => texts(each, 's').length === 20)));
  await Promise.all([...group, from].map((each) => each.close()));
  await broker.stop();
});

/** The filters of a SUBSCRIBE or UNSUBSCRIBE of MQTT 5, and with the former their options. */
function filtersOf({ kind, body }: Heard): { filter: string; noLocal: boolean }[] {
  const out: { filter: string; noLocal: boolean }[] = [];
  for (let at = 3 + body[2]!; at < body.length;) {
    const length = body.readUInt16BE(at), filter = body.subarray(at + 2, at + 2 + length).toString();
    at += 2 + length;
    out.push({ filter, noLocal: kind === SUBSCRIBE && (body[at]! & 4) !== 0 });
    if (kind === SUBSCRIBE) at++;
  }
  return out;
}

/** A broker that answers a filter in common with `code`, or says in its CONNACK (`properties`) what it offers. Gives what was asked of it, and what the client had to say. */
async function asked(code: number, properties?: Uint8Array): Promise<{ subscribed: { filter: string; noLocal: boolean }[]; unsubscribed: string[]; notices: readonly string[] }> {
  const subscribed: { filter: string; noLocal: boolean }[] = [], unsubscribed: string[] = [];
  const broker = await fakeBroker((heard, connection) => {
    if (heard.kind === CONNECT) connection.send(connack5(0, properties));
    if (heard.kind === PUBLISH) connection.send(puback(heard));
    if (heard.kind === SUBSCRIBE) {
      const filters = filtersOf(heard);
      subscribed.push(...filters);
      connection.send(suback(heard, 5, filters.some(({ filter }) => filter.startsWith('$share/')) ? code : 1));
    }
    if (heard.kind === UNSUBSCRIBE) {
      const filters = filtersOf(heard);
      unsubscribed.push(...filters.map(({ filter }) => filter));
      connection.send(packet(0xb0, heard.body.subarray(0, 2), 0, new Uint8Array(filters.length)));
    }
  });
  const each = member(`${broker.url}?version=5`);
  await up(each);
  await each.close();
  await broker.stop();
  return { subscribed, unsubscribed, notices: [...each.notices] };
}

test('a filter in common never asks that own messages stay away, which MQTT forbids', async () => {
  const { subscribed, unsubscribed, notices } = await asked(1);
  assert.equal(subscribed, [{ filter: 'hf/f/+/h', noLocal: true }, { filter: '$share/g1/hf/f/+/s/+', noLocal: false }]);
  assert.equal([unsubscribed, notices], [[], []]);
});

test('a broker that says it shares nothing is asked for everything', async () => {
  const { subscribed, notices } = await asked(0x9e, Uint8Array.of(0x2a, 0));
  assert.equal(subscribed.map(({ filter }) => filter), ['hf/f/+/h', 'hf/f/+/s/+']);
  assert.ok(subscribed.every(({ noLocal }) => noLocal));
  assert.equal(notices, []);
});

for (const [code, why] of [[0x9e, undefined], [0x87, /ACL does not let this user share/], [0x80, /does not share/], [0x8f, /does not share/]] as const) {
  test(`a broker that refuses to share (0x${code.toString(16)}) is asked for everything${why ? ', and a person is told' : ''}`, async () => {
    const { subscribed, unsubscribed, notices } = await asked(code);
    assert.equal(subscribed.map(({ filter }) => filter), ['hf/f/+/h', '$share/g1/hf/f/+/s/+', 'hf/f/+/s/+']);
    assert.equal(unsubscribed, ['$share/g1/hf/f/+/s/+']);
    assert.is(notices.length, why ? 1 : 0);
    if (why) assert.match(notices[0]!, why);
  });
}

test.run();
