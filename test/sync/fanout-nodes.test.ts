// Nodes that meet at a broker alone: what one records arrives everywhere, live and after every kind of absence.
// timeout: 300s

import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { hex } from '../../src/event/bytes.ts';
import { TEMPERS } from '../sim/sim-broker.ts';
import { Meeting } from './meeting.ts';
import { revoke } from '../../src/node-acts.ts';

const test = suite('nodes at a broker');

test('two nodes: what is behind by a session, what is new by the fan-out', async () => {
  const meeting = new Meeting(1);
  await meeting.run(async () => {
    const [a, b] = await meeting.found(2);
    await meeting.write(a!, 50);
    await meeting.write(b!, 30);
    const pa = meeting.join(a!), pb = meeting.join(b!);
    await meeting.level(60_000);
    await meeting.world.timeline.sleep(20_000);
    const before = pa.report(), behind = pb.report();
    assert.is(before.sessions.now, 0);
    assert.ok(before.sessions.ended + behind.sessions.ended >= 1);
    await meeting.write(a!, 3);
    await meeting.world.timeline.sleep(6_000);
    assert.is(meeting.digests().size, 1);
    assert.is(pa.report().published - before.published, 1);
    assert.is(pb.report().received - behind.received, 1);
    assert.is(pb.report().events - behind.events, 3);
    assert.is(pa.report().sessions.ended, before.sessions.ended);
    assert.is(pa.peers().length, 1);
  });
});

test('one that has joined elsewhere comes and writes on, as all do: what it writes counts within seconds', async () => {
  const meeting = new Meeting(12);
  await meeting.run(async () => {
    const old = (await meeting.found(3)).slice(), world = meeting.world;
    for (const machine of old) meeting.join(machine);
    await meeting.level(60_000);
    const stranger = world.add('n3');
    await world.bring(old[0]!, stranger, { admin: false, read: ['*'], write: ['*'] });
    // As people do: one command joins, another one runs.
    await stranger.stop();
    await stranger.start();
    meeting.join(stranger);
    const began = world.timeline.now, waits = (): number[] => old.map((machine) => machine.node!.archive.quarantineBytes);
    let most = 0;
    for (let known = false; !known; await world.timeline.sleep(500)) {
      assert.ok(world.timeline.now - began < 25_000, `what it wrote still waits in quarantine after 25 s: ${waits().join(', ')} bytes`);
      for (const machine of world.machines) await meeting.write(machine);
      most = Math.max(most, ...waits());
      known = old.every((machine) => machine.node!.desk.judgePeer(stranger.node!.id) === 'member');
    }
    assert.ok(most > 0, 'nothing ever waited: this shows nothing');
    await meeting.level(60_000);
    assert.equal(waits(), [0, 0, 0]);
  });
});

test('a lost segment is found by the next one, without waiting for a head', async () => {
  const meeting = new Meeting(2);
  await meeting.run(async () => {
    const [a, b] = await meeting.found(2);
    meeting.join(a!);
    const pb = meeting.join(b!);
    await meeting.write(a!);
    await meeting.level(60_000);
    await meeting.world.timeline.sleep(60_000);
    const before = pb.report();
    meeting.broker.temper = { ...TEMPERS.good, lose: 1 };
    await meeting.write(a!);
    await meeting.world.timeline.sleep(2_500);
    meeting.broker.temper = TEMPERS.good;
    await meeting.write(a!);
    await meeting.world.timeline.sleep(2_500);
    assert.is(pb.report().received - before.received, 1);
    assert.is(meeting.digests().size, 2);
    await meeting.level(12_000);
    assert.is(pb.report().sessions.received - before.sessions.received, 1);
  });
});

test('a lost last segment is found by the head', async () => {
  const meeting = new Meeting(3);
  await meeting.run(async () => {
    const [a, b] = await meeting.found(2);
    meeting.join(a!);
    meeting.join(b!);
    await meeting.write(a!);
    await meeting.level(60_000);
    await meeting.world.timeline.sleep(60_000);
    await meeting.write(a!);
    meeting.broker.temper = { ...TEMPERS.good, lose: 1 };
    await meeting.world.timeline.sleep(2_100);
    meeting.broker.temper = TEMPERS.good;
    assert.is(meeting.digests().size, 2);
    await meeting.level(40_000);
  });
});

