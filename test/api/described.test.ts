// What the API says of itself: the OpenAPI description names every route and fits every answer; the metrics are what Prometheus reads.
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { createApi } from '../../targets/api/api.ts';
import { sampleRates } from '../../targets/api/rates.ts';
import { keepReports } from '../../targets/api/reports.ts';
import type { Report } from '../../targets/program/database.ts';
import { following, member, until, type Member } from './members.ts';
import { misfits } from './schema.ts';
import { serve, type Answer, type Served } from './place.ts';

/** With everything that may be missing. */
type Whole<T> = T extends readonly (infer U)[] ? Whole<U>[] : T extends object ? { [K in keyof T]-?: Whole<T[K]> } : T;

const test = suite('described');
let served: Served, document: any;
test.before(async () => {
  served = await serve({
    assets: new Map([['/', { type: 'text/html', bytes: Buffer.from('<p>'), etag: 'a' }]]),
    post: (name, type, body) => Promise.resolve({ accepted: body.length, refused: 1, reasons: [{ index: 0, code: type, reason: name }] }),
  });
  document = (await served.ask('/openapi.json')).json;
});
test.after(() => served.close());

/** Another node, of which a bundle has told. */
async function introduced(): Promise<Member> {
  const other = await member(served, 'other'), { blocks } = await (await other.station.database.hub!()).bundleFor('alpha'), pieces: Uint8Array[] = [];
  for await (const piece of blocks) pieces.push(piece);
  const answer = await served.ask('/api/bundles', { method: 'POST', body: Buffer.concat(pieces), headers: { 'content-type': 'application/octet-stream' } });
  fits('/api/bundles', 'post', answer);
  assert.is(answer.status, 200);
  await other.close();
  return other;
}

/** Fails unless an answer is as the description says for this path. */
function fits(path: string, method: string, answer: Answer): void {
  const response = document.paths[path][method].responses[answer.status];
  assert.ok(response, `${method} ${path} answers ${answer.status}, which is not described: ${answer.text.slice(0, 200)}`);
  const said = String(answer.headers['content-type'] ?? ''), kinds = Object.entries<any>(response.content ?? {});
  if (kinds.length === 0) return assert.is(answer.text, '');
  const [type, content] = kinds.find(([kind]) => said.startsWith(kind)) ?? kinds[0]!;
  assert.ok(type === '*/*' || said.startsWith(type), `${method} ${path}: ${said}`);
  if (type === 'application/json') assert.equal(misfits(content.schema, answer.json, document), [], `${method} ${path} ${answer.status}: ${answer.text.slice(0, 300)}`);
}

test('every route is described, and nothing else', () => {
  const rates = sampleRates(served.station.database);
  const app = createApi({ database: served.station.database, hub: served.station.database.hub!, view: 'node', version: '0', token: 't', names: [], assets: undefined, post: undefined, rates, reports: keepReports(served.station.database), stopping: new AbortController().signal });
  rates.stop();
  const routes = app.routes.filter(({ method }) => method !== 'ALL').map(({ method, path }) => `${method.toLowerCase()} ${path.replace(/:(\w+)/g, '{$1}').replace('*', '{file}')}`);
  const described = Object.entries<any>(document.paths).flatMap(([path, methods]) => Object.keys(methods).map((method) => `${method} ${path}`));
  assert.equal([...new Set(routes)].sort(), described.sort());
  assert.is(document.openapi, '3.1.0');
  const ids = Object.values<any>(document.paths).flatMap((methods) => Object.values<any>(methods).map((each) => each.operationId));
  assert.is(new Set(ids).size, ids.length);
  for (const reference of JSON.stringify(document).matchAll(/"#\/components\/schemas\/(\w+)"/g)) assert.ok(document.components.schemas[reference[1]!], reference[1]);
  for (const [path, methods] of Object.entries<any>(document.paths)) {
    for (const { parameters = [] } of Object.values<any>(methods)) assert.equal([...path.matchAll(/\{(\w+)\}/g)].map((each) => each[1]), parameters.filter((each: any) => each.in === 'path').map((each: any) => each.name));
  }
});

