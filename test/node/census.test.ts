// What a node knows of the others: what they lack, estimated and exact, on any history; signs of life and the habits that make silence; what is missing of each.
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import fc from 'fast-check';
import { hex } from '../../src/event/bytes.ts';
import { Census, patienceWith } from '../../src/node-census.ts';
import { heldNow, lackAbout } from '../../src/node-estimate.ts';
import { exportBundle } from '../../src/node-export.ts';
import { BundleImport } from '../../src/node-import.ts';
import { lacksOf } from '../../src/node-lacks.ts';
import { append, course, found, isFleet, join, segments, start, type Machine } from './small-fleet.ts';

const test = suite('census');

/** Carries all that the one has to the other, with the words that say who holds what. */
async function carry(from: Machine, to: Machine): Promise<void> {
  const into = new BundleImport(to.node), pieces: Uint8Array[] = [];
  for await (const { bytes } of exportBundle(from.node, { everything: true, volumeBytes: 1 << 30, padded: false })) pieces.push(bytes);
  await into.take({ name: 'v', read: () => Promise.resolve(new Uint8Array(0)) }, (async function* () { yield* pieces; })());
  await into.finish();
}

test('the estimate of what each lacks is what the walk finds, whatever was written, carried and begun anew', async () => {
  await fc.assert(fc.asyncProperty(fc.array(fc.record({ who: fc.nat(3), to: fc.nat(3), what: fc.constantFrom('write', 'write', 'carry', 'carry', 'restart') }), { minLength: 4, maxLength: 30 }), async (acts) => {
    const first = await found(), machines = [first, await join(first), await join(first), await join(first)];
    for (const { who, to, what } of acts) {
      course.uptime += 60_000;
      const machine = machines[who]!;
      if (what === 'write') await append(machine, 1 + to * 3);
      else if (what === 'restart') {
        await machine.node.close();
        machines[who] = await start(machine, machine.disk);
      } else if (who !== to) await carry(machine, machines[to]!);
    }
    for (const { node } of machines) {
      const exact = new Map((await lacksOf(node, 99)).map((each) => [each.node, each])), held = heldNow(node);
      assert.is(exact.size, node.desk.membership.members().length - 1);
      for (const [id, { events, bytes, at }] of exact) {
        const about = await lackAbout(node, held, Buffer.from(id, 'hex'));
        assert.equal([about.events, about.bytes, about.at], [events, bytes, at], `${node.name} of ${id.slice(0, 8)}`);
      }
    }
    for (const { node } of machines) await node.close();
  }), { numRuns: 60 });
});

test('what is missing of a node is counted from the moment it is known until it came', async () => {
  const a = await found(), b = await join(a);
  const own: Uint8Array[] = [], id = hex(b.node.id), stop = b.node.onSealed((sealed) => { for (const { bytes, header } of sealed) if (header.stream === 's') own.push(bytes); });
  for (let i = 0; i < 40; i++) {
    await append(b, 5, i * 5);
    b.node.seal();
  }
  stop();
  assert.is(own.length, 40);
  await a.node.admit(segments(b).filter(isFleet));
  const census = new Census(a.node, 's', () => {}), trace = () => census.trace(id)!;
  await a.node.admit(own.slice(0, 10));
  assert.equal([trace().missing, trace().since], [0, null]);
  const then = a.wall + course.uptime;
  course.uptime += 5_000;
  await a.node.admit(own.slice(30));
  assert.is(trace().missing, 100);
  assert.is(trace().since, then + 5_000);
  course.uptime += 5_000;
  await a.node.admit(own.slice(10, 20));
  assert.equal([trace().missing, trace().since], [50, then + 5_000]);
  await a.node.admit(own.slice(20, 30));
  assert.equal([trace().missing, trace().since], [0, null]);
  // The newest of its segments says how its clock is and how far its events go.
  assert.equal([trace().last, trace().quality], [null, null]);
  assert.is(await census.look(100), 0);
  assert.is(trace().quality, 0);
  assert.is(trace().last, b.wall + then - a.wall);
  // The newest came before the holes were filled.
  assert.equal(census.wrote(10), [{ id, at: then + 5_000 }]);
  assert.equal(census.wrote(10), []);
  census.close();
  await append(b, 5);
  await a.node.close();
  await b.node.close();
});

