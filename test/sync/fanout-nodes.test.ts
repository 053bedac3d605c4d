// Nodes that meet at a broker alone: what one records arrives everywhere, live and after every kind of absence.
// timeout: 300s

import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { joinBroker, type BrokerMembership, type BrokerOptions, planBroker } from '../../src/node-broker.ts';
import { SimBroker, SimClient, TEMPERS, type Temper } from '../sim/sim-broker.ts';
import type { Machine } from '../sim/machine.ts';
import { scenarioOf } from '../sim/scenarios.ts';
import { World } from '../sim/world.ts';

/** A fleet without lines, and a broker. */
class Meeting {
  readonly world: World;
  readonly broker: SimBroker;
  readonly places = new Map<Machine, { membership: BrokerMembership; client: SimClient }>();

  constructor(seed: number, temper: Temper = TEMPERS.good, show?: (line: string) => void) {
    this.world = new World(seed, scenarioOf(0, 'calm'), show);
    this.broker = new SimBroker('b', temper, this.world.timeline, this.world.chance, this.world.trace);
  }

  /** Founds a fleet of `count` nodes, without a broker yet. */
  async found(count: number): Promise<Machine[]> {
    const first = this.world.add('n0');
    await this.world.foundOn(first);
    for (let i = 1; i < count; i++) await this.world.bring(first, this.world.add(`n${i}`), { admin: false, read: ['*'], write: ['*'] });
    return this.world.machines;
  }

  join(machine: Machine, o: BrokerOptions = {}, broker = this.broker): BrokerMembership {
    const node = machine.node!, plan = planBroker(node);
    const client = new SimClient(broker, machine.label, plan);
    machine.links.add(client);
    const membership = joinBroker(node, client, { plan, ...o });
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
    if (failed) throw failed;
  }

  digests(): Set<string> { return new Set(this.world.machines.filter((m) => m.node).map((m) => m.node!.digest().digest)); }

  /** Waits until all hold the same; the milliseconds that took. */
  async level(most: number): Promise<number> {
    const { timeline } = this.world, began = timeline.now;
    while (this.digests().size > 1 || this.fleets().size > 1) {
      if (timeline.now > began + most) throw new Error(`no rest within ${most} ms: ${[...this.places].map(([m, p]) => `${m.label} ${m.node?.digest().events} ${JSON.stringify(p.membership.report())}`).join('\n')}`);
      await timeline.sleep(100);
    }
    return timeline.now - began;
  }

  fleets(): Set<string> { return new Set(this.world.machines.filter((m) => m.node).map((m) => JSON.stringify([...m.node!.fingerprints.all().get('$fleet')!.sum]))); }
}

const test = suite('nodes at a broker');

test('two nodes: what is behind by a session, what is new by the fan-out', async () => {
  const meeting = new Meeting(1);
  await meeting.run(async () => {
    const [a, b] = await meeting.found(2);
    await meeting.write(a!, 50);
    await meeting.write(b!, 30);
    const pa = meeting.join(a!), pb = meeting.join(b!);
    await meeting.level(60_000);
    await meeting.world.timeline.sleep(20_000);
    const before = pa.report(), behind = pb.report();
    assert.is(before.sessions.now, 0);
    assert.ok(before.sessions.ended + behind.sessions.ended >= 1);
    await meeting.write(a!, 3);
    await meeting.world.timeline.sleep(6_000);
    assert.is(meeting.digests().size, 1);
    assert.is(pa.report().published - before.published, 1);
    assert.is(pb.report().received - behind.received, 1);
    assert.is(pb.report().events - behind.events, 3);
    assert.is(pa.report().sessions.ended, before.sessions.ended);
    assert.is(pa.peers().length, 1);
  });
});

test.run();
