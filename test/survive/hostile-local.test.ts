// Hostile input nearer by: the control socket, the stdin of append, the token of join, holdfast.toml and the command line. All is refused in words, in little memory.
// Runs dist/edge/holdfast.
// timeout: 240s
import { randomBytes } from 'node:crypto';
import { writeFileSync } from 'node:fs';
import { connect } from 'node:net';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { encodeValue, type Value } from '../../src/event/value.ts';
import { holdfast, inFolder, json, lines, start, type Ended } from '../edge/program.ts';
import { sleep } from './children.ts';
import { rssAnon } from './places.ts';

const test = suite('hostile-local');
const MB = 1_048_576;

/** Refused in words: status 1 or 2, a code that is not `internal`, no trace, nothing on stdout. */
function refused(ended: Ended, words: string): void {
  assert.ok(ended.code === 1 || ended.code === 2, `${words}: ${ended.code} ${ended.signal} ${ended.stderr.slice(0, 500)}`);
  assert.is(ended.stdout, '', words);
  assert.match(ended.stderr, /"code":"[a-z-]+"|\[[a-z-]+\]/, words);
  assert.not(/\n {4}at |internal|heap|Assertion/.test(ended.stderr), `${words}: ${ended.stderr.slice(0, 500)}`);
}

function framed(message: Value): Buffer {
  const bytes = encodeValue(message), head = Buffer.alloc(4);
  head.writeUInt32BE(bytes.length);
  return Buffer.concat([head, bytes]);
}

test('the control socket', () => inFolder(async (path) => {
  const dir = path('a');
  await holdfast(['init', '--dir', dir]);
  const node = start(['run', '--dir', dir, '--json', '--listen', 'tcp://127.0.0.1:0', '--metrics-seconds', '0']);
  await node.until(/"listening"/);
  await json(['append', 's', '--dir', dir, '--key', 'k', '--type', 't']);
  const pid = node.child.pid!, idle = rssAnon(pid);
  let most = idle;
  const say = (bytes: Buffer, wait = 100): Promise<Buffer> => new Promise((done) => {
    const socket = connect(`${dir}/control.sock`), heard: Buffer[] = [];
    const end = (): void => { socket.destroy(); done(Buffer.concat(heard)); };
    socket.on('data', (chunk: Buffer) => heard.push(chunk)).on('error', end).on('close', end);
    socket.on('connect', () => { socket.write(bytes, () => setTimeout(end, wait)); });
  });
  const nested = (depth: number): Buffer => Buffer.concat([Buffer.alloc(depth, 0x81), Buffer.from([0])]);
  const length = (n: number, rest: Buffer = Buffer.alloc(0)): Buffer => { const head = Buffer.alloc(4); head.writeUInt32BE(n); return Buffer.concat([head, rest]); };
  const attacks: Buffer[] = [
    ...Array.from({ length: 20 }, (_, i) => randomBytes(1 + i * 300)), Buffer.from('GET / HTTP/1.1\r\n\r\n'),
    length(0), length(1, Buffer.from([0xff])), length(0xffff_ffff, randomBytes(1_000)), length(2 * MB, randomBytes(2 * MB)), length(2 * MB + 1, Buffer.alloc(8 * MB)),
    length(100_001, nested(100_000)), length(9, Buffer.from([0x9b, 0, 0, 1, 0, 0, 0, 0, 0])), length(5, Buffer.from([0xba, 0xff, 0xff, 0xff, 0xff])),
    framed([]), framed(null), framed('append'), framed(['no such thing']), framed(['__proto__']), framed(['append']), framed(['append', 's']), framed(['append', 's', 'x', true]), framed(['append', '$fleet', [['k', 't', encodeValue(1), null]], false]),
    framed(['append', 's', [[1, 2, 3, 4]], false]), framed(['append', 's', [['k', 't', randomBytes(50), null]], false]), framed(['append', 's', [['k', 't', nested(5_000), null]], false]), framed(['read', 's', { limit: -1 }]), framed(['read', 5, 6]),
    framed(['read', 's', { limit: 1e300, since: -1e300 }]), framed(['revoke', 'nobody', '']), framed(['revoke', '', '']), framed(['invite', { read: 7, addresses: [1, 2] }]), framed(['sync', 'tcp://127.0.0.1:1']), framed(['sync', 'http://x']), framed(['listen', 'tcp://256.1.1.1:1']),
    ...Array.from({ length: 20 }, (_, i) => framed(['append', 's', [['k', 't', encodeValue({ a: i }), null]], false]).subarray(0, 5 + i)),
  ];
  for (const bytes of attacks) {
    await say(bytes, 20);
    most = Math.max(most, rssAnon(pid));
  }
  // Requests without end, and nobody who takes the answers.
  const flood = connect(`${dir}/control.sock`);
  flood.on('error', () => undefined).pause();
  for (let i = 0; i < 20_000 && !flood.destroyed; i++) flood.write(framed(['report']));
  const silent = Array.from({ length: 100 }, () => connect(`${dir}/control.sock`).on('error', () => undefined));
  await sleep(600);
  most = Math.max(most, rssAnon(pid));
  for (const socket of silent) socket.destroy();
  flood.destroy();
  await sleep(100);
  assert.is(node.child.exitCode, null, node.stderr);
  assert.equal(await json(['append', 's', '--dir', dir, '--key', 'k', '--type', 't']), { appended: 1, rejected: 0 });
  const ended = await node.stop();
  assert.equal([ended.code, ended.stderr], [0, '']);
  assert.is((await holdfast(['verify', '--dir', dir])).code, 0);
  console.log(`control socket: ${attacks.length} messages, at most ${((most - idle) / MB).toFixed(1)} MB more`);
  assert.ok(most - idle < 64 * MB, `${most - idle}`);
}));

