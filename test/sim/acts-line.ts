// Acts on lines: broken, stalled, damaged and partitioned ones.

import { append } from './acts-write.ts';
import { attach, LINES } from './edge.ts';
import type { Machine } from './machine.ts';
import { flip, simLine, truncate } from './sim-link.ts';
import { STREAMS, type World } from './world.ts';

/** Takes a machine off the network. */
export function isolate(world: World, machine: Machine): void {
  machine.reachable = false;
  for (const edge of world.edges) if (edge.a === machine || edge.b === machine) edge.cut();
  // Frames that are still on their way, and ends that believe in an older connection, are cut off as well.
  for (const link of [...machine.links]) link.cut();
}

/** Puts it back. */
export function rejoin(machine: Machine): void {
  machine.reachable = true;
}

/** A connection breaks. */
export async function cut(world: World): Promise<void> {
  world.chance.maybe(world.edges.filter(({ live }) => live))?.cut();
}

/** An edge stays down for a while. */
export async function down(world: World): Promise<void> {
  const edge = world.chance.maybe(world.edges.filter(({ up }) => up));
  if (!edge) return;
  edge.up = false;
  edge.cut();
  await world.timeline.sleep(world.chance.int(1_000, 60_000));
  edge.up = true;
}

/** The fleet falls into two parts that do not reach each other. */
export async function partition(world: World): Promise<void> {
  const side = new Set(world.machines.filter(() => world.chance.hit(0.5)));
  const between = world.edges.filter(({ a, b, up }) => up && side.has(a) !== side.has(b));
  for (const edge of between) {
    edge.up = false;
    edge.cut();
  }
  await world.timeline.sleep(world.chance.int(5_000, 120_000));
  for (const edge of between) edge.up = true;
}

/** One direction of a connection carries nothing for a while. */
export async function stall(world: World): Promise<void> {
  const edge = world.chance.maybe(world.edges.filter(({ live }) => live));
  edge?.live?.[world.chance.int(0, 1)]?.stall(world.chance.int(500, 90_000));
}

/** The next frame of one direction is damaged. */
export async function spoil(world: World): Promise<void> {
  const { chance } = world;
  const link = chance.maybe(world.edges.filter(({ live }) => live))?.live?.[chance.int(0, 1)];
  if (link) link.spoil = chance.hit(0.7) ? flip(chance) : truncate(chance);
}

/** Two machines, one of them `who`, meet for one exchange, though no line is laid between them. */
export async function meet(world: World, who?: Machine): Promise<void> {
  const { chance } = world;
  const all = chance.shuffle(world.free(({ reachable }) => reachable)), [a, b] = who ? [who, ...all.filter((one) => one !== who)] : all;
  if (!a || !b || a.identity === b.identity) return;
  const [left, right] = simLine(`${a.label}~${b.label}@${world.trace.lines}`, LINES.lan, world.timeline, chance.branch(`meet/${world.trace.lines}`), world.trace);
  left.whenOver = () => { a.links.delete(left); };
  right.whenOver = () => { b.links.delete(right); };
  const interest = chance.hit(0.3) ? [chance.pick(STREAMS)] : undefined;
  attach(a, left, 'open', { once: true, ...(interest && { interest }) }, world.trace);
  attach(b, right, 'accept', {}, world.trace);
}

/** One direction of a line carries nothing for minutes or hours, whatever connection is tried on it. */
export async function oneWay(world: World): Promise<void> {
  const { chance } = world, edge = chance.maybe(world.edges.filter(({ up }) => up));
  edge?.mute(chance.pick([edge.a, edge.b]), chance.pick([60_000, 600_000, 7_200_000]) * chance.unit());
}

/** Much is written, and while it is sent the line that is used breaks; a spare goes on with it. */
export async function bestBreaks(world: World): Promise<void> {
  const { chance, timeline } = world, machine = chance.maybe(world.free());
  if (!machine) return;
  await append(world, machine, { count: chance.int(20, 150) });
  for (let n = chance.int(1, 4); n > 0 && !world.healing; n--) {
    await timeline.sleep(chance.unit() * chance.pick([100, 3_000, 60_000]));
    const used = [...machine.node?.connections ?? []].filter(({ resting, process }) => !resting && process !== undefined).map(({ link }) => link);
    const edge = chance.maybe(world.edges.filter(({ live }) => live?.some((link) => used.includes(link))));
    if (!edge) continue;
    edge.up = chance.hit(0.5);
    edge.cut();
    timeline.after(chance.int(1_000, 120_000), () => { edge.up = !world.scenario.sticks || !world.healing; });
  }
}
