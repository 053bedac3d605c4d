// Hot copies of a node: whole at one moment while appends go on, accepted by recover and by run, told apart by the fleet, and nothing half-made on a full medium.
// timeout: 240s, of dist/edge/holdfast started many times
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { codeOf, Fault } from '../../src/fault.ts';
import { packBackup } from '../../targets/program/backup-folder.ts';
import { holdfast, inFolder, json, start } from './program.ts';
import { digest, fleetIn, mounted, names, record, spoilRows } from './sticks.ts';

interface Made { path: string; bytes: number; events: number; key: boolean; damaged: boolean }
const failure = async (args: string[]): Promise<{ code: string; message: string }> => {
  const { code, stderr } = await holdfast([...args, '--json']);
  assert.is(code, 1, stderr);
  return (JSON.parse(stderr) as { error: { code: string; message: string } }).error;
};
const RUN = ['--json', '--listen', 'tcp://127.0.0.1:0', '--metrics-seconds', '0', '--http', 'off'];

test('while a node runs and appends go on: everything that was acknowledged before is in it', () => inFolder(async (path) => {
  const a = path('a');
  await fleetIn(a);
  await record(a, 8_000, 300);
  const node = start(['run', '--dir', a, ...RUN]);
  await node.until(/"listening"/);
  let appended = 8_000, stop = false, during = 0, taking = false;
  const writing = (async () => {
    while (!stop) {
      await record(a, 50);
      appended += 50;
      if (taking) during++;
    }
  })();
  const made: { at: number; made: Made }[] = [];
  for (let i = 0; i < 4; i++) {
    const at = appended;
    taking = true;
    made.push({ at, made: await json<Made>(['backup', path(`copy-${i}`), '--dir', a]) });
    taking = false;
  }
  stop = true;
  await writing;
  await node.stop('SIGKILL');
  assert.ok(during > 0, 'no append came through while copies were made');
  for (const [i, { at, made: { path: where, key, damaged } }] of made.entries()) {
    assert.equal([where, key, damaged, existsSync(`${where}.part`)], [path(`copy-${i}`), true, false, false]);
    assert.is(statSync(join(where, 'node.key')).mode & 0o777, 0o600);
    assert.is(statSync(where).mode & 0o777, 0o700);
    assert.not(names(where).some((name) => /root|lock\.|sock/.test(name)));
    await json(['recover', path(`made-${i}`), '--from', where]);
    const { events } = await digest(path(`made-${i}`));
    assert.ok(events >= at && events <= appended, `${events} of ${at} to ${appended}`);
    assert.is((await holdfast(['verify', '--dir', path(`made-${i}`)])).code, 0);
  }
  // As it is, it runs as well.
  const { events } = await digest(path('copy-0'));
  assert.ok(events >= made[0]!.at);
}));

test('one file, without the key; what is there already is left alone', () => inFolder(async (path) => {
  const a = path('a');
  await fleetIn(a);
  await record(a, 300);
  const key = readFileSync(join(a, 'node.key'));
  writeFileSync(join(a, 'holdfast.toml'), 'metrics_seconds = 0\n');
  const { key: held } = await json<Made>(['backup', path('all.tar'), '--dir', a]), { key: none } = await json<Made>(['backup', path('bare.tar'), '--without-key', '--dir', a]);
  assert.equal([held, none], [true, false]);
  assert.is(statSync(path('all.tar')).mode & 0o777, 0o600);
  // Any tar reads it.
  mkdirSync(path('unpacked'));
  execFileSync('tar', ['xf', path('all.tar'), '-C', path('unpacked')]);
  assert.ok(readFileSync(path('unpacked/node.key')).equals(key));
  assert.equal(await digest(path('unpacked')), await digest(a));
  const seed = key.subarray(5, 37);
  assert.is(readFileSync(path('bare.tar')).indexOf(seed), -1, 'the seed of the node lies in a backup without its key');
  assert.ok(readFileSync(path('all.tar')).indexOf(seed) > 0);
  assert.is((await failure(['recover', path('none'), '--from', path('bare.tar')])).code, 'no-fleet');
  for (const target of ['all.tar', 'a', 'unpacked']) assert.is((await failure(['backup', path(target), '--dir', a])).code, 'bad-argument', target);
  mkdirSync(path('empty'));
  await json(['backup', path('empty'), '--dir', a]);
  mkdirSync(path('mine.part'));
  writeFileSync(path('mine.part/letter'), 'dear');
  assert.is((await failure(['backup', path('mine'), '--dir', a])).code, 'bad-argument');
  assert.is(readFileSync(path('mine.part/letter'), 'utf8'), 'dear');
  // What a killed backup left is replaced.
  mkdirSync(path('killed.part/store'), { recursive: true });
  writeFileSync(path('killed.part/store/data.mdb'), 'half');
  await json(['backup', path('killed'), '--dir', a]);
  assert.equal(await digest(path('killed')), await digest(a));
}));

