// The commands of dist/server/holdfast on a database of its own: the same as at the edge, beside a process that runs and alone.
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { existsSync, mkdirSync, statSync, writeFileSync } from 'node:fs';
import { lines } from '../edge/program.ts';
import { sql } from '../io/postgres-server.ts';
import { alive, command, document, inPlace, postmaster, serve } from './server.ts';

test('found, append, read, get, streams, verify, digest, doctor: alone', () => inPlace(async (path) => {
  const dir = path('hq');
  const founded = await document(['init', '--dir', dir, '--name', 'hq', '--fleet', 'sea']);
  assert.is(founded['name'], 'hq');
  assert.is(statSync(`${dir}/node.key`).mode & 0o777, 0o600);
  assert.ok(existsSync(`${dir}/root.key`) && existsSync(`${dir}/holdfast.toml`));
  const again = await command(['init', '--dir', dir, '--name', 'hq']);
  assert.is(again.code, 1);
  assert.match(again.stderr, '[fleet-exists]');
  const input = [{ key: 'a', type: 't', body: { x: 1 } }, { key: 'b', type: 't', body: 'two' }, 'no event', { key: 'a', type: 't', body: { x: 3 }, time: '2026-11-20T09:30:00Z' }].map((each) => JSON.stringify(each)).join('\n');
  const appended = await command(['append', 'telemetry', '--dir', dir], { input });
  assert.match(appended.stdout, 'recorded 3 events, refused 1 line');
  assert.is((await document(['append', 'telemetry', '--dir', dir, '--key', 'c', '--type', 't', '--body', '4']))['appended'], 1, '--key is that of an event');
  const read = lines<{ key: string; body: unknown }>((await command(['read', 'telemetry', '--dir', dir, '--json'])).stdout);
  assert.equal(read.map(({ key, body }) => [key, body]), [['a', { x: 1 }], ['b', 'two'], ['a', { x: 3 }], ['c', 4]]);
  assert.equal((await document<{ body: unknown }>(['get', 'telemetry', 'a', '--dir', dir])).body, { x: 3 });
  assert.match((await command(['streams', '--dir', dir])).stdout, /telemetry +4 events/);
  assert.equal((await document<{ damaged: unknown[] }>(['verify', '--dir', dir])).damaged, []);
  assert.is((await document<{ events: number }>(['digest', '--dir', dir])).events, 4);
  const doctor = await document<{ ok: boolean; findings: { check: string; state: string; text: string }[] }>(['doctor', '--dir', dir]);
  assert.ok(doctor.ok, JSON.stringify(doctor.findings));
  assert.ok(doctor.findings.some(({ check, text }) => check === 'database' && /PostgreSQL 18/.test(text)), JSON.stringify(doctor.findings));
  const help = (await command(['help', 'read'])).stdout;
  assert.match(help, '--database URL');
  assert.match(help, '--key-file FILE');
  assert.match(help, './holdfast-server-data');
  assert.not.ok(existsSync(`${dir}/postgres/postmaster.pid`), 'nothing is left running');
}));

test('a process that runs: commands through it, rows for SQL, an end that leaves nothing', () => inPlace(async (path) => {
  const dir = path('hq'), server = await serve(dir, ['--init', '--name', 'hq', '--metrics-seconds', '1']);
  assert.match(server.stdout, '"event":"database"');
  assert.is((await document(['append', 'notes', '--dir', dir, '--key', "o'hara", '--type', 'say', '--body', '{"drop":"table; --"}']))['appended'], 1);
  const status = await document<{ running: boolean; database: { connected: boolean; embedded: boolean; slot: number; place: string; version: string } }>(['status', '--dir', dir]);
  assert.ok(status.running && status.database.connected && status.database.embedded);
  assert.is(status.database.place, server.sql);
  await server.until(/./);
  const rows = await sql<{ key: string; body: unknown; name: string }>(server.sql, 'SELECT key, body, name FROM holdfast.events WHERE stream = $1', ['notes']);
  assert.equal(rows, [{ key: "o'hara", body: { drop: 'table; --' }, name: 'hq' }]);
  const reader = server.sql.replace(/user=holdfast$/, 'user=holdfast_reader');
  assert.is((await sql<{ key: string }>(reader, 'SELECT key FROM holdfast.events WHERE stream = $1', ['notes']))[0]!.key, "o'hara");
  const refused = await sql(reader, 'SELECT value FROM holdfast.document').then(() => '', String);
  assert.match(refused, 'permission denied');
  const ignored = await command(['status', '--dir', dir, '--database', 'postgres://elsewhere/x']);
  assert.match(ignored.stderr, '--database changes nothing');
  const second = await command(['run', '--dir', dir, '--listen', 'tcp://127.0.0.1:0', '--http', 'off']);
  assert.is(second.code, 1);
  for (const word of ['store-locked', 'DATABASE_URL', '--key-file']) assert.match(second.stderr, word);
  const pid = postmaster(dir), ended = await server.stop('SIGINT');
  assert.is(ended.code, 0);
  assert.match(ended.stdout, '"event":"stopped"');
  assert.not.ok(alive(pid));
  assert.not.ok(existsSync(`${dir}/control.sock`));
}));

test('a directory that cannot be a server says so', () => inPlace(async (path) => {
  const dir = path('odd');
  mkdirSync(`${dir}/postgres`, { recursive: true });
  writeFileSync(`${dir}/postgres/notes.txt`, 'mine');
  const { code, stderr } = await command(['init', '--dir', dir]);
  assert.is(code, 1);
  assert.match(stderr, 'holds no database of PostgreSQL');
  assert.ok(existsSync(`${dir}/postgres/notes.txt`));
  writeFileSync(`${dir}/holdfast.toml`, 'databse = "x"\n');
  const doctor = await command(['doctor', '--dir', dir]);
  assert.is(doctor.code, 1);
  assert.match(doctor.stdout, /line 1: there is no setting "databse".*database/);
  const none = await command(['status', '--dir', path('none')]);
  assert.is(none.code, 1);
  assert.match(none.stderr, '[no-fleet]');
  assert.not.ok(existsSync(path('none')));
}));

test.run();
