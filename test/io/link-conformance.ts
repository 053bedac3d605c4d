// What every Link must do, whatever carries it: each implementation runs this suite under its own name.
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import fc from 'fast-check';
import { codeOf } from '../../src/fault.ts';
import type { Bytes, Link } from '../../src/ports.ts';

/** How to get links of one kind. Each call makes a fresh one; `stop` ends it and everything behind it. */
export interface LinkPlace {
  /** Two ends of one link. */
  pair(): Promise<{ left: Link; right: Link; stop(): Promise<void> }>;
  /** A link whose other end takes nothing off the wire until `wake`, which then gives the number of bytes that it got in all once `stop`ped. */
  deaf(): Promise<{ link: Link; wake(): void; stop(): Promise<void> }>;
  /**
   * What only links have that put each frame on the wire by itself and nothing else beside them (others, with greetings and acknowledgements, test their wire themselves).
   * `raw`: a link whose other end is a program that puts these bytes on the wire, in these pieces, and then closes if `close`. `encode`: the bytes on the wire that carry one frame.
   */
  wire?: { raw(pieces: Bytes[], close: boolean): Promise<{ link: Link; stop(): Promise<void> }>; encode(frame: Bytes): Bytes };
}

/** What one end of a link has seen. */
interface Seen { frames: Bytes[]; closes: string[]; drains: number }

function watch(link: Link): Seen {
  const seen: Seen = { frames: [], closes: [], drains: 0 };
  link.onFrame = (frame) => {
    assert.is(seen.closes.length, 0, 'a frame after the end');
    assert.is(frame.constructor, Uint8Array, 'a frame is a plain array: slices of a Buffer do not copy');
    seen.frames.push(frame.slice());
  };
  link.onDrain = () => { seen.drains++; };
  link.onClose = (reason) => { seen.closes.push(reason); };
  return seen;
}

/** Waits for something that must come; the runner's timeout ends a test in which it does not. */
async function until(condition: () => boolean): Promise<void> {
  while (!condition()) await new Promise((resolve) => setTimeout(resolve, 2));
}

/** A frame that can be told from others: its number, then bytes that follow from it. */
function numbered(number: number, length: number): Bytes {
  const frame = new Uint8Array(Math.max(4, length));
  for (let i = 4; i < frame.length; i++) frame[i] = (number * 31 + i * 7) & 0xff;
  new DataView(frame.buffer).setUint32(0, number);
  return frame;
}

/** Sends all frames, waiting whenever the link says so. */
async function sendAll(link: Link, seen: Seen, frames: Iterable<Bytes>): Promise<void> {
  for (const frame of frames) {
    const before = seen.drains;
    if (!link.send(frame)) await until(() => seen.drains > before || seen.closes.length > 0);
  }
}

