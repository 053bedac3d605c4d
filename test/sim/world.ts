// A simulated fleet: machines, edges between them, the model of what was asked of them, and the ways to read them.

import { createFleet, joinFleet } from '../../src/node-setup.ts';
import type { Entry } from '../../src/node-entry.ts';
import type { Node } from '../../src/node.ts';
import { createCrypto } from '../../src/io/crypto.ts';
import type { Crypto } from '../../src/ports.ts';
import { invite } from '../../src/node-acts.ts';
import { placesOf, type Place } from './acts-broker.ts';
import { Chance } from './chance.ts';
import { Edge, LINES } from './edge.ts';
import { fakeCrypto } from './fake-crypto.ts';
import { Ledger } from './ledger.ts';
import { Machine, type Surroundings } from './machine.ts';
import { Disk, type Pace } from './memory-disk.ts';
import type { Scenario } from './scenarios.ts';
import { SimBroker, TEMPERS } from './sim-broker.ts';
import { DAWN, type Wall } from './sim-clock.ts';
import { Timeline } from './timeline.ts';
import { Trace } from './trace.ts';

/** What a machine may do. */
export interface Role { admin: boolean; read: string[]; write: string[] }

/** The streams that worlds write to. */
export const STREAMS = ['telemetry', 'config', 'alarms'] as const;

/** A world made from a seed; see `found` in run.ts for its beginning. */
export class World {
  readonly seed: number;
  readonly scenario: Scenario;
  readonly chance: Chance;
  readonly timeline = new Timeline();
  readonly trace: Trace;
  readonly ledger = new Ledger();
  readonly machines: Machine[] = [];
  readonly edges: Edge[] = [];
  readonly brokers: SimBroker[] = [];
  /** Where the running processes stand at brokers. */
  readonly places = new Map<Machine, Place[]>();
  readonly roles = new Map<Machine, Role>();
  /** Disks kept as backups, each with the machine that it was taken from. */
  readonly backups: { machine: Machine; disk: Disk; at: number }[] = [];
  /** Machines that nobody can rely on any more: they sign falsely or their disks rot. They need not agree with the others. */
  readonly outcasts = new Set<Machine>();
  /** Acts that have begun and not ended. */
  pending = 0;
  /** Faults are over: acts in progress end soon. */
  healing = false;
  readonly around: Surroundings;
  /** No act begins before this moment. */
  quietUntil = 0;
  private disks = 0;

  constructor(seed: number, scenario: Scenario, show?: (line: string) => void) {
    this.seed = seed;
    this.scenario = scenario;
    this.chance = new Chance(`${scenario.name}/${seed}`);
    this.trace = new Trace(this.timeline, show);
    const crypto: Crypto = scenario.realCrypto ? createCrypto() : fakeCrypto;
    this.around = { timeline: this.timeline, trace: this.trace, chance: this.chance, crypto, windowMs: this.chance.pick([200, 2_000, 2_000, 5_000]) };
    if (!scenario.brokers) return;
    for (let n = this.chance.int(...scenario.brokers.count); n > 0; n--) this.brokers.push(new SimBroker(`b${n}`, TEMPERS[this.chance.weighted(scenario.brokers.tempers)], this.timeline, this.chance, this.trace));
    if (scenario.processes) for (const broker of this.brokers) broker.sharing = this.chance.branch(`sharing/${broker.label}`).hit(0.7);
    this.around.arrived = (machine) => placesOf(this, machine);
  }

  /** A name for a disk never used before. */
  diskLabel(machine: string): string {
    return `${machine}.${++this.disks}`;
  }

  /** A new machine, off. */
  add(label: string): Machine {
    const { chance } = this;
    const flush = chance.pick([0.2, 2, 10, 40]);
    const pace: Pace = { readMin: 0.02, readMax: chance.pick([0.1, 2]), flushMin: flush / 2, flushMax: flush * 2 };
    const wall: Wall = { offset: DAWN + chance.int(-20_000, 20_000), rate: 1 + (chance.unit() - 0.5) * 2e-4, quality: chance.pick([0, 1, 2] as const) };
    const machine = new Machine(label, new Disk(this.diskLabel(label), pace), wall, this.around);
    this.machines.push(machine);
    return machine;
  }