test('lines that append reads', () => inFolder(async (path) => {
  const dir = path('a');
  await holdfast(['init', '--dir', dir]);
  const ok = '{"key":"k","type":"t","body":1}';
  const bad: (string | Buffer)[] = [
    '{', 'null', '[]', '5', '"x"', '{}', '{"key":"k"}', '{"key":1,"type":"t"}', '{"key":"","type":"t"}', `{"key":"${'k'.repeat(300)}","type":"t"}`, '{"key":"k","type":"t","body":1e999}', '{"key":"k","type":"t","body":123456789012345678901}',
    '{"key":"k","type":"t","body":"\\ud800"}', '{"key":"k","type":"t","body":"\\u0000"}', '{"key":"k","type":"t","time":"yesterday-ish"}', '{"key":"k","type":"t","time":1e300}', '{"key":"k","type":"t","tiem":1}',
    `{"key":"k","type":"t","body":${'['.repeat(40)}${']'.repeat(40)}}`, `{"key":"k","type":"t","body":${'['.repeat(100_000)}${']'.repeat(100_000)}}`, `{"key":"k","type":"t","body":"${'x'.repeat(70_000)}"}`,
    `{"key":"k","type":"t","body":{"__proto__":{"x":1},"y":"${'y'.repeat(66_000)}"}}`, Buffer.from([0xff, 0xfe, 0x00, 0x01]), Buffer.from('{"key":"k","type":"t","body":"\xff\xfe"}', 'latin1'), randomBytes(5_000).map((byte) => (byte === 10 ? 11 : byte)) as Buffer,
    'x'.repeat(3 * MB),
  ];
  const input = Buffer.concat(bad.flatMap((line) => [Buffer.from(line), Buffer.from(`\n${ok}\n`)]));
  const ended = await holdfast(['append', 's', '--dir', dir, '--json'], { input });
  assert.is(ended.code, 1, ended.stderr.slice(0, 500));
  assert.equal(JSON.parse(ended.stdout), { appended: bad.length, rejected: bad.length });
  const told = lines<{ error: { line: number; code: string } }>(ended.stderr).map(({ error }) => error);
  assert.equal(told.map(({ line }) => line).sort((a, b) => a - b), bad.map((_, i) => 2 * i + 1));
  assert.equal(told.filter(({ code }) => code === 'internal'), []);
  // One line without end: its length must not become memory.
  const endless = start(['append', 's', '--dir', dir, '--json']);
  await sleep(300);
  const idle = rssAnon(endless.child.pid!);
  let most = idle;
  const chunk = Buffer.alloc(MB, 0x7b);
  for (let i = 0; i < 150; i++) {
    await new Promise<void>((done) => { endless.child.stdin!.write(chunk, () => done()); });
    most = Math.max(most, rssAnon(endless.child.pid!));
  }
  endless.child.stdin!.end(`\n${ok}\n`);
  assert.equal(JSON.parse((await endless.ended).stdout), { appended: 1, rejected: 1 });
  console.log(`a line of 150 MB: at most ${((most - idle) / MB).toFixed(1)} MB more`);
  assert.ok(most - idle < 64 * MB);
  assert.is((await holdfast(['verify', '--dir', dir])).code, 0);
}));

