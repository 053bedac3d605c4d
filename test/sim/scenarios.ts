// Kinds of worlds: what happens in them, how often, among how many machines and over which lines.

import { backup, bursts, clone, crash, destroy, flushFails, full, restore, stop, twins } from './acts-fail.ts';
import { join, jump, revoke, silence } from './acts-fleet.ts';
import { liar, rot, stranger } from './acts-hostile.ts';
import { bestBreaks, cut, down, meet, oneWay, partition, spoil, stall } from './acts-line.ts';
import { brokerAway, brokerCut, brokerFlap, brokerRestart } from './acts-broker.ts';
import { brokenOff, courier, days, glance, lastRoom } from './acts-stick.ts';
import { evict } from './acts-server.ts';
import { append } from './acts-write.ts';
import type { LINES } from './edge.ts';
import type { World } from './world.ts';

/** Everything that can happen, by name. */
export const ACTS = {
  append: async (world: World): Promise<void> => {
    const machine = world.chance.maybe(world.free());
    if (machine) await append(world, machine);
  },
  crash, stop, bursts, full, flushFails, destroy, clone, backup, restore, twins, cut, down, partition, stall, spoil, meet: (world: World) => meet(world), stranger, liar, rot, join, revoke, jump, silence, brokerAway, brokerCut, brokerFlap, brokerRestart,
  evict, courier, days, brokenOff, glance, lastRoom, oneWay, bestBreaks,
};
export type ActName = keyof typeof ACTS;

/** A kind of world. Weights need not add up to anything. */
export interface Scenario {
  name: string;
  acts: Partial<Record<ActName, number>>;
  /** Acts in one world. */
  count: [number, number];
  /** Milliseconds between acts, on average. */
  gap: number;
  /** Machines at the beginning, and at most ever. */
  machines: [number, number];
  machinesMost: number;
  lines: Partial<Record<keyof typeof LINES, number>>;
  /** Machines may have several lines between them. */
  spares?: boolean;
  /** In the end no other lines are laid: what there is must be enough, however slow. */
  slow?: boolean;
  roles: Partial<Record<'full' | 'admin' | 'relay' | 'limited', number>>;
  revocationsMost: number;
  /** True: the real primitives, otherwise the quick ones. */
  realCrypto: boolean;
  /** Brokers that everybody is at (of two: one or both); `only`: and no lines at all. */
  brokers?: { count: [number, number]; tempers: Partial<Record<'good' | 'rough' | 'narrow', number>>; only: boolean };
  /** In the end everything is carried by hand, and lines carry nothing any more; `only`: nor did they ever. */
  sticks?: 'only' | 'too';
  /** One of the machines is a server: so many processes of one node on one database. */
  processes?: [number, number];
}

const base = {
  count: [40, 90], gap: 1_500, machines: [3, 6], machinesMost: 8, lines: { lan: 3, wan: 2, radio: 0.3 }, roles: { full: 6, admin: 1, relay: 1 }, revocationsMost: 0, realCrypto: false,
} satisfies Partial<Scenario>;

/** All kinds; a seed takes the next one in turn unless one is asked for. */
export const SCENARIOS: readonly Scenario[] = [
  { ...base, name: 'calm', acts: { append: 20, crash: 1, stop: 1, cut: 2, down: 1, silence: 0.3 } },
  { ...base, name: 'crashes', acts: { append: 20, crash: 8, stop: 3, bursts: 2, full: 1, flushFails: 1, cut: 2 } },
  { ...base, name: 'lines', acts: { append: 20, cut: 4, down: 2, partition: 2, stall: 3, spoil: 4, meet: 3, stranger: 4, crash: 1 }, lines: { lan: 1, wan: 2, radio: 1 } },
  { ...base, name: 'clones', acts: { append: 20, crash: 2, clone: 2, backup: 2, restore: 2, partition: 1, stop: 1 } },
  { ...base, name: 'twins', acts: { append: 20, crash: 2, twins: 2, partition: 1, stop: 1, cut: 1 } },
  { ...base, name: 'clocks', acts: { append: 20, jump: 6, crash: 2, stop: 1, partition: 1, cut: 1 } },
  { ...base, name: 'fleet', acts: { append: 20, join: 3, revoke: 2, partition: 1, crash: 1, cut: 1, meet: 1 }, roles: { full: 4, admin: 2, relay: 1, limited: 1 }, revocationsMost: 3 },
  { ...base, name: 'holes', acts: { append: 20, destroy: 1.5, bursts: 3, partition: 2, meet: 3, cut: 4, crash: 2, join: 1 }, machines: [4, 7] },
  { ...base, name: 'liars', acts: { append: 20, liar: 1, rot: 0.7, stranger: 2, crash: 1, cut: 2, meet: 2, partition: 1 }, machines: [4, 7] },
  { ...base, name: 'years', acts: { append: 10, silence: 3, bursts: 2, stop: 1, crash: 1, jump: 0.5 }, count: [30, 60] },
  {
    ...base, name: 'everything', count: [60, 120], machines: [4, 8], machinesMost: 12, revocationsMost: 2,
    roles: { full: 5, admin: 2, relay: 1, limited: 1 },
    acts: {
      append: 30, crash: 4, stop: 2, bursts: 1, full: 0.7, flushFails: 0.7, destroy: 0.7, clone: 1, backup: 1, restore: 1, twins: 0.7, liar: 0.2, rot: 0.2, cut: 2, down: 1, partition: 1, stall: 1, spoil: 2,
      meet: 2, stranger: 2, join: 1, revoke: 0.7, jump: 2, silence: 0.7,
    },
  },
  { ...base, name: 'metal', acts: { append: 20, crash: 3, clone: 1, spoil: 1, revoke: 0.5, jump: 1, stranger: 1 }, count: [30, 50], machines: [3, 4], revocationsMost: 1, realCrypto: true },
];