test('every answer is as described', async () => {
  const events = '/api/streams/{stream}/events', json = { 'content-type': 'application/json' };
  const post = (body: string | Uint8Array, headers: object = json, query = '') => served.ask(`/api/streams/s/events${query}`, { method: 'POST', body, headers: { ...headers } });
  fits(events, 'post', await post('[{"key":"a","type":"t","body":{"$bytes":"AQ"}},{"key":"b","type":"t","body":[1,null]}]'));
  fits(events, 'post', await post('[{"key":"a","type":"t"},{}]', json, '?urgent=1'));
  // CBOR: an array of one map {"key": "c", "type": "t", "body": h'0102'}.
  const cbor = await post(Buffer.from('81a3636b6579616364747970656174' + '64626f6479420102', 'hex'), { 'content-type': 'application/cbor' });
  assert.is(cbor.status, 200, cbor.text);
  fits(events, 'post', cbor);
  for (const [body, headers, status] of [['{}', json, 422], ['[', json, 400], ['x', {}, 415], [Buffer.from([0x9f]), { 'content-type': 'application/cbor' }, 400], [Buffer.alloc(9 * 1_048_576, 32), json, 413]] as const) {
    const answer = await post(body, headers);
    assert.is(answer.status, status);
    fits(events, 'post', answer);
  }
  fits(events, 'get', await served.ask('/api/streams/s/events?limit=1'));
  fits(events, 'get', await served.ask('/api/streams/s/events?limit=x'));
  fits(events, 'get', await served.ask('/api/streams/s/events', { headers: { authorization: 'Bearer x' } }));
  fits(events, 'get', await served.ask('/api/streams/s/events', { headers: { host: 'evil.example' } }));
  const one = '/api/streams/{stream}/latest/{key}';
  fits(one, 'get', await served.ask('/api/streams/s/latest/c'));
  assert.equal((await served.ask('/api/streams/s/latest/c')).json.body, { $bytes: 'AQI' });
  fits(one, 'get', await served.ask('/api/streams/s/latest/none'));
  fits('/api/streams/{stream}/latest', 'get', await served.ask('/api/streams/s/latest?limit=2'));
  fits('/api/streams', 'get', await served.ask('/api/streams?all=1'));
  fits('/api/status', 'get', await served.ask('/api/status'));
  fits('/healthz', 'get', await served.ask('/healthz'));
  fits('/metrics', 'get', await served.ask('/metrics'));
  fits('/', 'get', await served.ask('/'));
  fits('/page/{file}', 'get', await served.ask('/page/none'));
  fits('/openapi.json', 'get', await served.ask('/openapi.json'));
  const posted = await served.ask('/api/inputs/weather', { method: 'POST', body: 'abc', headers: { 'content-type': 'text/csv; header=present' } });
  assert.equal(posted.json, { accepted: 3, refused: 1, reasons: [{ index: 0, code: 'text/csv', reason: 'weather' }] });
  fits('/api/inputs/{name}', 'post', posted);
  fits('/readyz', 'get', await served.ask('/readyz'));
  for (const path of ['events', 'latest', 'keys']) {
    for (const query of ['', '?format=csv', '?format=ndjson', '?format=x']) fits(`/api/streams/{stream}/${path}`, 'get', await served.ask(`/api/streams/s/${path}${query}`));
  }
  const small = async (method: string, path: string, real: string, body?: object): Promise<Answer> => {
    const answer = await served.ask(real, { method: method.toUpperCase(), ...(body && { body: JSON.stringify(body), headers: json }) });
    fits(path, method, answer);
    return answer;
  };
  const { id: other } = await introduced();
  for (const [path, real] of [['/api/session'], ['/api/fleet'], ['/api/fleet', '/api/fleet?limit=1&after=0'], ['/api/fleet', '/api/fleet?limit=x'], ['/api/nodes'], ['/api/nodes', '/api/nodes?format=csv'], ['/api/nodes/{node}', '/api/nodes/alpha'], ['/api/nodes/{node}', `/api/nodes/${other}`], ['/api/nodes/{node}', '/api/nodes/none'],
    ['/api/nodes/{node}/bundle', '/api/nodes/none/bundle'], ['/api/links'], ['/api/links', '/api/links?format=ndjson'], ['/api/receipts'], ['/api/quarantine'], ['/api/bundles'], ['/api/bundles', '/api/bundles?format=csv'], ['/api/tokens'], ['/api/tickets/{ticket}', '/api/tickets/none']] as [string, string?][]) await small('get', path, real ?? path);
  const { headers, json: picture } = await served.ask('/api/fleet');
  fits('/api/fleet', 'get', await served.ask('/api/fleet', { headers: { 'if-none-match': String(headers['etag']) } }));
  assert.is((await small('get', '/api/nodes/{node}/bundle', `/api/nodes/${other}/bundle`)).status, 200);
  await small('post', '/api/invitations', '/api/invitations', { name: 'x' });
  await small('post', '/api/invitations', '/api/invitations', { nam: 'x' });
  await small('post', '/api/tokens', '/api/tokens', { name: 'x', scope: 'read' });
  await small('get', '/api/tokens', '/api/tokens');
  await small('delete', '/api/tokens/{name}', '/api/tokens/x');
  await small('delete', '/api/tokens/{name}', '/api/tokens/x');
  const ticket = await small('post', '/api/tickets', '/api/tickets', { path: '/api/streams?format=csv' });
  fits('/api/tickets/{ticket}', 'get', await served.ask(ticket.json.url, { headers: { authorization: undefined } }));
  await small('post', '/api/nodes/{node}/revoke', '/api/nodes/alpha/revoke', {});
  await small('post', '/api/nodes/{node}/revoke', `/api/nodes/${other}/revoke`, { why: 'w' });
  await small('post', '/api/nodes/{node}/release', `/api/nodes/${other}/release`, {});
  await small('post', '/api/nodes/{node}/revoke', '/api/nodes/none/revoke', {});
  for (const [body, type] of [['x', 'application/octet-stream'], ['x', 'text/plain']]) fits('/api/bundles', 'post', await served.ask('/api/bundles', { method: 'POST', body: body!, headers: { 'content-type': type! } }));
  const changes = following(served.port, `/api/fleet/follow?from=${picture.version}`, served.token);
  await until('a change', () => changes.messages.some(({ data }) => data.nodes?.length > 0));
  for (const { data } of changes.messages) assert.equal(misfits(document.components.schemas.FleetChange, data, document), []);
  changes.close();
  for (const path of ['/api/follow', '/api/streams/{stream}/follow']) fits(path, 'get', await served.ask(`${path.replace('{stream}', 's')}?from=bad`));
});

