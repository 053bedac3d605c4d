// Field recovery: a node again from a damaged card, a journal, bundles, a stale backup and peers; exactly what was taken and what was not; nothing written to what it is made from.
// timeout: 240s, of dist/edge/holdfast started many times
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { createHash, randomBytes } from 'node:crypto';
import { execFileSync } from 'node:child_process';
import { closeSync, mkdirSync, openSync, readdirSync, readFileSync, rmSync, statSync, truncateSync, writeFileSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { holdfast, inFolder, json, start } from './program.ts';
import { digest, fleetIn, mounted, record, spoil, spoilRows } from './sticks.ts';

interface Recovered {
  node: string; name: string; key?: string; sources: { path: string; segments: number; added: number; refused: number; events: number; damage: string[] }[]; journal: { events: number; skipped: string[] };
  peers: { url: string; received: number; error?: string }[]; lost: { stream: string; node: string; log: string; first: number; last: number }[]; events: number; notes: string[];
}
interface Repaired { found: unknown[]; dropped: { first: number; last: number }[]; missing: { first: number; last: number }[]; sources: { from: string; events: number }[]; damaged: unknown[]; failed: string[]; pages: string[] }

async function recover(dir: string, ...args: string[]): Promise<Recovered & { code: number | null }> {
  const { code, stdout, stderr } = await holdfast(['recover', dir, ...args, '--json']);
  if (stdout === '') throw new Error(stderr);
  return { ...JSON.parse(stdout) as Recovered, code };
}
const failure = async (args: string[]): Promise<{ code: string; message: string }> => {
  const { code, stderr } = await holdfast([...args, '--json']);
  assert.ok(code === 1 || code === 2, stderr);
  return (JSON.parse(stderr) as { error: { code: string; message: string } }).error;
};
const count = (ranges: { first: number; last: number }[]): number => ranges.reduce((sum, { first, last }) => sum + last - first + 1, 0);
const copy = (from: string, to: string): void => { execFileSync('cp', ['-a', from, to]); };
/** A hash of everything under a folder, times of change included. */
function fingerprint(dir: string): string {
  const hash = createHash('sha256');
  const look = (path: string): void => {
    for (const entry of readdirSync(path, { withFileTypes: true }).sort((a, b) => (a.name < b.name ? -1 : 1))) {
      const each = join(path, entry.name);
      if (entry.isDirectory()) { look(each); continue; }
      if (!entry.isFile()) continue;
      hash.update(each).update(String(statSync(each).mtimeMs)).update(readFileSync(each));
    }
  };
  look(dir);
  return hash.digest('hex');
}
/** A node that was killed with something in its journal: what its directory holds of a fleet of two, and how many events that are. */
async function killed(a: string, b: string): Promise<void> {
  await fleetIn(a, b);
  await record(a, 3_000, 200);
  const node = start(['run', '--dir', a, '--json', '--listen', 'tcp://127.0.0.1:0', '--metrics-seconds', '0', '--http', 'off']);
  await node.until(/"listening"/);
  await record(a, 250);
  await node.stop('SIGKILL');
}
const listening = async (dir: string): Promise<{ url: string; stop(): Promise<unknown> }> => {
  const peer = start(['listen', 'tcp://127.0.0.1:0', '--dir', dir]);
  const [, url] = await peer.until(/listening on (\S+)/);
  return { url: url!, stop: () => peer.stop() };
};

test('a dead device: the same node, with what was only in its journal, a new incarnation, and its card untouched', () => inFolder(async (path) => {
  const [a, b, old, made] = [path('a'), path('b'), path('old'), path('made')];
  await killed(a, b);
  writeFileSync(join(a, 'holdfast.toml'), 'metrics_seconds = 0\n');
  copy(a, old);
  const before = fingerprint(old), done = await recover(made, '--from', old);
  assert.is(fingerprint(old), before, 'the card was written to');
  assert.equal([done.code, done.name, done.lost, done.journal.events, done.events], [0, 'a', [], 250, 3_250]);
  assert.is(readFileSync(join(made, 'holdfast.toml'), 'utf8'), 'metrics_seconds = 0\n');
  assert.is(statSync(join(made, 'node.key')).mode & 0o777, 0o600);
  assert.not(readdirSync(made).includes('root.key'));
  assert.ok(done.notes.some((note) => /root key/.test(note)));
  assert.equal(await digest(made), await digest(a));
  assert.is((await holdfast(['verify', '--dir', made])).code, 0);
  // It goes on, and the fleet takes it for the node that it is.
  await record(made, 10);
  const peer = await listening(b);
  await json(['sync', peer.url, '--dir', made]);
  await peer.stop();
  assert.equal(await digest(made), await digest(b));
  const status = await json<{ alarms: unknown[]; node: string }>(['status', '--dir', b]);
  assert.equal(status.alarms, []);
  // Never over a node that is there.
  assert.is((await failure(['recover', made, '--from', old])).code, 'fleet-exists');
}));

test('a damaged database: what verifies is found by its trees or by its bytes, the rest is named, and a peer brings it', () => inFolder(async (path) => {
  const [a, b] = [path('a'), path('b')];
  await killed(a, b);
  // b holds the first 3,250 events, so that it can bring what is lost.
  const own = await listening(a);
  await json(['sync', own.url, '--dir', b]);
  await own.stop();
  const size = statSync(join(a, 'store/data.mdb')).size, whole = await digest(a);
  const damages: [string, (file: string) => void][] = [
    ['rows', (file) => { assert.ok(spoilRows(file, 4) > 0); }],
    ['a third of its pages', (file) => { const fd = openSync(file, 'r+'); for (let at = 8_192; at + 4_096 <= size; at += 4_096 * 6) writeSync(fd, randomBytes(8_192), 0, 8_192, at); closeSync(fd); }],
    ['both headers', (file) => { const fd = openSync(file, 'r+'); writeSync(fd, Buffer.alloc(8_192), 0, 8_192, 0); closeSync(fd); }],
    ['its second half', (file) => truncateSync(file, Math.floor(size / 2) + 100)],
    ['all of it', (file) => writeFileSync(file, randomBytes(size))],
    ['everything, empty', (file) => truncateSync(file, 0)],
  ];
  for (const [words, damage] of damages) {
    const old = path(`old ${words}`), made = path(`made ${words}`), again = path(`again ${words}`);
    copy(a, old);
    damage(join(old, 'store/data.mdb'));
    const done = await recover(made, '--from', old), held = await digest(made);
    assert.is((await holdfast(['verify', '--dir', made])).code, 0, words);
    assert.is(done.events, held.events, words);
    if (words === 'rows') assert.is(count(done.lost.filter(({ stream }) => stream === 'telemetry')), whole.events - held.events, `${words}: what is lost is named to the event`);
    if (words === 'both headers') assert.equal(held, whole, words);
    assert.ok(count(done.lost.filter(({ stream }) => stream === 'telemetry')) <= whole.events - held.events, `${words}: something is named as lost that is held`);
    if (words === 'its second half') assert.is(done.code, 1);
    if (!/third|all|empty/.test(words)) continue;
    // With a peer that has all, nothing is missing.
    const peer = await listening(b), full = await recover(again, '--from', old, '--from', peer.url);
    await peer.stop();
    assert.equal([full.lost, full.peers.map(({ error }) => error)], [[], [undefined]], words);
    const after = await digest(again);
    assert.is(after.events, whole.events, words);
    assert.is(after.digest, (await digest(b)).digest, words);
  }
}));

test('from a stale backup, bundles and a card without a database, together all', () => inFolder(async (path) => {
  const [a, b] = [path('a'), path('b')];
  await fleetIn(a, b);
  await record(a, 500);
  await json(['backup', path('stale.tar'), '--dir', a]);
  await record(a, 700);
  await json(['export', path('stick'), '--dir', a]);
  const node = start(['run', '--dir', a, '--json', '--listen', 'tcp://127.0.0.1:0', '--metrics-seconds', '0', '--http', 'off']);
  await node.until(/"listening"/);
  await record(a, 90);
  await node.stop('SIGKILL');
  const whole = await (async () => { copy(a, path('copy')); return digest(path('copy')); })();
  mkdirSync(path('card/etc/deep'), { recursive: true });
  copy(join(a, 'journal'), path('card/etc/deep/journal'));
  // The stale backup alone is an old state; with the stick and the journal on the card it is all there was.
  const stale = await recover(path('one'), '--from', path('stale.tar'));
  assert.equal([stale.code, stale.events, stale.sources[0]!.path], [0, 500, path('stale.tar')]);
  const done = await recover(path('two'), '--from', path('stale.tar'), '--from', path('stick'), '--from', path('card'));
  assert.equal([done.code, done.events, done.lost, done.journal.events], [0, 1_290, [], 90]);
  assert.equal(await digest(path('two')), whole);
  assert.not(readdirSync(path('two')).includes('unpacked'));
  // Without the stick the journal's events have nothing below them: they are named, and nothing is made up.
  const less = await recover(path('three'), '--from', path('stale.tar'), '--from', path('card'));
  assert.equal([less.code, less.events >= 500], [1, true]);
  assert.ok(count(less.lost) >= 90 || less.events === 590, JSON.stringify(less));
}));

test('no key is left: it is said what to do, and a token makes a new node that takes everything in', () => inFolder(async (path) => {
  const [a, b, old] = [path('a'), path('b'), path('old')];
  await killed(a, b);
  copy(a, old);
  rmSync(join(old, 'node.key'));
  const none = await failure(['recover', path('made'), '--from', old]);
  assert.equal([none.code, /--token/.test(none.message)], ['no-fleet', true]);
  assert.not(readdirSync(path('.')).includes('made'), 'nothing was left behind');
  // Nothing is written to what is recovered from, also when that is what was asked.
  const before = fingerprint(old);
  for (const dir of [old, path('.')]) assert.is((await failure(['recover', dir, '--from', old])).code, 'bad-argument');
  mkdirSync(path('used/store'), { recursive: true });
  assert.is((await failure(['recover', path('used'), '--from', old])).code, 'bad-argument');
  assert.is(fingerprint(old), before);
  writeFileSync(join(old, 'node.key'), readFileSync(join(a, 'node.key')).subarray(0, 40));
  assert.is((await failure(['recover', path('made'), '--from', old])).code, 'no-fleet');
  const { token } = await json<{ token: string }>(['invite', '--dir', b, '--json']).catch(() => json<{ token: string }>(['invite', '--dir', a]));
  const done = await recover(path('made'), '--from', old, '--token', token, '--name', 'phoenix');
  assert.equal([done.name, done.key, done.events], ['phoenix', undefined, 3_000]);
  // What was only in the journal was signed by nobody: only the old key could.
  assert.is(done.code, 1);
  assert.is(count(done.lost.filter(({ stream }) => stream === 'telemetry')), 250);
  assert.is((await holdfast(['verify', '--dir', path('made')])).code, 0);
  await record(path('made'), 5);
  for (const args of [['recover', path('x')], ['recover', path('x'), '--from', 'tcp://127.0.0.1:1'], ['recover', path('x'), '--from', path('nowhere')]]) assert.ok((await failure(args)).message.length > 20);
}));

test('killed in the middle it goes on when called again; a full disk is said', () => inFolder(async (path) => {
  const [a, b] = [path('a'), path('b')];
  await fleetIn(a, b);
  await record(a, 15_000, 600);
  const made = path('made');
  let kills = 0;
  for (let attempt = 0; attempt < 4; attempt++) {
    const child = start(['recover', made, '--from', a]), over = { is: false };
    void child.ended.then(() => { over.is = true; });
    const size = (): number => { try { return statSync(join(made, 'store/data.mdb')).size; } catch { return 0; } };
    while (!over.is && size() < 1_000_000 * (attempt + 1)) await new Promise((resolve) => { setTimeout(resolve, 1); });
    if (!over.is) kills++;
    await child.stop('SIGKILL');
    if (readdirSync(made).includes('node.key')) break;
    assert.is((await failure(['status', '--dir', made])).code, 'no-fleet', 'half a node is none');
  }
  assert.ok(kills > 0);
  if (!readdirSync(made).includes('node.key')) await recover(made, '--from', a);
  assert.equal(await digest(made), await digest(a));
  assert.is((await holdfast(['verify', '--dir', made])).code, 0);
  const small = mounted(path('small'), '3m');
  if (!small) { console.log('skipped: "a full disk" needs the right to mount'); return; }
  try {
    const full = await failure(['recover', path('small/made'), '--from', a]);
    assert.match(full.code, /^store-full$/);
    small.resize('60m');
    assert.is((await recover(path('small/made'), '--from', a)).code, 0);
    assert.equal(await digest(path('small/made')), await digest(a));
  } finally {
    small.remove();
  }
}));

test('verify --repair: what is damaged is dropped and comes back from a backup, a bundle, a node, or a peer that is connected; what does not is named', () => inFolder(async (path) => {
  const [a, b] = [path('a'), path('b')];
  await fleetIn(a, b);
  await record(a, 3_000, 200);
  await json(['backup', path('backup'), '--dir', a]);
  await json(['export', path('stick'), '--all', '--dir', a]);
  const own = await listening(a);
  await json(['sync', own.url, '--dir', b]);
  await own.stop();
  const whole = await digest(a);
  const hurt = async (name: string): Promise<string> => {
    const dir = path(name);
    copy(a, dir);
    assert.ok(spoilRows(join(dir, 'store/data.mdb'), 3) > 0);
    assert.is((await holdfast(['verify', '--dir', dir])).code, 1);
    return dir;
  };
  const repair = async (dir: string, ...from: string[]): Promise<Repaired & { code: number | null }> => {
    const { code, stdout, stderr } = await holdfast(['verify', '--repair', ...from.flatMap((each) => ['--from', each]), '--dir', dir, '--json']);
    if (stdout === '') throw new Error(stderr);
    return { ...JSON.parse(stdout) as Repaired, code };
  };
  const alone = await hurt('alone'), none = await repair(alone);
  assert.equal([none.code, none.damaged, none.failed, none.pages], [1, [], [], []]);
  assert.is(count(none.missing), whole.events - (await digest(alone)).events);
  assert.equal(none.missing, none.dropped);
  // It is asked for again at the next exchange, without anybody's doing.
  const peer = await listening(b);
  await json(['sync', peer.url, '--dir', alone]);
  assert.equal(await digest(alone), whole);
  for (const from of [path('backup'), path('stick'), peer.url]) {
    const dir = await hurt(`from ${from.split(/[/:]/).at(-1)!}`), done = await repair(dir, from);
    assert.equal([done.code, done.missing, done.damaged], [0, [], []], from);
    assert.ok(count(done.dropped) > 0 && done.found.length > 0);
    assert.equal(await digest(dir), whole, from);
    assert.is((await holdfast(['verify', '--dir', dir])).code, 0);
  }
  const dir = await hurt('running'), node = start(['run', '--dir', dir, '--json', '--listen', 'tcp://127.0.0.1:0', '--metrics-seconds', '0', '--http', 'off', '--peers', peer.url]);
  await node.until(/"connected"/);
  const done = await repair(dir);
  assert.equal([done.code, done.missing], [0, []]);
  assert.equal(await digest(dir), whole);
  assert.equal((await json<{ alarms: unknown[] }>(['status', '--dir', dir])).alarms, []);
  await node.stop();
  await peer.stop();
  const sound = await repair(a);
  assert.equal([sound.code, sound.found, sound.dropped], [0, [], []]);
  // Damage of the file itself is not mended in place: it is said what to do.
  const pages = path('pages');
  copy(a, pages);
  spoil(join(pages, 'store/data.mdb'), ...Array.from({ length: 10 }, (_, i) => 4_096 * (3 + 2 * i) + 12));
  const words = (await holdfast(['verify', '--repair', '--dir', pages])).stdout;
  assert.match(words, /holdfast recover|nothing is damaged/);
}));

test('a node that runs is not recovered from: it is not dead', () => inFolder(async (path) => {
  const dir = path('alive');
  assert.is((await holdfast(['init', '--dir', dir, '--name', 'a'])).code, 0);
  const node = start(['run', '--dir', dir, '--listen', 'tcp://127.0.0.1:0', '--http', 'off', '--metrics-seconds', '0']);
  await node.until(/listening on/);
  const { code, stderr } = await holdfast(['recover', path('made'), '--from', dir]);
  assert.is(code, 1);
  assert.match(stderr, 'A node runs on');
  await node.stop();
}));

test.run();
