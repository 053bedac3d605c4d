// A server of several processes among other nodes at a broker: what arrives is admitted once, what one process writes is everywhere, and nobody is taken for a clone.
// timeout: 240s

import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { alarmsIn } from '../../src/node-notes.ts';
import type { Machine } from '../sim/machine.ts';
import { SharedDatabase } from '../sim/shared-store.ts';
import { TEMPERS } from '../sim/sim-broker.ts';
import type { Role } from '../sim/world.ts';
import { Meeting } from './meeting.ts';

const FULL: Role = { admin: false, read: ['*'], write: ['*'] };
const test = suite('a server of several processes');

/** A fleet of some edge nodes and a server of so many processes; nobody is at the broker yet. */
async function found(meeting: Meeting, edges: number, processes: number): Promise<{ edges: Machine[]; server: Machine[] }> {
  const all = await meeting.found(edges), first = meeting.world.add('server');
  first.database = new SharedDatabase(first.disk);
  await meeting.world.bring(all[0]!, first, FULL);
  const server = [first];
  for (let i = 1; i < processes; i++) {
    const more = meeting.world.addProcess(first);
    await more.start();
    server.push(more);
  }
  return { edges: all.slice(0, edges), server };
}

const sessions = (meeting: Meeting) => [...meeting.places.values()].reduce((n, { membership }) => n + membership.report().sessions.ended + membership.report().sessions.failed, 0) / 2;
const received = (meeting: Meeting, machines: Machine[]) => machines.map((m) => meeting.places.get(m)!.membership.report().received);

/** No process has alarmed anybody, and each event is one row. */
async function sound(meeting: Meeting, database: SharedDatabase, events: number): Promise<void> {
  for (const machine of meeting.places.keys()) assert.equal(await machine.ask((node) => alarmsIn(node)), [], machine.label);
  const rows = [...database.rows].filter(([id]) => !id.startsWith('$'));
  assert.is(rows.length, events);
  assert.ok(rows.every(([, times]) => times === 1));
}

for (const sharing of [true, false]) {
  test(`what is live comes to ${sharing ? 'one process of the server' : 'every process, where a broker shares nothing'}; all hold it`, async () => {
    const meeting = new Meeting(11);
    await meeting.run(async () => {
      const { edges, server } = await found(meeting, 4, 3);
      meeting.broker.sharing = sharing;
      for (const machine of [...edges, ...server]) { meeting.join(machine); await meeting.write(machine, 5); }
      await meeting.level(120_000);
      await meeting.world.timeline.sleep(60_000);
      const before = sessions(meeting), had = received(meeting, server);
      for (let round = 0; round < 10; round++) {
        for (const machine of [...edges, ...server]) await meeting.write(machine);
        await meeting.world.timeline.sleep(5_000);
      }
      await meeting.level(60_000);
      const got = received(meeting, server).map((n, i) => n - had[i]!);
      assert.is(got.reduce((a, b) => a + b, 0), 4 * 10, `each segment brought events to one process: ${got.join()}`);
      if (sharing) assert.ok(got.every((n) => n > 0), got.join());
      const repeated = server.map((m) => meeting.places.get(m)!.membership.report().repeated);
      assert.is(repeated.some((n) => n > 20), !sharing, repeated.join());
      await meeting.world.timeline.sleep(300_000);
      const more = sessions(meeting) - before;
      assert.ok(more <= 10, `${more} sessions while nothing was lost`);
      await sound(meeting, server[0]!.database!, 7 * 15);
    });
  });
}

test('one process dies with messages in its hands: what is missing is asked for by the others, and the dead one comes back', async () => {
  const meeting = new Meeting(12);
  await meeting.run(async () => {
    const { edges, server } = await found(meeting, 3, 3);
    for (const machine of [...edges, ...server]) meeting.join(machine);
    await meeting.level(60_000);
    const { database } = server[0]!;
    let events = 0;
    for (let round = 0; round < 6; round++) {
      const victim = server[round % 3]!;
      for (const machine of edges) { await meeting.write(machine, 3); events += 3; }
      for (const machine of server) if (machine !== victim) { await meeting.write(machine, 2); events += 2; }
      await meeting.write(victim, 1);
      events++;
      await meeting.world.timeline.sleep(2_050);
      victim.crash('killed');
      meeting.places.delete(victim);
      await meeting.world.timeline.sleep(1_000);
      for (const machine of edges) { await meeting.write(machine, 3); events += 3; }
      await meeting.world.timeline.sleep(30_000);
      await meeting.level(200_000);
      assert.is(edges[0]!.node!.digest().events, events, `round ${round}`);
      await victim.start();
      meeting.join(victim);
      await meeting.level(60_000);
    }
    await sound(meeting, database!, events);
  });
});

test('at a rough broker that loses, repeats and reorders', async () => {
  const meeting = new Meeting(13, TEMPERS.rough);
  await meeting.run(async () => {
    const { edges, server } = await found(meeting, 3, 3);
    for (const machine of [...edges, ...server]) meeting.join(machine);
    for (let round = 0; round < 15; round++) {
      for (const machine of [...edges, ...server]) await meeting.write(machine, 2);
      await meeting.world.timeline.sleep(4_000);
    }
    await meeting.level(1_200_000);
    await sound(meeting, server[0]!.database!, 15 * 12);
  });
});

test('a copy of the server on a database of its own is found, and what both hold comes together', async () => {
  const meeting = new Meeting(14);
  await meeting.run(async () => {
    const { edges, server } = await found(meeting, 2, 2);
    await meeting.write(server[0]!, 5);
    for (const machine of [...edges, ...server]) meeting.join(machine);
    await meeting.level(60_000);
    await meeting.world.timeline.sleep(30_000);
    const copy = meeting.world.add('copy');
    copy.disk = server[0]!.disk.copy(copy.disk.label);
    copy.identity = server[0]!.identity;
    copy.database = new SharedDatabase(copy.disk);
    await copy.start();
    meeting.join(copy);
    for (const machine of [copy, ...server, ...edges]) await meeting.write(machine, 3);
    await meeting.level(600_000);
    const alarms = await edges[0]!.ask((node) => alarmsIn(node));
    await meeting.world.timeline.sleep(120_000);
    const own = await server[0]!.ask((node) => alarmsIn(node));
    assert.ok([...alarms!, ...own!].some((alarm) => alarm.code === 'clone'), 'nobody noticed');
    assert.is(edges[0]!.node!.digest().events, 5 + 15);
  });
});

test.run();
