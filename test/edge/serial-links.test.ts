// Serial links of the program on real ptys: one exchange, links that are kept through a pulled plug, a line beside a network, and ports that are not there.
// timeout: 240s

import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { spawn, spawnSync, type ChildProcess } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { existsSync } from 'node:fs';
import { serialLinks } from '../../targets/program/serial-links.ts';
import { holdfast, inFolder, start } from './program.ts';

const test = suite('serial links');
const onPtys = spawnSync('socat', ['-V']).status === 0 ? test : test.skip;
if (onPtys === test.skip) console.log('skipped: there is no socat on this machine');

/** A cable between two names; gone when it is pulled. */
async function cable(left: string, right: string): Promise<{ pull(): Promise<void> }> {
  const child: ChildProcess = spawn('socat', [`pty,raw,echo=0,link=${left}`, `pty,raw,echo=0,link=${right}`], { stdio: 'ignore' });
  process.on('exit', () => child.kill('SIGKILL'));
  while (!existsSync(left) || !existsSync(right)) await new Promise((resolve) => { setTimeout(resolve, 20); });
  return {
    async pull() {
      const ended = new Promise((resolve) => child.on('exit', resolve));
      child.kill();
      await ended;
    },
  };
}

async function two(path: (name: string) => string): Promise<[string, string]> {
  const a = path('a'), b = path('b');
  assert.is((await holdfast(['init', '--dir', a, '--name', 'alpha', '--fleet', 'wire'])).code, 0);
  const token = (await holdfast(['invite', '--dir', a])).stdout.trim();
  assert.is((await holdfast(['join', '-', '--dir', b, '--name', 'beta'], { input: token })).code, 0);
  return [a, b];
}
const append = async (dir: string, count: number): Promise<void> => {
  const input = Array.from({ length: count }, (_, i) => JSON.stringify({ key: `k${i % 5}`, type: 't', body: { n: i } })).join('\n');
  assert.is((await holdfast(['append', 'telemetry', '--dir', dir], { input })).code, 0);
};
const digest = async (dir: string): Promise<string> => (await holdfast(['digest', '--dir', dir])).stdout;
/** Waits until both hold so many events, the same ones. */
async function level(a: string, b: string, events: number): Promise<void> {
  for (;;) {
    const [x, y] = [await digest(a), await digest(b)];
    if (x === y && x.includes(`  ${events} event`)) return;
    await new Promise((resolve) => { setTimeout(resolve, 100); });
  }
}

onPtys('one exchange, with somebody who listens at the other end', () => inFolder(async (path) => {
  const [a, b] = await two(path), line = await cable(path('A'), path('B'));
  await append(a, 3_000);
  await append(b, 10);
  const listening = start(['listen', `serial:${path('A')}?baud=115200`, '--dir', a]);
  await listening.until(/listening on serial:/);
  const { code, stdout, stderr } = await holdfast(['sync', `serial:${path('B')}?baud=115200`, '--dir', b]);
  assert.is(code, 0, stderr);
  assert.match(stdout, 'sent 10 events');
  assert.match(stdout, 'received 3,000 events');
  await listening.stop('SIGINT');
  assert.is(await digest(a), await digest(b));
  await line.pull();
}));

onPtys('half duplex, kept through a plug that is pulled in the middle', () => inFolder(async (path) => {
  const [a, b] = await two(path), url = (name: string) => `serial:${path(name)}?baud=57600&mode=half`;
  let line = await cable(path('A'), path('B'));
  const flags = ['--http', 'off', '--listen', 'tcp://127.0.0.1:0', '--metrics-seconds', '0'];
  const one = start(['run', '--dir', a, '--peers', url('A'), ...flags]), other = start(['run', '--dir', b, '--peers', url('B'), ...flags]);
  await one.until(/connected to beta|connected to [0-9a-f]{12}/);
  await append(a, 200);
  await level(a, b, 200);
  await line.pull();
  await one.until(/has gone/);
  await append(a, 500);
  await append(b, 7);
  line = await cable(path('A'), path('B'));
  await level(a, b, 707);
  await Promise.all([one.stop(), other.stop()]);
  await line.pull();
}));

onPtys('a line beside a network stands by, and takes over', () => inFolder(async (path) => {
  const [a, b] = await two(path), line = await cable(path('A'), path('B'));
  const one = start(['run', '--dir', a, '--peers', `serial:${path('A')}?baud=115200`, '--listen', 'tcp://127.0.0.1:0', '--http', 'off', '--metrics-seconds', '0']);
  const tcp = (await one.until(/listening on (tcp:\S+)/))[1]!;
  const other = start(['run', '--dir', b, '--peers', `serial:${path('B')}?baud=115200`, '--peers', tcp, '--listen', 'tcp://127.0.0.1:0', '--http', 'off', '--metrics-seconds', '0']);
  for (;;) {
    const { stdout } = await holdfast(['status', '--dir', b]);
    if (/serial:\S+ {2}standing by/.test(stdout) && /tcp:\S+ {2}connected/.test(stdout)) break;
    await new Promise((resolve) => { setTimeout(resolve, 100); });
  }
  await append(a, 50);
  await level(a, b, 50);
  await Promise.all([one.stop(), other.stop()]);
  await line.pull();
}));

test('what is not there, or not written so, is said at once', () => inFolder(async (path) => {
  const [, b] = await two(path);
  const missing = await holdfast(['sync', `serial:${path('nothing')}`, '--dir', b]);
  assert.is(missing.code, 1);
  assert.match(missing.stderr, 'There is no port');
  for (const [url, word] of [['serial:', 'the port is missing'], ['serial:/dev/x?baud=fast', 'baud is a number'], ['serial:/dev/x?colour=red', 'there is no option "colour"']] as const) {
    const { code, stderr } = await holdfast(['sync', url, '--dir', b]);
    assert.ok(code !== 0 && stderr.includes(word), stderr);
  }
}));

onPtys('a session has as much patience as the line takes for a greeting, or as its URL says', () => inFolder(async (path) => {
  const line = await cable(path('A'), path('B')), heard = new Map<string, number | undefined>();
  const kindAt = (name: string) => serialLinks((link, _side, _once, _preference, patience) => {
    heard.set(name, patience);
    let over = (): void => {};
    return { peer: undefined, resting: false, done: new Promise((_, reject) => { over = () => { reject(new Error('over')); }; link.onClose = over; }), close: () => { over(); } };
  }, { connected: () => {}, ended: () => {} }, { bytes: (n) => new Uint8Array(randomBytes(n)) });
  const kinds = [kindAt('A'), kindAt('B')];
  kinds[0]!.keep({ url: `serial:${path('A')}?patience=300` });
  kinds[1]!.keep({ url: `serial:${path('B')}?baud=1200&airtime=10%` });
  while (heard.size < 2) await new Promise((resolve) => { setTimeout(resolve, 20); });
  assert.is(heard.get('A'), 300_000);
  // 2,048 bytes of ten bits, in a tenth of the time.
  assert.is(heard.get('B'), 170_667);
  await Promise.all(kinds.map((each) => each.close()));
  await line.pull();
}));

test.run();
