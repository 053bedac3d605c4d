// The control socket: messages both ways, who may connect, long paths, leftovers of killed nodes, and senders of garbage.
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import fc from 'fast-check';
import { existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Value } from '../../src/event/value.ts';
import { codeOf } from '../../src/fault.ts';
import { MESSAGE_BYTES, type Channel } from '../../src/io/channel.ts';
import { connectControl, serveControl } from '../../src/io/control.ts';

const test = suite('control');

async function inFolder(name: string, body: (dir: string) => Promise<void>): Promise<void> {
  const root = mkdtempSync(join(tmpdir(), 'hf-control-'));
  const dir = join(root, name);
  mkdirSync(dir, { recursive: true, mode: 0o700 });
  try {
    await body(dir);
  } finally {
    rmSync(root, { recursive: true, force: true });
  }
}

/** Sends back what comes. */
async function echo(channel: Channel): Promise<void> {
  for (;;) {
    const message = await channel.next().catch(() => undefined);
    if (message === undefined) return;
    await channel.send(message).catch(() => {});
  }
}

test('messages go there and back, of every kind and size', () => inFolder('d', async (dir) => {
  const control = await serveControl(dir, (channel) => void echo(channel));
  const channel = (await connectControl(dir))!;
  const messages: Value[] = [null, 1, -2.5, 'text', new Uint8Array([1, 2]), [], [[1], { a: null }], { b: [true, false] }, new Uint8Array(1_500_000).fill(7)];
  for (const message of messages) {
    await channel.send(message);
    assert.equal(await channel.next(), message);
  }
  await fc.assert(fc.asyncProperty(fc.array(fc.jsonValue({ maxDepth: 3 }).map((value) => JSON.parse(JSON.stringify(value).replaceAll('\\u0000', ' ')) as Value), { maxLength: 20 }), async (many) => {
    for (const message of many) await channel.send(message);
    for (const message of many) assert.equal(await channel.next(), JSON.parse(JSON.stringify(message, (_, inner: unknown) => Object.is(inner, -0) ? 0 : inner)));
  }), { numRuns: 40 });
  channel.close();
  assert.is(await channel.next(), undefined);
  await control.close();
}));

test('the socket is for its user alone, and goes with the node', () => inFolder('d', async (dir) => {
  const control = await serveControl(dir, () => {});
  assert.is(statSync(join(dir, 'control.sock')).mode & 0o777, 0o600);
  await control.close();
  assert.equal(readdirSync(dir), []);
  assert.is(await connectControl(dir), undefined);
}));

test('no node, an empty folder or a dead socket means that none runs', () => inFolder('d', async (dir) => {
  assert.is(await connectControl(dir), undefined);
  assert.is(await connectControl(join(dir, 'nowhere')), undefined);
  writeFileSync(join(dir, 'control.sock'), '');
  assert.is(await connectControl(dir), undefined);
  const control = await serveControl(dir, (channel) => void echo(channel));
  const channel = await connectControl(dir);
  assert.ok(channel);
  channel.close();
  await control.close();
}));

test('a path too long for a socket gets a short one, which is found, used again after a kill, and removed', () => inFolder('x'.repeat(120), async (dir) => {
  const first = await serveControl(dir, (channel) => void echo(channel));
  assert.ok(Buffer.byteLength(first.path) < 104);
  assert.ok(existsSync(join(dir, 'control.path')));
  assert.is(statSync(join(first.path, '..')).mode & 0o777, 0o700);
  const channel = (await connectControl(dir))!;
  await channel.send('hello');
  assert.is(await channel.next(), 'hello');
  channel.close();
  // A second start while the first is still there stands for one after a kill: same folder.
  const second = await serveControl(dir, () => {});
  assert.is(second.path, first.path);
  await second.close();
  assert.not(existsSync(join(first.path, '..')));
  assert.not(existsSync(join(dir, 'control.path')));
  await first.close();
}));

test('garbage, huge claims and half messages end their own connection and nothing else', () => inFolder('d', async (dir) => {
  const control = await serveControl(dir, (channel) => void echo(channel));
  const send = (bytes: Uint8Array) => new Promise<void>((resolve) => {
    const socket = connect(join(dir, 'control.sock'));
    socket.on('error', () => {}).on('close', () => resolve());
    socket.end(bytes);
    socket.resume();
  });
  await fc.assert(fc.asyncProperty(fc.uint8Array({ maxLength: 300 }), send), { numRuns: 60 });
  await send(new Uint8Array([0xff, 0xff, 0xff, 0xff]));
  await send(new Uint8Array([0, 0, 0, 3, 0x9f, 0x01, 0xff]));
  await send(new Uint8Array([0, 0, 0, 50, 1]));
  const channel = (await connectControl(dir))!;
  await channel.send('still there');
  assert.is(await channel.next(), 'still there');
  const long = await channel.send(new Uint8Array(MESSAGE_BYTES)).then(() => 'none', codeOf);
  assert.is(long, 'too-large');
  channel.close();
  await control.close();
}));

test('who does not read makes the sender wait, and is let go when the node stops', () => inFolder('d', async (dir) => {
  let sent = 0;
  let ended = false;
  const control = await serveControl(dir, (channel) => {
    void (async () => {
      for (;;) {
        await channel.send(new Uint8Array(100_000));
        sent++;
      }
    })().catch(() => { ended = true; });
  });
  const socket = connect(join(dir, 'control.sock')).pause();
  socket.on('error', () => {});
  let last = -1;
  while (last !== sent || sent === 0) {
    last = sent;
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  assert.ok(sent < 100, `${sent} messages were queued`);
  await control.close();
  while (!ended) await new Promise((resolve) => setTimeout(resolve, 5));
  assert.ok(ended);
  socket.destroy();
}));

test('so many commands at a time, and no more', () => inFolder('d', async (dir) => {
  const control = await serveControl(dir, (channel) => void echo(channel));
  const channels: Channel[] = [];
  for (let i = 0; i < 64; i++) channels.push((await connectControl(dir))!);
  const over = (await connectControl(dir))!;
  assert.is(await over.next(), undefined);
  assert.is(control.open, 64);
  for (const channel of channels) channel.close();
  await control.close();
}));

test.run();
