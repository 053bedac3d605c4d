// Words in: moments, mistyped names, the command line, the configuration; every mistake is named.
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import fc from 'fast-check';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { codeOf } from '../../src/fault.ts';
import { readArguments, type Request } from '../../targets/program/arguments.ts';
import { asMisuse, type Command } from '../../targets/program/command.ts';
import { commandHelp, usageLine } from '../../targets/program/help.ts';
import { momentText, readMoment } from '../../targets/program/moment.ts';
import { readMomentFlag } from '../../targets/program/moment-flag.ts';
import { byteText, grouped, printable } from '../../targets/program/output.ts';
import { INPUT_KINDS } from '../../targets/program/input-kinds.ts';
import { parseInputs } from '../../targets/program/input-settings.ts';
import { parseConfig } from '../../targets/program/config-file.ts';
import { configTemplate } from '../../targets/program/config-template.ts';
import { type Declared, readSettings } from '../../targets/program/settings.ts';
import { nearest } from '../../targets/program/suggest.ts';
import { VERSION } from '../../targets/program/version.ts';

const test = suite('words');

function fault(call: () => unknown): { code: string; message: string; misuse: boolean } {
  try {
    call();
  } catch (error) {
    return { code: codeOf(error), message: (error as Error).message, misuse: asMisuse(error) !== undefined };
  }
  return { code: 'none', message: '', misuse: false };
}

const faultOf = (call: Promise<unknown>) => call.then(() => fault(() => undefined), (error: unknown) => fault(() => { throw error; }));

test('the version is that of the package', () => {
  assert.is((JSON.parse(readFileSync('package.json', 'utf8')) as { version: string }).version, VERSION);
});

test('moments: ISO 8601 and milliseconds', () => {
  const good: [string | number, number][] = [
    [0, 0], ['0', 0], ['-5', -5], ['1970-01-01', 0], ['1970-01-01T00:00', 0], ['1970-01-01T00:00:00.5Z', 500], ['1970-01-01 01:00:00+01:00', 0], ['1970-01-01T00:00:00-0130', 5_400_000],
    ['1969-12-31T23:59:59.999Z', -1], ['2024-02-29', 1_709_164_800_000], ['2026-11-20T09:30:00.123456789Z', 1_795_167_000_123], ['+275760-09-13', 8_640_000_000_000_000], ['0001-01-01', -62_135_596_800_000],
  ];
  for (const [written, ms] of good) assert.is(readMoment(written), ms, String(written));
  for (const written of ['', 'now', '2026-13-01', '2026-02-30', '2023-02-29', '2026-01-01T25:00', '2026-01-01T00:60', '2026-1-1', '2026-01-01T00:00:00+25:00', '+275760-09-14', '99999999999999999', 1.5, NaN, Infinity, 9e15]) {
    assert.is(readMoment(written), undefined, String(written));
  }
  fc.assert(fc.property(fc.integer({ min: -8_640_000_000_000_000, max: 8_640_000_000_000_000 }), (ms) => {
    assert.is(readMoment(new Date(ms).toISOString()), ms);
    assert.is(readMoment(String(ms)), ms);
    assert.is(readMoment(`${momentText(ms)}Z`), ms);
  }));
});

test('moments of flags may be how long ago', () => {
  assert.is(readMomentFlag('since', '15m', 1_000_000), 100_000);
  assert.is(readMomentFlag('since', '2d', 0), -172_800_000);
  const wrong = fault(() => readMomentFlag('since', 'yesterday', 0));
  assert.equal([wrong.code, wrong.misuse], ['bad-argument', true]);
  assert.match(wrong.message, '--since');
});

test('the nearest word is found, and only when it is near', () => {
  const words = ['append', 'read', 'verify', 'revoke', 'release', 'status', 'streams'];
  for (const [typed, word] of [['apend', 'append'], ['raed', 'read'], ['veirfy', 'verify'], ['stat', 'status'], ['REVOKE', 'revoke'], ['xyz', undefined], ['', undefined], ['re', undefined]] as const) {
    assert.is(nearest(typed, words), word, typed);
  }
});

