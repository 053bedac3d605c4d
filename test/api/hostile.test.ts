// Hostile input over HTTP: names and bodies that are meant for databases, pages and terminals, other sites, paths and headers with tricks in them, senders and readers without end.
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import fc from 'fast-check';
import { codeOf } from '../../src/fault.ts';
import { steadily } from '../../targets/api/bundles.ts';
import { streamed } from '../../targets/api/export.ts';
import { following, member, until } from './members.ts';
import { ask, drained, serve, type Served } from './place.ts';

const test = suite('hostile');
let served: Served;
test.before(async () => { served = await serve({ http: '127.0.0.1:0', settings: { http: { host: '127.0.0.1', port: 0 }, httpChosen: true, httpNames: ['pi.local'] } }); });
test.after(() => served.close());

/** Texts that somebody would like something to run. */
const WORDS = [
  "'; DROP TABLE holdfast.event; --", "' OR '1'='1", "1); DELETE FROM event WHERE (1=1", '$1 %s {0} ${7*7} {{7*7}}', '"><script>alert(1)</script>', '<img src=x onerror=alert(1)>', '</script><svg/onload=alert(1)>', 'javascript:alert(1)',
  '__proto__', 'constructor', 'toString', '../../../etc/passwd', '..\\..\\windows', '%2e%2e%2f', '=cmd|\' /C calc\'!A0', '@SUM(1)', '\u202e\u2066right to left', '\u001b[2J\u001b]0;title\u0007', 'a\nb\r\nset-cookie: x=1\r\n\r\nbody', 'data: x\n\nevent: fault\ndata: {}\n\n', 'id: 7\n\n',
  '\ufeffx', '\u2028\u2029', '🏴‍☠️ é é', '\\x00 \\u0000', 'null', 'NaN', '-0', "E'\\\\'", '$$;$$', '/*', '--', '?a=1&b=2#c', '%', '%zz', '+', ' ', '\t', '.', '..', '~',
];
const text = fc.oneof({ weight: 3, arbitrary: fc.constantFrom(...WORDS) }, fc.string({ unit: 'grapheme', minLength: 1, maxLength: 30 }), fc.string({ unit: fc.integer({ min: 1, max: 0x2ff }).map((c) => String.fromCharCode(c)), minLength: 1, maxLength: 20 })).filter((each) => !each.includes('\u0000') && Buffer.byteLength(each) <= 64);

test('keys, types and bodies are data, whatever they are: they come back as they went in, by every way', async () => {
  let round = 0;
  await fc.assert(fc.asyncProperty(fc.array(fc.record({ key: text, type: text, body: fc.oneof(text, fc.dictionary(text, text, { maxKeys: 3 })) }), { minLength: 1, maxLength: 6 }), async (events) => {
    const stream = `hostile-${round++}`;
    const answer = await served.append(stream, events);
    assert.equal([answer.status, answer.json.appended], [200, events.length], answer.text.slice(0, 300));
    const plain = JSON.parse(JSON.stringify(events)), shown = (all: any[]) => all.map(({ key, type, body }) => ({ key, type, body }));
    assert.equal(shown((await served.ask(`/api/streams/${stream}/events`)).json.events), plain);
    assert.equal(shown((await served.ask(`/api/streams/${stream}/events?format=ndjson`)).text.trimEnd().split('\n').map((line) => JSON.parse(line))), plain);
    for (const { key, type } of events) {
      const fitting = plain.filter((each: any) => each.key === key && each.type === type);
      assert.equal(shown((await served.ask(`/api/streams/${stream}/events?key=${encodeURIComponent(key)}&type=${encodeURIComponent(type)}`)).json.events), fitting);
      assert.equal(shown((await served.ask(`/api/streams/${stream}/latest?key=${encodeURIComponent(key)}`)).json.latest), [plain.findLast((each: any) => each.key === key)]);
    }
  }), { numRuns: 25 });
  const events = WORDS.map((word) => ({ key: word, type: word, body: { [word]: word } })), followed = following(served.port, '/api/streams/live/follow', served.token);
  await followed.status;
  await served.append('live', events);
  // No text of an event begins a message of its own, or ends the stream.
  await until('all came', () => followed.messages.length >= events.length);
  assert.equal(followed.messages.map(({ event, data }) => [event, data.key, data.type, data.body]), events.map(({ key, type, body }) => ['message', key, type, body]));
  followed.close();
});

