// Who is let in and how much he may do: names, origins, tokens, headers, sizes, slowness, strange requests; and an end that waits for nobody.
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { chmodSync, existsSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { networkInterfaces } from 'node:os';
import { join } from 'node:path';
import { brotliCompressSync, gzipSync } from 'node:zlib';
import { codeOf } from '../../src/fault.ts';
import { startHttp } from '../../targets/program/http.ts';
import { parseHttp } from '../../targets/program/http-place.ts';
import { httpToken } from '../../targets/program/http-token.ts';
import { ask, drained, serve, type Served } from './place.ts';

const test = suite('guard');
const page = Buffer.from('<!doctype html><title>x</title>'.repeat(50));
let served: Served;
test.before(async () => {
  served = await serve({
    settings: { http: parseHttp('127.0.0.1:0'), httpChosen: true, httpNames: ['pi.local'] },
    assets: new Map([
      ['/', { type: 'text/html; charset=utf-8', bytes: page, etag: '"abc"', gzip: gzipSync(page), brotli: brotliCompressSync(page) }],
      ['/page/main-3f9ab2c1.js', { type: 'text/javascript', bytes: Buffer.from('1'), etag: 'def' }],
    ]),
  });
});
test.after(() => served.close());

const PRIVATE = ['/api/status', '/api/streams', '/api/streams/s/events', '/api/streams/s/latest', '/api/streams/s/latest/k', '/api/streams/s/follow', '/api/follow', '/metrics', '/openapi.json', '/api/nothing', '/nothing'];

test('everything but the page and its health needs the token', async () => {
  for (const path of PRIVATE) {
    for (const authorization of [undefined, 'Bearer', `Basic ${Buffer.from(`:${served.token}`).toString('base64')}`, served.token]) {
      const answer = await served.ask(path, { headers: { authorization } });
      assert.ok(answer.status === 401 || answer.status === 429, `${path} ${authorization}: ${answer.status}`);
      assert.not.match(answer.text, new RegExp(served.token));
      if (answer.status === 401) assert.match(String(answer.headers['www-authenticate']), /^Bearer/);
    }
  }
  for (const path of ['/healthz', '/', '/page/main-3f9ab2c1.js']) assert.is((await served.ask(path, { headers: { authorization: undefined } })).status, 200, path);
  const post = await served.ask('/api/streams/s/events', { method: 'POST', body: '{"key":"a","type":"t"}', headers: { authorization: 'Bearer wrong', 'content-type': 'application/json' } });
  assert.ok(post.status === 401 || post.status === 429);
  assert.equal((await served.station.database.streams()).filter(({ stream }) => stream === 's'), []);
});

test('guessing is slowed down, and never keeps out the right token', async () => {
  const statuses = new Set<number>();
  for (let i = 0; i < 60; i++) {
    statuses.add((await served.ask('/api/streams', { headers: { authorization: `Bearer ${served.token.slice(0, -1)}${i % 10}x` } })).status);
    assert.is((await served.ask('/api/streams')).status, 200);
  }
  assert.ok(statuses.has(429));
  assert.is((await served.ask('/api/streams', { headers: { authorization: `bearer  ${served.token}` } })).status, 200);
});

test('only its own names are answered', async () => {
  for (const host of [`127.0.0.1:${served.port}`, 'localhost', `LOCALHOST:${served.port}`, '[::1]:1', 'pi.local', 'PI.local.:80']) assert.is((await served.ask('/api/streams', { headers: { host } })).status, 200, host);
  for (const host of ['evil.example', `evil.example:${served.port}`, '127.0.0.1.evil.example', 'localhost.evil.example', 'pi.local.evil', '192.168.1.1', '0.0.0.0', '[::2]', '127.0.0.1@evil', 'localhost:80:80']) {
    for (const path of ['/api/streams', '/', '/page/x']) assert.ok([400, 421].includes((await served.ask(path, { headers: { host } })).status), `${host} ${path}`);
  }
  // Whoever only watches may call it anything.
  assert.is((await served.ask('/healthz', { headers: { host: 'monitor.example' } })).status, 200);
});

test('pages of other sites may not ask', async () => {
  const host = `127.0.0.1:${served.port}`;
  assert.is((await served.ask('/api/streams', { headers: { host, origin: `http://${host}` } })).status, 200);
  assert.is((await served.ask('/api/streams', { headers: { host: 'pi.local', origin: 'https://pi.local' } })).status, 200);
  for (const origin of ['http://evil.example', 'null', 'http://127.0.0.1', 'http://127.0.0.1:1', 'file://', `http://${host}.evil.example`, `http://evil@${host}`, '']) {
    assert.is((await served.ask('/api/streams', { headers: { host, origin } })).status, origin === '' ? 403 : 403, origin);
  }
  const preflight = await served.ask('/api/streams/s/events', { method: 'OPTIONS', headers: { host, origin: 'http://evil.example', 'access-control-request-method': 'POST', 'access-control-request-headers': 'authorization', authorization: undefined } });
  assert.is(preflight.status, 403);
  for (const answer of [preflight, await served.ask('/api/streams')]) assert.not.ok(Object.keys(answer.headers).some((name) => name.startsWith('access-control')));
});

test('every answer says that it must not be kept, guessed about, framed or told', async () => {
  for (const [path, headers] of [['/api/streams', {}], ['/api/nothing', {}], ['/api/streams', { authorization: 'x' }], ['/', {}], ['/healthz', {}], ['/', { host: 'evil' }], ['/page/none', {}], ['/api/streams/s/events?limit=x', {}]] as [string, { [name: string]: string }][]) {
    const answer = await served.ask(path, { headers });
    assert.is(answer.headers['x-content-type-options'], 'nosniff', path);
    assert.is(answer.headers['referrer-policy'], 'no-referrer');
    assert.match(String(answer.headers['content-security-policy']), /default-src 'none'.*frame-ancestors 'none'/);
    assert.not.match(String(answer.headers['content-security-policy']), /unsafe|\*|http/);
    assert.is(answer.headers['cache-control'], path === '/' && answer.status === 200 ? 'no-cache' : 'no-store', path);
    assert.is(answer.headers['x-powered-by'] ?? answer.headers['server'], undefined);
  }
});

test('the page: packed as the browser likes it, asked for again cheaply, hashed names for ever', async () => {
  const plain = await served.ask('/', { headers: { authorization: undefined } });
  assert.equal([plain.text, plain.headers['content-type'], plain.headers['etag'], plain.headers['content-encoding']], [page.toString(), 'text/html; charset=utf-8', '"abc"', undefined]);
  assert.is((await served.ask('/', { headers: { 'accept-encoding': 'gzip, br' } })).headers['content-encoding'], 'br');
  assert.is((await served.ask('/', { headers: { 'accept-encoding': 'gzip;q=1.0, br;q=0' } })).headers['content-encoding'], 'gzip');
  const same = await served.ask('/', { headers: { 'if-none-match': '"x", W/"abc"' } });
  assert.equal([same.status, same.text], [304, '']);
  assert.match(String((await served.ask('/page/main-3f9ab2c1.js')).headers['cache-control']), /immutable/);
  for (const path of ['/page/../main.ts', '/page/%2e%2e/x', '/page//', '/page/..%2f..%2fetc/passwd', '/page/main-3f9ab2c1.js/', '//', '/page/constructor', '/page/__proto__']) {
    const answer = await served.ask(path);
    assert.is(answer.status, 404, path);
  }
});

test('too much of anything is refused, and the next request is served', async () => {
  assert.is((await served.ask(`/api/streams?${'x'.repeat(55_000)}`)).status, 414);
  assert.is((await served.ask(`/api/streams?${'x'.repeat(70_000)}`)).status, 431);
  assert.is((await served.ask('/api/streams', { headers: { 'x-much': 'y'.repeat(70_000) } })).status, 431);
  const post = (body: string | Uint8Array, headers: object = {}) => served.ask('/api/streams/big/events', { method: 'POST', body, headers: { 'content-type': 'application/json', ...headers } }).catch((error: NodeJS.ErrnoException) => ({ status: error.code, json: undefined }));
  // It says so before the body has come: who goes on sending may find the connection closed.
  assert.ok([413, 'ECONNRESET', 'EPIPE'].includes((await post(Buffer.alloc(40 * 1_048_576, 32))).status as never));
  const chunked = await post(Buffer.alloc(12 * 1_048_576, 32), { 'transfer-encoding': 'chunked' });
  assert.ok([413, 'ECONNRESET', 'EPIPE'].includes(chunked.status as never), String(chunked.status));
  const wide = await post(`[${'{},'.repeat(200_000)}{}]`);
  assert.equal([wide.status, wide.json?.refused, wide.json?.rejected.length], [422, 200_001, 1_000]);
  const deep = await post(`[{"key":"a","type":"t","body":${'['.repeat(60)}${']'.repeat(60)}}]`);
  assert.equal([deep.status, deep.json?.rejected[0].code], [422, 'bad-value']);
  const line = await served.ask('/api/streams/big/events', { method: 'POST', body: `${'x'.repeat(5_000_000)}\n{"key":"a","type":"t"}`, headers: { 'content-type': 'application/x-ndjson' } });
  assert.equal([line.status, line.json.appended, line.json.rejected[0].code], [207, 1, 'too-large']);
  assert.is((await served.ask('/api/streams')).status, 200);
});

test('bodies that come at the same time share one room', async () => {
  const sockets = await Promise.all(Array.from({ length: 5 }, () => served.raw()));
  const answers = sockets.map(drained);
  for (const socket of sockets) socket.write(`POST /api/streams/room/events HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer ${served.token}\r\nContent-Type: application/json\r\nContent-Length: 8000000\r\n\r\n[`);
  const answer = await served.ask('/api/streams/room/events', { method: 'POST', body: '{"key":"a","type":"t"}', headers: { 'content-type': 'application/json', 'transfer-encoding': 'chunked' } });
  assert.equal([answer.status, answer.json.error.code, answer.headers['retry-after']], [503, 'busy', '1']);
  for (const socket of sockets) socket.destroy();
  await Promise.all(answers);
  for (let tries = 0; (await served.ask('/api/streams/room/events', { method: 'POST', body: '{"key":"a","type":"t"}', headers: { 'content-type': 'application/json' } })).status !== 200; tries++) assert.ok(tries < 200);
});

test('lines may be sent for ever: each is on stable storage before the sender is done', async () => {
  const socket = await served.raw(), answer = drained(socket);
  socket.write(`POST /api/streams/drip/events HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\nAuthorization: Bearer ${served.token}\r\nContent-Type: application/x-ndjson\r\nTransfer-Encoding: chunked\r\n\r\n`);
  const send = (text: string): void => { socket.write(`${Buffer.byteLength(text).toString(16)}\r\n${text}\r\n`); };
  for (let i = 0; i < 3; i++) {
    send(`{"key":"k","type":"t","bo`);
    send(`dy":${i}}\n`);
    for (let tries = 0; ((await served.ask('/api/streams/drip/events')).json.events ?? []).length <= i; tries++) assert.ok(tries < 1_000);
  }
  send('{"key":"last","type":"t"}');
  socket.write('0\r\n\r\n');
  assert.match(await answer, /^HTTP\/1.1 200 [^]*"appended":4/);
  // One that breaks off in the middle keeps what was whole.
  const broken = await served.raw();
  broken.write(`POST /api/streams/drip/events HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer ${served.token}\r\nContent-Type: application/x-ndjson\r\nContent-Length: 500\r\n\r\n{"key":"k","type":"t","body":9}\n{"key":`);
  for (let tries = 0; ((await served.ask('/api/streams/drip/events?reverse=1&limit=1')).json.events)[0].body !== 9; tries++) assert.ok(tries < 1_000);
  broken.destroy();
  assert.is((await served.ask('/api/streams')).status, 200);
});

test('what is not HTTP, and requests that could be read in two ways, are turned away', async () => {
  for (const text of [
    '\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03', 'GARBAGE\r\n\r\n', 'GET / HTTP/9.9\r\n\r\n', 'GET /api/streams HTTP/1.1\r\nHost:\r\n\r\n', 'GET /api/streams HTTP/1.1\r\n\r\n', 'GET /api/streams HTTP/1.1\r\nHost: localhost\r\nHost: evil\r\n\r\n',
    `POST /api/streams/s/events HTTP/1.1\r\nHost: localhost\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\nGET / HTTP/1.1\r\n\r\n`, 'GET /api/streams HTTP/1.1\r\nHost: localhost\r\nX: a\x00b\r\n\r\n', 'GET /\x01 HTTP/1.1\r\nHost: localhost\r\n\r\n',
    'CONNECT evil.example:80 HTTP/1.1\r\nHost: evil.example\r\n\r\n', 'GET http://evil.example/api/streams HTTP/1.1\r\nHost: evil.example\r\nConnection: close\r\n\r\n', `GET /api/streams HTTP/1.0\r\nAuthorization: Bearer ${served.token}\r\n\r\n`,
  ]) {
    const socket = await served.raw(), answer = drained(socket);
    socket.write(text, 'latin1');
    // A server may wait for more of what it cannot judge yet.
    socket.end();
    const said = await answer;
    assert.not.match(said, /^HTTP\/1\.[01] 2/, JSON.stringify(text));
  }
  // The target may name the machine, as for a proxy: what counts is the Host header.
  assert.is((await served.ask('/api/streams')).status, 200);
});

test('who sends his headers slowly, or nothing, is cut; the others are served meanwhile', async () => {
  const idle = await served.raw(), slow = await served.raw();
  const ends = [idle, slow].map(drained);
  slow.write('GET /healthz HTTP/1.1\r\nHost: lo');
  assert.is((await served.ask('/healthz')).status, 200);
  const said = await Promise.all(ends);
  assert.ok(said.every((text) => text === '' || text.startsWith('HTTP/1.1 408')), said.join('|'));
});

test('the token is made once, for its owner alone, and another one by deleting it', async () => {
  const file = join(served.dir, 'http-token');
  assert.match(readFileSync(file, 'utf8'), /^[A-Za-z0-9_-]{43}\n$/);
  assert.is(statSync(file).mode & 0o777, 0o600);
  assert.is(await httpToken(served.dir), served.token);
  chmodSync(file, 0o644);
  assert.is(await httpToken(served.dir), served.token);
  assert.is(statSync(file).mode & 0o777, 0o600);
  rmSync(file);
  assert.is.not(await httpToken(served.dir), served.token);
  for (const bad of ['', 'short\n', 'ä'.repeat(30), 'two tokens in one file, with spaces']) {
    writeFileSync(file, bad);
    try { await httpToken(served.dir); assert.unreachable(bad); } catch (error) { assert.is(codeOf(error), 'bad-config'); }
  }
  rmSync(file);
});

test('the place: off, taken, given way, open to the network', async () => {
  const { database } = served.station, notices: string[] = [];
  const start = (http: string, httpChosen: boolean) => startHttp({ dir: served.dir, database, settings: { http: parseHttp(http), httpChosen, httpNames: [] }, notice: (text) => notices.push(text) });
  assert.is(await start('off', true), undefined);
  const taken = createServer().listen(0, '127.0.0.1');
  await new Promise((resolve) => taken.once('listening', resolve));
  const { port } = taken.address() as { port: number };
  try { await start(`127.0.0.1:${port}`, true); assert.unreachable(); } catch (error) { assert.is(codeOf(error), 'busy'); }
  const near = (await start(`127.0.0.1:${port}`, false))!;
  assert.is.not(new URL(near.url).port, String(port));
  assert.match(notices.pop()!, /taken by another program/);
  assert.is(readFileSync(join(served.dir, 'http-url'), 'utf8'), `${near.url}\n`);
  await near.close();
  assert.not(existsSync(join(served.dir, 'http-url')));
  taken.close();
  const open = (await start('0.0.0.0:0', true))!;
  assert.match(notices.pop()!, /open to the network/);
  const own = Object.values(networkInterfaces()).flat().find((each) => each?.family === 'IPv4' && !each.internal)?.address;
  const token = await httpToken(served.dir), headers = { authorization: `Bearer ${token}` };
  assert.is((await ask(Number(new URL(open.url).port), '/api/streams', { headers })).status, 200);
  assert.is((await ask(Number(new URL(open.url).port), '/api/streams', { headers: { ...headers, host: own ?? '10.1.2.3' } })).status, 421, 'an address that the connection did not come to');
  await open.close();
  for (const bad of ['', 'http://x/y', '127.0.0.1:99999', '7717', 'a b', 'https://x', '::1', '[::1', ':80']) {
    try { parseHttp(bad); assert.unreachable(bad); } catch (error) { assert.is(codeOf(error), 'bad-config', bad); }
  }
  assert.equal([parseHttp('localhost'), parseHttp('[::1]:80'), parseHttp('http://pi.local/')], [{ host: 'localhost', port: 7717 }, { host: '::1', port: 80 }, { host: 'pi.local', port: 7717 }]);
});

test('health says why not, without a name', async () => {
  const report = await served.station.database.report();
  const cases = [[{ damage: ['table log at 00'] }, 'the store is damaged'], [{ disk: { used: 1, journal: 0, free: 10 } }, 'the disk is full'], [{ member: 'revoked' as const }, 'this node was revoked']] as const;
  for (const [how, reason] of cases) {
    const other = await serve({ database: { ...served.station.database, report: () => Promise.resolve({ ...report, ...how }) } });
    const answer = await ask(other.port, '/healthz', {});
    assert.equal([answer.status, answer.json], [503, { ok: false, reasons: [reason] }]);
    await other.close();
  }
  const failing = await serve({ database: { ...served.station.database, report: () => Promise.reject(new Error('secret place')) } });
  assert.equal((await ask(failing.port, '/healthz', {})).json, { ok: false, reasons: ['the node cannot go on: internal'] });
  await failing.close();
});

test('it ends in time, whoever is connected', async () => {
  const other = await serve();
  const idle = await other.raw(), half = await other.raw(), following = await other.raw();
  const ends = [idle, half, following].map(drained);
  half.write('POST /api/streams/s/events HTTP/1.1\r\nHost: localhost\r\n');
  following.write(`GET /api/follow HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer ${other.token}\r\n\r\n`);
  await new Promise((resolve) => following.once('data', resolve));
  await other.close();
  await Promise.all(ends);
  try { await other.raw(); assert.unreachable(); } catch (error) { assert.is((error as NodeJS.ErrnoException).code, 'ECONNREFUSED'); }
});

test.run();
