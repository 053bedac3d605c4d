// Whole nodes for benchmarks: real LMDB, real journal, real cryptography, driven as the edge drives them.

import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Clock, Journal, Store } from '../../src/ports.ts';
import { CLOCK_SYNCED } from '../../src/ports.ts';
import { createCrypto, createRandom } from '../../src/io/crypto.ts';
import { realDisk, slowDisk, type Disk } from '../../src/io/disk.ts';
import { openJournal } from '../../src/io/journal.ts';
import { openLmdb } from '../../src/io/lmdb.ts';
import { openNode, type Node } from '../../src/node.ts';
import type { KeyFile, NodeOptions } from '../../src/node-options.ts';
import { createFleet, joinFleet } from '../../src/node-setup.ts';

/** How to open a node. `flushMs`: what a flush takes at least; `clock`: in place of the machine's; `invitation`: join with this token instead of founding a fleet; `medium`: in place of LMDB and a journal in the folder. */
export interface BenchNodeOptions { flushMs?: number; clock?: Clock; disk?: Disk; invitation?: string; medium?: { store: Store; journal: Journal } | undefined; windowMs?: number }

/** A node that is driven by timers until `stop`, which closes it. */
export interface BenchNode { node: Node; folder: string; stop(): Promise<void> }

/** This machine's clock, taken for a good one. */
export function machineClock(): Clock {
  return { now: () => Date.now(), uptime: () => Math.round(performance.now()), quality: () => CLOCK_SYNCED, boot: createRandom().bytes(8) };
}

function keysIn(folder: string): KeyFile {
  const path = join(folder, 'node.key');
  return {
    load: async () => (existsSync(path) ? new Uint8Array(readFileSync(path)) : undefined),
    save: async (bytes) => { writeFileSync(path, bytes, { mode: 0o600, flush: true } as object); },
  };
}

/** Opens the node of a folder: the one that is there, or a new one. */
export async function openBenchNode(folder: string, options: BenchNodeOptions = {}): Promise<BenchNode> {
  mkdirSync(folder, { recursive: true });
  const { flushMs = 0 } = options, disk = options.disk ?? realDisk();
  let opened: Node | undefined, timer: NodeJS.Timeout | undefined, soon: NodeJS.Immediate | undefined;
  const step = (): void => {
    soon = undefined;
    clearTimeout(timer);
    const due = opened?.tick();
    if (due !== undefined && !options.clock) timer = setTimeout(step, Math.max(1, due));
  };
  const parts: NodeOptions = {
    store: options.medium?.store ?? await openLmdb({ folder: join(folder, 'store'), flushMs }),
    journal: options.medium?.journal ?? await openJournal({ folder: join(folder, 'journal'), disk: flushMs ? slowDisk(disk, flushMs) : disk }),
    clock: options.clock ?? machineClock(), random: createRandom(), crypto: createCrypto(), keys: keysIn(folder),
    wake() { if (opened) soon ??= setImmediate(step); },
    notice(n) { if (n.kind === 'fatal') throw n.fault; },
    ...(options.windowMs !== undefined && { windowMs: options.windowMs }),
  };
  const node = await parts.keys.load() ? await openNode(parts)
    : options.invitation !== undefined ? await joinFleet(parts, options.invitation, { nodeName: 'other' })
      : (await createFleet(parts, { name: 'bench', nodeName: 'bench' })).node;
  opened = node;
  step();
  return {
    node, folder,
    async stop() {
      opened = undefined;
      clearTimeout(timer);
      if (soon) clearImmediate(soon);
      await node.close();
    },
  };
}

/** Moves everything acknowledged into the store. */
export async function storeAll(node: Node): Promise<void> {
  while (node.writer.unstored().length > 0) await node.checkpoint();
}
