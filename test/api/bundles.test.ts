// Bundles over HTTP: what a node lacks goes out while it is made, what is carried comes in while it is read; damage, parity, what breaks off, what is no bundle; and nothing stays behind.
// timeout: 240s
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { randomBytes } from 'node:crypto';
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { request } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { member, until, type Member } from './members.ts';
import { drained, serve, type Served } from './place.ts';

const test = suite('bundles');
/** Events that nothing makes small. */
const bulky = (count: number, bytes: number) => Array.from({ length: count }, (_, i) => ({ key: `k${i % 50}`, type: 't', body: randomBytes(bytes).toString('base64') }));
let served: Served, beta: Member;
test.before(async () => {
  served = await serve();
  beta = await member(served, '../..\r\n"beta"\u202egnp.exe');
  await introduce(beta);
  await served.append('readings', Array.from({ length: 300 }, (_, i) => ({ key: `k${i % 5}`, type: 't', body: { n: i, text: `words ${i * 7919}` } })));
});
test.after(async () => {
  await beta.close();
  await served.close();
});

const octets = { 'content-type': 'application/octet-stream' };
const upload = (body: Uint8Array) => served.ask('/api/bundles', { method: 'POST', body, headers: octets });
/** The bytes of an answer. */
function bytesOf(path: string, headers: { [name: string]: string } = { authorization: `Bearer ${served.token}` }): Promise<{ status: number; headers: { [name: string]: string | string[] | undefined }; bytes: Buffer }> {
  return new Promise((resolve, reject) => {
    request({ host: '127.0.0.1', port: served.port, path, headers, agent: false }, (incoming) => {
      const pieces: Buffer[] = [];
      incoming.on('data', (piece: Buffer) => pieces.push(piece)).on('end', () => resolve({ status: incoming.statusCode!, headers: incoming.headers, bytes: Buffer.concat(pieces) })).on('error', reject);
    }).on('error', reject).end();
  });
}
async function* inPieces(bytes: Uint8Array): AsyncGenerator<Uint8Array> { for (let at = 0; at < bytes.length; at += 5_000) yield bytes.subarray(at, at + 5_000); }
/** What a node that joined says of itself, by hand. */
async function introduce(other: Member): Promise<void> {
  assert.is((await upload(await bundleOf(other))).status, 200);
}
/** A bundle for the node that is served. */
async function bundleOf(other: Member): Promise<Buffer> {
  const pieces: Uint8Array[] = [];
  for await (const piece of (await (await other.station.database.hub!()).bundleFor('alpha')).blocks) pieces.push(piece);
  return Buffer.concat(pieces);
}
const spooled = () => readdirSync(served.dir).filter((name) => name.startsWith('carry-'));

test('what a node lacks goes out under a name that is only a name, and brings it level', async () => {
  const path = `/api/nodes/${beta.id}/bundle`, out = await bytesOf(path);
  assert.equal([out.status, out.headers['content-type']], [200, 'application/octet-stream']);
  assert.match(String(out.headers['content-disposition']), /^attachment; filename="holdfast-[A-Za-z0-9_-]{1,40}-[0-9a-f]{8}\.hfb"$/);
  const report = await (await beta.station.database.hub!()).takeBundles(inPieces(out.bytes), 1e6);
  assert.equal([report.lost, report.unknownBytes, report.volumes.map(({ complete, damaged }) => [complete, damaged])], [[], 0, [[true, []]]]);
  assert.ok(report.events >= 300);
  assert.equal(await beta.station.database.digest(), await served.station.database.digest());
  const { bundles } = (await served.ask('/api/bundles')).json;
  assert.equal(bundles.map((each: any) => [each.for.map(({ node }: any) => node), each.arrived, each.bytes]), [[[beta.id], [], out.bytes.length]]);
  assert.equal((await served.ask(`/api/nodes/${beta.id}`)).json.bundles.length, 1);
});