  /** One more process of a machine's node, on the database that both share. */
  addProcess(of: Machine): Machine {
    const machine = new Machine(`${of.label}p${this.machines.length}`, of.disk, of.wall, this.around);
    machine.database = of.database;
    machine.identity = of.identity;
    this.roles.set(machine, this.role(of));
    this.machines.push(machine);
    return machine;
  }

  /** Lays a line between two machines. */
  join(a: Machine, b: Machine): Edge | undefined {
    if (this.scenario.brokers?.only || this.scenario.sticks === 'only' || a === b || (a.database && a.database === b.database) || this.edges.some((edge) => (edge.a === a && edge.b === b) || (edge.a === b && edge.b === a))) return undefined;
    const kind = this.chance.weighted(this.scenario.lines);
    const edge = new Edge(a, b, LINES[kind], this.timeline, this.chance, this.trace);
    this.edges.push(edge);
    // Spares beside it, each with a place of its own among them.
    if (this.scenario.spares) for (let n = this.chance.int(0, 2); n > 0; n--) this.edges.push(new Edge(a, b, LINES[this.chance.weighted(this.scenario.lines)], this.timeline, this.chance, this.trace, this.chance.int(0, 3)));
    return edge;
  }

  /** Founds the fleet on a machine. */
  async foundOn(machine: Machine): Promise<void> {
    this.roles.set(machine, { admin: true, read: ['*'], write: ['*'] });
    await machine.start(async (options) => {
      const { node } = await createFleet(options, { name: 'simulated', nodeName: machine.label });
      return node;
    });
  }

  /** Invites from one machine and joins on another; false when either died on the way. */
  async bring(from: Machine, machine: Machine, role: Role): Promise<boolean> {
    const token = await from.ask((node) => invite(node, { name: machine.label, ...role }));
    if (token === undefined) return false;
    this.roles.set(machine, role);
    return machine.start((options) => joinFleet(options, token, { nodeName: machine.label }));
  }

  /** Machines that are up, are not held by an act, and satisfy `also`. */
  free(also: (machine: Machine) => boolean = () => true): Machine[] {
    return this.machines.filter((machine) => machine.state === 'up' && !machine.busy && also(machine));
  }

  role(machine: Machine): Role {
    return this.roles.get(machine) ?? { admin: false, read: [], write: [] };
  }

  /** Whether the model has revoked this machine's identity. */
  revoked(machine: Machine): boolean {
    return this.ledger.revocations.some(({ node }) => node === machine.identity);
  }

  /** Streams of `STREAMS` that a machine may read or write. */
  may(machine: Machine, what: 'read' | 'write'): string[] {
    const patterns = this.role(machine)[what];
    return STREAMS.filter((stream) => patterns.includes('*') || patterns.includes(stream));
  }

  /** Runs an act in the background; what it throws is a problem of this world. */
  begin(name: string, act: () => Promise<void>): void {
    this.pending++;
    this.trace.note('act', name);
    act().catch((error: unknown) => this.ledger.problem(`act ${name}: ${error instanceof Error ? error.stack : String(error)}`)).finally(() => { this.pending--; });
  }
}

/** All events of a stream as a node shows them, in its order. */
export async function readAll(node: Node, stream: string): Promise<Entry[]> {
  const out: Entry[] = [];
  for await (const entry of node.read(stream, {})) out.push(entry);
  return out;
}

/** The mark in the body of an event that the simulator wrote. */
export function markOf(entry: Entry): string | undefined {
  const { body } = entry;
  if (typeof body !== 'object' || body === null || Array.isArray(body) || body instanceof Uint8Array) return undefined;
  const mark = body['m'];
  return typeof mark === 'string' ? mark : undefined;
}

/** Notes on the model what a machine durably shows: called before disks are destroyed, so that the model knows what must outlive them. */
export async function census(world: World, machine: Machine): Promise<void> {
  if (world.outcasts.has(machine)) return;
  const disk = machine.disk.label;
  for (const stream of world.may(machine, 'read')) {
    const entries = await machine.ask((node) => readAll(node, stream));
    if (!entries) return;
    for (const entry of entries) {
      const mark = markOf(entry);
      if (mark !== undefined && entry.node !== machine.identity && !world.ledger.lost.has(disk)) world.ledger.on(disk).add(mark);
    }
  }
}
