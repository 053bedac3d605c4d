// Tokens with scopes: each route asks for its own, what is kept of them is a hash, and who bears one that is taken back is cut off.
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import fc from 'fast-check';
import { codeOf } from '../../src/fault.ts';
import { createApi } from '../../targets/api/api.ts';
import { sampleRates } from '../../targets/api/rates.ts';
import { keepReports } from '../../targets/api/reports.ts';
import { changeTokens, recognise, SCOPES, tokenFile, type TokenDocument } from '../../targets/program/http-tokens.ts';
import { following, until } from './members.ts';
import { serve, type Served } from './place.ts';

const test = suite('tokens');
let served: Served;
const bearing: { [scope: string]: string } = {};
test.before(async () => {
  served = await serve();
  for (const scope of SCOPES) bearing[scope] = (await served.station.database.tokens({ make: { name: `a-${scope}`, scope } })).made!;
});
test.after(() => served.close());

const ask = (method: string, path: string, token: string, body?: string) => served.ask(path, { method, ...(body === undefined ? {} : { body }), headers: { authorization: `Bearer ${token}`, ...(body === undefined ? {} : { 'content-type': 'application/json' }) } });

/** What each route needs; what is not here must not be there. */
const NEEDS: { [route: string]: (typeof SCOPES)[number] } = {
  'get /api/status': 'read', 'get /api/streams': 'read', 'get /api/streams/:stream/events': 'read', 'get /api/streams/:stream/latest': 'read', 'get /api/streams/:stream/keys': 'read', 'get /api/streams/:stream/latest/:key': 'read',
  'get /api/streams/:stream/follow': 'read', 'get /api/follow': 'read', 'get /api/fleet': 'read', 'get /api/fleet/follow': 'read', 'get /api/nodes': 'read', 'get /api/nodes/:node': 'read', 'get /api/session': 'read', 'get /api/links': 'read',
  'get /api/receipts': 'read', 'get /api/quarantine': 'read', 'get /api/bundles': 'read', 'get /metrics': 'read', 'get /openapi.json': 'read', 'post /api/tickets': 'read',
  'post /api/streams/:stream/events': 'append', 'post /api/inputs/:name': 'append', 'get /api/nodes/:node/bundle': 'append', 'post /api/bundles': 'append',
  'post /api/nodes/:node/revoke': 'admin', 'post /api/nodes/:node/release': 'admin', 'post /api/invitations': 'admin', 'get /api/tokens': 'admin', 'post /api/tokens': 'admin', 'delete /api/tokens/:name': 'admin',
};
const OPEN = ['get /healthz', 'get /readyz', 'get /', 'get /page/*', 'get /api/tickets/:ticket'];

test('every route needs a scope, and refuses those that do not reach', async () => {
  const rates = sampleRates(served.station.database), { database } = served.station;
  const app = createApi({ database, hub: database.hub!, view: 'node', version: '0', token: 't', names: [], assets: undefined, post: undefined, rates, reports: keepReports(database), stopping: AbortSignal.abort() });
  rates.stop();
  const routes = [...new Set(app.routes.filter(({ method }) => method !== 'ALL').map(({ method, path }) => `${method.toLowerCase()} ${path}`))];
  assert.equal(routes.sort(), [...Object.keys(NEEDS), ...OPEN].sort());
  const document = (await served.ask('/openapi.json')).json;
  for (const [route, scope] of Object.entries(NEEDS)) {
    const [method, path] = route.split(' ') as [string, string], described = path.replace(/:(\w+)/g, '{$1}');
    assert.is(document.paths[described][method]['x-scope'], scope, route);
    for (const has of SCOPES) {
      // Those that go on for ever are asked for something that is none: what matters is who is refused.
      const answer = await ask(method.toUpperCase(), `${path.replace(':name', 'nobody').replace(/:(\w+)/g, 'alpha')}${path.endsWith('follow') ? '?from=x' : ''}`, bearing[has]!, method !== 'post' ? undefined : '{"refused":1}');
      const refused = answer.status === 403 && answer.json?.error.message.startsWith('This needs a token with the scope');
      assert.is(refused, SCOPES.indexOf(has) < SCOPES.indexOf(scope), `${route} with ${has}: ${answer.status} ${answer.text.slice(0, 200)}`);
      if (refused) assert.is(answer.json.error.code, 'no-right');
    }
    const none = await served.ask(path.replace(/:(\w+)/g, 'alpha'), { method: method.toUpperCase(), headers: { authorization: undefined } });
    assert.ok(none.status === 401 || none.status === 429, `${route}: ${none.status}`);
  }
  for (const route of OPEN) assert.is(document.paths[route.split(' ')[1]!.replace(/:(\w+)/g, '{$1}').replace('*', '{file}')].get['x-scope'], undefined);
  // Refused means that nothing was done.
  assert.equal((await database.report()).members.map(({ state }) => state), ['member']);
});