test('what comes back says that it arrived; the next one carries only what is new', async () => {
  await beta.station.database.append('readings', [{ key: 'b', type: 't', body: 1 }], false);
  const bytes = await bundleOf(beta), back = await upload(bytes);
  assert.equal([back.status, back.json.events, back.json.words.map(({ node }: any) => node)], [200, 1, [beta.id]]);
  const again = await upload(bytes);
  assert.equal([again.status, again.json.events, again.json.segments.held > 0], [200, 0, true]);
  assert.equal((await served.ask('/api/bundles')).json.bundles[0].arrived.map(({ node }: any) => node), [beta.id]);
  await until('it lacks nothing', async () => (await served.ask(`/api/nodes/${beta.id}`)).json.lacks?.events === 0);
  const small = await bytesOf(`/api/nodes/${beta.id}/bundle`);
  assert.ok(small.bytes.length < 20_000, `${small.bytes.length}`);
  assert.equal(spooled(), []);
});

test('a ticket downloads one thing once, and only what is a file', async () => {
  const make = async (path: unknown) => served.ask('/api/tickets', { method: 'POST', body: JSON.stringify({ path }), headers: { 'content-type': 'application/json' } });
  const { url, ms } = (await make(`/api/nodes/${beta.id}/bundle`)).json;
  assert.ok(ms >= 30_000);
  const out = await bytesOf(url, {});
  assert.equal([out.status, out.bytes.length > 500], [200, true]);
  assert.match(String(out.headers['content-disposition']), /^attachment/);
  assert.is((await bytesOf(url, {})).status, 404);
  for (const path of ['/api/status', '/api/session', `/api/nodes/${beta.id}`, '/metrics']) {
    const made = await make(path);
    if (made.status === 200) {
      const shown = await bytesOf(made.json.url, {});
      assert.is(shown.status, 400, path);
      assert.not.match(shown.bytes.toString(), new RegExp(beta.id));
    } else assert.is(made.status, 400);
  }
  for (const path of ['', 'http://evil.example/api/status', '//evil.example/', '/api/tickets/x', '/', '/page/x', '/api/../api/status\r\nx: y', 7, '/api/x#y', `/api/${'x'.repeat(5_000)}`, '/api/ü']) assert.is((await make(path)).status, 400, String(path).slice(0, 40));
  for (const path of ['/api/tickets/', '/api/tickets/x', '/api/tickets/__proto__', `/api/tickets/${'x'.repeat(300)}`]) assert.is((await bytesOf(path, {})).status === 404 || (await bytesOf(path, {})).status === 401, true, path);
  // A ticket is no longer than its bearer: one that may only read gets no bundle by it.
  const reader = (await served.station.database.tokens({ make: { name: 'reader', scope: 'read' } })).made!;
  const mine = await served.ask('/api/tickets', { method: 'POST', body: JSON.stringify({ path: `/api/nodes/${beta.id}/bundle` }), headers: { 'content-type': 'application/json', authorization: `Bearer ${reader}` } });
  assert.is((await bytesOf(mine.json.url, {})).status, 403);
});

test('several volumes as one body; parity brings back what was damaged, and what it cannot is named', async () => {
  const other = await member(served, 'carrier'), folder = mkdtempSync(join(tmpdir(), 'holdfast-volumes-'));
  await other.station.database.append('far', bulky(400, 1_500), false);
  const made = await other.station.database.exportTo({ folder, everything: true, parity: 0.5, volumeBytes: 1_048_576 }, () => {});
  assert.ok(made.parity > 0);
  const volumes = made.volumes.map(({ file }) => readFileSync(file));
  // A stretch in the middle of the first volume goes.
  volumes[0]!.fill(0, Math.floor(volumes[0]!.length / 2), Math.floor(volumes[0]!.length / 2) + 3_000);
  const alone = await upload(volumes[0]!);
  assert.is(alone.status, 207, alone.text.slice(0, 300));
  assert.ok(alone.json.lost.length > 0 && alone.json.volumes[0].damaged.length > 0);
  assert.ok(alone.json.lost.every((each: any) => ['far', '$fleet'].includes(each.stream)));
  const whole = await upload(Buffer.concat(volumes));
  assert.equal([whole.status, whole.json.lost, whole.json.volumes.some(({ restored }: any) => restored > 0)], [200, [], true]);
  assert.is((await served.ask('/api/streams?all=1')).json.streams.find((each: any) => each.stream === 'far').events, 400);
  assert.equal(spooled(), []);
  rmSync(folder, { recursive: true, force: true });
  await other.close();
});

