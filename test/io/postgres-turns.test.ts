// Several processes on one database: turns and news, commits that others were ahead of, processes that were stopped, killed or that sleep.
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { codeOf } from '../../src/fault.ts';
import type { Admitted, Op, Orphan } from '../../src/ports.ts';
import { startChild } from './postgres-child.ts';
import { part, runFrom } from './postgres-events.ts';
import { empty, openTest, sql, startServer } from './postgres-server.ts';

const server = await startServer(), url = await server.database();
const test = suite('postgres turns');
test.after(() => server.remove());

type Process = Awaited<ReturnType<typeof openTest>>;
const put = (key: string, value = key): Op => ({ table: 'meta', key: Buffer.from(key), value: Buffer.from(value) });
const text = (bytes: Uint8Array): string => Buffer.from(bytes).toString();
const code = (promise: Promise<unknown>): Promise<string> => promise.then(() => 'none', codeOf);
const until = async (what: () => boolean | Promise<boolean>): Promise<void> => { while (!await what()) await new Promise((done) => { setTimeout(done, 20); }); };

/** Runs a test with some processes on an empty database. */
function on(title: string, count: number, body: (...all: Process[]) => Promise<void>, leaseMs = 20_000): void {
  test(title, async () => {
    await empty(url);
    const all: Process[] = [];
    for (let i = 0; i < count; i++) all.push(await openTest(url, { leaseMs }));
    try { await body(...all); } finally { await Promise.all(all.map(({ close }) => close())); }
  });
}

async function turn<T>(process: Process, step: () => Promise<T>): Promise<T> {
  await process.store.shared.enter();
  try { return await step(); } finally { await process.store.shared.leave(); }
}

on('each has a slot of its own, and the lowest that is free', 3, async (a, b, c) => {
  assert.equal([a, b, c].map(({ store }) => store.shared.slot), [0, 1, 2]);
  await b!.close();
  const d = await openTest(url);
  assert.is(d.store.shared.slot, 1);
  await d.close();
});

on('one has the turn at a time; what others committed is told in order, once', 3, async (a, b, c) => {
  for (const each of [a!, b!, c!]) await turn(each, async () => undefined);
  const run = runFrom('telemetry', 'alpha', 4, [1, 2, 3].map((body) => ({ key: 'k', type: 't', time: body, body })));
  let inside = 0;
  await Promise.all([a!, b!, a!, b!, a!].map((each, i) => turn(each, async () => {
    assert.is(++inside, 1);
    await each.store.commit([put(`first ${i}`)]);
    await each.store.commit([put(`second ${i}`), { table: 'log', key: Buffer.from('gone'), value: undefined }], { retracted: [], admitted: i === 0 ? [run] : [] });
    inside--;
  })));
  await turn(a!, () => a!.store.commit([], { retracted: [part(run, 1, 3)], admitted: [] }));
  const news = await c!.store.shared.enter();
  await c!.store.shared.leave();
  const keys = news.changed.map(({ table, key }) => `${table} ${text(key)}`), pairs = keys.filter((key) => key.startsWith('meta'));
  assert.is(pairs.length, 10);
  for (let i = 0; i < 10; i += 2) assert.is(pairs[i]!.replace('first', 'second'), pairs[i + 1]);
  assert.is(keys.filter((key) => key === 'log gone').length, 5);
  assert.equal(news.moved.map(({ stream, first, count, admitted }) => [stream, first, count, admitted]), [['telemetry', 4, 3, true], ['telemetry', 5, 2, false]]);
  assert.equal([...news.moved[0]!.node, ...news.moved[0]!.incarnation], [...run.node, ...run.incarnation]);
  const again = await c!.store.shared.enter();
  await c!.store.shared.leave();
  assert.equal(again, { changed: [], moved: [] });
  const own = await turn(a!, async () => undefined).then(() => a!.store.shared.enter());
  await a!.store.shared.leave();
  assert.equal(own.changed, []);
});

on('the first turn brings no news', 2, async (a, b) => {
  await turn(a!, () => a!.store.commit([put('x')])); // that b came was a step, too
  assert.equal(await b!.store.shared.enter(), { changed: [], moved: [] });
  await b!.store.shared.leave();
  await b!.store.commit([put('y')]);
  assert.equal((await a!.store.shared.enter()).changed.map(({ key }) => text(key)), ['y']);
  await a!.store.shared.leave();
});

