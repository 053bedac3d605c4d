// Acts that break machines: crashes, stops, full and failing disks, destroyed disks, and all ways to have a disk twice or an old one again.

import { codeOf } from '../../src/fault.ts';
import { append } from './acts-write.ts';
import { isolate, rejoin } from './acts-line.ts';
import type { Machine } from './machine.ts';
import type { Disk } from './memory-disk.ts';
import { STREAMS, census, type World } from './world.ts';

/** Starts a machine that is down, again and again until it is up: a full disk may refuse for a while. */
export async function revive(world: World, machine: Machine, seed?: string): Promise<void> {
  for (let tries = 0; machine.state === 'down'; tries++) {
    try {
      await machine.start(undefined, seed);
    } catch (error) {
      if (codeOf(error) !== 'store-full' && codeOf(error) !== 'store-failed') throw error;
      if (tries > 20) machine.disk.capacity = Number.POSITIVE_INFINITY;
    }
    if (machine.state === 'down') await world.timeline.sleep(world.chance.int(500, 5_000));
  }
}

/** A power cut, then a start; sometimes another cut while starting. */
export async function crash(world: World): Promise<void> {
  const { chance, timeline } = world;
  const machine = chance.maybe(world.free());
  if (!machine) return;
  await hold(machine, async () => {
    machine.crash();
    if (chance.hit(0.3)) machine.reboot();
    await timeline.sleep(chance.hit(0.7) ? chance.int(0, 3_000) : chance.int(3_000, 60_000));
    if (chance.hit(0.3) && machine.state === 'down') {
      void machine.start().catch(() => undefined);
      await timeline.sleep(chance.unit() * 20);
      machine.crash('crash while starting');
    }
    await revive(world, machine);
  });
}

/** A clean stop, then a start; sometimes a power cut while stopping. */
export async function stop(world: World): Promise<void> {
  const { chance, timeline } = world;
  const machine = chance.maybe(world.free());
  if (!machine) return;
  await hold(machine, async () => {
    const stopped = machine.stop();
    if (chance.hit(0.3)) {
      await timeline.sleep(chance.unit() * 30);
      machine.crash('crash while stopping');
    }
    await stopped;
    await timeline.sleep(chance.int(0, 5_000));
    await revive(world, machine);
  });
}

/** Many short lives, one after another: a job that starts, writes once and ends. */
export async function bursts(world: World): Promise<void> {
  const { chance } = world;
  const machine = chance.maybe(world.free());
  if (!machine) return;
  await hold(machine, async () => {
    for (let n = chance.int(2, 12); n > 0 && !world.healing; n--) {
      await append(world, machine, { small: true });
      if (chance.hit(0.5)) machine.crash('end of a short life');
      else await machine.stop();
      await revive(world, machine);
    }
  });
}

/** The disk fills up for a while. */
export async function full(world: World): Promise<void> {
  const { chance, timeline } = world;
  const machine = chance.maybe(world.free());
  if (!machine) return;
  await hold(machine, async () => {
    machine.disk.capacity = machine.disk.used() + chance.int(0, 4_000);
    for (let n = chance.int(1, 6); n > 0; n--) {
      void append(world, machine);
      await timeline.sleep(chance.int(10, 3_000));
    }
    machine.disk.capacity = Number.POSITIVE_INFINITY;
    await revive(world, machine);
  });
}

/** The next flush fails: the process has to stop. */
export async function flushFails(world: World): Promise<void> {
  const { chance, timeline } = world;
  const machine = chance.maybe(world.free());
  if (!machine) return;
  await hold(machine, async () => {
    machine.disk.failNextFlush = true;
    void append(world, machine);
    await timeline.sleep(chance.int(100, 3_000));
    machine.disk.failNextFlush = false;
    if (machine.state === 'up') machine.crash('after a failed flush');
    await revive(world, machine);
  });
}

