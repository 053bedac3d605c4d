// Two serial lines joined by a wire in virtual time, byte by byte: bit errors, lost and added bytes, bursts, stalls, cuts, and one direction at a time.

import { serialLine, type LineOptions, type SerialLine } from '../../src/carry/serial-line.ts';
import type { Bytes, Link } from '../../src/ports.ts';
import { Chance } from '../sim/chance.ts';
import { plan, type Step } from './steps.ts';

/** What is wrong with the wire. Probabilities are of one bit or one byte; times in milliseconds. */
export interface Wire {
  baud: number;
  half?: boolean;
  /** Both ends hear what they say themselves. */
  echo?: boolean;
  bitErrors?: number;
  drops?: number;
  inserts?: number;
  /** Bursts of noise: how many bytes apart on average, and how many bytes long. */
  bursts?: [number, number];
  /** Nothing passes during these. */
  cuts?: [number, number][];
  /** Bytes come in bunches of so much time, and so much later. */
  bunch?: number;
  latency?: number;
  /** Bytes that the system keeps for a port. */
  buffer?: number;
}

/** One end and what it has seen. */
export interface LineEnd {
  name: 'left' | 'right';
  line: SerialLine;
  link: Link | undefined;
  side: 'open' | 'accept' | undefined;
  todo: Bytes[];
  got: Bytes[];
  closes: string[];
  opens: number;
  /** Bytes put on the wire, and the time that they took. */
  bytes: number;
  onFrame(frame: Bytes): void;
  /** While true, the system takes nothing. */
  blocked: boolean;
  /** Bytes that were written and not taken. */
  held: number;
  /** Nothing comes out of its wire. */
  deaf: boolean;
}

/** The wire and its two ends. */
export class LineWorld {
  now = 0;
  readonly left: LineEnd;
  readonly right: LineEnd;
  readonly chance: Chance;
  readonly wire: Wire;
  /** Told of everything that is put on the wire. */
  onTalk: (from: number, to: number, name: string) => void = () => {};
  private readonly steps: Step[] = [];
  private rounds = 20_000_000;
  private readonly busy = { left: 0, right: 0 };
  private readonly talking: { left: [number, number][]; right: [number, number][] } = { left: [], right: [] };
  private burst = { left: 0, right: 0 };

  constructor(seed: string, wire: Wire, options: Partial<LineOptions> = {}) {
    this.chance = new Chance(seed);
    this.wire = wire;
    this.left = this.end('left', options);
    this.right = this.end('right', options);
  }

  private end(name: 'left' | 'right', options: Partial<LineOptions>): LineEnd {
    const end: LineEnd = { name, line: undefined as never, link: undefined, side: undefined, todo: [], got: [], closes: [], opens: 0, bytes: 0, onFrame: () => {}, blocked: false, held: 0, deaf: false };
    end.line = this.make(end, options);
    return end;
  }

  /** A program at an end: what it was before is forgotten. */
  make(end: LineEnd, options: Partial<LineOptions> = {}): SerialLine {
    let woken = false;
    const line: SerialLine = serialLine({ now: this.now, random: this.chance.branch(`${end.name} ${this.now}`), baud: this.wire.baud, half: this.wire.half, ...options }, {
      write: (bytes) => {
        end.held += bytes.length;
        this.transmit(end, bytes, () => {
          end.held -= bytes.length;
          if (end.line === line) line.written(this.now);
        });
      },
      wake: () => {
        if (woken) return;
        woken = true;
        this.plan(this.now, () => {
          woken = false;
          line.pump(this.now);
        });
      },
      opened: (link, side) => {
        end.link = link;
        end.side = side;
        end.opens++;
        link.onFrame = (frame) => {
          end.got.push(frame.slice());
          end.onFrame(frame);
        };
        link.onDrain = () => this.fill(end);
        link.onClose = (reason) => {
          end.closes.push(reason);
          end.link = undefined;
        };
        this.fill(end);
      },
    });
    return line;
  }

  /** The program of one end starts again. */
  restart(end: LineEnd, options: Partial<LineOptions> = {}): void {
    end.link = undefined;
    end.line = this.make(end, options);
  }

