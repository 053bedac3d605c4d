// The commands of dist/edge/holdfast on one directory, as somebody uses them who has just met them: right, wrong, and twice at once.
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { chmodSync, existsSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { holdfast, inFolder, json, lines, start } from './program.ts';

const test = suite('commands');
type Entry = { id: string; stream: string; key: string; type: string; time: number; body: unknown; node: string };

test('help, version and mistakes need no node', async () => {
  const overview = await holdfast([]);
  assert.is(overview.code, 2);
  assert.match(overview.stderr, 'A first tour');
  await Promise.all([['--help'], ['help'], ['help', 'append'], ['append', '--help'], ['run', '-h']].map(async (args) => {
    const { code, stdout, stderr } = await holdfast(args);
    assert.equal([code, stderr], [0, ''], args.join(' '));
    assert.match(stdout, 'usage: holdfast');
  }));
  assert.match((await holdfast(['--version'])).stdout, /^holdfast \d+\.\d+\.\d+\n$/);
  const typo = await holdfast(['apend', 'x']);
  assert.equal([typo.code, typo.stdout], [2, '']);
  assert.match(typo.stderr, 'Did you mean append?');
  assert.match(typo.stderr, 'usage:');
  const flag = await holdfast(['append', 'x', '--kye', 'a', '--json']);
  assert.equal([flag.code, flag.stdout], [2, '']);
  assert.equal(Object.keys((JSON.parse(flag.stderr) as { error: object }).error), ['code', 'message']);
});

test('what is written wrongly on the command line ends with status 2, before anything else is looked at', async () => {
  const wrong: [args: string[], word: string][] = [
    [['run', '--listen', 'foo'], '--listen'], [['run', '--window-ms', 'soon'], '--window-ms'], [['run', '--peers', 'mqtt://b?colour=red'], 'colour'], [['read', 's', '--since', 'yesterday'], '--since'], [['read', 's', '--from', 'now'], '--follow'],
    [['export', 'out', '--since', 'once'], '--since'], [['append', 's', '--key', 'k', '--type', 't', '--time', 'noon'], '--time'], [['sync', 'nonsense'], 'nonsense'], [['listen', 'mqtt://b'], 'listened'], [['invite', '--address', 'http://a'], 'http'],
    [['verify', '--repair', '--from', 'tcp://'], 'tcp://'], [['recover', 'x', '--from', 'http://a'], 'http'],
  ];
  await Promise.all(wrong.map(async ([args, word]) => {
    const { code, stdout, stderr } = await holdfast([...args, '--dir', '/nowhere']);
    assert.equal([code, stdout], [2, ''], `${args.join(' ')}: ${stderr}`);
    assert.ok(stderr.includes(word) && stderr.includes(`usage: holdfast ${args[0]}`), stderr);
  }));
});

test('every command has help with an example', async () => {
  const { stdout } = await holdfast(['help']);
  const names = [...stdout.matchAll(/^ {2}([a-z]+) .*$/gm)].map((match) => match[1]!).filter((name) => name !== 'holdfast' && name !== 'echo');
  assert.ok(names.length >= 17, names.join());
  await Promise.all(names.map(async (name) => assert.match((await holdfast(['help', name])).stdout, 'Examples', name)));
});

test('without a node it is said how to get one', () => inFolder(async (path) => {
  for (const args of [['status'], ['append', 's'], ['read', 's'], ['run'], ['sync', 'tcp://127.0.0.1:9'], ['verify'], ['invite']]) {
    const { code, stdout, stderr } = await holdfast([...args, '--dir', path('none')]);
    assert.equal([code, stdout], [1, ''], args.join(' '));
    assert.match(stderr, /holdfast: .*init.*join.*\[no-fleet\]/s);
    assert.not(existsSync(path('none')));
  }
}));

test('init makes a node, its root key and its configuration, once', () => inFolder(async (path) => {
  const dir = path('a');
  const made = await holdfast(['init', '--dir', dir, '--name', 'alpha']);
  assert.is(made.code, 0, made.stderr);
  assert.match(made.stderr, 'Move that file off this device');
  for (const [file, mode] of [['', 0o700], ['root.key', 0o600], ['node.key', 0o600]] as const) assert.is(statSync(`${dir}/${file}`).mode & 0o777, mode, file);
  assert.match(readFileSync(`${dir}/holdfast.toml`, 'utf8'), '# metrics_seconds = 10');
  const key = readFileSync(`${dir}/root.key`, 'utf8');
  for (const again of [['init'], ['join', 'holdfast1:AAAA'], ['init', '--name', 'other']]) {
    const { code, stderr } = await holdfast([...again, '--dir', dir]);
    assert.is(code, 1);
    assert.match(stderr, /fleet-exists|bad-token/);
  }
  assert.is(readFileSync(`${dir}/root.key`, 'utf8'), key);
  assert.is((await holdfast(['init', '--name', '', '--dir', path('b')])).code, 2);
  const status = await json<{ name: string; running: boolean; members: unknown[] }>(['status', '--dir', dir]);
  assert.equal([status.name, status.running, status.members.length], ['alpha', false, 1]);
}));

test('a token that is wrong leaves nothing behind', () => inFolder(async (path) => {
  for (const token of ['nonsense', 'holdfast1:AAAA', 'holdfast9:AAAA', '-']) {
    const { code, stderr, stdout } = await holdfast(['join', token, '--dir', path('b')]);
    assert.equal([code, stdout], [1, ''], token);
    assert.match(stderr, '[bad-token]');
    assert.not(existsSync(path('b')));
  }
}));

test('append: lines, flags, files; every bad line by its number, the others go in', () => inFolder(async (path) => {
  const dir = path('a');
  await json(['init', '--dir', dir, '--name', 'alpha']);
  const input = ['{"key":"a","type":"t","body":1,"time":1000}', '', '{"key":"b"', '{"key":"","type":"t"}', '{"key":"b","type":"t","time":"1970-01-01T00:00:02Z","body":{"x":[1,null,"é"]}}', '{"key":"c","type":"t","body":"\\ud800"}',
    `{"key":"d","type":"t","body":"${'x'.repeat(70_000)}"}`, '{"key":"e","type":"t","body":12345678901234567890}', 'x'.repeat(300_000), '{"key":"f","type":"t","time":3000}'].join('\r\n');
  const { code, stdout, stderr } = await holdfast(['append', 's', '--dir', dir, '--json'], { input });
  assert.equal([code, JSON.parse(stdout)], [1, { appended: 3, rejected: 6 }]);
  assert.equal(lines<{ error: { line: number } }>(stderr).map((each) => each.error.line).sort((a, b) => a - b), [3, 4, 6, 7, 8, 9]);
  const words = await holdfast(['append', 's', '--dir', dir], { input: '{}\n{"key":"g","type":"t","time":4000}\n' });
  assert.equal([words.code, words.stdout], [1, 'recorded 1 event, refused 1 line\n']);
  assert.match(words.stderr, 'holdfast: line 1: no key');
  assert.equal(await json(['append', 's', '--key', 'a', '--type', 'u', '--body', '{"y":2}', '--time', '1970-01-01T00:00:05Z', '--dir', dir]), { appended: 1, rejected: 0 });
  writeFileSync(path('file'), '{"key":"h","type":"t","time":6000}');
  assert.equal(await json(['append', 's', '--file', path('file'), '--dir', dir]), { appended: 1, rejected: 0 });
  assert.equal(await json(['append', 's', '--dir', dir]), { appended: 0, rejected: 0 });
  for (const [args, status] of [
    [['append', 's', '--file', path('nowhere')], 1], [['append', 's', '--key', 'a'], 2], [['append', 's', '--key', 'a', '--type', 't', '--body', 'open'], 2], [['append', 'bad stream', '--key', 'a', '--type', 't'], 1],
    [['append', '$fleet', '--key', 'a', '--type', 't'], 1], [['append', 's', '--key', '', '--type', 't'], 1],
  ] as const) {
    const refused = await holdfast([...args, '--dir', dir]);
    assert.equal([refused.code, refused.stdout], [status, ''], `${args.join(' ')}: ${refused.stderr}`);
    assert.match(refused.stderr, /^holdfast: .+ \[[a-z-]+\]$/m);
  }
  const read = await holdfast(['read', 's', '--dir', dir, '--json']);
  assert.equal(lines<Entry>(read.stdout).map(({ key, type, time, body }) => [key, type, time, body]), [
    ['a', 't', 1000, 1], ['b', 't', 2000, { x: [1, null, 'é'] }], ['f', 't', 3000, null], ['g', 't', 4000, null], ['a', 'u', 5000, { y: 2 }], ['h', 't', 6000, null],
  ]);
  assert.equal(Object.keys(lines<Entry>(read.stdout)[0]!), ['id', 'stream', 'key', 'type', 'time', 'body', 'node']);
}));

test('read filters by key, type, time and count; get, keys and streams', () => inFolder(async (path) => {
  const dir = path('a');
  await json(['init', '--dir', dir, '--name', 'alpha']);
  const input = Array.from({ length: 3_000 }, (_, i) => JSON.stringify({ key: `k${i % 10}`, type: i % 3 === 0 ? 'x' : 'y', time: i * 1000, body: i })).join('\n');
  assert.equal(await json(['append', 'telemetry', '--dir', dir], { input }), { appended: 3_000, rejected: 0 });
  const read = async (...args: string[]): Promise<number[]> => lines<Entry>((await holdfast(['read', 'telemetry', '--dir', dir, '--json', ...args])).stdout).map(({ body }) => body as number);
  const numbers = Array.from({ length: 3_000 }, (_, i) => i);
  assert.equal(await read(), numbers);
  assert.equal(await read('--key', 'k3'), numbers.filter((i) => i % 10 === 3));
  assert.equal(await read('--key', 'k3', '--type', 'x'), numbers.filter((i) => i % 10 === 3 && i % 3 === 0));
  assert.equal(await read('--since', '1000000', '--until', '1970-01-01T00:16:45Z'), [1000, 1001, 1002, 1003, 1004]);
  assert.equal(await read('--since', '1h'), []);
  assert.equal(await read('--limit', '3'), [0, 1, 2]);
  assert.equal(await read('--last', '--limit', '3'), [2999, 2998, 2997]);
  assert.equal(await read('--key', 'none'), []);
  assert.is((await holdfast(['read', 'telemetry', '--limit', '0', '--dir', dir])).code, 2);
  assert.is((await holdfast(['read', 'telemetry', '--since', 'yesterday', '--dir', dir])).code, 2);
  assert.is((await json<Entry>(['get', 'telemetry', 'k7', '--dir', dir])).body, 2997);
  const none = await holdfast(['get', 'telemetry', 'k99', '--dir', dir]);
  assert.is(none.code, 1);
  assert.match(none.stderr, '[not-found]');
  const keys = lines<{ key: string; time: number }>((await holdfast(['keys', 'telemetry', '--dir', dir, '--json'])).stdout);
  assert.equal(keys.map(({ key, time }) => [key, time]), Array.from({ length: 10 }, (_, i) => [`k${i}`, (2990 + i) * 1000]));
  assert.equal(lines((await holdfast(['streams', '--dir', dir, '--json'])).stdout), [{ stream: 'telemetry', events: 3_000, logs: 1 }]);
  const digest = await json<{ digest: string; events: number }>(['digest', '--dir', dir]);
  assert.is(digest.events, 3_000);
  assert.match(digest.digest, /^[0-9a-f]{64}$/);
  assert.equal(await json(['digest', '--dir', dir]), digest);
  const verified = await json<{ events: number; damaged: unknown[] }>(['verify', '--dir', dir]);
  assert.ok(verified.events >= 3_000);
  assert.equal(verified.damaged, []);
  assert.match((await holdfast(['read', 'telemetry', '--last', '--limit', '1', '--dir', dir])).stdout, '1970-01-01 00:49:59.000  k9');
}));

test('a reader that has had enough is no failure', () => inFolder(async (path) => {
  const dir = path('a');
  await json(['init', '--dir', dir]);
  await json(['append', 's', '--dir', dir], { input: Array.from({ length: 20_000 }, (_, i) => `{"key":"k","type":"t","body":${i}}`).join('\n') });
  const reader = start(['read', 's', '--dir', dir, '--json'], { input: '' });
  await reader.until(/\n/);
  reader.child.stdout!.destroy();
  const { code, signal, stderr } = await reader.ended;
  assert.equal([code, signal, stderr], [0, null, '']);
}));

test('commands at the same time take turns', () => inFolder(async (path) => {
  const dir = path('a');
  await json(['init', '--dir', dir]);
  const all = await Promise.all(Array.from({ length: 6 }, (_, i) => json(['append', 's', '--key', `k${i}`, '--type', 't', '--dir', dir])));
  assert.equal(all, all.map(() => ({ appended: 1, rejected: 0 })));
  assert.is((await json<{ events: number }>(['digest', '--dir', dir])).events, 6);
}));

test('doctor says what to do about what is wrong', () => inFolder(async (path) => {
  const dir = path('a');
  await json(['init', '--dir', dir]);
  type Doctor = { ok: boolean; findings: { check: string; state: string; text: string; advice?: string }[] };
  const well = await json<Doctor>(['doctor', '--dir', dir]);
  assert.ok(well.ok);
  assert.ok(well.findings.some(({ check, state }) => check === 'root key' && state === 'warn'));
  chmodSync(`${dir}/node.key`, 0o644);
  writeFileSync(`${dir}/holdfast.toml`, 'peers = ["tcp://127.0.0.1:9"]\n');
  const sick = await holdfast(['doctor', '--dir', dir, '--json']);
  assert.is(sick.code, 1);
  const bad = (JSON.parse(sick.stdout) as Doctor).findings.filter(({ state }) => state === 'bad');
  assert.equal(bad.map(({ check }) => check), ['permissions', 'link']);
  assert.match(bad[0]!.advice ?? '', 'chmod 600');
  writeFileSync(`${dir}/holdfast.toml`, 'peer = []\n');
  assert.match((await holdfast(['doctor', '--dir', dir])).stdout, 'Did you mean peers?');
  assert.is((await holdfast(['doctor', '--dir', path('none')])).code, 1);
}));

test.run();
