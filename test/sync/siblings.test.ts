// Lines between processes that are one node: siblings on one store have nothing for each other, and no alarm; a copy of their database is found.

import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { codeOf } from '../../src/fault.ts';
import { alarmsIn } from '../../src/node-notes.ts';
import type { Machine } from '../sim/machine.ts';
import { LINES } from '../sim/edge.ts';
import { SharedDatabase } from '../sim/shared-store.ts';
import { SimLink } from '../sim/sim-link.ts';
import { Meeting } from './meeting.ts';

const test = suite('siblings on a line');

/** A line between two processes: how the session ended at each end, a fault's code and words, or `done`. Without an end within a minute: `open`. */
async function line(meeting: Meeting, one: Machine, other: Machine): Promise<[string, string]> {
  const { timeline, chance, trace } = meeting.world;
  const ends = [one, other].map(({ label }) => new SimLink(label, LINES.lan, timeline, chance.branch(`line ${label} ${trace.lines}`), trace)) as [SimLink, SimLink];
  ends[0].peer = ends[1];
  ends[1].peer = ends[0];
  const how: [string, string] = ['open', 'open'];
  [one, other].forEach((machine, i) => {
    machine.links.add(ends[i]!);
    machine.node!.connect(ends[i]!, i ? 'accept' : 'open').done.then(() => { how[i] = 'done'; }, (error: unknown) => { how[i] = `${codeOf(error)}: ${(error as Error).message}`; });
  });
  await timeline.sleep(60_000);
  return how;
}

/** A server of two processes that has written something, and another node. */
async function found(meeting: Meeting): Promise<{ edge: Machine; server: [Machine, Machine] }> {
  const [edge] = await meeting.found(1), first = meeting.world.add('server');
  first.database = new SharedDatabase(first.disk);
  await meeting.world.bring(edge!, first, { admin: false, read: ['*'], write: ['*'] });
  const second = meeting.world.addProcess(first);
  await second.start();
  await meeting.write(first, 3);
  await meeting.write(second, 3);
  return { edge: edge!, server: [first, second] };
}
const alarms = async (machine: Machine) => (await machine.ask((node) => alarmsIn(node)))!.map(({ code }) => code);

test('a line from one to the other ends with the greeting, whoever wrote what meanwhile', async () => {
  const meeting = new Meeting(21);
  await meeting.run(async () => {
    const { server: [first, second] } = await found(meeting);
    let events = 6;
    for (const [one, other] of [[first, second], [second, first]] as const) {
      const linked = line(meeting, one, other);
      await meeting.write(one);
      await meeting.write(other);
      const how = await linked;
      assert.ok(how.some((end) => /^bad-argument: .*another process of this server/.test(end)), how.join('; '));
      assert.ok(how.every((end) => /^(bad-argument|link-closed)/.test(end)), how.join('; '));
      events += 2;
      assert.equal([one, other].map((machine) => machine.node!.digest().events), [events, events]);
    }
    for (const machine of [first, second]) assert.equal(await alarms(machine), []);
  });
});

test('both have a line to one node: it takes them for one server, and all hold the same', async () => {
  const meeting = new Meeting(22);
  await meeting.run(async () => {
    const { edge, server: [first, second] } = await found(meeting);
    const lines = [line(meeting, first, edge), line(meeting, edge, second)];
    for (let i = 0; i < 20; i++) {
      for (const machine of [edge, first, second]) await meeting.write(machine);
      await meeting.world.timeline.sleep(1_500);
    }
    await meeting.world.timeline.sleep(10_000);
    assert.is(new Set([edge, first, second].map((machine) => machine.node!.digest().digest)).size, 1);
    assert.is(edge.node!.digest().events, 6 + 60);
    assert.equal(await Promise.all(lines), [['open', 'open'], ['open', 'open']]);
    for (const machine of [edge, first, second]) assert.equal(await alarms(machine), []);
    const rows = [...first.database!.rows].filter(([id]) => !id.startsWith('$'));
    assert.is(rows.length, 66);
    assert.ok(rows.every(([, times]) => times === 1));
  });
});

test('a process on a copy of the database is no sibling: both sides are told', async () => {
  const meeting = new Meeting(23);
  await meeting.run(async () => {
    const { server: [first] } = await found(meeting);
    await meeting.world.timeline.sleep(5_000);
    const copy = meeting.world.add('copy');
    copy.disk = first.disk.copy(copy.disk.label);
    copy.identity = first.identity;
    copy.database = new SharedDatabase(copy.disk);
    await copy.start();
    const how = line(meeting, first, copy);
    await meeting.write(first, 2);
    await meeting.write(copy, 2);
    await how;
    for (const machine of [first, copy]) assert.ok((await alarms(machine)).includes('clone'), machine.label);
    assert.is(new Set([first, copy].map((machine) => machine.node!.digest().digest)).size, 1);
  });
});

test.run();
