// What befalls a serial line: chatter, garbage, restarts, cuts, pulled plugs, ports that take nothing, the end.
// timeout: 240s
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import fc from 'fast-check';
import { encodeLineFrame } from '../../src/carry/serial-frame.ts';
import { Chance } from '../sim/chance.ts';
import { frameOf, same } from './frames.ts';
import { LineWorld } from './line-world.ts';

const test = suite('serial line: what befalls it');

const met = (world: LineWorld) => world.left.link !== undefined && world.right.link !== undefined;
const many = (count: number, size: number) => Array.from({ length: count }, (_, i) => frameOf(i, size));
const CHATTER = new TextEncoder().encode('\r\n\r\nU-Boot 2026.01\r\nHit any key to stop autoboot:  0 \r\nStarting kernel ...\r\n[    0.000000] Booting Linux on physical CPU 0x0\r\nraspberrypi login: ');

test('boot chatter and half frames before, between and after: met all the same, nothing lost', () => {
  for (const half of [false, true]) {
    const world = new LineWorld(`chatter ${half}`, { baud: 115_200, half });
    const chance = new Chance('chatter');
    for (let at = 0; at < 20_000; at += 700) {
      world.plan(at, () => world.inject(world.right, CHATTER));
      world.plan(at + 350, () => world.inject(world.left, encodeLineFrame(chance.bytes(80), false, chance.hit(0.5)).subarray(0, 50)));
    }
    const frames = many(200, 700);
    assert.ok(world.run(3_000, () => met(world)));
    world.feed(world.left, frames);
    assert.ok(world.run(100_000, () => world.right.got.length >= frames.length));
    same(world.right.got, frames);
    assert.equal([world.left.opens, world.right.opens], [1, 1]);
    assert.ok(world.right.line.state.noise > 1_000);
  }
});

test('garbage of any kind and length: no throw, no link out of it, few answers', () => {
  fc.assert(fc.property(fc.array(fc.uint8Array({ maxLength: 600 }), { maxLength: 60 }), fc.boolean(), (garbage, half) => {
    const world = new LineWorld('garbage', { baud: 115_200, half });
    world.wire.cuts = [[0, 50_000]];
    garbage.forEach((bytes, i) => world.plan(i * 20, () => world.inject(world.left, bytes)));
    world.run(20_000);
    assert.is(world.left.opens, 0);
    assert.ok(world.left.bytes < 2_000, `${world.left.bytes}`);
    world.wire.cuts = [];
    assert.ok(world.run(60_000, () => met(world)), 'and then they meet');
  }), { numRuns: 60 });
});

test('a wrong baud rate on one side, put right later', () => {
  const world = new LineWorld('baud', { baud: 9_600 });
  const chance = new Chance('baud');
  // What the other side's bits look like at another rate.
  world.wire.cuts = [[0, 30_000]];
  for (let at = 0; at < 30_000; at += 100) {
    world.plan(at, () => world.inject(world.left, chance.bytes(chance.int(1, 40))));
    world.plan(at, () => world.inject(world.right, chance.bytes(chance.int(1, 40))));
  }
  world.run(30_000);
  assert.equal([world.left.opens, world.right.opens], [0, 0]);
  assert.ok(world.run(40_000, () => met(world)));
});

test('either side started again in the middle of a transfer: a new link within seconds, the old one ended by name', () => {
  for (const half of [false, true]) for (const who of ['left', 'right'] as const) {
    const world = new LineWorld(`restart ${half} ${who}`, { baud: 38_400, half });
    assert.ok(world.run(10_000, () => met(world)));
    world.feed(world.left, many(500, 700));
    world.run(world.now + 5_000);
    const kept = who === 'left' ? world.right : world.left, at = world.now;
    world.restart(world[who]);
    assert.ok(world.run(at + 20_000, () => kept.opens === 2 && met(world)), `${half} ${who}`);
    assert.ok(world.now - at < 8_000, `${half} ${who}: ${world.now - at} ms`);
    assert.equal(kept.closes, ['the peer does not know this connection: it has started again']);
    const frames = many(20, 300), got = () => world.right.got.filter((frame) => frame.length === 300);
    world.left.todo.length = 0;
    world.feed(world.left, frames);
    assert.ok(world.run(world.now + 20_000, () => got().length >= 20));
    same(got(), frames);
  }
});

test('a cut shorter than patience loses nothing; a longer one ends the link on both sides, and another follows', () => {
  for (const half of [false, true]) {
    const short = new LineWorld(`cut ${half}`, { baud: 38_400, half, cuts: [[3_000, 33_000]] });
    const frames = many(60, 700);
    short.run(2_900, () => met(short));
    short.run(2_900);
    short.feed(short.left, frames);
    assert.ok(short.run(120_000, () => short.right.got.length >= frames.length));
    same(short.right.got, frames);
    assert.is(short.left.opens, 1);
    const long = new LineWorld(`long ${half}`, { baud: 38_400, half, cuts: [[3_000, 400_000]] });
    long.run(400_000);
    assert.equal([long.left.closes, long.right.closes], [['the peer no longer answers'], ['the peer no longer answers']]);
    assert.ok(long.run(430_000, () => met(long)));
    assert.is(long.left.opens, 2);
  }
});