/** Registers and runs the suite. */
export function linkConformance(name: string, place: LinkPlace): void {
  const test = suite(`link: ${name}`);

  test('the manifest says what it can', async () => {
    const { left, right, stop } = await place.pair();
    watch(left); watch(right);
    assert.ok(left.manifest.name.length > 0);
    assert.ok(left.manifest.frameBytes >= 64 && left.manifest.frameBytes <= 262_144);
    assert.equal(left.manifest, right.manifest);
    await stop();
  });

  test('frames arrive whole and in order, both ways at once, of every size', async () => {
    const { left, right, stop } = await place.pair();
    const most = left.manifest.frameBytes;
    const sizes = [1, 2, 4, 5, 63, 64, 127, 128, 255, 256, 1_000, 16_384, 65_535, 65_536, most - 1, most].filter((size) => size <= most);
    const seenLeft = watch(left), seenRight = watch(right);
    const frames = Array.from({ length: sizes.length * 3 }, (_, i) => numbered(i, sizes[i % sizes.length]!).subarray(0, sizes[i % sizes.length]));
    await Promise.all([sendAll(left, seenLeft, frames), sendAll(right, seenRight, frames)]);
    await until(() => seenLeft.frames.length === frames.length && seenRight.frames.length === frames.length);
    assert.equal(seenLeft.frames.map((frame) => Buffer.compare(frame, frames[seenLeft.frames.indexOf(frame)]!)), frames.map(() => 0));
    assert.equal(seenRight.frames.map((frame) => Buffer.compare(frame, frames[seenRight.frames.indexOf(frame)]!)), frames.map(() => 0));
    await stop();
  });

  test('any sequence of frames arrives as it was sent', async () => {
    const { left, right, stop } = await place.pair();
    const seenLeft = watch(left), seenRight = watch(right);
    await fc.assert(fc.asyncProperty(fc.array(fc.uint8Array({ minLength: 1, maxLength: 3_000 }), { maxLength: 40 }), async (frames) => {
      seenRight.frames.length = 0;
      await sendAll(left, seenLeft, frames);
      await until(() => seenRight.frames.length === frames.length);
      assert.equal(seenRight.frames, frames.map((frame) => frame.slice()));
    }), { numRuns: 60 });
    await stop();
  });

  test('a frame may be changed by its sender as soon as send returns', async () => {
    const { left, right, stop } = await place.pair();
    watch(left);
    const seen = watch(right);
    const frame = numbered(7, Math.min(50_000, left.manifest.frameBytes)), before = frame.slice();
    left.send(frame);
    frame.fill(0);
    await until(() => seen.frames.length === 1);
    assert.is(Buffer.compare(seen.frames[0]!, before), 0);
    await stop();
  });

  test('a frame above the largest is a programming error and does no harm', async () => {
    const { left, right, stop } = await place.pair();
    watch(left);
    const seen = watch(right);
    try {
      left.send(new Uint8Array(left.manifest.frameBytes + 1));
      assert.unreachable();
    } catch (error) {
      assert.is(codeOf(error), 'too-large');
    }
    left.send(numbered(1, 10));
    await until(() => seen.frames.length === 1);
    assert.equal(seen.frames[0], numbered(1, 10));
    await stop();
  });

  test('a peer that does not read makes send say wait, in bounded memory, and drain comes when it reads', async () => {
    const { link, wake, stop } = await place.deaf();
    const seen = watch(link);
    const frame = numbered(1, Math.min(link.manifest.frameBytes, 65_536));
    let sent = 0;
    while (link.send(frame)) {
      assert.ok(++sent * frame.length < 64 * 1_048_576, 'the link takes frames without end');
      // Let the system take what it can.
      if (sent % 8 === 0) await new Promise((resolve) => setImmediate(resolve));
    }
    assert.is(seen.drains, 0);
    wake();
    await until(() => seen.drains === 1);
    assert.is(seen.closes.length, 0);
    await stop();
  });

  test('a sender that does not wait is cut off before it fills the memory', async () => {
    const { link, stop } = await place.deaf();
    const seen = watch(link);
    const frame = numbered(1, Math.min(link.manifest.frameBytes, 65_536));
    let sent = 0;
    while (seen.closes.length === 0) {
      link.send(frame);
      if (++sent % 64 === 0) {
        assert.ok(sent * frame.length < 512 * 1_048_576, 'the queue has no end');
        await new Promise((resolve) => setImmediate(resolve));
      }
    }
    assert.is(seen.closes.length, 1);
    assert.is(link.send(frame), false, 'a link that has ended takes nothing');
    await stop();
  });

  test('close delivers what was sent before it, then ends both sides once, with reasons', async () => {
    const { left, right, stop } = await place.pair();
    const seenLeft = watch(left), seenRight = watch(right);
    for (let i = 0; i < 20; i++) left.send(numbered(i, Math.min(5_000, left.manifest.frameBytes)));
    left.close('enough');
    left.close('again');
    assert.is(left.send(numbered(99, 10)), false);
    await until(() => seenLeft.closes.length > 0 && seenRight.closes.length > 0);
    assert.is(seenRight.frames.length, 20);
    right.close('late');
    await new Promise((resolve) => setTimeout(resolve, 20));
    assert.equal(seenLeft.closes, ['enough']);
    assert.is(seenRight.closes.length, 1);
    assert.ok(seenRight.closes[0]!.length > 0);
    await stop();
  });

  test('both sides closing at the same moment is one end for each', async () => {
    const { left, right, stop } = await place.pair();
    const seenLeft = watch(left), seenRight = watch(right);
    left.close('left'); right.close('right');
    await until(() => seenLeft.closes.length > 0 && seenRight.closes.length > 0);
    assert.equal([seenLeft.closes, seenRight.closes], [['left'], ['right']]);
    await stop();
  });

  test('traffic counts what leaves and what comes, and stays after the end', async () => {
    const { left, right, stop } = await place.pair();
    const seenLeft = watch(left), seenRight = watch(right);
    left.send(numbered(1, Math.min(20_000, left.manifest.frameBytes)));
    await until(() => seenRight.frames.length === 1);
    const { length } = seenRight.frames[0]!;
    assert.ok(left.traffic.out > length && right.traffic.in > length);
    left.close();
    await until(() => seenLeft.closes.length > 0 && seenRight.closes.length > 0);
    const after = [{ ...left.traffic }, { ...right.traffic }];
    await new Promise((resolve) => setTimeout(resolve, 20));
    assert.equal([left.traffic, right.traffic], after);
    assert.ok(after[0]!.out > length && after[0]!.out < 3 * length && after[1]!.in > length);
    await stop();
  });

  if (place.wire) wireConformance(test, place.wire, place);

  test.run();
}

