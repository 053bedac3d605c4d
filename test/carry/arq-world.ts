// Two ARQ ends and the two channels between them, in virtual time: what is sent may be lost, repeated, overtaken, delayed, garbled or held up by a slow line.

import { arq, type Arq } from '../../src/carry/arq.ts';
import type { ArqOptions } from '../../src/carry/arq-options.ts';
import type { Bytes } from '../../src/ports.ts';
import { Chance } from '../sim/chance.ts';
import { plan, type Step } from './steps.ts';

/** What happens to datagrams one way. Probabilities of one datagram; times in milliseconds. */
export interface Weather {
  loss?: number;
  repeat?: number;
  /** Of being held back for up to `late` milliseconds, so that others overtake it. */
  overtaken?: number;
  late?: number;
  garble?: number;
  delay?: number;
  /** Bytes a second that the line carries, and those that each datagram costs besides its own; the end is asked for a datagram only when the line is free. */
  rate?: number;
  each?: number;
  /** Nothing gets through during these. */
  cuts?: [number, number][];
}

/** One end and all that it has done. */
export interface End {
  arq: Arq;
  todo: Bytes[];
  got: Bytes[];
  closes: string[];
  drains: number;
  /** Datagrams and bytes that it put on the line, and those that only the line itself adds. */
  datagrams: number;
  bytes: number;
  /** Every datagram, as it was sent. */
  log: Bytes[];
  /** Called for each frame. */
  onFrame(frame: Bytes): void;
}

/** The world: `left` and `right`, and the time. */
export class ArqWorld {
  now = 0;
  readonly left: End;
  readonly right: End;
  readonly chance: Chance;
  /** Called for each datagram on its way; what it gives is delivered instead. */
  relay: (bytes: Bytes, from: End) => Bytes[] = (bytes) => [bytes];
  private readonly steps: Step[] = [];
  private rounds = 3_000_000;
  private readonly busy = new Map<End, number>();
  private readonly weather = new Map<End, Weather>();

  constructor(seed: string, left: Weather, right: Weather, options: Partial<ArqOptions>, roles: [ArqOptions['role'], ArqOptions['role']] = ['open', 'accept'], more: Partial<ArqOptions> = {}) {
    this.chance = new Chance(seed);
    const make = (name: string, role: ArqOptions['role'], extra: Partial<ArqOptions>) => this.end({ role, now: 0, random: this.chance.branch(name), mtu: 1_024, window: 16_384, roundTrip: 100, ...options, ...extra });
    this.left = make('left', roles[0], {});
    this.right = make('right', roles[1], more);
    this.weather.set(this.left, left);
    this.weather.set(this.right, right);
  }

  /** Another end; see `replace`. */
  end(options: ArqOptions): End {
    return { arq: arq(options), todo: [], got: [], closes: [], drains: 0, datagrams: 0, bytes: 0, log: [], onFrame: () => {} };
  }

  /** The program of one end was started again: it knows of nothing. */
  restart(end: End, options: Partial<ArqOptions>): void {
    end.arq = arq({ role: 'open', now: this.now, random: this.chance.branch(`again ${this.now}`), mtu: 1_024, window: 16_384, roundTrip: 100, ...options });
    end.closes = [];
    end.got = [];
  }

  /** Frames to send, as fast as the end takes them. */
  feed(end: End, frames: Iterable<Bytes>): void {
    end.todo.push(...frames);
    this.fill(end);
  }

  /** Runs until nothing happens any more, or `done` says so, or `until`. False when time ran out first. */
  run(until: number, done: () => boolean = () => false): boolean {
    this.pump(this.left);
    this.pump(this.right);
    while (!done()) {
      let at = Math.min(this.steps[0]?.at ?? Infinity, this.left.arq.deadline ?? Infinity, this.right.arq.deadline ?? Infinity);
      if (at === Infinity) return done();
      if (at > until) {
        this.now = until;
        return false;
      }
      at = Math.max(this.now, at);
      this.now = at;
      while (this.steps.length > 0 && this.steps[0]!.at <= at) this.steps.shift()!.act();
      for (const end of [this.left, this.right]) {
        end.arq.tick(this.now);
        this.pump(end);
      }
      if (--this.rounds < 0) throw new Error('the ends never come to rest');
    }
    return true;
  }

  /** Brings a datagram to an end, now. */
  deliver(end: End, bytes: Bytes): void {
    end.arq.datagram(bytes, this.now);
    this.pump(end);
  }

  private fill(end: End): void {
    while (end.todo.length > 0) if (!end.arq.send(end.todo.shift()!)) break;
  }

  private pump(end: End): void {
    const { rate, each = 0 } = this.weather.get(end)!;
    for (;;) {
      const free = rate === undefined || (this.busy.get(end) ?? 0) <= this.now;
      const said = end.arq.next(this.now, free);
      if (!said) return;
      if (said.kind === 'frame') {
        end.got.push(said.bytes.slice());
        end.onFrame(said.bytes);
      } else if (said.kind === 'closed') end.closes.push(said.reason);
      else if (said.kind === 'drain') {
        end.drains++;
        this.fill(end);
      } else {
        end.datagrams++;
        end.bytes += said.bytes.length + each;
        end.log.push(said.bytes);
        let leaves = this.now;
        if (rate !== undefined) {
          leaves += ((said.bytes.length + each) * 1_000) / rate;
          this.busy.set(end, leaves);
          this.plan(leaves, () => this.pump(end));
        }
        for (const bytes of this.relay(said.bytes, end)) this.carry(end, bytes, leaves);
      }
    }
  }

  private carry(from: End, bytes: Bytes, leaves: number): void {
    const { loss = 0, repeat = 0, overtaken = 0, late = 0, garble = 0, delay = 1, cuts = [] } = this.weather.get(from)!;
    const { chance } = this, to = from === this.left ? this.right : this.left;
    if (cuts.some(([a, b]) => leaves >= a && leaves < b)) return;
    for (let copies = chance.hit(repeat) ? 2 : 1; copies > 0; copies--) {
      if (chance.hit(loss)) continue;
      let sent = bytes;
      if (chance.hit(garble)) {
        sent = bytes.slice();
        sent[chance.int(0, sent.length - 1)]! ^= 1 << chance.int(0, 7);
      }
      this.plan(leaves + delay + (chance.hit(overtaken) ? chance.unit() * late : 0), () => this.deliver(to, sent));
    }
  }

  /** Plans something. */
  plan(at: number, act: () => void): void {
    plan(this.steps, at, act);
  }
}
