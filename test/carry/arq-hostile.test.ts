// What a peer or a relay that means harm can do to an ARQ end: little, at bounded cost.
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import fc from 'fast-check';
import { concat } from '../../src/event/bytes.ts';
import { arq } from '../../src/carry/arq.ts';
import { decodeTalk, encodeTalk, headBytes, tagOf, TAG_BYTES, wholeNumber, type Talk } from '../../src/carry/arq-datagram.ts';
import { isCall, refusal } from '../../src/carry/arq-greeting.ts';
import { arqReceiver } from '../../src/carry/arq-receiver.ts';
import { Chance } from '../sim/chance.ts';
import { ArqWorld, type End } from './arq-world.ts';
import { frameOf } from './frames.ts';

const test = suite('arq: hostile');

const same = (got: Uint8Array[], sent: Uint8Array[]) => assert.equal(got.map((frame) => Buffer.from(frame).toString('hex')), sent.map((frame) => Buffer.from(frame).toString('hex')));

/** The tag that an end gives its datagrams, once it has sent one that is not a greeting. */
const tagFrom = (end: End) => tagOf(end.log.find((bytes) => tagOf(bytes) !== 0)!)!;

/** Two ends that have met; each has sent something. */
function met(seed: string, options = {}): ArqWorld {
  const world = new ArqWorld(seed, { delay: 10 }, { delay: 10 }, { mtu: 1_024, window: 8_192, ...options });
  world.feed(world.left, [frameOf(1, 50)]);
  world.feed(world.right, [frameOf(2, 60)]);
  assert.ok(world.run(10_000, () => world.left.got.length === 1 && world.right.got.length === 1));
  world.run(world.now + 1_000);
  return world;
}

const number = (narrow: boolean) => fc.integer({ min: 0, max: narrow ? 0xff : 0xff_ffff });
const talk = (narrow: boolean): fc.Arbitrary<Talk> => fc.record({
  ask: fc.option(fc.integer({ min: 0, max: 255 }), { nil: undefined }), answer: fc.option(fc.integer({ min: 0, max: 255 }), { nil: undefined }),
  ack: fc.option(fc.record({ next: number(narrow), map: fc.uint8Array({ maxLength: 200 }) }), { nil: undefined }),
  piece: fc.option(fc.record({
    number: number(narrow), fin: fc.boolean(), part: fc.option(fc.record({ at: fc.integer({ min: 0, max: 0x7fff }), last: fc.boolean() }), { nil: undefined }), bytes: fc.uint8Array({ minLength: 1, maxLength: 300 }),
  }), { nil: undefined }),
});

test('datagrams are read as they were written, and nothing else is read', () => {
  fc.assert(fc.property(fc.boolean().chain((narrow) => fc.tuple(fc.constant(narrow), talk(narrow))), fc.integer({ min: 0, max: 0xffff_ffff }), ([narrow, said], tag) => {
    const bytes = encodeTalk(tag, said, narrow);
    assert.is(bytes.length, headBytes(said, narrow) + (said.piece?.bytes.length ?? 0));
    assert.is(tagOf(bytes), tag);
    const empty = said.ask === undefined && said.answer === undefined && !said.ack && !said.piece;
    assert.equal(decodeTalk(bytes, narrow) ?? 'nothing', empty ? 'nothing' : JSON.parse(JSON.stringify(said), (key, value) => (key === 'map' || key === 'bytes' ? Uint8Array.from(Object.values(value as object)) : value)) as Talk);
    for (let cut = 0; cut < headBytes(said, narrow); cut++) assert.is(decodeTalk(bytes.subarray(0, cut), narrow), undefined, `cut at ${cut}`);
  }));
  fc.assert(fc.property(fc.uint8Array({ maxLength: 60 }), fc.boolean(), (bytes, narrow) => {
    const said = decodeTalk(bytes, narrow);
    if (said) assert.equal(encodeTalk(tagOf(bytes)!, said, narrow), bytes);
  }), { numRuns: 2_000, examples: [[Uint8Array.of(0, 0, 0, 0, 7, 0, 0, 0, 0), true]] });
});

test('numbers are found again from their low bytes', () => {
  fc.assert(fc.property(fc.integer({ min: 0, max: 2 ** 40 }), fc.integer({ min: -127, max: 127 }), fc.boolean(), (near, away, narrow) => {
    if (near + away < 0) return;
    assert.is(wholeNumber((near + away) % (narrow ? 0x100 : 0x100_0000), near, narrow), near + away);
  }));
});

