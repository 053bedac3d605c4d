// A Link made of two ARQ ends: the conformance suite over good and bad channels in real time, and how its host moves it.
// timeout: 240s
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { arq } from '../../src/carry/arq.ts';
import type { ArqOptions } from '../../src/carry/arq-options.ts';
import { arqLink, type ArqLink } from '../../src/carry/arq-link.ts';
import type { Bytes } from '../../src/ports.ts';
import { linkConformance } from '../io/link-conformance.ts';
import { Chance } from '../sim/chance.ts';
import { frameOf } from './frames.ts';

const now = () => performance.now();

interface Conditions { loss: number; repeat: number; late: number; options: Partial<ArqOptions>; frameBytes: number }

/** Two links whose datagrams pass through this process, under conditions; `hold` keeps what is for the right one. */
class Pair {
  readonly left: ArqLink;
  readonly right: ArqLink;
  readonly chance: Chance;
  held: Bytes[] | undefined;
  private readonly timers = new Map<ArqLink, NodeJS.Timeout>();
  private readonly flying = new Set<NodeJS.Timeout>();
  private readonly given: Conditions;

  constructor(seed: string, given: Conditions) {
    this.given = given;
    this.chance = new Chance(seed);
    this.left = this.make('open', () => this.right);
    this.right = this.make('accept', () => this.left);
  }

  private make(role: 'open' | 'accept', other: () => ArqLink): ArqLink {
    const { options, frameBytes } = this.given;
    let woken = false;
    const end = arq({ role, now: now(), random: this.chance.branch(role), mtu: 16_384, window: 262_144, roundTrip: 50, ...options });
    const link = arqLink(end, {
      send: (datagram) => {
        this.carry(datagram, other());
        return true;
      },
      wake: () => {
        if (woken) return;
        woken = true;
        setImmediate(() => {
          woken = false;
          this.touch(link, () => link.pump(now()));
        });
      },
    }, { name: 'arq', frameBytes, thin: false });
    return link;
  }

  /** Something happens to a link; then its timer is set anew. */
  touch(link: ArqLink, act: () => void): void {
    act();
    clearTimeout(this.timers.get(link));
    if (link.deadline !== undefined) this.timers.set(link, setTimeout(() => this.touch(link, () => link.pump(now())), Math.max(1, link.deadline - now())));
  }

  private carry(bytes: Bytes, to: ArqLink): void {
    const { loss, repeat, late } = this.given;
    if (this.held && to === this.right) return void (this.held.length < 1_000 && this.held.push(bytes));
    for (let copies = this.chance.hit(repeat) ? 2 : 1; copies > 0; copies--) {
      if (this.chance.hit(loss)) continue;
      const timer = setTimeout(() => {
        this.flying.delete(timer);
        this.touch(to, () => to.datagram(bytes, now()));
      }, this.chance.unit() * late);
      this.flying.add(timer);
    }
  }

  release(): void {
    const held = this.held ?? [];
    this.held = undefined;
    for (const bytes of held) this.carry(bytes, this.right);
  }

  async meet(): Promise<this> {
    for (const link of [this.left, this.right]) this.touch(link, () => link.pump(now()));
    await new Promise((resolve) => setTimeout(resolve, 60));
    return this;
  }

  async stop(): Promise<void> {
    for (const timer of [...this.timers.values(), ...this.flying]) clearTimeout(timer);
    this.left.close();
    this.right.close();
    await new Promise((resolve) => setImmediate(resolve));
    for (const timer of [...this.timers.values(), ...this.flying]) clearTimeout(timer);
  }
}

let seed = 0;
for (const [name, given] of [
  ['arq over a good channel', { loss: 0, repeat: 0, late: 0, options: {}, frameBytes: 262_144 }],
  ['arq over a bad channel', { loss: 0.05, repeat: 0.05, late: 4, options: {}, frameBytes: 196_608 }],
  ['arq in small datagrams', { loss: 0.02, repeat: 0, late: 0, options: { mtu: 300, window: 20_000, narrow: true }, frameBytes: 2_000 }],
] as [string, Conditions][]) {
  linkConformance(name, {
    async pair() {
      const pair = await new Pair(`${name} ${seed++}`, given).meet();
      return { left: pair.left, right: pair.right, stop: () => pair.stop() };
    },
    async deaf() {
      const pair = await new Pair(`${name} ${seed++}`, given).meet();
      pair.held = [];
      return { link: pair.left, wake: () => pair.release(), stop: () => pair.stop() };
    },
  });
}

const test = suite('arq link');

/** Two links in lock step, without time: `left` sends into `wire`. */
function still(room: () => boolean): { left: ArqLink; right: ArqLink; wire: Bytes[]; settle(): void; wakes(): number } {
  const wire: Bytes[] = [], back: Bytes[] = [];
  let wakes = 0;
  const make = (role: 'open' | 'accept', out: Bytes[], roomy: () => boolean): ArqLink => arqLink(
    arq({ role, now: 0, random: new Chance(role), mtu: 1_000, window: 20_000, roundTrip: 100 }),
    { send: (datagram) => (out.push(datagram), roomy()), wake: () => { wakes++; } }, { name: 'still', frameBytes: 5_000, thin: true },
  );
  const left = make('open', wire, room), right = make('accept', back, () => true);
  let time = 0;
  const settle = () => {
    for (let i = 0; i < 200; i++) {
      time += 5;
      left.pump(time);
      right.pump(time);
      for (const bytes of wire.splice(0)) right.datagram(bytes, time);
      for (const bytes of back.splice(0)) left.datagram(bytes, time);
    }
  };
  return { left, right, wire, settle, wakes: () => wakes };
}

test('nothing leaves while the carrier has no room, all of it after', () => {
  let room = true;
  const { left, right, wire, settle, wakes } = still(() => room);
  const got: number[] = [];
  right.onFrame = (frame) => got.push(frame.length);
  settle();
  room = false;
  for (let i = 1; i <= 10; i++) left.send(frameOf(i, 500 + i));
  assert.is(wakes(), 10);
  left.pump(2_000);
  assert.is(wire.length, 1, 'the one that was refused room is taken');
  left.pump(2_001);
  assert.is(wire.length, 1);
  settle();
  assert.ok(got.length < 3);
  room = true;
  left.roomy(5_000);
  settle();
  assert.equal(got, Array.from({ length: 10 }, (_, i) => 501 + i));
});

test('a handler that sends and closes from inside a frame is served; one that throws ends its link and no other', () => {
  const { left, right, settle } = still(() => true);
  const got: string[] = [], closes: string[] = [];
  left.onFrame = (frame) => got.push(`left ${frame.length}`);
  left.onClose = (reason) => closes.push(`left ${reason}`);
  right.onClose = (reason) => closes.push(`right ${reason}`);
  right.onFrame = (frame) => {
    right.send(frameOf(1, frame.length + 1));
    if (frame.length === 20) throw new Error('a fault of ours');
  };
  settle();
  left.send(frameOf(1, 10));
  left.send(frameOf(1, 20));
  settle();
  assert.equal(got, ['left 11', 'left 21']);
  assert.equal(closes.sort(), ['left the peer closed the link', 'right a fault of ours']);
});

test('away and back', () => {
  const { left, right, wire, settle } = still(() => true);
  const got: number[] = [];
  right.onFrame = (frame) => got.push(frame.length);
  settle();
  left.away();
  left.send(frameOf(1, 100));
  left.pump(3_000);
  assert.is(wire.length, 0);
  left.back(4_000);
  assert.is(wire.length, 1);
  settle();
  assert.equal(got, [100]);
});

test.run();
