// The fleet over HTTP: who is there, by which link, what each lacks, quarantine and its release, alarms, changes as they come, and each part in full.
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { following, member, until, type Member } from './members.ts';
import { serve, type Served } from './place.ts';

const test = suite('fleet');
let served: Served, beta: Member, gamma: Member, url: string;
test.before(async () => {
  served = await serve();
  ({ url } = await served.station.links.listen('tcp://127.0.0.1:0'));
  beta = await member(served, 'beta');
  gamma = await member(served, 'gamma <b>"\'; drop table--');
});
test.after(async () => {
  await gamma.close();
  await beta.close();
  await served.close();
});

const post = (path: string, body: object, token?: string) => served.ask(path, { method: 'POST', body: JSON.stringify(body), headers: { 'content-type': 'application/json', ...(token && { authorization: `Bearer ${token}` }) } });
async function row(name: string): Promise<any> {
  return (await served.ask('/api/fleet')).json.nodes.find((each: any) => each.name === name);
}
const sync = (from: Member) => from.station.database.sync(url, new AbortController().signal, () => {});
const once = (other: Member, name: string, holds: (row: any) => boolean) => until(`${name} as it should be`, async () => holds(await row(name) ?? {})).then(() => void other);

test('the whole fleet in one answer, before anybody was met', async () => {
  const { status, json, headers } = await served.ask('/api/fleet');
  assert.is(status, 200);
  assert.equal([json.name, json.fleetName, json.counts.nodes, json.nodes.filter((each: any) => each.self).map((each: any) => each.name)], ['alpha', 'tests', 1, ['alpha']]);
  assert.is(headers['etag'], `"${json.version}"`);
  assert.equal(json.listening, []); // this one does not run as a daemon
  const session = (await served.ask('/api/session')).json;
  assert.equal([session.scope, session.token, session.name, session.view, session.may.invite], ['admin', null, 'alpha', 'node', true]);
});

test('a node that exchanged and went is known by its receipt; what is written after that it lacks', async () => {
  await beta.station.database.append('telemetry', [{ key: 'beta', type: 'host', body: { disk: { free: 1e6, total: 1e9 }, version: '9.9.9' }, time: Date.now() }], false);
  await sync(beta);
  await served.append('readings', Array.from({ length: 40 }, (_, i) => ({ key: `k${i % 4}`, type: 't', body: i })));
  await once(beta, 'beta', (it) => it.lacks?.events === 40 && it.version === '9.9.9');
  const it = await row('beta');
  assert.equal([it.state, it.contact.state, it.disk, it.alarms, it.silent, it.behind], ['member', 'past', { free: 1e6, total: 1e9 }, 1, null, null]);
  assert.ok(['receipt', 'events', 'exchange'].includes(it.contact.by), it.contact.by);
  assert.ok(Math.abs(it.contact.at - Date.now()) < 60_000 && Math.abs(it.last - Date.now()) < 60_000 && it.lacks.bytes > 40);
  const { json } = await served.ask('/api/fleet');
  assert.equal(json.alarms.map(({ kind, level, name }: any) => [kind, level, name]), [['disk', 'bad', 'beta']]);
  assert.equal([json.counts.alarms, json.counts.lacking], [1, 1]);
  const receipts = (await served.ask('/api/receipts')).json.receipts;
  assert.equal(receipts.map(({ node, complete }: any) => [node, complete]), [[beta.id, false]]);
});

test('what somebody else says under the name of a node is not about that node', async () => {
  await served.append('telemetry', [{ key: 'beta', type: 'host', body: { disk: { free: 5e8, total: 6e8 }, version: '6.6.6' } }]);
  await beta.station.database.append('other', [{ key: 'x', type: 't', body: 1 }], false);
  await sync(beta);
  await once(beta, 'beta', (it) => it.lacks?.events === 0);
  assert.equal([(await row('beta')).version, (await row('beta')).disk], ['9.9.9', { free: 1e6, total: 1e9 }]);
});

