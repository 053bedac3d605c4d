// Acts of couriers: a stick is written, carried for hours or days, and taken in somewhere, perhaps in parts, perhaps with a power cut in the middle; and healing by sticks alone.

import { codeOf, type Code } from '../../src/fault.ts';
import { equal, unhex } from '../../src/event/bytes.ts';
import { recordOf } from '../../src/log/archive.ts';
import type { ExportWish } from '../../src/node-export.ts';
import type { Node } from '../../src/node.ts';
import type { ImportReport } from '../../src/node-import.ts';
import { hold, revive } from './acts-fail.ts';
import { meet } from './acts-line.ts';
import { append } from './acts-write.ts';
import type { Machine } from './machine.ts';
import { piecesOf, readStick, runsIn, wholePieces, writeStick, type File, type Piece } from './stick.ts';
import type { Planned } from './timeline.ts';
import { STREAMS, type World } from './world.ts';

/** What reading from and writing to a node may meet in a world that fails. */
const ORDINARY: readonly Code[] = ['store-full', 'store-failed', 'closed', 'busy'];
/** Rounds in which couriers bring everything everywhere, beyond one for each machine. */
const ROUNDS = 6;

/** What an export left; not `finished`: it was broken off. */
interface Stick { files: File[]; finished: boolean }

/** Asks a machine; undefined too for what faults bring about. */
async function ask<T>(world: World, machine: Machine, asked: (node: Node) => Promise<T>): Promise<T | undefined> {
  try {
    return await machine.ask(asked);
  } catch (error) {
    if (!ORDINARY.includes(codeOf(error))) world.ledger.problem(`a stick at ${machine.label}: ${error instanceof Error ? error.stack : String(error)}`);
    world.trace.note('stick', machine.label, codeOf(error));
    return undefined;
  }
}

/** A stick goes from one machine to others, and a word comes back on it, sometimes. */
export async function courier(world: World): Promise<void> {
  const { chance, trace } = world;
  const from = chance.maybe(world.free());
  if (!from) return;
  const stick: Stick = { files: [], finished: false }, others = world.machines.filter((one) => one !== from && one.state !== 'gone');
  const target = chance.hit(0.5) ? chance.maybe(others.filter(({ identity }) => identity !== from.identity)) : undefined;
  const wish: Omit<ExportWish, 'padded'> = {
    volumeBytes: chance.pick([1, 30_000, 100_000, 1 << 30]),
    ...(target ? { for: [unhex(target.identity)] } : {}), ...(chance.hit(0.15) ? { streams: [chance.pick(STREAMS)] } : {}), ...(chance.hit(0.1) ? { everything: true } : {}),
    ...(chance.hit(0.1) ? { since: from.wall.offset + world.timeline.now - chance.int(0, 3_600_000) } : {}),
  };
  const broken = chance.hit(0.15), parity = chance.hit(0.4) ? chance.pick([0.2, 0.5, 1]) : undefined;
  await hold(from, async () => {
    const planned = broken ? cutIn(world, from) : undefined;
    const events = await ask(world, from, (node) => writeStick(node, stick.files, wish, parity));
    planned?.cancel();
    stick.finished = events !== undefined;
    trace.note('stick', from.label, stick.files.length, events ?? 'broken off', target?.label ?? 'anyone');
    await revive(world, from);
  });
  for (const to of target && chance.hit(0.8) ? [target] : chance.shuffle(others).slice(0, chance.int(1, 3))) {
    await travel(world);
    const report = await deliver(world, to, chance.hit(0.6) ? wholePieces(stick.files) : piecesOf(stick.files, chance), stick);
    if (!report || !chance.hit(0.5)) continue;
    const back: Stick = { files: [], finished: false };
    back.finished = await ask(world, to, (node) => writeStick(node, back.files, { volumeBytes: 1 << 30, for: [unhex(from.identity)] }, undefined)) !== undefined;
    await travel(world);
    await deliver(world, from, wholePieces(back.files), back);
  }
}

