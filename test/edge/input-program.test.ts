// Inputs of the whole program: declared in holdfast.toml, recorded, counted, through kills, beside inputs that cannot work. Runs dist/edge.
// timeout: 240s

import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { appendFileSync, readFileSync, writeFileSync } from 'node:fs';
import type { Report } from '../../targets/program/database.ts';
import { until } from './input-sources.ts';
import { holdfast, inFolder, json, lines, start } from './program.ts';

const BASE = 'listen = ["tcp://127.0.0.1:0"]\nhttp = "off"\nmetrics_seconds = 0\n';
const event = (n: number) => `{"device":"d${n % 3}","n":${n}}\n`;
const events = (from: number, to: number) => Array.from({ length: to - from }, (_, i) => event(from + i)).join('');

interface Read { key: string; type: string; time: number; body: { [field: string]: unknown } }

async function read(dir: string, stream: string): Promise<Read[]> {
  return lines<Read>((await holdfast(['read', stream, '--dir', dir, '--json'])).stdout);
}

async function inputsOf(dir: string): Promise<Report['inputs']> {
  return (await json<Report & { [name: string]: unknown }>(['status', '--dir', dir])).inputs;
}

async function untilRead(dir: string, stream: string, count: number): Promise<Read[]> {
  for (const end = performance.now() + 30_000; ;) {
    const found = await read(dir, stream);
    if (found.length >= count) return found;
    if (performance.now() > end) throw new Error(`${found.length} events of ${count}`);
  }
}

test('a file, a command, a pipe and posts beside inputs that cannot work', () => inFolder(async (path) => {
  const dir = path('d'), log = path('x.log');
  await holdfast(['init', '--dir', dir, '--name', 'alpha', '--fleet', 'f']);
  writeFileSync(log, events(0, 5));
  writeFileSync(`${dir}/holdfast.toml`, `${BASE.replace('"off"', '"http://127.0.0.1:0"')}
    [[input]]
    kind = "host"
    stream = "machine"
    [[input]]
    kind = "file"
    name = "log"
    path = ${JSON.stringify(log)}
    from = "start"
    stream = "log"
    key = "{device}"
    [[input]]
    kind = "command"
    command = ["printf", "t=%s\\\\n", "21.5"]
    every = "200ms"
    format = "text"
    pattern = "t=(?<t>.+)"
    stream = "room"
    key = "{node}"
    deadband = { t = 0.1 }
    [[input]]
    kind = "stdin"
    stream = "pipe"
    key = "p"
    [[input]]
    kind = "http"
    name = "web"
    stream = "web"
    key = "{id}"
    [[input]]
    kind = "file"
    name = "folder"
    path = "/"
    [[input]]
    kind = "serial"
    name = "port"
    path = "/dev/holdfast-no-such-port"
    [[input]]
    kind = "command"
    name = "broken"
    command = "echo oh no >&2; exit 9"
    every = "1h"
  `);
  const node = start(['run', '--dir', dir]);
  await node.until(/page at/);
  node.child.stdin!.write('{"a":1}\nnot json\n{"a":2}\n');
  assert.equal((await untilRead(dir, 'log', 5)).map(({ key, body }) => [key, body['n']]), [['d0', 0], ['d1', 1], ['d2', 2], ['d0', 3], ['d1', 4]]);
  appendFileSync(log, event(5));
  await untilRead(dir, 'log', 6);
  assert.equal((await untilRead(dir, 'pipe', 2)).map(({ body }) => body), [{ a: 1 }, { a: 2 }]);
  assert.equal((await untilRead(dir, 'room', 1)).map(({ key, type, body }) => [key, type, body]), [['alpha', 'reading', { t: 21.5 }]]);
  assert.equal((await untilRead(dir, 'machine', 1)).map(({ key, type }) => [key, type]), [['alpha', 'host']]);

  const url = readFileSync(`${dir}/http-url`, 'utf8').trim(), authorization = `Bearer ${readFileSync(`${dir}/http-token`, 'utf8').trim()}`;
  const post = (name: string, body: string) => fetch(`${url}/api/inputs/${name}`, { method: 'POST', headers: { authorization, 'content-type': 'application/json' }, body });
  assert.equal(await (await post('web', '[{"id":1,"v":2},{"v":3}]')).json(), { accepted: 1, refused: 1, reasons: [{ index: 1, code: 'bad-event', reason: 'it has no "id", which the key needs' }] });
  assert.is((await post('nobody', '{}')).status, 404);
  // Durable when the answer came.
  assert.equal((await read(dir, 'web')).map(({ key, body }) => [key, body]), [['1', { v: 2 }]]);

  let inputs = await inputsOf(dir);
  for (const end = performance.now() + 20_000; performance.now() < end && (inputs.filter(({ ok }) => !ok).length < 3 || inputs[2]!.unchanged === 0);) inputs = await inputsOf(dir);
  const named = new Map(inputs.map((each) => [each.name, each]));
  assert.equal(inputs.filter(({ ok }) => !ok).map(({ name }) => name).sort(), ['broken', 'folder', 'port']);
  assert.match(named.get('folder')!.words, /is not a regular file/);
  assert.match(named.get('broken')!.samples[0]!.reason, /exit status 9: oh no/);
  assert.is(named.get('stdin-4')!.samples[0]!.text, 'not json');
  assert.equal([named.get('log')!.recorded, named.get('web')!.recorded, named.get('web')!.refused, named.get('command-3')!.recorded], [6, 1, 1, 1]);
  assert.ok(named.get('command-3')!.unchanged > 0);
  const words = (await holdfast(['status', '--dir', dir])).stdout;
  assert.match(words, /^inputs\n(.*\n)* {2}log +file +6 recorded\n {4}follows .*x\.log\n/m);
  assert.match(words, / {2}broken +command +0 recorded, 1 refused {2}NOT WORKING\n.*\n {4}refused last: oh no\\u000a\n {6}echo oh no .*exit status 9: oh no\n/);
  const ended = await node.stop();
  assert.is(ended.code, 0, ended.stderr);
}));

