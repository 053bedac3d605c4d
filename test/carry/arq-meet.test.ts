// How two ARQ ends meet, lose each other and part: calls, restarts, echoes, cuts, the end.
// timeout: 240s
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import fc from 'fast-check';
import { concat } from '../../src/event/bytes.ts';
import { codeOf } from '../../src/fault.ts';
import type { ArqOptions } from '../../src/carry/arq-options.ts';
import { ArqWorld, type End } from './arq-world.ts';
import { frameOf, framesOf, same, sizes } from './frames.ts';

const test = suite('arq: meeting and parting');

test('cuts without a word are outlived within patience, and end the link after it', () => {
  const short = new ArqWorld('cut', { cuts: [[300, 20_000]] }, { cuts: [[300, 20_000]] }, { patience: 60_000 });
  const all = framesOf(Array.from({ length: 50 }, () => 5_000));
  const late = (world: ArqWorld) => world.plan(400, () => world.feed(world.left, all));
  late(short);
  assert.ok(short.run(200_000, () => short.right.got.length === all.length));
  same(short.right.got, all);
  const long = new ArqWorld('cut', { cuts: [[300, 1e9]] }, { cuts: [[300, 1e9]] }, { patience: 60_000, keepAlive: 20_000 });
  late(long);
  long.run(1e9);
  assert.equal([long.left.closes, long.right.closes], [['the peer no longer answers'], ['the peer no longer answers']]);
  assert.ok(long.now < 200_000);
  assert.ok(long.left.datagrams < 60, `${long.left.datagrams} datagrams into the void`);
});

test('nobody there: calls grow rare, and end', () => {
  const world = new ArqWorld('nobody', { loss: 1 }, { loss: 1 }, { patience: 120_000, roundTrip: 500 }, ['open', 'accept']);
  world.run(1e7);
  assert.equal(world.left.closes, ['nobody answers']);
  assert.ok(world.left.datagrams < 40);
  // Who waits to be called waits for ever.
  assert.equal(world.right.closes, []);
});

test('an end that hears only itself says so', () => {
  const world = new ArqWorld('echo', {}, {}, { patience: 10_000 }, ['either', 'accept']);
  world.relay = (bytes, from) => {
    if (from === world.left) world.plan(world.now + 1, () => world.deliver(world.left, bytes));
    return [];
  };
  world.run(1e6);
  assert.equal(world.left.closes, ['only our own echo answers']);
  assert.equal(world.left.got, []);
});

test('a line that echoes what is sent does no harm', () => {
  const world = new ArqWorld('echoes', {}, {}, {}, ['either', 'either']);
  world.relay = (bytes, from) => {
    world.plan(world.now + 1, () => world.deliver(from, bytes));
    return [bytes];
  };
  const a = framesOf([500, 3_000, 20]), b = framesOf([1_000, 9], 50);
  world.feed(world.left, a);
  world.feed(world.right, b);
  assert.ok(world.run(100_000, () => world.right.got.length === 3 && world.left.got.length === 2));
  world.run(world.now + 5_000);
  same(world.right.got, a);
  same(world.left.got, b);
});

test('whoever comes second is met at once', () => {
  for (const roles of [['open', 'accept'], ['accept', 'open'], ['either', 'either'], ['open', 'either'], ['either', 'accept']] as [ArqOptions['role'], ArqOptions['role']][]) {
    const world = new ArqWorld(roles.join(), { delay: 10 }, { delay: 10 }, { roundTrip: 1_000, patience: 600_000 }, roles);
    // The right one is not there for half a minute.
    let there = false;
    world.relay = (bytes) => (there ? [bytes] : []);
    world.plan(30_000, () => {
      there = true;
      world.restart(world.right, { role: roles[1] });
    });
    world.feed(world.left, framesOf([100]));
    const met = () => world.left.arq.open && world.right.arq.open;
    assert.ok(world.run(200_000, () => there && met()), roles.join());
    assert.ok(world.now < 30_000 + 1_000, `${roles.join()}: ${world.now - 30_000} ms`);
    assert.equal([world.left.arq.side, world.right.arq.side].sort(), ['accept', 'open']);
    world.run(world.now + 20_000, () => world.right.got.length === 1);
    same(world.right.got, framesOf([100]), roles.join());
  }
});

