// Whatever the order in which logs and verdicts come, the same is known of them at the end.
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { hex } from '../../src/event/bytes.ts';
import type { Tip } from '../../src/event/chain.ts';
import { digestOf, itemsIn, pages } from '../../src/log/archive.ts';
import { Change } from '../../src/log/change.ts';
import { admit, judgeAgain } from '../../src/log/door.ts';
import { decodeRecord } from '../../src/log/record.ts';
import { supply } from '../../src/log/supply.ts';
import { liveOf } from '../../src/node-host.ts';
import { verifyStore } from '../../src/log/verify.ts';
import { openRoom, record, seen } from './bench-node.ts';
import type { Room } from './bench-node.ts';

const order = suite('any order');

/** A room whose node wrote three logs, each under a grant of its own; their segments, oldest log first. */
async function three(): Promise<{ a: Room; logs: Uint8Array[][] }> {
  const a = await openRoom('a');
  for (let i = 0; i < 3; i++) {
    a.grant = new Uint8Array(8).fill(i + 1);
    a.writer.retire();
    await record(a, 's', 3, false, i * 3);
    await a.writer.checkpoint();
  }
  const logs: Uint8Array[][] = [];
  for await (const row of pages(a.archive.store, 'log')) {
    const r = decodeRecord(row.value);
    logs[r.height - 1] = (await supply(a.archive, liveOf(() => []), { log: r.log, from: 1, to: 3, lineage: false }, [], null, 1e6)).segments;
  }
  return { a, logs };
}

async function facts(room: Room): Promise<string[]> {
  const out: string[] = [];
  for await (const row of pages(room.archive.store, 'log')) {
    const r = decodeRecord(row.value);
    out.push([r.log, r.node, r.incarnation, r.grant, r.keyHash!].map(hex).join(' ') + ` ${r.stream} ${r.events} ${r.cited.length}`);
  }
  return out;
}

order('newer logs before older ones', async () => {
  const { a, logs } = await three();
  const b = await openRoom('b');
  for (const segments of logs.reverse()) await admit(b.archive, segments);
  assert.is(digestOf(b.archive), digestOf(a.archive));
  assert.equal(await facts(b), await facts(a));
  assert.is(itemsIn(b.archive, () => true).length, 1);
  assert.equal((await verifyStore(b.archive, () => undefined)).damaged, []);
});

order('newer logs while their author was unknown, older ones after it was granted', async () => {
  const { a, logs } = await three();
  const b = await openRoom('b');
  b.verdicts.set(hex(a.node), { state: 'waiting', why: 'unknown' });
  await admit(b.archive, logs[2]!);
  await admit(b.archive, logs[1]!);
  b.verdicts.delete(hex(a.node));
  const change = new Change(b.archive);
  await judgeAgain(change, [a.node]);
  await change.commit();
  const holes = itemsIn(b.archive, () => true).filter((i) => i.kind === 1);
  assert.is(holes.length, 1);
  await admit(b.archive, logs[0]!);
  assert.is(digestOf(b.archive), digestOf(a.archive));
  assert.equal(await facts(b), await facts(a));
  assert.equal(await seen(b, 's'), await seen(a, 's'));
  // It can hand all of it on.
  const tip = itemsIn(b.archive, () => true)[0]!;
  const have: Tip[] = [];
  const given = await supply(b.archive, liveOf(() => []), { log: tip.log, from: 1, to: tip.to, lineage: true }, have, null, 1e6);
  assert.is(given.segments.length, 3);
});

order('a failed commit loses no verdict', async () => {
  const { a, logs } = await three();
  const b = await openRoom('b');
  await admit(b.archive, logs.flat());
  b.verdicts.set(hex(a.node), { state: 'killed', cuts: [[]], releases: [] });
  b.archive.owed.set(hex(a.node), a.node.slice());
  b.disk.capacity = b.disk.used();
  const c = await openRoom('c');
  await record(c, 's', 3);
  await c.writer.checkpoint();
  const [mine] = itemsIn(c.archive, () => true);
  const { segments } = await supply(c.archive, liveOf(() => []), { log: mine!.log, from: 1, to: 3, lineage: false }, [], null, 1e6);
  try { await admit(b.archive, segments); assert.unreachable(); } catch (error) { assert.is((error as { code: string }).code, 'store-full'); }
  b.disk.capacity = Infinity;
  await admit(b.archive, segments);
  assert.is((await seen(b, 's')).length, 3);
  assert.is(b.archive.owed.size, 0);
});

order.run();