test('names of streams are names; what is none is refused by every route that takes one', async () => {
  for (const word of [...WORDS, 'x'.repeat(65), '', 'ä', 'a/b', 'a\u0000b', '$fleet\u0000']) {
    if (/^\$?[A-Za-z0-9._-]{1,64}$/.test(word)) continue;
    const name = encodeURIComponent(word);
    for (const path of [`/api/streams/${name}/events`, `/api/streams/${name}/latest`, `/api/streams/${name}/keys`, `/api/streams/${name}/follow`, `/api/follow?streams=${name}`, `/api/streams/${name}/events?format=csv&limit=all`]) {
      if (word === '' || word === '.' || word === '..' || (word.includes(',') && path.includes('streams='))) continue;
      const answer = await served.ask(path);
      assert.ok([400, 404].includes(answer.status), `${path}: ${answer.status}`);
      assert.is(answer.headers['content-type'], 'application/json; charset=utf-8');
    }
  }
});

test('names of nodes, reasons, and whatever is looked for are data too', async () => {
  const name = `<b onmouseover=alert(1)>"' {{7*7}} \u202e`, other = await member(served, name), { url } = await served.station.links.listen('tcp://127.0.0.1:0');
  await other.station.database.sync(url, new AbortController().signal, () => {});
  await until('it is known', async () => (await served.ask('/api/nodes')).json.nodes.length === 2);
  for (const path of ['/api/fleet', '/api/nodes', `/api/nodes/${encodeURIComponent(name)}`, '/api/receipts', '/metrics', '/api/nodes?format=csv', '/api/nodes?format=ndjson']) {
    const answer = await served.ask(path);
    assert.is(answer.status, 200, path);
    assert.not.match(String(answer.headers['content-type']), /html/);
    assert.equal([answer.headers['x-content-type-options'], answer.headers['content-security-policy']], ['nosniff', "default-src 'none'; frame-ancestors 'none'"]);
  }
  for (const word of WORDS) {
    const find = await served.ask(`/api/nodes?find=${encodeURIComponent(word)}`);
    assert.equal([find.status, find.json.nodes.every((each: any) => each.name.toLowerCase().includes(word.toLowerCase()))], [200, true], word);
    for (const path of [`/api/nodes/${encodeURIComponent(word)}`, `/api/nodes/${encodeURIComponent(word)}/bundle`]) {
      if (word !== '.' && word !== '..') assert.ok([400, 404].includes((await served.ask(path)).status), path);
    }
    const gone = await served.ask(`/api/tokens/${encodeURIComponent(word)}`, { method: 'DELETE' });
    assert.ok(gone.status === 404 || gone.status === 405 || gone.status === 400, `${word}: ${gone.status}`);
    const made = await served.ask('/api/tokens', { method: 'POST', body: JSON.stringify({ name: word, scope: 'read' }), headers: { 'content-type': 'application/json' } });
    assert.is(made.status === 200, /^[A-Za-z0-9][\w.-]{0,63}$/.test(word), word);
  }
  // A reason is text: what a terminal would obey is refused, what a page would run is kept.
  for (const why of ['\u001b[2J', 'a\nb', 'x'.repeat(1_001)]) assert.is((await served.ask(`/api/nodes/${other.id}/revoke`, { method: 'POST', body: JSON.stringify({ why }), headers: { 'content-type': 'application/json' } })).status, 400);
  assert.is((await served.ask(`/api/nodes/${other.id}`)).json.state, 'member');
  const why = `'; DROP TABLE event;--<script>alert(1)</script>`;
  assert.is((await served.ask(`/api/nodes/${encodeURIComponent(name)}/revoke`, { method: 'POST', body: JSON.stringify({ why }), headers: { 'content-type': 'application/json' } })).status, 200);
  assert.is((await served.ask(`/api/nodes/${other.id}`)).json.state, 'revoked');
  await other.close();
});

