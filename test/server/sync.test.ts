// A server among edge nodes: dist/server/holdfast and dist/edge/holdfast bring themselves level over TCP, show the same, and obey the same fleet; events of others are rows too.
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { holdfast, json, start } from '../edge/program.ts';
import { sql } from '../io/postgres-server.ts';
import { command, document, inPlace, keysOf, serve, until } from './server.ts';

test('both ways over TCP, equal digests, rows of what came, a revocation', () => inPlace(async (path) => {
  const hq = path('hq'), barn = path('barn'), server = await serve(hq, ['--init', '--name', 'hq']);
  const { token } = await document<{ token: string }>(['invite', '--dir', hq, '--address', server.tcp]);
  await json(['join', token, '--dir', barn, '--name', 'barn']);
  await holdfast(['append', 'climate', '--dir', barn], { input: Array.from({ length: 300 }, (_, i) => JSON.stringify({ key: `sensor-${i % 7}`, type: 'reading', body: { temperature: i / 10 }, time: 1_795_000_000_000 + i * 1_000 })).join('\n') });
  await document(['append', 'orders', '--dir', hq, '--key', 'barn', '--type', 'open', '--body', 'true']);
  const edge = start(['run', '--dir', barn, '--json', '--listen', 'tcp://127.0.0.1:0', '--http', 'off', '--metrics-seconds', '0']);
  await edge.until(/"event":"connected"/);
  await until('both hold the same', async () => {
    const [a, b] = [await document<{ digest: string; events: number }>(['digest', '--dir', hq]), await json<{ digest: string; events: number }>(['digest', '--dir', barn])];
    return a.digest === b.digest && a.events === 301;
  });
  const [latest] = await sql<{ body: unknown; name: string }>(server.sql, "SELECT l.body, m.name FROM holdfast.latest l JOIN holdfast.member m USING (node) WHERE stream = 'climate' AND key = 'sensor-3'");
  assert.equal(latest, { body: { temperature: 29.7 }, name: 'barn' });
  assert.is((await sql(server.sql, "SELECT FROM holdfast.event WHERE stream = 'climate'")).length, 300);
  assert.equal((await json<{ body: unknown }>(['get', 'orders', 'barn', '--dir', barn])).body, true);
  // Shut out: what it writes from now on counts nowhere, and SQL says so.
  await edge.stop();
  await document(['revoke', 'barn', '--dir', hq, '--why', 'stolen']);
  await holdfast(['append', 'climate', '--dir', barn, '--key', 'late', '--type', 'reading', '--body', '1']);
  const refused = await holdfast(['sync', server.tcp, '--dir', barn]);
  assert.is(refused.code, 1);
  await until('SQL knows', async () => (await sql(server.sql, "SELECT FROM holdfast.member WHERE name = 'barn' AND state = 'revoked'")).length === 1);
  assert.not.ok((await keysOf(hq, 'climate')).includes('late'));
  assert.is((await server.stop()).code, 0);
}));

test('a server joins the fleet of an edge node, and bundles go both ways', () => inPlace(async (path) => {
  const edge = path('edge'), hq = path('hq'), sticks = path('stick');
  await json(['init', '--dir', edge, '--name', 'edge', '--fleet', 'farm']);
  await holdfast(['append', 'notes', '--dir', edge, '--key', 'a', '--type', 't', '--body', '1']);
  const { token } = await json<{ token: string }>(['invite', '--admin', '--dir', edge]);
  const joined = await command(['join', '-', '--dir', hq, '--name', 'hq'], { input: token });
  assert.is(joined.code, 0, joined.stderr);
  await json(['export', sticks, '--dir', edge]);
  await document(['import', sticks, '--dir', hq]);
  assert.equal(await keysOf(hq, 'notes'), ['a']);
  await command(['append', 'notes', '--dir', hq, '--key', 'b', '--type', 't', '--body', '2']);
  await document(['export', path('back'), '--dir', hq]);
  await json(['import', path('back'), '--dir', edge]);
  assert.is((await document(['digest', '--dir', hq]))['digest'], (await json(['digest', '--dir', edge]))['digest']);
}));

test.run();