test('tokens', () => inFolder(async (path) => {
  const dir = path('a');
  await holdfast(['init', '--dir', dir]);
  const token = (await holdfast(['invite', '--dir', dir])).stdout.trim().split('\n').at(-1)!;
  const bytes = Buffer.from(token.slice('holdfast1:'.length), 'base64url');
  const changed = Array.from({ length: 12 }, (_, i) => { const copy = Buffer.from(bytes); copy[Math.floor(i * copy.length / 12)]! ^= 1 << i % 8; return `holdfast1:${copy.toString('base64url')}`; });
  for (const bad of ['x', 'holdfast1:', 'holdfast2:AAAA', token.slice(0, -4), token.slice(0, 100), `${token}AAAA`, `holdfast1:${randomBytes(600).toString('base64url')}`, `holdfast1:${'gY'.repeat(40_000)}`, 'holdfast1:\u202e\u0000'.replace('\0', '\u0001'), ...changed]) {
    refused(await holdfast(['join', bad, '--dir', path('b'), '--json']), bad.slice(0, 60));
  }
  refused(await holdfast(['join', '-', '--dir', path('b'), '--json'], { input: `holdfast1:${'A'.repeat(5 * MB)}` }), '5 MB of token');
  refused(await holdfast(['join', '-', '--dir', path('b'), '--json'], { input: randomBytes(100_000) }), 'noise for a token');
  assert.is((await holdfast(['join', token, '--dir', path('b')])).code, 0, 'nothing of that was left in its way');
}));

test('holdfast.toml, variables and flags', () => inFolder(async (path) => {
  const dir = path('a');
  await holdfast(['init', '--dir', dir]);
  for (const text of ['= = =', '\0\0\0', randomBytes(3_000).toString('latin1'), 'listen = "tcp://x:1"', 'listen = [1]', 'listen = ["http://x"]', 'peers = [["tcp://x:1"]]', 'window_ms = -1', 'window_ms = "soon"', 'window_ms = 1e9', 'metrics_seconds = nan',
    'clock = "sundial"', 'nmae = "x"', '[listen]\nx = 1', 'name = ""', `name = ${'['.repeat(20_000)}`, `x = "${'y'.repeat(2 * MB)}"`, 'a.b.c = 1\na.b = 2', '__proto__ = 1', 'constructor = { prototype = 1 }']) {
    writeFileSync(`${dir}/holdfast.toml`, text);
    refused(await holdfast(['run', '--dir', dir, '--json']), text.slice(0, 60));
  }
  writeFileSync(`${dir}/holdfast.toml`, '');
  for (const args of [['run', '--listen', 'x'], ['run', '--peers', 'tcp://:0'], ['run', '--window-ms', '1e3'], ['append', 'bad stream!', '--key', 'k', '--type', 't'], ['append', '$fleet', '--key', 'k', '--type', 't'], ['append', 's'.repeat(65), '--key', 'k', '--type', 't'],
    ['read', 's', '--limit', 'many'], ['read', 's', '--since', 'never'], ['sync', 'tcp://'], ['sync', 'file:///etc/passwd'], ['listen', 'tcp://1.2.3.4:99999'], ['revoke', 'x'.repeat(5_000)], ['get', 's']]) {
    refused(await holdfast([...args, '--dir', dir, '--json']), args.join(' ').slice(0, 60));
  }
  refused(await holdfast(['run', '--dir', dir, '--json'], { env: { HOLDFAST_WINDOW_MS: 'x' } }), 'a variable');
}));

test.run();