const command: Command = {
  name: 'append', positionals: ['STREAM', '[KEY]'], summary: 'a summary', about: ['More.'], examples: [['holdfast append x', 'an example']],
  flags: { key: { value: 'KEY', help: 'A key.' }, many: { value: 'X', many: true, help: 'Many.' }, urgent: { help: 'A switch.' } },
  run: async () => {},
};
const commands = [{ name: command.name, load: () => Promise.resolve(command) }];
const readArgs = (...args: string[]): Promise<Request> => readArguments(args, commands, { HOLDFAST_DIR: 'env' });
const invocation = async (...args: string[]) => {
  const request = await readArgs(...args);
  if (request.kind !== 'run') throw new Error(request.kind);
  return request.invocation;
};

test('the command line: flags anywhere, the directory from the flag, the variable or the default', async () => {
  const found = await invocation('--json', 'append', 's', '--key', '-5', '--many=a', '--urgent', '--many', 'b', '--dir=d');
  assert.equal([found.dir, found.json, found.positionals, found.text('key'), found.list('many'), found.on('urgent')], ['d', true, ['s'], '-5', ['a', 'b'], true]);
  assert.is((await invocation('append', 's')).dir, 'env');
  assert.is((await invocation('--dir', 'x', 'append', 's')).dir, 'x');
  assert.is((await readArguments(['append', 's'], commands, {}) as { invocation: { dir: string } }).invocation.dir, './holdfast-data');
  assert.equal((await invocation('append', '--', '--odd')).positionals, ['--odd']);
  assert.is((await invocation('append', 's', '--key=--odd')).text('key'), '--odd');
  assert.equal((await Promise.all([readArgs('--help'), readArgs('help'), readArgs('append', '-h'), readArgs('help', 'append'), readArgs('--version'), readArgs('version')])).map(({ kind }) => kind), ['help', 'help', 'help', 'help', 'version', 'version']);
});

test('the command line: every mistake is a usage fault that says what to write', async () => {
  for (const [args, word] of [
    [[], 'Which command'], [['apend'], 'Did you mean append?'], [['append'], 'needs STREAM'], [['append', 'a', 'b', 'c'], 'does not take "c"'], [['append', 's', '--kye', 'x'], 'Did you mean --key?'],
    [['append', 's', '--key'], 'needs a value'], [['append', 's', '--key', '--urgent'], 'needs a value'], [['append', 's', '--urgent=yes'], 'takes no value'], [['append', 's', '--key', 'a', '--key', 'b'], 'twice'],
    [['--dri', 'x', 'append'], 'Did you mean --dir?'], [['help', 'apend'], 'Did you mean append?'], [['append', 's', '-x'], 'no flag -x'], [['append', 's', '--dir='], '--dir is empty'], [['append', 's', '--toString', 'x'], 'no flag'],
  ] as const) {
    const found = await faultOf(readArgs(...args));
    assert.ok(found.misuse, args.join(' '));
    assert.ok(found.message.includes(word), `${args.join(' ')}: ${found.message}`);
  }
  const odd = await invocation('append', 's', '--key', '0x10');
  assert.ok(fault(() => odd.count('key', 1)).misuse);
  assert.is((await invocation('append', 's', '--key', '16')).count('key', 1), 16);
});

test('help names everything', () => {
  const help = commandHelp(command);
  for (const word of ['append', 'STREAM', '--key KEY', 'A switch.', 'More than once'.toLowerCase(), '--dir DIR', 'an example', usageLine(command)]) assert.ok(help.includes(word), word);
  for (const line of help.split('\n')) assert.ok(line.length <= 100, line);
});

