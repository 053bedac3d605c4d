// The API as a client uses it: appending in every form, pages in both directions, latest, streams, status, and what is refused with which words.
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import fc from 'fast-check';
import { serve, type Served } from './place.ts';

const test = suite('api');
let served: Served;
test.before(async () => { served = await serve(); });
test.after(() => served.close());

const post = (stream: string, type: string | undefined, body: string | Uint8Array, query = '') =>
  served.ask(`/api/streams/${stream}/events${query}`, { method: 'POST', body, headers: { 'content-type': type } });
async function all(path: string, name: string): Promise<any[]> {
  const found: any[] = [];
  for (let cursor = ''; ;) {
    const answer = await served.ask(`${path}${path.includes('?') ? '&' : '?'}${cursor && `cursor=${encodeURIComponent(cursor)}`}`);
    assert.is(answer.status, 200, answer.text);
    found.push(...answer.json[name]);
    if (answer.json.next === undefined) return found;
    cursor = answer.json.next;
  }
}

test('an object, an array and lines are appended; each event comes back with all its parts', async () => {
  assert.equal((await post('forms', 'application/json', '{"key":"a","type":"t","body":{"n":1},"time":"2026-01-01T00:00:00Z"}')).json, { appended: 1, refused: 0, rejected: [] });
  assert.is((await post('forms', 'application/json; charset=utf-8', ' [ {"key":"b","type":"t","body":"[,]\\"}"} ,\n{"key":"c","type":"t","body":{"$bytes":"AQID"}}, {"key":"d","type":"t"} ] ')).json.appended, 3);
  assert.is((await post('forms', 'application/x-ndjson', '\ufeff{"key":"e","type":"t","body":2.5}\r\n\n{"key":"__proto__","type":"t","body":{"__proto__":1}}')).json.appended, 2);
  assert.equal((await post('forms', 'application/json', '[]')).json, { appended: 0, refused: 0, rejected: [] });
  const { json } = await served.ask('/api/streams/forms/events');
  assert.equal(json.events.map((each: any) => each.key), ['a', 'b', 'c', 'd', 'e', '__proto__']);
  assert.equal(json.events[0], { id: json.events[0].id, stream: 'forms', key: 'a', type: 't', time: 1_767_225_600_000, body: { n: 1 }, node: json.events[0].node });
  assert.equal([json.events[1].body, json.events[2].body, json.events[3].body], ['[,]"}', { $bytes: 'AQID' }, null]);
  assert.is(json.next, undefined);
});

test('what is refused is named by its place, and the others go in', async () => {
  const some = await post('some', 'application/json', '[{"key":"a","type":"t"},{"type":"t"},{"key":"b","type":"t","body":12345678901234567890},7,{"key":"c","type":"t"},{"key":"","type":"t"}]');
  assert.is(some.status, 207);
  assert.equal(some.json.rejected.map((each: any) => [each.index, each.code]), [[1, 'bad-event'], [2, 'bad-value'], [3, 'bad-encoding'], [5, 'bad-event']]);
  assert.equal([some.json.appended, some.json.refused], [2, 4]);
  const none = await post('some', 'application/x-ndjson', 'nonsense\n{"key":1,"type":"t"}');
  assert.equal([none.status, none.json.error.code, none.json.refused], [422, 'bad-encoding', 2]);
  const many = await post('some', 'application/x-ndjson', 'x\n'.repeat(5_000));
  assert.equal([many.status, many.json.refused, many.json.rejected.length], [422, 5_000, 1_000]);
  assert.is((await all('/api/streams/some/events', 'events')).length, 2);
});

test('a document that is broken is refused whole', async () => {
  for (const body of ['[{"key":"a","type":"t"},', '[{"key":"a","type":"t"}', '[{"key":"a","type":"t"},]', '[{"key":"a","type":"t"}] x', '[{"key":"a","type":"t"}}]', '[{"key":"a","type":"t"}{}]', `[${'['.repeat(100_000)}`, Buffer.from([0x5b, 0xff, 0x5d])]) {
    const answer = await post('whole', 'application/json', body);
    assert.equal([answer.status, answer.json.error.code, answer.json.appended], [400, 'bad-encoding', 0], String(body).slice(0, 60));
  }
  assert.is((await post('whole', 'application/json', '{')).status, 422);
  assert.equal((await served.ask('/api/streams/whole/events')).json.events, []);
});

test('bodies of other kinds, packed ones, and other streams are refused with words', async () => {
  assert.is((await post('forms', undefined, '{}')).status, 415);
  assert.is((await post('forms', 'application/x-www-form-urlencoded', 'a=b')).status, 415);
  assert.is((await served.ask('/api/streams/forms/events', { method: 'POST', body: 'x', headers: { 'content-type': 'application/json', 'content-encoding': 'gzip' } })).status, 415);
  for (const stream of ['..', 'a%2Fb', '%00', 'x'.repeat(65), 'a b', '%ff']) assert.is((await post(encodeURI(decodeOr(stream)), 'application/json', '{"key":"a","type":"t"}')).status >= 400, true, stream);
  const system = await post('$fleet', 'application/json', '{"key":"a","type":"t"}');
  assert.equal([system.status, system.json.error.code], [400, 'bad-argument']);
});
const decodeOr = (text: string): string => { try { return decodeURIComponent(text); } catch { return text; } };

