// Starts of dist/server/holdfast that are broken off anywhere, by Ctrl-C or worse: the next one goes on, and no process is left behind.
// timeout: 180s
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { execFileSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { sql } from '../io/postgres-server.ts';
import { begin, command, document, inPlace, keysOf, serve, until } from './server.ts';

/** Processes whose command line speaks of a directory. */
function around(dir: string): string[] {
  return execFileSync('ps', ['-eo', 'pid=,args='], { encoding: 'utf8' }).split('\n').filter((line) => line.includes(dir) && !line.includes(' ps '));
}

test('broken off at any moment of the first start', () => inPlace(async (path) => {
  const dir = path('hq');
  for (const [i, ms] of [150, 400, 700, 1_000, 1_400, 1_900].entries()) {
    const running = begin(dir, ['--init', '--name', 'hq']);
    await new Promise((resolve) => { setTimeout(resolve, ms); });
    await running.stop(i % 2 === 0 ? 'SIGINT' : 'SIGKILL');
    await until('everything of it ends', () => around(dir).length === 0);
  }
  const server = await serve(dir, ['--init', '--name', 'hq']);
  const status = await document<{ members: { name: string }[]; alarms: unknown[] }>(['status', '--dir', dir]);
  assert.equal(status.members.map(({ name }) => name), ['hq']);
  assert.equal(status.alarms, []);
  assert.is((await document(['append', 'notes', '--dir', dir, '--key', 'a', '--type', 't', '--body', '1']))['appended'], 1);
  assert.is((await server.stop('SIGINT')).code, 0);
  await until('nothing of it is left', () => around(dir).length === 0);
  assert.equal(await keysOf(dir, 'notes'), ['a']);
}));

test('a founding that was broken off after it had claimed the database is begun anew', () => inPlace(async (path) => {
  const host = await serve(path('host'), ['--init', '--name', 'host']);
  await sql(host.sql, 'CREATE DATABASE other');
  const env = { DATABASE_URL: host.sql.replace('///holdfast?', '///other?') }, dir = path('hq');
  // Until it is claimed; then it dies in the middle of what follows.
  for (let tries = 0; ; tries++) {
    assert.ok(tries < 5, 'five foundings were over before they could be broken off');
    const founding = begin(dir, ['--init', '--name', 'hq'], { env });
    await until('the database is claimed', async () => (await sql(env.DATABASE_URL, "SELECT FROM holdfast.document WHERE name = 'node'").catch(() => [])).length === 1);
    await founding.stop('SIGKILL');
    if ((await command(['status', '--dir', dir], { env })).code === 1) break;
    await sql(host.sql, 'DROP DATABASE other WITH (FORCE)');
    await sql(host.sql, 'CREATE DATABASE other');
    execFileSync('rm', ['-r', dir]);
  }
  assert.ok(existsSync(`${dir}/node.key`));
  const before = readFileSync(`${dir}/node.key`);
  const founded = await document(['init', '--dir', dir, '--name', 'hq', '--fleet', 'sea'], { env });
  assert.is.not(Buffer.compare(before, readFileSync(`${dir}/node.key`)), 0);
  const status = await document<{ node: string; members: { node: string }[]; fleetName: string }>(['status', '--dir', dir], { env });
  assert.equal([status.node, status.fleetName, status.members.map(({ node }) => node)], [founded['node'], 'sea', [founded['node']]]);
  assert.is((await host.stop()).code, 0);
}));

test.run();
