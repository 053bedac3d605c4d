// One simulated machine: a disk, a wall clock and at most one running process of Holdfast, hosted as a target hosts it.

import { codeOf } from '../../src/fault.ts';
import { hex } from '../../src/event/bytes.ts';
import { openNode, type Node } from '../../src/node.ts';
import type { NodeOptions } from '../../src/node-options.ts';
import type { Bytes, Crypto, Random } from '../../src/ports.ts';
import type { Chance } from './chance.ts';
import { Disk } from './memory-disk.ts';
import { mountJournal, type MemoryJournal } from './memory-journal.ts';
import { mountStore, type MemoryStore } from './memory-store.ts';
import { Mount } from './mount.ts';
import type { SharedDatabase } from './shared-store.ts';
import { simClock, type Wall } from './sim-clock.ts';
import type { Planned, Timeline } from './timeline.ts';
import type { Trace } from './trace.ts';

/** What machines of one world share. */
export interface Surroundings { timeline: Timeline; trace: Trace; chance: Chance; crypto: Crypto; windowMs: number; /** A process has come up. */ arrived?(machine: Machine): void }

/** One life of a process: from its start to its end. */
interface Life { store: MemoryStore; journal: MemoryJournal; mounts: Mount[]; over: Promise<undefined>; end: () => void; ended: boolean }

/** A machine. `gone` machines never come back. */
export class Machine {
  readonly label: string;
  disk: Disk;
  readonly wall: Wall;
  state: 'down' | 'starting' | 'up' | 'stopping' | 'gone' = 'down';
  node: Node | undefined;
  /** The database that it shares with other machines; its disk is then theirs too. */
  database: SharedDatabase | undefined;
  /** Node id in hex, once known. */
  identity = '';
  /** An act of several steps holds this machine. */
  busy = false;
  /** Connections may be made to it. */
  reachable = true;
  /** Ends of lines and of connections to brokers that its process holds. */
  readonly links = new Set<{ cut(): void; vanish(): void }>();
  /** When it last had a connection. */
  lastConnected = -1;
  crypto: Crypto;
  private boot: Bytes;
  private lives = 0;
  private life: Life | undefined;
  private readonly around: Surroundings;

  constructor(label: string, disk: Disk, wall: Wall, around: Surroundings) {
    this.label = label;
    this.disk = disk;
    this.wall = wall;
    this.around = around;
    this.crypto = around.crypto;
    this.boot = around.chance.branch(`boot/${label}`).bytes(8);
  }

  /** Starts a process. False when it died before it was up; throws what opening threw. `seed` names the state of its memory: equal for twins. */
  async start(begin: (options: NodeOptions) => Promise<Node> = openNode, seed = `${this.label}/${this.lives + 1}`): Promise<boolean> {
    if (this.state !== 'down') throw new Error(`${this.label} is ${this.state}`);
    const { timeline, trace, chance } = this.around;
    this.state = 'starting';
    this.lives++;
    const mount = (part: string): Mount => new Mount(this.disk, timeline, chance.branch(`mount/${part}/${seed}`));
    const mounts = [mount('store'), mount('journal'), mount('keys')];
    let end!: () => void;
    const over = new Promise<undefined>((resolve) => { end = () => resolve(undefined); });
    const { store, journal } = this.database?.connect(mounts[0]!) ?? { store: mountStore(mounts[0]!), journal: mountJournal(mounts[1]!) };
    const life: Life = { store, journal, mounts, over, end, ended: false };
    this.life = life;
    for (const each of mounts) each.onFailed = () => { timeline.after(chance.int(0, 50), () => { if (this.life === life) this.crash('flush failed'); }); };
    trace.note('start', this.label, seed);
    let planned: Planned | undefined;
    const due = (): void => {
      planned?.cancel();
      planned = undefined;
      if (life.ended || !this.node || this.life !== life) return;
      const ms = this.node.tick();
      if (ms !== undefined) planned = timeline.after(Math.max(1, ms), due);
    };
    let saved = Promise.resolve();
    const options: NodeOptions = {
      store: life.store, journal: life.journal, clock: simClock(timeline, this.wall, this.boot), random: this.random(seed), crypto: this.crypto,
      keys: {
        load: () => mounts[2]!.read(() => this.disk.keyFile),
        // One after the other, in the order of the calls.
        save: (bytes) => (saved = saved.then(() => mounts[2]!.flush(() => { this.disk.keyFile = bytes.slice(); }))),
      },
      wake: () => { if (!life.ended) { planned?.cancel(); planned = timeline.after(0, due); } },
      notice: (notice) => { trace.note('notice', this.label, JSON.stringify(notice, printable)); },
      windowMs: this.around.windowMs,
    };
    let node: Node | undefined;
    try {
      node = await Promise.race([begin(options), over]);
    } catch (error) {
      trace.note('refused', this.label, codeOf(error), String(error));
      this.drop(life);
      throw error;
    }
    if (!node || life.ended) return false;
    this.node = node;
    this.identity = hex(node.id);
    this.state = 'up';
    trace.note('up', this.label, this.identity.slice(0, 8));
    this.around.arrived?.(this);
    due();
    return true;
  }