const POSTS = ['/api/streams/s/events', '/api/inputs/x', '/api/bundles', '/api/nodes/alpha/revoke', '/api/nodes/alpha/release', '/api/invitations', '/api/tokens', '/api/tickets'];
const GETS = ['/api/session', '/api/fleet', '/api/fleet/follow', '/api/nodes', '/api/nodes/alpha', '/api/nodes/alpha/bundle', '/api/links', '/api/receipts', '/api/quarantine', '/api/bundles', '/api/tokens', '/api/streams/s/events?format=csv', '/api/tickets/x', '/metrics'];

test('other sites cannot ask, read or write, whatever a browser sends along for them', async () => {
  const host = `127.0.0.1:${served.port}`;
  for (const [method, paths] of [['GET', GETS], ['POST', POSTS], ['DELETE', ['/api/tokens/x']]] as const) {
    for (const path of paths) {
      for (const headers of [{ origin: 'http://evil.example' }, { origin: 'null' }, { 'sec-fetch-site': 'cross-site' }, { 'sec-fetch-site': 'same-site' }, { 'sec-fetch-site': 'cross-site', 'sec-fetch-mode': 'navigate', 'sec-fetch-dest': 'document' }, { 'sec-fetch-site': 'cross-site', 'sec-fetch-mode': 'no-cors' }]) {
        const answer = await served.ask(path, { method, headers: { host, ...headers, ...(method === 'POST' ? { 'content-type': 'application/json' } : {}) }, ...(method === 'POST' ? { body: '{}' } : {}) });
        assert.is(answer.status, 403, `${method} ${path} ${JSON.stringify(headers)}: ${answer.status}`);
        assert.not.ok(Object.keys(answer.headers).some((name) => name.startsWith('access-control')));
      }
      // Made to look like this node by a name of theirs that points here.
      for (const name of ['evil.example', `evil.example:${served.port}`, '127.0.0.1.evil.example', 'pi.local.evil.example', 'localhost@evil.example']) {
        const answer = await served.ask(path, { method, headers: { host: name } });
        assert.ok([400, 421].includes(answer.status), `${method} ${path} as ${name}: ${answer.status}`);
      }
      const preflight = await ask(served.port, path, { method: 'OPTIONS', headers: { host, origin: 'http://evil.example', 'access-control-request-method': method, 'access-control-request-headers': 'authorization' } });
      assert.is(preflight.status, 403);
    }
  }
  // What forms can send without asking is no body of any route.
  for (const path of POSTS) for (const type of ['text/plain', 'application/x-www-form-urlencoded', 'multipart/form-data; boundary=x']) {
    const answer = await served.ask(path, { method: 'POST', body: '{"name":"x","scope":"admin","path":"/api/streams?format=csv","why":""}', headers: { 'content-type': type } });
    assert.ok([415, 404].includes(answer.status), `${path} ${type}: ${answer.status}`);
  }
  // Its own page may, and a link from elsewhere may open it.
  assert.is((await served.ask('/api/session', { headers: { host, origin: `http://${host}`, 'sec-fetch-site': 'same-origin' } })).status, 200);
  assert.is((await served.ask('/api/session', { headers: { host, 'sec-fetch-site': 'none', 'sec-fetch-mode': 'navigate' } })).status, 200);
  assert.is((await served.ask('/', { headers: { host, 'sec-fetch-site': 'cross-site', 'sec-fetch-mode': 'navigate' } })).status, 404); // it has none here
  assert.is((await served.ask('/', { headers: { host, 'sec-fetch-site': 'cross-site', 'sec-fetch-mode': 'no-cors' } })).status, 403);
});

