// Where machines stand at brokers, and what befalls them there: broken and flapping connections, long absences, brokers that restart and forget.

import { joinBroker, planBroker, type BrokerMembership } from '../../src/node-broker.ts';
import type { Machine } from './machine.ts';
import { SimClient, type SimBroker } from './sim-broker.ts';
import type { World } from './world.ts';

/** A process at a broker. */
export interface Place { broker: SimBroker; client: SimClient; membership: BrokerMembership }

/** A process has come up: it goes to its brokers. Of two brokers some machines are at both, the first always. */
export function placesOf(world: World, machine: Machine): void {
  const places: Place[] = [];
  world.places.set(machine, places);
  world.brokers.forEach((broker, i) => {
    // A copy of a machine is where the machine is: what both draw at random must stay the same.
    const draw = world.chance.branch(`place/${machine.identity}`).int(0, 2);
    if (world.brokers.length > 1 && machine.identity !== world.machines[0]!.identity && draw === 1 - i) return;
    place(world, machine, broker, places);
  });
}

function place(world: World, machine: Machine, broker: SimBroker, places: Place[]): void {
  const { node } = machine;
  if (!node || node.closing) return;
  const plan = planBroker(node), client = new SimClient(broker, machine.label, plan);
  client.reachable = () => machine.reachable;
  machine.links.add(client);
  const membership = joinBroker(node, client, {
    plan,
    twin: () => {
      world.trace.note('twin', machine.label);
      places.splice(places.findIndex((one) => one.client === client), 1);
      machine.links.delete(client);
      // What a process remembers of a moment ago is not copied for ever.
      void membership.close().then(() => world.timeline.sleep(world.chance.int(2_500, 5_000))).then(() => { if (machine.node === node) place(world, machine, broker, places); });
    },
  });
  places.push({ broker, client, membership });
}

function anyone(world: World): Place | undefined {
  return world.chance.maybe(world.machines.filter((machine) => machine.state === 'up').flatMap((machine) => world.places.get(machine) ?? []).filter(({ client }) => client.up));
}

/** A connection to a broker breaks. */
export async function brokerCut(world: World): Promise<void> {
  anyone(world)?.client.cut(world.chance.hit(0.7));
}

/** A connection breaks again and again. */
export async function brokerFlap(world: World): Promise<void> {
  const found = anyone(world);
  for (let n = world.chance.int(3, 20); n > 0 && found && !world.healing; n--) {
    found.client.cut(world.chance.hit(0.5));
    await world.timeline.sleep(world.chance.int(100, 4_000));
  }
}

/** A machine is away from its brokers for a while. */
export async function brokerAway(world: World): Promise<void> {
  const found = anyone(world);
  if (!found) return;
  const { client } = found, reachable = client.reachable;
  client.reachable = () => false;
  client.cut(world.chance.hit(0.7));
  await world.timeline.sleep(world.chance.int(5_000, 300_000));
  client.reachable = reachable;
}

/** A broker restarts, and may have forgotten what it retained. */
export async function brokerRestart(world: World): Promise<void> {
  world.chance.maybe(world.brokers.filter(({ up }) => up))?.restart(world.chance.int(100, 60_000), world.chance.hit(0.5));
}