test('who is connected, by which link; changes come to whoever follows, and merge to what a new answer tells', async () => {
  const before = (await served.ask('/api/fleet')).json, followed = following(served.port, `/api/fleet/follow?from=${before.version}`, served.token);
  assert.is(await followed.status, 200);
  beta.station.links.keep({ url });
  await once(beta, 'beta', (it) => it.contact?.state === 'connected' && it.links[0]?.level === true);
  const it = await row('beta');
  assert.equal([it.links.length, it.links[0].state, it.contact.by, it.lacks.events], [1, 'connected', it.links[0].url, 0]);
  const { links } = (await served.ask('/api/fleet')).json;
  assert.equal(links.map(({ node, name, state }: any) => [node, name, state]), [[beta.id, 'beta', 'connected']]);
  await served.append('readings', [{ key: 'last', type: 't', body: 1 }]);
  await until('the client has what a new answer tells', async () => {
    const now = (await served.ask('/api/fleet')).json, held = new Map(before.nodes.map((each: any) => [each.node, { ...each }]));
    for (const { data } of followed.messages) for (const change of data.nodes ?? []) held.set(change.node, { ...held.get(change.node) as object, ...change });
    return followed.messages.at(-1)?.data.version === now.version && JSON.stringify([...held.values()]) === JSON.stringify(now.nodes);
  });
  assert.ok(followed.messages.every(({ id, data }) => id === data.version && typeof data.counts.nodes === 'number'));
  followed.close();
  // The same again from where it was cut off.
  const again = following(served.port, '/api/fleet/follow', served.token, { 'last-event-id': followed.messages[0]!.id! });
  await until('a first message', () => again.messages.length > 0);
  assert.ok(again.messages[0]!.data.nodes.some((each: any) => each.node === beta.id));
  again.close();
  const lost = following(served.port, '/api/fleet/follow?from=0123456789.7', served.token);
  await lost.ended;
  assert.equal(lost.messages.map(({ event }) => event), ['reload']);
});

test('an answer that has not changed is not sent again', async () => {
  await until('the same answer', async () => {
    const { headers } = await served.ask('/api/fleet');
    const again = await served.ask('/api/fleet', { headers: { 'if-none-match': `"x", W/${String(headers['etag'])}` } });
    return again.status === 304 && again.text === '' && again.headers['etag'] === headers['etag'];
  });
  assert.is((await served.ask('/api/fleet', { headers: { 'if-none-match': '"x"' } })).status, 200);
});

test('pages, names, attention: the same rows whichever way they are asked for', async () => {
  await sync(gamma);
  await until('gamma is known', async () => (await served.ask('/api/fleet')).json.counts.nodes === 3);
  const { json } = await served.ask('/api/nodes'), ids = json.nodes.map((each: any) => each.node);
  assert.equal(ids, [...ids].sort());
  const found: string[] = [];
  for (let after = ''; ;) {
    const page = (await served.ask(`/api/nodes?limit=1${after && `&after=${after}`}`)).json;
    found.push(...page.nodes.map((each: any) => each.node));
    if (page.next === undefined) break;
    after = page.next;
  }
  assert.equal(found, ids);
  const names = async (query: string) => (await served.ask(`/api/nodes?${query}`)).json.nodes.map((each: any) => each.name).sort();
  assert.equal(await names('find=ETA'), ['beta']);
  assert.equal(await names(`find=${beta.id.slice(0, 8)}`), ['beta']);
  assert.equal(await names(`find=${encodeURIComponent('<b>"')}`), ['gamma <b>"\'; drop table--']);
  assert.ok((await names('attention=1')).includes('beta') && !(await names('attention=1')).includes('alpha'));
  for (const query of ['limit=0', 'limit=1001', 'limit=all', 'after=xyz', 'attention=maybe', 'fnd=x', 'find=a&find=b']) assert.is((await served.ask(`/api/nodes?${query}`)).status, 400, query);
});

