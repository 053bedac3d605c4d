// A database asked over its control socket: every operation there and back, faults, flow, cancelling, and requests that are nonsense.
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import fc from 'fast-check';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { ImportReport } from '../../src/node-import.ts';
import type { Value } from '../../src/event/value.ts';
import { codeOf, Fault } from '../../src/fault.ts';
import { connectControl, serveControl } from '../../src/io/control.ts';
import type { Database, Draft, Entry, InviteWish, Query, Report } from '../../targets/program/database.ts';
import { remoteDatabase } from '../../targets/program/remote.ts';
import { serveChannel } from '../../targets/program/serve.ts';

const test = suite('remote');
const entry = (i: number, body: Value = { i }): Entry => ({ id: `id-${i}`, stream: 's', key: `k${i}`, type: 't', time: i, body, node: 'n' });
const DEEP = JSON.parse(`${'['.repeat(32)}${']'.repeat(32)}`) as Value;

/** A database that remembers what it was asked. */
function fake() {
  const state = { appended: [] as [string, Draft[], boolean][], reads: 0, left: 0, query: {} as Query, wish: {} as InviteWish, closed: 0 };
  const report: ImportReport = { events: 3, segments: { added: 1, held: 0, refused: 0 }, words: [], volumes: [], lost: [], missing: [], unknownBytes: 0 };
  const database: Database = {
    remote: false,
    exportTo: (wish, progress) => { progress(1, 2); return Promise.resolve({ volumes: [{ file: String(wish.folder), bytes: 1, events: 2 }], events: 2, bytes: 1, parity: 0, damaged: 0, finished: [] }); },
    importFrom: (paths, progress) => { progress(5, 6); return Promise.resolve({ ...report, unknownBytes: paths.length }); },
    backup: ({ target, withoutKey }, progress) => { progress(3, 4); return Promise.resolve({ path: target, bytes: 5, events: 6, key: withoutKey !== true, damaged: false }); },
    repair: (from, progress) => { progress(7, 8); return Promise.resolve({ found: [], dropped: [], missing: [], sources: from.map((each) => ({ from: each, events: 1 })), failed: [], pages: [], damaged: [] }); },
    tokens: ({ make, revoke }) => Promise.resolve({ tokens: [{ name: revoke ?? make!.name, scope: 'read', at: 9 }], ...(make && { made: make.scope }) }),
    append(stream, drafts, urgent) {
      if (stream === 'full') throw new Fault('store-full', 'no room');
      state.appended.push([stream, drafts, urgent]);
      const rejected = drafts.flatMap(({ key }, index) => key === 'bad' ? [{ index, code: 'bad-event', message: 'bad key' }] : []);
      return Promise.resolve({ appended: drafts.length - rejected.length, rejected });
    },
    async *read(_, query) {
      state.query = query;
      try {
        for (let i = 0; i < (query.limit ?? 3); i++) {
          state.reads++;
          yield entry(i, i === 1 ? DEEP : i === 2 ? new Uint8Array([1]) : { i });
          if (i % 100 === 0) await new Promise((resolve) => setImmediate(resolve));
        }
      } finally {
        state.left++;
      }
    },
    async *follow(_, __, signal) {
      for (let i = 0; !signal.aborted; i++) {
        yield entry(i);
        await new Promise((resolve) => setTimeout(resolve, 1));
      }
      state.left++;
    },
    async *resume(_, query, from, signal) {
      state.query = query;
      yield { entry: entry(0, DEEP) };
      yield { cursor: `after ${from}` };
      while (!signal.aborted) await new Promise((resolve) => setTimeout(resolve, 1));
      state.left++;
    },
    latest: (_, key) => Promise.resolve(key === 'none' ? undefined : entry(7)),
    page: (_, query, after) => Promise.resolve({ entries: Array.from({ length: query.limit ?? 3 }, (_, i) => entry(i)), ...(after === 'end' ? {} : { next: `after ${after}` }) }),
    latestPage: (stream, limit, after) => database.page(stream, { limit }, after),
    async *keys() { for (let i = 0; i < 600; i++) yield { key: `k${i}`, type: 't', time: i, id: 'x' }; },
    streams: () => Promise.resolve([{ stream: 's', events: 1, logs: 2 }]),
    digest: () => Promise.resolve({ digest: 'd', events: 4 }),
    report: () => Promise.resolve({ name: 'alpha', peers: [{ url: 'u', reason: undefined }] } as unknown as Report),
    async verify(progress) { progress(1, 2); await new Promise((resolve) => setTimeout(resolve, 5)); progress(3, 4); return { events: 5, segments: 6, damaged: [{ what: 'a', where: 'b', code: 'c' }] }; },
    invite(wish) { state.wish = wish; return Promise.resolve('token'); },
    revoke: (node, why) => Promise.resolve({ node, name: why }),
    release: (node) => Promise.resolve({ node, name: 'x' }),
    async sync(url, signal, progress) {
      progress(1, 2);
      if (url === 'never') await new Promise<void>((resolve) => signal.addEventListener('abort', () => { state.left++; resolve(); }));
      return { sent: 1, received: 2, bytesOut: 3, bytesIn: 4, ms: 5 };
    },
    async *listen(url, signal) {
      yield { kind: 'listening', url };
      await new Promise<void>((resolve) => signal.addEventListener('abort', () => resolve()));
      state.left++;
    },
    close: () => { state.closed++; return Promise.resolve(); },
  };
  return { database, state };
}