test('garbage changes nothing, and gets few answers', () => {
  fc.assert(fc.property(fc.string({ maxLength: 4 }), fc.array(fc.uint8Array({ maxLength: 40 }), { maxLength: 300 }), fc.boolean(), (seed, garbage, zero) => {
    const world = met(seed);
    const before = world.left.datagrams + world.right.datagrams;
    for (const bytes of garbage) {
      if (zero) bytes.fill(0, 0, 4);
      world.deliver(world.left, bytes);
      world.deliver(world.right, bytes);
      assert.is(refusal(bytes) === undefined, bytes.length < TAG_BYTES || tagOf(bytes) === 0);
    }
    assert.ok(world.left.datagrams + world.right.datagrams - before <= 6);
    world.feed(world.left, [frameOf(3, 2_000)]);
    world.feed(world.right, [frameOf(4, 1_000)]);
    assert.ok(world.run(world.now + 60_000, () => world.left.got.length === 2 && world.right.got.length === 2));
    assert.equal([world.left.closes, world.right.closes], [[], []]);
  }), { numRuns: 60 });
});

test('whatever a peer says with the right tag: no throw, no endless work, and what is kept stays small', () => {
  fc.assert(fc.property(fc.string({ maxLength: 4 }), fc.boolean().chain((narrow) => fc.tuple(fc.constant(narrow), fc.array(talk(narrow), { maxLength: 60 }))), ([...seed], [narrow, said]) => {
    const world = met(seed.join(''), { narrow });
    const tag = tagFrom(world.right);
    const sent = world.left.datagrams;
    for (const one of said) {
      world.deliver(world.left, encodeTalk(tag, one, narrow));
      world.now += 1;
    }
    assert.ok(world.left.datagrams - sent <= said.length + 2, 'more than one answer each');
    world.feed(world.left, [frameOf(5, 100)]);
    world.run(world.now + 500_000);
  }), { numRuns: 200 });
});

test('a receiver keeps no more than its window twice, however pieces come', () => {
  const piece = fc.record({
    number: fc.integer({ min: 0, max: 40 }), fin: fc.constant(false), bytes: fc.uint8Array({ minLength: 1, maxLength: 2_000 }),
    part: fc.option(fc.record({ at: fc.integer({ min: 0, max: 0x7fff }), last: fc.boolean() }), { nil: undefined }),
  });
  let most = 0;
  fc.assert(fc.property(fc.array(piece, { maxLength: 300 }), fc.boolean(), (pieces, reads) => {
    const window = 10_000, receiver = arqReceiver(() => 120, window);
    for (const one of pieces) {
      receiver.take(one);
      if (reads) while (receiver.read()) assert.ok(receiver.next > 0);
      // One fragment that everything waits for may come on top, in parts up to its largest size; grown ones are twice what they hold at most.
      assert.ok(receiver.kept <= 4 * window + 2 * 0x8000, `${receiver.kept}`);
      most = Math.max(most, receiver.kept);
      assert.ok(receiver.map().length <= 15);
    }
  }), { numRuns: 200 });
  console.log(`at most ${most} bytes kept with a window of 10,000`);
});

test('tiny parts, each with a hole after it, are not collected without end', () => {
  const receiver = arqReceiver(() => 120, 10_000);
  let full = 0;
  for (let round = 0; round < 3; round++) for (let at = 0; at < 0x7fff; at += 2) if (receiver.take({ number: 0, fin: false, part: { at, last: false }, bytes: new Uint8Array(1) }) === 'full') full++;
  assert.ok(full > 40_000, `${full}`);
});

test('a claim of a huge frame ends the link by name; what came before it is delivered', () => {
  for (const claim of [[0xff, 0xff, 0xff, 0xff], [0x81, 0x80, 0x7f], [0x80, 0x00], [0x00]]) {
    const world = met('claim');
    const bytes = encodeTalk(tagFrom(world.right), { piece: { number: 1, fin: false, bytes: concat(Uint8Array.of(3, 7, 8, 9), Uint8Array.from(claim)) } }, false);
    world.deliver(world.left, bytes);
    assert.equal(world.left.got[1], Uint8Array.of(7, 8, 9));
    assert.is(world.left.closes.length, 1);
    assert.match(world.left.closes[0]!, /frame/);
    assert.is(world.left.arq.send(frameOf(1, 1)), false);
  }
});

test('datagrams of an earlier connection, and the same ones again, do no harm', () => {
  fc.assert(fc.property(fc.string({ maxLength: 4 }), fc.constantFrom(0, 0.2), fc.integer({ min: 1, max: 6 }), (seed, loss, times) => {
    const old = met(seed);
    const world = new ArqWorld(`${seed} new`, { delay: 10, loss }, { delay: 10, loss }, { mtu: 512, window: 8_192, patience: 300_000 });
    const chance = new Chance(seed), all = Array.from({ length: 60 }, (_, i) => frameOf(i, 300 + i));
    world.feed(world.left, all);
    world.feed(world.right, all);
    const past: Uint8Array[] = [...old.left.log, ...old.right.log];
    world.relay = (bytes) => {
      past.push(bytes);
      for (let i = 0; i < times; i++) {
        const again = chance.pick(past), to = chance.hit(0.5) ? world.left : world.right;
        world.plan(world.now + chance.int(0, 5_000), () => world.deliver(to, again));
      }
      return past.length < 5_000 ? [bytes] : [];
    };
    assert.ok(world.run(500_000, () => world.left.got.length >= all.length && world.right.got.length >= all.length));
    world.run(world.now + 20_000);
    same(world.left.got, all);
    same(world.right.got, all);
  }), { numRuns: 25 });
});

