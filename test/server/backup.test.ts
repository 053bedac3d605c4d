// Backups of dist/server/holdfast: what `backup` writes while it runs, on its own database and on another, comes back by `recover` here and at the edge (dist/edge/holdfast); and an older copy of the whole directory is a new incarnation that catches up.
// timeout: 180s
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { execFileSync } from 'node:child_process';
import { existsSync, readdirSync } from 'node:fs';
import { holdfast, json, start } from '../edge/program.ts';
import { sql } from '../io/postgres-server.ts';
import { command, document, inPlace, keysOf, serve, until } from './server.ts';

const note = (dir: string, key: string): Promise<unknown> => document(['append', 'notes', '--dir', dir, '--key', key, '--type', 't', '--body', '1']);
const digestOf = async (dir: string): Promise<unknown> => (await document(['digest', '--dir', dir]))['digest'];

test('a backup of two processes in the middle of their work, restored; the rest comes from the fleet', () => inPlace(async (path) => {
  const one = await serve(path('one'), ['--init', '--name', 'hq']);
  const two = await serve(path('two'), ['--key-file', path('one/node.key'), '--window-ms', '60000'], { env: { DATABASE_URL: one.sql } });
  const { token } = await document<{ token: string }>(['invite', '--dir', path('one'), '--address', one.tcp]);
  await json(['join', token, '--dir', path('edge'), '--name', 'edge']);
  await note(path('one'), 'before');
  // Acknowledged by the other process, and in nothing but its journal yet.
  await note(path('two'), 'in a journal');
  await json(['sync', one.tcp, '--dir', path('edge')]);
  const made = await document<{ key: boolean; events: number; path: string }>(['backup', path('saved.tar'), '--dir', path('one')]);
  assert.ok(made.key && existsSync(path('saved.tar')));
  await note(path('one'), 'after');
  await until('all of it is sealed', async () => (await keysOf(path('one'), 'notes')).length === 2);
  await json(['sync', one.tcp, '--dir', path('edge')]);
  await two.stop('SIGKILL');
  await one.stop('SIGKILL');
  // Headquarters burns down; a new machine gets the backup.
  const done = await command(['recover', path('new'), '--from', path('saved.tar'), '--json']);
  assert.is(done.code, 0, done.stderr + done.stdout);
  assert.equal((await keysOf(path('new'), 'notes')).sort(), ['before', 'in a journal']);
  const again = await serve(path('new'));
  assert.is((await document(['status', '--dir', path('new')]))['name'], 'hq');
  await json(['sync', again.tcp, '--dir', path('edge')]);
  assert.equal((await keysOf(path('new'), 'notes')).sort(), ['after', 'before', 'in a journal']);
  await note(path('new'), 'anew');
  await json(['sync', again.tcp, '--dir', path('edge')]);
  assert.is(await digestOf(path('new')), (await json(['digest', '--dir', path('edge')]))['digest']);
  assert.equal((await sql<{ key: string }>(again.sql, 'SELECT key FROM holdfast.event ORDER BY key')).map(({ key }) => key), ['after', 'anew', 'before', 'in a journal']);
  const used = await command(['backup', path('saved.tar'), '--dir', path('new')]);
  assert.match(used.stderr, '[bad-argument]');
  assert.is((await again.stop()).code, 0);
}));

test('a database named by a URL is backed up alike; without the key a token makes a new node of it, at the edge too', () => inPlace(async (path) => {
  const host = await serve(path('host'), ['--init', '--name', 'host']);
  await sql(host.sql, 'CREATE DATABASE other');
  const env = { DATABASE_URL: host.sql.replace('///holdfast?', '///other?') };
  await document(['init', '--dir', path('hq'), '--name', 'hq', '--fleet', 'sea'], { env });
  await command(['append', 'notes', '--dir', path('hq'), '--key', 'a', '--type', 't', '--body', '1'], { env });
  const made = await document<{ key: boolean }>(['backup', path('saved'), '--without-key', '--dir', path('hq')], { env });
  assert.not.ok(made.key);
  assert.equal(readdirSync(path('saved')).sort(), ['holdfast.toml', 'journal', 'segments']);
  const { token } = await document<{ token: string }>(['invite', '--dir', path('hq')], { env });
  const done = await holdfast(['recover', path('edge'), '--from', path('saved'), '--token', token, '--name', 'stand-in']);
  assert.is(done.code, 0, done.stderr);
  const read = await holdfast(['read', 'notes', '--dir', path('edge')]);
  assert.match(read.stdout, / a /);
  assert.is((await host.stop()).code, 0);
}));

test('an older copy of the data directory goes on as a new incarnation and catches up', () => inPlace(async (path) => {
  const dir = path('hq'), first = await serve(dir, ['--init', '--name', 'hq']);
  const { token } = await document<{ token: string }>(['invite', '--dir', dir, '--address', first.tcp]);
  await json(['join', token, '--dir', path('edge'), '--name', 'edge']);
  await note(dir, 'before');
  await first.stop();
  execFileSync('cp', ['-a', dir, path('monday')]);
  const second = await serve(dir, ['--listen', first.tcp]).catch(() => serve(dir));
  for (const key of ['lost', 'and lost']) await note(dir, key);
  await json(['sync', second.tcp, '--dir', path('edge')]);
  await second.stop();
  execFileSync('rm', ['-r', dir]);
  execFileSync('cp', ['-a', path('monday'), dir]);
  const third = await serve(dir);
  assert.equal(await keysOf(dir, 'notes'), ['before']);
  await note(dir, 'since');
  const edge = start(['run', '--dir', path('edge'), '--json', '--listen', 'tcp://127.0.0.1:0', '--http', 'off', '--metrics-seconds', '0', '--peers', third.tcp]);
  await until('both hold all', async () => (await digestOf(dir)) === (await json(['digest', '--dir', path('edge')]))['digest']);
  assert.equal((await keysOf(dir, 'notes')).sort(), ['and lost', 'before', 'lost', 'since']);
  await edge.stop();
  assert.is((await third.stop()).code, 0);
}));

test.run();
