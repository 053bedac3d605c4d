// A small fleet on memory disks, without links: what goes from one machine to another is carried by hand, so that it can be late, cut short or in any order.
import { parseSegment } from '../../src/event/segment.ts';
import type { Node } from '../../src/node.ts';
import { openNode } from '../../src/node.ts';
import { createFleet, joinFleet } from '../../src/node-setup.ts';
import { invite } from '../../src/node-acts.ts';
import { followFrom } from '../../targets/program/follow.ts';
import { Chance } from '../sim/chance.ts';
import { EagerTimeline } from '../sim/eager-timeline.ts';
import { fakeCrypto } from '../sim/fake-crypto.ts';
import { Disk } from '../sim/memory-disk.ts';
import { mountJournal } from '../sim/memory-journal.ts';
import { mountStore } from '../sim/memory-store.ts';
import { Mount } from '../sim/mount.ts';

/** The stream that everything is about. */
export const STREAM = 's';

/** One machine of a small fleet, with whatever process runs on it now. */
export interface Machine { disk: Disk; node: Node; seed: string; wall: number }
/** How long all have run, ms, and how many names and seeds were given out. */
export const course = { uptime: 0, seeds: 0 };

function options(disk: Disk, seed: string, wall: number) {
  // What the disk draws must not change what the process does.
  const chance = new Chance(seed), mount = new Mount(disk, new EagerTimeline(), new Chance(`disk ${seed}`));
  return {
    store: mountStore(mount), journal: mountJournal(mount), random: chance, crypto: fakeCrypto,
    clock: { now: () => wall + course.uptime, uptime: () => course.uptime, quality: () => 0 as const, boot: new Uint8Array(8) },
    keys: { load: () => Promise.resolve(disk.keyFile), save: (bytes: Uint8Array) => { disk.keyFile = bytes.slice(); return Promise.resolve(); } },
    wake: () => undefined, notice: () => undefined,
  };
}
/** Founds the fleet. */
export async function found(): Promise<Machine> {
  const disk = new Disk('o'), seed = `${++course.seeds}`;
  return { disk, seed, wall: 1_000_000, node: (await createFleet(options(disk, seed, 1_000_000), { name: 'f', nodeName: 'o' })).node };
}
/** Lets one more in. */
export async function join(at: Machine, wish: object = {}): Promise<Machine> {
  const disk = new Disk(`m${++course.seeds}`), seed = `${++course.seeds}`, wall = 1_000_000 - course.seeds * 77;
  const node = await joinFleet(options(disk, seed, wall), await invite(at.node, wish), { nodeName: disk.label });
  return { disk, node, seed, wall };
}
/** A new process on what is on the disk now; with the seed of another one it is a snapshot of it that runs twice. */
export async function start(machine: Machine, disk: Disk, seed = `${++course.seeds}`): Promise<Machine> {
  return { disk, seed, wall: machine.wall, node: await openNode(options(disk, seed, machine.wall)) };
}
/** Appends numbers. */
export const append = (machine: Machine, n: number, from = 0): Promise<unknown> => machine.node.append(STREAM, Array.from({ length: n }, (_, i) => ({ key: `k${(from + i) % 3}`, type: 't', body: from + i })));
/** All segments that a machine holds. */
export function segments(machine: Machine): Uint8Array[] {
  const all = [...machine.disk.tables.segment.scan({ limit: 1_000_000 })].map((row) => row.value);
  for (const own of machine.node.writer.unstored()) all.push(...own.live.map((s) => s.bytes));
  return all;
}
/** All that a node reads. */
export async function ids(node: Node): Promise<string[]> {
  const all: string[] = [];
  for await (const entry of node.read(STREAM)) all.push(entry.id);
  return all;
}
/** What comes, until nothing does any more or `most` events did; then the reader goes away. The last cursor it was given is where it goes on. */
export async function follow(node: Node, from: string, most = Infinity): Promise<{ told: string[]; cursor: string }> {
  const end = new AbortController(), told: string[] = [];
  let cursor = from, turns = 0;
  const reading = (async () => {
    for await (const each of followFrom(node, STREAM, {}, from, end.signal, { busy: 0, idle: 0 })) {
      turns = 0;
      if ('cursor' in each) cursor = each.cursor;
      else if (told.push(each.entry.id) >= most) return;
    }
  })();
  let over = false;
  const watched = reading.finally(() => { over = true; });
  while (!over && turns++ < 60) await new Promise((resolve) => setImmediate(resolve));
  end.abort();
  await watched;
  return { told, cursor };
}

/** Whether a segment is the fleet's own. */
export function isFleet(bytes: Uint8Array): boolean { return parseSegment(bytes).header.stream === '$fleet'; }
