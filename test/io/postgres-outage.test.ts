// PostgreSQL that is killed, restarted, away, or whose connections break: nothing acknowledged is missing, nothing is there twice, work goes on.
// timeout: 240s
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { Fault, codeOf } from '../../src/fault.ts';
import type { Op } from '../../src/ports.ts';
import { runFrom } from './postgres-events.ts';
import { startRelay } from './postgres-relay.ts';
import { empty, openTest, sql, startServer } from './postgres-server.ts';

const server = await startServer(), url = await server.database();
const test = suite('postgres outages');
test.after(() => server.remove());

type Process = Awaited<ReturnType<typeof openTest>>;
const put = (key: string): Op => ({ table: 'meta', key: Buffer.from(key), value: Buffer.from(key) });
const text = (bytes: Uint8Array): string => Buffer.from(bytes).toString();
const code = (promise: Promise<unknown>): Promise<string> => promise.then(() => 'none', codeOf);
const pause = (ms: number): Promise<void> => new Promise((done) => { setTimeout(done, ms); });
const until = async (what: () => boolean | Promise<boolean>): Promise<void> => { while (!await what()) await pause(10); };

/** Commits in turns, each a row and an event, until `over`; what was done, and what was refused because others were first. */
async function work(process: Process, name: string, over: () => boolean): Promise<{ done: string[]; refused: string[] }> {
  const done: string[] = [], refused: string[] = [];
  for (let i = 1; !over(); i++) {
    const key = `${name}-${i}`, run = runFrom('work', key, 1, [{ key, type: 'count', time: Date.UTC(2026, 10, 20), body: i }]);
    await process.store.shared.enter();
    const one = (which: string, admitted: typeof run[]): Promise<unknown> => process.store.commit([put(which)], { retracted: [], admitted }).then(() => done.push(which), (error: unknown) => {
      assert.is(codeOf(error), 'busy', String(error));
      refused.push(which);
    });
    await Promise.all([one(key, [run]), one(`${key}+`, [])]);
    await process.store.shared.leave();
  }
  return { done, refused };
}

/** Appends until `over`; what was acknowledged. */
async function record(process: Process, name: string, over: () => boolean): Promise<string[]> {
  const done: string[] = [];
  for (let i = 1; !over(); i++) {
    await Promise.all([`${name}-${i}a`, `${name}-${i}b`].map(async (word) => { await process.journal.append(Buffer.from(word)); done.push(word); }));
  }
  return done;
}

/** Two processes work and record while something happens; then everything must be there once. */
async function through(happening: (progress: () => number) => Promise<void>, at = url): Promise<void> {
  await empty(url);
  const [a, b] = [await openTest(at), await openTest(at)];
  let over = false, count = 0;
  const counted = (process: Process): Process => ({ ...process, store: { ...process.store, commit: async (...its) => { await process.store.commit(...its); count++; } } });
  const all = [work(counted(a), 'a', () => over), work(counted(b), 'b', () => over)], appended = [record(a, 'a', () => over), record(b, 'b', () => over)];
  await Promise.race([happening(() => count), Promise.all([...all, ...appended])]).finally(() => { over = true; });
  const worked = await Promise.all(all), done = worked.flatMap((each) => each.done).sort(), refused = worked.flatMap((each) => each.refused);
  const rows: string[] = [];
  for (let from = Buffer.alloc(0); ;) {
    const page = await a.store.scan('meta', from.length ? { gte: from } : {});
    if (page.length === 0) break;
    rows.push(...page.map(({ key }) => text(key)));
    from = Buffer.concat([page.at(-1)!.key, Buffer.alloc(1)]);
  }
  assert.ok(done.length > 20, `${done.length} commits`);
  assert.equal(rows.sort(), done);
  assert.is(refused.filter((key) => done.includes(key)).length, 0);
  assert.equal((await sql<{ key: string }>(url, 'SELECT key FROM holdfast.event')).map(({ key }) => key).sort(), done.filter((key) => !key.endsWith('+')));
  assert.equal(await sql(url, `SELECT sum(events)::int AS n FROM holdfast.tally`), [{ n: done.filter((key) => !key.endsWith('+')).length }]);
  const words = await Promise.all(appended);
  const kept = await sql<{ record: Buffer; slot: number }>(url, 'SELECT record, slot FROM holdfast.journal JOIN holdfast.process ON id = process ORDER BY slot, number');
  for (const [slot, wanted] of words.entries()) assert.equal(kept.filter((row) => row.slot === slot).map(({ record: bytes }) => text(bytes)), wanted);
  await Promise.all([a.close(), b.close()]);
}

