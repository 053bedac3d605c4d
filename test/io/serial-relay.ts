// A wire between two real ptys: bytes pass through this process at the pace of a line, with errors, losses, bursts, stalls and cuts from a seed.

import { spawn, spawnSync, type ChildProcess } from 'node:child_process';
import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { SerialPort } from 'serialport';
import { Chance } from '../sim/chance.ts';

/** What is wrong with the wire; probabilities of one bit or one byte. */
export interface Faults {
  bitErrors?: number;
  drops?: number;
  inserts?: number;
  /** Bursts of noise: bytes from one to the next on average, and bytes of one. */
  bursts?: [number, number];
}

/** Whether this machine can make ptys (socat). */
export const PTYS = spawnSync('socat', ['-V']).status === 0;

const BUFFER = 4_096;

interface Side { port: SerialPort; queue: Uint8Array[]; bytes: number; burst: number; carried: number }

/** A wire. `ends`: the devices to open. */
export interface Relay {
  readonly ends: [string, string];
  /** Bytes that have been carried from the first to the second, and back. */
  readonly carried: [number, number];
  faults: Faults;
  /** Nothing is taken off the devices of the ends. */
  stalled: boolean;
  /** What is on its way is lost. */
  cut: boolean;
  /** Bytes that come to an end from nowhere. */
  inject(to: 0 | 1, bytes: Uint8Array): void;
  /** The device of one end goes away, as when a plug is pulled, and comes back. */
  pull(end: 0 | 1): Promise<void>;
  plug(end: 0 | 1): Promise<void>;
  stop(): Promise<void>;
}

/** Makes two ptys and the wire between them, for lines of `baud`; 0: as fast as it goes. `half`: what is said at the same time is garbled. */
export async function relay(seed: string, baud: number, faults: Faults = {}, half = false): Promise<Relay> {
  const folder = mkdtempSync(join(tmpdir(), 'holdfast-serial-')), chance = new Chance(seed);
  const names = [0, 1].map((i) => ({ end: join(folder, `end${i}`), wire: join(folder, `wire${i}`) })) as [Names, Names];
  const children: (ChildProcess | undefined)[] = [undefined, undefined];
  const sides: [Side, Side] = [undefined as never, undefined as never];
  let last = performance.now(), stopped = false;

  const one = async (i: 0 | 1): Promise<void> => {
    const { end, wire } = names[i];
    children[i] = spawn('socat', [`pty,raw,echo=0,link=${end}`, `pty,raw,echo=0,link=${wire}`], { stdio: 'ignore' });
    while (!existsSync(end) || !existsSync(wire)) await new Promise((resolve) => setTimeout(resolve, 5));
    const port = new SerialPort({ path: wire, baudRate: 115_200, autoOpen: false, lock: false });
    await new Promise<void>((resolve, reject) => { port.open((error) => (error ? reject(error) : resolve())); });
    const side: Side = { port, queue: [], bytes: 0, burst: 0, carried: sides[i]?.carried ?? 0 };
    sides[i] = side;
    port.on('error', () => {});
    port.on('data', (chunk: Uint8Array) => {
      side.queue.push(new Uint8Array(chunk));
      side.bytes += chunk.length;
      if (side.bytes > BUFFER) port.pause();
    });
  };

  function take(side: Side, most: number): Uint8Array {
    const parts: Uint8Array[] = [];
    let left = most;
    while (left > 0 && side.queue.length > 0) {
      const head = side.queue[0]!, part = head.subarray(0, left);
      parts.push(part);
      left -= part.length;
      if (part.length === head.length) side.queue.shift();
      else side.queue[0] = head.subarray(part.length);
    }
    side.bytes -= most - left;
    side.carried += most - left;
    if (side.bytes <= BUFFER && side.port.isPaused()) side.port.resume();
    return Buffer.concat(parts);
  }

  function spoil(side: Side, bytes: Uint8Array): Uint8Array {
    const { bitErrors = 0, drops = 0, inserts = 0, bursts } = self.faults;
    if (bitErrors + drops + inserts === 0 && !bursts) return bytes;
    const out: number[] = [], flip = 1 - (1 - bitErrors) ** 8;
    for (const byte of bytes) {
      if (chance.hit(drops)) continue;
      if (chance.hit(inserts)) out.push(chance.int(0, 255));
      if (bursts && side.burst === 0 && chance.hit(1 / bursts[0])) side.burst = bursts[1];
      if (side.burst > 0) {
        side.burst--;
        out.push(chance.int(0, 255));
      } else out.push(chance.hit(flip) ? byte ^ (1 << chance.int(0, 7)) : byte);
    }
    return Uint8Array.from(out);
  }

  const owed = [0, 0];
  /** Carries what the time since the last step allows. */
  function step(): void {
    const now = performance.now(), allowed = baud === 0 ? Infinity : ((now - last) * baud) / 10_000;
    last = now;
    if (stopped || self.stalled) return;
    const loud = sides.every((side) => side.bytes > 0);
    for (const i of [0, 1] as const) {
      const from = sides[i], to = sides[1 - i]!;
      owed[i] = from.bytes === 0 ? 0 : owed[i]! + allowed;
      const most = Math.min(from.bytes, Math.floor(owed[i]!));
      if (most === 0) continue;
      if (baud !== 0) owed[i]! -= most;
      const bytes = take(from, most);
      if (!self.cut && to.port.isOpen) to.port.write(Buffer.from(half && loud ? chance.bytes(bytes.length) : spoil(from, bytes)));
    }
  }

  const self: Relay = {
    ends: [names[0].end, names[1].end],
    get carried(): [number, number] { return [sides[0].carried, sides[1].carried]; },
    faults, stalled: false, cut: false,
    inject: (to, bytes) => { sides[to].port.write(Buffer.from(bytes)); },
    async pull(i) {
      await closed(sides[i].port);
      await ended(children[i]);
      sides[i].queue.length = sides[i].bytes = 0;
    },
    plug: one,
    async stop() {
      stopped = true;
      clearInterval(timer);
      for (const side of sides) await closed(side.port);
      for (const child of children) await ended(child);
      rmSync(folder, { recursive: true, force: true });
    },
  };
  await one(0);
  await one(1);
  const timer = setInterval(step, 2);
  return self;
}

interface Names { end: string; wire: string }

function closed(port: SerialPort): Promise<void> {
  return new Promise((resolve) => {
    if (port.isOpen) port.close(() => resolve());
    else resolve();
  });
}

function ended(child: ChildProcess | undefined): Promise<void> {
  return new Promise((resolve) => {
    if (!child || child.exitCode !== null || child.signalCode !== null) return resolve();
    child.once('exit', () => resolve());
    child.kill();
  });
}
