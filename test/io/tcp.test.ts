// TCP links: the conformance suite, and what only TCP has: addresses, refusals, limits.
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { connect, createServer, type AddressInfo, type Socket } from 'node:net';
import { codeOf } from '../../src/fault.ts';
import { formatAddress, isLoopback, parseAddress } from '../../src/io/address.ts';
import { dialTcp, listenTcp, type Listener } from '../../src/io/tcp.ts';
import { tcpLink, type TcpLink } from '../../src/io/tcp-link.ts';
import type { Bytes } from '../../src/ports.ts';
import { linkConformance } from './link-conformance.ts';
import { framing } from '../../src/carry/frame.ts';

/** A plain socket server, for peers that do not speak frames; gives its first connection. */
async function plainServer(): Promise<{ url: string; socket: Promise<Socket>; close(): void }> {
  const server = createServer({ pauseOnConnect: true });
  const socket = new Promise<Socket>((resolve) => server.once('connection', resolve));
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return { url: `tcp://127.0.0.1:${(server.address() as AddressInfo).port}`, socket, close: () => server.close() };
}

linkConformance('tcp', {
  async pair() {
    let accepted!: (link: TcpLink) => void;
    const other = new Promise<TcpLink>((resolve) => (accepted = resolve));
    const listener = await listenTcp('tcp://127.0.0.1:0', framing, accepted);
    const left = await dialTcp(listener.url, framing);
    const right = await other;
    return { left, right, stop: async () => { left.close(); await listener.close(); } };
  },
  async deaf() {
    const server = await plainServer();
    const link = await dialTcp(server.url, framing);
    const socket = await server.socket;
    socket.on('error', () => {});
    return { link, wake: () => void socket.resume(), stop: async () => { link.close(); socket.destroy(); server.close(); } };
  },
  wire: {
    encode: (frame) => framing.encode(frame),
    async raw(pieces: Bytes[], close: boolean) {
      const server = await plainServer();
      const link = await dialTcp(server.url, framing);
      const socket = await server.socket;
      socket.on('error', () => {}).resume();
      for (const piece of pieces) socket.write(piece);
      if (close) socket.end();
      return { link, stop: async () => { link.close(); socket.destroy(); server.close(); } };
    },
  },
});

const test = suite('tcp');

async function fault(call: () => unknown): Promise<{ code: string; message: string }> {
  try {
    await call();
    return { code: 'none', message: '' };
  } catch (error) {
    return { code: codeOf(error), message: (error as Error).message };
  }
}

test('addresses are read and written', () => {
  const good: [string, string, number][] = [
    ['tcp://pump-house:7700', 'pump-house', 7700], ['TCP://a.b.example', 'a.b.example', 7700], ['tcp://[::1]:1', '::1', 1], ['tcp://[fe80::1%eth0]:80/', 'fe80::1%eth0', 80],
    ['tcp://127.0.0.1:0', '127.0.0.1', 0],
  ];
  for (const [url, host, port] of good) {
    assert.equal(parseAddress(url), { scheme: 'tcp', host, port }, url);
    assert.equal(parseAddress(formatAddress({ host, port })), { scheme: 'tcp', host, port }, url);
  }
  assert.equal([isLoopback('127.0.0.1'), isLoopback('::1'), isLoopback('localhost'), isLoopback('0.0.0.0'), isLoopback('127.example')], [true, true, true, false, false]);
});

test('wrong addresses are refused with what is wrong about them', async () => {
  for (const [url, code, word] of [
    ['', 'bad-url', 'not the URL'], ['pump-house', 'bad-url', 'not the URL'], ['pump-house:7700', 'bad-url', 'tcp://pump-house:7700'], ['http://a', 'bad-url', 'http:'], ['tcp://', 'bad-url', 'HOST:PORT'],
    ['tcp://::1:7700', 'bad-url', 'brackets'], ['tcp://a:70000', 'bad-url', '65535'], ['tcp://a:b', 'bad-url', 'HOST:PORT'], ['tcp://user@a:1', 'bad-url', 'HOST:PORT'], ['tcp:a:1', 'bad-url', 'HOST:PORT'],
    ['udp://a', 'bad-url', 'udp'], ['serial:/dev/ttyUSB0', 'bad-url', 'serial'], [`tcp://${'a'.repeat(300)}:1`, 'bad-url', 'too long'],
  ] as const) {
    const found = await fault(() => parseAddress(url));
    assert.is(found.code, code, url);
    assert.match(found.message, word, url);
  }
});

test('who cannot be reached is named, and why', async () => {
  const server = await plainServer();
  server.close();
  const refused = await fault(() => dialTcp(server.url, framing));
  assert.is(refused.code, 'link-failed');
  assert.ok(refused.message.includes(server.url) && refused.message.includes('refused'));
  const unknown = await fault(() => dialTcp('tcp://no-such-host.invalid:1', framing));
  assert.is(unknown.code, 'link-failed');
  assert.match(unknown.message, 'no-such-host.invalid');
  assert.is((await fault(() => dialTcp('tcp://127.0.0.1:0', framing))).code, 'bad-url');
  const given = new AbortController();
  given.abort();
  assert.is((await fault(() => dialTcp('tcp://127.0.0.1:9', framing, { signal: given.signal }))).code, 'closed');
});

test('a taken port and a foreign address are faults that say so', async () => {
  const first = await listenTcp('tcp://127.0.0.1:0', framing, () => {});
  const busy = await fault(() => listenTcp(first.url, framing, () => {}));
  assert.is(busy.code, 'busy');
  assert.ok(busy.message.includes(first.url));
  assert.is((await fault(() => listenTcp('tcp://192.0.2.1:0', framing, () => {}))).code, 'link-failed');
  await first.close();
});