test('the server is killed in the middle of commits, again and again', () => through(async (progress) => {
  for (let i = 0; i < 3; i++) {
    const now = progress();
    await until(() => progress() > now + 10);
    await pause(Math.random() * 30);
    server.kill();
  }
  const now = progress();
  await until(() => progress() > now + 10);
}));

test('connections are ended all the time', () => through(async (progress) => {
  for (let i = 0; i < 25 || progress() < 40; i++) {
    await pause(15 + Math.random() * 30);
    await sql(url, `SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid() AND random() < 0.4`);
  }
}));

test('answers are lost, and requests', async () => {
  const relay = await startRelay(url);
  await through(async (progress) => {
    for (let i = 0; i < 8; i++) {
      const now = progress();
      await until(() => progress() > now + 4);
      relay.lose = i % 2 === 0 ? 'answers' : 'requests';
      const before = relay.lost;
      await until(() => relay.lost > before);
      await pause(40); // the server does what it has heard of
      relay.cut();
      relay.lose = 'nothing';
    }
  }, relay.through(url));
  relay.close();
});

test('a commit whose answer was lost was done once, although others went on meanwhile', async () => {
  await empty(url);
  const relay = await startRelay(url), a = await openTest(relay.through(url)), b = await openTest(url);
  const event = (position: number) => runFrom('work', 'a', position, [{ key: 'k', type: 't', time: 0, body: position }]);
  await a.store.shared.enter();
  await a.store.commit([put('first')], { retracted: [], admitted: [event(1)] });
  relay.lose = 'answers';
  const uncertain = a.store.commit([put('uncertain')], { retracted: [], admitted: [event(2)] });
  await until(async () => (await sql(url, 'SELECT FROM holdfast.event')).length === 2);
  // The lock of the turn goes with its connection; others take many turns before the answer could be asked for again.
  relay.cut();
  for (let i = 0; i < 5; i++) {
    await b.store.shared.enter();
    await b.store.commit([put(`b ${i}`)]);
    await b.store.shared.leave();
  }
  relay.lose = 'nothing';
  relay.cut();
  await uncertain;
  assert.is((await sql(url, 'SELECT FROM holdfast.event')).length, 2);
  assert.is(await code(a.store.commit([put('late')])), 'busy');
  await a.store.shared.leave();
  assert.is((await a.store.shared.enter()).changed.length, 5);
  await a.store.shared.leave();
  await Promise.all([a.close(), b.close()]);
  relay.close();
});

test('a process that is cut off in the middle of a commit, with its locks, holds nobody up for longer than its lease', async () => {
  await empty(url);
  const relay = await startRelay(url), a = await openTest(relay.through(url), { leaseMs: 2_000 }), b = await openTest(url, { leaseMs: 2_000 });
  const run = runFrom('work', 'a', 1, Array.from({ length: 10_000 }, (_, i) => ({ key: 'k', type: 't', time: 0, body: `${i}`.repeat(20) })));
  await a.store.shared.enter();
  await a.store.commit([put('first')], { retracted: [], admitted: [runFrom('work', 'a', 10_001, [{ key: 'k', type: 't', time: 0, body: 0 }])] });
  relay.loseAfter(500_000);
  const stuck = code(a.store.commit([put('stuck')], { retracted: [], admitted: [run] }));
  await until(() => relay.lost > 0);
  await b.store.shared.enter();
  await b.store.commit([put('b')]);
  await b.store.shared.leave();
  relay.loseAfter(Infinity);
  relay.lose = 'nothing';
  relay.cut();
  assert.match(await stuck, /^(busy|store-failed)$/);
  assert.is((await sql(url, 'SELECT FROM holdfast.event')).length, 1);
  assert.equal((await b.store.scan('meta', {})).map(({ key }) => text(key)), ['b', 'first']);
  await Promise.all([a.close(), b.close()]);
  relay.close();
});

