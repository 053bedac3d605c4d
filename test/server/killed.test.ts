// Several processes of dist/server/holdfast on one database: each shows what the others take in, and the end of one, or of the database itself, loses nothing that was acknowledged.
// timeout: 180s
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { existsSync } from 'node:fs';
import { lines, start, SERVER } from '../edge/program.ts';
import { sql } from '../io/postgres-server.ts';
import { alive, command, document, inPlace, keysOf, postmaster, serve, until, type Server } from './server.ts';

/** Appends `first`… in requests of five until `stop`; `acknowledged` are the keys that were. */
function writer(dir: string, prefix: string): { acknowledged: string[]; stop(): Promise<void> } {
  const acknowledged: string[] = [];
  let over = false;
  const work = (async () => {
    for (let i = 0; !over; i++) {
      const keys = Array.from({ length: 5 }, (_, j) => `${prefix}${i * 5 + j}`);
      const { code } = await command(['append', 'load', '--dir', dir], { input: keys.map((key) => JSON.stringify({ key, type: 't', body: i })).join('\n') }).catch(() => ({ code: 1 }));
      if (code === 0) acknowledged.push(...keys);
    }
  })();
  return { acknowledged, stop: () => { over = true; return work; } };
}

const another = (first: Server, dir: string): Promise<Server> => serve(dir, ['--key-file', `${first.dir}/node.key`], { env: { DATABASE_URL: first.sql } });

test('what one process takes in, every other shows; siblings are no clones', () => inPlace(async (path) => {
  const one = await serve(path('one'), ['--init', '--name', 'hq']), two = await another(one, path('two'));
  const follow = start(['read', 'notes', '--follow', '--limit', '2', '--json', '--dir', path('two')], { program: SERVER });
  await document(['append', 'notes', '--dir', path('one'), '--key', 'from one', '--type', 't', '--body', '1']);
  await document(['append', 'notes', '--dir', path('two'), '--key', 'from two', '--type', 't', '--body', '2']);
  const { stdout } = await follow.ended;
  assert.equal(lines<{ key: string }>(stdout).map(({ key }) => key).sort(), ['from one', 'from two']);
  // What is not sealed yet is a process's own; it comes to the others within its window.
  await until('both hold both', async () => (await keysOf(path('one'), 'notes')).length === 2);
  const [a, b] = [await document<{ digest: string }>(['digest', '--dir', path('one')]), await document<{ digest: string }>(['digest', '--dir', path('two')])];
  assert.is(a.digest, b.digest);
  const status = await document<{ alarms: unknown[]; database: { slot: number; processes: number; embedded: boolean } }>(['status', '--dir', path('two')]);
  assert.equal(status.alarms, []);
  assert.is(status.database.slot, 1);
  assert.not.ok(status.database.embedded);
  assert.not.ok(existsSync(path('two/node.key')), 'the key stays where it is');
  await until('SQL shows both', async () => (await sql(one.sql, 'SELECT FROM holdfast.event')).length === 2);
  assert.is((await two.stop()).code, 0);
  assert.equal(await sql(one.sql, 'SELECT slot FROM holdfast.process'), [{ slot: 0 }], 'its slot is free again');
  assert.is((await one.stop()).code, 0);
}));

test('a process that is killed, and a database that is killed, in the middle of writing', () => inPlace(async (path) => {
  const one = await serve(path('one'), ['--init', '--name', 'hq']), two = await another(one, path('two'));
  const writers = [writer(path('one'), 'a'), writer(path('two'), 'b')];
  await until('both write', () => writers.every(({ acknowledged }) => acknowledged.length >= 10));
  const pid = postmaster(path('one'));
  process.kill(pid, 'SIGKILL');
  const before = writers.map(({ acknowledged }) => acknowledged.length);
  await until('work goes on', () => writers.every(({ acknowledged }, i) => acknowledged.length >= before[i]! + 10));
  assert.is.not(postmaster(path('one')), pid, 'PostgreSQL was started again');
  await two.stop('SIGKILL');
  await Promise.all(writers.map((each) => each.stop()));
  const acknowledged = writers.flatMap((each) => each.acknowledged);
  // Its journal is taken over when its lease is over.
  await until('nothing is missing', async () => {
    const held = new Set(await keysOf(path('one'), 'load'));
    return acknowledged.every((key) => held.has(key));
  }, 60_000);
  const keys = await keysOf(path('one'), 'load');
  assert.is(new Set(keys).size, keys.length, 'and nothing is there twice');
  assert.equal((await document<{ damaged: unknown[] }>(['verify', '--dir', path('one')])).damaged, []);
  const rows = await sql<{ key: string }>(one.sql, "SELECT key FROM holdfast.event WHERE stream = 'load'");
  assert.equal(rows.map(({ key }) => key).sort(), [...keys].sort());
  assert.is((await one.stop()).code, 0);
}));

test('a server that is killed starts again with everything at once, and its database ended with it', () => inPlace(async (path) => {
  const dir = path('hq'), server = await serve(dir, ['--init', '--name', 'hq']), work = writer(dir, 'k');
  await until('it writes', () => work.acknowledged.length >= 20);
  const pid = postmaster(dir), ended = server.stop('SIGKILL');
  await work.stop();
  await ended;
  await until('its database ends with it', () => !alive(pid));
  const again = await serve(dir), held = await keysOf(dir, 'load');
  assert.equal(work.acknowledged.filter((key) => !held.includes(key)), []);
  assert.equal((await document<{ alarms: unknown[] }>(['status', '--dir', dir])).alarms, []);
  assert.is((await again.stop()).code, 0);
}));

test.run();