/** The disk of a machine is destroyed; what others hold of it must stay, the rest may be gone: holes that nobody will fill. */
export async function destroy(world: World): Promise<void> {
  const { ledger } = world;
  const machine = world.chance.maybe(world.free((one) => !world.role(one).admin && !world.backups.some((backup) => backup.machine === one)));
  if (!machine || world.machines.filter(({ state }) => state !== 'gone').length < 4) return;
  await hold(machine, async () => {
    for (const other of world.free((one) => one !== machine)) await census(world, other);
    machine.crash('destroyed');
    machine.state = 'gone';
    ledger.gone(machine.disk.label);
    ledger.mayAlarm.add(machine.identity);
  });
}

/** Marks of a node in a stream that a disk holds. */
function marksOn(world: World, disk: string, node: string, stream: string): string[] {
  return [...world.ledger.on(disk)].filter((mark) => {
    const attempt = world.ledger.attempts.get(mark);
    return attempt?.node === node && attempt.stream === stream;
  });
}

/** Someone copies a data directory and starts the copy elsewhere while the original goes on. */
export async function clone(world: World): Promise<void> {
  const { chance, ledger, timeline } = world;
  const machine = chance.maybe(world.free((one) => !world.revoked(one) && !world.outcasts.has(one)));
  if (!machine || world.machines.length >= world.scenario.machinesMost) return;
  await hold(machine, async () => {
    const clean = chance.hit(0.4);
    if (clean && !(await machine.stop())) return revive(world, machine);
    const label = `${machine.label}c${world.machines.length}`;
    const copy = world.add(label);
    copy.busy = true;
    const name = copy.disk.label;
    // A copy that was not taken at one moment: the tables first, the journal later, or the other way round. It may lack what moved in between.
    const smeared = !clean && chance.hit(0.3);
    if (smeared) {
      const early = machine.snapshot(name);
      await timeline.sleep(chance.int(1, 5_000));
      const late = machine.snapshot(name);
      if (chance.hit(0.5)) early.takeJournal(late);
      else early.takeTables(late);
      copy.disk = early;
    } else {
      copy.disk = machine.snapshot(name);
      ledger.copied(machine.disk.label, name);
    }
    copy.identity = machine.identity;
    world.roles.set(copy, world.role(machine));
    ledger.mayAlarm.add(machine.identity);
    for (const other of chance.shuffle(world.machines).slice(0, chance.int(1, 3))) world.join(copy, other);
    const proof = chance.hit(0.6) && !smeared && !world.healing;
    if (proof) for (const one of [machine, copy]) isolate(world, one);
    await Promise.all([revive(world, machine), revive(world, copy)]);
    if (proof) {
      const stream = chance.maybe(world.may(machine, 'write').filter((each) => marksOn(world, name, machine.identity, each).length > 0));
      if (stream !== undefined) {
        const left = await append(world, machine, { stream, small: true }), right = await append(world, copy, { stream, small: true });
        if (left.length > 0 && right.length > 0) ledger.mustAlarm.push({ node: machine.identity, marks: [left[0]!, right[0]!], why: `${label} is a clone of ${machine.label}, both wrote to ${stream}` });
      }
      for (const one of [machine, copy]) rejoin(one);
    }
    copy.busy = false;
  });
}

/** A backup is taken from a machine as it runs or stands. */
export async function backup(world: World): Promise<void> {
  const machine = world.chance.maybe(world.free((one) => !world.outcasts.has(one)));
  if (!machine || world.backups.length >= 4) return;
  const disk = machine.snapshot(world.diskLabel(machine.label));
  world.ledger.copied(machine.disk.label, disk.label);
  world.backups.push({ machine, disk, at: world.timeline.now });
}