/** Nothing but sticks for a long time. */
export async function days(world: World): Promise<void> {
  world.quietUntil = world.timeline.now + world.chance.int(1, 4) * 86_400_000;
}

/** Much is written, and the lines of who wrote it break a moment later: what was under way goes on by another carrier. */
export async function brokenOff(world: World): Promise<void> {
  const { chance, timeline } = world, machine = chance.maybe(world.free());
  if (!machine) return;
  await append(world, machine, { count: chance.int(100, 400), urgent: true });
  await timeline.sleep(chance.int(1, 3_000));
  for (const edge of world.edges) if (edge.a === machine || edge.b === machine) { edge.up = false; edge.cut(); }
  if (!world.healing) await courier(world);
  await timeline.sleep(chance.int(1_000, 600_000));
  for (const edge of world.edges) if (edge.a === machine || edge.b === machine) edge.up = true;
}

/** Two machines are joined for a moment, while one of them writes. */
export async function glance(world: World): Promise<void> {
  const { chance, timeline } = world, [a] = world.chance.shuffle(world.free(({ reachable }) => reachable));
  if (!a) return;
  void meet(world, a);
  for (let n = chance.int(2, 8); n > 0; n--) {
    await timeline.sleep(chance.unit() * 20);
    await append(world, a, { small: true, urgent: false });
  }
}

/** A disk is full before what was acknowledged found its place in the store: a stick takes all of it along. */
export async function lastRoom(world: World): Promise<void> {
  const { chance, ledger } = world, machine = chance.maybe(world.free());
  if (!machine) return;
  await hold(machine, async () => {
    const marks = await append(world, machine, { small: true }), files: File[] = [];
    machine.disk.capacity = machine.disk.used();
    const lacks = await ask(world, machine, async (node) => {
      await writeStick(node, files, { volumeBytes: 1 << 30, everything: true }, undefined);
      const runs = runsIn(node, files);
      return node.writer.unstored().filter((own) => own.durable > 0 && !runs.some(({ log, last }) => equal(log, own.log) && last >= own.durable)).length;
    });
    if (marks.length > 0 && machine.state === 'up' && lacks !== 0) ledger.problem(`a stick of ${machine.label}, whose disk is full, lacks ${lacks ?? 'all'} of its logs`);
    machine.disk.capacity = Number.POSITIVE_INFINITY;
    await revive(world, machine);
  });
}

/** On the way for minutes, hours or days; what is on the way when healing begins arrives soon. */
async function travel(world: World): Promise<void> {
  const { chance, timeline } = world, until = timeline.now + chance.pick([1_000, 60_000, 3_600_000, 20_000_000, 200_000_000]) * chance.unit();
  while (timeline.now < until && !world.healing) await timeline.sleep(Math.min(60_000, until - timeline.now));
}

/** The power of a machine fails in a moment, in the middle of what it does. */
function cutIn(world: World, machine: Machine): Planned {
  const { node } = machine;
  return world.timeline.after(world.chance.unit() * world.chance.pick([5, 50, 1_000]), () => { if (machine.node === node) machine.crash('in the middle of a stick'); });
}

