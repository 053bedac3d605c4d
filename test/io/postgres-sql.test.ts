// SQL.md: its queries as they stand there, over real events, as a user who may only read; and that PostgreSQL goes the short way.
import { readFileSync } from 'node:fs';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import type { Value } from '../../src/event/value.ts';
import { READABLE } from '../../src/io/postgres-schema.ts';
import { idsOf, latestOp, named, nodeId, runFrom, type Said } from './postgres-events.ts';
import { openTest, sql, startServer } from './postgres-server.ts';

const server = await startServer(), url = await server.database();
const test = suite('postgres sql');
test.after(() => server.remove());

const MINUTE = 60_000, HOUR = 60 * MINUTE, DAY = 24 * HOUR, D = Date.UTC(2026, 10, 20);
const QUERIES = [...readFileSync('targets/server/SQL.md', 'utf8').matchAll(/^```sql\n([^]*?)^```/gm)].map((found) => found[1]!);
const reader = url.replace('user=holdfast', 'user=grafana');
const at = (time: number): Date => new Date(time);

/** What a user who may not make roles was told. */
const told: string[] = [];

/** Half a year of readings of forty keys, and a few events that the questions are about. */
const readings: Said[] = [];
for (let i = 0; i < 40_000; i++) readings.push({ key: `pump-${i % 40 + 100}`, type: 'other', time: Date.UTC(2026, 6, 1) + i * 6 * MINUTE, body: { bar: i % 17, state: 'closed' } });
const said = (key: string, type: string, time: number, body: Value): Said => ({ key, type, time, body });
const climate = [
  said('pump-7', 'climate', D + 8 * HOUR, { celsius: 20 }), said('pump-7', 'climate', D + 8 * HOUR + 5 * MINUTE, { celsius: 22 }), said('pump-7', 'climate', D + 9 * HOUR, { celsius: 'broken' }),
  said('pump-8', 'climate', D + 9 * HOUR, { celsius: 10.5 }), said('pump-7', 'climate', D + DAY, { celsius: 30 }),
];
const NOW = Date.UTC(2090, 0, 1); // whenever this test runs, it is not silent
const others = [said('pump-7', 'valve', D + 10 * HOUR, { valve: { state: 'open', by: "O'Neil" } }), said('pump-9', 'climate', NOW, { celsius: 1 })];
const alarms = [said('pump-7', 'hot', D + 8 * HOUR + 30 * MINUTE, { level: 2 }), said('pump-8', 'hot', D, { level: 1 })];
const config = [said('pump-7', 'limit', D, { celsius: 25 })];
const runs = {
  bulk: runFrom('bulk', 'inland', 1, readings), climate: runFrom('telemetry', 'harbour', 1, climate), others: runFrom('telemetry', 'inland', 1, others), alarms: runFrom('alarms', 'harbour', 1, alarms), config: runFrom('config', 'stranger', 1, config),
};

test.before(async () => {
  await sql(url, 'DROP ROLE IF EXISTS holdfast_reader'); // a server of its own makes it at once
  await sql(url, 'CREATE ROLE plain LOGIN');
  const fresh = await server.database('OWNER plain'), plain = await openTest(fresh.replace('user=holdfast', 'user=plain'));
  told.push(...plain.notices);
  await plain.close();
  const { store, members, close } = await openTest(url);
  await store.commit([latestOp(runs.climate, 4, 'pump-7'), latestOp(runs.climate, 3, 'pump-8'), latestOp(runs.others, 1, 'pump-9'), latestOp(runs.config, 0, 'pump-7'), latestOp(runs.alarms, 0, 'pump-7')], { retracted: [], admitted: Object.values(runs) });
  await members([{ node: named('harbour', 32), name: 'harbour', state: 'member' }, { node: named('inland', 32), name: 'inland', state: 'revoked' }]);
  await close();
  await sql(url, 'ANALYZE holdfast.event');
  await sql(url, 'CREATE ROLE grafana LOGIN IN ROLE holdfast_reader');
});

const ask = (n: number): Promise<Record<string, unknown>[]> => sql(reader, QUERIES[n - 1]!);

test('the page has its eleven queries', () => assert.is(QUERIES.length, 11));

test('1: the current state', async () => assert.equal(await ask(1), [
  { key: 'pump-7', time: at(D + DAY), type: 'climate', body: { celsius: 30 } }, { key: 'pump-8', time: at(D + 9 * HOUR), type: 'climate', body: { celsius: 10.5 } }, { key: 'pump-9', time: at(NOW), type: 'climate', body: { celsius: 1 } },
]));