/** Worlds with brokers; they have seeds of their own, so that those of the others stay what they are. */
export const BROKER_SCENARIOS: readonly Scenario[] = [
  {
    ...base, name: 'brokers', brokers: { count: [1, 2], tempers: { good: 1, rough: 3, narrow: 1 }, only: true }, machinesMost: 9, revocationsMost: 1, roles: { full: 5, admin: 1, relay: 1, limited: 1 },
    acts: {
      append: 25, brokerCut: 3, brokerRestart: 1, brokerFlap: 1, brokerAway: 1.5, crash: 2, stop: 1, bursts: 0.5, clone: 0.5, twins: 0.3, destroy: 0.3, join: 0.7, revoke: 0.4, jump: 0.5,
      silence: 0.3, full: 0.3, liar: 0.2,
    },
  },
  {
    ...base, name: 'mixed', brokers: { count: [1, 1], tempers: { good: 1, rough: 2 }, only: false }, machinesMost: 8, lines: { lan: 1, wan: 2 },
    acts: { append: 25, brokerCut: 2, brokerRestart: 1, brokerAway: 2, brokerFlap: 0.5, crash: 2, cut: 2, down: 1, partition: 2, meet: 1, clone: 0.5, backup: 0.7, restore: 0.7 },
  },
];

/** Worlds whose nodes are brought level by hand, without any line, and beside lines that break. */
export const STICK_SCENARIOS: readonly Scenario[] = [
  {
    ...base, name: 'sticks', sticks: 'only', gap: 400_000, count: [25, 60], machines: [2, 4], machinesMost: 6, roles: { full: 5, admin: 1, relay: 1, limited: 1 },
    acts: { append: 20, courier: 9, days: 0.5, meet: 3, glance: 2, lastRoom: 0.7, crash: 2, stop: 0.5, backup: 2.5, restore: 2.5, clone: 0.3, destroy: 0.3, join: 0.7, full: 0.5, bursts: 0.7 },
  },
  {
    ...base, name: 'couriers', sticks: 'too', gap: 40_000, count: [25, 50], machines: [2, 4], machinesMost: 6, lines: { wan: 1, radio: 2 },
    acts: { append: 12, brokenOff: 5, courier: 6, cut: 3, down: 1, partition: 2, meet: 1, crash: 2, backup: 1, restore: 1, clone: 0.2, full: 0.3, spoil: 1 },
  },
];

/** Worlds on lines of tiny frames, of 1200 baud, minutes away, one-way for hours, and several between two machines. */
export const SLOW_SCENARIOS: readonly Scenario[] = [
  {
    ...base, name: 'thin', slow: true, gap: 60_000, count: [15, 35], machines: [2, 4], machinesMost: 5, lines: { wire: 2, beads: 2, far: 1, radio: 1 }, spares: true,
    acts: { append: 10, bestBreaks: 5, oneWay: 2, cut: 3, down: 1, stall: 2, spoil: 2, crash: 2, stop: 0.5, clone: 0.2, join: 0.3, partition: 0.5 },
  },
  {
    ...base, name: 'spares', gap: 6_000, count: [25, 50], machines: [2, 4], machinesMost: 5, lines: { lan: 1, wan: 3, radio: 2, beads: 1, wire: 1 }, spares: true,
    acts: { append: 10, bestBreaks: 10, oneWay: 1, cut: 2, stall: 1, spoil: 1, crash: 2, clone: 0.3, twins: 0.2, partition: 0.5 },
  },
];

/** Worlds with a server of several processes on one database. */
export const SERVER_SCENARIOS: readonly Scenario[] = [
  {
    ...base, name: 'server', processes: [2, 4], machines: [3, 4], machinesMost: 6, revocationsMost: 1, roles: { full: 5, admin: 1, relay: 1, limited: 1 },
    acts: { append: 25, crash: 5, stop: 2, evict: 2, cut: 2, down: 1, partition: 1, meet: 1, join: 0.7, revoke: 0.3, jump: 0.3, silence: 0.2 },
  },
  {
    ...base, name: 'server at brokers', processes: [2, 4], machines: [3, 4], machinesMost: 6, brokers: { count: [1, 2], tempers: { good: 2, rough: 2, narrow: 0.5 }, only: true },
    acts: { append: 25, brokerCut: 3, brokerRestart: 1, brokerFlap: 1, brokerAway: 1.5, crash: 4, stop: 1.5, evict: 2, join: 0.5, bursts: 0.5, silence: 0.2 },
  },
];

/** The scenario of a seed, or the named one. */
export function scenarioOf(seed: number, name?: string): Scenario {
  const all = [...SCENARIOS, ...BROKER_SCENARIOS, ...STICK_SCENARIOS, ...SLOW_SCENARIOS, ...SERVER_SCENARIOS], found = name === undefined ? SCENARIOS[seed % SCENARIOS.length] : all.find((one) => one.name === name);
  if (!found) throw new Error(`no scenario ${name}; there are ${all.map((one) => one.name).join(', ')}`);
  return found;
}
