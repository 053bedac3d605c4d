// Selective repeat over bad channels: every frame once, in order, whatever becomes of the datagrams; and what that costs.
// timeout: 240s
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import fc from 'fast-check';
import type { ArqOptions } from '../../src/carry/arq-options.ts';
import { ArqWorld, type Weather } from './arq-world.ts';
import { frameOf, framesOf, same, sizes } from './frames.ts';
import { bothWays } from './steps.ts';

const test = suite('arq');

const weather = fc.record({
  loss: fc.constantFrom(0, 0.01, 0.1, 0.3), repeat: fc.constantFrom(0, 0.1), overtaken: fc.constantFrom(0, 0.2), late: fc.constantFrom(5, 3_000),
  garble: fc.constant(0), delay: fc.constantFrom(0, 1, 80, 2_000),
});
test('frames arrive once and in order, both ways, over channels that lose, repeat, reorder and delay', () => {
  const seen = new Set<string>();
  fc.assert(fc.property(fc.string({ maxLength: 6 }), weather, weather, sizes, sizes, fc.constantFrom(256, 1_024, 16_384), fc.constantFrom(1_000, 20_000, 262_144), fc.constantFrom('accept', 'either'), (seed, there, back, a, b, mtu, window, role) => {
    const world = new ArqWorld(seed, there, back, { mtu, window, patience: 600_000 }, role === 'either' ? ['either', 'either'] : ['open', 'accept']);
    bothWays(world, framesOf(a), framesOf(b, 1_000), 5_000_000, 100_000);
    assert.equal([world.left.closes, world.right.closes], [[], []]);
    for (const end of [world.left, world.right]) for (const datagram of end.log) assert.ok(datagram.length <= mtu);
    if (there.loss > 0) seen.add('loss');
    if (there.overtaken > 0) seen.add('overtaken');
  }), { numRuns: 150 });
  assert.equal([...seen].sort(), ['loss', 'overtaken']);
});

test('with numbers of one byte, over lines that only lose, of any speed', () => {
  fc.assert(fc.property(fc.string({ maxLength: 6 }), fc.constantFrom(0, 0.02, 0.1, 0.3), fc.constantFrom(120, 960, 11_520, 300_000), sizes, sizes, fc.constantFrom(32, 64, 250), fc.constantFrom(300, 2_000, 16_384), (seed, loss, rate, a, b, mtu, window) => {
    const line: Weather = { loss, rate, each: 2, delay: 3 };
    const world = new ArqWorld(seed, line, line, { mtu, window, narrow: true, reorder: 1, ackDelay: 0, roundTrip: 4 * mtu * 1_000 / rate, patience: 600_000 }, ['either', 'either']);
    bothWays(world, framesOf(a), framesOf(b, 1_000), 50_000_000, 100_000);
    assert.equal([world.left.closes, world.right.closes], [[], []]);
  }), { numRuns: 60 });
});

test('numbers go round many times', () => {
  const line: Weather = { loss: 0.05, rate: 50_000, delay: 10 };
  for (const narrow of [true, false]) {
    const world = new ArqWorld('round', line, line, { mtu: 256, window: 8_000, narrow, reorder: 1 });
    const all = framesOf(Array.from({ length: 3_000 }, (_, i) => 100 + (i % 300)));
    world.feed(world.left, all);
    assert.ok(world.run(1e8, () => world.right.got.length >= all.length));
    same(world.right.got, all);
    assert.ok(world.left.datagrams > 5 * 256);
  }
});

test('a pair that has nothing to say says nothing; a keep-alive asks now and then', () => {
  const silent = new ArqWorld('silent', {}, {}, {});
  silent.run(3_600_000);
  assert.ok(silent.left.arq.open && silent.right.arq.open);
  assert.ok(silent.left.datagrams <= 3 && silent.right.datagrams <= 3, `${silent.left.datagrams} and ${silent.right.datagrams}`);
  const kept = new ArqWorld('kept', {}, {}, { keepAlive: 10_000 });
  kept.run(3_600_000);
  assert.ok(kept.left.datagrams + kept.right.datagrams < 800 && kept.left.datagrams > 150, `${kept.left.datagrams} and ${kept.right.datagrams}`);
  assert.equal([kept.left.closes, kept.right.closes], [[], []]);
});

