// timeout: 240s
// Selective repeat over bad channels: every frame once, in order, whatever becomes of the datagrams; and what that costs.
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import fc from 'fast-check';
import { concat } from '../../src/event/bytes.ts';
import { codeOf } from '../../src/fault.ts';
import type { ArqOptions } from '../../src/carry/arq.ts';
import { ArqWorld, frameOf, type End, type Weather } from './arq-world.ts';

const test = suite('arq');

const frames = (sizes: number[], salt = 0) => sizes.map((size, i) => frameOf(i + salt, size));
const same = (got: Uint8Array[], sent: Uint8Array[], what = '') => {
  assert.is(got.length, sent.length, what);
  for (let i = 0; i < sent.length; i++) assert.is(Buffer.compare(got[i]!, sent[i]!), 0, `frame ${i} ${what}`);
};

const weather = fc.record({
  loss: fc.constantFrom(0, 0.01, 0.1, 0.3), repeat: fc.constantFrom(0, 0.1), overtaken: fc.constantFrom(0, 0.2), late: fc.constantFrom(5, 3_000),
  garble: fc.constant(0), delay: fc.constantFrom(0, 1, 80, 2_000),
});
const sizes = fc.array(fc.oneof({ weight: 4, arbitrary: fc.integer({ min: 1, max: 60 }) }, { weight: 3, arbitrary: fc.integer({ min: 61, max: 3_000 }) }, { weight: 1, arbitrary: fc.constantFrom(20_000, 70_000) }), { maxLength: 40 });

test('frames arrive once and in order, both ways, over channels that lose, repeat, reorder and delay', () => {
  const seen = new Set<string>();
  fc.assert(fc.property(fc.string({ maxLength: 6 }), weather, weather, sizes, sizes, fc.constantFrom(256, 1_024, 16_384), fc.constantFrom(1_000, 20_000, 262_144), fc.constantFrom('accept', 'either'), (seed, there, back, a, b, mtu, window, role) => {
    const world = new ArqWorld(seed, there, back, { mtu, window, patience: 600_000 }, role === 'either' ? ['either', 'either'] : ['open', 'accept']);
    const left = frames(a), right = frames(b, 1_000);
    world.feed(world.left, left);
    world.feed(world.right, right);
    assert.ok(world.run(5_000_000, () => world.left.got.length >= right.length && world.right.got.length >= left.length), 'it never gets there');
    // Whatever is still on its way must not come out a second time.
    world.run(world.now + 100_000);
    same(world.right.got, left, 'to the right');
    same(world.left.got, right, 'to the left');
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
    const left = frames(a), right = frames(b, 1_000);
    world.feed(world.left, left);
    world.feed(world.right, right);
    assert.ok(world.run(50_000_000, () => world.left.got.length >= right.length && world.right.got.length >= left.length), 'it never gets there');
    world.run(world.now + 100_000);
    same(world.right.got, left, 'to the right');
    same(world.left.got, right, 'to the left');
    assert.equal([world.left.closes, world.right.closes], [[], []]);
  }), { numRuns: 60 });
});

test('numbers go round many times', () => {
  const line: Weather = { loss: 0.05, rate: 50_000, delay: 10 };
  for (const narrow of [true, false]) {
    const world = new ArqWorld('round', line, line, { mtu: 256, window: 8_000, narrow, reorder: 1 });
    const all = frames(Array.from({ length: 3_000 }, (_, i) => 100 + (i % 300)));
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
    const all = frames(Array.from({ length: 30 }, () => 960));
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
  world.feed(world.left, frames([500]));
  world.run(10_000, () => world.right.got.length === 1);
  world.run(world.now + 1_000);
  let drop = 1;
  world.relay = (bytes, from) => (from === world.left && drop-- > 0 ? [] : [bytes]);
  const at = world.now;
  world.feed(world.left, frames([400]));
  world.run(at + 10_000, () => world.right.got.length === 2);
  assert.ok(world.now - at < 1_000, `${world.now - at} ms`);
  drop = 1;
  world.relay = (bytes, from) => (from === world.right && drop-- > 0 ? [] : [bytes]);
  const before = world.left.datagrams;
  world.feed(world.left, frames([300]));
  world.run(world.now + 20_000);
  assert.ok(world.left.datagrams - before <= 3);
  assert.is(world.right.got.length, 3);
});

/** Payload bytes of all bytes sent, the acknowledgements of the way back not counted, and the share of the line's time that carried payload. */
function efficiency(loss: number, mtu: number, options: Partial<ArqOptions> = {}): { sent: number; time: number; back: number } {
  const line: Weather = { loss, rate: 11_520, each: 2, delay: 2 };
  const world = new ArqWorld(`eff ${loss}`, line, line, { mtu, window: 16_384, ahead: 2 * mtu, narrow: true, reorder: 1, roundTrip: 300, ...options });
  const all = frames(Array.from({ length: 400 }, () => 1_000));
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
  world.feed(world.left, frames(Array.from({ length: 100 }, () => 9)));
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
    const all = frames([5_000, 10, 3_000, 900, 1, 20_000, 4_000]);
    world.feed(world.left, all);
    steps.forEach((mtu, i) => world.plan(100 + i * 90, () => world.left.arq.resize((most = mtu))));
    assert.ok(world.run(10_000_000, () => world.right.got.length === all.length));
    same(world.right.got, all);
  }), { numRuns: 60 });
});