test('killed again and again: no line of a file is left out, and after a clean stop none is repeated', () => inFolder(async (path) => {
  const dir = path('d'), log = path('x.log');
  await holdfast(['init', '--dir', dir, '--name', 'alpha', '--fleet', 'f']);
  writeFileSync(`${dir}/holdfast.toml`, `${BASE}[[input]]\nkind = "file"\npath = ${JSON.stringify(log)}\nfrom = "start"\nstream = "log"\n`);
  let next = 0;
  const more = (count: number) => appendFileSync(log, events(next, next += count));
  for (let round = 0; round < 3; round++) {
    const node = start(['run', '--dir', dir]);
    await node.until(/listening on/);
    for (let i = 0; i < 10; i++) {
      more(100);
      await new Promise((resolve) => setTimeout(resolve, 40));
    }
    await node.stop('SIGKILL');
    more(50);
  }
  const node = start(['run', '--dir', dir]);
  await untilRead(dir, 'log', next);
  const missing = async () => {
    const seen = new Set((await read(dir, 'log')).map(({ body }) => body['n']));
    return Array.from({ length: next }, (_, n) => n).filter((n) => !seen.has(n));
  };
  for (const end = performance.now() + 30_000; (await missing()).length > 0 && performance.now() < end;);
  assert.equal(await missing(), []);
  assert.is((await node.stop()).code, 0);
  const before = (await read(dir, 'log')).length;
  more(5);
  const again = start(['run', '--dir', dir]);
  await untilRead(dir, 'log', before + 5);
  await again.stop();
  assert.equal((await read(dir, 'log')).slice(before).map(({ body }) => body['n']), [next - 5, next - 4, next - 3, next - 2, next - 1]);
}));

test('what stdin said before a clean stop is recorded', () => inFolder(async (path) => {
  const dir = path('d');
  await holdfast(['init', '--dir', dir, '--name', 'alpha', '--fleet', 'f']);
  writeFileSync(`${dir}/holdfast.toml`, `${BASE}[[input]]\nkind = "stdin"\nmin_interval = "1h"\nkey = "{device}"\n`);
  const node = start(['run', '--dir', dir], { input: events(0, 30) });
  await node.until(/listening on/);
  let waiting = 0;
  await until(() => {
    void inputsOf(dir).then(([input]) => { waiting = input?.accepted ?? 0; }, () => {});
    return waiting === 30;
  });
  assert.is((await node.stop()).code, 0);
  // The first of each key at once, the last of each at the end.
  assert.equal((await read(dir, 'telemetry')).map(({ body }) => body['n']).sort((a, b) => Number(a) - Number(b)), [0, 1, 2, 27, 28, 29]);
}));

test('a mistake in a table is named with its line, and the node does not start', () => inFolder(async (path) => {
  const dir = path('d');
  await holdfast(['init', '--dir', dir, '--name', 'alpha', '--fleet', 'f']);
  writeFileSync(`${dir}/holdfast.toml`, `${BASE}[[input]]\nkind = "host"\n\n[[input]]\nkind = "comand"\n`);
  const { code, stdout, stderr } = await holdfast(['run', '--dir', dir]);
  assert.equal([code, stdout], [1, '']);
  assert.match(stderr, /holdfast\.toml, line 7: there is no kind of input "comand".*Did you mean command\? \[bad-config\]/);
}));

test.run();
