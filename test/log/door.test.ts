// The log room end to end: append, seal, store, supply, admit, crash and clone, on memory disks.
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { hex } from '../../src/event/bytes.ts';
import { digestOf, itemsIn, tallyOf } from '../../src/log/archive.ts';
import { verifyStore } from '../../src/log/verify.ts';
import { carry, lasts, openRoom, record, seen } from './bench-node.ts';

const door = suite('the door');
const clean = async (room: Awaited<ReturnType<typeof openRoom>>): Promise<void> => {
  const result = await verifyStore(room.archive, () => undefined);
  assert.equal(result.damaged, []);
};

door('what is appended is read at once, and is the same after it moved into the store', async () => {
  const a = await openRoom('a');
  await record(a, 's', 20);
  await record(a, 's', 5, true, 20);
  const before = await seen(a, 's');
  assert.is(before.length, 25);
  a.writer.seal();
  const digest = digestOf(a.archive);
  assert.equal(await seen(a, 's'), before);
  await a.writer.checkpoint();
  assert.equal(await seen(a, 's'), before);
  assert.is(digestOf(a.archive), digest);
  assert.is(tallyOf(a.archive, 's').events, 25);
  assert.is(tallyOf(a.archive, 's').segments, 1);
  assert.equal((await lasts(a, 's')).length, 3);
  assert.is((await seen(a, 's', 'k1')).length, 8);
  await clean(a);
});

door('small stored segments grow into longer ones', async () => {
  const a = await openRoom('a'), b = await openRoom('b');
  for (let i = 0; i < 6; i++) {
    await record(a, 's', 4, true, i * 4);
    await carry(a, b);
    await a.writer.checkpoint();
  }
  assert.is(tallyOf(a.archive, 's').segments, 1);
  assert.is(tallyOf(a.archive, 's').events, 24);
  assert.is(tallyOf(b.archive, 's').events, 24);
  assert.is(digestOf(a.archive), digestOf(b.archive));
  assert.equal(await seen(a, 's'), await seen(b, 's'));
  await clean(a); await clean(b);
  const c = await openRoom('c');
  await carry(a, c); await carry(b, c, { have: false });
  assert.is(digestOf(c.archive), digestOf(b.archive));
  assert.equal(await seen(c, 's'), await seen(b, 's'));
  assert.equal(await lasts(c, 's'), await lasts(a, 's'));
  await clean(c);
});

door('a crash keeps what was acknowledged, under the incarnation that wrote it', async () => {
  const a = await openRoom('a');
  await record(a, 's', 10);
  a.writer.seal();
  await record(a, 's', 3, true, 10);
  const before = await seen(a, 's');
  const again = await openRoom('a', a.disk, { process: '2' });
  assert.equal(await seen(again, 's'), before);
  assert.is(again.writer.unstored().length, 0);
  await record(again, 's', 2, true, 13);
  again.writer.seal();
  assert.is(itemsIn(again.archive, () => true).length, 1);
  await again.writer.checkpoint();
  assert.is(itemsIn(again.archive, () => true).length, 1);
  assert.is(tallyOf(again.archive, 's').logs, 2);
  await clean(again);
  const b = await openRoom('b');
  await carry(again, b, { reversed: true, batch: 1 });
  assert.equal(await seen(b, 's'), await seen(again, 's'));
  assert.is(digestOf(b.archive), digestOf(again.archive));
});

door('a clone that goes on beside its original loses nothing, and is named', async () => {
  const a = await openRoom('a');
  await record(a, 's', 6);
  await a.writer.checkpoint();
  const copy = await openRoom('a', a.disk.copy('copy'), { process: 'copy' });
  const original = await openRoom('a', a.disk, { process: 'original' });
  await record(original, 's', 3, true, 6);
  await record(copy, 's', 4, true, 60);
  const hq = await openRoom('hq');
  await carry(original, hq);
  await carry(copy, hq);
  assert.is((await seen(hq, 's')).length, 13);
  assert.is(itemsIn(hq.archive, () => true).length, 2);
  assert.ok(hq.disk.tables.alarm.scan({}).length >= 1);
  await carry(hq, copy); await carry(hq, original);
  await record(original, 's', 1, true, 100);
  await carry(original, hq);
  assert.is(itemsIn(hq.archive, () => true).length, 2, 'a process that began before it saw both goes on in its own log');
  const next = await openRoom('a', original.disk, { process: 'next' });
  await record(next, 's', 1, true, 101);
  await carry(next, hq);
  assert.is(itemsIn(hq.archive, () => true).length, 1, 'the next process cites both');
  assert.equal(await seen(hq, 's'), await seen(next, 's'));
  await clean(hq);
});