test('one lost datagram is repeated on the evidence of later ones, without a timer', () => {
  for (const reorder of [1, 3]) {
    const world = new ArqWorld('one', { delay: 50 }, { delay: 50 }, { mtu: 1_000, window: 60_000, reorder, roundTrip: 5_000 });
    let count = 0;
    world.relay = (bytes, from) => (from === world.left && bytes.length > 900 && ++count === 5 ? [] : [bytes]);
    const all = framesOf(Array.from({ length: 30 }, () => 960));
    world.feed(world.left, all);
    assert.ok(world.run(100_000, () => world.right.got.length === all.length));
    // Meeting takes one round trip, the window of the start another few; a timer would have waited for ten seconds.
    assert.ok(world.now < 700, `${world.now} ms`);
    assert.ok(count <= 32, `${count} datagrams: the lost one and no other goes twice`);
    same(world.right.got, all);
  }
});

test('the last datagram lost is repeated by the timer, and an acknowledgement lost costs no more', () => {
  const world = new ArqWorld('last', { delay: 20 }, { delay: 20 }, { mtu: 1_000, window: 60_000 });
  world.feed(world.left, framesOf([500]));
  world.run(10_000, () => world.right.got.length === 1);
  world.run(world.now + 1_000);
  let drop = 1;
  world.relay = (bytes, from) => (from === world.left && drop-- > 0 ? [] : [bytes]);
  const at = world.now;
  world.feed(world.left, framesOf([400]));
  world.run(at + 10_000, () => world.right.got.length === 2);
  assert.ok(world.now - at < 1_000, `${world.now - at} ms`);
  drop = 1;
  world.relay = (bytes, from) => (from === world.right && drop-- > 0 ? [] : [bytes]);
  const before = world.left.datagrams;
  world.feed(world.left, framesOf([300]));
  world.run(world.now + 20_000);
  assert.ok(world.left.datagrams - before <= 3);
  assert.is(world.right.got.length, 3);
});

/** Payload bytes of all bytes sent, the acknowledgements of the way back not counted, and the share of the line's time that carried payload. */
function efficiency(loss: number, mtu: number, options: Partial<ArqOptions> = {}): { sent: number; time: number; back: number } {
  const line: Weather = { loss, rate: 11_520, each: 2, delay: 2 };
  const world = new ArqWorld(`eff ${loss}`, line, line, { mtu, window: 16_384, ahead: 2 * mtu, narrow: true, reorder: 1, roundTrip: 300, ...options });
  const all = framesOf(Array.from({ length: 400 }, () => 1_000));
  world.feed(world.left, all);
  assert.ok(world.run(1e8, () => world.right.got.length === all.length));
  same(world.right.got, all);
  return { sent: 400_000 / world.left.bytes, time: 400_000 / ((world.now / 1_000) * 11_520), back: world.right.bytes };
}

test('overhead is small: bytes of payload for bytes sent', () => {
  const rows: [number, number, number][] = [[0, 1_024, 0.985], [0.01, 1_024, 0.97], [0.1, 128, 0.83], [0.3, 128, 0.62]];
  for (const [loss, mtu, least] of rows) {
    const { sent, time, back } = efficiency(loss, mtu);
    console.log(`loss ${100 * loss} %, datagrams of ${mtu}: ${(100 * sent).toFixed(1)} % of the bytes and ${(100 * time).toFixed(1)} % of the time of the line are payload; ${back} bytes back`);
    assert.ok(sent >= least, `${sent} of the bytes at loss ${loss}`);
    assert.ok(time >= least - 0.01, `${time} of the time at loss ${loss}`);
  }
});

test('small frames share datagrams, and the head of one is small', () => {
  const world = new ArqWorld('head', { delay: 30 }, { delay: 30 }, { mtu: 1_024, window: 16_384, narrow: true });
  world.run(1_000);
  const before = world.left.bytes, count = world.left.datagrams;
  world.feed(world.left, framesOf(Array.from({ length: 100 }, () => 9)));
  world.run(world.now + 29);
  // Tag 4, flags 1, number 1 a datagram; 1 byte a frame.
  assert.is(world.left.datagrams - count, 1);
  assert.is(world.left.bytes - before, 1_000 + 6);
});

