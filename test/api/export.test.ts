// Lists as tables: every row, as it was recorded, in bounded memory, to clients that read slowly or not at all; and nothing in them that a spreadsheet would run.
// timeout: 240s
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import fc from 'fast-check';
import { csvLine } from '../../targets/api/csv.ts';
import { fileName } from '../../targets/api/export.ts';
import { flatColumns } from '../../targets/api/flatten.ts';
import { until } from './members.ts';
import { drained, serve, type Served } from './place.ts';

const test = suite('export');
let served: Served;
test.before(async () => { served = await serve(); });
test.after(() => served.close());

/** Reads CSV as RFC 4180 says; a cell that is not there at all is undefined, one that is empty and quoted ''. */
function readCsv(text: string): (string | undefined)[][] {
  const rows: (string | undefined)[][] = [];
  let row: (string | undefined)[] = [], at = 0;
  while (at < text.length) {
    let cell: string | undefined;
    if (text[at] === '"') {
      cell = '';
      for (at++; ; at++) {
        if (text[at] === '"' && text[at + 1] === '"') { cell += '"'; at++; } else if (text[at] === '"') break;
        else { assert.ok(at < text.length, 'a cell that does not end'); cell += text[at]; }
      }
      at++;
    } else {
      const end = /[,\r]|$/.exec(text.slice(at))!.index + at, plain = text.slice(at, end);
      assert.not.match(plain, /["\n]/);
      cell = plain === '' ? undefined : plain;
      at = end;
    }
    row.push(cell);
    if (text[at] === ',') { at++; if (at === text.length) row.push(undefined); continue; }
    assert.is(text.slice(at, at + 2), '\r\n', 'lines end with CRLF');
    at += 2;
    rows.push(row);
    row = [];
  }
  return rows;
}

const cell = fc.oneof(fc.string({ unit: 'grapheme' }), fc.string({ unit: 'binary' }), fc.constantFrom('=1+1', '+1', '-1', '@x', '\t=1', ' =1', '\uff1d1', '"', ',', '\r\n', '', ' a ', '=cmd|\' /C calc\'!A0'), fc.integer(), fc.double(), fc.boolean(), fc.constant(null), fc.jsonValue());

test('a line of CSV is read back as it was, and no cell of it is a formula', () => {
  fc.assert(fc.property(fc.array(cell, { minLength: 2, maxLength: 6 }), (cells) => {
    const wanted = cells.map((each) => each === null ? undefined : typeof each === 'string' ? each : typeof each === 'number' || typeof each === 'boolean' ? String(each) : JSON.stringify(each));
    assert.equal(readCsv(csvLine(cells, true)), [wanted.map((each) => each)]);
    for (const [i, tame] of readCsv(csvLine(cells, false))[0]!.entries()) {
      assert.ok(tame === wanted[i] || tame === `'${wanted[i]}`, `${tame} for ${wanted[i]}`);
      if (typeof cells[i] === 'string') assert.not.match((tame ?? '').trimStart(), /^[=+\-@\uff1d\uff0b\uff0d\uff20]/u);
    }
  }), { numRuns: 500 });
  // Numbers stay numbers.
  assert.is(csvLine([-5, '-5'], false), "-5,'-5\r\n");
});

test('fields become columns, and whatever has none is in the last one: nothing is left out', () => {
  const body = fc.oneof(fc.jsonValue(), fc.dictionary(fc.constantFrom('a', 'b', 'c', '__proto__', 'a.b'), fc.oneof(fc.integer(), fc.dictionary(fc.constantFrom('x', 'y', ''), fc.integer(), { maxKeys: 2 }), fc.array(fc.integer(), { maxLength: 2 })), { maxKeys: 4 }));
  fc.assert(fc.property(fc.array(body, { minLength: 1, maxLength: 5 }), fc.array(body, { maxLength: 5 }), (first, later) => {
    const columns = flatColumns(first.map((each) => ({ body: each as unknown }))), names = columns.map(([name]) => name);
    assert.is(new Set(names).size, names.length);
    assert.is(names.at(-1), 'body');
    for (const each of [...first, ...later]) {
      const cells = columns.map(([, of]) => of({ body: each as unknown }));
      // Every leaf of the body stands in some cell.
      const leaves: unknown[] = [], gather = (value: unknown): void => { if (value !== null && typeof value === 'object') Object.values(value).forEach(gather); else if (value !== null) leaves.push(value); };
      gather(each);
      const there: unknown[] = [], look = (value: unknown): void => { if (value !== null && typeof value === 'object') Object.values(value).forEach(look); else if (value !== null) there.push(value); };
      cells.forEach(look);
      assert.equal(there.map(String).sort(), leaves.map(String).sort());
    }
  }), { numRuns: 500 });
});

test('names of files are nothing but names', () => {
  fc.assert(fc.property(fc.oneof(fc.string({ unit: 'binary' }), fc.constantFrom('../../etc/passwd', '..', '', 'a/b', 'a\r\nset-cookie: x', 'CON', '"; filename="x.exe', '.htaccess', '-rf')), (name) => {
    assert.match(fileName(name, 'csv'), /^[A-Za-z0-9_][A-Za-z0-9_.-]{0,79}-\d{8}T\d{6}Z\.csv$/);
  }));
});

const bodies = [{ t: 21.5, at: { lat: 1, lon: 2 } }, { t: -3, more: [1, 2] }, '=HYPERLINK("http://evil.example","x")', -7, null, { t: 'a,"b"\r\nc' }, { $bytes: 'AQID' }];
const key = `a,"b" '; DROP TABLE event;--`;

test('events as CSV and lines: all of them, in order, with any query; the page has a cursor', async () => {
  await served.append('tables', bodies.map((body, i) => ({ key: i % 2 ? key : '=k', type: '@t', body, time: 1_767_225_600_000 + i })));
  const path = '/api/streams/tables/events', wanted = (await served.ask(path)).json.events;
  const lines = await served.ask(`${path}?format=ndjson&limit=all`);
  assert.equal([lines.headers['content-type'], lines.headers['cache-control']], ['application/x-ndjson; charset=utf-8', 'no-store']);
  assert.equal(lines.text.trimEnd().split('\n').map((line) => JSON.parse(line)), wanted);
  const csv = await served.ask(path, { headers: { accept: 'text/csv, */*;q=0.1' } }), rows = readCsv(csv.text);
  assert.match(String(csv.headers['content-disposition']), /^attachment; filename="tables-\d{8}T\d{6}Z\.csv"$/);
  assert.equal([csv.headers['content-type'], csv.headers['x-content-type-options']], ['text/csv; charset=utf-8; header=present', 'nosniff']);
  assert.equal(rows[0], ['id', 'stream', 'key', 'type', 'time', 'node', 'body']);
  assert.equal(rows.slice(1).map((row) => [row[0], row[2], row[3], row[4]]), wanted.map((each: any) => [each.id, each.key === '=k' ? "'=k" : each.key, "'@t", new Date(each.time).toISOString()]));
  assert.equal(rows.slice(1).map((row) => row[6] === undefined ? null : JSON.parse(row[6]!)), bodies);
  assert.equal(readCsv((await served.ask(`${path}?format=csv&raw=1`)).text)[1]![2], '=k');
  const flat = readCsv((await served.ask(`${path}?format=csv&limit=all&flatten=1`)).text);
  assert.equal(flat[0]!.slice(6), ['body.t', 'body.at.lat', 'body.at.lon', 'body.more', 'body.$bytes', 'body'].filter((name) => flat[0]!.includes(name)));
  assert.equal(flat.slice(1, 3).map((row) => row.slice(6, 10)), [['21.5', '1', '2', undefined], ['-3', undefined, undefined, '[1,2]']]);
  assert.is(flat[3]!.at(-1), `'=HYPERLINK("http://evil.example","x")`);
  for (const query of [`key=${encodeURIComponent(key)}`, 'type=%40t&reverse=1', 'since=1767225600002&until=1767225600005']) {
    const some = (await served.ask(`${path}?${query}`)).json.events.map((each: any) => each.id);
    assert.ok(some.length > 0);
    assert.equal(readCsv((await served.ask(`${path}?${query}&format=csv&limit=all`)).text).slice(1).map((row) => row[0]), some, query);
  }
  const first = await served.ask(`${path}?format=csv&limit=3`), second = await served.ask(`${path}?format=csv&cursor=${String(first.headers['next-cursor'])}`);
  assert.equal([...readCsv(first.text).slice(1), ...readCsv(second.text).slice(1)].map((row) => row[0]), wanted.map((each: any) => each.id));
  assert.is(second.headers['next-cursor'], undefined);
});

test('the latest, the keys, streams, nodes and the rest as tables; what makes no sense is refused', async () => {
  const latest = readCsv((await served.ask('/api/streams/tables/latest?format=csv&limit=all')).text), keys = (await served.ask('/api/streams/tables/keys?format=ndjson&limit=all')).text.trimEnd().split('\n').map((line) => JSON.parse(line).key);
  assert.equal([latest.slice(1).map((row) => row[2]), keys], [["'=k", key], ['=k', key]]);
  assert.equal((await served.ask('/api/streams/tables/keys?limit=1')).json.keys.map((each: any) => each.key), ['=k']);
  assert.equal((await served.ask(`/api/streams/tables/keys?limit=1&cursor=${encodeURIComponent('=k')}`)).json.keys.map((each: any) => each.key), [key]);
  assert.equal(readCsv((await served.ask('/api/streams?format=csv')).text), [['stream', 'events', 'logs'], ['tables', '7', '1']]);
  const nodes = readCsv((await served.ask('/api/nodes?format=csv&limit=all')).text);
  assert.equal([nodes.length, nodes[1]![1], nodes[1]![2], new Set(nodes.map((row) => row.length)).size], [2, 'alpha', 'member', 1]);
  assert.is(JSON.parse((await served.ask('/api/nodes?format=ndjson')).text).name, 'alpha');
  for (const path of ['links', 'receipts', 'quarantine', 'bundles']) assert.is(readCsv((await served.ask(`/api/${path}?format=csv`)).text).length, 1, path);
  for (const query of ['limit=all', 'format=xml', 'flatten=1', 'format=ndjson&flatten=1', 'format=ndjson&raw=1', 'format=csv&limit=all&cursor=AAAA', 'format=csv&format=csv', 'format=csv&limit=0']) assert.is((await served.ask(`/api/streams/tables/events?${query}`)).status, 400, query);
  assert.is((await served.ask('/api/streams/tables/events', { headers: { accept: 'text/csv, application/json' } })).json.events.length, 7);
});

test('an export that nobody reads costs little and holds up nobody; one that is left gives its place back', async () => {
  for (let i = 0; i < 30; i++) await served.append('large', Array.from({ length: 40 }, (_, n) => ({ key: `k${n}`, type: 't', body: 'x'.repeat(20_000) })));
  const sockets = await Promise.all(Array.from({ length: 8 }, () => served.raw()));
  for (const socket of sockets) {
    socket.pause();
    socket.write(`GET /api/streams/large/events?format=ndjson&limit=all HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer ${served.token}\r\n\r\n`);
  }
  await until('all places are taken', async () => (await served.ask('/api/streams/large/events?format=csv&limit=all')).status === 503);
  const busy = await served.ask('/api/streams/large/events?format=csv&limit=all');
  assert.equal([busy.json.error.code, busy.headers['retry-after']], ['busy', '1']);
  // Pages and everything else go on.
  assert.is((await served.ask('/api/streams/large/events?format=csv&limit=5')).status, 200);
  assert.is((await served.append('large', [{ key: 'a', type: 't' }])).status, 200);
  // Eight times 24 MB are on offer; what waits is a few pieces of each.
  const { external, arrayBuffers, heapUsed } = process.memoryUsage();
  assert.ok(external + arrayBuffers + heapUsed < 400e6, `${external + arrayBuffers + heapUsed}`);
  for (const socket of sockets) socket.destroy();
  await until('a place is free', async () => (await served.ask('/api/streams/large/keys?format=csv&limit=all')).status === 200);
  for (let i = 0; i < 20; i++) assert.is((await served.ask('/api/streams/large/events?format=csv&limit=all', { method: 'HEAD' })).status, 200);
  const whole = await served.ask('/api/streams/large/events?format=ndjson&limit=all');
  assert.is(whole.text.trimEnd().split('\n').length, 1_201);
});

test('what fails on the way breaks the connection: nobody takes a part for the whole', async () => {
  const { database } = served.station;
  const other = await serve({ database: { ...database, async *read(stream, query) { let n = 0; for await (const entry of database.read(stream, query)) { if (++n > 30) throw new Error('a page that cannot be read'); yield entry; } } } });
  const socket = await other.raw(), answer = drained(socket);
  socket.write(`GET /api/streams/large/events?format=ndjson&limit=all HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer ${other.token}\r\n\r\n`);
  const said = await answer;
  assert.match(said, /^HTTP\/1\.1 200 /);
  assert.not.match(said, /\r\n0\r\n\r\n$/);
  await other.close();
});

test.run();