on('a commit that others were ahead of is refused whole, until their news were taken', 2, async (a, b) => {
  await turn(a!, async () => undefined);
  await turn(b!, async () => undefined);
  const run: Admitted = runFrom('telemetry', 'alpha', 1, [{ key: 'k', type: 't', time: 0, body: 1 }]);
  await a!.store.commit([put('a')]);
  assert.is(await code(b!.store.commit([put('b')], { retracted: [], admitted: [run] })), 'busy');
  assert.is(await code(Promise.all([b!.store.commit([put('b1')]), b!.store.commit([put('b2')])])), 'busy');
  assert.equal((await b!.store.scan('meta', {})).map(({ key }) => text(key)), ['a']);
  assert.equal(await sql(url, 'SELECT * FROM holdfast.event'), []);
  await turn(b!, () => b!.store.commit([put('b')], { retracted: [], admitted: [run] }));
  assert.is((await sql(url, 'SELECT * FROM holdfast.event')).length, 1);
  assert.is(await code(a!.store.commit([put('a2')])), 'busy');
});

on('what was called before news came in was computed without them', 2, async (a, b) => {
  await turn(a!, async () => undefined);
  await turn(b!, async () => undefined);
  await b!.store.commit([put('same', 'of b')]);
  // Many are waiting when the turn is taken: none of them may pass because the number fits by then.
  const waiting = Array.from({ length: 20 }, (_, i) => code(a!.store.commit([put('same', `of a ${i}`)]))), news = a!.store.shared.enter();
  assert.equal([...new Set(await Promise.all(waiting))], ['busy']);
  await news;
  await a!.store.shared.leave();
  assert.is(text((await a!.store.get('meta', Buffer.from('same')))!), 'of b');
});

on('many turns of many processes: every commit was made on what the one before left', 3, async (...all) => {
  const count = async (process: Process): Promise<void> => {
    const row = await process.store.get('meta', Buffer.from('count')), n = row ? Number(text(row)) : 0;
    await process.store.commit([put('count', String(n + 1))]);
  };
  await Promise.all(all.map(async (process) => { for (let i = 0; i < 40; i++) await turn(process, () => count(process)); }));
  assert.is(text((await all[0]!.store.get('meta', Buffer.from('count')))!), '120');
  assert.equal(await sql(url, 'SELECT count(DISTINCT process)::int AS n FROM holdfast.made'), [{ n: 3 }]);
});

on('commits, newcomers and names are heard of; one hears nothing of itself', 2, async (a, b) => {
  let heard = 0, own = 0;
  b!.store.shared.onNews = () => { heard++; };
  a!.store.shared.onNews = () => { own++; };
  await turn(a!, () => a!.store.commit([put('x')]));
  await until(() => heard > 0);
  heard = 0;
  await a!.store.shared.announce(Buffer.from('12345678'));
  await until(() => heard > 0);
  assert.equal((await b!.store.shared.siblings()).map(text), ['12345678']);
  assert.equal(await a!.store.shared.siblings(), []);
  assert.is(own, 0);
  const c = await openTest(url);
  await until(() => own > 0);
  await c.close();
});

on('alone, nothing is told to nobody; what everybody has seen is forgotten', 2, async (a, b) => {
  await b!.close();
  await turn(a!, async () => undefined);
  const before = await sql(url, 'SELECT n FROM holdfast.news');
  for (let i = 0; i < 5; i++) await a!.store.commit([put(`${i}`)]);
  assert.is((await sql(url, 'SELECT n FROM holdfast.news')).length, before.length);
  await until(async () => (await sql(url, 'SELECT n FROM holdfast.news')).length === 0);
}, 2_000);

on('a turn may take longer than a stopped process keeps it', 2, async (a, b) => {
  const order: string[] = [];
  await a!.store.shared.enter();
  const waiting = turn(b!, async () => { order.push('b'); });
  await new Promise((done) => { setTimeout(done, 2_500); });
  await a!.store.commit([put('x')]);
  order.push('a');
  await a!.store.shared.leave();
  await waiting;
  assert.equal(order, ['a', 'b']);
}, 2_000);

