// Many nodes at a broker: a fleet that starts at once, brokers that are bridged, a node at two of them; nobody storms and nobody starves.
// timeout: 300s

import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { ACCEPTED, OPENED } from '../../src/sync/fanout-bounds.ts';
import { SimBroker, TEMPERS } from '../sim/sim-broker.ts';
import { Meeting } from './meeting.ts';

/** Looks at the sessions of all again and again until told to stop; the most that one had, and all together. */
function watch(meeting: Meeting): { most: number; all: number; stop(): void } {
  const seen = { most: 0, all: 0, stop: () => { going = false; } };
  let going = true;
  const look = (): void => {
    const now = [...meeting.places.values()].map(({ membership }) => membership.report().sessions.now);
    seen.most = Math.max(seen.most, ...now);
    seen.all = Math.max(seen.all, now.reduce((a, b) => a + b, 0));
    if (going) meeting.world.timeline.after(50, look);
  };
  look();
  return seen;
}

function sessions(meeting: Meeting): number {
  return [...meeting.places.values()].reduce((n, { membership }) => n + membership.report().sessions.ended + membership.report().sessions.failed, 0) / 2;
}

const COUNT = 50;
const test = suite('a crowd at a broker');

test('50 nodes start at once, each with something that nobody else has; then they write, then they start again', async () => {
  const meeting = new Meeting(1);
  await meeting.run(async () => {
    const all = await meeting.found(COUNT);
    for (const machine of all) await meeting.write(machine, 20);
    const seen = watch(meeting);
    for (const machine of all) meeting.join(machine);
    const took = await meeting.level(600_000);
    seen.stop();
    assert.ok(seen.most <= OPENED + ACCEPTED, `${seen.most} sessions at one node`);
    assert.is(all[0]!.node!.digest().events, 20 * COUNT);
    const first = sessions(meeting);
    assert.ok(first <= 8 * COUNT, `${first} sessions for ${COUNT} nodes`);
    console.log(`    ${COUNT} different nodes level after ${Math.round(took / 1_000)} s, ${first} sessions, ${seen.all} at once at most, ${meeting.broker.published} messages of ${meeting.broker.publishedBytes} bytes`);
    // At rest: signs of life only.
    await meeting.world.timeline.sleep(300_000);
    const calm = { published: meeting.broker.published, sessions: sessions(meeting) };
    await meeting.world.timeline.sleep(300_000);
    assert.ok(meeting.broker.published - calm.published <= 2 * COUNT, `${meeting.broker.published - calm.published} messages at rest`);
    assert.is(sessions(meeting), calm.sessions);
    // Live: one message an event, and hardly a session.
    const before = { published: meeting.broker.published, sessions: sessions(meeting) };
    for (let round = 0; round < 20; round++) {
      for (const machine of all) await meeting.write(machine);
      await meeting.world.timeline.sleep(10_000);
    }
    await meeting.level(60_000);
    assert.is(all[0]!.node!.digest().events, 40 * COUNT);
    const live = sessions(meeting) - before.sessions;
    assert.ok(live <= 2 * COUNT, `${live} sessions while nothing was lost`);
    console.log(`    20 events each within 200 s: ${meeting.broker.published - before.published} messages, ${live} sessions`);
    // Equal ones that start at once call nobody.
    for (const { membership } of meeting.places.values()) await membership.close();
    await meeting.world.timeline.sleep(10_000);
    for (const machine of all) meeting.join(machine);
    await meeting.world.timeline.sleep(120_000);
    assert.is(sessions(meeting), 0);
  });
});

test('one of 20 comes back with 20,000 events: it serves a few, they serve the others', async () => {
  const meeting = new Meeting(2);
  await meeting.run(async () => {
    const all = await meeting.found(20);
    for (const machine of all.slice(1)) meeting.join(machine);
    await meeting.world.timeline.sleep(120_000);
    for (let i = 0; i < 40; i++) await meeting.write(all[0]!, 500);
    const seen = watch(meeting), before = meeting.broker.publishedBytes, place = meeting.join(all[0]!);
    await meeting.level(300_000);
    seen.stop();
    assert.is(all[19]!.node!.digest().events, 20_000);
    const own = place.report(), bytes = meeting.broker.publishedBytes - before;
    assert.ok(own.bytesOut < bytes, 'not all of it from the one');
    assert.ok(seen.most <= OPENED + ACCEPTED);
    console.log(`    ${own.sessions.ended} of ${sessions(meeting)} sessions with the one; it published ${own.bytesOut} of ${bytes} bytes`);
  });
});