async function served(body: (remote: Database, state: ReturnType<typeof fake>['state'], dir: string) => Promise<void>): Promise<void> {
  const dir = mkdtempSync(join(tmpdir(), 'hf-remote-'));
  const { database, state } = fake();
  const work = { requests: 0 };
  const control = await serveControl(dir, (channel) => void serveChannel(database, channel, work));
  const remote = remoteDatabase((await connectControl(dir))!, () => connectControl(dir));
  try {
    await body(remote, state, dir);
    await until(() => work.requests === 0);
  } finally {
    await remote.close();
    await control.close();
    rmSync(dir, { recursive: true, force: true });
  }
}

async function all<T>(items: AsyncIterable<T>): Promise<T[]> {
  const found: T[] = [];
  for await (const item of items) found.push(item);
  return found;
}
async function until(condition: () => boolean): Promise<void> {
  while (!condition()) await new Promise((resolve) => setTimeout(resolve, 5));
}

test('a stream that is resumed gives events and cursors, and ends with its reader', () => served(async (remote, state) => {
  const end = new AbortController(), told: unknown[] = [];
  for await (const each of remote.resume('s', { key: 'k' }, 'here', end.signal)) {
    told.push(each);
    if (told.length === 2) end.abort();
  }
  assert.equal(told, [{ entry: entry(0, DEEP) }, { cursor: 'after here' }]);
  assert.equal(state.query, { key: 'k' });
  await until(() => state.left === 1);
}));

test('every operation goes there and comes back', () => served(async (remote, state) => {
  assert.equal(await remote.append('s', [{ key: 'a', type: 't', body: DEEP, time: 5 }, { key: 'b', type: 't', body: null }], true), { appended: 2, rejected: [] });
  assert.equal(state.appended, [['s', [{ key: 'a', type: 't', body: DEEP, time: 5 }, { key: 'b', type: 't', body: null }], true]]);
  assert.equal(await all(remote.read('s', { key: 'k', since: 1, reverse: true })), [entry(0), entry(1, DEEP), entry(2, new Uint8Array([1]))]);
  assert.equal(state.query, { key: 'k', since: 1, reverse: true });
  assert.equal([await remote.latest('s', 'a'), await remote.latest('s', 'none')], [entry(7), undefined]);
  assert.equal(await remote.page('s', { limit: 2 }, 'here'), { entries: [entry(0), entry(1)], next: 'after here' });
  assert.equal(await remote.page('s', { limit: 600 }, 'end'), { entries: Array.from({ length: 600 }, (_, i) => entry(i)) });
  assert.equal(await remote.latestPage('s', 1), { entries: [entry(0)], next: 'after undefined' });
  assert.is((await all(remote.keys('s'))).length, 600);
  assert.equal([await remote.streams(), await remote.digest()], [[{ stream: 's', events: 1, logs: 2 }], { digest: 'd', events: 4 }]);
  assert.equal(await remote.report(), { name: 'alpha', peers: [{ url: 'u' }] });
  const progress: number[][] = [];
  assert.equal(await remote.verify((...each) => void progress.push(each)), { events: 5, segments: 6, damaged: [{ what: 'a', where: 'b', code: 'c' }] });
  assert.equal(progress.at(-1), [3, 4]);
  assert.equal([await remote.tokens({ make: { name: 'a', scope: 'read' } }), await remote.tokens({ revoke: 'b' })], [{ tokens: [{ name: 'a', scope: 'read', at: 9 }], made: 'read' }, { tokens: [{ name: 'b', scope: 'read', at: 9 }] }]);
  assert.equal(await remote.backup({ target: '/b', withoutKey: true }, (...each) => void progress.push(each)), { path: '/b', bytes: 5, events: 6, key: false, damaged: false });
  assert.equal((await remote.repair(['/c', 'tcp://d'], (...each) => void progress.push(each))).sources, [{ from: '/c', events: 1 }, { from: 'tcp://d', events: 1 }]);
  assert.equal(progress.slice(-2), [[3, 4], [7, 8]]);
  assert.is(await remote.invite({ admin: true, read: ['*'], root: new Uint8Array([9]) }), 'token');
  assert.equal(state.wish, { admin: true, read: ['*'], root: new Uint8Array([9]) });
  assert.equal([await remote.revoke('beta', 'lost', true), await remote.release('beta')], [{ node: 'beta', name: 'lost' }, { node: 'beta', name: 'x' }]);
  assert.equal(await remote.sync('u', new AbortController().signal, () => {}), { sent: 1, received: 2, bytesOut: 3, bytesIn: 4, ms: 5 });
}));