/** A machine goes back to an old backup of its own. */
export async function restore(world: World): Promise<void> {
  const { chance, ledger } = world;
  const found = chance.maybe(world.backups.filter(({ machine }) => machine.state === 'up' && !machine.busy && !world.outcasts.has(machine)));
  if (!found) return;
  const { machine } = found;
  await hold(machine, async () => {
    for (const other of world.free((one) => one !== machine)) await census(world, other);
    const proof = chance.hit(0.7) && !world.revoked(machine);
    if (proof) isolate(world, machine);
    machine.crash('restored from a backup');
    const old = machine.disk.label;
    machine.disk = found.disk.copy(world.diskLabel(machine.label));
    ledger.copied(found.disk.label, machine.disk.label);
    ledger.gone(old);
    ledger.mayAlarm.add(machine.identity);
    await revive(world, machine);
    if (proof) {
      const safe = ledger.safe(world.machines.filter(({ state }) => state !== 'gone').map(({ disk }) => disk.label));
      const beyond = (stream: string): string[] => {
        const kept = new Set(marksOn(world, found.disk.label, machine.identity, stream));
        return kept.size === 0 ? [] : [...safe].filter((mark) => {
          const attempt = ledger.attempts.get(mark)!;
          return attempt.at > found.at && attempt.machine === machine.label && attempt.node === machine.identity && attempt.stream === stream && attempt.state === 'acknowledged' && !kept.has(mark);
        });
      };
      const stream = chance.maybe(STREAMS.filter((each) => world.may(machine, 'write').includes(each) && beyond(each).length > 0));
      if (stream !== undefined) {
        const mark = beyond(stream)[0]!;
        const fresh = await append(world, machine, { stream, small: true });
        if (fresh.length > 0) ledger.mustAlarm.push({ node: machine.identity, marks: [mark, fresh[0]!], why: `${machine.label} was restored from a backup and wrote to ${stream}` });
      }
      rejoin(machine);
    }
  });
}

/** The memory of a running machine is copied: both copies draw the same random numbers, and part only when they are asked for different things. */
export async function twins(world: World): Promise<void> {
  const { chance, ledger, timeline } = world;
  const machine = chance.maybe(world.free((one) => !world.revoked(one) && !world.outcasts.has(one) && world.may(one, 'write').length > 0));
  if (!machine || world.machines.length >= world.scenario.machinesMost) return;
  await hold(machine, async () => {
    ledger.forks++;
    isolate(world, machine);
    machine.crash('its memory is copied');
    const seed = `twin/${world.machines.length}`;
    const copy = world.add(`${machine.label}t${world.machines.length}`);
    copy.busy = true;
    copy.reachable = false;
    const disk: Disk = machine.disk.copy(copy.disk.label);
    ledger.copied(machine.disk.label, disk.label);
    copy.disk = disk;
    Object.assign(copy.wall, machine.wall);
    copy.identity = machine.identity;
    world.roles.set(copy, world.role(machine));
    ledger.mayAlarm.add(machine.identity);
    for (const other of chance.shuffle(world.machines).slice(0, chance.int(1, 3))) world.join(copy, other);
    await Promise.all([revive(world, machine, seed), revive(world, copy, seed)]);
    const stream = chance.pick(world.may(machine, 'write'));
    if (chance.hit(0.6)) await Promise.all([machine, copy].map((one) => append(world, one, { stream, twin: seed, count: chance.int(1, 1) + 2 })));
    const [left, right] = await Promise.all([append(world, machine, { stream, small: true }), append(world, copy, { stream, small: true })]);
    if (left.length > 0 && right.length > 0) ledger.mustAlarm.push({ node: machine.identity, marks: [left[0]!, right[0]!], why: `${copy.label} is a copy of the memory of ${machine.label}` });
    await timeline.sleep(chance.int(0, 5_000));
    for (const one of [machine, copy]) rejoin(one);
    copy.busy = false;
  });
}

/** Holds a machine for an act of several steps. */
export async function hold(machine: Machine, act: () => Promise<void>): Promise<void> {
  machine.busy = true;
  try {
    await act();
  } finally {
    machine.busy = false;
  }
}
