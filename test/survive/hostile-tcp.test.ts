// Hostile input on the TCP port of the program: garbage, half handshakes, giant and endless frames, floods of connections; honest peers are served meanwhile.
// Runs dist/edge/holdfast.
// timeout: 240s
import { connect, type Socket } from 'node:net';
import { randomBytes } from 'node:crypto';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { holdfast, inFolder, json, start } from '../edge/program.ts';
import { sleep } from './children.ts';
import { rssAnon } from './places.ts';

const test = suite('hostile-tcp');
const MB = 1_048_576;
type Report = { connections: { accepted: number; refused: number; garbage: number; strangers: number } };

/** A connection from another address of this machine, whose errors do not matter. */
function dial(port: number): Promise<Socket> {
  return new Promise((resolve) => {
    const socket = connect({ port, host: '127.0.0.1', ...(process.platform === 'linux' ? { localAddress: '127.0.0.2' } : {}) }, () => resolve(socket));
    socket.on('error', () => resolve(socket));
    socket.on('data', () => undefined);
  });
}

async function throwAt(port: number, bytes: Buffer, keep = false): Promise<Socket> {
  const socket = await dial(port);
  await new Promise<void>((done) => { socket.write(bytes, () => done()); socket.on('close', () => done()); });
  if (!keep) socket.destroy();
  return socket;
}

/** What a member or a stranger first sends, as seen by somebody who listens. */
async function firstWords(dir: string): Promise<Buffer> {
  const { createServer } = await import('node:net');
  return new Promise((resolve) => {
    const server = createServer((socket) => {
      socket.on('error', () => undefined);
      socket.once('data', (chunk: Buffer) => { socket.destroy(); server.close(); resolve(chunk); });
    }).listen(0, '127.0.0.1', () => void holdfast(['sync', `tcp://127.0.0.1:${(server.address() as { port: number }).port}`, '--dir', dir]));
  });
}

test('nothing that strangers send stops a node or those that are honest, or takes its memory', () => inFolder(async (path) => {
  const [a, b, foreign] = [path('a'), path('b'), path('foreign')];
  await holdfast(['init', '--dir', a, '--name', 'a']);
  await holdfast(['init', '--dir', foreign, '--name', 'foreign']);
  const token = (await holdfast(['invite', '--dir', a, '--write', 'all'])).stdout.trim().split('\n').at(-1)!;
  assert.is((await holdfast(['join', token, '--dir', b, '--name', 'b'])).code, 0);
  const node = start(['run', '--dir', a, '--json', '--listen', 'tcp://127.0.0.1:0', '--metrics-seconds', '0']);
  const port = Number((await node.until(/"listening on tcp:\/\/127\.0\.0\.1:(\d+)|"url":"tcp:\/\/127\.0\.0\.1:(\d+)/)).slice(1).find(Boolean));
  const url = `tcp://127.0.0.1:${port}`, pid = node.child.pid!;
  let n = 0, most = 0;
  const honest = async (words: string): Promise<void> => {
    await json(['append', 's', '--dir', b, '--key', 'k', '--type', 't', '--body', String(n++)]);
    const done = await json<{ sent: number }>(['sync', url, '--dir', b]);
    assert.ok(done.sent >= 1, words);
    assert.is((await json<{ digest: string }>(['digest', '--dir', a])).digest, (await json<{ digest: string }>(['digest', '--dir', b])).digest, words);
  };
  await honest('before');
  const idle = rssAnon(pid);
  const measure = (): void => { most = Math.max(most, rssAnon(pid)); };
  const hello = await firstWords(b), alien = await firstWords(foreign);

  const attacks: [string, () => Promise<Socket[]>][] = [
    ['noise', async () => Promise.all(Array.from({ length: 60 }, (_, i) => throwAt(port, randomBytes(1 + i * i * 20))))],
    ['text', async () => Promise.all(['GET / HTTP/1.1\r\n\r\n', '\0'.repeat(70_000), '\xff'.repeat(70_000), '{'.repeat(100_000)].map((text) => throwAt(port, Buffer.from(text, 'latin1'))))],
    ['a handshake cut anywhere', async () => Promise.all(Array.from({ length: Math.min(60, hello.length) }, (_, i) => throwAt(port, hello.subarray(0, i))))],
    ['a handshake with one byte changed', async () => Promise.all(Array.from({ length: 60 }, (_, i) => {
      const bad = Buffer.from(hello);
      bad[i % bad.length]! ^= 1 << i % 8;
      return throwAt(port, bad);
    }))],
    ['the same handshake again, and what follows made up', async () => Promise.all(Array.from({ length: 20 }, () => throwAt(port, Buffer.concat([hello, hello, randomBytes(2_000)]))))],
    ['the handshake of another fleet', async () => Promise.all(Array.from({ length: 20 }, () => throwAt(port, alien)))],
    ['lengths without bytes', async () => Promise.all(Array.from({ length: 40 }, (_, i) => throwAt(port, Buffer.concat([Buffer.from([[0xff, 0xff, 0xff, 0xff], [0x7f, 0xff, 0xff, 0xff], [0, 4, 0, 0], [0, 0, 4, 0], [0, 0, 0, 0]][i % 5]!), randomBytes(i * 1_000)]), i % 2 === 0)))],
    ['endless bytes', async () => Promise.all(Array.from({ length: 6 }, () => throwAt(port, Buffer.alloc(4 * MB, 0x42))))],
    ['connections that say nothing', async () => Promise.all(Array.from({ length: 500 }, () => dial(port)))],
    ['connections that say a byte now and then', async () => {
      const sockets = await Promise.all(Array.from({ length: 30 }, () => dial(port)));
      for (let i = 0; i < 20; i++) {
        for (const socket of sockets) if (!socket.destroyed) socket.write(hello.subarray(i, i + 1));
        await sleep(20);
      }
      return sockets;
    }],
    ['thousands, one after the other', async () => {
      for (let i = 0; i < 40; i++) await Promise.all(Array.from({ length: 50 }, async () => (await dial(port)).destroy()));
      return [];
    }],
  ];
  for (const [words, attack] of attacks) {
    const sockets = await attack();
    measure();
    // Elsewhere than on Linux they come from the address of the honest peer, and would hold all its places.
    if (process.platform !== 'linux') for (const socket of sockets) socket.destroy();
    await sleep(50);
    await honest(words);
    measure();
    for (const socket of sockets) socket.destroy();
    assert.is(node.child.exitCode, null, `${words}: ${node.stderr}`);
  }
  const foreigner = await holdfast(['sync', url, '--dir', foreign, '--json']);
  assert.is(foreigner.code, 1);
  assert.match(foreigner.stderr, /"(other-fleet|bad-handshake|link-closed|link-failed)"/);
  const { connections } = await json<Report>(['status', '--dir', a]);
  assert.ok(connections.garbage > 50 && connections.strangers > 100 && connections.refused > 400, JSON.stringify(connections));
  console.log(JSON.stringify(connections), `memory: ${(idle / MB).toFixed(1)} MB idle, at most ${((most - idle) / MB).toFixed(1)} MB more`);
  assert.ok(most - idle < 64 * MB, `${most - idle}`);
  const ended = await node.stop();
  assert.equal([ended.code, ended.stderr], [0, '']);
  assert.is((await holdfast(['verify', '--dir', a])).code, 0);
}));

test.run();
