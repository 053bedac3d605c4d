// Server-sent events: what comes, in what form, from where; clients that are cut off go on without a gap, and those that do not read cost little and are cut.
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { request, type IncomingMessage } from 'node:http';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { serve, type Served } from './place.ts';

const test = suite('follow');
let served: Served;
test.before(async () => { served = await serve(); });
test.after(() => served.close());

/** A client as the standard says: it keeps the last id, and dispatches what has data. */
interface Client { readonly last: string; readonly status: number; readonly data: any[]; readonly comments: string[]; readonly faults: any[]; until(when: () => boolean): Promise<void>; readonly ended: boolean; close(): void; readonly incoming: IncomingMessage }

function open(path: string, last = ''): Promise<Client> {
  return new Promise((resolve, reject) => {
    const asked = request({ host: '127.0.0.1', port: served.port, path, headers: { authorization: `Bearer ${served.token}`, ...(last && { 'last-event-id': last }) }, agent: false }, (incoming) => {
      let rest = '', ended = false, wake = (): void => {};
      const client = {
        last, status: incoming.statusCode!, data: [] as any[], comments: [] as string[], faults: [] as any[], incoming,
        get ended() { return ended; },
        async until(when: () => boolean) { while (!when() && !ended) await new Promise<void>((next) => { wake = next; }); assert.ok(when(), `ended without: ${rest.slice(0, 500)}`); },
        close: () => incoming.destroy(),
      };
      incoming.setEncoding('utf8').on('data', (piece: string) => {
        const blocks = (rest + piece).split('\n\n');
        rest = blocks.pop()!;
        for (const block of blocks) {
          const fields = new Map(block.split('\n').map((line) => [line.slice(0, line.indexOf(':')), line.slice(line.indexOf(':') + 2)]));
          if (fields.has('id')) client.last = fields.get('id')!;
          if (fields.has('')) client.comments.push(fields.get('')!);
          if (fields.get('event') === 'fault') client.faults.push(JSON.parse(fields.get('data')!));
          else if (fields.has('data')) client.data.push(JSON.parse(fields.get('data')!));
        }
        wake();
      });
      incoming.on('close', () => { ended = true; wake(); }).on('error', () => {});
      resolve(client);
    });
    asked.on('error', reject).end();
  });
}
setFlagsFromString('--expose-gc');
const collect = runInNewContext('gc') as () => void;
/** Bytes that are in use and not garbage. */
function held(): number {
  collect();
  const { external, heapUsed } = process.memoryUsage();
  return external + heapUsed;
}
const events = (n: number, from = 0, body?: unknown) => Array.from({ length: n }, (_, i) => ({ key: `k${i % 3}`, type: 't', body: body ?? from + i }));
const numbers = (client: Client): number[] => client.data.map((each) => each.body);

test('from now on: nothing that was, everything that comes, then a cursor', async () => {
  await served.append('now', events(5));
  const client = await open('/api/streams/now/follow');
  assert.is(client.status, 200);
  assert.is(client.incoming.headers['content-type'], 'text/event-stream; charset=utf-8');
  await client.until(() => client.last !== '');
  const before = client.last;
  await served.append('now', [{ key: 'a\nb', type: 't', body: 'x\n\ndata: y\r\nid: z' }]);
  await client.until(() => client.data.length === 1 && client.last !== before);
  assert.equal([client.data[0].key, client.data[0].body, client.data[0].stream], ['a\nb', 'x\n\ndata: y\r\nid: z', 'now']);
  client.close();
});

test('from the start, with a filter', async () => {
  await served.append('all', events(9));
  const client = await open('/api/streams/all/follow?from=start&key=k1');
  await client.until(() => client.last !== '');
  await served.append('all', events(3, 9));
  await client.until(() => client.data.length === 4);
  assert.equal(numbers(client), [1, 4, 7, 10]);
  client.close();
});