test('paths with tricks in them lead nowhere', async () => {
  const secret = /BEGIN|root:|holdfast1:|"token":"|PRIVATE/;
  for (const path of [
    '/api/nodes/..%2f..%2fetc%2fpasswd', '/api/nodes/%2e%2e/%2e%2e/node.key', '/api/nodes/%00', '/api/nodes/alpha%00', '/api/nodes/alpha/bundle/..', '/api//nodes', '//api/fleet', '/api/fleet/', '/api/fleet/../tokens', '/api/./fleet', '/API/FLEET', '/api/fleet%2ffollow', '/api/fleet;x=1', '/api/nodes/alpha;bundle',
    '/api/nodes/alpha%2fbundle', '/api/nodes/alpha/revoke', '/api/tokens/..', '/api/tokens/%2e%2e', '/api/tickets/..%2ftokens', '/api/tickets/../tokens', '/page/..%2fhttp-token', '/page/%2e%2e/http-token', '/page/....//http-tokens', '/http-tokens', '/.git/config', '/api/nodes/%ff%fe', '/api/nodes/%c0%ae%c0%ae', `/api/nodes/${'a'.repeat(10_000)}`,
    '/api/bundles/../../node.key', '/api/bundles/x', '/%61pi/tokens', '/api/streams/%2e%2e/events', '/api\\nodes', '/?/api/tokens', '/api/nodes?after=%00', `/api/nodes?after=${'f'.repeat(65)}`, '/api/nodes?find=%ff', '/api/nodes?find=%00',
  ]) {
    for (const authorization of [undefined, `Bearer ${served.token}`]) {
      const answer = await served.ask(path, { headers: { authorization } });
      assert.ok(answer.status < 500, `${path}: ${answer.status}`);
      assert.not.match(answer.text, secret, path);
      if (authorization === undefined) assert.ok(answer.status >= 400, `${path}: ${answer.status}`);
    }
  }
  // What the router takes for the same is guarded as the same.
  const reader = (await served.station.database.tokens({ make: { name: 'path-reader', scope: 'read' } })).made!;
  for (const path of ['/%61pi/tokens', '/api/tokens?', '/api/%74okens', '/api/tokens#x', 'http://localhost/api/tokens']) {
    const answer = await served.ask(path, { headers: { authorization: `Bearer ${reader}` } });
    assert.ok([400, 403, 404].includes(answer.status), `${path}: ${answer.status}`);
  }
});

test('headers with tricks in them change nothing', async () => {
  const reader = (await served.station.database.tokens({ make: { name: 'header-reader', scope: 'read' } })).made!;
  const as = { authorization: `Bearer ${reader}`, 'content-type': 'application/json' };
  for (const headers of [{ 'x-http-method-override': 'GET' }, { 'x-forwarded-for': '127.0.0.1', 'x-forwarded-host': 'localhost' }, { 'x-original-url': '/api/streams' }, { 'x-scope': 'admin' }, { cookie: `token=${served.token}` }, { 'proxy-authorization': `Bearer ${served.token}` }]) {
    assert.is((await served.ask('/api/tokens', { method: 'POST', body: '{"name":"sneaky","scope":"admin"}', headers: { ...as, ...headers } })).status, 403, JSON.stringify(headers));
  }
  assert.not.ok((await served.station.database.tokens({})).tokens.some(({ name }) => name === 'sneaky'));
  for (const [path, headers] of [['/api/fleet', { 'if-none-match': `${'"x",'.repeat(10_000)}"y"` }], ['/api/nodes', { accept: 'text/csv,'.repeat(5_000) }], ['/api/fleet', { 'if-none-match': '*' }], ['/api/streams/s/events', { accept: ';;;,,,"\\' }], ['/api/fleet', { range: 'bytes=0-1' }]] as const) {
    const answer = await served.ask(path, { headers: { ...headers } });
    assert.ok(answer.status === 200 || answer.status === 431, `${path}: ${answer.status}`);
  }
  for (const last of ['x'.repeat(40_000), '..', '-1.-1', `${'9'.repeat(400)}.${'9'.repeat(400)}`, '\u00e9', '__proto__.1']) {
    const followed = following(served.port, '/api/fleet/follow', served.token, { 'last-event-id': last });
    assert.is(await followed.status, 200);
    await followed.ended;
    assert.equal(followed.messages.map(({ event }) => event), ['reload'], last.slice(0, 20));
  }
  // Two tokens in one request: neither counts.
  const socket = await served.raw(), answer = drained(socket);
  socket.write(`GET /api/session HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\nAuthorization: Bearer wrong\r\nAuthorization: Bearer ${served.token}\r\n\r\n`);
  assert.match(await answer, /^HTTP\/1\.1 (400|401|429)/);
  for (const method of ['TRACE', 'CONNECT', 'PROPFIND', 'PUT', 'PATCH']) {
    const other = await served.raw(), said = drained(other);
    other.write(`${method} /api/tokens HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\nAuthorization: Bearer ${served.token}\r\nContent-Length: 0\r\n\r\n`);
    other.end();
    assert.not.match(await said, /^HTTP\/1\.1 [25]/, method);
  }
});