test('one node: by id, by the beginning of it, by name, whatever it is called', async () => {
  for (const wanted of [gamma.id, gamma.id.slice(0, 6), 'gamma <b>"\'; drop table--']) {
    const { status, json } = await served.ask(`/api/nodes/${encodeURIComponent(wanted)}`);
    assert.equal([status, json?.node, json?.relay, json?.read, json?.joinedBy.name, json?.revokedBy], [200, gamma.id, false, ['*'], 'alpha', []]);
  }
  const it = (await served.ask('/api/nodes/beta')).json;
  assert.equal([it.host.version, it.receipt !== null, it.alarms.map(({ kind }: any) => kind)], ['9.9.9', true, ['disk']]);
  assert.is((await served.ask('/api/nodes/nobody')).status, 404);
  assert.is((await served.ask('/api/nodes/zz')).status, 404);
});

test('revoked over HTTP: shut out, what it writes lies in quarantine, is shown, and released', async () => {
  const why = "'; DROP TABLE event; --<script>alert(1)</script>";
  // Gamma does not hear of it in time.
  await gamma.station.database.append('readings', [{ key: 'g', type: 't', body: 1 }], false);
  const answer = await post(`/api/nodes/${gamma.id}/revoke`, { why });
  assert.equal([answer.status, answer.json], [200, { node: gamma.id, name: 'gamma <b>"\'; drop table--' }]);
  const bundle: Buffer[] = [];
  for await (const piece of (await (await gamma.station.database.hub!()).bundleFor(served.station.node.name)).blocks) bundle.push(Buffer.from(piece));
  const taken = await served.ask('/api/bundles', { method: 'POST', body: Buffer.concat(bundle), headers: { 'content-type': 'application/octet-stream' } });
  assert.is(taken.status, 200, taken.text);
  await until('its quarantine', async () => (await row('gamma <b>"\'; drop table--')).quarantine?.segments > 0);
  const it = await row('gamma <b>"\'; drop table--');
  assert.equal([it.state, it.lacks, it.alarms], ['revoked', null, 1]);
  assert.equal((await served.ask('/api/quarantine')).json.quarantine.map(({ node, state }: any) => [node, state]), [[gamma.id, 'revoked']]);
  assert.equal((await served.ask(`/api/nodes/${gamma.id}`)).json.revokedBy.map(({ name }: any) => name), ['alpha']);
  assert.ok((await served.ask('/api/fleet')).json.alarms.some(({ kind, node }: any) => kind === 'quarantine' && node === gamma.id));
  const streams = async (): Promise<any> => (await served.ask('/api/streams/readings/latest?key=g')).json.latest.length;
  assert.is(await streams(), 0);
  assert.is((await post(`/api/nodes/${gamma.id}/release`, {})).status, 200);
  await until('it counts', async () => await streams() === 1 && (await row('gamma <b>"\'; drop table--')).quarantine === null);
  assert.equal((await served.ask('/api/fleet')).json.counts.revoked, 1);
  const nothing = await post(`/api/nodes/${gamma.id}/release`, {});
  assert.equal([nothing.status, nothing.json.error.code], [404, 'not-found']);
});

test('an invitation over HTTP lets a node in; slips in it are named', async () => {
  const { status, json } = await post('/api/invitations', { name: 'delta', admin: true, addresses: [url] });
  assert.equal([status, json.addresses], [200, [url]]);
  assert.match(json.token, /^holdfast1:/);
  for (const [body, code] of [[{ name: '' }, 'bad-argument'], [{ name: 'a\nb' }, 'bad-argument'], [{ name: 'x'.repeat(65) }, 'bad-argument'], [{ admin: 'yes' }, 'bad-argument'], [{ read: ['telemetry'] }, 'unsupported'], [{ addresses: ['javascript:alert(1)'] }, 'bad-url'],
    [{ addresses: 'tcp://a' }, 'bad-argument'], [{ nam: 'x' }, 'bad-argument'], [{ __proto__x: 1 }, 'bad-argument'], [{ write: Array.from({ length: 65 }, () => 'a') }, 'bad-argument']] as const) {
    const refused = await post('/api/invitations', body);
    assert.equal([refused.status >= 400, refused.json.error.code], [true, code], JSON.stringify(body));
  }
  // Only an administrator's node can.
  const self = await post(`/api/nodes/alpha/revoke`, { why: 'a slip' });
  assert.equal([self.status, self.json.error.code], [400, 'bad-argument']);
});

test.run();
