// The HTTP API of a server on PostgreSQL: names and bodies that are meant for SQL are data there too, tokens are kept in the database, and readiness follows the database.
// timeout: 180s
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { existsSync, readFileSync } from 'node:fs';
import { inFolder } from '../edge/program.ts';
import { sql } from '../io/postgres-server.ts';
import { document, postmaster, serve } from '../server/server.ts';

const WORDS = ["'; DROP TABLE holdfast.event; --", "' OR '1'='1' --", '"; DROP SCHEMA holdfast CASCADE; --', "E'\\\\'); SELECT pg_sleep(10); --", '$$; DROP TABLE holdfast.node; $$', '%s %I :name $1 ?', '\\', '\\.', '\\N', '\t\n\r', '\u2028', '__proto__', '🏴‍☠️', 'ü'.repeat(100), '<script>alert(1)</script>'];

test('hostile words go through the API into SQL and back; tokens lie in the database; readiness is that of the database', () => inFolder(async (path) => {
  const dir = path('a'), server = await serve(dir, ['--init', '--name', WORDS[0]!.slice(0, 30)]);
  try {
    const { token } = await document<{ token: string }>(['token', '--dir', dir]);
    const ask = async (at: string, method = 'GET', body?: string, type = 'application/json', bearer = token): Promise<{ status: number; text: string; json: any; headers: Headers }> => {
      const answer = await fetch(`${server.http}${at}`, { method, headers: { authorization: `Bearer ${bearer}`, ...(body !== undefined && { 'content-type': type }) }, ...(body !== undefined && { body }) }), text = await answer.text();
      let json: unknown;
      try { json = JSON.parse(text); } catch { json = undefined; }
      return { status: answer.status, text, json, headers: answer.headers };
    };
    const events = WORDS.map((word, i) => ({ key: word.slice(0, 60), type: word.slice(0, 15), body: { [word]: [word, { deep: word }] }, time: 1_790_000_000_000 + i }));
    const done = await ask('/api/streams/hostile/events', 'POST', events.map((each) => JSON.stringify(each)).join('\n'), 'application/x-ndjson');
    assert.equal([done.status, done.json.appended], [200, events.length], done.text.slice(0, 300));
    const shown = (all: any[]) => all.map(({ key, type, body, time }) => ({ key, type, body, time }));
    assert.equal(shown((await ask('/api/streams/hostile/events?limit=1000')).json.events), events);
    assert.equal(shown((await ask('/api/streams/hostile/events?format=ndjson&limit=all')).text.trimEnd().split('\n').map((line) => JSON.parse(line))), events);
    for (const { key, type } of events) {
      const found = (await ask(`/api/streams/hostile/events?key=${encodeURIComponent(key)}&type=${encodeURIComponent(type)}`)).json.events;
      assert.equal(shown(found), events.filter((each) => each.key === key && each.type === type), key);
      assert.equal(shown((await ask(`/api/streams/hostile/latest?key=${encodeURIComponent(key)}`)).json.latest), [events.findLast((each) => each.key === key)]);
      assert.ok([400, 404].includes((await ask(`/api/nodes/${encodeURIComponent(key)}`)).status) || key.startsWith("'; DROP"), key);
      assert.is((await ask(`/api/nodes?find=${encodeURIComponent(key)}`)).status, 200);
      assert.is((await ask(`/api/streams/${encodeURIComponent(key)}/events`)).status >= 400 || /^[\w.-]+$/.test(key), true, key);
    }
    // The same in SQL, where all tables still are. It may take a moment until what is acknowledged is rows.
    let rows: { key: string; type: string; body: unknown }[] = [];
    for (let tries = 0; rows.length < events.length && tries < 400; tries++) {
      rows = await sql(server.sql, `SELECT key, type, body FROM holdfast.event WHERE stream = 'hostile' ORDER BY time`);
      if (rows.length < events.length) await new Promise((resolve) => setTimeout(resolve, 50));
    }
    assert.equal(rows, events.map(({ key, type, body }) => ({ key, type, body })));

    const session = (await ask('/api/session')).json, fleet = (await ask('/api/fleet')).json;
    assert.equal([session.view, fleet.counts.nodes, fleet.nodes[0].name], ['fleet', 1, WORDS[0]!.slice(0, 30)]);
    const made = (await ask('/api/tokens', 'POST', '{"name":"grafana","scope":"read"}')).json.token;
    assert.not(existsSync(`${dir}/http-tokens`));
    assert.equal([(await ask('/api/fleet', 'GET', undefined, '', made)).status, (await ask('/api/streams/s/events', 'POST', '{}', undefined, made)).status], [200, 403]);
    const everything = JSON.stringify(await sql(server.sql, `SELECT * FROM holdfast.document`).catch(() => sql(server.sql, `SELECT table_name FROM information_schema.tables WHERE table_schema = 'holdfast'`)));
    assert.not(everything.includes(made) || everything.includes(Buffer.from(made).toString('hex')));
    const metrics = (await ask('/metrics')).text;
    assert.match(metrics, /\nholdfast_database_connected\{[^}]*\} 1\n/);

    assert.is((await fetch(`${server.http}/readyz`)).status, 200);
    const pid = postmaster(dir), children = readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8').trim().split(' ').map(Number);
    for (const each of [pid, ...children]) process.kill(each, 'SIGSTOP');
    try {
      let answer = await fetch(`${server.http}/readyz`);
      // What was found a moment ago may be told again.
      for (let tries = 0; answer.status === 200 && tries < 100; tries++) {
        await new Promise((resolve) => setTimeout(resolve, 50));
        answer = await fetch(`${server.http}/readyz`);
      }
      assert.equal([answer.status, await answer.json()], [503, { ok: false, reasons: ['the store does not answer'] }]);
    } finally {
      for (const each of [pid, ...children]) process.kill(each, 'SIGCONT');
    }
    for (let tries = 0; (await fetch(`${server.http}/readyz`)).status !== 200; tries++) {
      assert.ok(tries < 600);
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
    assert.is((await ask('/api/streams/hostile/events?limit=1')).status, 200);
  } finally {
    await server.stop();
  }
}));

test.run();
