// One seed from its beginning to its verdict: found a fleet, let things happen to it, heal everything, wait for quiet, check.

import { check, checkRestart } from './checker.ts';
import { checkFollowers } from './followers.ts';
import { revive } from './acts-fail.ts';
import { rejoin } from './acts-line.ts';
import { drawRole } from './acts-fleet.ts';
import { ACTS, scenarioOf } from './scenarios.ts';
import { heal } from './heal.ts';
import { SharedDatabase } from './shared-store.ts';
import { World } from './world.ts';

/** Bytes that one process may have on their way to its disk. */
const QUEUE_BYTES = 16 * 1_048_576;

/** What became of a seed. No problems: it passed. */
export interface Outcome { seed: number; scenario: string; problems: string[]; hash: string; virtualMs: number; steps: number; events: number; acknowledged: number; wallMs: number }

/** Runs one seed. `show` gets every line of the trace. */
export async function runSeed(seed: number, scenarioName?: string, show?: (line: string) => void): Promise<Outcome> {
  const scenario = scenarioOf(seed, scenarioName);
  const world = new World(seed, scenario, show);
  const began = performance.now();
  const stray = (error: unknown): void => world.ledger.problem(`a rejection that nobody handled: ${error instanceof Error ? error.stack : String(error)}`);
  process.on('unhandledRejection', stray);
  let events = 0;
  try {
    let over = false;
    const life = live(world).then((count) => { events = count; }).catch((error: unknown) => {
      world.ledger.problem(`the world ended: ${error instanceof Error ? error.stack : String(error)}`);
    }).finally(() => { over = true; });
    await world.timeline.run(60 * 86_400_000, () => over);
    if (!over) world.ledger.problem('the world stands still: nothing is planned and something is waited for');
    else await life;
  } catch (error) {
    world.ledger.problem(`a step threw: ${error instanceof Error ? error.stack : String(error)}`);
  } finally {
    process.off('unhandledRejection', stray);
  }
  const acknowledged = [...world.ledger.attempts.values()].filter(({ state }) => state === 'acknowledged').length;
  return {
    seed, scenario: scenario.name, problems: world.ledger.problems, hash: world.trace.hash(), virtualMs: Math.round(world.timeline.now), steps: world.timeline.steps,
    events, acknowledged, wallMs: Math.round(performance.now() - began),
  };
}

/** The whole story of a world; gives the number of events that all hold in the end. */
async function live(world: World): Promise<number> {
  const { chance, scenario, timeline } = world;
  await found(world);
  for (let n = chance.int(...scenario.count); n > 0; n--) {
    await timeline.sleep(-Math.log(1 - chance.unit()) * scenario.gap);
    if (world.quietUntil > timeline.now) await timeline.sleep(world.quietUntil - timeline.now);
    const name = chance.weighted(scenario.acts);
    world.begin(name, () => ACTS[name](world));
    for (const machine of world.machines) {
      const { commitBytes, recordBytes } = machine.load();
      if (commitBytes + recordBytes > QUEUE_BYTES) world.ledger.problem(`${machine.label} has ${commitBytes + recordBytes} bytes on their way to its disk`);
    }
    if (world.ledger.problems.length > 0) return 0;
  }
  const patience = timeline.now + 1_800_000;
  world.healing = true;
  for (const machine of world.machines) rejoin(machine);
  while (world.pending > 0 && timeline.now < patience) await timeline.sleep(1_000);
  if (world.pending > 0) world.ledger.problem(`${world.pending} acts never end`);
  if (world.ledger.problems.length > 0) return 0;
  const followers = await heal(world);
  if (world.ledger.problems.length > 0) return 0;
  await checkFollowers(world, followers);
  const events = await check(world);
  if (world.ledger.problems.length === 0) await checkRestart(world);
  return events;
}

/** Founds the fleet, brings its members in and lays the first lines: a chain, a ring, a star or whatever chance makes. */
async function found(world: World): Promise<void> {
  const { chance, scenario } = world;
  const founder = world.add('n0'), server = scenario.processes ? chance.int(0, 1) : -1;
  if (server === 0) founder.database = new SharedDatabase(founder.disk);
  await world.foundOn(founder);
  const count = chance.int(...scenario.machines);
  for (let i = 1; i < count; i++) {
    const machine = world.add(`n${i}`);
    if (server === i) machine.database = new SharedDatabase(machine.disk);
    if (!(await world.bring(founder, machine, drawRole(world)))) throw new Error(`${machine.label} did not join`);
  }
  const shared = world.machines[server];
  if (shared) for (let n = chance.int(...scenario.processes!); n > 1; n--) world.addProcess(shared);
  const order = chance.shuffle(world.machines);
  const shape = chance.pick(['chain', 'ring', 'star', 'random'] as const);
  for (let i = 1; i < order.length; i++) world.join(order[i]!, order[shape === 'star' ? 0 : shape === 'random' ? chance.int(0, i - 1) : i - 1]!);
  if (shape === 'ring') world.join(order[0]!, order[order.length - 1]!);
  if (shape === 'random') for (let n = chance.int(0, 3); n > 0; n--) world.join(chance.pick(order), chance.pick(order));
  world.trace.note('world', shape, count);
  for (const machine of world.machines) await revive(world, machine);
}