test('the check of answers can fail', () => {
  const { Event } = document.components.schemas;
  const event = { id: 'i', stream: 's', key: 'k', type: 't', time: 1, body: null, node: 'n' };
  assert.equal(misfits(Event, event, document), []);
  for (const bad of [{ ...event, time: 'x' }, { ...event, more: 1 }, { ...event, node: undefined }, { ...event, stream: 'a/b' }, [event], null]) assert.ok(misfits(Event, JSON.parse(JSON.stringify(bad)), document).length > 0, JSON.stringify(bad));
});

/** Reads the text format 0.0.4 as its page describes it; throws where it is broken. */
function parseMetrics(text: string): Map<string, { type: string; samples: { labels: { [name: string]: string }; value: number }[] }> {
  const metrics = new Map<string, { type: string; samples: { labels: { [name: string]: string }; value: number }[] }>();
  let helped = '';
  assert.ok(text.endsWith('\n'), 'the last line ends');
  for (const line of text.slice(0, -1).split('\n')) {
    const help = /^# HELP ([a-zA-Z_:][\w:]*) (.+)$/.exec(line), type = /^# TYPE ([a-zA-Z_:][\w:]*) (gauge|counter)$/.exec(line);
    if (help) {
      assert.ok(!metrics.has(help[1]!), `${help[1]} stands twice`);
      helped = help[1]!;
    } else if (type) {
      assert.is(type[1], helped);
      metrics.set(type[1]!, { type: type[2]!, samples: [] });
    } else {
      const [, name, , inside = '', value] = /^([a-zA-Z_:][\w:]*)(\{(.*)\})? (-?[\d.]+(?:e[+-]?\d+)?|NaN|[+-]Inf)$/.exec(line) ?? assert.unreachable(`not a sample: ${line}`) as never;
      const labels: { [name: string]: string } = {};
      const rest = inside.replace(/([a-zA-Z_]\w*)="((?:[^"\\]|\\["\\n])*)"(,|$)/g, (_, label: string, text: string) => {
        assert.not(label in labels);
        labels[label] = text.replace(/\\(.)/g, (_all, char: string) => char === 'n' ? '\n' : char);
        return '';
      });
      assert.is(rest, '', line);
      assert.is(name, helped, 'samples stand under their metric');
      const { samples } = metrics.get(name!)!;
      assert.ok(!samples.some((each) => JSON.stringify(each.labels) === JSON.stringify(labels)), `twice: ${line}`);
      samples.push({ labels, value: Number(value) });
    }
  }
  return metrics;
}