/** A stick is taken in; broken off, it is begun again. Gives the report of an import that came to its end. */
async function deliver(world: World, to: Machine, pieces: readonly Piece[], { files, finished }: Stick): Promise<ImportReport | undefined> {
  const { chance, ledger, timeline, trace } = world, pause = (): number => (chance.hit(0.7) ? 0 : chance.int(0, 20_000));
  if (to.state !== 'up') return undefined;
  const identity = to.identity, crash = !to.busy && !world.healing && chance.hit(0.2);
  if (crash) {
    await hold(to, async () => {
      const planned = cutIn(world, to);
      await ask(world, to, (node) => readStick(node, pieces, timeline, pause));
      planned.cancel();
      await revive(world, to);
    });
  }
  const { node } = to, report = await ask(world, to, (each) => readStick(each, pieces, timeline, pause));
  if (!report || to.node !== node || to.identity !== identity) return undefined;
  trace.note('taken', to.label, report.events, report.lost.length, report.segments.refused);
  const whole = files.every(({ name, parity }) => parity || pieces.some((piece) => piece.name === name && piece.whole));
  if (whole && report.lost.length > 0) ledger.problem(`${to.label} lost ${report.lost.length} ranges of a stick that came whole`);
  if (whole && finished && report.volumes.some(({ damaged, complete }) => damaged.length > 0 || !complete)) ledger.problem(`${to.label} finds damage on a stick that came whole`);
  if (parityHeals(files, pieces) && report.lost.length > 0) ledger.problem(`${to.label} lost ${report.lost.length} ranges of a stick that parity restores`);
  if (whole) await holdsAll(world, to, files);
  return report;
}

/** One whole volume is missing and parity is for at least as much. */
function parityHeals(files: readonly File[], pieces: readonly Piece[]): boolean {
  const parity = files.find((file) => file.parity);
  if (!parity || !pieces.some(({ name, whole }) => whole && name === parity.name)) return false;
  const data = files.filter((file) => !file.parity), lost = data.filter(({ name }) => !pieces.some((piece) => piece.name === name && piece.whole));
  // Blocks of one volume are spread evenly: each stripe loses its share, rounded up.
  const total = data.reduce((sum, { blocks }) => sum + blocks.length, 0), gone = lost.reduce((sum, { blocks }) => sum + blocks.length, 0);
  return total <= 60 && gone <= parity.blocks.length;
}

/** What lay on a stick that came whole is held, unless it waits in quarantine. */
async function holdsAll(world: World, to: Machine, files: readonly File[]): Promise<void> {
  const lacks = await ask(world, to, async (node) => {
    if (node.archive.quarantine.size > 0) return 0;
    let count = 0;
    for (const { log, first, last } of runsIn(node, files)) {
      const record = await recordOf(node.archive, log);
      if (!record?.spans.some((span) => span.from <= first && last <= span.to)) count++;
    }
    return count;
  });
  if (lacks) world.ledger.problem(`${to.label} took a stick in and holds not all of it: ${lacks} segments are missing`);
}

/**
 * Couriers go from everyone to everyone until nothing more arrives. Then everybody is known to hold everything: one more stick from each has nothing to carry.
 * Where that takes too many rounds, or never ends, it is a problem.
 */
export async function healBySticks(world: World, machines: readonly Machine[]): Promise<void> {
  const { ledger, timeline, trace } = world;
  const calm = ledger.forks === 0 && world.outcasts.size === 0 && ledger.revocations.length === 0;
  let quiet = 0, carried = 0;
  for (let round = 0; quiet < 2; round++) {
    if (round > world.machines.length + ROUNDS) return ledger.problem(`couriers went ${round} rounds and there was still something to bring`);
    let added = 0;
    carried = 0;
    for (const from of machines) {
      const all = machines.filter((one) => one !== from), stick: Stick = { files: [], finished: true };
      const ids = new Set(all.map(({ identity }) => identity));
      carried += await ask(world, from, (node) => writeStick(node, stick.files, { volumeBytes: 1 << 30, for: [...ids].map(unhex) }, undefined)) ?? 0;
      for (const to of all) {
        const report = await deliver(world, to, wholePieces(stick.files), stick);
        if (!report || report.events > 0) added++;
      }
    }
    await timeline.sleep(10_000);
    quiet = added === 0 ? quiet + 1 : 0;
    trace.note('couriers', round, added, carried);
  }
  const copies = new Set(world.machines.map(({ identity }) => identity)).size < world.machines.length;
  if (calm && !copies && carried > 0) ledger.problem(`${carried} events are carried to those who are known to hold them`);
}