test('while it is away everything waits; it is told once that it went, and once that it is back', async () => {
  await empty(url);
  const a = await openTest(url);
  await a.store.commit([put('before')]);
  await server.stop();
  const waiting = [a.store.commit([put('after')]), a.journal.append(Buffer.from('x')), a.store.get('meta', Buffer.from('before')).then((value) => assert.is(text(value!), 'before')), a.store.scan('meta', {}).then((rows) => assert.ok(rows.length > 0)), a.store.shared.enter()];
  await until(() => a.notices.length > 0);
  assert.is(a.health().connected, false);
  assert.is(await code(a.query('SELECT 1', [])), 'link-failed');
  await pause(300);
  await server.start();
  await Promise.all(waiting);
  await a.store.shared.leave();
  assert.is(a.notices.length, 2, a.notices.join('\n'));
  assert.match(a.notices[0]!, 'PostgreSQL is away');
  assert.match(a.notices[1]!, 'is back');
  assert.is(a.health().connected, true);
  assert.equal((await a.store.scan('meta', {})).map(({ key }) => text(key)), ['after', 'before']);
  await a.close();
});

test('an outage longer than all leases costs no process its place', async () => {
  await empty(url);
  const all = [await openTest(url, { leaseMs: 3_000 }), await openTest(url, { leaseMs: 3_000 })];
  await Promise.all(all.map(({ journal }) => journal.append(Buffer.from('x'))));
  await server.stop();
  await pause(4_000);
  await server.start();
  for (let i = 0; i < 10; i++) {
    for (const { store } of all) {
      await store.shared.enter();
      assert.equal(await store.shared.orphans(), []);
      await store.commit([put(`${i}`)]);
      await store.shared.leave();
    }
    await pause(150);
  }
  await Promise.all(all.map(({ close }) => close()));
});

test('closing while it is away ends all the same, and says what is not known', async () => {
  await empty(url);
  const a = await openTest(url);
  await a.store.commit([put('before')]);
  await server.stop();
  const [commit, append] = [code(a.store.commit([put('lost')])), code(a.journal.append(Buffer.from('lost')))];
  await pause(200);
  await Promise.all([a.journal.close(), a.store.close()]);
  assert.equal(await Promise.all([commit, append]), ['closed', 'closed']);
  await server.start();
});

test('a standby or a server without the last commits', async () => {
  await empty(url);
  const a = await openTest(url), b = await openTest(url), name = new URL(url).pathname.slice(1);
  await a.store.shared.enter();
  await a.store.shared.leave();
  await sql(url, `ALTER DATABASE ${name} SET default_transaction_read_only = on`);
  await sql(url, `SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()`);
  const waiting = a.store.commit([put('x')]);
  await until(() => a.notices.length > 0);
  await sql(`${url}&options=-c%20default_transaction_read_only%3Doff`, `ALTER DATABASE ${name} RESET default_transaction_read_only`);
  await waiting;
  await sql(url, 'UPDATE holdfast.step SET n = n - 2');
  assert.is(await code(a.store.shared.enter()), 'store-failed');
  assert.is(await code(a.store.get('meta', Buffer.from('x'))), 'store-failed');
  assert.is(await code(a.store.commit([put('y')])), 'store-failed');
  assert.is(await code(b.store.commit([put('y')])), 'store-failed');
  await Promise.all([a.close(), b.close()]);
});

test('opening says what is wrong', async () => {
  await empty(url);
  const open = (its: string): Promise<string> => openTest(its).then(async ({ close }) => { await close(); return 'opened'; }, (error: Fault) => `${error.code}: ${error.message}`);
  assert.match(await open('postgres://nobody:secret@127.0.0.1:1/none'), /^link-failed: PostgreSQL cannot be reached .*Start it, or correct the address/);
  assert.match(await open(url.replace(/\/test_\d+\?/, '/missing?')), /^link-failed: .*CREATE DATABASE/);
  assert.match(await open(url.replace('user=holdfast', 'user=stranger')), /^link-failed: .*Correct user/);
  assert.match(await open('mysql://x'), /^bad-url: /);
  assert.match(await open('host=/nowhere dbname=x user=y'), /^link-failed: /);
  const host = new URL(url).searchParams.get('host')!, keywords = `host='${host}' dbname=${new URL(url).pathname.slice(1)} user=holdfast connect_timeout=5`;
  assert.is(await open(keywords), 'opened');
  const latin = await server.database(`ENCODING 'LATIN1' LC_COLLATE 'C' LC_CTYPE 'C' TEMPLATE template0`);
  assert.match(await open(latin), /^bad-config: .*LATIN1/);
});

test.run();