test('a wire that carries one way only makes no link, and little noise', () => {
  const world = new LineWorld('one way', { baud: 9_600 });
  world.deafen(world.left);
  world.run(300_000);
  assert.equal([world.left.opens, world.right.opens], [0, 0]);
  assert.ok(world.left.bytes < 5_000 && world.right.bytes < 5_000);
});

test('an idle line is nearly silent', () => {
  for (const half of [false, true]) {
    const world = new LineWorld(`idle ${half}`, { baud: 9_600, half });
    world.run(5_000, () => met(world));
    const before = world.left.bytes + world.right.bytes;
    world.run(world.now + 3_600_000);
    const bytes = world.left.bytes + world.right.bytes - before;
    assert.ok(bytes > 500 && bytes < 8_000, `${bytes} bytes in an hour`);
    assert.equal([world.left.closes, world.right.closes], [[], []]);
  }
});

test('a port that takes nothing: send says wait, what is queued stays small, and all of it goes later', () => {
  const world = new LineWorld('blocked', { baud: 115_200 });
  world.run(1_000, () => met(world));
  world.left.blocked = true;
  const frames = many(400, 1_000);
  world.feed(world.left, frames);
  world.run(world.now + 30_000);
  assert.ok(frames.length - world.left.todo.length < 20, `${frames.length - world.left.todo.length} frames went in`);
  assert.ok(world.left.held < 8_000, `${world.left.held} bytes in the hands of the port`);
  world.left.blocked = false;
  assert.ok(world.run(world.now + 120_000, () => world.right.got.length >= frames.length));
  same(world.right.got, frames);
  assert.is(world.left.opens, 1);
});

test('a plug pulled and put back: the same link goes on', () => {
  for (const half of [false, true]) {
    const world = new LineWorld(`plug ${half}`, { baud: 115_200, half });
    world.run(3_000, () => met(world));
    const frames = many(300, 900);
    world.feed(world.left, frames);
    for (let i = 1; i <= 3; i++) {
      world.run(world.now + 4_000);
      const before = world.left.bytes;
      world.left.line.away();
      world.run(world.now + 10_000);
      assert.is(world.left.bytes, before);
      world.left.line.back(world.now);
    }
    assert.ok(world.run(world.now + 100_000, () => world.right.got.length >= frames.length));
    same(world.right.got, frames);
    assert.equal([world.left.opens, world.right.opens], [1, 1]);
  }
});

test('a line at whose other end nobody is stops at once; one that is being met does not leave the other side waiting', () => {
  for (const half of [false, true]) {
    for (const wait of [0, 50, 400, 3_000, 100_000]) {
      const alone = new LineWorld(`alone ${wait}`, { baud: 9_600, half });
      alone.deafen(alone.left);
      alone.right.line.stop('not here', 0);
      alone.run(wait);
      alone.left.line.stop('the end', alone.now);
      assert.ok(alone.left.line.stopped, `${half} ${wait}`);
      const { bytes } = alone.left;
      alone.run(alone.now + 60_000);
      assert.is(alone.left.bytes, bytes);
    }
    let open = 0;
    for (let wait = 0; wait < 3_000; wait += 37) {
      const world = new LineWorld(`meeting ${wait}`, { baud: 1_200, half });
      world.run(wait);
      world.left.line.stop('the end', world.now);
      assert.ok(world.run(world.now + 30_000, () => world.left.line.stopped));
      open += world.right.opens;
      assert.ok(world.run(world.now + 10_000, () => world.right.link === undefined), `${half} ${wait}`);
    }
    assert.ok(open > 0);
  }
});

test('a link that its owner closes is followed by another, later each time; a line that is stopped makes none', () => {
  const world = new LineWorld('close', { baud: 115_200 });
  const waits: number[] = [];
  for (let i = 0; i < 6; i++) {
    const from = world.now;
    assert.ok(world.run(from + 300_000, () => met(world)));
    waits.push(world.now - from);
    world.feed(world.left, [frameOf(i, 40)]);
    world.left.link!.close('not you');
    assert.ok(world.run(world.now + 10_000, () => world.left.closes.length > i && world.right.closes.length > i));
    assert.is(world.left.closes[i], 'not you');
    assert.is(world.right.closes[i], 'the peer closed the link');
  }
  assert.is(world.right.got.length, 6, 'close delivers what was sent before it');
  assert.ok(waits[5]! > 2_000 && waits[5]! > 4 * waits[1]!, waits.join());
  assert.ok(world.run(world.now + 300_000, () => met(world)));
  world.feed(world.left, [frameOf(9, 50)]);
  world.left.line.stop('the end', world.now);
  assert.ok(world.run(world.now + 10_000, () => world.left.line.stopped && world.right.link === undefined));
  assert.is(world.right.got.length, 7);
  world.right.line.stop('the end', world.now);
  assert.ok(world.run(world.now + 10_000, () => world.right.line.stopped));
  const quiet = world.left.bytes + world.right.bytes;
  world.run(world.now + 100_000);
  assert.is(world.left.bytes + world.right.bytes, quiet);
});

test.run();