  /** Ends the process as a power cut does: now, keeping what was flushed and perhaps some of what was in flight. */
  crash(why = 'crash'): void {
    const { life } = this;
    if (!life || life.ended) return;
    this.around.trace.note('crash', this.label, why);
    life.store.survive(this.disk);
    life.journal.survive(this.disk);
    this.drop(life);
  }

  /** Asks the process to stop. False when it died on the way. */
  async stop(): Promise<boolean> {
    const { life, node } = this;
    if (this.state !== 'up' || !life || !node) return false;
    this.state = 'stopping';
    this.around.trace.note('stop', this.label);
    const closed = await Promise.race([node.close().then(() => true), life.over]);
    if (!closed || life.ended) return false;
    await Promise.race([Promise.all([life.store.close(), life.journal.close()]), life.over]);
    if (life.ended) return false;
    this.drop(life);
    return true;
  }

  /** What `asked` gives; undefined when the process dies first, or is not up. Errors come through. */
  async ask<T>(asked: (node: Node) => Promise<T>): Promise<T | undefined> {
    const { life, node } = this;
    if (this.state !== 'up' || !life || !node) return undefined;
    const answer = await Promise.race([asked(node), life.over]);
    return life.ended ? undefined : answer;
  }

  /** A copy of the disk as a power cut would leave it now. */
  snapshot(label: string): Disk {
    const out = this.disk.copy(label);
    if (this.life && !this.life.ended) {
      this.life.store.survive(out);
      this.life.journal.survive(out);
    }
    return out;
  }

  /** A new boot of the machine: the next process sees another boot id. */
  reboot(): void {
    this.boot = this.around.chance.branch(`boot/${this.label}/${this.lives}`).bytes(8);
  }

  /** What waits in the ports of the running process. */
  load(): { commits: number; commitBytes: number; records: number; recordBytes: number; writes: number } {
    const store = this.life?.store.load(), journal = this.life?.journal.load();
    return {
      commits: store?.commits ?? 0, commitBytes: store?.bytes ?? 0, records: journal?.records ?? 0, recordBytes: journal?.bytes ?? 0,
      writes: (this.life?.store.commits ?? 0) + (this.life?.journal.flushes ?? 0),
    };
  }

  /** Randomness of a process: what its memory held when it began (equal in twins), fed anew by the machine a little later. */
  private random(seed: string): Random {
    const { chance, timeline } = this.around;
    const remembered = chance.branch(`random/${seed}`), own = chance.branch(`random/${this.label}/${this.lives}`);
    const until = timeline.now + 2_000;
    return { bytes: (length) => (timeline.now < until ? remembered : own).bytes(length) };
  }

  private drop(life: Life): void {
    life.ended = true;
    for (const each of life.mounts) each.dead = true;
    for (const link of this.links) link.vanish();
    this.links.clear();
    this.node = undefined;
    this.life = undefined;
    if (this.state !== 'gone') this.state = 'down';
    life.end();
  }
}

/** Bytes in notices as hex, so that traces can be read. */
function printable(_: string, value: unknown): unknown {
  return value instanceof Uint8Array ? hex(value) : typeof value === 'bigint' ? String(value) : value;
}
