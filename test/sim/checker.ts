// The verdict on a healed world: does every node hold, show and know what the model says it must, and nothing else.

import { compareStamp } from '../../src/event/stamp.ts';
import { equal } from '../../src/event/bytes.ts';
import { encodeValue } from '../../src/event/value.ts';
import type { Entry } from '../../src/node-entry.ts';
import { checkRows } from './acts-server.ts';
import { revive } from './acts-fail.ts';
import { checkAlarms, checkQuarantine, checkRevoked } from './check-fleet.ts';
import { agreeing, members } from './heal.ts';
import type { Machine } from './machine.ts';
import { markOf, readAll, STREAMS, type World } from './world.ts';

/** All streams of one machine as it shows them. */
export type Shown = Map<string, Entry[]>;

/** Checks a world at rest; adds to its problems. Gives the number of events that members agree on. */
export async function check(world: World): Promise<number> {
  const { ledger } = world;
  const readers = members(world).filter((machine) => world.may(machine, 'read').length === STREAMS.length);
  const reference = readers[0];
  if (!reference || ledger.problems.length > 0) return 0;
  const shown = new Map<Machine, Shown>();
  for (const machine of members(world)) shown.set(machine, await show(world, machine));
  const first = shown.get(reference)!;
  for (const [machine, streams] of shown) {
    for (const [stream, entries] of streams) same(world, `${machine.label}, ${stream}`, entries, `${reference.label}`, first.get(stream) ?? []);
  }
  await checkViews(world, reference, first);
  for (const machine of readers.slice(1)) if (world.chance.hit(0.3)) await checkViews(world, machine, shown.get(machine)!);
  const byMark = new Map<string, Entry[]>();
  for (const entries of first.values()) {
    for (const entry of entries) {
      const mark = markOf(entry);
      if (mark === undefined) ledger.problem(`an event without a mark: ${entry.id}`);
      else byMark.set(mark, [...(byMark.get(mark) ?? []), entry]);
    }
  }
  checkInvented(world, byMark);
  checkMissing(world, byMark);
  checkCausality(world, byMark);
  checkGroups(world, byMark);
  await checkRevoked(world, byMark);
  await checkQuarantine(world);
  await checkAlarms(world, byMark);
  await checkCounts(world, first);
  const server = members(world).find(({ database }) => database);
  if (server) await checkRows(world, server);
  return [...first.values()].reduce((sum, entries) => sum + entries.length, 0);
}

async function show(world: World, machine: Machine): Promise<Shown> {
  const out: Shown = new Map();
  for (const stream of world.may(machine, 'read')) out.set(stream, (await machine.ask((node) => readAll(node, stream))) ?? []);
  return out;
}

/** Two lists of entries must be the same events in the same order. */
function same(world: World, where: string, entries: readonly Entry[], other: string, wanted: readonly Entry[]): void {
  for (let i = 0; i < Math.max(entries.length, wanted.length); i++) {
    if (entries[i]?.id === wanted[i]?.id) continue;
    world.ledger.problem(`${where} differs from ${other} at ${i} of ${entries.length} and ${wanted.length}: ${entries[i]?.id} and ${wanted[i]?.id}`);
    return;
  }
}

/** `latest`, `keys` and reads of one key follow from the full read. */
async function checkViews(world: World, machine: Machine, streams: Shown): Promise<void> {
  for (const [stream, entries] of streams) {
    const last = new Map<string, Entry>();
    for (const entry of entries) last.set(entry.key, entry);
    const keys = await machine.ask(async (node) => {
      const out: string[] = [];
      for await (const { key } of node.keys(stream)) out.push(key);
      return out;
    });
    if (keys?.slice().sort().join() !== [...last.keys()].sort().join()) world.ledger.problem(`${machine.label} names the keys ${keys?.join()} of ${stream}, not ${[...last.keys()].join()}`);
    for (const [key, entry] of last) {
      const latest = await machine.ask((node) => node.latest(stream, key));
      if (latest?.id !== entry.id) world.ledger.problem(`${machine.label}: the latest of ${stream}/${key} is ${latest?.id}, the last read is ${entry.id}`);
    }
    const key = world.chance.maybe([...last.keys()]);
    if (key === undefined) continue;
    const part = await machine.ask(async (node) => {
      const out: Entry[] = [];
      for await (const entry of node.read(stream, { key })) out.push(entry);
      return out;
    });
    same(world, `${machine.label}, ${stream} by key ${key}`, part ?? [], 'the full read', entries.filter((entry) => entry.key === key));
  }
}

