// What dist/server/holdfast says when a database cannot be used: whose fault it is and what to do, in words, with a stable code, and never with the password.
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import type { Fault } from '../../src/fault.ts';
import { migrate } from '../../src/io/postgres-migrate.ts';
import { startServer, sql } from '../io/postgres-server.ts';
import { command, document, inPlace } from './server.ts';

const server = await startServer();
test.after(() => server.remove());

/** What `init` on a database says. */
async function said(dir: string, database: string): Promise<string> {
  const { code, stderr } = await command(['init', '--dir', dir, '--name', 'hq'], { env: { DATABASE_URL: database } });
  assert.is(code, 1, stderr);
  assert.not.ok(existsSync(dir), 'no directory is left behind');
  return stderr;
}

test('nothing listens there, or no such database, or no URL', () => inPlace(async (path) => {
  const url = await server.database(), free = await new Promise<number>((resolve) => {
    const probe = createServer().listen(0, '127.0.0.1', () => {
      const { port } = probe.address() as { port: number };
      probe.close(() => resolve(port));
    });
  });
  const refused = await said(path('a'), `postgresql://holdfast:s3cret@127.0.0.1:${free}/holdfast`);
  assert.match(refused, '[link-failed]');
  assert.match(refused, String(free));
  assert.not.match(refused, 's3cret');
  const missing = await said(path('b'), url.replace(/\/\/\/\w+/, '///nowhere'));
  assert.match(missing, 'CREATE DATABASE');
  const no = await said(path('c'), 'mysql://x/y');
  assert.match(no, '[bad-config]');
  assert.match(no, 'DATABASE_URL');
}));

test('a wrong password', () => inPlace(async (path) => {
  const url = await server.database(), rules = `${server.folder}/pg_hba.conf`, before = readFileSync(rules, 'utf8');
  await sql(url, "CREATE ROLE guarded LOGIN PASSWORD 'right'");
  const name = new URL(url).pathname.slice(1), host = new URL(url).searchParams.get('host')!;
  await sql(url, `ALTER DATABASE ${name} OWNER TO guarded`);
  try {
    writeFileSync(rules, `local all guarded scram-sha-256\n${before}`);
    await sql(url, 'SELECT pg_reload_conf()');
    const wrong = await said(path('a'), `postgresql:///${name}?host=${host}&user=guarded&password=wr0ng`);
    assert.match(wrong, '[link-failed]');
    assert.match(wrong, /user and password/);
    assert.not.match(wrong, 'wr0ng');
    const right = await document(['init', '--dir', path('b'), '--name', 'hq'], { env: { DATABASE_URL: `postgresql:///${name}?host=${host}&user=guarded&password=right` } });
    assert.is(right['name'], 'hq');
    const { place } = (await document<{ database: { place: string } }>(['status', '--dir', path('b')], { env: { DATABASE_URL: `postgresql:///${name}?host=${host}&user=guarded&password=right` } })).database;
    assert.not.match(place, 'right');
  } finally {
    writeFileSync(rules, before);
    await sql(url, 'SELECT pg_reload_conf()');
  }
}));

test('a user who may make nothing, and a database in another encoding', () => inPlace(async (path) => {
  const url = await server.database(), name = new URL(url).pathname.slice(1);
  await sql(url, 'CREATE ROLE guest LOGIN');
  await sql(url, `REVOKE CREATE ON DATABASE ${name} FROM PUBLIC`);
  const none = await said(path('a'), url.replace('user=holdfast', 'user=guest'));
  assert.match(none, '[bad-config]');
  assert.match(none, 'CREATE SCHEMA holdfast AUTHORIZATION');
  const latin = await said(path('b'), await server.database("ENCODING 'LATIN1' TEMPLATE template0"));
  assert.match(latin, '[bad-config]');
  assert.match(latin, 'UTF8');
}));

test('a PostgreSQL that is too old, and a schema that is too new', () => inPlace(async (path) => {
  // Nobody has one that old here: this is all that is asked of it.
  const old = { alive: true, query: <R>() => Promise.resolve([{ version: 130_012, shown: '13.12', encoding: 'UTF8' }] as R[]), batch: () => Promise.reject(new Error('nothing more is asked')), ask: () => Promise.reject(new Error('nothing more is asked')) };
  const error = await migrate(old).then(() => undefined, (thrown: unknown) => thrown) as Fault;
  assert.is(error.code, 'bad-config');
  assert.match(error.message, /13\.12 is too old.*14/);
  const url = await server.database(), env = { DATABASE_URL: url };
  await document(['init', '--dir', path('a'), '--name', 'hq'], { env });
  await sql(url, 'INSERT INTO holdfast.migration (version) VALUES (99)');
  const later = await command(['status', '--dir', path('a')], { env });
  assert.is(later.code, 1);
  assert.match(later.stderr, '[unsupported]');
  assert.match(later.stderr, '99');
}));

test('the database of another node, with and without the key of that one', () => inPlace(async (path) => {
  const DATABASE_URL = await server.database(), env = { DATABASE_URL };
  await document(['init', '--dir', path('one'), '--name', 'one'], { env });
  const found = await said(path('two'), DATABASE_URL);
  assert.match(found, '[fleet-exists]');
  assert.match(found, '--key-file');
  await document(['init', '--dir', path('three'), '--name', 'three'], { env: { DATABASE_URL: await server.database() } });
  const wrong = await command(['status', '--dir', path('three')], { env });
  assert.is(wrong.code, 1);
  assert.match(wrong.stderr, '[fleet-exists]');
  const right = await document<{ name: string }>(['status', '--dir', path('elsewhere'), '--key-file', path('one/node.key')], { env });
  assert.is(right.name, 'one');
  const key = await command(['status', '--dir', path('one'), '--key-file', path('nowhere')], { env });
  assert.is(key.code, 1);
  assert.match(key.stderr, 'nowhere');
}));

test('two foundings at once on one database: one of them', () => inPlace(async (path) => {
  const env = { DATABASE_URL: await server.database() };
  const both = await Promise.all(['one', 'two'].map((name) => command(['init', '--dir', path(name), '--name', name], { env })));
  assert.equal(both.map(({ code }) => code).sort(), [0, 1], both.map(({ stderr }) => stderr).join('\n'));
  const winner = both[0]!.code === 0 ? 'one' : 'two';
  assert.is((await document<{ members: unknown[]; name: string }>(['status', '--dir', path(winner)], { env })).members.length, 1);
}));

test.run();
