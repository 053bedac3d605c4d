// Acts of those who cannot be trusted: strangers who replay, babble or say nothing, members who sign falsely, disks that rot.

import { utf8 } from '../../src/event/bytes.ts';
import type { Bytes, Crypto } from '../../src/ports.ts';
import { hold, revive } from './acts-fail.ts';
import { append } from './acts-write.ts';
import { attach, LINES } from './edge.ts';
import { simLine, type SimLink } from './sim-link.ts';
import { census, type World } from './world.ts';

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
  if (kind === 'mirror') bad.onFrame = (frame) => { if (bad.traffic.out < 1_000_000) bad.send(frame); };
  if (kind === 'babble') await speak(world, bad, Array.from({ length: chance.int(1, 20) }, () => babble(world)));
  await timeline.sleep(chance.int(100, 120_000));
  bad.close('the stranger is bored');
}

async function speak(world: World, link: SimLink, frames: readonly Bytes[]): Promise<void> {
  for (const frame of frames.slice()) {
    if (!link.open) return;
    link.send(frame);
    await world.timeline.sleep(world.chance.unit() * 20);
  }
}

function babble(world: World): Bytes {
  const { chance } = world;
  switch (chance.weighted({ noise: 3, zeros: 1, nest: 1, largest: 0.3 })) {
    case 'noise': return chance.bytes(chance.int(1, 400));
    case 'zeros': return new Uint8Array(chance.int(0, 100));
    case 'nest': return new Uint8Array(chance.int(100, 60_000)).fill(0x81);
    case 'largest': return new Uint8Array(LINES.lan.frameBytes).fill(chance.int(0, 255));
  }
}

const SEGMENT_DOMAIN = utf8('holdfast/1 segment');

/** Primitives of a member whose signatures under segments are worth nothing. */
function lying(honest: Crypto): Crypto {
  return {
    ...honest,
    sign(seed: Bytes, message: Bytes): Bytes {
      const signature = honest.sign(seed, message);
      if (SEGMENT_DOMAIN.every((byte, i) => message[i] === byte)) signature[7]! ^= 0x10;
      return signature;
    },
  };
}

/** From now on a member signs falsely. Nothing that it writes then may be admitted anywhere else. */
export async function liar(world: World): Promise<void> {
  const { chance, ledger } = world;
  if (world.outcasts.size >= 2) return;
  const machine = chance.maybe(world.free((one) => !world.role(one).admin && world.may(one, 'write').length > 0 && !world.outcasts.has(one)
    && !world.machines.some((other) => other !== one && other.identity === one.identity)));
  if (!machine) return;
  await hold(machine, async () => {
    for (const other of world.free((one) => one !== machine)) await census(world, other);
    if (!(await machine.stop())) return revive(world, machine);
    world.outcasts.add(machine);
    ledger.mayAlarm.add(machine.identity);
    ledger.gone(machine.disk.label);
    machine.crypto = lying(machine.crypto);
    await revive(world, machine);
    for (let n = chance.int(1, 4); n > 0; n--) {
      for (const mark of await append(world, machine, { small: true, urgent: true })) ledger.forged.add(mark);
      await world.timeline.sleep(chance.int(0, 4_000));
    }
  });
}

/** Bits of stored segments flip on a disk, silently; the machine may hand on what it holds, nobody may believe it. */
export async function rot(world: World): Promise<void> {
  const { chance, ledger } = world;
  if (world.outcasts.size >= 2) return;
  const machine = chance.maybe(world.free((one) => !world.role(one).admin && !world.outcasts.has(one)));
  if (!machine) return;
  await hold(machine, async () => {
    for (const other of world.free((one) => one !== machine)) await census(world, other);
    for (let n = chance.int(1, 3); n > 0; n--) if (!machine.disk.rot('segment', chance)) return;
    world.outcasts.add(machine);
    ledger.mayAlarm.add(machine.identity);
    ledger.gone(machine.disk.label);
    world.trace.note('rot', machine.label);
  });
}