test('pages give every event once, in order, both ways, whatever their size and filter', async () => {
  const events = Array.from({ length: 700 }, (_, i) => ({ key: `k${i % 7}`, type: i % 2 ? 'odd' : 'even', body: i, time: 1_000_000 + ((i * 7_919) % 700) }));
  for (let i = 0; i < events.length; i += 50) await served.append('pages', events.slice(i, i + 50));
  const whole = await all('/api/streams/pages/events?limit=1000', 'events');
  assert.equal(whole.map((each) => each.body), events.map((each) => each.body));
  await served.station.node.checkpoint();
  await fc.assert(fc.asyncProperty(fc.integer({ min: 1, max: 400 }).map((n) => Math.max(n, 20)), fc.boolean(), fc.constantFrom('', '&key=k3', '&type=odd', '&since=1000100&until=1000500'), async (limit, reverse, filter) => {
    const found = await all(`/api/streams/pages/events?limit=${limit}${filter}${reverse ? '&reverse=1' : ''}`, 'events');
    const wanted = whole.filter((each) => (filter !== '&key=k3' || each.key === 'k3') && (filter !== '&type=odd' || each.type === 'odd') && (!filter.startsWith('&since') || (each.time >= 1_000_100 && each.time < 1_000_500)));
    assert.equal(found.map((each) => each.id), (reverse ? wanted.reverse() : wanted).map((each) => each.id));
  }), { numRuns: 25 });
});

test('a page of large events ends before it is too large', async () => {
  await served.append('large', Array.from({ length: 40 }, (_, i) => ({ key: `k${i}`, type: 't', body: 'x'.repeat(60_000) })));
  const { json } = await served.ask('/api/streams/large/events?limit=1000');
  assert.ok(json.events.length < 20 && json.next !== undefined);
  assert.is((await all('/api/streams/large/events', 'events')).length, 40);
  assert.is((await all('/api/streams/large/latest', 'latest')).length, 40);
});

test('latest: one key whatever it is called, and pages of all', async () => {
  const keys = ['a/b', 'ä ö', '%2F', '..', '?', '#x', '{"a"}', '<script>', '+'];
  await served.append('keys', keys.flatMap((key) => [{ key, type: 't', body: 1 }, { key, type: 'u', body: 2 }]));
  for (const key of keys) {
    assert.equal((await served.ask(`/api/streams/keys/latest?key=${encodeURIComponent(key)}`)).json.latest.map((each: any) => [each.key, each.body]), [[key, 2]]);
    if (key === '..') continue;
    const { status, json } = await served.ask(`/api/streams/keys/latest/${encodeURIComponent(key)}`);
    assert.equal([status, json?.key, json?.type, json?.body], [200, key, 'u', 2], key);
  }
  const found = await all('/api/streams/keys/latest?limit=4', 'latest');
  assert.equal(found.map((each) => each.key), [...keys].sort((a, b) => Buffer.compare(Buffer.from(a), Buffer.from(b))));
  assert.ok(found.every((each) => each.body === 2));
  const none = await served.ask('/api/streams/keys/latest/nobody');
  assert.equal([none.status, none.json.error.code], [404, 'not-found']);
});

test('streams and status', async () => {
  const { json } = await served.ask('/api/streams');
  const forms = json.streams.find((each: any) => each.stream === 'forms');
  assert.equal([forms.events, forms.logs, json.sampleMs], [6, 1, 10_000]);
  assert.ok(json.streams.every((each: any) => !each.stream.startsWith('$')));
  assert.ok((await served.ask('/api/streams?all=1')).json.streams.some((each: any) => each.stream === '$fleet'));
  const status = (await served.ask('/api/status')).json;
  assert.equal([status.name, status.fleetName, status.member], ['alpha', 'tests', 'member']);
});

test('slips in parameters are named, not passed over', async () => {
  for (const query of ['limit=0', 'limit=1001', 'limit=x', 'since=yesterday', 'sinse=1', 'reverse=maybe', 'key=a&key=b', 'cursor=AAAA', 'cursor=%F0', 'limit=-1']) {
    const answer = await served.ask(`/api/streams/pages/events?${query}`);
    assert.equal([answer.status, answer.json.error.code], [400, 'bad-argument'], query);
  }
  assert.is((await served.ask('/api/nothing')).status, 404);
  assert.is((await served.ask('/api/streams/pages/events', { method: 'DELETE' })).status, 405);
});

test.run();