test('a peer that was started again is noticed at once by a side that sends, waits or is called', () => {
  const reason = 'the peer does not know this connection: it has started again';
  for (const [who, other] of [['left', 'right'], ['right', 'left']] as const) {
    for (const busy of [true, false]) {
      const world = new ArqWorld(`again ${who} ${busy}`, { delay: 10 }, { delay: 10 }, { roundTrip: 200, patience: 300_000 });
      const kept: End = world[other], gone: End = world[who];
      world.feed(kept, framesOf([5_000]));
      world.run(5_000, () => gone.got.length === 1);
      world.run(world.now + 1_000);
      const at = world.now;
      world.restart(gone, { role: who === 'left' ? 'open' : 'accept', roundTrip: 200 });
      if (busy) world.feed(kept, framesOf([100]));
      world.run(at + 100_000, () => kept.closes.length > 0);
      assert.equal(kept.closes, [reason], `${who} ${busy}`);
      assert.ok(world.now - at < 1_500, `${who} ${busy}: ${world.now - at} ms`);
      world.restart(kept, { role: who === 'left' ? 'accept' : 'open', roundTrip: 200 });
      world.feed(kept, framesOf([300]));
      assert.ok(world.run(world.now + 10_000, () => gone.got.length === 1));
      same(gone.got, framesOf([300]));
    }
  }
});

test('close delivers what was sent, over a bad channel too, and ends both sides', () => {
  fc.assert(fc.property(fc.string({ maxLength: 6 }), fc.constantFrom(0, 0.1, 0.3), sizes, fc.boolean(), (seed, loss, a, both) => {
    const world = new ArqWorld(seed, { loss, delay: 20 }, { loss, delay: 20 }, { window: 200_000, patience: 60_000, keepAlive: 30_000 });
    const all = framesOf(a);
    world.feed(world.left, all);
    assert.ok(world.run(1e6, () => world.left.todo.length === 0));
    world.left.arq.close('enough', world.now);
    assert.is(world.left.arq.send(frameOf(1, 1)), false);
    if (both) world.right.arq.close('me too', world.now);
    world.run(world.now + 1e6);
    assert.equal(world.left.closes, ['enough']);
    assert.is(world.right.closes.length, 1);
    if (both) assert.equal(world.right.closes, ['me too']);
    // A long run of losses may outlast what a side that closes is ready to wait.
    else if (loss < 0.3) {
      same(world.right.got, all);
      assert.equal(world.right.closes, ['the peer closed the link']);
    } else same(world.right.got, all.slice(0, world.right.got.length));
    assert.is(world.left.arq.deadline, undefined);
  }), { numRuns: 80 });
});

test('sizes out of range are refused by name', () => {
  const at = (options: Partial<ArqOptions>) => {
    try {
      const made = new ArqWorld('sizes', {}, {}, options);
      return made.now.toString();
    } catch (error) {
      return codeOf(error);
    }
  };
  assert.equal([at({ mtu: 255 }), at({ mtu: 65_536 }), at({ mtu: 31, narrow: true }), at({ window: 10 }), at({ window: 5e6 }), at({ mtu: 32, narrow: true })], [...Array.from({ length: 5 }, () => 'bad-argument'), '0']);
  const world = new ArqWorld('frames', {}, {}, {});
  const code = (bytes: Uint8Array) => {
    try {
      return String(world.left.arq.send(bytes));
    } catch (error) {
      return codeOf(error);
    }
  };
  assert.equal([code(new Uint8Array(0)), code(new Uint8Array(262_145))], ['bad-argument', 'too-large']);
  world.feed(world.left, [concat(frameOf(1, 262_144))]);
  assert.ok(world.run(100_000, () => world.right.got.length === 1));
});

test.run();