door('a snapshot of a running machine forks its log; both branches are folded everywhere', async () => {
  const a = await openRoom('a');
  await record(a, 's', 6);
  // The same process state twice: the same incarnation and positions go on in two places.
  const twin = await openRoom('a');
  await record(twin, 's', 6);
  await record(a, 's', 2, true, 6);
  await record(twin, 's', 3, true, 70);
  const x = await openRoom('x'), y = await openRoom('y');
  await carry(a, x); await carry(twin, x, { have: false });
  await carry(twin, y); await carry(a, y, { have: false });
  assert.is((await seen(x, 's')).length, 11);
  assert.equal(await seen(x, 's'), await seen(y, 's'));
  assert.is(digestOf(x.archive), digestOf(y.archive));
  assert.is(tallyOf(x.archive, 's').events, 11);
  assert.ok(x.disk.tables.alarm.scan({}).length >= 1);
  await clean(x); await clean(y);
});

door('a revocation cuts, and gives back when it is released, in any order of arrival', async () => {
  const a = await openRoom('a');
  await record(a, 's', 4, true);
  a.writer.seal();
  const tip = itemsIn(a.archive, () => true)[0]!;
  const cut = [{ log: tip.log, position: tip.to, e: tip.after }];
  await record(a, 's', 5, true, 4);
  const early = await openRoom('early'), late = await openRoom('late'), none = await openRoom('none');
  const killed = { state: 'killed' as const, cuts: [cut], releases: [] };
  early.verdicts.set(hex(a.node), killed);
  await carry(a, early, { reversed: true, batch: 1 });
  await carry(a, late);
  assert.is((await seen(late, 's')).length, 9);
  late.verdicts.set(hex(a.node), killed);
  // Any arrival of the author makes it judged again.
  await carry(a, late, { have: false, batch: 1 });
  const { Change } = await import('../../src/log/change.ts');
  const { rejudge } = await import('../../src/log/verdict.ts');
  const change = new Change(late.archive);
  await rejudge(change, a.node);
  await change.commit();
  none.verdicts.set(hex(a.node), { state: 'waiting', why: 'unknown' });
  await carry(a, none);
  assert.is((await seen(early, 's')).length, 4);
  assert.equal(await seen(late, 's'), await seen(early, 's'));
  assert.is(digestOf(late.archive), digestOf(early.archive));
  assert.is((await seen(none, 's')).length, 0);
  assert.is(itemsIn(none.archive, () => true).length, 0);
  assert.ok(none.archive.quarantine.get(hex(a.node))!.segments > 0);
  for (const room of [early, late, none]) {
    room.verdicts.clear();
    const back = new Change(room.archive);
    await rejudge(back, a.node);
    await back.commit();
    assert.is((await seen(room, 's')).length, 9);
    assert.is(room.archive.quarantine.size, 0);
    await clean(room);
  }
  assert.is(digestOf(none.archive), digestOf(early.archive));
  assert.equal(await lasts(none, 's'), await lasts(early, 's'));
});

door('a relay without the key carries what it cannot read', async () => {
  const a = await openRoom('a'), relay = await openRoom('relay', undefined, { reads: false }), b = await openRoom('b');
  await record(a, 's', 30, true);
  await carry(a, relay);
  assert.is((await seen(relay, 's')).length, 0);
  assert.is(digestOf(relay.archive), digestOf(a.archive));
  await carry(relay, b);
  assert.equal(await seen(b, 's'), await seen(a, 's'));
});

door('garbage and forgeries are refused one by one', async () => {
  const a = await openRoom('a'), b = await openRoom('b');
  await record(a, 's', 3);
  const [good] = a.writer.seal();
  const bad = good!.bytes.slice();
  bad[bad.length - 3]! ^= 1;
  const { admit } = await import('../../src/log/door.ts');
  const { outcomes } = await admit(b.archive, [new Uint8Array(10), bad, good!.bytes, good!.bytes]);
  assert.equal(outcomes.map((o) => o.state), ['refused', 'refused', 'admitted', 'held']);
  assert.is((await seen(b, 's')).length, 3);
});

door.run();