test('who replays old calls keeps nobody from connecting, and ends no connection', () => {
  const calls = Array.from({ length: 3 }, (_, i) => met(`old ${i}`).left.log.find((bytes) => isCall(bytes))!);
  const world = new ArqWorld('calls', { delay: 40 }, { delay: 40 }, { patience: 600_000 });
  for (let i = 0; i < 3_000; i++) world.plan(i * 10, () => world.deliver(world.right, calls[i % 3]!));
  world.feed(world.left, [frameOf(1, 100)]);
  assert.ok(world.run(2_000, () => world.right.got.length === 1), 'the genuine one gets through');
  const before = world.right.bytes;
  world.run(31_000);
  assert.equal([world.left.closes, world.right.closes], [[], []]);
  // Each may be answered by a question, no more than one at a time is open.
  assert.ok(world.right.bytes - before < 3_000 * 8);
});

test('a refusal counts only with the tag that is refused', () => {
  const world = met('refuse');
  const mine = world.left.log.find((bytes) => tagOf(bytes) !== 0)!, theirs = world.right.log.find((bytes) => tagOf(bytes) !== 0)!;
  const wrong = mine.slice();
  wrong[3]! ^= 4;
  world.deliver(world.left, refusal(wrong)!);
  world.deliver(world.left, refusal(theirs)!);
  assert.equal(world.left.closes, []);
  world.deliver(world.left, refusal(mine)!);
  assert.is(world.left.closes.length, 1);
  assert.is(refusal(refusal(mine)!), undefined, 'refusals are not refused');
});

test('strangers are refused at most once a second, noise not at all', () => {
  const world = new ArqWorld('strange', {}, {}, {}, ['accept', 'accept']);
  world.run(100);
  const stranger = encodeTalk(0x1234_5678, { ask: 1 }, false);
  const before = world.left.datagrams;
  for (let i = 0; i < 5_000; i++) {
    world.now += 1;
    world.deliver(world.left, stranger);
  }
  assert.ok(world.left.datagrams - before <= 6 && world.left.datagrams - before >= 4);
  const chance = new Chance('noise'), quiet = world.left.datagrams;
  for (let i = 0; i < 5_000; i++) {
    world.now += 10;
    const noise = chance.bytes(60);
    noise[4]! |= 1;
    world.deliver(world.left, noise);
  }
  assert.is(world.left.datagrams, quiet);
});

test('acknowledging what never arrived only ends the link, by name, on the side that misses it', () => {
  const world = met('forged', { patience: 5_000, keepAlive: 2_000 });
  const all = Array.from({ length: 20 }, (_, i) => frameOf(i, 900));
  let dropped = false;
  world.relay = (bytes, from) => {
    if (from !== world.left || dropped || bytes.length < 900) return [bytes];
    dropped = true;
    const said = decodeTalk(bytes, false)!;
    world.plan(world.now + 1, () => world.deliver(world.left, encodeTalk(tagFrom(world.right), { ack: { next: said.piece!.number + 1, map: new Uint8Array(0) } }, false)));
    return [];
  };
  world.feed(world.left, all);
  world.run(100_000);
  assert.equal(world.right.closes, ['the peer does not repeat what was lost']);
  assert.is(world.right.got.length, 1, 'nothing is delivered out of order');
  assert.is(world.left.closes.length, 1);
});

test('a program that does not take its frames costs bounded memory, and gets all of them later', () => {
  const options = { mtu: 1_024, window: 8_192, roundTrip: 50, patience: 1e9, now: 0 };
  const left = arq({ ...options, role: 'open', random: new Chance('l') }), right = arq({ ...options, role: 'accept', random: new Chance('r') });
  let sent = 0, now = 0, waiting = false;
  const got: Uint8Array[] = [];
  const round = (reads: boolean) => {
    now += 20;
    while (!waiting && sent < 400) waiting = !left.send(frameOf(sent++, 500));
    for (const [from, to] of [[left, right], [right, left]] as const) {
      from.tick(now);
      for (let said = reads || from === left ? from.next(now) : undefined; said; said = from.next(now)) {
        if (said.kind === 'datagram') to.datagram(said.bytes, now);
        else if (said.kind === 'frame') got.push(said.bytes.slice());
        else if (said.kind === 'drain') waiting = false;
      }
    }
  };
  for (let i = 0; i < 10; i++) round(true);
  for (let i = 0; i < 500; i++) round(false);
  const stuck = sent - got.length;
  assert.ok(stuck < 70, `${stuck} frames of 500 bytes went in while nobody read`);
  for (let i = 0; i < 2_000 && got.length < 400; i++) round(true);
  same(got, Array.from({ length: 400 }, (_, i) => frameOf(i, 500)));
});

test.run();
