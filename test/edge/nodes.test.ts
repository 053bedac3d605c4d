// Nodes as processes of dist/edge/holdfast: they find each other, converge, serve commands, refuse a second process, survive kill -9 and Ctrl-C.
// timeout: 240s
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { connect } from 'node:net';
import { holdfast, inFolder, json, lines, start, type Running } from './program.ts';

const test = suite('nodes');
type Digest = { digest: string; events: number };
type Status = { name: string; running: boolean; pid: number; peers: { url: string; state: string; name?: string }[]; alarms: unknown[]; listening: string[]; connections: { garbage: number; strangers: number }; quarantine: { name: string; segments: number }[]; members: { name: string; state: string; node: string }[] };

const many = (from: number, count: number): string => Array.from({ length: count }, (_, i) => JSON.stringify({ key: `k${(from + i) % 20}`, type: 't', time: from + i, body: { n: from + i, x: (from + i) / 7 } })).join('\n');

/** Two nodes of one fleet; the second one joined by a token. */
async function pair(path: (name: string) => string): Promise<[a: string, b: string]> {
  const [a, b] = [path('a'), path('b')];
  await json(['init', '--dir', a, '--name', 'alpha']);
  const invited = await holdfast(['invite', '--dir', a, '--name', 'beta']);
  assert.is(invited.code, 0, invited.stderr);
  const token = invited.stdout.trim().split('\n').at(-1)!;
  const joined = await json<{ name: string }>(['join', token, '--dir', b]);
  assert.is(joined.name, 'beta');
  return [a, b];
}
const run = (dir: string, ...flags: string[]): Running => start(['run', '--dir', dir, '--listen', 'tcp://127.0.0.1:0', '--metrics-seconds', '0', ...flags], { input: '' });
async function listening(node: Running): Promise<string> {
  return (await node.until(/listening on (tcp:\S+)/))[1]!;
}
async function same(a: string, b: string): Promise<Digest> {
  for (;;) {
    const [one, other] = [await json<Digest>(['digest', '--dir', a]), await json<Digest>(['digest', '--dir', b])];
    if (one.digest === other.digest) return one;
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
}

test('a token carries what a node needs: it records before it ever meets another, and one exchange brings all to both', () => inFolder(async (path) => {
  const [a, b] = await pair(path);
  await json(['append', 's', '--dir', a], { input: many(0, 5_000) });
  await json(['append', 's', '--dir', b], { input: many(10_000, 3_000) });
  const listener = start(['listen', 'tcp://127.0.0.1:0', '--dir', a], { input: '' });
  const url = await listening(listener);
  assert.ok(listener.stdout.startsWith(`listening on ${url}\n`));
  const first = await json<{ sent: number; received: number; bytesOut: number; bytesIn: number; ms: number }>(['sync', url, '--dir', b]);
  assert.equal(Object.keys(first), ['sent', 'received', 'bytesOut', 'bytesIn', 'ms']);
  assert.ok(first.sent >= 3_000 && first.received >= 5_000 && first.bytesIn > 1_000 && first.bytesOut > 1_000, JSON.stringify(first));
  const again = await json<{ sent: number; received: number }>(['sync', url, '--dir', b]);
  assert.equal([again.sent, again.received], [0, 0]);
  // The listener serves commands on its own directory meanwhile.
  assert.equal((await same(a, b)).events, 8_000);
  const ended = await listener.stop('SIGINT');
  assert.is(ended.code, 0, ended.stderr);
  for (const dir of [a, b]) assert.equal((await json<{ damaged: unknown[] }>(['verify', '--dir', dir])).damaged, []);
  const reads = await Promise.all([a, b].map((dir) => holdfast(['read', 's', '--dir', dir, '--json'])));
  assert.is(reads[0]!.stdout, reads[1]!.stdout);
  assert.is(lines(reads[0]!.stdout).length, 8_000);
}));

test('two nodes that run find each other and stay in step; commands go through them', () => inFolder(async (path) => {
  const [a, b] = await pair(path);
  const alpha = run(a);
  const url = await listening(alpha);
  writeFileSync(`${b}/holdfast.toml`, `peers = ["${url}"]\nmetrics_seconds = 1\nlisten = []\n`);
  const beta = start(['run', '--dir', b], { input: '' });
  await beta.until(/connected to alpha/);
  const follower = start(['read', 's', '--follow', '--json', '--dir', a], { input: '' });
  assert.equal(await json(['append', 's', '--dir', b], { input: many(0, 2_000) }), { appended: 2_000, rejected: 0 });
  assert.equal(await json(['append', 's', '--dir', a, '--urgent'], { input: many(5_000, 100) }), { appended: 100, rejected: 0 });
  await follower.lines(2_100);
  const told = lines<{ time: number }>(follower.stdout).map(({ time }) => time);
  assert.equal([...told].sort((x, y) => x - y), [...Array.from({ length: 2_000 }, (_, i) => i), ...Array.from({ length: 100 }, (_, i) => 5_000 + i)]);
  await follower.stop('SIGINT');
  const status = await json<Status>(['status', '--dir', b]);
  assert.equal([status.running, status.pid, status.peers[0]?.state, status.peers[0]?.name], [true, beta.child.pid, 'connected', 'alpha']);
  assert.equal((await json<Status>(['status', '--dir', a])).listening, [url]);
  // Metrics of beta reach alpha.
  for (;;) {
    const metrics = await holdfast(['get', 'telemetry', 'beta', '--dir', a, '--json']);
    if (metrics.code === 0) {
      const entry = JSON.parse(metrics.stdout) as { type: string; body: { load: number[]; memory: { total: number } } };
      assert.is(entry.type, 'host');
      assert.ok(entry.body.load.length === 3 && entry.body.memory.total > 0);
      break;
    }
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
  // An exchange asked of a node that runs is done by it.
  const third = await json<{ sent: number }>(['sync', url, '--dir', b]);
  assert.ok(third.sent >= 0);
  const ends = await Promise.all([alpha.stop('SIGINT'), beta.stop('SIGTERM')]);
  for (const { code, stdout, stderr } of ends) {
    assert.equal([code, stderr], [0, '']);
    assert.match(stdout, /\nstopping\n(.*\n)*stopped\n$/);
  }
  assert.not(existsSync(`${a}/control.sock`));
}));

test('a second node on one directory is refused; the first one does not notice', () => inFolder(async (path) => {
  await json(['init', '--dir', path('a')]);
  const first = run(path('a'));
  await listening(first);
  const second = await holdfast(['run', '--dir', path('a'), '--listen', 'tcp://127.0.0.1:0']);
  assert.is(second.code, 1);
  assert.match(second.stderr, '[store-locked]');
  for (const args of [['init'], ['join', 'holdfast1:AA']]) assert.is((await holdfast([...args, '--dir', path('a')])).code, 1);
  assert.ok((await json<Status>(['status', '--dir', path('a')])).running);
  await first.stop();
}));

test('the default port gives way when it is taken, one that was chosen does not', () => inFolder(async (path) => {
  await json(['init', '--dir', path('a')]);
  await json(['init', '--dir', path('b')]);
  const first = start(['run', '--dir', path('a'), '--metrics-seconds', '0'], { input: '' });
  const taken = await listening(first);
  const second = start(['run', '--dir', path('b'), '--metrics-seconds', '0'], { input: '' });
  const other = await listening(second);
  assert.not.equal(taken, other);
  assert.match(second.stdout, 'is taken by another program');
  await second.stop();
  const chosen = await holdfast(['run', '--dir', path('b'), '--listen', taken]);
  assert.is(chosen.code, 1);
  assert.match(chosen.stderr, /\[busy\]/);
  await first.stop();
}));

test('npm start: a fleet of its own when there is none, the same one at the next start', () => inFolder(async (path) => {
  const flags = ['run', '--init', '--dir', path('new'), '--listen', 'tcp://127.0.0.1:0', '--metrics-seconds', '1', '--name', 'here'];
  const first = start(flags, { input: '' });
  await listening(first);
  assert.match(first.stderr, 'move that file off this device');
  while ((await json<Digest>(['digest', '--dir', path('new')])).events < 2) await new Promise((resolve) => setTimeout(resolve, 100));
  await first.stop('SIGINT');
  const key = readFileSync(`${path('new')}/root.key`, 'utf8');
  const second = start(flags, { input: '' });
  await listening(second);
  assert.equal([second.stderr, readFileSync(`${path('new')}/root.key`, 'utf8')], ['', key]);
  assert.ok((await json<Digest>(['digest', '--dir', path('new')])).events >= 2);
  await second.stop('SIGINT');
}));

test('kill -9 loses nothing that was acknowledged, and the next start goes on', () => inFolder(async (path) => {
  const dir = path('a');
  await json(['init', '--dir', dir]);
  let acknowledged = 0;
  for (let round = 0; round < 3; round++) {
    const node = run(dir);
    await listening(node);
    const results = [];
    for (let i = 0; i < 2; i++) results.push(await json<{ appended: number }>(['append', 's', '--dir', dir], { input: many(acknowledged + i * 100, 100) }));
    acknowledged += results.reduce((sum, each) => sum + each.appended, 0);
    // One more append is under way when it dies: it may or may not have made it, and says so.
    const late = start(['append', 'late', '--dir', dir, '--json'], { input: many(0, 20_000) });
    node.child.kill('SIGKILL');
    await node.ended;
    const { code, stdout, stderr } = await late.ended;
    if (code === 0) assert.equal(JSON.parse(stdout), { appended: 20_000, rejected: 0 });
    else assert.match(stderr, /"code":"(closed|store-locked)"/);
  }
  const read = lines<{ time: number }>((await holdfast(['read', 's', '--dir', dir, '--json'])).stdout);
  assert.equal(read.map(({ time }) => time), Array.from({ length: acknowledged }, (_, i) => i));
  const verified = await json<{ damaged: unknown[] }>(['verify', '--dir', dir]);
  assert.equal(verified.damaged, []);
  assert.equal((await json<Status>(['status', '--dir', dir])).alarms, []);
}));

test('Ctrl-C in the middle of an append keeps what was recorded and says how much', () => inFolder(async (path) => {
  const dir = path('a');
  await json(['init', '--dir', dir]);
  const appending = start(['append', 's', '--dir', dir, '--json']);
  appending.child.stdin!.write(`${many(0, 1_000)}\n`);
  // Other commands work meanwhile, through it.
  while ((await json<Digest>(['digest', '--dir', dir])).events < 1_000) await new Promise((resolve) => setTimeout(resolve, 50));
  const ended = await appending.stop('SIGINT');
  assert.equal([ended.code, JSON.parse(ended.stdout)], [130, { appended: 1_000, rejected: 0 }]);
  assert.is((await json<Digest>(['digest', '--dir', dir])).events, 1_000);
}));

test('who cannot be reached, and who is of another fleet, is named', () => inFolder(async (path) => {
  const [, b] = await pair(path);
  await json(['init', '--dir', path('other')]);
  const stranger = run(path('other'));
  const url = await listening(stranger);
  const foreign = await holdfast(['sync', url, '--dir', b]);
  assert.is(foreign.code, 1);
  assert.ok(foreign.stderr.includes(url), foreign.stderr);
  await stranger.stop();
  const nobody = await holdfast(['sync', url, '--dir', b, '--json']);
  assert.equal([nobody.code, nobody.stdout], [1, '']);
  assert.is((JSON.parse(nobody.stderr) as { error: { code: string } }).error.code, 'link-failed');
  assert.is((await holdfast(['sync', 'nonsense', '--dir', b])).code, 2);
  assert.is((await holdfast(['listen', 'tcp://192.0.2.1:0', '--dir', b])).code, 1);
}));

test('garbage on the port and on the control socket is counted, and honest peers are served meanwhile', () => inFolder(async (path) => {
  const [a, b] = await pair(path);
  await json(['append', 's', '--dir', a], { input: many(0, 100) });
  const node = run(a);
  const url = await listening(node);
  const port = Number(/:(\d+)$/.exec(url)![1]);
  const send = (bytes: Uint8Array, where: { port: number } | { path: string }) => new Promise<void>((resolve) => {
    const socket = connect(where);
    socket.on('error', () => {}).on('close', () => resolve()).resume();
    socket.write(bytes);
    setTimeout(() => socket.destroy(), 300);
  });
  const halfOpen = Array.from({ length: 200 }, () => connect({ port }).on('error', () => {}));
  await Promise.all([
    ...Array.from({ length: 8 }, () => send(new Uint8Array(200_000).fill(0xff), { port })),
    ...Array.from({ length: 8 }, (_, i) => send(Uint8Array.of(3, i, i, i, 200, 1), { port })),
    ...Array.from({ length: 8 }, () => send(new Uint8Array(100_000).fill(0xff), { path: `${a}/control.sock` })),
    ...Array.from({ length: 8 }, () => send(Uint8Array.of(0, 0, 0, 2, 0x81, 0xff), { path: `${a}/control.sock` })),
  ]);
  assert.ok((await json<{ received: number }>(['sync', url, '--dir', b])).received >= 100);
  const { connections } = await json<Status>(['status', '--dir', a]);
  assert.ok(connections.garbage >= 8, JSON.stringify(connections));
  for (const socket of halfOpen) socket.destroy();
  await same(a, b);
  const { code, stderr } = await node.stop();
  assert.equal([code, stderr], [0, '']);
}));

test('a stolen node is revoked by name: what it says afterwards is kept apart, and released on demand', () => inFolder(async (path) => {
  const [a, b] = await pair(path);
  const alpha = run(a);
  const url = await listening(alpha);
  await json(['append', 's', '--dir', b], { input: many(0, 50) });
  await json(['sync', url, '--dir', b]);
  const id = (await json<Status>(['status', '--dir', a])).members.find(({ name }) => name === 'beta')!.node;
  assert.match((await holdfast(['revoke', 'gamma', '--dir', a])).stderr, '[not-found]');
  assert.match((await holdfast(['revoke', 'alpha', '--dir', a])).stderr, '--self');
  assert.equal(await json(['revoke', id.slice(0, 8), '--why', 'stolen', '--dir', a]), { node: id, name: 'beta' });
  assert.is((await json<Status>(['status', '--dir', a])).members.find(({ name }) => name === 'beta')!.state, 'revoked');
  await json(['append', 's', '--dir', b], { input: many(1_000, 7) }).catch(() => undefined);
  await holdfast(['sync', url, '--dir', b]);
  assert.is((await json<Digest>(['digest', '--dir', a])).events, 50);
  await alpha.stop();
}));

test.run();
