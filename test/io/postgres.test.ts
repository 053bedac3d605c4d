// The store on PostgreSQL: the conformance suite on a real server, each place a database of its own.
import { randomBytes } from 'node:crypto';
import { chmodSync, chownSync, mkdirSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { codeOf } from '../../src/fault.ts';
import type { Op } from '../../src/ports.ts';
import { smallMount } from './mount.ts';
import { storeConformance } from './store-conformance.ts';
import { empty, openTest, sql, startServer } from './postgres-server.ts';

const server = await startServer(), again = await server.database();

storeConformance('postgres', async () => {
  const url = await empty(again);
  return {
    async open() {
      const { store, close } = await openTest(url);
      return { ...store, close };
    },
  };
});

const test = suite('postgres');
test.after(() => server.remove());

test('a closed store has given its slot back', async () => {
  const url = await server.database(), first = await openTest(url), second = await openTest(url);
  assert.equal([first.store.shared.slot, second.store.shared.slot], [0, 1]);
  await first.close();
  const third = await openTest(url);
  assert.is(third.store.shared.slot, 0);
  await second.close();
  await third.close();
  assert.equal(await sql(url, 'SELECT slot FROM holdfast.process'), []);
});

test('documents are replaced only by those who have seen what they replace', async () => {
  const url = await empty(again), a = await openTest(url), b = await openTest(url), bytes = (...its: number[]): Uint8Array => Uint8Array.from(its);
  const [mine, theirs] = [a.document("it's; --"), b.document("it's; --")];
  assert.is(await mine.load(), undefined);
  assert.is(await mine.save(bytes(1), undefined), true);
  assert.is(await theirs.save(bytes(2), undefined), false);
  assert.is(await theirs.save(bytes(2), bytes(9)), false);
  assert.is(await theirs.save(bytes(2), bytes(1)), true);
  assert.equal([...(await mine.load())!], [2]);
  assert.is(await mine.save(bytes(), bytes(2)), true);
  assert.is((await theirs.load())!.length, 0);
  assert.is(await a.document('other').load(), undefined);
  await Promise.all([a.close(), b.close()]);
});

test('queries only read, one at a time, and end', async () => {
  const url = await empty(again), { store, query, close } = await openTest(url), code = (text: string, values: unknown[] = []): Promise<string> => query(text, values).then(() => 'done', codeOf);
  await store.commit([{ table: 'meta', key: Uint8Array.of(1), value: Uint8Array.of(2) }]);
  assert.equal(await query('SELECT $1::text AS given, 2::bigint AS count, NULL AS none', [`'; DROP TABLE holdfast.event`]), [{ given: `'; DROP TABLE holdfast.event`, count: 2, none: null }]);
  for (const bad of ['DELETE FROM holdfast.store_meta', 'CREATE TABLE holdfast.x (a int)', 'SELECT 1; SELECT 2', 'nonsense', 'SELECT 1 / 0', 'COMMIT; DELETE FROM holdfast.store_meta', 'SELECT * FROM holdfast.missing']) assert.is(await code(bad), 'bad-argument', bad);
  await code('COMMIT');
  assert.is(await code('DELETE FROM holdfast.store_meta'), 'bad-argument');
  assert.equal(await Promise.all(Array.from({ length: 5 }, (_, i) => query('SELECT $1::int AS i', [i]))), Array.from({ length: 5 }, (_, i) => [{ i }]));
  await sql(url, 'ALTER ROLE holdfast SET statement_timeout = 1'); // whatever the role has: a query has its own time
  assert.is(await code('SELECT pg_sleep(0.05)'), 'done');
  await sql(url, 'SET statement_timeout = 0').catch(() => undefined);
  await sql(`${url}&options=-c%20statement_timeout%3D0`, 'ALTER ROLE holdfast RESET statement_timeout');
  assert.is((await store.scan('meta', {})).length, 1);
  await close();
  assert.is(await code('SELECT 1'), 'closed');
});

test('what is known of the database', async () => {
  const url = await empty(again), a = await openTest(url), b = await openTest(url);
  await a.store.shared.enter();
  await a.store.shared.leave();
  for (const end = performance.now() + 20_000; a.health().processes < 2 && performance.now() < end;) await new Promise((done) => { setTimeout(done, 20); });
  const { version, bytes, connected, slot, processes, turns } = a.health();
  assert.match(version, /^\d+/);
  assert.ok(bytes > 100_000);
  assert.equal([connected, slot, processes, turns], [true, 0, 2, 1]);
  await Promise.all([a.close(), b.close()]);
});

test('no space: what did not fit did not happen, reading goes on, and so does writing when there is some', async () => {
  const small = await smallMount(24 * 1_048_576);
  if (!small) { console.log('skipped: mounting is not permitted here'); return; }
  const owner = statSync(server.folder).uid, place = join(small.path, 'space'), url = await server.database();
  mkdirSync(place);
  chownSync(place, owner, owner);
  chmodSync(small.path, 0o755);
  writeFileSync(join(small.path, 'ballast'), new Uint8Array(2 * 1_048_576));
  await sql(url, `CREATE TABLESPACE small LOCATION '${place}'`);
  const { store, journal, close } = await openTest(url), value = randomBytes(200_000), put = (n: number): Op => ({ table: 'segment', key: Uint8Array.of(1, n), value });
  await sql(url, 'ALTER TABLE holdfast.store_segment SET TABLESPACE small; ALTER TABLE holdfast.journal SET TABLESPACE small');
  let fits = 0;
  for (; fits < 200; fits++) if (await store.commit([put(fits), { table: 'meta', key: Uint8Array.of(2, fits), value: Uint8Array.of(1) }]).then(() => false, (error: unknown) => codeOf(error) === 'store-full')) break;
  assert.ok(fits > 20 && fits < 200, `${fits}`);
  assert.is((await store.scan('meta', {})).length, fits);
  const appends: Promise<string>[] = [];
  for (let i = 0; i < 60; i++) appends.push(journal.append(randomBytes(500_000)).then(() => 'kept', codeOf));
  const kept = await Promise.all(appends), first = kept.indexOf('store-full');
  assert.ok(first >= 0, 'the journal is full, too');
  assert.equal([...new Set(kept.slice(first))], ['store-full'], 'nothing behind what was refused was kept');
  assert.is(((await store.get('segment', Uint8Array.of(1, 0)))!).length, value.length);
  await journal.release(journal.turn());
  await store.commit(Array.from({ length: fits }, (_, n): Op => ({ ...put(n), value: undefined })));
  rmSync(join(small.path, 'ballast')); // vacuuming takes some space before it gives some back
  for (const table of ['store_segment', 'journal']) await sql(url, `VACUUM (TRUNCATE) holdfast.${table}`);
  await store.commit([put(201)]);
  await journal.append(value);
  await close();
  await sql(url, 'ALTER TABLE holdfast.store_segment SET TABLESPACE pg_default; ALTER TABLE holdfast.journal SET TABLESPACE pg_default');
  await sql(url, 'DROP TABLESPACE small');
  await small.remove();
});

test.run();
