// Acts on lines: broken, stalled, damaged and partitioned ones, and strangers who replay, babble or say nothing.

import { attach, LINES } from './edge.ts';
import type { Machine } from './machine.ts';
import { flip, simLine, truncate, type SimLink } from './sim-link.ts';
import type { World } from './world.ts';

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

/** Two machines meet for one exchange, though no line is laid between them. */
export async function meet(world: World): Promise<void> {
  const { chance } = world;
  const [a, b] = chance.shuffle(world.free(({ reachable }) => reachable));
  if (!a || !b || a.identity === b.identity) return;
  const [left, right] = simLine(`${a.label}~${b.label}@${world.trace.lines}`, LINES.lan, world.timeline, chance.branch(`meet/${world.trace.lines}`), world.trace);
  left.whenOver = () => { a.links.delete(left); };
  right.whenOver = () => { b.links.delete(right); };
  attach(a, left, 'open', { once: true }, world.trace);
  attach(b, right, 'accept', {}, world.trace);
}

/** A stranger connects: replays what was recorded, babbles, sends the largest frames, or says nothing. It must be turned away and cost little. */
export async function stranger(world: World): Promise<void> {
  const { chance, timeline } = world;
  const victim = chance.maybe(world.free(({ reachable }) => reachable));
  if (!victim) return;
  const role = chance.hit(0.7) ? 'accept' : 'open';
  const label = `${victim.label}?${world.trace.lines}`;
  const [bad, good] = simLine(label, LINES.lan, timeline, chance.branch(`stranger/${label}`), world.trace);
  good.whenOver = () => { victim.links.delete(good); };
  attach(victim, good, role, {}, world.trace);
  const tapes = world.edges.flatMap((edge) => edge.tapes);
  const kind = chance.weighted({ replay: tapes.length > 0 ? 4 : 0, babble: 2, mirror: 1, silence: 1 });
  world.trace.note('stranger', label, kind);
  if (kind === 'replay') await speak(world, bad, chance.pick(tapes)[role === 'accept' ? 'opener' : 'acceptor']);
  if (kind === 'mirror') bad.onFrame = (frame) => { bad.send(frame); };
  if (kind === 'babble') await speak(world, bad, Array.from({ length: chance.int(1, 20) }, () => babble(world)));
  await timeline.sleep(chance.int(100, 120_000));
  bad.close('the stranger is bored');
}

async function speak(world: World, link: SimLink, frames: readonly Uint8Array[]): Promise<void> {
  for (const frame of frames) {
    if (!link.open) return;
    link.send(frame);
    await world.timeline.sleep(world.chance.unit() * 20);
  }
}

function babble(world: World): Uint8Array {
  const { chance } = world;
  switch (chance.weighted({ noise: 3, zeros: 1, nest: 1, largest: 0.3 })) {
    case 'noise': return chance.bytes(chance.int(1, 400));
    case 'zeros': return new Uint8Array(chance.int(0, 100));
    case 'nest': return new Uint8Array(chance.int(100, 60_000)).fill(0x81);
    case 'largest': return new Uint8Array(LINES.lan.frameBytes).fill(chance.int(0, 255));
  }
}
