// Rows of SQL that were lost or doubled behind the back of dist/server/holdfast: `verify` says so, `verify --repair` makes them anew.
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { sql } from '../io/postgres-server.ts';
import { command, document, inPlace, serve } from './server.ts';

interface Found { damaged: { where: string }[]; pages: string[] }

test('rows are counted beside the history, and made anew', () => inPlace(async (path) => {
  const dir = path('hq'), server = await serve(dir, ['--init', '--name', 'hq']);
  for (const stream of ['notes', 'telemetry']) {
    const input = Array.from({ length: 700 }, (_, i) => JSON.stringify({ key: `k${i % 7}`, type: 't', body: { i } })).join('\n');
    assert.is((await document(['append', stream, '--dir', dir], { input }))['appended'], 700);
  }
  const count = async (): Promise<unknown> => (await sql(server.sql, 'SELECT stream, count(*)::int AS n, count(DISTINCT id)::int AS ids FROM holdfast.event GROUP BY stream ORDER BY stream'));
  const whole = [{ stream: 'notes', n: 700, ids: 700 }, { stream: 'telemetry', n: 700, ids: 700 }];
  for (let tries = 0; JSON.stringify(await count()) !== JSON.stringify(whole) && tries < 200; tries++) await new Promise((resolve) => { setTimeout(resolve, 50); });
  assert.equal(await count(), whole);
  assert.equal((await document<Found>(['verify', '--dir', dir])).damaged, []);
  await sql(server.sql, `DELETE FROM holdfast.event WHERE stream = 'notes' AND key IN ('k1', 'k2')`);
  await sql(server.sql, `INSERT INTO holdfast.event SELECT * FROM holdfast.event WHERE stream = 'telemetry' AND key = 'k3'`);
  const seen = await command(['verify', '--dir', dir, '--json']);
  assert.is(seen.code, 1);
  assert.match(seen.stdout, 'SQL shows 500 rows of stream notes, which has 700 events');
  assert.match(seen.stdout, 'SQL shows 800 rows of stream telemetry, which has 700 events');
  const mended = await document<Found>(['verify', '--repair', '--dir', dir]);
  assert.equal(mended.pages, []);
  assert.equal(await count(), whole);
  assert.equal(await sql(server.sql, 'SELECT stream, events::int AS n FROM holdfast.stream ORDER BY stream'), whole.map(({ stream, n }) => ({ stream, n })));
  assert.equal((await document<Found>(['verify', '--dir', dir])).damaged, []);
  await server.stop();
}));

test.run();
