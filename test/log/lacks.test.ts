// Whether a tip that a peer shows is lacking here: what waits in quarantine stands in nobody's way but its own.
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { hex } from '../../src/event/bytes.ts';
import { itemsIn } from '../../src/log/archive.ts';
import { TIP } from '../../src/log/item.ts';
import type { Item } from '../../src/log/item.ts';
import { lacks } from '../../src/log/supply.ts';
import { liveOf } from '../../src/node-host.ts';
import { carry, openRoom, record, seen } from './bench-node.ts';
import type { Room } from './bench-node.ts';

const lacking = suite('what is lacking');
const tipOf = (room: Room): Item => itemsIn(room.archive, () => true).find((item) => item.kind === TIP)!;
const asks = (room: Room, tip: Item): Promise<boolean | undefined> => lacks(room.archive, liveOf(() => []), tip);

/** One process of a machine whose memory was copied goes on in two places: they share `both` events, then `a` writes two more and `twin` as many others. */
async function copied(both: number): Promise<{ a: Room; twin: Room }> {
  const a = await openRoom('a'), twin = await openRoom('a');
  await record(a, 's', both, true);
  await record(twin, 's', both, true);
  await record(a, 's', 2, true, both);
  await record(twin, 's', 2, true, 70);
  a.writer.seal();
  twin.writer.seal();
  return { a, twin };
}

for (const reads of [true, false]) {
  lacking(`the branch that a revocation left is fetched beside the one in quarantine${reads ? '' : ', by a relay too'}`, async () => {
    const { a, twin } = await copied(3);
    const valid = tipOf(a), other = tipOf(twin);
    assert.is(valid.to, other.to);
    const room = await openRoom('room', undefined, { reads });
    room.verdicts.set(hex(a.node), { state: 'killed', cuts: [[{ log: valid.log, position: valid.to, e: valid.after }]], releases: [] });
    assert.is(await asks(room, valid), true);
    await carry(twin, room);
    assert.is(room.archive.quarantine.get(hex(a.node))!.segments, 1);
    assert.is(await asks(room, other), false, 'it waits in quarantine');
    assert.is(await asks(room, valid), true, 'another branch than the one that waits');
    await carry(a, room, { have: false });
    assert.is(await asks(room, valid), false);
    assert.equal(tipOf(room).after, valid.after);
    if (reads) assert.equal(await seen(room, 's'), await seen(a, 's'));
  });
}

lacking('an end inside a waiting segment is told by who can read it', async () => {
  const { a, twin } = await copied(3);
  const early = await openRoom('a');
  await record(early, 's', 2, true);
  early.writer.seal();
  const shared = tipOf(early), valid = { ...tipOf(a), to: 4, from: 4 };
  for (const reads of [true, false]) {
    const room = await openRoom('room', undefined, { reads });
    room.verdicts.set(hex(a.node), { state: 'waiting', why: 'unknown' });
    await carry(twin, room);
    assert.is(await asks(room, shared), reads ? false : undefined);
    assert.is(await asks(room, valid), reads ? true : undefined);
    assert.is(await asks(room, { ...valid, to: 6, from: 6 }), true, 'beyond all that waits');
  }
});

lacking('what lies before a waiting segment is lacking', async () => {
  const a = await openRoom('a'), room = await openRoom('room');
  await record(a, 's', 3, true);
  a.writer.seal();
  const first = tipOf(a);
  await record(a, 's', 3, true, 3);
  const [later] = a.writer.seal();
  assert.is(later!.header.first, 4);
  room.verdicts.set(hex(a.node), { state: 'waiting', why: 'unknown' });
  const { admit } = await import('../../src/log/door.ts');
  await admit(room.archive, [later!.bytes]);
  assert.is(await asks(room, tipOf(a)), false);
  assert.is(await asks(room, first), true);
});

lacking.run();
