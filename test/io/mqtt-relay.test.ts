// A hostile network between a node and its broker: what arrives may be lost, doubled, old or out of order, but the connection lives and the relay does what it says.
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { bytes, probe, type Probe } from './broker-probe.ts';
import { startRelay, type RelayActs } from './broker-relay.ts';
import { hasMosquitto, startMosquitto } from './mosquitto.ts';

const test = suite('mqtt through a hostile relay');
const here = hasMosquitto();
if (!here) console.log('mosquitto is not on this machine: tests of a real broker are skipped');
const live = here ? test : test.skip;

const COUNT = 600;

/** Sends numbered messages through a relay with these acts, in both versions, and gives what came out at the other end. */
async function through(acts: RelayActs, seed: number, version: 4 | 5): Promise<{ numbers: number[]; from: Probe; to: Probe; counts: Awaited<ReturnType<typeof startRelay>>['counts'] }> {
  const broker = await startMosquitto();
  const relay = await startRelay(broker.port, seed, { ...acts, touches: (topic) => topic === 'hf/s' });
  const from = probe(`${relay.url}?version=${version}`), to = probe(`${relay.url}?version=${version}`, { filters: ['hf/#'] });
  await Promise.all([from, to].map((each) => each.until('a connection', () => each.up)));
  for (let index = 0; index < COUNT; index++) {
    if (!from.publish('hf/s', bytes(String(index)), false)) await new Promise<void>((resolve) => (from.onDrain = resolve));
  }
  from.publish('hf/end', bytes('.'), false);
  await to.until('the end', () => to.messages.some(({ topic }) => topic === 'hf/end'));
  // What was held back comes after.
  await new Promise((resolve) => setTimeout(resolve, 200));
  const numbers = to.messages.filter(({ topic }) => topic === 'hf/s').map(({ payload }) => Number(new TextDecoder().decode(payload)));
  await Promise.all([from.close(), to.close()]);
  await relay.stop();
  await broker.stop();
  return { numbers, from, to, counts: relay.counts };
}

for (const version of [5, 4] as const) {
  live(`messages doubled, moved and replayed (version ${version})`, async () => {
    const { numbers, from, to, counts } = await through({ duplicate: 0.1, reorder: 0.1, replay: 0.1, delayMs: 2 }, 7, version);
    assert.equal([...from.downs, ...to.downs], []);
    assert.is(new Set(numbers).size, COUNT, 'none is lost');
    assert.ok(numbers.length > COUNT + 50);
    assert.ok(numbers.some((each, index) => index > 0 && each < numbers[index - 1]!));
    assert.ok(counts.duplicated > 20 && counts.reordered > 20 && counts.replayed > 20, JSON.stringify(counts));
  });
}

live('messages lost, and the sender told that they arrived', async () => {
  const { numbers, from, counts } = await through({ lose: 0.2 }, 3, 5);
  assert.equal(from.downs, []);
  assert.is(numbers.length, COUNT - counts.lost);
  assert.ok(counts.lost > 50);
});

live('a link that is cut all the time comes back all the time, and carries what fits in between', async () => {
  const broker = await startMosquitto();
  const relay = await startRelay(broker.port, 1, { flapMs: 200 });
  const from = probe(relay.url), to = probe(broker.url, { filters: ['hf/#'] });
  await to.until('a connection', () => to.up);
  from.onUp = () => void from.publish('hf/s', bytes('hello'), false);
  await to.until('three messages', () => to.messages.length >= 3);
  assert.ok(from.downs.length >= 2);
  relay.acts = {};
  relay.down = true;
  await from.until('a failure', () => /closed the connection/.test(from.downs.at(-1)!));
  relay.down = false;
  const before = to.messages.length;
  await to.until('one more', () => to.messages.length > before);
  await Promise.all([from.close(), to.close()]);
  await relay.stop();
  await broker.stop();
});

test.run();