  feed(end: LineEnd, frames: Iterable<Bytes>): void {
    end.todo.push(...frames);
    this.fill(end);
  }

  private fill(end: LineEnd): void {
    while (end.link && end.todo.length > 0) if (!end.link.send(end.todo.shift()!)) break;
  }

  /** Runs until `done`, or `until`; false when time ran out. */
  run(until: number, done: () => boolean = () => false): boolean {
    for (const end of [this.left, this.right]) end.line.pump(this.now);
    while (!done()) {
      let at = Math.min(this.steps[0]?.at ?? Infinity, this.left.line.deadline ?? Infinity, this.right.line.deadline ?? Infinity);
      if (at > until) {
        this.now = until;
        return false;
      }
      // Timers have a grain of a millisecond.
      at = Math.max(this.now, at);
      this.now = at;
      if (this.steps.length > 0 && this.steps[0]!.at <= at) this.steps.shift()!.act();
      else for (const end of [this.left, this.right]) {
        if ((end.line.deadline ?? Infinity) > this.now) continue;
        this.now += 1e-6;
        end.line.pump(this.now);
      }
      if (--this.rounds < 0) throw new Error(`no rest at ${this.now}`);
    }
    return true;
  }

  /** Puts bytes on the wire as if an end had sent them, now. */
  inject(to: LineEnd, bytes: Bytes): void {
    this.plan(this.now, () => to.line.arrived(bytes, this.now));
  }

  /** From now on nothing that is sent to this end arrives. */
  deafen(end: LineEnd): void {
    end.deaf = true;
  }

  private transmit(end: LineEnd, bytes: Bytes, taken: () => void): void {
    const { baud, buffer = 4_096, latency = 2, bunch = 4, half = false, echo = false } = this.wire;
    const ms = 10_000 / baud;
    if (end.blocked) {
      this.plan(this.now + 50, () => this.transmit(end, bytes, taken));
      return;
    }
    const start = Math.max(this.now, this.busy[end.name]), stop = start + bytes.length * ms;
    this.busy[end.name] = stop;
    end.bytes += bytes.length;
    this.onTalk(start, stop, end.name);
    this.talking[end.name].push([start, stop]);
    if (this.talking[end.name].length > 64) this.talking[end.name].shift();
    this.plan(Math.max(this.now, stop - buffer * ms), taken);
    const many = Math.max(1, Math.floor(bunch / ms)), other = end === this.left ? this.right : this.left;
    for (let at = 0; at < bytes.length; at += many) {
      const piece = bytes.subarray(at, at + many), from = start + at * ms, to = from + piece.length * ms;
      this.plan(to + latency, () => {
        const hit = half && this.talking[other.name].some(([a, b]) => a < to && b > from);
        const came = this.spoil(end, piece, from, hit);
        if (came.length > 0 && !other.deaf) other.line.arrived(came, this.now);
        if (echo) end.line.arrived(piece, this.now);
      });
    }
  }

  private spoil(end: LineEnd, bytes: Bytes, at: number, hit: boolean): Bytes {
    const { bitErrors = 0, drops = 0, inserts = 0, bursts, cuts = [] } = this.wire, { chance } = this;
    if (cuts.some(([a, b]) => at >= a && at < b)) return new Uint8Array(0);
    if (hit) return chance.bytes(bytes.length);
    const out: number[] = [], flip = 1 - (1 - bitErrors) ** 8;
    for (const byte of bytes) {
      if (chance.hit(drops)) continue;
      if (chance.hit(inserts)) out.push(chance.int(0, 255));
      if (bursts && this.burst[end.name] === 0 && chance.hit(1 / bursts[0])) this.burst[end.name] = bursts[1];
      if (this.burst[end.name] > 0) {
        this.burst[end.name]--;
        out.push(chance.int(0, 255));
      } else out.push(flip > 0 && chance.hit(flip) ? byte ^ (1 << chance.int(0, 7)) : byte);
    }
    return Uint8Array.from(out);
  }

  plan(at: number, act: () => void): void {
    plan(this.steps, at, act);
  }
}
