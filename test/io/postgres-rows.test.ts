// Events as rows of PostgreSQL: what people read is what was recorded, wherever and whatever it is, and follows what is admitted and taken back.
import fc from 'fast-check';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { utf8 } from '../../src/event/bytes.ts';
import { jsonText } from '../../src/event/json.ts';
import type { Admitted, Op } from '../../src/ports.ts';
import { events, runs, same } from '../event/samples.ts';
import { idsOf, latestOp, nodeId, part, runFrom, type Said } from './postgres-events.ts';
import { empty, openTest, sql, startServer } from './postgres-server.ts';

const server = await startServer(), url = await server.database();
const test = suite('postgres rows');
test.after(() => server.remove());

interface Shown { time: string; stream: string; key: string; type: string; body: string; node: string; id: string }
const ALL = `SELECT CASE WHEN isfinite(time) THEN (extract(epoch FROM time) * 1000)::numeric(40, 0)::text ELSE time::text END AS time, stream, key, type, body::text AS body, node, id FROM holdfast.event ORDER BY id COLLATE "C"`;

/** What SQL should show of a run. PostgreSQL has no time before 4714 BC. */
function shown(run: Admitted, node: string, said: readonly Said[]): Shown[] {
  return said.map(({ key, type, time, body }, i) => ({ time: time < -210_866_803_200_000 ? '-infinity' : String(time), stream: run.stream, key, type, body: jsonText(body), node: nodeId(node), id: idsOf(run)[i]! }));
}

/** Compares rows; bodies as values. */
function sameRows(found: Shown[], wanted: Shown[]): void {
  const order = (rows: Shown[]): unknown[] => [...rows].sort((a, b) => Buffer.compare(Buffer.from(a.id), Buffer.from(b.id))).map((row) => ({ ...row, body: JSON.parse(row.body) as unknown }));
  same(order(found), order(wanted));
}

const T = Date.UTC(2026, 10, 20, 9, 30);
const said = (n: number, time: (i: number) => number = (i) => T + i * 1_000): Said[] => Array.from({ length: n }, (_, i) => ({ key: `pump-${i % 3}`, type: 'pressure', time: time(i), body: { bar: i / 10, on: true } }));

/** Runs a test on an empty database, opened by one process. */
function on(title: string, body: (postgres: Awaited<ReturnType<typeof openTest>>) => Promise<void>): void {
  test(title, async () => {
    const postgres = await openTest(await empty(url));
    try { await body(postgres); } finally { await postgres.close(); }
  });
}

on('admitted events are rows, with the ids of the HTTP API; those of the system are not', async ({ store }) => {
  const events = said(5), run = runFrom('telemetry', 'alpha', 7, events);
  await store.commit([], { retracted: [], admitted: [run, runFrom('$fleet', 'alpha', 1, said(2))] });
  sameRows(await sql(url, ALL), shown(run, 'alpha', events));
  await store.commit([{ table: 'meta', key: utf8('a'), value: utf8('b') }], { retracted: [], admitted: [] });
  assert.is((await sql(url, ALL)).length, 5);
});

on('what is taken back is gone, what comes again is there once', async ({ store }) => {
  const events = said(10), run = runFrom('telemetry', 'alpha', 1, events), other = runFrom('telemetry', 'beta', 1, events);
  await store.commit([], { retracted: [], admitted: [run, other] });
  await store.commit([], { retracted: [part(run, 3, 6)], admitted: [] });
  sameRows(await sql(url, ALL), [...shown(part(run, 0, 3), 'alpha', events.slice(0, 3)), ...shown(part(run, 6, 10), 'alpha', events.slice(6)), ...shown(other, 'beta', events)]);
  await store.commit([], { retracted: [part(run, 0, 3), part(run, 6, 10), other], admitted: [run, part(other, 9, 10)] });
  sameRows(await sql(url, ALL), [...shown(run, 'alpha', events), ...shown(part(other, 9, 10), 'beta', events.slice(9))]);
  assert.equal(await sql(url, 'SELECT stream, events::int, nodes::int, first, last FROM holdfast.stream'), [{ stream: 'telemetry', events: 11, nodes: 2, first: new Date(T), last: new Date(T + 9_000) }]);
});

on('calls that share a commit move events in their order', async ({ store }) => {
  const events = said(4), run = runFrom('telemetry', 'alpha', 1, events);
  await Promise.all([
    store.commit([], { retracted: [], admitted: [run] }), store.commit([], { retracted: [run], admitted: [part(run, 0, 2)] }), store.commit([], { retracted: [part(run, 0, 1)], admitted: [] }),
    store.commit([], { retracted: [], admitted: [part(run, 3, 4)] }), store.commit([], { retracted: [part(run, 2, 3)], admitted: [part(run, 2, 3)] }),
  ]);
  sameRows(await sql(url, ALL), shown(part(run, 1, 4), 'alpha', events.slice(1)));
  assert.equal(await sql(url, 'SELECT events::int FROM holdfast.node'), [{ events: 3 }]);
});

