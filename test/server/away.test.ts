// The database of dist/server/holdfast when it is somebody else's: it goes away in the middle of work and comes back, stays away, or gives a process's place to another.
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { writeFileSync } from 'node:fs';
import { SERVER, start } from '../edge/program.ts';
import { startServer, sql } from '../io/postgres-server.ts';
import { command, document, inPlace, keysOf, serve, until } from './server.ts';

const database = await startServer();
test.after(() => database.remove());
const append = (dir: string, key: string, env: { [name: string]: string } = {}): ReturnType<typeof command> => command(['append', 'notes', '--dir', dir, '--key', key, '--type', 't', '--body', '1'], { env });

test('while it is away the state can be seen, and what is asked for waits; then work goes on', () => inPlace(async (path) => {
  const dir = path('hq'), env = { DATABASE_URL: await database.database() }, server = await serve(dir, ['--init', '--name', 'hq'], { env });
  assert.is((await append(dir, 'a')).code, 0);
  const ready = async (): Promise<number> => (await fetch(`${server.http}/readyz`)).status;
  assert.is(await ready(), 200);
  await document(['status', '--dir', dir]);
  await database.stop();
  const waiting = append(dir, 'b');
  await until('it is seen', async () => (await document<{ database: { connected: boolean }; worries: { text: string }[] }>(['status', '--dir', dir])).database.connected === false);
  assert.is(await ready(), 503);
  const { worries } = await document<{ worries: { text: string }[] }>(['status', '--dir', dir]);
  assert.ok(worries.some(({ text }) => text === 'the database is out of reach'), JSON.stringify(worries));
  await database.start();
  assert.is((await waiting).code, 0);
  assert.equal(await keysOf(dir, 'notes'), ['a', 'b']);
  await until('it is ready again', async () => await ready() === 200);
  // Going for good while it is away: within a bound, and what was acknowledged is there afterwards.
  assert.is((await append(dir, 'c')).code, 0);
  await database.stop();
  await until('it is seen again', async () => await ready() === 503);
  const ended = await server.stop('SIGTERM');
  assert.is(ended.signal, null);
  await database.start();
  const again = await serve(dir, [], { env });
  assert.equal(await keysOf(dir, 'notes'), ['a', 'b', 'c']);
  assert.is((await again.stop()).code, 0);
}));

test('what is asked for the first time during an outage is answered: reports, refusals before anything is written, an end on a signal', () => inPlace(async (path) => {
  const dir = path('hq'), env = { DATABASE_URL: await database.database() }, server = await serve(dir, ['--init', '--name', 'hq'], { env });
  const [, token] = /token=(\S+)/.exec((await command(['page', '--dir', dir])).stdout.trim()) ?? [], headers = { authorization: `Bearer ${token}` };
  const post = (key: string): Promise<Response> => fetch(`${server.http}/api/streams/notes/events`, { method: 'POST', headers: { ...headers, 'content-type': 'application/json' }, body: JSON.stringify({ key, type: 't', body: 1 }) });
  assert.is((await post('a')).status, 200);
  await database.stop();
  await until('it is seen', async () => (await fetch(`${server.http}/healthz`)).status === 503);
  const status = await fetch(`${server.http}/api/status`, { headers });
  assert.is(status.status, 200);
  assert.is((await status.json() as { database: { connected: boolean } }).database.connected, false);
  const refused = await post('b');
  assert.equal([refused.status, (await refused.json() as { error: { code: string }; appended: number }).error.code], [503, 'busy']);
  const file = path('lines.ndjson');
  writeFileSync(file, '{"key":"c","type":"t"}\n');
  const waiting = start(['append', 'notes', '--dir', dir, '--file', file], { program: SERVER });
  await until('it says that it waits', () => waiting.stderr.includes('waiting for the database'));
  const ended = await waiting.stop('SIGTERM');
  assert.is(ended.code, 130, ended.stderr);
  assert.match(ended.stderr, /may still be recorded/);
  await database.start();
  await until('work goes on', async () => (await post('d')).status === 200);
  assert.not.ok((await keysOf(dir, 'notes')).includes('b'));
  assert.is((await server.stop()).code, 0);
}));

test('a process whose place was taken ends with status 75 and says so; what it had acknowledged is there', () => inPlace(async (path) => {
  const dir = path('hq'), env = { DATABASE_URL: await database.database(), HOLDFAST_LOG: 'json' };
  const founded = await document(['init', '--dir', dir, '--name', 'hq'], { env });
  const server = command(['run', '--dir', dir, '--listen', 'tcp://127.0.0.1:0', '--http', 'off'], { env });
  await until('it runs', async () => (await append(dir, 'a', env)).code === 0 && (await document<{ running: boolean }>(['status', '--dir', dir], { env })).running);
  await sql(env.DATABASE_URL, 'UPDATE holdfast.process SET fenced = true');
  const ended = await server;
  assert.is(ended.code, 75, ended.stderr);
  assert.is(ended.stdout, '');
  const lines = ended.stderr.trim().split('\n').map((line) => JSON.parse(line) as { time: string; level: string; code: string; text: string; node?: string });
  for (const { time, level, code, text } of lines) assert.ok(!Number.isNaN(Date.parse(time)) && ['info', 'warn', 'error'].includes(level) && code !== '' && text !== '');
  assert.is(lines.find(({ code }) => code === 'running')?.node, founded['node']);
  const last = lines.at(-1)!;
  assert.equal([last.level, last.code], ['error', 'store-failed']);
  const again = await serve(dir, [], { env: { DATABASE_URL: env.DATABASE_URL } });
  assert.ok((await keysOf(dir, 'notes')).includes('a'));
  assert.is((await again.stop()).code, 0);
}));

test.run();