test('a line so bad that large datagrams never pass works with small ones', () => {
  const world = new ArqWorld('bad', { delay: 5 }, { delay: 5 }, { mtu: 1_024, window: 8_000, narrow: true, reorder: 1 });
  world.relay = (bytes) => (bytes.length > 100 ? [] : [bytes]);
  const all = frames([4_000, 4_000, 100]);
  world.feed(world.left, all);
  world.plan(3_000, () => world.left.arq.resize(100));
  assert.ok(world.run(100_000, () => world.right.got.length === all.length));
  same(world.right.got, all);
});

test('a sender is told to wait, then drained, and an urgent frame waits for little', () => {
  const line: Weather = { rate: 960, delay: 20, each: 2 };
  const world = new ArqWorld('urgent', line, line, { mtu: 128, window: 2_000, ahead: 256, narrow: true, reorder: 1, roundTrip: 600 });
  world.feed(world.left, frames(Array.from({ length: 600 }, () => 100)));
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
    world.feed(world.left, frames(Array.from({ length: 600 }, () => 1_000)));
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
    const all = frames(Array.from({ length: 200 }, () => 970));
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

test('cuts without a word are outlived within patience, and end the link after it', () => {
  const short = new ArqWorld('cut', { cuts: [[300, 20_000]] }, { cuts: [[300, 20_000]] }, { patience: 60_000 });
  const all = frames(Array.from({ length: 50 }, () => 5_000));
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
  const a = frames([500, 3_000, 20]), b = frames([1_000, 9], 50);
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
    world.feed(world.left, frames([100]));
    const met = () => world.left.arq.open && world.right.arq.open;
    assert.ok(world.run(200_000, () => there && met()), roles.join());
    assert.ok(world.now < 30_000 + 1_000, `${roles.join()}: ${world.now - 30_000} ms`);
    assert.equal([world.left.arq.side, world.right.arq.side].sort(), ['accept', 'open']);
    world.run(world.now + 20_000, () => world.right.got.length === 1);
    same(world.right.got, frames([100]), roles.join());
  }
});

test('a peer that was started again is noticed at once by a side that sends, waits or is called', () => {
  const reason = 'the peer does not know this connection: it has started again';
  for (const [who, other] of [['left', 'right'], ['right', 'left']] as const) {
    for (const busy of [true, false]) {
      const world = new ArqWorld(`again ${who} ${busy}`, { delay: 10 }, { delay: 10 }, { roundTrip: 200, patience: 300_000 });
      const kept: End = world[other], gone: End = world[who];
      world.feed(kept, frames([5_000]));
      world.run(5_000, () => gone.got.length === 1);
      world.run(world.now + 1_000);
      const at = world.now;
      world.restart(gone, { role: who === 'left' ? 'open' : 'accept', roundTrip: 200 });
      if (busy) world.feed(kept, frames([100]));
      world.run(at + 100_000, () => kept.closes.length > 0);
      assert.equal(kept.closes, [reason], `${who} ${busy}`);
      assert.ok(world.now - at < 1_500, `${who} ${busy}: ${world.now - at} ms`);
      world.restart(kept, { role: who === 'left' ? 'accept' : 'open', roundTrip: 200 });
      world.feed(kept, frames([300]));
      assert.ok(world.run(world.now + 10_000, () => gone.got.length === 1));
      same(gone.got, frames([300]));
    }
  }
});

test('close delivers what was sent, over a bad channel too, and ends both sides', () => {
  fc.assert(fc.property(fc.string({ maxLength: 6 }), fc.constantFrom(0, 0.1, 0.3), sizes, fc.boolean(), (seed, loss, a, both) => {
    const world = new ArqWorld(seed, { loss, delay: 20 }, { loss, delay: 20 }, { window: 200_000, patience: 60_000 });
    const all = frames(a);
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