test('away while the others write thousands: one session brings it all, what is live goes on', async () => {
  const meeting = new Meeting(4);
  await meeting.run(async () => {
    const [a, b, c] = await meeting.found(3);
    for (const machine of [a!, b!]) meeting.join(machine);
    await meeting.level(60_000);
    for (let i = 0; i < 40; i++) { await meeting.write(a!, 500); await meeting.world.timeline.sleep(500); }
    const pc = meeting.join(c!);
    for (let i = 0; i < 10; i++) { await meeting.write(b!); await meeting.world.timeline.sleep(2_000); }
    await meeting.level(120_000);
    const report = pc.report();
    assert.ok(report.sessions.received >= 20_000, `${report.sessions.received} by sessions`);
    assert.ok(report.received > 0, 'live segments came meanwhile');
    assert.ok(report.sessions.ended + report.sessions.failed <= 4, `${report.sessions.ended} sessions`);
    assert.ok(meeting.places.get(a!)!.client.most < 1_200_000);
  });
});

test('a connection that flaps every 200 ms, with 10,000 events to go', async () => {
  const meeting = new Meeting(5);
  await meeting.run(async () => {
    const [a, b] = await meeting.found(2);
    await meeting.write(a!, 5_000);
    await meeting.write(a!, 5_000);
    meeting.join(a!);
    meeting.join(b!);
    let flapping = true;
    const { client } = meeting.places.get(b!)!;
    // Up for 200 ms, then away for one to two seconds.
    const flaps = (async () => { while (flapping) { await meeting.world.timeline.sleep(200); if (client.up) { client.cut(true, meeting.world.chance.int(800, 1_800)); while (!client.up && flapping) await meeting.world.timeline.sleep(20); } } })();
    await meeting.world.timeline.sleep(120_000);
    const half = b!.node!.digest().events;
    flapping = false;
    await flaps;
    await meeting.level(120_000);
    assert.is(b!.node!.digest().events, 10_000);
    assert.ok(half > 0, 'something arrives between the cuts');
    assert.ok(meeting.places.get(a!)!.client.most < 1_200_000);
  });
});

test('a broker that lost everything, and one that takes small payloads only', async () => {
  for (const temper of [TEMPERS.good, TEMPERS.narrow]) {
    const meeting = new Meeting(6, temper);
    await meeting.run(async () => {
      const all = await meeting.found(4);
      for (const machine of all) meeting.join(machine);
      for (const machine of all) await meeting.write(machine, 300);
      meeting.broker.restart(5_000, true);
      await meeting.world.timeline.sleep(6_000);
      for (const machine of all) await meeting.write(machine, 300);
      await meeting.level(300_000);
      assert.is(all[0]!.node!.digest().events, 2_400);
      assert.is(meeting.broker.retained.size, 4);
    });
  }
});

test('a clean end clears the head, the will clears it, and what a dead process left is cleared by the next one', async () => {
  const meeting = new Meeting(7);
  await meeting.run(async () => {
    const [a, b] = await meeting.found(2);
    const pa = meeting.join(a!);
    meeting.join(b!);
    await meeting.world.timeline.sleep(5_000);
    assert.is(meeting.broker.retained.size, 2);
    await pa.close();
    await meeting.world.timeline.sleep(1_000);
    assert.is(meeting.broker.retained.size, 1);
    meeting.join(a!);
    await meeting.world.timeline.sleep(5_000);
    meeting.broker.up = false; // nobody is there to hear of the crash
    for (const client of [...meeting.broker.clients]) client.cut(false);
    a!.crash();
    await a!.start();
    meeting.broker.up = true;
    meeting.join(a!);
    await meeting.world.timeline.sleep(10_000);
    assert.is(meeting.broker.retained.size, 3);
    await meeting.world.timeline.sleep(120_000);
    assert.is(meeting.broker.retained.size, 2);
  });
});

