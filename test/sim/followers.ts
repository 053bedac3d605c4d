// Someone who reads a stream and then follows it: in the end it must have been told of everything, once, and of nothing else.

import type { Machine } from './machine.ts';
import { readAll, type World } from './world.ts';

/** What one follower was told. */
export interface Follower { machine: Machine; stream: string; base: Set<string>; told: Map<string, number> }

/** Begins to follow all streams that a machine may read; its process must live until the check. */
export async function follow(world: World, machine: Machine): Promise<Follower[]> {
  const followers: Follower[] = [];
  for (const stream of world.may(machine, 'read')) {
    const told = new Map<string, number>();
    machine.node?.follow(stream, {}, (entry) => { told.set(entry.id, (told.get(entry.id) ?? 0) + 1); });
    const base = new Set((await machine.ask((node) => readAll(node, stream)))?.map(({ id }) => id));
    followers.push({ machine, stream, base, told });
  }
  return followers;
}

/** Compares what followers were told with what can be read now. Verdicts that change late may tell more, and twice. */
export async function checkFollowers(world: World, followers: readonly Follower[]): Promise<void> {
  const calm = world.ledger.revocations.length === 0;
  for (const { machine, stream, base, told } of followers) {
    const where = `a follower of ${stream} on ${machine.label}`;
    const held = new Set((await machine.ask((node) => readAll(node, stream)))?.map(({ id }) => id));
    const missed = [...held].filter((id) => !base.has(id) && !told.has(id));
    const invented = [...told.keys()].filter((id) => !held.has(id));
    const twice = [...told].filter(([, times]) => times > 1);
    if (missed.length > 0) world.ledger.problem(`${where} was not told of ${missed.length} events: ${missed[0]}`);
    if (calm && invented.length > 0) world.ledger.problem(`${where} was told of ${invented.length} events that do not exist: ${invented[0]}`);
    if (calm && twice.length > 0) world.ledger.problem(`${where} was told twice of ${twice.length} events: ${twice[0]![0]}`);
  }
}