test('the metrics can be read, and say what is', async () => {
  await served.append('m', [1, 2, 3].map((body) => ({ key: 'k', type: 't', body })));
  await new Promise((resolve) => setTimeout(resolve, 1_100));
  const answer = await served.ask('/metrics');
  assert.is(answer.headers['content-type'], 'text/plain; version=0.0.4; charset=utf-8');
  const metrics = parseMetrics(answer.text);
  const value = (name: string, labels: object = {}): number | undefined => metrics.get(`holdfast_${name}`)?.samples.find((each) => Object.entries(labels).every(([label, text]) => each.labels[label] === text))?.value;
  assert.equal([value('stream_events', { stream: 'm' }), value('info', { name: 'alpha' }), value('members', { state: 'member' }), value('alarms')], [3, 1, 1, 0]);
  assert.ok(value('process_resident_bytes')! > 1e6 && value('disk_free_bytes')! > 0 && value('disk_used_bytes')! >= value('disk_journal_bytes')!);
  for (const [name, { type }] of metrics) {
    assert.match(name, /^holdfast_/);
    assert.is(type === 'counter', name.endsWith('_total'), name);
  }
});

test('names of nodes and inputs cannot break out of their labels', async () => {
  const hostile = 'a"} 1\n# TYPE x\\';
  const report = await served.station.database.report();
  // One of everything that a report can say: its type and its description must not part ways.
  const strange: Whole<Report> = {
    ...report as Whole<Report>, name: hostile, members: [{ node: 'n', name: hostile, state: 'member', admin: true, read: ['*'], write: ['*'], lacks: { events: 1, bytes: 2, at: 3, drainMs: 4 } }], receipts: [{ node: 'n', name: hostile, at: 0, complete: true }], quarantine: [{ node: 'n', name: hostile, segments: 1, bytes: 2 }], alarms: [{ code: 'clone', node: 'n', text: hostile }],
    inputs: [{ name: hostile, kind: 'k', ok: true, words: '', accepted: 1, recorded: 1, unchanged: 0, refused: 0, lost: 0, lostWhy: '', waiting: 3, last: null, samples: [{ at: 1, code: 'c', reason: 'r', text: 't', cut: false }] }],
    peers: [{
      url: hostile, node: 'n', name: hostile, state: 'connected', resting: false, rate: 1.5, reason: 'r', in: 1, out: 2,
      broker: { topics: { own: 'a/b', read: 'a/+' }, clientId: 'c', members: [{ node: 'n', name: 'm', instance: 'i', equal: true, late: false, ahead: 1, heardMs: 2, refuses: 'r' }], published: 1, received: 2, refused: 3, repeated: 4, sessions: 5 },
    }],
    worries: [{ kind: 'bad', text: 't' }],
  };
  const other = await serve({ database: { ...served.station.database, report: () => Promise.resolve(strange) } });
  fits('/api/status', 'get', await other.ask('/api/status'));
  const metrics = parseMetrics((await other.ask('/metrics')).text);
  assert.is(metrics.get('holdfast_link_up')!.samples[0]!.labels['url'], hostile);
  assert.is(metrics.get('holdfast_info')!.samples[0]!.labels['name'], hostile);
  assert.is(metrics.get('holdfast_member_lacks_events')!.samples[0]!.value, 1);
  assert.is(metrics.get('holdfast_input_up')!.samples[0]!.labels['input'], hostile);
  await other.close();
});

test.run();