test('what a session may do follows from its scope', async () => {
  const may = async (token: string) => (await ask('GET', '/api/session', token)).json;
  assert.equal((await may(bearing['read']!)).may, { append: false, bundles: false, invite: false, revoke: false, release: false, tokens: false });
  assert.equal((await may(bearing['append']!)).may, { append: true, bundles: true, invite: false, revoke: false, release: false, tokens: false });
  assert.equal((await may(bearing['admin']!)).may, { append: true, bundles: true, invite: true, revoke: true, release: true, tokens: true });
  assert.equal([(await may(bearing['read']!)).token, (await may(served.token)).token], ['a-read', null]);
});

test('made, listed and taken back over HTTP; only hashes are kept, for the owner alone', async () => {
  const made = await ask('POST', '/api/tokens', served.token, '{"name":"grafana","scope":"read"}');
  assert.equal([made.status, made.json.name, made.json.scope], [200, 'grafana', 'read']);
  assert.match(made.json.token, /^[\w-]{43}$/);
  assert.is((await ask('GET', '/api/streams', made.json.token)).status, 200);
  const { tokens } = (await ask('GET', '/api/tokens', served.token)).json, it = tokens.find((each: any) => each.name === 'grafana');
  assert.ok(it.scope === 'read' && Math.abs(it.at - Date.now()) < 60_000 && it.used >= it.at);
  const file = join(served.dir, 'http-tokens'), text = readFileSync(file, 'utf8');
  assert.not(text.includes(made.json.token) || JSON.stringify(tokens).includes(made.json.token));
  assert.is(statSync(file).mode & 0o777, 0o600);
  for (const [body, code] of [['{"name":"grafana","scope":"read"}', 'bad-argument'], ['{"name":"../x","scope":"read"}', 'bad-argument'], ['{"name":"","scope":"read"}', 'bad-argument'], ['{"name":"x","scope":"root"}', 'bad-argument'], ['{"name":"x"}', 'bad-argument'],
    ['{"name":["x"],"scope":"read"}', 'bad-argument'], ['{"name":"x","scope":"read","more":1}', 'bad-argument'], ['[]', 'bad-argument'], ['{', 'bad-encoding'], [`{"name":"${'x'.repeat(70_000)}"}`, 'too-large'], ['{"name":"__proto__","scope":"constructor"}', 'bad-argument']] as const) {
    const refused = await ask('POST', '/api/tokens', served.token, body);
    assert.equal([refused.status >= 400, refused.json.error.code], [true, code], body.slice(0, 60));
  }
  assert.is((await served.ask('/api/tokens', { method: 'POST', body: '{"name":"y","scope":"read"}', headers: { 'content-type': 'text/plain' } })).status, 415);
  assert.equal((await ask('DELETE', '/api/tokens/grafana', served.token)).json, { name: 'grafana' });
  await until('it is refused', async () => (await ask('GET', '/api/streams', made.json.token)).status === 401);
  assert.is((await ask('DELETE', '/api/tokens/grafana', served.token)).status, 404);
});

test('who follows with a token that is taken back is cut off, and its tickets are worth nothing', async () => {
  const { token } = (await ask('POST', '/api/tokens', served.token, '{"name":"passing","scope":"read"}')).json;
  const clients = ['/api/follow', '/api/fleet/follow'].map((path) => following(served.port, path, token)), other = following(served.port, '/api/follow', bearing['read']!);
  for (const each of clients) assert.is(await each.status, 200);
  const ticket = (await ask('POST', '/api/tickets', token, '{"path":"/api/streams?format=csv"}')).json.url, good = (await ask('POST', '/api/tickets', bearing['read']!, '{"path":"/api/streams?format=csv"}')).json.url;
  await served.station.database.tokens({ revoke: 'passing' });
  await Promise.all(clients.map((each) => each.ended));
  assert.is((await served.ask(ticket, { headers: { authorization: undefined } })).status, 404);
  const answer = await served.ask(good, { headers: { authorization: undefined } });
  assert.equal([answer.status, answer.text.split('\r\n')[0]], [200, 'stream,events,logs']);
  let ended = false;
  void other.ended.then(() => { ended = true; });
  await new Promise((resolve) => setTimeout(resolve, 50));
  assert.not(ended);
  other.close();
});