test('a copy that goes on beside the original is told apart, and nothing of either is lost', () => inFolder(async (path) => {
  const [a, b, copy] = [path('a'), path('b'), path('copy')];
  await fleetIn(a, b);
  await record(a, 40);
  await json(['backup', copy, '--dir', a]);
  await record(a, 30);
  await record(copy, 20);
  const peer = start(['listen', 'tcp://127.0.0.1:0', '--dir', b]), [, url] = await peer.until(/listening on (\S+)/);
  for (const dir of [a, copy, a, copy]) await json(['sync', url!, '--dir', dir]);
  await peer.stop();
  assert.equal([(await digest(a)).events, await digest(a), await digest(copy)], [90, await digest(b), await digest(b)]);
  const { alarms } = await json<{ alarms: { code: string }[] }>(['status', '--dir', b]);
  assert.ok(alarms.some(({ code }) => code === 'clone'), JSON.stringify(alarms));
}));

test('a full medium keeps nothing of it; a damaged store is copied as it is, and said to be', () => inFolder(async (path) => {
  const a = path('a');
  await fleetIn(a);
  await record(a, 6_000, 400);
  const small = mounted(path('small'), '1m');
  if (small) {
    try {
      const full = await failure(['backup', path('small/copy'), '--dir', a]);
      assert.equal([full.code, readdirSync(path('small'))], ['carrier-full', []]);
      assert.is((await failure(['backup', path('small/copy.tar'), '--dir', a])).code, 'carrier-full');
      // However it is put: what fails for want of room says so.
      for (const words of ['Input/output error', 'it does not read as it was written']) {
        const code = codeOf(await packBackup(path('small/own'), [], (part) => {
          try { writeFileSync(join(part, 'all'), Buffer.alloc(2 << 20)); } catch { /* that is all there is */ }
          throw new Fault('carrier-failed', words);
        }).catch((error: unknown) => error));
        assert.equal([code, readdirSync(path('small'))], ['carrier-full', []]);
      }
      const broken = await packBackup(path('small/own'), [], () => { throw new Fault('carrier-failed', 'it is not to be trusted'); }).catch((error: unknown) => error);
      assert.is(codeOf(broken), 'carrier-failed');
      small.readOnly(true);
      assert.is((await failure(['backup', path('small/copy'), '--dir', a])).code, 'carrier-failed');
    } finally {
      small.remove();
    }
  } else console.log('skipped: "a full medium" needs the right to mount');
  assert.is((await holdfast(['verify', '--dir', a])).code, 0);
  // Pages that are damaged, which the store knows of; rows that are, it meets when they are read.
  const file = join(a, 'store/data.mdb');
  assert.ok(spoilRows(file, 2) > 0);
  assert.is((await json<Made>(['backup', path('hurt'), '--dir', a])).damaged, true);
  assert.is((await holdfast(['verify', '--dir', path('hurt')])).code, 1);
}));

test.run();
