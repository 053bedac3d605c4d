// Fifty nodes that have never met come to one broker at once, and each appends: all hold the same in the end, and what that takes in messages and sessions is bounded.
// timeout: 240s
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { hex } from '../../src/event/bytes.ts';
import { createCrypto, createRandom } from '../../src/io/crypto.ts';
import { envelopeOf } from '../../src/sync/fanout-seal.ts';
import { topicsOf } from '../../src/sync/fanout-topics.ts';
import { probe } from '../io/broker-probe.ts';
import { hasMosquitto } from '../io/mosquitto.ts';
import type { Crowd } from './broker-crowd.child.ts';
import { ask, atBroker, bookOf, brokersOf, foundAll, level, until } from './broker-nodes.ts';
import { sleep, startChild } from './children.ts';
import { withStation } from './places.ts';

const test = suite('broker-crowd');
const NODES = 50, PROCESSES = 4;
/** Kinds of directed messages, by their first byte (src/sync/FANOUT.md). */
const KINDS = ['calls', 'answers', 'busy', 'datagrams', 'ends'] as const;
if (!hasMosquitto()) console.log('mosquitto is not on this machine: tests of a real broker are skipped');

(hasMosquitto() ? test : test.skip)(`${NODES} nodes at one broker`, () => atBroker(async (broker, path, later) => {
  const book = bookOf(), dirs = Array.from({ length: NODES }, (_, i) => path(`n${i}`)), notices: string[] = [];
  await foundAll(dirs[0]!, ...dirs.slice(1));
  // Hears each message once, whoever it is for; a member can open all of them.
  const own = await withStation(dirs[0]!, async ({ node }) => ({ fleet: node.fleet, id: node.id })), crypto = createCrypto();
  const topics = topicsOf(crypto, own.fleet, own.id, 'hf'), envelope = envelopeOf(crypto, createRandom(), own.fleet);
  const counts = { heads: 0, segments: 0, calls: 0, answers: 0, busy: 0, datagrams: 0, ends: 0, bytes: 0, sessions: 0 }, sessions = new Set<string>();
  const ear = probe(broker.url, { filters: ['hf/#'] });
  later(() => ear.close());
  ear.onMessage = (topic, payload, done) => {
    const kind = topic.split('/')[3];
    counts.bytes += payload.length;
    if (kind === 'h') counts.heads++;
    else if (kind === 's') counts.segments++;
    else {
      const plain = envelope.open(topics.inner(topic), payload)!, what = KINDS[plain[0]!]!;
      counts[what]++;
      if (what === 'datagrams') counts.sessions = sessions.add(hex(plain.subarray(1, 9))).size;
    }
    done();
  };
  const children = Array.from({ length: PROCESSES }, (_, i) => startChild('broker-crowd', { dirs: dirs.filter((_, n) => n % PROCESSES === i), url: broker.url } satisfies Crowd, (line) => { if (line !== 'open') notices.push(line); }));
  later(async () => { for (const child of children) child.kill(); });
  await Promise.all(children.map((child) => child.said('open')));
  const nodes = await Promise.all(dirs.map(async (dir) => ({ db: await ask(dir) })));
  await Promise.all(nodes.map((node) => book.append(node, 20)));
  await level(nodes, book.acknowledged, 180);
  const met = { ...counts };
  for (const i of [0, 17, NODES - 1]) await book.check(nodes[i]!, `node ${i}`);
  // Live, now that all know each other: each segment is published once and nobody needs a session for it.
  await until('quiet', async () => (await Promise.all(nodes.map(brokersOf))).every(([peer]) => peer!.broker!.sessions === 0 && peer!.broker!.members.length === NODES - 1), 120);
  const before = { ...counts };
  for (let turn = 0; turn < 3; turn++) {
    await Promise.all(nodes.map((node) => book.append(node, 5)));
    await sleep(1_000);
  }
  await level(nodes, book.acknowledged, 90);
  const live = Object.fromEntries(Object.entries(counts).map(([name, n]) => [name, n - before[name as keyof typeof counts]]));
  console.log(`met: ${JSON.stringify(met)}; live: ${JSON.stringify(live)}`);
  assert.equal(notices, []);
  // A rumour takes each node some sessions; everybody with everybody would be NODES * (NODES - 1) / 2 = 1,225 of them.
  assert.ok(met.sessions <= NODES * 12, `${met.sessions} sessions`);
  assert.ok(met.calls <= NODES * 40, `${met.calls} calls`);
  assert.ok(met.segments <= NODES * 6 && met.heads <= NODES * 20, `${met.segments} segments, ${met.heads} heads`);
  // Live, each segment was published once, and no session was needed.
  assert.ok(live['segments']! >= NODES && live['segments']! <= NODES * 3 * 2, `${live['segments']} segments`);
  assert.ok(live['sessions']! <= NODES / 5, `${live['sessions']} sessions`);
}));

test.run();