test('a document that cannot be read lets in nobody but the node itself; changes of others at the same time are not lost', async () => {
  const file = join(served.dir, 'http-tokens'), text = readFileSync(file);
  writeFileSync(file, '{"version":1,"tokens":[{"name":1}]}');
  await until('nobody is let in', async () => (await ask('GET', '/api/streams', bearing['admin']!)).status === 401);
  assert.is((await served.ask('/api/streams')).status, 200);
  assert.is((await ask('GET', '/api/tokens', served.token)).json.error.code, 'bad-config');
  writeFileSync(file, text);
  await until('those that are known again', async () => (await ask('GET', '/api/streams', bearing['admin']!)).status === 200);
  await Promise.all(Array.from({ length: 6 }, (_, i) => served.station.database.tokens({ make: { name: `at-once-${i}`, scope: 'read' } })));
  assert.is((await served.station.database.tokens({})).tokens.filter(({ name }) => name.startsWith('at-once-')).length, 6);
});

/** A document in memory; `meddle` is called before each save. */
function memory(meddle: (held: TokenDocument) => void = () => {}): TokenDocument {
  let bytes: Uint8Array | undefined;
  const bare: TokenDocument = {
    load: () => Promise.resolve(bytes),
    save(after, before) {
      if (Buffer.compare(bytes ?? Buffer.alloc(0), before ?? Buffer.alloc(0)) !== 0) return Promise.resolve(false);
      bytes = after;
      return Promise.resolve(true);
    },
  };
  return { load: bare.load, async save(after, before) { meddle(bare); return bare.save(after, before); } };
}

test('any document will do; who loses a race begins again; there is an end to tokens', async () => {
  let meddled = 0;
  const raced = memory((held) => { if (meddled++ < 3) void held.save(Buffer.from(JSON.stringify({ version: 1, tokens: [{ name: `other-${meddled}`, scope: 'read', at: 1, hash: '0'.repeat(64) }] })), undefined); });
  await changeTokens(raced, { make: { name: 'mine', scope: 'admin' } });
  assert.equal((await changeTokens(raced, {})).tokens.map(({ name }) => name).sort(), ['mine', 'other-1']);
  const full = memory();
  await full.save(Buffer.from(JSON.stringify({ version: 1, tokens: Array.from({ length: 256 }, (_, i) => ({ name: `t${i}`, scope: 'read', at: 1, hash: '1'.repeat(64) })) })), undefined);
  try { await changeTokens(full, { make: { name: 'one-more', scope: 'read' } }); assert.unreachable(); } catch (error) { assert.is(codeOf(error), 'too-many'); }
  try { await changeTokens(full, { revoke: 'none' }); assert.unreachable(); } catch (error) { assert.is(codeOf(error), 'not-found'); }
});

test('no other text is taken for a token', async () => {
  const document = memory(), { made } = await changeTokens(document, { make: { name: 'a', scope: 'append' } }), tokens = recognise('own'.repeat(15), document);
  assert.equal([(await tokens.bearerOf(made!))?.scope, (await tokens.bearerOf('own'.repeat(15)))?.scope], ['append', 'admin']);
  await fc.assert(fc.asyncProperty(fc.oneof(fc.string(), fc.nat(42).map((i) => `${made!.slice(0, i)}${made![i] === 'A' ? 'B' : 'A'}${made!.slice(i + 1)}`), fc.nat(42).map((i) => made!.slice(0, i)), fc.constant(`${made} `)), async (text) => {
    assert.is(await tokens.bearerOf(text), undefined);
  }), { numRuns: 300 });
  tokens.close();
  assert.is(await tokenFile(served.dir).save(Buffer.from('x'), Buffer.from('not what is there')), false);
});

test.run();