on('a commit that is refused leaves no row', async ({ store }) => {
  const run = runFrom('telemetry', 'alpha', 1, said(3));
  await store.commit([{ table: 'meta', key: new Uint8Array(0), value: utf8('x') }], { retracted: [], admitted: [run] }).then(() => assert.unreachable(), () => undefined);
  assert.equal(await sql(url, ALL), []);
});

const EDGES = [
  -8.64e15, -210_866_803_200_001, -210_866_803_200_000, -62_135_596_800_000, -1, 0, Date.UTC(2000, 0, 1) - 1, Date.UTC(2000, 0, 1), Date.UTC(2024, 1, 29, 23, 59, 59, 999), Date.UTC(2024, 2, 1), Date.UTC(2026, 11, 31, 23, 59, 59, 999),
  Date.UTC(2027, 0, 1), Date.UTC(2099, 11, 31, 23, 59, 59, 999), Date.UTC(2100, 0, 1), 253_402_300_800_000, 8.64e15,
];

on('every time that an event may have: each in its partition, the earliest as −infinity', async ({ store }) => {
  const events = said(EDGES.length, (i) => EDGES[i]!), run = runFrom('edges', 'alpha', 1, events);
  await store.commit([], { retracted: [], admitted: [run] });
  sameRows(await sql(url, ALL), shown(run, 'alpha', events));
  const where = await sql<{ part: string; n: number }>(url, `SELECT c.relname AS part, count(*)::int AS n FROM holdfast.event e JOIN pg_class c ON c.oid = e.tableoid GROUP BY 1 ORDER BY c.relname`);
  assert.equal(where, [['after_2099', 3], ['before_2000', 7], ['2000_01', 1], ['2024_02', 1], ['2024_03', 1], ['2026_12', 1], ['2027_01', 1], ['2099_12', 1]]
    .map(([name, n]) => ({ part: `event_${name}`, n })).sort((a, b) => (a.part < b.part ? -1 : 1)));
  await store.commit([], { retracted: [run], admitted: [] });
  assert.equal(await sql(url, ALL), []);
});

on('a partition that an administrator took away is made again, beside the one with its name', async ({ store }) => {
  const events = said(2), run = runFrom('telemetry', 'alpha', 1, events), more = runFrom('telemetry', 'alpha', 3, events);
  await store.commit([], { retracted: [], admitted: [run] });
  await sql(url, 'ALTER TABLE holdfast.event DETACH PARTITION holdfast.event_2026_11');
  await store.commit([], { retracted: [], admitted: [more] });
  sameRows(await sql(url, ALL), shown(more, 'alpha', events));
  assert.equal(await sql(url, 'SELECT count(*)::int AS n FROM holdfast.event_2026_11'), [{ n: 2 }]);
  await sql(url, 'DROP TABLE holdfast.event_2026_11, holdfast.event_2026_11_2');
});

test('processes that need the same partitions at once make each once', async () => {
  const fresh = await server.database(), all = await Promise.all(Array.from({ length: 3 }, () => openTest(fresh)));
  await Promise.all(all.map(async ({ store }, k) => {
    const events = said(60, (i) => Date.UTC(2021, i, 10));
    for (;;) {
      await store.shared.enter();
      try { await store.commit([], { retracted: [], admitted: [runFrom('telemetry', `node ${k}`, 1, events)] }); return; } finally { await store.shared.leave(); }
    }
  }));
  assert.equal(await sql(fresh, `SELECT count(*)::int AS n, count(DISTINCT tableoid)::int AS parts FROM holdfast.event`), [{ n: 180, parts: 60 }]);
  await Promise.all(all.map(({ close }) => close()));
});

const HOSTILE = [`'; DROP TABLE holdfast.event; --`, `"`, `\\`, `\\'`, '$1', '$$', '%s', '\\N', '\\.', 'a\tb\nc\rd', '\u0001\u001f\u007f', '\u2028\u2029', '<script>alert(1)</script>', '{"a":1}', 'é😀\u{10ffff}', '\ufeff', 'NULL', '__proto__', '${x}', 'x'.repeat(64)];

