// Taking segments in at a node on PostgreSQL, rows for SQL included, against COPY of the same rows into the same table with the same indexes; and what the index over bodies costs.

import { createReadStream } from 'node:fs';
import { pipeline } from 'node:stream/promises';
import { Client } from 'pg';
import { from } from 'pg-copy-streams';
import { EVENT_COLUMNS } from '../../src/io/postgres-rows.ts';
import type { Bytes } from '../../src/ports.ts';
import { openTest, sql, startServer } from '../io/postgres-server.ts';
import { openBenchNode } from './bench-node.ts';
import { freshFolder, inTurns, load, pause, perSecond, say, tell } from './rows.ts';
import { ownSeconds, serverSeconds } from './postgres-work.ts';
import { startAuthor } from './server-author.ts';

/** Events in all, and times that each way is measured. */
const EVENTS = Number(process.env['EVENTS'] ?? 1_000_000), ROUNDS = Number(process.env['ROUNDS'] ?? 2);
/** What a session hands over at a time, as bytes of segments, and what may wait at once: see sync/bounds.ts. */
const UNIT_BYTES = 196_608, WINDOW_BYTES = 1_048_576;
const COPY = `COPY holdfast.event (${EVENT_COLUMNS.join(', ')}) FROM STDIN WITH (FORMAT binary)`;

const author = await startAuthor(EVENTS, 1, { rows: true }), server = await startServer();
await author.stop();
const units: Bytes[][] = [[]];
let bytes = 0;
for (const segment of author.segments) {
  if (bytes + segment.length > UNIT_BYTES) { units.push([]); bytes = 0; }
  units.at(-1)!.push(segment);
  bytes += segment.length;
}
say(`${author.segments.length} segments in ${units.length} units`);

/** The cluster that a URL of one of its databases leads to. */
const cluster = (url: string): string => url.replace(/\/\/\/\w+\?/, '///postgres?');
let months: string[] = [];
/** Seconds of processor of the last measurement, this process's and PostgreSQL's. */
let spent = 0;

/** Makes a database with the schema, and, when they are known, the partitions; gives it to `work` and removes it. */
async function within(gin: boolean, work: (url: string) => Promise<number>): Promise<number> {
  const url = await server.database(), { close } = await openTest(url);
  await close();
  if (!gin) await sql(url, 'DROP INDEX holdfast.event_body');
  for (const month of months) await sql(url, month);
  const here = ownSeconds(), there = serverSeconds(server.folder), rate = await work(url), own = ownSeconds() - here, its = serverSeconds(server.folder) - there;
  spent = own + its;
  const [row] = await sql<{ events: string; table: string; indexes: string }>(url, `SELECT (SELECT count(*) FROM holdfast.event) AS events, sum(pg_table_size(relid)) AS table, sum(pg_indexes_size(relid)) AS indexes FROM pg_partition_tree('holdfast.event')`);
  if (Number(row!.events) !== EVENTS) throw new Error(`${row!.events} rows of ${EVENTS}`);
  say(`${Math.round(rate)}/s${gin ? '' : ' without the index over bodies'}, ${own.toFixed(1)} s of processor here and ${its.toFixed(1)} in PostgreSQL; a row takes ${Math.round(Number(row!.table) / EVENTS)} bytes, its indexes ${Math.round(Number(row!.indexes) / EVENTS)}; load ${load()}`);
  if (months.length === 0) {
    const made = await sql<{ name: string; bounds: string }>(url, `SELECT relid::text AS name, pg_get_expr(c.relpartbound, c.oid) AS bounds FROM pg_partition_tree('holdfast.event') JOIN pg_class c ON c.oid = relid WHERE isleaf`);
    months = made.map(({ name, bounds }) => `CREATE TABLE ${name} PARTITION OF holdfast.event ${bounds}`);
  }
  await sql(cluster(url), `DROP DATABASE ${/\/\/\/(\w+)\?/.exec(url)![1]} WITH (FORCE)`);
  await sql(cluster(url), 'CHECKPOINT');
  return rate;
}

/** Events a second through the door, as a session hands them over: some units before the first is durable. */
async function throughDoor(url: string): Promise<number> {
  const medium = await openTest(url), { node, stop } = await openBenchNode(freshFolder('server'), { medium, invitation: author.invitations[0]!, windowMs: 200 });
  await node.admit(author.context);
  const since = performance.now(), under: Promise<unknown>[] = [];
  let events = 0, waiting = 0;
  for (const unit of units) {
    const size = unit.reduce((n, { length }) => n + length, 0);
    waiting += size;
    under.push(node.admit(unit).then((done) => { for (const one of done) events += one.events; waiting -= size; }));
    while (waiting > WINDOW_BYTES) await under.shift();
    // A peer sends more when it hears that something is durable: it comes a moment later.
    await pause(2);
  }
  await Promise.all(under);
  const rate = perSecond(EVENTS, since);
  if (events !== EVENTS) throw new Error(`${events} of ${EVENTS} events were admitted`);
  await stop();
  return rate;
}

/** Rows a second by one COPY, from this process. */
async function throughCopy(url: string): Promise<number> {
  const client = new Client(url);
  await client.connect();
  const since = performance.now();
  await pipeline(createReadStream(author.rows, { highWaterMark: 65_536 }), client.query(from(COPY)));
  const rate = perSecond(EVENTS, since);
  await client.end();
  return rate;
}

for (const gin of [true, false]) {
  const least = [Infinity, Infinity], measured = (i: number, work: (url: string) => Promise<number>) => async (): Promise<number> => {
    const rate = await within(gin, work);
    least[i] = Math.min(least[i]!, spent);
    return rate;
  };
  // The first through the door makes the partitions, which COPY then finds.
  const [ours, theirs] = await inTurns(gin ? ROUNDS : 1, [measured(0, throughDoor), measured(1, throughCopy)]) as [number, number];
  const what = `PostgreSQL takes in ${EVENTS} events in segments of 256, with rows and latest${gin ? '' : ', without the index over bodies'}`;
  tell({ what, value: ours, unit: 'events/s', baseline: { what: 'COPY of the same rows, same table and indexes', value: theirs }, ...(gin && { reach: '≥ 0.5', ok: ours / theirs >= 0.5 }), note: `load ${load()}` });
  tell({ what: `${what}; by seconds of processor`, value: EVENTS / least[0]!, unit: 'events/s', baseline: { what: 'COPY', value: EVENTS / least[1]! }, note: 'this process and PostgreSQL together, which says the same whatever else the machine does' });
}
await server.remove();