/** What follows when a frame is the only thing on the wire. */
function wireConformance(test: ReturnType<typeof suite>, wire: NonNullable<LinkPlace['wire']>, place: LinkPlace): void {
  test('traffic counts the bytes on the wire, framing included, and stays after the end', async () => {
    const { left, right, stop } = await place.pair();
    const seenLeft = watch(left), seenRight = watch(right);
    assert.equal([left.traffic, right.traffic], [{ in: 0, out: 0 }, { in: 0, out: 0 }]);
    const frames = [numbered(1, 100), numbered(2, 20_000)];
    const bytes = frames.reduce((sum, frame) => sum + wire.encode(frame).length, 0);
    for (const frame of frames) left.send(frame);
    await until(() => seenRight.frames.length === 2);
    assert.is(right.traffic.in, bytes);
    left.close();
    await until(() => seenLeft.closes.length > 0 && seenRight.closes.length > 0);
    assert.is(left.traffic.out, bytes);
    assert.is(left.traffic.in, 0);
    assert.is(right.traffic.in, bytes);
    await stop();
  });

  test('bytes may come in any pieces', async () => {
    const frames = [numbered(1, 10), numbered(2, 3_000), numbered(3, 1)];
    const all = Buffer.concat(frames.map((frame) => wire.encode(frame)));
    const pieces = Array.from({ length: Math.ceil(all.length / 7) }, (_, i) => new Uint8Array(all.subarray(i * 7, i * 7 + 7)));
    const { link, stop } = await wire.raw(pieces, true);
    const seen = watch(link);
    await until(() => seen.closes.length === 1);
    assert.equal(seen.frames, frames);
    await stop();
  });

  test('a peer that goes in the middle of a frame ends the link; the part is not delivered', async () => {
    const bytes = wire.encode(numbered(1, 1_000));
    const { link, stop } = await wire.raw([bytes.slice(), bytes.slice(0, 500)], true);
    const seen = watch(link);
    await until(() => seen.closes.length === 1);
    assert.is(seen.frames.length, 1);
    await stop();
  });

  test('garbage gives no frame out of nothing larger than allowed, and no throw; the link goes on or ends once', async () => {
    let round = 0;
    await fc.assert(fc.asyncProperty(fc.array(fc.uint8Array({ maxLength: 2_000 }), { maxLength: 6 }), async (pieces) => {
      round++;
      const { link, stop } = await wire.raw(pieces, true);
      const seen = watch(link);
      await until(() => seen.closes.length === 1);
      for (const frame of seen.frames) assert.ok(frame.length <= link.manifest.frameBytes);
      await stop();
    }), { numRuns: 30 });
    assert.is(round, 30);
  });

  test('a claim of a huge frame takes no memory that did not arrive', async () => {
    const claim = new Uint8Array(64).fill(0xff);
    const { link, stop } = await wire.raw([claim], true);
    const seen = watch(link);
    await until(() => seen.closes.length === 1);
    assert.is(seen.frames.length, 0);
    await stop();
  });
}
