// A fleet without lines that meets at a simulated broker, for tests of the fan-out.

import * as assert from 'uvu/assert';
import { joinBroker, type BrokerMembership, type BrokerOptions, planBroker } from '../../src/node-broker.ts';
import type { Machine } from '../sim/machine.ts';
import { scenarioOf } from '../sim/scenarios.ts';
import { SimBroker, SimClient, TEMPERS, type Temper } from '../sim/sim-broker.ts';
import { World, type Role } from '../sim/world.ts';

/** What most nodes may do. */
const FULL: Role = { admin: false, read: ['*'], write: ['*'] };

/** A fleet without lines, and a broker. */
export class Meeting {
  readonly world: World;
  readonly broker: SimBroker;
  readonly places = new Map<Machine, { membership: BrokerMembership; client: SimClient }>();

  constructor(seed: number, temper: Temper = TEMPERS.good, show?: (line: string) => void) {
    this.world = new World(seed, scenarioOf(0, 'calm'), show);
    this.broker = new SimBroker('b', temper, this.world.timeline, this.world.chance, this.world.trace);
  }

  /** Founds a fleet of `count` nodes, without a broker yet. */
  async found(count: number, role: Role = FULL): Promise<Machine[]> {
    const first = this.world.add('n0');
    await this.world.foundOn(first);
    for (let i = 1; i < count; i++) await this.world.bring(first, this.world.add(`n${i}`), role);
    return this.world.machines;
  }

  /** Takes the running process of a machine to a broker. What it publishes elsewhere than below its own level, or above seven slashes, ends the test. */
  join(machine: Machine, o: BrokerOptions = {}, broker = this.broker): BrokerMembership {
    const node = machine.node!, plan = o.plan ?? planBroker(node);
    const client = new SimClient(broker, machine.label, plan), publish = client.publish.bind(client);
    client.publish = (topic, payload, retain) => {
      assert.ok(topic.startsWith(plan.own.slice(0, -1)) && topic.split('/').length <= 8, `${machine.label} publishes at ${topic}`);
      return publish(topic, payload, retain);
    };
    machine.links.add(client);
    const membership = joinBroker(node, client, { ...o, plan });
    this.places.set(machine, { membership, client });
    return membership;
  }

  async write(machine: Machine, count = 1): Promise<void> {
    await machine.ask((node) => node.append('telemetry', Array.from({ length: count }, (_, i) => ({ key: `k${i % 5}`, type: 'reading', body: i }))));
  }

  /** Runs a story in virtual time. */
  async run(story: () => Promise<void>): Promise<void> {
    let over = false, failed: unknown;
    const told = story().catch((error: unknown) => { failed = error; }).finally(() => { over = true; });
    await this.world.timeline.run(7 * 86_400_000, () => over);
    assert.ok(over, 'the story stands still');
    await told;
    if (failed) throw failed instanceof Error ? failed : new Error(String(failed));
  }

  /** What those hold who have come to a broker. */
  digests(): Set<string> { return new Set([...this.places.keys()].filter((m) => m.node).map((m) => m.node!.digest().digest)); }

  /** Waits until all hold the same; the milliseconds that took. */
  async level(most: number): Promise<number> {
    const { timeline } = this.world, began = timeline.now;
    while (this.digests().size > 1 || this.fleets().size > 1) {
      if (timeline.now > began + most) throw new Error(`no rest within ${most} ms: ${[...this.places].map(([m, p]) => `${m.label} ${m.node?.digest().events} ${JSON.stringify(p.membership.report())}`).join('\n')}`);
      await timeline.sleep(100);
    }
    return timeline.now - began;
  }

  fleets(): Set<string> { return new Set([...this.places.keys()].filter((m) => m.node).map((m) => JSON.stringify([...m.node!.fingerprints.all().get('$fleet')!.sum]))); }
}