test('refused drafts keep their place, those that cannot even be sent too; a fault keeps its code', () => served(async (remote, state) => {
  const draft = (key: string, body: unknown): Draft => ({ key, type: 't', body });
  const { appended, rejected } = await remote.append('s', [draft('a', NaN), draft('b', 1), draft('bad', 2), draft('c', undefined), draft('d', 3)], false);
  assert.is(appended, 2);
  assert.equal(rejected.map(({ index, code }) => [index, code]), [[0, 'bad-value'], [2, 'bad-event'], [3, 'bad-value']]);
  assert.equal(await remote.append('s', [draft('a', NaN)], false).then(({ appended: n }) => n), 0);
  assert.is(state.appended.length, 1);
  const fault = await remote.append('full', [draft('a', 1)], false).catch((error: unknown) => error as Fault);
  assert.equal([codeOf(fault), (fault as Fault).message], ['store-full', 'no room']);
  assert.equal(await remote.append('s', [draft('a', 1)], false), { appended: 1, rejected: [] }, 'and the channel goes on');
}));

test('a reader that stops makes the node stop reading; a slow one makes it wait', () => served(async (remote, state) => {
  let taken = 0;
  for await (const each of remote.read('s', { limit: 1_000_000 })) if (each.time >= 0 && ++taken === 10) break;
  await until(() => state.left === 1);
  assert.ok(state.reads < 100_000, `${state.reads} were read for nobody`);
  assert.equal(await remote.digest(), { digest: 'd', events: 4 }, 'the next request finds a channel');
}));

test('following ends with its signal, on both sides; an exchange can be given up', () => served(async (remote, state) => {
  const end = new AbortController();
  let seen = 0;
  for await (const each of remote.follow('s', {}, end.signal)) if (each.time === seen && ++seen === 5) end.abort();
  assert.ok(seen >= 5);
  await until(() => state.left === 1);
  const given = new AbortController();
  const exchange = remote.sync('never', given.signal, () => {}).catch(codeOf);
  setTimeout(() => given.abort(), 20);
  assert.is(await exchange, 'closed');
  await until(() => state.left === 2);
  const listening = new AbortController();
  for await (const news of remote.listen('u', listening.signal)) { assert.equal(news, { kind: 'listening', url: 'u' }); listening.abort(); }
  await until(() => state.left === 3);
}));

test('several at a time, and a node that stops in the middle', async () => {
  let saved: Database | undefined;
  await served(async (remote) => {
    saved = remote;
    const many = await Promise.all([remote.digest(), all(remote.read('s', { limit: 5_000 })), remote.streams(), all(remote.keys('s'))]);
    assert.equal([many[1].length, many[3].length], [5_000, 600]);
  });
  assert.is(codeOf(await saved!.digest().catch((error: unknown) => error)), 'closed');
});

test('nonsense is answered with a fault, or ends its channel; the node goes on', () => served(async (remote, _, dir) => {
  const ask = async (request: Value): Promise<Value | undefined> => {
    const channel = (await connectControl(dir))!;
    await channel.send(request);
    const reply = await channel.next();
    channel.close();
    return reply;
  };
  for (const request of [[], ['nothing'], ['append'], ['append', 's', 5, null], ['append', 's', [['a', 't', new Uint8Array([0xff]), null]], null], ['read', null], ['read', 's', []], ['latest', 's'], ['__proto__'], [['read']]] as Value[]) {
    const reply = await ask(request) as Value[];
    assert.is(reply[0], 2, JSON.stringify(request));
    assert.ok(['bad-message', 'unsupported', 'bad-encoding'].includes(reply[1] as string), JSON.stringify([request, reply]));
  }
  assert.is(await ask('no list').then((reply) => Array.isArray(reply) ? reply[0] : undefined), 2);
  await fc.assert(fc.asyncProperty(fc.array(fc.oneof(fc.constantFrom('append', 'read', 'keys', 'invite', 'sync', 's'), fc.integer(), fc.constant(null), fc.uint8Array({ maxLength: 9 })), { minLength: 1, maxLength: 5 }), async (request) => {
    assert.ok(Array.isArray(await ask(request)));
  }), { numRuns: 60 });
  assert.equal(await remote.digest(), { digest: 'd', events: 4 });
}));

test.run();