test('two clones with one configuration at once: both write, both arrive, neither throws the other off', async () => {
  const meeting = new Meeting(8);
  await meeting.run(async () => {
    const [a, b] = await meeting.found(2);
    await b!.stop();
    const copy = meeting.world.add('copy');
    copy.disk = b!.disk.copy('copy');
    copy.identity = b!.identity;
    await b!.start();
    await copy.start();
    const pa = meeting.join(a!);
    meeting.join(b!);
    meeting.join(copy);
    await meeting.world.timeline.sleep(90_000);
    await meeting.write(b!);
    await meeting.write(copy);
    await meeting.level(120_000);
    assert.is(pa.peers().length, 2);
    assert.is(new Set(pa.peers().map((p) => p.node)).size, 1);
    assert.is(meeting.broker.retained.size, 3);
    const alarms = (await b!.node!.status()).alarms;
    assert.ok(alarms.some(({ code }) => code === 'clone'));
  });
});

test('one exchange: ends when all who are there hold the same, and says so when nobody is', async () => {
  const meeting = new Meeting(9);
  await meeting.run(async () => {
    const all = await meeting.found(4);
    for (const machine of all) await meeting.write(machine, 20);
    const alone = meeting.join(all[0]!, { once: true });
    const nobody = await alone.done.then(() => undefined, (error: unknown) => error as Error & { code: string });
    assert.is(nobody?.code, 'timeout');
    assert.match(nobody!.message, /no other node/);
    await alone.close();
    for (const machine of all.slice(1)) meeting.join(machine);
    await meeting.world.timeline.sleep(60_000);
    const once = meeting.join(all[0]!, { once: true });
    const exchange = await once.done;
    assert.is(exchange.equal, true);
    assert.is(exchange.received, 60);
    assert.is(meeting.digests().size, 1, all.map((m) => JSON.stringify([m.node!.digest(), meeting.places.get(m)!.membership.report().sessions, meeting.places.get(m)!.membership.peers().map((p) => p.state)])).join('\n'));
    assert.ok(exchange.bytesIn > 0 && exchange.bytesOut > 0);
    await once.close();
    const again = meeting.join(all[0]!, { once: true });
    assert.is((await again.done).received, 0);
    await again.close();
  });
});

test('a revoked node is called once, and then left alone for long', async () => {
  const meeting = new Meeting(10);
  await meeting.run(async () => {
    const [a, b, c] = await meeting.found(3);
    await meeting.write(b!);
    for (const machine of [a!, b!, c!]) meeting.join(machine);
    await meeting.level(60_000);
    await revoke(a!.node!, b!.node!.id, 'stolen');
    await meeting.world.timeline.sleep(120_000);
    await meeting.write(b!, 5);
    await meeting.write(a!, 5);
    const before = meeting.broker.published;
    await meeting.world.timeline.sleep(600_000);
    assert.ok(meeting.broker.published - before < 150, `${meeting.broker.published - before} messages`);
    assert.is(a!.node!.digest().digest, c!.node!.digest().digest);
    assert.is(a!.node!.digest().events, 6);
    assert.is(meeting.places.get(b!)!.membership.report().sessions.received, 0);
  });
});

test('a node that was revoked goes on in the log that it was writing: a new one would look like that of a copy', async () => {
  const meeting = new Meeting(13);
  await meeting.run(async () => {
    const [a, b] = await meeting.found(2), { timeline } = meeting.world;
    for (const machine of [a!, b!]) meeting.join(machine);
    await meeting.write(b!, 3);
    await meeting.level(60_000);
    // What it writes now the revocation has not seen.
    meeting.broker.temper = { ...TEMPERS.good, lose: 1 };
    await meeting.write(b!);
    await timeline.sleep(2_500);
    meeting.broker.temper = TEMPERS.good;
    const incarnation = hex(b!.node!.writer.logs.get('telemetry')!.opening.incarnation);
    await revoke(a!.node!, b!.node!.id, 'lost');
    for (let waited = 0; b!.node!.desk.judgePeer(b!.node!.id) !== 'revoked'; waited += 500) {
      assert.ok(waited < 300_000, 'it has not heard that it was revoked');
      await timeline.sleep(500);
    }
    await meeting.write(b!);
    const own = b!.node!.writer.logs.get('telemetry')!;
    assert.equal([hex(own.opening.incarnation), own.durable], [incarnation, 5]);
  });
});

test.run();