test('larger datagrams after smaller ones and the other way round, what is on its way included', () => {
  fc.assert(fc.property(fc.string({ maxLength: 6 }), fc.array(fc.constantFrom(32, 40, 100, 1_024, 5_000), { minLength: 1, maxLength: 12 }), fc.constantFrom(0, 0.1, 0.3), (seed, steps, loss) => {
    const line: Weather = { loss, rate: 20_000, delay: 10 };
    const world = new ArqWorld(seed, line, line, { mtu: 2_000, window: 12_000, narrow: true, patience: 600_000 });
    let most = 2_000;
    world.relay = (bytes, from) => {
      assert.ok(from === world.right || bytes.length <= most, `${bytes.length} of ${most}`);
      return [bytes];
    };
    const all = framesOf([5_000, 10, 3_000, 900, 1, 20_000, 4_000]);
    world.feed(world.left, all);
    steps.forEach((mtu, i) => world.plan(100 + i * 90, () => world.left.arq.resize((most = mtu))));
    assert.ok(world.run(10_000_000, () => world.right.got.length === all.length));
    same(world.right.got, all);
  }), { numRuns: 60 });
});

test('a line so bad that large datagrams never pass works with small ones', () => {
  const world = new ArqWorld('bad', { delay: 5 }, { delay: 5 }, { mtu: 1_024, window: 8_000, narrow: true, reorder: 1 });
  world.relay = (bytes) => (bytes.length > 100 ? [] : [bytes]);
  const all = framesOf([4_000, 4_000, 100]);
  world.feed(world.left, all);
  world.plan(3_000, () => world.left.arq.resize(100));
  assert.ok(world.run(100_000, () => world.right.got.length === all.length));
  same(world.right.got, all);
});

test('a sender is told to wait, then drained, and an urgent frame waits for little', () => {
  const line: Weather = { rate: 960, delay: 20, each: 2 };
  const world = new ArqWorld('urgent', line, line, { mtu: 128, window: 2_000, ahead: 256, narrow: true, reorder: 1, roundTrip: 600 });
  world.feed(world.left, framesOf(Array.from({ length: 600 }, () => 100)));
  world.run(20_000);
  assert.ok(world.left.drains > 5);
  const at = world.now, urgent = frameOf(9, 77);
  world.left.todo.unshift(urgent);
  assert.ok(world.run(at + 30_000, () => world.right.got.some((frame) => frame.length === 77)));
  assert.ok(world.now - at < 800, `${world.now - at} ms`);
});

test('queues on the way are kept short: a broker behind a thin line is not filled up', () => {
  // 5,000 bytes a second with a queue without end in front of it.
  const run = (window: number): { delay: number; seconds: number } => {
    const world = new ArqWorld('thin', { delay: 100 }, { delay: 100 }, { mtu: 1_024, window, roundTrip: 1_000 });
    let free = 0, longest = 0;
    world.relay = (bytes, from) => {
      if (from === world.right) return [bytes];
      free = Math.max(free, world.now) + bytes.length / 5;
      const at = free;
      if (world.now > 20_000) longest = Math.max(longest, at - world.now);
      world.plan(at + 100, () => world.deliver(world.right, bytes));
      return [];
    };
    world.feed(world.left, framesOf(Array.from({ length: 600 }, () => 1_000)));
    assert.ok(world.run(1e7, () => world.right.got.length === 600));
    return { delay: longest, seconds: world.now / 1_000 };
  };
  const { delay, seconds } = run(262_144);
  console.log(`600,000 bytes at 5,000 a second: ${seconds.toFixed(1)} s, at most ${delay.toFixed(0)} ms in the queue`);
  assert.ok(delay < 2_500, `${delay} ms`);
  assert.ok(seconds < 130, `${seconds} s`);
});

test('the carrier away: nothing is sent meanwhile, what was lost with it comes again soon after', () => {
  for (const away of [300, 45_000]) {
    const world = new ArqWorld('away', { delay: 30 }, { delay: 30 }, { mtu: 1_000, window: 30_000, patience: 300_000 });
    const all = framesOf(Array.from({ length: 200 }, () => 970));
    world.feed(world.left, all);
    world.run(200);
    let gone = true;
    world.relay = (bytes) => (gone ? [] : [bytes]);
    for (const end of [world.left, world.right]) end.arq.pause();
    const before = world.left.datagrams + world.right.datagrams;
    world.run(world.now + away);
    assert.is(world.left.datagrams + world.right.datagrams, before);
    gone = false;
    const back = world.now;
    for (const end of [world.left, world.right]) end.arq.resume(world.now);
    assert.ok(world.run(back + 100_000, () => world.right.got.length === all.length));
    assert.ok(world.now - back < 2_500, `${world.now - back} ms`);
    same(world.right.got, all);
  }
});

test.run();
