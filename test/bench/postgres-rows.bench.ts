// Taking events into PostgreSQL: segments, their index, `latest` and rows for SQL in one commit, against COPY of the same rows into the same table and indexes.

import { createReadStream, createWriteStream } from 'node:fs';
import { join } from 'node:path';
import { finished, pipeline } from 'node:stream/promises';
import { Client } from 'pg';
import { from } from 'pg-copy-streams';
import { concat, utf8 } from '../../src/event/bytes.ts';
import { encodeEvent } from '../../src/event/event.ts';
import { orderBytes } from '../../src/event/order.ts';
import { eventAt, runOf } from '../../src/event/run.ts';
import { createRandom } from '../../src/io/crypto.ts';
import { EVENT_COLUMNS, eventRows } from '../../src/io/postgres-rows.ts';
import type { Admitted, Op } from '../../src/ports.ts';
import { openTest, sql, startServer } from '../io/postgres-server.ts';
import { freshFolder, perSecond, say, tell } from './rows.ts';
import { readings } from './trace.ts';

/** Events in all, of a segment, and segments of a commit. */
const EVENTS = Number(process.env['EVENTS'] ?? 1_000_000), SEGMENT = 256, TOGETHER = 16;
/** Bytes that a segment of such events takes. */
const SEGMENT_BYTES = 1_600;

const random = createRandom(), node = random.bytes(32), incarnation = random.bytes(16), hashes = random.bytes(32 * SEGMENT), packed = random.bytes(SEGMENT_BYTES);
const all = readings(Math.min(EVENTS, 273_000));

/** Runs of a segment's events, one after the other. */
function* runs(): Generator<Admitted> {
  for (let first = 1; first <= EVENTS; first += SEGMENT) {
    const events = Array.from({ length: Math.min(SEGMENT, EVENTS - first + 1) }, (_, i) => {
      const n = first + i - 1, { key, type, time, body } = all[n % all.length]!;
      return encodeEvent({ stamp: { generation: 0, ms: 1_700_000_000_000 + n, counter: 0 }, time: time + Math.floor(n / all.length) * 10_000_000_000, joined: false, key, type, body });
    });
    yield { stream: 'telemetry', node, incarnation, first, ...runOf(events), hashes };
  }
}

/** The writes that the log makes for some runs, in number and size. */
function writes(batch: readonly Admitted[]): Op[] {
  const ops: Op[] = [{ table: 'log', key: incarnation, value: packed.subarray(0, 200) }, { table: 'frontier', key: incarnation, value: packed.subarray(0, 80) }, { table: 'meta', key: utf8('seen'), value: packed.subarray(0, 40) }, { table: 'meta', key: utf8('tally:telemetry'), value: packed.subarray(0, 20) }];
  const last = new Map<string, Op>();
  for (const run of batch) {
    const position = utf8(String(run.first).padStart(12, '0'));
    ops.push({ table: 'segment', key: concat(incarnation, position), value: packed }, { table: 'index', key: concat(utf8('telemetry\0'), position, incarnation), value: packed.subarray(0, 60) });
    for (let i = 0; i < 4; i++) {
      const event = eventAt(run, run.ends.length - 1 - i), key = concat(utf8('telemetry\0'), utf8(all[(run.first + run.ends.length - 2 - i) % all.length]!.key));
      last.set(key.join(), { table: 'latest', key, value: concat(orderBytes({ generation: 0, ms: 1, counter: 0 }, node, incarnation, run.first, hashes.subarray(0, 32)), event) });
    }
  }
  return [...ops, ...last.values()];
}

const server = await startServer();

/** Rows a second through the store; `ahead` commits are called before the first has ended. */
async function throughStore(ahead: number): Promise<number> {
  const url = await server.database(), { store, close } = await openTest(url), batches: Admitted[][] = [[]];
  for (const run of runs()) {
    if (batches.at(-1)!.length === TOGETHER) batches.push([]);
    batches.at(-1)!.push(run);
  }
  const since = performance.now(), under: Promise<void>[] = [];
  for (const admitted of batches) {
    under.push(store.commit(writes(admitted), { retracted: [], admitted }));
    if (under.length >= ahead) await under.shift();
  }
  await Promise.all(under);
  const rate = perSecond(EVENTS, since), [{ n, bytes }] = await sql<{ n: string; bytes: string }>(url, `SELECT count(*) AS n, (SELECT sum(pg_total_relation_size(relid)) FROM pg_partition_tree('holdfast.event')) AS bytes FROM holdfast.event`) as [{ n: string; bytes: string }];
  if (Number(n) !== EVENTS) throw new Error(`${n} rows of ${EVENTS}`);
  say(`${Math.round(rate)} rows/s with ${ahead} under way; ${(Number(bytes) / EVENTS).toFixed(0)} bytes a row with indexes`);
  await close();
  return rate;
}

/** Rows a second by one COPY of what was written before. */
async function throughCopy(file: string): Promise<number> {
  const url = await server.database(), { store, close } = await openTest(url);
  // The partitions are made by a first commit and emptied again.
  for (const run of runs()) await store.commit([], { retracted: [], admitted: [{ ...run, bytes: run.bytes.subarray(0, run.ends[0]), ends: run.ends.slice(0, 1) }] });
  await close();
  await sql(url, 'TRUNCATE holdfast.event');
  const client = new Client(url);
  await client.connect();
  const since = performance.now();
  await pipeline(createReadStream(file, { highWaterMark: 65_536 }), client.query(from(`COPY holdfast.event (${EVENT_COLUMNS.join(', ')}) FROM STDIN WITH (FORMAT binary)`)));
  const rate = perSecond(EVENTS, since);
  await client.end();
  say(`${Math.round(rate)} rows/s by COPY`);
  return rate;
}

const file = join(freshFolder('copy'), 'rows'), out = createWriteStream(file);
let since = performance.now(), spent = 0;
for (const chunk of eventRows([...runs()])) {
  spent += performance.now() - since;
  if (!out.write(chunk.slice())) await new Promise<void>((done) => { out.once('drain', () => done()); });
  since = performance.now();
}
out.end();
await finished(out);
say(`rows are made at ${Math.round(EVENTS / spent * 1_000)}/s`);

const copied = [await throughCopy(file)], stored = [await throughStore(2)], single = await throughStore(1);
copied.push(await throughCopy(file));
stored.push(await throughStore(2));
const copy = Math.max(...copied), store = Math.max(...stored);
tell({ what: 'PostgreSQL: segments of 256 events with rows, 16 a commit, 2 commits under way', value: Math.round(store), unit: 'events/s', baseline: { what: 'COPY of the same rows', value: Math.round(copy) }, reach: '≥ 0.5', ok: store / copy >= 0.5 });
tell({ what: 'PostgreSQL: the same, one commit under way', value: Math.round(single), unit: 'events/s', baseline: { what: 'COPY of the same rows', value: Math.round(copy) } });
await server.remove();