test("a node's own events show before they are stored, and the census ends with its node", async () => {
  const a = await found();
  let closed = 0;
  const census = new Census(a.node, 's', () => { closed++; });
  await append(a, 3);
  a.node.seal();
  assert.is(census.trace(hex(a.node.id))!.last, a.wall + course.uptime);
  await a.node.close();
  assert.is(closed, 1);
});

test('silence is what is longer than usual: with spells, pauses, and pauses that were alarms', async () => {
  const a = await found(), census = new Census(a.node, 's', () => {}), minute = 60_000, day = 1_440 * minute;
  const of = (id: string) => ({ ...census.trace(id)!.heard!, ...patienceWith(census.trace(id)!.habit, census.trace(id)!.heard!.at) });
  // Met for the first time: a day.
  census.hear('c0'.repeat(32), 1_000, 'bundle');
  assert.equal([of('c0'.repeat(32)).habit, of('c0'.repeat(32)).patience], [day, day]);
  // A burst is one spell; a week later it comes again, and a week is its habit.
  for (let i = 0; i < 50; i++) census.hear('c0'.repeat(32), 1_000 + i * 2_000, 'events');
  census.hear('c0'.repeat(32), 7 * day, 'events');
  assert.is(of('c0'.repeat(32)).habit, 7 * day - 1_000 - 49 * 2_000);
  assert.is(of('c0'.repeat(32)).patience, 3 * of('c0'.repeat(32)).habit);
  // One that is never quiet: a minute, and so a quarter of an hour.
  for (let i = 0; i < 700; i++) census.hear('57'.repeat(32), i * 1_000, 'tcp://x');
  assert.equal([of('57'.repeat(32)).habit, of('57'.repeat(32)).patience, of('57'.repeat(32)).by], [minute, 15 * minute, 'tcp://x']);
  // Away for a day, which was an alarm: that makes it no node that is quiet for days.
  census.hear('57'.repeat(32), 699_000 + day, 'tcp://x');
  assert.equal([of('57'.repeat(32)).habit, of('57'.repeat(32)).patience], [15 * minute, 45 * minute]);
  // Sixteen ordinary pauses later nobody remembers.
  for (let i = 1; i <= 16; i++) census.hear('57'.repeat(32), 699_000 + day + i * 5 * minute, 'tcp://x');
  assert.equal([of('57'.repeat(32)).habit, of('57'.repeat(32)).patience], [5 * minute, 15 * minute]);
  // What an earlier process noted down says when it was heard of, and nothing of its pauses.
  census.hear('d0'.repeat(32), 5_000, 'receipt', true);
  census.hear('d0'.repeat(32), 4_000, 'bundle', true);
  assert.equal([of('d0'.repeat(32)).at, of('d0'.repeat(32)).by, of('d0'.repeat(32)).patience], [5_000, 'receipt', day]);
  census.hear('d0'.repeat(32), 9 * day, 'events');
  assert.is(of('d0'.repeat(32)).patience, day);
  census.hear('d0'.repeat(32), 9 * day - 1_000, 'bundle');
  assert.equal([of('d0'.repeat(32)).at, of('d0'.repeat(32)).by], [9 * day, 'bundle']);
  // Another process knows what is usual with whom is often quiet for long.
  await census.note();
  await census.note();
  const before = of('c0'.repeat(32)).habit;
  census.close();
  // The steady one is quiet for minutes at most: that is soon known again.
  const other = new Census(a.node, 's', () => {});
  await other.recall();
  const { habit } = other.trace('c0'.repeat(32))!;
  assert.is(patienceWith(habit, 0).habit, before);
  assert.is(other.trace('57'.repeat(32)), undefined);
  await a.node.close();
});

test.run();
