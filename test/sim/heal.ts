// The end of all faults: everything comes up, everyone can be reached, and the world waits, bounded, until nothing changes any more.

import { hex } from '../../src/event/bytes.ts';
import { revive } from './acts-fail.ts';
import { rejoin } from './acts-line.ts';
import { healBySticks } from './acts-stick.ts';
import { Edge, LINES } from './edge.ts';
import { follow, type Follower } from './followers.ts';
import type { Machine } from './machine.ts';
import { TEMPERS } from './sim-broker.ts';
import type { World } from './world.ts';

/** Virtual milliseconds in which a healed world must come to rest. */
const REST_MS = 3_600_000;
/** Virtual milliseconds after which every connection that a fault has hung is known to be dead. */
const STALE_MS = 120_000;
/** The same where lines are slow: what waits on them has been sent or given up. */
const SLOW_MS = 3_000_000;
/** Virtual milliseconds over which it is watched then. */
const WATCH_MS = 300_000;
/** Frames that one idle connection may send in that time, both ways together. */
const IDLE_FRAMES = 80;
/** Writes that one idle machine may make in that time. */
const IDLE_WRITES = 10;
/** Messages that one process may publish at an idle broker in that time: signs of life, and the few calls that differences which cannot be settled cost. */
const IDLE_MESSAGES = 40;

/** Machines that are still there and whose identity was never revoked, and that can be relied on: those that must agree. */
export function members(world: World): Machine[] {
  return world.machines.filter((machine) => machine.state !== 'gone' && !world.revoked(machine) && !world.outcasts.has(machine));
}

/**
 * Members whose digests must be equal. Where the memory of a machine was copied there are forks, and a relay cannot tell a fork that it cannot read from a run
 * that was packed again: it carries all, and may count otherwise.
 */
export function agreeing(world: World): Machine[] {
  return members(world).filter((machine) => world.ledger.forks === 0 || world.role(machine).read.length > 0);
}

/** Ends all faults and waits until members agree and are quiet. Whatever does not come to rest is a problem. Gives those who followed on the way. */
export async function heal(world: World): Promise<Follower[]> {
  const { timeline, trace } = world;
  trace.note('heal');
  for (const machine of world.machines) {
    machine.disk.capacity = Number.POSITIVE_INFINITY;
    machine.disk.failNextFlush = false;
    rejoin(machine);
    if (machine.state === 'down') await revive(world, machine);
  }
  const followers: Follower[] = [];
  for (const machine of members(world)) followers.push(...await follow(world, machine));
  for (const edge of world.edges) {
    edge.up = !world.scenario.sticks;
    edge.muted = undefined;
    if (!edge.up) edge.cut();
  }
  for (const broker of world.brokers) broker.temper = TEMPERS.good;
  const all = members(world);
  all.forEach((machine, i) => {
    lay(world, machine, all[(i + 1) % all.length]!);
    lay(world, machine, all[0]!);
  });
  if (world.scenario.sticks) await healBySticks(world, members(world));
  const rest = REST_MS * (world.scenario.slow ? 48 : 1), deadline = timeline.now + rest;
  const soonest = timeline.now + (world.edges.some(({ line }) => line.frameBytes < 4_096) ? SLOW_MS : STALE_MS);
  let agreed = 0;
  while (agreed < 3 || timeline.now < soonest) {
    if (timeline.now > deadline) {
      world.ledger.problem(`no rest within ${rest / 1000} s: ${await describe(world)}`);
      return followers;
    }
    await timeline.sleep(10_000);
    agreed = (await agree(world)) ? agreed + 1 : 0;
  }
  trace.note('rest');
  await watch(world);
  return followers;
}

/** Whether all members give the same digest and none has anything on its way to its disk. */
async function agree(world: World): Promise<boolean> {
  const digests = new Set<string | undefined>();
  const agree = new Set(agreeing(world));
  for (const machine of members(world)) {
    const load = machine.load();
    if (machine.state !== 'up' || load.commits > 0) return false;
    if (agree.has(machine)) digests.add((await machine.ask(async (node) => node.digest()))?.digest);
  }
  return digests.size === 1 && !digests.has(undefined);
}

