// PostgreSQL that a node runs itself: its folder, its socket, and what is found there after an end that nobody wanted.
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { spawn } from 'node:child_process';
import { existsSync, mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { Fault } from '../../src/fault.ts';
import { openEmbedded, type Embedded } from '../../src/io/postgres-embedded.ts';
import { freshFolder } from './folder.ts';
import { binaries, sql } from './postgres-server.ts';

const notices: string[] = [];
const open = (folder: string): Promise<Embedded> => openEmbedded({ folder, binaries: binaries(), notice: (text) => { notices.push(text); } });
const postmaster = (folder: string): number => Number(readFileSync(join(folder, 'postmaster.pid'), 'utf8').split('\n', 1)[0]);
const alive = (pid: number): boolean => { try { process.kill(pid, 0); return true; } catch { return false; } };
const pause = (ms: number): Promise<void> => new Promise((done) => { setTimeout(done, ms); });

async function inPlace(body: (folder: string) => Promise<void>): Promise<void> {
  const place = await freshFolder();
  try {
    await body(join(place.path, 'postgres'));
  } finally {
    await place.remove();
  }
}

async function faultOf(work: Promise<unknown>): Promise<Fault> {
  const error = await work.then(() => undefined, (thrown: unknown) => thrown);
  assert.instance(error, Fault);
  return error as Fault;
}

test('it is durable, shut to the network, private, and gone when it is stopped', () => inPlace(async (folder) => {
  const server = await open(folder);
  const settings = Object.fromEntries((await sql<{ name: string; setting: string }>(server.url, "SELECT name, setting FROM pg_settings WHERE name IN ('fsync', 'synchronous_commit', 'full_page_writes', 'listen_addresses', 'data_checksums', 'server_encoding', 'lc_collate')")).map(({ name, setting }) => [name, setting]));
  assert.equal(settings, { fsync: 'on', synchronous_commit: 'on', full_page_writes: 'on', listen_addresses: '', data_checksums: 'on', server_encoding: 'UTF8' });
  assert.equal(await sql(server.url, 'SELECT current_user::text AS who, current_database()::text AS what'), [{ who: 'holdfast', what: 'holdfast' }]);
  assert.is(statSync(folder).mode & 0o077, 0);
  const pid = postmaster(folder);
  await sql(server.url, 'CREATE TABLE kept AS SELECT 7 AS n');
  await server.stop();
  assert.not.ok(alive(pid) || existsSync(join(folder, 'postmaster.pid')));
  const again = await open(folder);
  assert.equal(await sql(again.url, 'SELECT n FROM kept'), [{ n: 7 }]);
  await again.stop();
}));

test('one that ends by itself is started again, with what was committed', () => inPlace(async (folder) => {
  const server = await open(folder), pid = postmaster(folder);
  await sql(server.url, 'CREATE TABLE kept AS SELECT 7 AS n');
  process.kill(pid, 'SIGKILL');
  let rows: unknown;
  for (let tries = 0; rows === undefined && tries < 600; tries++) {
    await pause(50);
    rows = await sql(server.url, 'SELECT n FROM kept').catch(() => undefined);
  }
  assert.equal(rows, [{ n: 7 }]);
  assert.is.not(postmaster(folder), pid);
  assert.ok(notices.some((text) => text.includes('started again')));
  await server.stop();
}));

test('one that lives on without its node is ended; a file that names a stranger is not believed', () => inPlace(async (folder) => {
  const first = await open(folder);
  await sql(first.url, 'CREATE TABLE kept AS SELECT 7 AS n');
  const orphan = postmaster(folder), second = await open(folder);
  assert.is.not(postmaster(folder), orphan);
  assert.equal(await sql(second.url, 'SELECT n FROM kept'), [{ n: 7 }]);
  await first.stop();
  await second.stop();
  const stranger = spawn('sleep', ['60']);
  try {
    writeFileSync(join(folder, 'postmaster.pid'), `${stranger.pid}\n${folder}\n1\n5432\n.\n\n0 0\nready\n`);
    const third = await open(folder);
    assert.ok(alive(stranger.pid!));
    await third.stop();
  } finally {
    stranger.kill('SIGKILL');
  }
}));

test('a folder too deep for a socket is reached by a short way', () => inPlace(async (folder) => {
  const deep = join(folder, 'x'.repeat(60), 'y'.repeat(60), 'postgres');
  mkdirSync(resolve(deep, '..'), { recursive: true });
  const server = await open(deep), host = new URL(server.url).searchParams.get('host')!;
  assert.ok(host.length < 100, host);
  assert.equal(await sql(server.url, 'SELECT 1 AS n'), [{ n: 1 }]);
  await server.stop();
  assert.not.ok(existsSync(host));
}));

test('files of another version, settings that cannot be, and no PostgreSQL at all: words', () => inPlace(async (folder) => {
  await (await open(folder)).stop();
  const version = readFileSync(join(folder, 'PG_VERSION'), 'utf8');
  writeFileSync(join(folder, 'PG_VERSION'), '12\n');
  const other = await faultOf(open(folder));
  assert.is(other.code, 'unsupported');
  assert.match(other.message, /PostgreSQL 12.*PostgreSQL \d\d/);
  writeFileSync(join(folder, 'PG_VERSION'), version);
  writeFileSync(join(folder, 'postgresql.auto.conf'), 'shared_buffers = plenty\n');
  const odd = await faultOf(open(folder));
  assert.is(odd.code, 'store-failed');
  assert.match(odd.message, 'shared_buffers');
  const none = await faultOf(openEmbedded({ folder, binaries: join(folder, 'nothing'), notice: () => {} }));
  assert.is(none.code, 'unsupported');
  assert.match(none.message, 'DATABASE_URL');
  assert.equal(readdirSync(resolve(folder, '..')), ['postgres'], 'nothing is left beside it');
}));

test.run();