test('a process that was stopped while it had the turn: the others go on, and what it does then is refused', async () => {
  await empty(url);
  const child = await startChild(url, 4_000), other = await openTest(url, { leaseMs: 4_000 });
  await turn(other, () => other.store.commit([put('before')]));
  await child.ask('enter');
  assert.is(await child.ask('put one'), null);
  child.signal('SIGSTOP');
  await turn(other, () => other.store.commit([put('other')]));
  // Only its turn was lost: it comes back before anybody takes its place.
  child.signal('SIGCONT');
  assert.is(await child.ask('put two'), 'busy');
  await child.ask('leave');
  assert.equal(await child.ask('enter'), ['other']);
  assert.is(await child.ask('put two'), null);
  await child.ask('leave');
  assert.equal((await other.store.scan('meta', {})).map(({ key }) => text(key)), ['before', 'one', 'other', 'two']);
  child.tell('close');
  await child.ended;
  await other.close();
});

test('a process whose place was taken while it slept stops; its journal is taken over and ends there', async () => {
  await empty(url);
  const child = await startChild(url, 2_000), other = await openTest(url, { leaseMs: 2_000 });
  await child.ask('append one');
  await child.ask('append two');
  await turn(other, async () => assert.equal(await other.store.shared.orphans(), []));
  child.signal('SIGSTOP');
  let told = 0, found: Orphan[] = [];
  other.store.shared.onNews = () => { told++; };
  // Told when somebody is not heard of any more, and again until what that one left was taken over.
  await until(async () => {
    await until(() => told > 0);
    told = 0;
    found = await turn(other, () => other.store.shared.orphans());
    return found.length > 0;
  });
  const [orphan] = found;
  assert.is(found.length, 1);
  assert.is(orphan!.slot, child.slot);
  assert.equal(orphan!.records.map(text), ['one', 'two']);
  child.signal('SIGCONT');
  assert.is(await child.ask('append three'), 'store-failed');
  assert.is(await child.ask('put x'), 'store-failed');
  assert.is(await child.ask('enter'), 'store-failed');
  // Not freed yet: whoever comes has another slot, and finds the same.
  const third = await openTest(url, { leaseMs: 2_000 });
  assert.not.equal(third.store.shared.slot, child.slot);
  const [again] = await turn(third, () => third.store.shared.orphans());
  assert.equal(again!.records.map(text), ['one', 'two']);
  await orphan!.done();
  await again!.done();
  assert.equal(await turn(third, () => third.store.shared.orphans()), []);
  child.signal('SIGKILL');
  await child.ended;
  await Promise.all([other.close(), third.close()]);
  assert.equal(await sql(url, 'SELECT * FROM holdfast.journal'), []);
  assert.equal(await sql(url, 'SELECT * FROM holdfast.process'), []);
});

test('a process that was killed on this machine is known to be over at once', async () => {
  await empty(url);
  const child = await startChild(url, 600_000);
  await child.ask('append kept');
  child.signal('SIGKILL');
  await child.ended;
  const next = await openTest(url, { leaseMs: 600_000 });
  assert.is(next.store.shared.slot, 1, 'its slot is free when its journal is');
  const [orphan] = await turn(next, () => next.store.shared.orphans());
  assert.equal(orphan!.records.map(text), ['kept']);
  await orphan!.done();
  const second = await openTest(url, { leaseMs: 600_000 });
  assert.is(second.store.shared.slot, 0);
  await Promise.all([next.close(), second.close()]);
});

test('one that was killed without a journal leaves its slot to the next', async () => {
  await empty(url);
  const child = await startChild(url, 600_000);
  child.signal('SIGKILL');
  await child.ended;
  const next = await openTest(url);
  assert.is(next.store.shared.slot, 0);
  await next.close();
});

on('a lease that was over and that nobody took is renewed', 1, async (a) => {
  await sql(url, `UPDATE holdfast.process SET lease = clock_timestamp() - interval '1 hour'`);
  await until(async () => (await sql<{ live: boolean }>(url, 'SELECT lease > clock_timestamp() AS live FROM holdfast.process'))[0]!.live);
  await turn(a!, () => a!.store.commit([put('x')]));
}, 2_000);

test.run();