test('2: one key on one day', async () => assert.equal((await ask(2)).map(({ time, body }) => [time, body]), [
  [at(D + 8 * HOUR), { celsius: 20 }], [at(D + 8 * HOUR + 5 * MINUTE), { celsius: 22 }], [at(D + 9 * HOUR), { celsius: 'broken' }], [at(D + 10 * HOUR), { valve: { state: 'open', by: "O'Neil" } }],
]));

test('3: hourly means', async () => assert.equal(await ask(3), [
  { hour: at(D + 8 * HOUR), key: 'pump-7', celsius: 21, readings: '2' }, { hour: at(D + 9 * HOUR), key: 'pump-8', celsius: 10.5, readings: '1' },
]));

test('4: silent keys', async () => {
  const before = (await ask(4)).map(({ stream, key }) => `${stream} ${key}`);
  // What is later than now by this machine's clock is not silent; all else is once the days of these events are over.
  const wanted = [['config pump-7', D], ['alarms pump-7', D + 8.5 * HOUR], ['telemetry pump-8', D + 9 * HOUR], ['telemetry pump-7', D + DAY]].filter(([, time]) => (time as number) < Date.now() - HOUR).map(([name]) => name);
  assert.equal(before, wanted);
});

test('5: gaps', async () => assert.equal((await ask(5)).map(({ key, since, until }) => [key, since, until]), [
  ['pump-7', at(D + 8 * HOUR + 5 * MINUTE), at(D + 9 * HOUR)], ['pump-7', at(D + 9 * HOUR), at(D + 10 * HOUR)],
]));

test('6: two streams', async () => assert.equal(await ask(6), [
  { time: at(D), key: 'pump-8', alarm: { level: 1 }, read: null, reading: null },
  { time: at(D + 8 * HOUR + 30 * MINUTE), key: 'pump-7', alarm: { level: 2 }, read: at(D + 8 * HOUR + 5 * MINUTE), reading: { celsius: 22 } },
]));

test('7: one node', async () => {
  const rows = (await ask(7)).map(({ time, stream, key, type }) => [(time as Date).getTime(), stream, key, type]);
  assert.equal(rows.map(([time]) => time), [D, D + 8 * HOUR, D + 8 * HOUR + 5 * MINUTE, D + 8 * HOUR + 30 * MINUTE, D + 9 * HOUR, D + 9 * HOUR]);
  assert.equal(rows.slice(0, 4).map(([, ...rest]) => rest.join(' ')), ['alarms pump-8 hot', 'telemetry pump-7 climate', 'telemetry pump-7 climate', 'alarms pump-7 hot']);
});

test('8: a field of JSON', async () => assert.equal(await ask(8), [{ time: at(D + 10 * HOUR), key: 'pump-7', body: { valve: { state: 'open', by: "O'Neil" } } }]));

test('9: counts by day', async () => {
  const rows = await ask(9);
  assert.equal(rows.filter(({ stream }) => stream === 'telemetry').map(({ events, keys }) => [events, keys]), [['5', '2'], ['1', '1']]);
  assert.is(rows.filter(({ stream }) => stream === 'bulk').length, 30);
});

test('10: who wrote it', async () => assert.equal(await ask(10), [{ key: 'pump-7', body: { celsius: 25 }, time: at(D), node: nodeId('stranger'), id: idsOf(runs.config)[0] }]));

test('11: a panel of Grafana', async () => assert.equal(await ask(11), [
  { time: at(D + 8 * HOUR), metric: 'pump-7', value: 20 }, { time: at(D + 8 * HOUR + 5 * MINUTE), metric: 'pump-7', value: 22 }, { time: at(D + 9 * HOUR), metric: 'pump-8', value: 10.5 },
]));

test('streams and nodes', async () => {
  assert.equal((await sql(reader, 'SELECT stream, events::int, nodes::int FROM holdfast.stream ORDER BY stream')), [
    { stream: 'alarms', events: 2, nodes: 1 }, { stream: 'bulk', events: 40_000, nodes: 1 }, { stream: 'config', events: 1, nodes: 1 }, { stream: 'telemetry', events: 7, nodes: 2 },
  ]);
  assert.equal((await sql(reader, 'SELECT name, state, events::int, node FROM holdfast.node ORDER BY events')), [
    { name: null, state: null, events: 1, node: nodeId('stranger') }, { name: 'harbour', state: 'member', events: 7, node: nodeId('harbour') }, { name: 'inland', state: 'revoked', events: 40_002, node: nodeId('inland') },
  ]);
});

