// Durable appends: batches of 256, 16 and 1, and 64 callers one at a time, against rows put into LMDB.

import { openBenchNode, storeAll } from './bench-node.ts';
import { openRows, rowOf } from './lmdb-rows.ts';
import { freshFolder, inTurns, perSecond, say, tell } from './rows.ts';
import { readings, type Reading } from './trace.ts';

const all = readings(200_000);

/** Appends `total` events in batches of `size` by `callers` at a time; events a second until all of them are in the store. */
async function holdfast(total: number, size: number, callers = 1): Promise<number> {
  const { node, stop } = await openBenchNode(freshFolder('node'));
  const since = performance.now();
  let at = 0;
  await Promise.all(Array.from({ length: callers }, async () => {
    while (at < total) {
      const batch = all.slice(at, at += size);
      await node.append('telemetry', batch);
    }
  }));
  await storeAll(node);
  const rate = perSecond(total, since);
  await stop();
  return rate;
}

/** The same events as rows, `size` in a transaction. */
function lmdb(total: number, size: number): number {
  const rows = openRows(freshFolder('lmdb'));
  const since = performance.now();
  for (let at = 0; at < total; at += size) {
    const values: Uint8Array[] = [];
    for (const event of all.slice(at, at + size) as Reading[]) values.push(rowOf(event));
    rows.commit(values);
  }
  const rate = perSecond(total, since);
  rows.close();
  return rate;
}

const big = 199_936;
say('batches of 256');
const [batched, batchedRows] = await inTurns(4, [() => holdfast(big, 256), () => lmdb(big, 256)]) as [number, number];
tell({ what: 'durable append, batches of 256', value: batched, unit: 'events/s', baseline: { what: 'LMDB row an event', value: batchedRows }, reach: '≥ 0.7, then 1.0 of it', ok: batched / batchedRows >= 0.7 });

say('batches of 16 and 1, and 64 callers');
const [sixteen, one, many, sixteenRows, oneRow] = await inTurns(3, [
  () => holdfast(64_000, 16), () => holdfast(6_000, 1), () => holdfast(64_000, 1, 64), () => lmdb(32_000, 16), () => lmdb(4_000, 1),
]) as [number, number, number, number, number];
tell({ what: 'durable append, one at a time', value: one, unit: 'events/s', baseline: { what: 'LMDB commit each', value: oneRow }, reach: '≥ 1.5 times it', ok: one / oneRow >= 1.5 });
tell({ what: 'durable append, batches of 16', value: sixteen, unit: 'events/s', baseline: { what: 'LMDB commit a batch', value: sixteenRows }, reach: '≥ 1.5 times it', ok: sixteen / sixteenRows >= 1.5 });
tell({ what: 'durable append, 64 callers one at a time', value: many, unit: 'events/s', baseline: { what: 'LMDB commit each', value: oneRow }, reach: '≥ 20 times it', ok: many / oneRow >= 20 });
