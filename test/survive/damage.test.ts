// Damaged files under the program: each is named with a code, the rest is served, running again says the same, and nothing ends by a signal or a trace.
// Runs dist/edge/holdfast.
// timeout: 300s
import { execFileSync } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { chmodSync, closeSync, openSync, readdirSync, readFileSync, rmSync, statSync, truncateSync, writeFileSync, writeSync } from 'node:fs';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { holdfast, inFolder, json, start, type Ended } from '../edge/program.ts';
import { between, chance, SEED, TIMES } from './chance.ts';

const test = suite('damage');
const random = chance('damage');
const STREAMS = ['s1', 's2', 's3', 's4'], EACH = 300;

function batch(from: number): string {
  return Array.from({ length: EACH }, (_, i) => JSON.stringify({ key: `k${i % 7}`, type: 't', body: { n: from + i, pad: randomBytes(150).toString('hex') } })).join('\n');
}

async function good(dir: string): Promise<void> {
  assert.is((await holdfast(['init', '--dir', dir])).code, 0);
  for (const [index, stream] of STREAMS.entries()) await json(['append', stream, '--dir', dir], { input: batch(index * EACH) });
}

/** An end in words: no signal, no trace of the program, a known code when it failed. Returns the code of the fault. */
function decent(ended: Ended, words: string): string | undefined {
  assert.is(ended.signal, null, `${words}: ${ended.stderr}`);
  assert.ok(ended.code === 0 || ended.code === 1, `${words}: status ${ended.code} ${ended.stderr}`);
  assert.not(/\n {4}at |node:internal|Assertion|UnhandledPromise/.test(ended.stderr), `${words}: ${ended.stderr}`);
  const code = /"code":"([a-z-]+)"/.exec(ended.stderr)?.[1] ?? /\[([a-z-]+)\]\s*$/.exec(ended.stderr)?.[1];
  assert.not(code === 'internal', `${words}: ${ended.stderr}`);
  return code;
}

/** Runs the node for a moment, twice: it either runs both times, or ends both times with the same words. */
async function runTwice(dir: string, words: string): Promise<string> {
  const ends: string[] = [];
  for (let turn = 0; turn < 2; turn++) {
    const node = start(['run', '--dir', dir, '--json', '--listen', 'tcp://127.0.0.1:0', '--metrics-seconds', '0']);
    const said = await Promise.race([node.until(/"listening"/).then(() => 'runs', () => 'ends'), node.ended.then(() => 'ends')]);
    const ended = await node.stop('SIGINT');
    decent(ended, `${words}, run`);
    ends.push(said === 'runs' ? 'runs' : ended.stderr.split('\n').filter((line) => line.includes('"error"')).join());
  }
  assert.is(ends[1], ends[0], words);
  return ends[0]!;
}

test(`a page of the database is overwritten, anywhere (seed ${SEED})`, () => inFolder(async (path) => {
  await good(path('good'));
  const pages = statSync(`${path('good')}/store/data.mdb`).size / 4_096;
  const tally = { whole: 0, named: 0, nothing: 0, events: 0, trials: 0 };
  for (let trial = 0; trial < 10 * TIMES; trial++) {
    const dir = path(`d${trial}`);
    execFileSync('cp', ['-a', path('good'), dir]);
    const fd = openSync(`${dir}/store/data.mdb`, 'r+'), page = between(random, 2, pages - 1), from = between(random, 0, 1) * between(random, 0, 4_000);
    writeSync(fd, randomBytes(4_096 - from), 0, 4_096 - from, page * 4_096 + from);
    closeSync(fd);
    const words = `page ${page} from ${from}`, verified = await holdfast(['verify', '--dir', dir, '--json']);
    const code = decent(verified, words);
    if (verified.code === 0) tally.whole++;
    else if (verified.stdout === '') { tally.nothing++; assert.match(code!, /^store-/, words); }
    else {
      tally.named++;
      assert.ok((JSON.parse(verified.stdout) as { damaged: unknown[] }).damaged.length > 0, words);
    }
    let events = 0;
    for (const stream of STREAMS) {
      const read = await holdfast(['read', stream, '--dir', dir, '--json']);
      const fault = decent(read, words);
      if (read.code !== 0) assert.match(fault!, /^store-/, words);
      events += read.stdout.split('\n').length - 1;
    }
    if (verified.code === 0) assert.is(events, EACH * STREAMS.length, `${words}: verify found nothing, but not everything can be read`);
    tally.events += events;
    tally.trials++;
    decent(await holdfast(['status', '--dir', dir, '--json']), words);
    decent(await holdfast(['append', 's9', '--dir', dir, '--json', '--key', 'k', '--type', 't']), words);
    if (trial < 3) await runTwice(dir, words);
    rmSync(dir, { recursive: true });
  }
  const served = tally.events / tally.trials / EACH / STREAMS.length;
  console.log(JSON.stringify(tally), `${(served * 100).toFixed(0)}% of the events served on average`);
  assert.ok(served > 0.5, `${served}`);
}));

