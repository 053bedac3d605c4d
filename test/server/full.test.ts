// A server on a database of its own whose disk is full, so that PostgreSQL cannot even start: everybody is told at once, and it goes on by itself when there is room.
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { existsSync, rmSync, symlinkSync } from 'node:fs';
import { join } from 'node:path';
import { command, document, inPlace, keysOf, postmaster, serve, until } from './server.ts';

// A file that PostgreSQL writes at its start lies where nothing can be written: the kernel itself says that there is no space.
const FULL = '/dev/full';

(existsSync(FULL) ? test : test.skip)('appends are refused as store-full while PostgreSQL has no room to run, and recorded afterwards', () => inPlace(async (path) => {
  const dir = path('hq'), server = await serve(dir, ['--init', '--name', 'hq']), written = join(dir, 'postgres/postmaster.opts');
  const [, token] = /token=(\S+)/.exec((await command(['page', '--dir', dir])).stdout.trim()) ?? [];
  const post = async (key: string): Promise<{ status: number; code: string | undefined }> => {
    const answer = await fetch(`${server.http}/api/streams/notes/events`, { method: 'POST', headers: { authorization: `Bearer ${token}`, 'content-type': 'application/json' }, body: JSON.stringify({ key, type: 't', body: 1 }) });
    return { status: answer.status, code: (await answer.json() as { error?: { code: string } }).error?.code };
  };
  assert.is((await post('a')).status, 200);
  rmSync(written);
  symlinkSync(FULL, written);
  process.kill(postmaster(dir), 'SIGKILL');
  await until('it is seen', async () => (await document<{ database: { full?: boolean } }>(['status', '--dir', dir])).database.full === true);
  assert.equal(await post('b'), { status: 507, code: 'store-full' });
  const refused = await command(['append', 'notes', '--dir', dir, '--key', 'c', '--type', 't']);
  assert.is(refused.code, 1);
  assert.match(refused.stderr, /\[store-full\]/);
  rmSync(written);
  await until('it goes on', async () => (await post('d')).status === 200);
  assert.equal(await keysOf(dir, 'notes'), ['a', 'd']);
  assert.is((await server.stop()).code, 0);
}));

test.run();