test('two brokers that are bridged are one; messages that come back are repetitions', async () => {
  const meeting = new Meeting(3), other = new SimBroker('c', TEMPERS.good, meeting.world.timeline, meeting.world.chance, meeting.world.trace);
  bridge(meeting.broker, other);
  bridge(other, meeting.broker);
  await meeting.run(async () => {
    const all = await meeting.found(6);
    for (const machine of all) await meeting.write(machine, 10);
    all.forEach((machine, i) => { meeting.join(machine, {}, i % 2 ? other : meeting.broker); });
    await meeting.level(120_000);
    await meeting.world.timeline.sleep(60_000);
    const before = sessions(meeting);
    for (const machine of all) await meeting.write(machine);
    await meeting.world.timeline.sleep(8_000);
    assert.is(meeting.digests().size, 1);
    assert.is(sessions(meeting), before);
    assert.ok([...meeting.places.values()].some(({ membership }) => membership.report().repeated > 0), 'some came twice');
  });
});

test('a node at two brokers brings them together', async () => {
  const meeting = new Meeting(4), other = new SimBroker('c', TEMPERS.good, meeting.world.timeline, meeting.world.chance, meeting.world.trace);
  await meeting.run(async () => {
    const all = await meeting.found(7);
    const middle = all[0]!;
    all.forEach((machine, i) => { meeting.join(machine, {}, i % 2 ? other : meeting.broker); });
    meeting.join(middle, {}, other);
    for (const machine of all) await meeting.write(machine, 5);
    await meeting.level(300_000);
    for (let round = 0; round < 30; round++) {
      for (const machine of all) await meeting.write(machine);
      await meeting.world.timeline.sleep(5_000);
    }
    await meeting.level(200_000);
    assert.is(middle.node!.digest().events, 7 * 35);
  });
});

test('a relay without keys hands on what it cannot read', async () => {
  const meeting = new Meeting(5), other = new SimBroker('c', TEMPERS.good, meeting.world.timeline, meeting.world.chance, meeting.world.trace);
  await meeting.run(async () => {
    const [founder] = await meeting.found(1);
    const relay = meeting.world.add('relay'), far = meeting.world.add('far');
    await meeting.world.bring(founder!, relay, { admin: false, read: [], write: [] });
    await meeting.world.bring(founder!, far, { admin: false, read: ['*'], write: ['*'] });
    meeting.join(founder!);
    meeting.join(far, {}, other);
    meeting.join(relay);
    meeting.join(relay, {}, other);
    for (let i = 0; i < 10; i++) { await meeting.write(founder!, 10); await meeting.write(far, 10); await meeting.world.timeline.sleep(3_000); }
    await meeting.level(300_000);
    assert.is(far.node!.digest().events, 200);
  });
});

test('an interest: one stream and no other arrives, live and by sessions, and the fleet comes to rest', async () => {
  const meeting = new Meeting(6);
  await meeting.run(async () => {
    const [a, b] = await meeting.found(2);
    const both = async (n: number): Promise<void> => { for (const stream of ['telemetry', 'config']) await a!.ask((node) => node.append(stream, Array.from({ length: n }, (_, i) => ({ key: 'k', type: 't', body: i })))); };
    await both(10);
    meeting.join(a!);
    const place = meeting.join(b!, { interest: ['config'] });
    await meeting.world.timeline.sleep(60_000);
    const { received } = place.report();
    await both(1);
    await meeting.world.timeline.sleep(60_000);
    const names = (await b!.ask(async (node) => node.streams()))!.filter(({ stream }) => !stream.startsWith('$'));
    assert.equal(names.map(({ stream, events }) => [stream, events]), [['config', 11]]);
    assert.is(place.report().received - received, 1);
    const before = sessions(meeting);
    await meeting.world.timeline.sleep(600_000);
    assert.is(sessions(meeting), before);
    assert.is(place.peers()[0]!.state, 'equal');
  });
});

/** What comes to one broker goes on to the other, as a bridge does that cannot tell where a message came from: at most twice round. */
function bridge(from: SimBroker, to: SimBroker): void {
  const accept = from.accept.bind(from), hops = new Map<string, number>();
  from.accept = (topic, payload, retain) => {
    accept(topic, payload, retain);
    const name = `${topic} ${payload.length} ${payload.slice(0, 12).join()}`, n = (hops.get(name) ?? 0) + 1;
    hops.set(name, n);
    if (n <= 2) from.timeline.after(20, () => to.accept(topic, payload, retain));
  };
}

test.run();