test('huge bodies, deep ones and odd ones are refused by every route that takes a small one', async () => {
  for (const path of ['/api/nodes/alpha/revoke', '/api/nodes/alpha/release', '/api/invitations', '/api/tokens', '/api/tickets']) {
    const post = (body: string | Uint8Array, more: object = {}) => served.ask(path, { method: 'POST', body, headers: { 'content-type': 'application/json', ...more } }).catch((error: NodeJS.ErrnoException) => ({ status: error.code, json: undefined }));
    assert.ok([413, 'ECONNRESET', 'EPIPE'].includes((await post(Buffer.alloc(20_000_000, 32))).status as never), path);
    assert.ok([413, 'ECONNRESET', 'EPIPE'].includes((await post(Buffer.alloc(200_000, 32), { 'transfer-encoding': 'chunked' })).status as never), path);
    for (const body of ['[', '[]', 'null', '"x"', '7', `{"why":${'['.repeat(30_000)}`, `${'['.repeat(30_000)}${']'.repeat(30_000)}`, '{"__proto__":{"admin":true}}', '{"constructor":1}', '{"self":"yes"}', '{"why":1}', '{"name":{"toString":1}}', '{"path":["/api/x"]}', Buffer.from([0xff, 0xfe]), '\u0000']) {
      const { status } = await post(body);
      assert.ok(typeof status === 'number' && status >= 400 && status < 500, `${path} ${String(body).slice(0, 40)}: ${status}`);
    }
  }
  assert.equal((await served.station.database.report()).members.filter(({ state }) => state === 'member').map(({ name }) => name), ['alpha']);
  assert.is((await served.ask('/api/streams')).status, 200);
});

test('who sends next to nothing, or takes nothing, does not keep his place', async () => {
  let clock = 0, sent = 0;
  const real = performance.now;
  async function* drip(): AsyncGenerator<Uint8Array> { for (;;) { clock += 20_000; sent++; yield new Uint8Array(10); } }
  performance.now = () => clock;
  try {
    for await (const piece of steadily(drip())) assert.is(piece.length, 10);
    assert.unreachable();
  } catch (error) {
    assert.is(codeOf(error), 'timeout');
  } finally {
    performance.now = real;
  }
  assert.ok(sent <= 5);
  // Taking it in may take as long as it likes.
  performance.now = () => clock;
  try {
    let taken = 0;
    for await (const piece of steadily((async function* () { for (let i = 0; i < 10; i++) { clock += 10_000; yield new Uint8Array(1_000); } })())) { taken += piece.length; clock += 500_000; }
    assert.is(taken, 10_000);
  } finally {
    performance.now = real;
  }
  // Timers that ring when they are told to.
  const timer = globalThis.setTimeout, stop = globalThis.clearTimeout, rings = new Map<object, () => void>();
  globalThis.setTimeout = ((ring: () => void) => { const name = {}; rings.set(name, ring); return name; }) as never;
  globalThis.clearTimeout = ((name: object) => { rings.delete(name); }) as never;
  try {
    let left = 0, broken = 0, returned = 0;
    const body = streamed((async function* () { try { for (;;) yield new Uint8Array(10); } finally { returned++; } })(), () => { left++; }, () => { broken++; }), reader = body.getReader();
    for (let i = 0; i < 3; i++) {
      const before = [...rings.keys()];
      await reader.read();
      await new Promise((resolve) => setImmediate(resolve));
      assert.equal([rings.size, left, broken], [1, 0, 0]);
      assert.not.ok(before.some((name) => rings.has(name)), 'each piece has a time of its own');
    }
    for (const ring of rings.values()) ring();
    await new Promise((resolve) => setImmediate(resolve));
    assert.equal([left, broken, returned], [1, 1, 1]);
  } finally {
    globalThis.setTimeout = timer;
    globalThis.clearTimeout = stop;
  }
});

test.run();