on('names and bodies are data, whatever is in them', async ({ store, members }) => {
  const events: Said[] = HOSTILE.map((text, i) => ({ key: text.repeat(2).slice(0, 60), type: text, time: T + i, body: { [text]: [text, { [text]: text }], bytes: utf8(text), $bytes: text } }));
  const run = runFrom('telemetry', 'alpha', 1, events);
  await store.commit(events.map(({ key }, i) => latestOp(run, i, key)), { retracted: [], admitted: [run] });
  sameRows(await sql(url, ALL), shown(run, 'alpha', events));
  sameRows(await sql(url, ALL.replace('holdfast.event', 'holdfast.latest')), shown(run, 'alpha', events));
  await members(HOSTILE.map((name, i) => ({ node: Uint8Array.of(i), name, state: name })));
  assert.equal((await sql<{ name: string }>(url, 'SELECT name FROM holdfast.node WHERE name IS NOT NULL ORDER BY node')).map(({ name }) => name), HOSTILE);
  await store.commit(events.map(({ key }, i) => ({ ...latestOp(run, i, key), value: undefined })), { retracted: [run], admitted: [] });
  assert.equal(await sql(url, 'SELECT * FROM holdfast.latest'), []);
  assert.equal(await sql(url, ALL), []);
});

on('the largest bodies', async ({ store }) => {
  const bodies = ['\u0001'.repeat(65_000), '"'.repeat(65_000), new Uint8Array(65_000).fill(255), Array.from({ length: 20_000 }, (_, i) => i % 24), Object.fromEntries(Array.from({ length: 4_000 }, (_, i) => [`k${i}`, 1.5])), '😀'.repeat(16_000)];
  const events: Said[] = bodies.map((body, i) => ({ key: 'k', type: 't', time: T + i, body })), run = runFrom('telemetry', 'alpha', 1, events);
  await store.commit([latestOp(run, 0, 'k')], { retracted: [], admitted: [run] });
  sameRows(await sql(url, ALL), shown(run, 'alpha', events));
});

on('any events', async ({ store }) => {
  await fc.assert(fc.asyncProperty(fc.array(events, { minLength: 1, maxLength: 12 }), async (drawn) => {
    const run = runFrom('any', 'alpha', 1, drawn), ops: Op[] = [...new Map(drawn.map(({ key }, i) => [key, latestOp(run, i, key)])).values()];
    await store.commit(ops, { retracted: [], admitted: [run] });
    sameRows(await sql(url, ALL), shown(run, 'alpha', drawn));
    const last = [...new Map(drawn.map((event, i) => [event.key, shown(run, 'alpha', drawn)[i]!])).values()];
    sameRows(await sql(url, ALL.replace('holdfast.event', 'holdfast.latest')), last);
    await store.commit(ops.map((op) => ({ ...op, value: undefined })), { retracted: [run], admitted: [] });
    assert.equal(await sql(url, 'SELECT id FROM holdfast.event UNION ALL SELECT id FROM holdfast.latest'), []);
  }), runs(60));
});

on('rows of `latest` that are none, and those of the system, are kept and not shown', async ({ store }) => {
  const run = runFrom('telemetry', 'alpha', 1, said(1)), op = latestOp(run, 0, 'pump-0'), system = latestOp(runFrom('$fleet', 'alpha', 1, said(1)), 0, 'pump-0');
  const broken: Op[] = [{ ...op, key: utf8('telemetry\0other') }, { ...op, key: utf8('no zero') }, { ...op, key: Uint8Array.of(0xff, 0, 1) }, { ...op, key: utf8('a\0pump-0'), value: op.value!.subarray(0, 120) }];
  await store.commit([op, system, ...broken]);
  assert.is((await store.scan('latest', {})).length, 6);
  assert.equal(await sql(url, 'SELECT stream, key FROM holdfast.latest'), [{ stream: 'telemetry', key: 'pump-0' }]);
});

on('names of nodes: those that are not told any more go', async ({ store, members }) => {
  await store.commit([], { retracted: [], admitted: [runFrom('telemetry', 'alpha', 1, said(3)), runFrom('log', 'alpha', 1, said(1))] });
  const { node } = runFrom('x', 'alpha', 1, []);
  await members([{ node, name: 'alpha', state: 'member' }, { node: Uint8Array.of(1), name: 'old', state: 'revoked' }]);
  assert.equal(await sql(url, 'SELECT name, state, events::int FROM holdfast.node ORDER BY name'), [{ name: 'alpha', state: 'member', events: 4 }, { name: 'old', state: 'revoked', events: 0 }]);
  assert.equal(await sql(url, `SELECT DISTINCT name FROM holdfast.events`), [{ name: 'alpha' }]);
  await members([{ node, name: 'renamed', state: 'member' }]);
  assert.equal(await sql(url, 'SELECT name, state FROM holdfast.node'), [{ name: 'renamed', state: 'member' }]);
});

test.run();
