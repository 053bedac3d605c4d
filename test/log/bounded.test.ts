// What a hostile member can make others store and compute stays in proportion to what it writes.
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { hex } from '../../src/event/bytes.ts';
import { decodeEvent, encodeEvent } from '../../src/event/event.ts';
import { joinRuns, runOf, sliceRun } from '../../src/event/run.ts';
import { sealSegment } from '../../src/event/segment.ts';
import { digestOf, tallyOf } from '../../src/log/archive.ts';
import { admit } from '../../src/log/door.ts';
import { verifyStore } from '../../src/log/verify.ts';
import type { OwnLog } from '../../src/log/own.ts';
import { fakeCrypto } from '../sim/fake-crypto.ts';
import { lasts, openRoom, record, seen } from './bench-node.ts';
import type { Room } from './bench-node.ts';

const bounded = suite('bounded');

/** Events from..to of an own log as one segment, as its author may pack them. */
function packed(a: Room, own: OwnLog, from: number, to: number): Uint8Array {
  const whole = joinRuns(own.chunks.map((c) => c.run));
  const before = from === 1 ? own.start : hashAt(own, from - 1);
  const seed = fakeCrypto.sha256(new TextEncoder().encode('a'));
  return sealSegment(fakeCrypto, a.archive.random, {
    seed, opening: own.opening, streamKey: own.key, first: from, before, run: sliceRun(whole, from - 1, to), clock: { quality: 2, uptime: 0 }, after: hashAt(own, to),
  }).bytes;
}

function hashAt(own: OwnLog, position: number): Uint8Array {
  const chunk = own.chunks.find((c) => c.first <= position && position < c.first + c.run.ends.length)!;
  return chunk.hashes.slice((position - chunk.first) * 32, (position - chunk.first + 1) * 32);
}

bounded('other packings of events that are held are not stored', async () => {
  const a = await openRoom('a'), b = await openRoom('b');
  await record(a, 's', 12, true);
  const [own] = [...a.writer.logs.values()];
  for (let i = 1; i <= 12; i += 3) await admit(b.archive, [packed(a, own!, i, i + 2)]);
  assert.is(tallyOf(b.archive, 's').segments, 4);
  for (let from = 1; from <= 12; from++) {
    for (let to = from; to <= 12; to++) await admit(b.archive, [packed(a, own!, from, to)]);
  }
  assert.ok(tallyOf(b.archive, 's').segments <= 4, `${tallyOf(b.archive, 's').segments}`);
  assert.is(tallyOf(b.archive, 's').events, 12);
  a.writer.seal();
  assert.is(digestOf(b.archive), digestOf(a.archive));
  assert.equal((await verifyStore(b.archive, () => undefined)).damaged, []);
});

bounded('what a revocation leaves is taken segment by segment, in any order, and nothing beyond', async () => {
  for (const order of ['forward', 'backward'] as const) {
    const a = await openRoom('a'), b = await openRoom('b');
    await record(a, 's', 20, true);
    const [own] = [...a.writer.logs.values()];
    b.verdicts.set(hex(a.node), { state: 'killed', cuts: [[{ log: own!.log, position: 14, e: hashAt(own!, 14) }]], releases: [] });
    const parts = Array.from({ length: 10 }, (_, i) => packed(a, own!, i * 2 + 1, i * 2 + 2));
    if (order === 'backward') parts.reverse();
    for (const part of parts) await admit(b.archive, [part]);
    assert.is(tallyOf(b.archive, 's').events, 14, order);
    assert.is((await seen(b, 's')).length, 14);
    assert.is(b.archive.quarantine.get(hex(a.node))?.segments, 3);
    assert.equal((await verifyStore(b.archive, () => undefined)).damaged, []);
  }
});

bounded('a packing that can be read replaces a void one of the same events', async () => {
  for (const size of [2, 6]) {
    const a = await openRoom('a'), b = await openRoom('b');
    await record(a, 's', 6, true);
    const [own] = [...a.writer.logs.values()];
    const real = own!.chunks;
    own!.chunks = real.map((c) => ({ ...c, run: runOf([encodeEvent({ ...decodeEvent(c.run.bytes), body: 'another' })]) }));
    await admit(b.archive, [packed(a, own!, 1, 6)]);
    own!.chunks = real;
    assert.is(b.archive.counted.void, 1);
    assert.is((await seen(b, 's')).length, 0);
    const digest = digestOf(b.archive);
    for (let i = 1; i <= 6; i += size) await admit(b.archive, [packed(a, own!, i, i + size - 1)]);
    assert.equal(await seen(b, 's'), await seen(a, 's'), `${size}`);
    assert.equal(await lasts(b, 's'), await lasts(a, 's'));
    assert.is(digestOf(b.archive), digest);
    assert.is(tallyOf(b.archive, 's').events, 6);
    assert.is(b.archive.counted.void, size === 6 ? 0 : 1);
    assert.is(tallyOf(b.archive, 's').segments, size === 6 ? 1 : 4);
    assert.equal((await verifyStore(b.archive, () => undefined)).damaged, []);
  }
});

bounded.run();