test('the configuration: unknown and wrong settings are named with their line', async () => {
  for (const [text, word] of [
    ['listn = []', 'line 1: there is no setting "listn". Did you mean listen?'], ['\n\nmetrics_seconds = "often"', 'line 3: metrics_seconds is "often"'], ['listen = "tcp://a:1"', 'must be a list'], ['peers = ["http://a"]', 'http:'],
    ['[peers]\na = 1', 'line 1'], ['window_ms = 70000', 'from 0 to 60000'], ['clock = "good"', 'one of auto'], ['name = ""', 'must be text'], ['name = 7', 'must be text'], ['a = \nb = 2', 'line 1'], ['name = "a"\nname = "b"', 'line 2'],
  ] as const) {
    const found = await faultOf(parseConfig(text, 'D/holdfast.toml'));
    assert.is(found.code, 'bad-config', text);
    assert.ok(found.message.startsWith('D/holdfast.toml'), found.message);
    assert.ok(found.message.includes(word), `${text}: ${found.message}`);
  }
  assert.equal(await parseConfig(configTemplate(), 'x'), {});
  const { input, link, ...rest } = await parseConfig(configTemplate().replace(/^# (\w+ = |\[\[)/gm, '$1'), 'x');
  assert.is(Object.keys(rest).length, 9);
  assert.is((link as unknown[]).length, 1);
  assert.is(parseInputs((input as Declared).tables, (input as Declared).where, INPUT_KINDS).length, 1);
  const two = (await parseConfig('name = "a"\n\n[[input]]\nkind = "host"\n\n[[input]]\nkind = "hots"\n', 'x'))['input'] as Declared;
  assert.match(fault(() => parseInputs(two.tables, two.where, INPUT_KINDS)).message, /^x, line 6: .*Did you mean host/);
});

test('settings: flags before variables before the file before defaults', async () => {
  const dir = mkdtempSync(join(tmpdir(), 'hf-settings-'));
  const none = await invocation('append', 's');
  const flags = (given: { [flag: string]: string[] }) => ({ text: (name: string) => given[name]?.[0], list: (name: string) => given[name] });
  try {
    assert.equal(await readSettings(dir, none, {}), { name: undefined, listen: ['tcp://127.0.0.1:7700'], listenChosen: false, peers: [], metricsSeconds: 10, windowMs: 2000, clock: 'auto', http: { host: '127.0.0.1', port: 7717 }, httpChosen: false, httpNames: [], inputs: undefined, links: [], log: 'text' });
    writeFileSync(join(dir, 'holdfast.toml'), 'peers = ["tcp://file:1"]\nmetrics_seconds = 5\nwindow_ms = 7\nlisten = []\n');
    const found = await readSettings(dir, flags({ 'window-ms': ['9'] }), { HOLDFAST_METRICS_SECONDS: '6', HOLDFAST_PEERS: 'tcp://a:1, tcp://b:2', HOLDFAST_NAME: '', HOLDFAST_SERVICE_HOST: 'x' });
    assert.equal([found.windowMs, found.metricsSeconds, found.peers, found.listen, found.listenChosen, found.name], [9, 6, ['tcp://a:1', 'tcp://b:2'], [], true, undefined]);
    assert.equal((await readSettings(dir, none, { HOLDFAST_PEERS: 'none' })).peers, []);
    assert.match((await faultOf(readSettings(dir, none, { HOLDFAST_PEER: 'x' }))).message, 'HOLDFAST_PEERS');
    assert.match((await faultOf(readSettings(dir, none, { HOLDFAST_WINDOW_MS: '1.5' }))).message, 'HOLDFAST_WINDOW_MS');
    const flag = await faultOf(readSettings(dir, flags({ peers: ['nonsense'] }), {})), variable = await faultOf(readSettings(dir, none, { HOLDFAST_PEERS: 'nonsense' }));
    assert.match(flag.message, '--peers');
    assert.equal([flag.misuse, variable.misuse], [true, false]);
  } finally {
    rmSync(dir, { recursive: true });
  }
});

test('what others wrote cannot drive a terminal, and figures read the same everywhere', async () => {
  assert.is(printable('a\u001b[2Jb\n\u202e'), 'a\\u001b[2Jb\\u000a\\u202e');
  assert.equal([grouped(0), grouped(999), grouped(1_234_567), byteText(12), byteText(1_500), byteText(123_456_789)], ['0', '999', '1,234,567', '12 B', '1.5 kB', '123 MB']);
});

test.run();
