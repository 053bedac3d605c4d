// Acts on a server of several processes: one loses its lease; and what SQL must show in the end.

import { hold, revive } from './acts-fail.ts';
import type { Machine } from './machine.ts';
import { readAll, type World } from './world.ts';

/** A process sleeps through its lease: another takes over what it had acknowledged, and it ends when it wakes. */
export async function evict(world: World): Promise<void> {
  const { chance, timeline } = world;
  const machine = chance.maybe(world.free(({ database }) => database !== undefined));
  if (!machine) return;
  await hold(machine, async () => {
    machine.database!.evict(machine.node!.options.store.shared!.slot);
    await timeline.sleep(chance.int(0, 8_000));
    if (machine.state === 'up') machine.crash('its lease is over');
    await revive(world, machine);
  });
}

/** Every event stands once among the rows of the database, and no other. */
export async function checkRows(world: World, machine: Machine): Promise<void> {
  const rows = machine.database!.rows, { ledger } = world;
  const wanted = new Set<string>();
  for (const stream of [...await machine.ask(async (node) => node.streams()) ?? []].map((each) => each.stream)) {
    if (stream.startsWith('$')) continue;
    for (const { id } of await machine.ask((node) => readAll(node, stream)) ?? []) wanted.add(`${stream} ${id}`);
  }
  const shown = [...rows].filter(([id]) => !id.startsWith('$'));
  for (const [id, times] of shown) if (times !== 1) ledger.problem(`row ${id} stands ${times} times in the database of ${machine.label}`);
  for (const [id] of shown) if (!wanted.delete(id)) ledger.problem(`row ${id} of the database of ${machine.label} is no event that it shows`);
  if (wanted.size) ledger.problem(`${wanted.size} events of ${machine.label} are no rows of its database: ${[...wanted].slice(0, 3).join(', ')}`);
}
