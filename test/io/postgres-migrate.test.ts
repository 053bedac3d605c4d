// Bringing the schema up to date: from several processes at once, one version after the other, all of it or nothing.
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { codeOf } from '../../src/fault.ts';
import { connect } from '../../src/io/postgres-line.ts';
import { migrate } from '../../src/io/postgres-migrate.ts';
import { MIGRATIONS } from '../../src/io/postgres-schema.ts';
import { startChild } from './postgres-child.ts';
import { openTest, sql, startServer } from './postgres-server.ts';

const server = await startServer();
const test = suite('postgres migrations');
test.after(() => server.remove());

const NEXT = [...MIGRATIONS, 'CREATE TABLE holdfast.second (a integer); INSERT INTO holdfast.second VALUES (1)', 'UPDATE holdfast.second SET a = a + 1; ALTER TABLE holdfast.second ADD COLUMN b integer'];
const versions = async (url: string): Promise<number[]> => (await sql<{ version: number }>(url, 'SELECT version FROM holdfast.migration ORDER BY version')).map(({ version }) => version);

/** Brings a database to what `migrations` make, on a connection of its own. */
async function bring(url: string, migrations: readonly string[]): Promise<void> {
  const session = await connect({ connectionString: url });
  try { await migrate(session, migrations); } finally { session.end(); }
}

test('processes that start at once on an empty database', async () => {
  const url = await server.database(), children = [startChild(url), startChild(url)], here = Array.from({ length: 5 }, () => openTest(url));
  const all = await Promise.all(here), others = await Promise.all(children);
  assert.equal([...all.map(({ store }) => store.shared.slot), ...others.map(({ slot }) => slot)].sort(), [0, 1, 2, 3, 4, 5, 6]);
  assert.equal(await versions(url), [0, 1]);
  for (const child of others) {
    child.tell('close');
    await child.ended;
  }
  await Promise.all(all.map(({ close }) => close()));
});

test('each version once, however many bring it', async () => {
  const url = await server.database();
  await bring(url, MIGRATIONS);
  await Promise.all(Array.from({ length: 6 }, () => bring(url, NEXT)));
  assert.equal(await versions(url), [0, 1, 2, 3]);
  assert.equal(await sql(url, 'SELECT a, b FROM holdfast.second'), [{ a: 2, b: null }]);
  await bring(url, NEXT);
  assert.equal(await sql(url, 'SELECT a FROM holdfast.second'), [{ a: 2 }]);
});

test('one that fails leaves the version before it, whole', async () => {
  const url = await server.database(), broken = [...NEXT.slice(0, 2), 'ALTER TABLE holdfast.second ADD COLUMN c integer; SELECT 1 / 0'];
  assert.is(await bring(url, broken).then(() => 'done', codeOf), 'store-failed');
  assert.equal(await versions(url), [0, 1, 2]);
  assert.equal(Object.keys((await sql(url, 'SELECT * FROM holdfast.second'))[0]!), ['a']);
  await bring(url, NEXT);
  assert.equal(await versions(url), [0, 1, 2, 3]);
});

test('a process that dies in the middle holds nobody up', async () => {
  const url = await server.database(), slow = [...MIGRATIONS, `CREATE TABLE holdfast.second (a integer); SELECT pg_sleep(60)`];
  const dying = bring(url, slow).then(() => 'done', () => 'died');
  for (;;) {
    const ended = await sql(url, `SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE query LIKE '%pg_sleep(60)%' AND wait_event = 'PgSleep' AND datname = current_database()`);
    if (ended.length > 0) break;
  }
  assert.is(await dying, 'died');
  await bring(url, NEXT);
  assert.equal(await versions(url), [0, 1, 2, 3]);
});

test('a schema of a later release is refused, and left as it is', async () => {
  const url = await server.database();
  await bring(url, NEXT);
  assert.is(await openTest(url).then(() => 'opened', codeOf), 'unsupported');
  assert.equal(await versions(url), [0, 1, 2, 3]);
  assert.equal(await sql(url, 'SELECT * FROM holdfast.process'), []);
});

test('a database that others use too, with a schema and a name of the same kind', async () => {
  const url = await server.database();
  await sql(url, `CREATE TABLE public.event (a integer); CREATE TABLE public.step (n bigint); INSERT INTO public.step VALUES (99)`);
  const { store, close } = await openTest(url);
  await store.shared.enter();
  await store.commit([{ table: 'meta', key: Uint8Array.of(1), value: Uint8Array.of(2) }]);
  await store.shared.leave();
  await close();
  assert.equal(await sql(url, 'SELECT n::int FROM public.step'), [{ n: 99 }]);
});

test.run();