test('IPv6 and names work like IPv4', async () => {
  let listener: Listener;
  try {
    listener = await listenTcp('tcp://[::1]:0', framing, (link) => { link.onFrame = (frame) => void link.send(frame); });
  } catch {
    return assert.ok(true, 'this machine has no IPv6');
  }
  assert.match(listener.url, /^tcp:\/\/\[::1\]:\d+$/);
  const link = await dialTcp(listener.url, framing);
  const echo = new Promise<Bytes>((resolve) => (link.onFrame = resolve));
  link.send(Uint8Array.of(1, 2, 3));
  assert.equal(new Uint8Array(await echo), Uint8Array.of(1, 2, 3));
  link.close();
  await listener.close();
});

/** Waits until the listener has dealt with one more connection. */
async function arrival(listener: Listener, socket: Socket): Promise<Socket> {
  const before = listener.counts.accepted + listener.counts.refused;
  socket.on('error', () => {});
  await until(() => listener.counts.accepted + listener.counts.refused > before);
  return socket;
}
async function until(condition: () => boolean): Promise<void> {
  while (!condition()) await new Promise((resolve) => setTimeout(resolve, 2));
}

test('strangers make room for newcomers, the oldest first; who has shown who it is stays', async () => {
  const links: TcpLink[] = [];
  const known = new Set<TcpLink>();
  const listener = await listenTcp('tcp://127.0.0.1:0', framing, (link) => void links.push(link), { most: 5, mostPerAddress: 3, proven: (link) => known.has(link) });
  const { port } = parseAddress(listener.url);
  const sockets: Socket[] = [];
  const dial = async () => void sockets.push(await arrival(listener, connect({ port, host: '127.0.0.1' })));
  const gone = (index: number) => sockets[index]!.closed || sockets[index]!.readableEnded;
  for (let i = 0; i < 3; i++) await dial();
  for (const socket of sockets) socket.resume();
  assert.equal({ ...listener.counts }, { accepted: 3, refused: 0, garbage: 0, open: 3 });
  await dial();
  await until(() => gone(0));
  assert.equal({ ...listener.counts }, { accepted: 4, refused: 1, garbage: 0, open: 3 });
  // Known peers do not count as strangers of their address.
  for (const link of links.slice(1)) known.add(link);
  for (let i = 0; i < 2; i++) await dial();
  assert.equal({ ...listener.counts }, { accepted: 6, refused: 1, garbage: 0, open: 5 });
  // All places are taken: the oldest stranger goes.
  sockets[4]!.resume();
  await dial();
  await until(() => gone(4));
  assert.is(listener.counts.open, 5);
  // All are known: newcomers are turned away.
  for (const link of links) known.add(link);
  const late = await arrival(listener, connect({ port, host: '127.0.0.1' }));
  late.resume();
  await until(() => late.closed || late.readableEnded);
  assert.equal([gone(1), gone(2), gone(3), listener.counts.open], [false, false, false, 5]);
  // A place that is given back is taken again.
  sockets[1]!.destroy();
  await until(() => listener.counts.open === 4);
  await dial();
  assert.is(listener.counts.open, 5);
  await listener.close();
  for (const socket of [...sockets, late]) socket.destroy();
});

test('garbage is counted and costs only its own connection', async () => {
  const honest: Bytes[] = [];
  const listener = await listenTcp('tcp://127.0.0.1:0', framing, (link) => { link.onFrame = (frame) => void honest.push(frame.slice()); });
  const { port } = parseAddress(listener.url);
  for (let i = 0; i < 4; i++) {
    const socket = connect({ port, host: '127.0.0.1' });
    socket.on('error', () => {});
    socket.write(Buffer.alloc(100_000, 0xff));
    await new Promise((resolve) => socket.on('close', resolve));
  }
  assert.is(listener.counts.garbage, 4);
  const link = await dialTcp(listener.url, framing);
  link.send(Uint8Array.of(9));
  while (honest.length === 0) await new Promise((resolve) => setTimeout(resolve, 2));
  assert.equal(new Uint8Array(honest[0]!), Uint8Array.of(9));
  link.close();
  await listener.close();
});

test('a handler that throws ends its link and nothing else', async () => {
  const reasons: string[] = [];
  const listener = await listenTcp('tcp://127.0.0.1:0', framing, (link) => {
    link.onFrame = () => { throw new Error('a defect'); };
    link.onClose = (reason) => void reasons.push(reason);
  });
  const link = await dialTcp(listener.url, framing);
  const closed = new Promise<string>((resolve) => (link.onClose = resolve));
  link.send(Uint8Array.of(1));
  await closed;
  while (reasons.length === 0) await new Promise((resolve) => setTimeout(resolve, 2));
  assert.equal(reasons, ['a defect']);
  assert.is(listener.counts.garbage, 0);
  await listener.close();
});

test('a socket is set for small frames and for peers that vanish', async () => {
  const calls: string[] = [];
  const server = await plainServer();
  const { port } = parseAddress(server.url);
  const socket = connect({ port, host: '127.0.0.1' });
  await new Promise((resolve) => socket.on('connect', resolve));
  socket.setNoDelay = (on) => { calls.push(`noDelay ${on}`); return socket; };
  socket.setKeepAlive = (on) => { calls.push(`keepAlive ${on}`); return socket; };
  tcpLink(socket, framing, server.url);
  assert.equal(calls, ['noDelay true', 'keepAlive true']);
  socket.destroy();
  server.close();
});

test.run();
