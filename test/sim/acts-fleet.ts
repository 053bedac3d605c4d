// Acts on the fleet and on time: late members, revocations from several sides, releases, wrong clocks and long silence.

import { hex, unhex } from '../../src/event/bytes.ts';
import { revoke as revokeBy } from '../../src/node-acts.ts';
import { append } from './acts-write.ts';
import { hold } from './acts-fail.ts';
import { isolate, rejoin } from './acts-line.ts';
import type { Machine } from './machine.ts';
import { DAWN, FAR, setWall, trueTime } from './sim-clock.ts';
import { markOf, readAll, type Role, type World } from './world.ts';

/** A role drawn for a new member. */
export function drawRole(world: World): Role {
  switch (world.chance.weighted(world.scenario.roles)) {
    case 'admin': return { admin: true, read: ['*'], write: ['*'] };
    case 'relay': return { admin: false, read: [], write: [] };
    case 'limited': return { admin: false, read: ['*'], write: ['alarms'] };
    default: return { admin: false, read: ['*'], write: ['*'] };
  }
}

/** Someone joins late, far from who invited it: it writes at once, others learn of its grant when they do. */
export async function join(world: World): Promise<void> {
  const { chance } = world;
  if (world.machines.length >= world.scenario.machinesMost) return;
  const from = chance.maybe(world.free((machine) => world.role(machine).admin && !world.revoked(machine)));
  if (!from) return;
  const machine = world.add(`n${world.machines.length}`);
  for (const other of chance.shuffle(world.machines).slice(0, chance.int(1, 2))) world.join(machine, other);
  await hold(machine, async () => {
    if (!(await world.bring(from, machine, drawRole(world)))) {
      machine.state = 'gone';
      return;
    }
    for (let n = chance.int(0, 3); n > 0; n--) await append(world, machine, { small: true });
  });
}

/** Marks of a node's events that a machine shows. */
async function shown(world: World, machine: Machine, node: string): Promise<Set<string> | undefined> {
  const marks = new Set<string>();
  for (const stream of world.may(machine, 'read')) {
    const entries = await machine.ask((each) => readAll(each, stream));
    if (!entries) return undefined;
    for (const entry of entries) {
      const mark = markOf(entry);
      if (mark !== undefined && entry.node === node) marks.add(mark);
    }
  }
  return marks;
}

/** An admin revokes a member that goes on writing, perhaps cut off from the one who revokes it, perhaps to a third. */
export async function revoke(world: World): Promise<void> {
  const { chance, ledger, timeline } = world;
  if (ledger.revocations.length >= world.scenario.revocationsMost) return;
  const admins = world.free((machine) => world.role(machine).admin && !world.revoked(machine));
  const by = chance.maybe(admins);
  const target = chance.maybe(world.free((machine) => !world.role(machine).admin && machine.identity !== by?.identity && world.may(machine, 'write').length > 0));
  if (!by || !target) return;
  const node = target.identity;
  await hold(by, () => hold(target, async () => {
    if (chance.hit(0.5)) {
      isolate(world, by);
      await append(world, target, { small: true });
      await timeline.sleep(chance.int(0, 8_000));
    }
    const least = await shown(world, by, node);
    if (!least) return;
    let missed = false;
    const holes = (): boolean => missed ||= [...by.node?.archive.frontier.values() ?? []].flat().some((item) => item.kind === 1 && hex(item.node) === node);
    holes();
    const revocation = { node, by: by.label, least, most: new Set(least), at: timeline.now, done: false };
    ledger.revocations.push(revocation);
    const done = await by.ask(async (each) => {
      // An admin that never heard of a node cannot revoke it.
      if (!(await each.status()).members.some((member) => member.node === node)) return false;
      await revokeBy(each, unhex(node), 'simulated');
      return true;
    });
    if (done === false) {
      ledger.revocations.splice(ledger.revocations.indexOf(revocation), 1);
      rejoin(by);
      return;
    }
    const most = await shown(world, by, node);
    revocation.done = done === true;
    revocation.most = most ?? new Set([...ledger.attempts.keys()]);
    // What was missing below an end that the revocation names stays valid as well.
    if (holes()) for (const mark of ledger.attempts.keys()) revocation.most.add(mark);
    // Whether the revocation of a process that died counts is not known.
    if (!done) {
      revocation.least = new Set();
      revocation.most = new Set([...ledger.attempts.keys()]);
    }
    for (let n = chance.int(0, 4); n > 0; n--) {
      await append(world, target, { small: true });
      await timeline.sleep(chance.int(0, 3_000));
    }
    if (chance.hit(0.5)) await timeline.sleep(chance.int(0, 20_000));
    // Who shows more than the revocation leaves has not heard of it yet; it must take that back and keep it where it can be seen.
    for (const other of done ? world.free((one) => one.identity !== node && !world.outcasts.has(one)) : []) {
      const here = await shown(world, other, node);
      if (here && [...here].some((mark) => !revocation.most.has(mark))) ledger.mustShow.push({ machine: other.label, disk: other.disk.label, node });
    }
    rejoin(by);
  }));
}

/** A wall clock jumps: to 1970, to 2099, a little or much forwards or backwards, or to the truth. */
export async function jump(world: World): Promise<void> {
  const { chance, timeline } = world;
  const machine = chance.maybe(world.machines.filter(({ state }) => state !== 'gone'));
  if (!machine) return;
  const truth = trueTime(timeline);
  const { wall } = machine;
  const to = chance.pick([0, -5_000_000, FAR, truth, truth, truth - 86_400_000, truth + 86_400_000, truth - 30_000, truth + 30_000, truth + 299_000, truth + 301_000, DAWN]);
  setWall(wall, timeline, to);
  wall.quality = chance.pick([0, 1, 2] as const);
  wall.rate = 1 + (chance.unit() - 0.5) * chance.pick([0, 1e-4, 1e-2]);
  setWall(wall, timeline, to);
  world.trace.note('jump', machine.label, to, wall.quality);
}

/** Nothing is asked of anyone for a long time: segments are repacked, sessions idle. */
export async function silence(world: World): Promise<void> {
  world.quietUntil = world.timeline.now + world.chance.pick([60_000, 600_000, 3_600_000]);
}