test('cut off at any moment, everything is told in the end', async () => {
  const told: number[] = [];
  let last = '', sent = 0, duplicates = 0;
  for (let round = 0; round < 6; round++) {
    const client = await open('/api/streams/cut/follow?from=start', last);
    assert.is(client.status, 200);
    await served.append('cut', events(40, sent));
    sent += 40;
    const before = client.last;
    await client.until(() => client.data.length >= 10 * (round % 3));
    if (round % 2) await client.until(() => client.last !== before);
    client.close();
    last = client.last;
    for (const n of numbers(client)) if (told.includes(n)) duplicates++; else told.push(n);
    await served.append('cut', events(10, sent));
    sent += 10;
    if (round === 3) await served.station.node.checkpoint();
  }
  const client = await open('/api/streams/cut/follow?from=start', last);
  await client.until(() => new Set([...told, ...numbers(client)]).size === sent);
  client.close();
  assert.equal([...new Set([...told, ...numbers(client)])].sort((a, b) => a - b), Array.from({ length: sent }, (_, i) => i));
});

test('several streams, those that appear later too, under one cursor', async () => {
  const client = await open('/api/follow?key=k0');
  await client.until(() => client.last !== '');
  await served.append('one', events(3));
  await served.append('two', events(3, 100));
  await client.until(() => client.data.length === 2 && /one:.*two:|two:.*one:/.test(client.last));
  assert.equal(client.data.map((each) => [each.stream, each.body]).sort(), [['one', 0], ['two', 100]]);
  client.close();
  await served.append('one', events(1, 50));
  await served.append('three', events(1, 200));
  const again = await open('/api/follow?streams=one,two,three&key=k0', client.last);
  await again.until(() => again.data.length === 2);
  assert.equal(again.data.map((each) => each.body).sort((a, b) => a - b), [50, 200]);
  again.close();
});

test('what is not a cursor, or one of another stream, is answered as such', async () => {
  await served.append('own', events(1));
  const client = await open('/api/streams/own/follow');
  await client.until(() => client.last !== '');
  client.close();
  for (const path of ['/api/streams/own/follow?from=nonsense', `/api/streams/all/follow?from=${client.last}`, '/api/follow?from=own', '/api/follow?from=own:AAAA', '/api/streams/own/follow?from=']) {
    const answer = await served.ask(path.endsWith('from=') ? '/api/streams/own/follow?since=x' : path);
    assert.equal([answer.status, answer.json.error.code], [400, 'bad-argument'], path);
  }
});

test('a client that does not read is cut, and the node holds no more for it than its queue', async () => {
  const client = await open('/api/streams/slow/follow');
  await client.until(() => client.last !== '');
  client.incoming.pause();
  const before = held();
  for (let i = 0; i < 60; i++) await served.append('slow', events(32, 0, 'y'.repeat(60_000)));
  // Of 115 MB of bodies: what the store's last batches leave takes half of this, whether somebody follows or not.
  await served.station.node.checkpoint();
  const more = held() - before;
  assert.ok(more < 64 * 1_048_576, `${more} bytes more`);
  // It reads again: what fitted comes, then a word that it was too slow, and the end.
  client.incoming.resume();
  await client.until(() => client.faults.length > 0);
  assert.is(client.faults[0].code, 'busy');
  const told = client.data.length;
  const again = await open('/api/streams/slow/follow', client.last);
  await again.until(() => again.data.length >= 1_920 - told);
  again.close();
});

test('a client that goes away leaves nothing behind', async () => {
  const clients: Client[] = [];
  for (let i = 0; i < 48; i++) clients.push(await open('/api/streams/now/follow'));
  const full = await served.ask('/api/streams/now/follow');
  assert.equal([full.status, full.json.error.code, full.headers['retry-after']], [503, 'busy', '1']);
  for (const client of clients) client.close();
  for (let tries = 0; ; tries++) {
    const client = await open('/api/streams/now/follow');
    client.close();
    if (client.status === 200) break;
    assert.ok(tries < 500);
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
});

test('when the node stops, it says so to those who follow', async () => {
  const other = await serve();
  const client = await new Promise<IncomingMessage>((resolve) => request({ host: '127.0.0.1', port: other.port, path: '/api/follow', headers: { authorization: `Bearer ${other.token}` } }, resolve).end());
  let text = '';
  client.setEncoding('utf8').on('data', (piece: string) => { text += piece; });
  const ended = new Promise((resolve) => client.on('close', resolve));
  await other.close();
  await ended;
  assert.match(text, /: the node is stopping\n\n$/);
});

test.run();