test('what is no bundle, of another kind, packed, or of another fleet is refused with words', async () => {
  const noise = Buffer.alloc(3_000_000);
  for (let i = 0; i < noise.length; i++) noise[i] = (i * 2_654_435_761) >>> 13;
  for (const body of [Buffer.alloc(0), Buffer.from('hello'), noise, Buffer.alloc(100_000, 0x85)]) {
    const answer = await upload(body);
    assert.equal([answer.status, answer.json.error.code, answer.json.events], [422, 'bad-encoding', 0], `${body.length}`);
  }
  const foreign = await serve(), stranger = await member(foreign, 'stranger');
  await foreign.append('x', [{ key: 'k', type: 't' }]);
  assert.is((await upload(await bundleOf(stranger))).status, 422);
  await stranger.close();
  await foreign.close();
  for (const [headers, status] of [[{ 'content-type': 'multipart/form-data; boundary=x' }, 415], [{ 'content-type': 'application/x-www-form-urlencoded' }, 415], [{ 'content-type': 'text/plain' }, 415], [{ ...octets, 'content-encoding': 'gzip' }, 415]] as const) assert.is((await served.ask('/api/bundles', { method: 'POST', body: 'x', headers: { ...headers } })).status, status);
  assert.is((await served.ask('/api/bundles?x=1', { method: 'POST', body: 'x', headers: octets })).status, 400);
  for (const name of ['nobody', '00000000', '%2e%2e', '%00', '..%2f..%2fetc', "'%20OR%201=1--"]) assert.ok([400, 404].includes((await bytesOf(`/api/nodes/${name}/bundle`)).status), name);
  assert.equal(spooled(), []);
});

test('what breaks off keeps what had come, and leaves nothing; only so many come and go at a time', async () => {
  const other = await member(served, 'broken');
  await other.station.database.append('broken', bulky(300, 3_000), false);
  const bytes = await bundleOf(other), sockets = [await served.raw(), await served.raw()], ends = sockets.map(drained);
  for (const socket of sockets) {
    socket.write(`POST /api/bundles HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer ${served.token}\r\nContent-Type: application/octet-stream\r\nContent-Length: ${bytes.length}\r\n\r\n`);
    socket.write(bytes.subarray(0, bytes.length - 400_000));
  }
  await until('both are under way', () => spooled().length === 2);
  const third = await upload(bytes);
  assert.equal([third.status, third.json.error.code], [503, 'busy']);
  // Everything else goes on meanwhile.
  assert.is((await served.ask('/api/streams')).status, 200);
  for (const socket of sockets) socket.destroy();
  await Promise.all(ends);
  await until('nothing is left', () => spooled().length === 0);
  assert.ok((await served.ask('/api/streams')).json.streams.some((each: any) => each.stream === 'broken' && each.events > 0));
  const rest = await upload(bytes);
  assert.equal([rest.status, rest.json.lost, (await served.ask('/api/streams')).json.streams.find((each: any) => each.stream === 'broken').events], [200, [], 300]);
  // Who takes a bundle and reads none of it holds one of four places, until it goes.
  for (let i = 0; i < 20; i++) await served.append('bulk', bulky(20, 40_000));
  const idle = await Promise.all(Array.from({ length: 4 }, () => served.raw()));
  for (const socket of idle) {
    socket.pause();
    socket.write(`GET /api/nodes/${other.id}/bundle HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer ${served.token}\r\n\r\n`);
  }
  await until('all places are taken', async () => (await bytesOf(`/api/nodes/${other.id}/bundle`)).status === 503);
  for (const socket of idle) socket.destroy();
  await until('a place is free', async () => (await bytesOf(`/api/nodes/${other.id}/bundle`)).status === 200);
  for (let i = 0; i < 10; i++) assert.is((await served.ask(`/api/nodes/${other.id}/bundle`, { method: 'HEAD' })).status, 200);
  // None of those that were not taken whole counts as made.
  const made = (await served.ask('/api/bundles')).json.bundles.filter((each: any) => each.for.some(({ node }: any) => node === other.id));
  assert.is(made.length, 1);
  await other.close();
});

test.run();
