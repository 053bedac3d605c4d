// What people ask of a long history in SQL, the latest of every key and one key over a day, against the same questions to a plain table with a sensible index. EVENTS=10000000 asks ten million: about ten minutes and 11 GB of disk.

import { once } from 'node:events';
import { Client } from 'pg';
import { from } from 'pg-copy-streams';
import { encodeEvent } from '../../src/event/event.ts';
import { orderBytes } from '../../src/event/order.ts';
import { eventAt, runOf } from '../../src/event/run.ts';
import { createRandom } from '../../src/io/crypto.ts';
import { EVENT_COLUMNS, eventRows } from '../../src/io/postgres-rows.ts';
import { latestKey } from '../../src/view/latest.ts';
import { concat } from '../../src/event/bytes.ts';
import type { Admitted, Op } from '../../src/ports.ts';
import { openTest, sql, startServer } from '../io/postgres-server.ts';
import { load, perSecond, say, tell } from './rows.ts';
import { readings } from './trace.ts';

/** Events in all over half a year; each sensor reports every 26 minutes. */
const EVENTS = Number(process.env['EVENTS'] ?? 1_000_000), DAYS = 182, KEYS = Math.round(EVENTS / 10_000);
const START_MS = Date.UTC(2026, 0, 1), DAY_MS = 86_400_000, STREAM = 'telemetry', SEGMENT = 5_000;
const COPY = `COPY holdfast.event (${EVENT_COLUMNS.join(', ')}) FROM STDIN WITH (FORMAT binary)`;

const random = createRandom(), node = random.bytes(32), incarnation = random.bytes(16), some = readings(100_000);
const keyOf = (k: number): string => `sensor-${String(k).padStart(5, '0')}`;
const timeOf = (n: number): number => START_MS + Math.floor(n * DAYS * DAY_MS / EVENTS);

/** Events `first` (from 1) and the following: one sensor after the other, in order of time. */
function made(first: number, count: number): Admitted {
  const events = Array.from({ length: count }, (_, i) => {
    const n = first - 1 + i, { type, body } = some[n * 7 % some.length]!;
    return encodeEvent({ stamp: { generation: 0, ms: timeOf(n), counter: 0 }, time: timeOf(n), joined: false, key: keyOf(n % KEYS), type, body });
  });
  return { stream: STREAM, node, incarnation, first, ...runOf(events), hashes: random.bytes(32 * count) };
}

const server = await startServer(), url = await server.database(), { store, close } = await openTest(url), client = new Client(url);
await client.connect();
// What neither question uses: it would make filling take twice as long.
await client.query('DROP INDEX holdfast.event_body');
// The months, by an event of each day that is taken away again.
const days = Array.from({ length: DAYS }, (_, day) => made(1 + Math.ceil(day * EVENTS / DAYS), 1));
await store.commit([], { retracted: [], admitted: days });
await client.query('TRUNCATE holdfast.event');
const since = performance.now();
for (let first = 1; first <= EVENTS; first += 20 * SEGMENT) {
  const runs: Admitted[] = [], copy = client.query(from(COPY));
  for (let at = first; at < Math.min(EVENTS + 1, first + 20 * SEGMENT); at += SEGMENT) runs.push(made(at, Math.min(SEGMENT, EVENTS - at + 1)));
  for (const chunk of eventRows(runs)) if (!copy.write(Buffer.from(chunk))) await once(copy, 'drain');
  copy.end();
  await once(copy, 'finish');
}
const latest = made(EVENTS - KEYS + 1, KEYS);
await store.commit(Array.from({ length: KEYS }, (_, i): Op => {
  const n = EVENTS - KEYS + i, order = orderBytes({ generation: 0, ms: timeOf(n), counter: 0 }, node, incarnation, n + 1, latest.hashes.subarray(32 * i, 32 * i + 32));
  return { table: 'latest', key: latestKey(STREAM, keyOf(n % KEYS)), value: concat(order, eventAt(latest, i)) };
}));
say(`${EVENTS} events of ${KEYS} keys filled in at ${Math.round(perSecond(EVENTS, since))}/s; load ${load()}`);
await client.query(`CREATE TABLE plain AS SELECT * FROM holdfast.event`);
await client.query('CREATE INDEX plain_key ON plain (stream, key, time)');
await client.query('VACUUM ANALYZE plain');
await client.query('VACUUM ANALYZE holdfast.event');
const [{ bytes }] = await sql<{ bytes: string }>(url, 'SELECT pg_database_size(current_database()) AS bytes') as [{ bytes: string }];
say(`both tables are there, ${(Number(bytes) / 1e9).toFixed(1)} GB in all, after ${Math.round((performance.now() - since) / 1_000)} s; load ${load()}`);

type Ask = { text: string; values: unknown[] };

/** The time that an answer takes, ms, and how many rows it has. */
async function timed({ text, values }: Ask): Promise<{ ms: number; rows: number }> {
  const begun = performance.now(), { rows } = await client.query({ text, values });
  return { ms: performance.now() - begun, rows: rows.length };
}

const median = (all: number[]): number => all.sort((a, b) => a - b)[all.length >> 1]!;

/** Asks both in turns, each time of something else, after they were warmed up; medians. */
async function beside(what: string, times: number, ours: (i: number) => Ask, plain: (i: number) => Ask, note: string): Promise<void> {
  const own: number[] = [], its: number[] = [];
  let count = 0;
  for (let i = -Math.ceil(times / 10); i < times; i++) {
    const a = await timed(ours(i + times)), b = await timed(plain(i + times));
    if (a.rows !== b.rows || a.rows === 0) throw new Error(`${what}: ${a.rows} rows and ${b.rows}`);
    if (i < 0) continue;
    own.push(a.ms);
    its.push(b.ms);
    count += a.rows;
  }
  tell({ what: `${what}, ${EVENTS} events`, value: median(own), unit: 'ms', baseline: { what: 'a plain table', value: median(its) }, note: `${note}; ${Math.round(count / times)} rows, median of ${times}, load ${load()}` });
}

const some1 = (i: number): string => keyOf(i * 7_919 % KEYS);
const day = (table: string) => (i: number): Ask => {
  const start = START_MS + (i * 37 % (DAYS - 1)) * DAY_MS;
  return { text: `SELECT time, type, body FROM ${table} WHERE stream = $1 AND key = $2 AND time >= $3 AND time < $4 ORDER BY time`, values: [STREAM, some1(i), new Date(start), new Date(start + DAY_MS)] };
};
const every = (table: string) => (): Ask => ({ text: `SELECT DISTINCT ON (key) key, time, body FROM ${table} WHERE stream = $1 ORDER BY key, time DESC`, values: [STREAM] });
const last = (table: string) => (i: number): Ask => ({ text: `SELECT time, type, body FROM ${table} WHERE stream = $1 AND key = $2 ORDER BY time DESC LIMIT 1`, values: [STREAM, some1(i)] });

await beside('SQL: one key over a day', 400, day('holdfast.event'), day('plain'), 'holdfast.event');
await beside('SQL: the latest of one key', 400, last('holdfast.event'), last('plain'), 'holdfast.event, the same SQL');
await beside('SQL: the latest of one key', 400, last('holdfast.latest'), last('plain'), 'holdfast.latest');
await beside('SQL: the latest of every key', 3, every('holdfast.event'), every('plain'), 'holdfast.event, the same SQL: DISTINCT ON');
await beside('SQL: the latest of every key', 3, every('holdfast.latest'), every('plain'), 'holdfast.latest');
await client.end();
await close();
await server.remove();