test('headers that are zeroed, a file that is cut, replaced or empty', () => inFolder(async (path) => {
  await good(path('good'));
  const size = statSync(`${path('good')}/store/data.mdb`).size;
  const cases: [string, (file: string) => void][] = [
    ['one header', (file) => { const fd = openSync(file, 'r+'); writeSync(fd, Buffer.alloc(4_096), 0, 4_096, 0); closeSync(fd); }],
    ['both headers', (file) => { const fd = openSync(file, 'r+'); writeSync(fd, Buffer.alloc(8_192), 0, 8_192, 0); closeSync(fd); }],
    ['cut in the middle', (file) => truncateSync(file, Math.floor(size / 2) + 100)],
    ['cut at its beginning', (file) => truncateSync(file, 5_000)],
    ['noise', (file) => writeFileSync(file, randomBytes(size))],
    ['text', (file) => writeFileSync(file, 'this is no database\n')],
    ['empty', (file) => truncateSync(file, 0)],
  ];
  for (const [words, spoil] of cases) {
    const dir = path(words.replaceAll(' ', '-'));
    execFileSync('cp', ['-a', path('good'), dir]);
    spoil(`${dir}/store/data.mdb`);
    const verified = await holdfast(['verify', '--dir', dir, '--json']);
    decent(verified, words);
    // One header of two is mended; the others cost something, and it is said what.
    if (words === 'empty') assert.match((await holdfast(['status', '--dir', dir, '--json'])).stdout, '"code":"store"');
    else if (words !== 'one header') assert.is(verified.code, 1, `${words}: ${verified.stdout}`);
    for (const args of [['read', 's1'], ['status'], ['digest']]) decent(await holdfast([...args, '--dir', dir, '--json']), `${words}, ${args[0]}`);
    const ran = await runTwice(dir, words);
    assert.match(ran, /^runs$|"store-(damaged|failed)"/, words);
  }
}));

test('a journal that is cut, overwritten or made of noise after a kill', () => inFolder(async (path) => {
  const dir = path('good');
  await good(dir);
  const node = start(['run', '--dir', dir, '--json', '--listen', 'tcp://127.0.0.1:0', '--metrics-seconds', '0']);
  await node.until(/"listening"/);
  for (let i = 0; i < 5; i++) await json(['append', 's1', '--dir', dir], { input: batch(10_000 + i * EACH) });
  await node.stop('SIGKILL');
  const spoils: [string, (file: string, size: number) => void][] = [
    ['cut', (file, size) => truncateSync(file, Math.floor(size * random()))],
    ['overwritten', (file, size) => { const fd = openSync(file, 'r+'), from = 9_000 + Math.floor(Math.min(size - 12_000, 200_000) * random()); writeSync(fd, randomBytes(700), 0, 700, from); closeSync(fd); }],
    ['noise', (file, size) => writeFileSync(file, randomBytes(size))],
    ['empty', (file) => truncateSync(file, 0)],
  ];
  for (const [words, spoil] of spoils) {
    const copy = path(words);
    execFileSync('cp', ['-a', dir, copy]);
    for (const name of readdirSync(`${copy}/journal`)) spoil(`${copy}/journal/${name}`, statSync(`${copy}/journal/${name}`).size);
    const ended = await holdfast(['read', 's1', '--dir', copy, '--json']);
    decent(ended, words);
    assert.is(ended.code, 0, `${words}: ${ended.stderr}`);
    assert.ok(ended.stdout.split('\n').length - 1 >= EACH, words);
    assert.is(await runTwice(copy, words), 'runs');
    assert.equal(await json(['append', 's1', '--dir', copy, '--key', 'k', '--type', 't']), { appended: 1, rejected: 0 }, words);
    const { alarms } = await json<{ alarms: { code: string }[] }>(['status', '--dir', copy]);
    if (words === 'overwritten' || words === 'noise') assert.ok(alarms.some(({ code }) => code === 'journal'), `${words}: ${JSON.stringify(alarms)}`);
  }
}));