/** The relations and indexes that a plan touches. */
async function plan(query: string): Promise<{ tables: string[]; indexes: string[]; sequential: string[] }> {
  const [row] = await sql<{ 'QUERY PLAN': unknown }>(url, `EXPLAIN (FORMAT JSON) ${query}`), text = JSON.stringify(row!['QUERY PLAN']);
  const all = (pattern: RegExp): string[] => [...new Set([...text.matchAll(pattern)].map((found) => found[1]!))].sort();
  return { tables: all(/"Relation Name":"([^"]+)"/g), indexes: all(/"Index Name":"([^"]+)"/g), sequential: all(/"Node Type":"Seq Scan"[^{}]*?"Relation Name":"(event[^"]+)"/g) };
}

test('the short way: one month where one is asked for, and an index', async () => {
  const bulk = (query: string): string => query.replaceAll(`'telemetry'`, `'bulk'`).replace(`'pump-7'`, `'pump-107'`);
  for (const n of [2, 8, 11]) {
    const { tables, indexes, sequential } = await plan(bulk(QUERIES[n - 1]!));
    assert.equal(tables, ['event_2026_11'], `query ${n}`);
    assert.equal(sequential, [], `query ${n}`);
    assert.match(indexes.join(), n === 2 ? 'stream_key_time' : n === 8 ? 'body' : 'stream_');
  }
  for (const n of [3, 5, 7, 9]) assert.equal((await plan(bulk(QUERIES[n - 1]!))).tables.filter((table) => table.startsWith('event')), ['event_2026_11'], `query ${n}`);
  const day = await plan(`SELECT * FROM holdfast.events WHERE stream = 'bulk' AND time >= '2026-11-20T00:00:00Z' AND time < '2026-11-20T01:00:00Z'`);
  assert.match(day.indexes.join(), 'stream_time');
});

test('a reader reads, and does nothing else', async () => {
  const refused = (statement: string): Promise<string> => sql(reader, statement).then(() => 'done', (error: { code: string }) => error.code);
  for (const name of READABLE) assert.is(await refused(`SELECT * FROM holdfast.${name} LIMIT 1`), 'done');
  const tables = await sql<{ name: string }>(url, `SELECT relname AS name FROM pg_class WHERE relnamespace = 'holdfast'::regnamespace AND relkind IN ('r', 'v', 'p') AND NOT relispartition`);
  const hidden = tables.map(({ name }) => name).filter((name) => !(READABLE as readonly string[]).includes(name));
  assert.ok(hidden.includes('store_segment') && hidden.includes('document') && hidden.includes('journal'));
  for (const name of hidden) assert.is(await refused(`SELECT * FROM holdfast.${name}`), '42501', name);
  for (const statement of ['DELETE FROM holdfast.event', `UPDATE holdfast.event SET key = ''`, 'TRUNCATE holdfast.event', 'DELETE FROM holdfast.latest', 'INSERT INTO holdfast.event SELECT * FROM holdfast.event', 'CREATE TABLE holdfast.x (a int)', 'DROP TABLE holdfast.event', 'SELECT * FROM holdfast.event FOR UPDATE']) {
    assert.is(await refused(statement), '42501', statement);
  }
});

test('a user who may not make roles is told what an administrator should say, and that is enough', async () => {
  assert.is(told.length, 1);
  assert.match(told[0]!, 'CREATE ROLE holdfast_reader NOLOGIN;');
  const grants = told[0]!.slice(told[0]!.indexOf('GRANT')), other = await server.database(), mine = other.replace('user=holdfast', 'user=plain');
  assert.match(await openTest(mine).then(() => 'opened', (error: Error) => error.message), /^PostgreSQL does not let this user .*CREATE SCHEMA holdfast AUTHORIZATION/);
  await sql(other, 'CREATE SCHEMA holdfast AUTHORIZATION plain');
  const { notices, close } = await openTest(mine);
  await close();
  assert.equal(notices, [], 'the role is there by now, and what is its own a user may grant');
  await sql(other, `REVOKE SELECT ON ALL TABLES IN SCHEMA holdfast FROM holdfast_reader; ${grants}`);
  assert.equal(await sql(other.replace('user=holdfast', 'user=grafana'), 'SELECT * FROM holdfast.event'), []);
});

test.run();