/** Watches the idle world: endless talk and endless writing are problems. */
async function watch(world: World): Promise<void> {
  const { ledger, timeline } = world;
  const watched = new Set(members(world));
  const before = new Map(world.edges.map((edge) => [edge, { live: edge.live, frames: edge.frames() }]));
  const writes = new Map(members(world).map((machine) => [machine, machine.load().writes]));
  const published = new Map(world.brokers.map((broker) => [broker, broker.published]));
  await timeline.sleep(WATCH_MS);
  for (const [broker, count] of published) {
    const more = broker.published - count;
    // Forks leave differences that cannot be settled: they are looked into ever more rarely.
    if (world.outcasts.size === 0 && more > IDLE_MESSAGES * (world.ledger.forks > 0 ? 5 : 1) * broker.clients.size) ledger.problem(`${more} messages at ${broker.label} of ${broker.clients.size} clients while nothing happened`);
  }
  for (const [edge, { live, frames }] of before) {
    if (!watched.has(edge.a) || !watched.has(edge.b)) continue;
    if (edge.live !== live) ledger.problem(`${edge.a.label}-${edge.b.label} does not keep its connection`);
    else if (edge.frames() - frames > IDLE_FRAMES * Math.max(1, 512 / edge.line.frameBytes)) ledger.problem(`${edge.a.label}-${edge.b.label} sent ${edge.frames() - frames} frames while nothing happened`);
  }
  for (const [machine, count] of writes) {
    const more = machine.load().writes - count;
    if (more > IDLE_WRITES) ledger.problem(`${machine.label} wrote ${more} times while nothing happened`);
  }
}

/** What members hold, and the first items in which each differs from the first of them. */
async function describe(world: World): Promise<string> {
  const parts: string[] = [];
  let first: Set<string> | undefined;
  for (const machine of members(world)) {
    const digest = await machine.ask(async (node) => node.digest());
    const items = new Set([...machine.node?.archive.frontier.values() ?? []].flat()
      .map((item) => `${item.kind === 0 ? 'tip' : 'hole'} ${item.stream} ${hex(item.log).slice(0, 8)} ${item.from}..${item.to} ${item.before ? `${hex(item.before).slice(0, 4)}→` : ''}${hex(item.after).slice(0, 6)} of ${hex(item.node).slice(0, 8)}`));
    first ??= items;
    const more = [...items].filter((item) => !first!.has(item)), less = [...first].filter((item) => !items.has(item));
    const status = await machine.ask((node) => node.status());
    const waiting = status?.quarantined.map((one) => `${one.segments} segments of ${one.node.slice(0, 8)}`).join(', ');
    parts.push(`${machine.label} (${machine.identity.slice(0, 8)}) ${machine.state} ${digest?.digest.slice(0, 8)} ${digest?.events} events, ${machine.load().commits} commits wait, ${status?.members.filter(({ state }) => state === 'live').length} members${waiting ? `, quarantined ${waiting}` : ''}`
      + (more.length + less.length > 0 ? `: has ${more.length} others (${more.slice(0, 6).join(', ')}), lacks ${less.length} (${less.slice(0, 6).join(', ')})` : ''));
  }
  return parts.join('\n');
}

function lay(world: World, a: Machine, b: Machine): void {
  if (world.scenario.brokers?.only || world.scenario.sticks || a === b || (a.database && a.database === b.database) || world.edges.some((edge) => (edge.a === a && edge.b === b) || (edge.a === b && edge.b === a))) return;
  const { slow } = world.scenario;
  // Slow worlds get by with what they have: only parts that no line joins get one.
  if (slow && reached(world, a).has(b)) return;
  world.edges.push(new Edge(a, b, slow ? LINES.beads : LINES.lan, world.timeline, world.chance, world.trace));
}

/** Who can be reached from a machine, over however many lines. */
function reached(world: World, from: Machine): Set<Machine> {
  const all = new Set([from]);
  for (const one of all) {
    for (const { a, b } of world.edges) {
      if (a === one && b.state !== 'gone') all.add(b);
      if (b === one && a.state !== 'gone') all.add(a);
    }
  }
  return all;
}