test('a key file that is missing, cut, noise or not to be read; a directory that is a file', () => inFolder(async (path) => {
  await good(path('good'));
  const key = readFileSync(`${path('good')}/node.key`);
  const cases: [string, RegExp, (file: string) => void][] = [
    ['missing', /^no-fleet$/, (file) => rmSync(file)],
    ['cut', /^[a-z-]+$/, (file) => writeFileSync(file, key.subarray(0, key.length / 2))],
    ['noise', /^[a-z-]+$/, (file) => writeFileSync(file, randomBytes(300))],
    ['empty', /^[a-z-]+$/, (file) => writeFileSync(file, '')],
    ['a folder', /^[a-z-]+$/, (file) => { rmSync(file); execFileSync('mkdir', [file]); }],
  ];
  for (const [words, wanted, spoil] of cases) {
    const dir = path(words.replaceAll(' ', '-'));
    execFileSync('cp', ['-a', path('good'), dir]);
    spoil(`${dir}/node.key`);
    for (const args of [['status'], ['read', 's1'], ['verify'], ['append', 's1', '--key', 'k', '--type', 't']]) {
      const ended = await holdfast([...args, '--dir', dir, '--json']), code = decent(ended, `key ${words}, ${args[0]}`);
      assert.is(ended.code, 1, words);
      assert.match(code!, wanted, `${words}: ${ended.stderr}`);
    }
    assert.not.equal(await runTwice(dir, `key ${words}`), 'runs');
    // Nothing was made up in its place.
    writeFileSync(`${path('good')}/node.key`, key);
  }
  writeFileSync(path('file'), 'x');
  for (const args of [['status'], ['init'], ['run', '--init'], ['append', 's']]) assert.ok(decent(await holdfast([...args, '--dir', path('file'), '--json']), `a file, ${args[0]}`));
}));

const unprivileged = process.getuid?.() === 0 ? ['setpriv', '--reuid=65534', '--regid=65534', '--clear-groups'] : [];
test('files that may not be read', () => inFolder(async (path) => {
  const dir = path('good');
  await good(dir);
  chmodSync(dir.slice(0, dir.lastIndexOf('/')), 0o755);
  for (const what of ['', '/node.key', '/store', '/store/data.mdb', '/journal']) {
    execFileSync('chmod', ['-R', 'a+rwX', dir]);
    chmodSync(`${dir}${what}`, 0);
    let ended: Ended;
    try {
      const [command, ...args] = [...unprivileged, process.execPath, 'dist/edge/holdfast', 'status', '--dir', dir, '--json'];
      ended = { code: 0, signal: null, stdout: execFileSync(command!, args, { stdio: 'pipe', encoding: 'utf8' }), stderr: '' };
    } catch (error) {
      const { status, signal, stdout, stderr } = error as { status: number; signal: string | null; stdout: string; stderr: string };
      ended = { code: status, signal, stdout, stderr };
    }
    if (/setpriv|EACCES.*holdfast'|Cannot find module/.test(ended.stderr) && !ended.stderr.includes('"error"')) { console.log('skipped: "files that may not be read" needs setpriv and a program that others can read'); assert.ok(true); return; }
    assert.is(ended.code, 1, `${what}: ${ended.stdout}`);
    assert.ok(decent(ended, `no permission for ${what}`), what);
  }
}));

test.run();