/** Every event held was asked for, once, by that node, with that content. */
function checkInvented(world: World, byMark: ReadonlyMap<string, Entry[]>): void {
  for (const [mark, entries] of byMark) {
    const attempt = world.ledger.attempts.get(mark);
    const entry = entries[0]!;
    if (!attempt) world.ledger.problem(`an event that nobody appended: ${mark}`);
    else if (world.ledger.forged.has(mark)) world.ledger.problem(`${mark} was signed falsely on ${attempt.machine} and is admitted`);
    else if (attempt.state === 'refused') world.ledger.problem(`${mark} was refused on ${attempt.machine} and exists`);
    else if (entries.length > 1 && !attempt.twin) world.ledger.problem(`${mark} exists ${entries.length} times: ${entries.map(({ id }) => id).join()}`);
    else if (attempt.node !== entry.node || attempt.stream !== entry.stream || attempt.key !== entry.key || attempt.type !== entry.type) world.ledger.problem(`${mark} was changed`);
    else if (attempt.time !== undefined && attempt.time !== entry.time) world.ledger.problem(`${mark} has time ${entry.time}, not ${attempt.time}`);
    else if (attempt.id !== undefined && !attempt.twin && attempt.id !== entry.id) world.ledger.problem(`${mark} was acknowledged as ${attempt.id} and is ${entry.id}`);
    else if (!equal(attempt.body, encodeValue(entry.body))) world.ledger.problem(`${mark} has another body`);
  }
}

/** Nothing acknowledged is missing, unless every disk that held it is gone, or its author was revoked. */
function checkMissing(world: World, byMark: ReadonlyMap<string, Entry[]>): void {
  const { ledger } = world;
  const missing: string[] = [];
  // Backups on a shelf and the disks of those who were revoked help nobody.
  for (const mark of ledger.safe(members(world).map(({ disk }) => disk.label))) {
    const attempt = ledger.attempts.get(mark)!;
    if (!byMark.has(mark) && !ledger.revocations.some(({ node }) => node === attempt.node)) missing.push(`${mark} of ${attempt.machine} in ${attempt.stream}`);
  }
  if (missing.length > 0) ledger.problem(`${missing.length} events are missing that some disk held: ${missing.slice(0, 5).join(', ')}`);
}

/** What was appended after its node had shown another event sorts after it. */
function checkCausality(world: World, byMark: ReadonlyMap<string, Entry[]>): void {
  for (const [mark, entries] of byMark) {
    const saw = world.ledger.attempts.get(mark)?.saw;
    for (const entry of entries) if (saw && compareStamp(entry.stamp, saw) <= 0) world.ledger.problem(`${mark} sorts before what its node had seen: ${JSON.stringify(entry.stamp)} and ${JSON.stringify(saw)}`);
  }
}

/** A group is whole or not there, and stands together in its log. */
function checkGroups(world: World, byMark: ReadonlyMap<string, Entry[]>): void {
  for (const [mark, attempt] of world.ledger.attempts) {
    if (!attempt.group || attempt.group[0] !== mark || attempt.twin) continue;
    const found = attempt.group.map((each) => byMark.get(each)?.[0]);
    const there = found.filter((entry) => entry !== undefined);
    if (there.length === 0) continue;
    if (there.length < found.length) world.ledger.problem(`of the group ${attempt.group.join()} only ${there.length} are there`);
    else if (there.some((entry, i) => entry.position !== there[0]!.position + i)) world.ledger.problem(`the group ${attempt.group.join()} does not stand together`);
  }
}

/** `digest` counts what can be read; `verify` finds nothing. */
async function checkCounts(world: World, first: Shown): Promise<void> {
  const events = [...first.values()].reduce((sum, entries) => sum + entries.length, 0);
  for (const machine of agreeing(world)) {
    const digest = await machine.ask(async (node) => node.digest());
    if (digest && digest.events !== events) world.ledger.problem(`${machine.label} counts ${digest.events} events, ${events} can be read`);
  }
  const machine = world.chance.pick(members(world));
  const report = await machine.ask((node) => node.verify(() => {}));
  if (report && report.damaged.length > 0) world.ledger.problem(`${machine.label} finds damage: ${JSON.stringify(report.damaged.slice(0, 3))}`);
}

/** What a node holds does not depend on its memory: after a stop or a power cut it gives the same digest. */
export async function checkRestart(world: World): Promise<void> {
  const all = agreeing(world);
  const before = await all[0]!.ask(async (node) => node.digest());
  for (const machine of all) {
    if (world.chance.hit(0.5)) machine.crash('the last one');
    else await machine.stop();
  }
  for (const machine of all) {
    await revive(world, machine);
    const after = await machine.ask(async (node) => node.digest());
    if (after?.digest !== before?.digest || after?.events !== before?.events) world.ledger.problem(`${machine.label} holds ${after?.events} events, ${after?.digest.slice(0, 8)}, after a restart; ${before?.events}, ${before?.digest.slice(0, 8)} before`);
  }
}
