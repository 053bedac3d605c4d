// How the program stops: a second process, signals in the middle of work, readers of its output that go away. What was acknowledged stays.
// Runs dist/edge/holdfast.
// timeout: 240s
import { spawn } from 'node:child_process';
import { connect } from 'node:net';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { holdfast, inFolder, json, lines, start, type Ended } from '../edge/program.ts';
import { sleep } from './children.ts';

const test = suite('stops');
const PAD = 'x'.repeat(300);
const batch = (from: number, count: number): string => Array.from({ length: count }, (_, i) => `${JSON.stringify({ key: `k${i % 7}`, type: 't', body: { n: from + i, PAD } })}\n`).join('');
const count = async (dir: string): Promise<number> => (await json<{ events: number }>(['digest', '--dir', dir])).events;
const whole = async (dir: string): Promise<void> => assert.is((await holdfast(['verify', '--dir', dir])).code, 0);
const decent = (ended: Ended): void => assert.not(/\n {4}at |node:internal|Assertion|\[internal\]|"internal"/.test(ended.stderr), ended.stderr);

test('a second process on one directory is refused, whatever it wants to be; commands go through the first', () => inFolder(async (path) => {
  const dir = path('a');
  await holdfast(['init', '--dir', dir]);
  const node = start(['run', '--dir', dir, '--json', '--listen', 'tcp://127.0.0.1:0', '--metrics-seconds', '0']);
  await node.until(/"listening"/);
  const second = await holdfast(['run', '--dir', dir, '--json', '--listen', 'tcp://127.0.0.1:0']);
  assert.is(second.code, 1);
  assert.match(second.stderr, '"store-locked"');
  assert.match(second.stderr, String(node.child.pid));
  assert.equal(await json(['append', 's', '--dir', dir], { input: batch(0, 50) }), { appended: 50, rejected: 0 });
  // A process that holds the directory and does not answer.
  node.child.kill('SIGSTOP');
  const third = await holdfast(['run', '--dir', dir, '--json']);
  node.child.kill('SIGCONT');
  assert.match(third.stderr, '"store-locked"');
  assert.is((await node.stop()).code, 0);
  assert.is(await count(dir), 50);
}));

for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
  test(`${signal} in the middle of append, run and sync`, () => inFolder(async (path) => {
    const [a, b] = [path('a'), path('b')];
    await holdfast(['init', '--dir', a]);
    const token = (await holdfast(['invite', '--dir', a])).stdout.trim().split('\n').at(-1)!;
    await holdfast(['join', token, '--dir', b]);

    const appending = start(['append', 's', '--dir', a, '--json']);
    let n = 0;
    const feed = setInterval(() => { if (appending.child.stdin!.writableLength < 1_000_000) appending.child.stdin!.write(batch((n += 500) - 500, 500)); }, 5);
    await sleep(700);
    const appended = await appending.stop(signal);
    clearInterval(feed);
    decent(appended);
    assert.is(appended.signal === null ? appended.code : signal, appended.signal === null ? 130 : signal, appended.stderr);
    const said = appended.stdout === '' ? 0 : (JSON.parse(appended.stdout) as { appended: number }).appended;
    const held = await count(a);
    assert.ok(held >= said && (appended.signal !== null || held === said), `${held} held, ${said} said`);
    await json(['append', 's', '--dir', a], { input: batch(1_000_000, 3_000) });

    const node = start(['run', '--dir', a, '--json', '--listen', 'tcp://127.0.0.1:0', '--metrics-seconds', '1']);
    const url = /tcp:[^"\s]+/.exec((await node.until(/tcp:[^"\s]+/))[0])![0];
    const syncing = start(['sync', url, '--dir', b, '--json']);
    await sleep(250);
    decent(await syncing.stop(signal));
    const busy = start(['append', 's', '--dir', a, '--json'], { input: batch(2_000_000, 5_000) });
    await sleep(200);
    const stopped = await node.stop(signal);
    assert.equal([stopped.code, stopped.stderr], [0, ''], `run: ${stopped.stderr}`);
    decent(await busy.ended);
    await whole(a);
    await whole(b);
  }));
}

test('a second Ctrl-C ends at once, and a stop does not wait for those who hang on the sockets', () => inFolder(async (path) => {
  const dir = path('a');
  await holdfast(['init', '--dir', dir]);
  const node = start(['run', '--dir', dir, '--json', '--listen', 'tcp://127.0.0.1:0']);
  const port = Number(/tcp:\/\/127\.0\.0\.1:(\d+)/.exec((await node.until(/tcp:[^"\s]+/))[0])![1]);
  const sockets = [connect(port, '127.0.0.1'), connect(`${dir}/control.sock`)];
  for (const socket of sockets) socket.on('error', () => undefined);
  await sleep(200);
  const began = performance.now();
  const ended = await node.stop('SIGINT');
  assert.is(ended.code, 0, ended.stderr);
  assert.ok(performance.now() - began < 10_000);
  for (const socket of sockets) socket.destroy();
  await whole(dir);
}));

test('a reader of stdout that goes away', () => inFolder(async (path) => {
  const dir = path('a');
  await holdfast(['init', '--dir', dir]);
  await json(['append', 's', '--dir', dir], { input: batch(0, 6_000) });
  for (const args of [['read', 's', '--json'], ['read', 's'], ['keys', 's'], ['status'], ['read', 's', '--follow', '--json']]) {
    const child = spawn(process.execPath, ['dist/edge/holdfast', ...args, '--dir', dir], { stdio: ['ignore', 'pipe', 'pipe'] });
    let stderr = '';
    child.stderr.setEncoding('utf8').on('data', (text: string) => { stderr += text; });
    child.stdout.destroy();
    const timer = setTimeout(() => child.kill('SIGINT'), 3_000);
    const code = await new Promise<string | number | null>((done) => { child.on('close', (status, signal) => done(signal ?? status)); });
    clearTimeout(timer);
    assert.ok(code === 0 || code === 'SIGPIPE' || (args.includes('--follow') && (code === 130 || code === 'SIGINT')), `${args.join(' ')}: ${code} ${stderr}`);
    assert.is(stderr, '');
  }
  // The daemon goes on without anybody who listens, and stops in order.
  const node = start(['run', '--dir', dir, '--json', '--listen', 'tcp://127.0.0.1:0', '--metrics-seconds', '1']);
  await node.until(/"listening"/);
  node.child.stdout!.destroy();
  node.child.stderr!.destroy();
  await sleep(1_500);
  assert.is(node.child.exitCode, null);
  assert.equal(await json(['append', 's', '--dir', dir, '--key', 'k', '--type', 't']), { appended: 1, rejected: 0 });
  node.child.kill('SIGTERM');
  await node.ended;
  await whole(dir);
}));

test('a pipe that ends in the middle of a line, or never says anything', () => inFolder(async (path) => {
  const dir = path('a');
  await holdfast(['init', '--dir', dir]);
  const cut = await holdfast(['append', 's', '--dir', dir, '--json'], { input: `${batch(0, 10)}{"key":"k","type":"t","bo` });
  assert.equal([cut.code, JSON.parse(cut.stdout)], [1, { appended: 10, rejected: 1 }]);
  assert.match(cut.stderr, 'line 11');
  const silent = start(['append', 's', '--dir', dir, '--json']);
  await sleep(400);
  assert.equal(lines((await holdfast(['read', 's', '--dir', dir, '--json'])).stdout).length, 10, 'others work meanwhile');
  assert.is((await silent.stop('SIGINT')).code, 130);
  await whole(dir);
}));

test.run();
