// Export and import with real files: sticks that are full, read-only, pulled, damaged, foreign, and processes killed in the middle.
// timeout: 240s
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { execFileSync, spawnSync } from 'node:child_process';
import { copyFileSync, existsSync, mkdirSync, readFileSync, rmSync, statSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { holdfast, inFolder, json, start } from './program.ts';
import { digest, fatImage, fleetIn, mounted, names, record, spoil, volumes } from './sticks.ts';

interface Imported { events: number; segments: { added: number; held: number; refused: number }; volumes: { volume: number; damaged: number[]; restored: number; complete: boolean }[]; lost: { stream: string; first: number; last: number }[]; unknownBytes: number }
interface Exported { volumes: { file: string; bytes: number; events: number }[]; events: number; bytes: number; parity: number; finished: { file: string; events: number }[] }
const into = async (dir: string, ...paths: string[]): Promise<Imported & { code: number | null }> => {
  const { code, stdout, stderr } = await holdfast(['import', ...paths, '--dir', dir, '--json']);
  if (stdout === '') throw new Error(stderr);
  return { ...JSON.parse(stdout) as Imported, code };
};
const failure = async (args: string[]): Promise<{ code: string; message: string }> => {
  const { code, stderr } = await holdfast([...args, '--json']);
  assert.is(code, 1, stderr);
  return (JSON.parse(stderr) as { error: { code: string; message: string } }).error;
};
const same = async (a: string, b: string): Promise<void> => { assert.equal(await digest(a), await digest(b)); };

test('volumes in any order, some twice, as one file, through a pipe; what lies in a folder is not written again', () => inFolder(async (path) => {
  const [a, b, c, d] = [path('a'), path('b'), path('c'), path('d')];
  await fleetIn(a, b, c, d);
  await record(a, 7_000, 500);
  const made = await json<Exported>(['export', path('out'), '--dir', a, '--volume-size', '1MiB']), files = volumes(path('out'));
  assert.ok(files.length >= 3 && made.volumes.length === files.length);
  for (const file of files) { assert.match(file, /\/hf-[0-9a-f]{8}-\d{3}\.hfb$/); assert.ok(statSync(file).size <= 1_048_576); }
  assert.equal(names(path('out')).filter((name) => name.endsWith('.part')), []);
  // The same again leaves everything out but the word of what this node holds.
  const again = await json<Exported>(['export', path('out'), '--dir', a]);
  assert.is(again.events, 0);
  const last = await into(b, files.at(-1)!);
  assert.ok(last.events > 0 && last.code === 3);
  for (const file of [...files].reverse()) await into(b, file, file);
  await same(a, b);
  assert.is((await into(b, path('out'))).events, 0);
  // One behind the other.
  writeFileSync(path('all'), Buffer.concat(files.map((file) => readFileSync(file))));
  const whole = await into(c, path('all'));
  assert.equal([whole.volumes.length, whole.lost, whole.unknownBytes], [files.length, [], 0]);
  await same(a, c);
  // A service has a /tmp of its own: what is piped does not lie there.
  const elsewhere = { ...process.env, TMPDIR: path('nowhere') };
  const piped = spawnSync(process.execPath, ['dist/edge/holdfast', 'export', '-', '--all', '--dir', a], { maxBuffer: 1 << 28, env: elsewhere });
  assert.is(piped.status, 0, String(piped.stderr));
  const back = spawnSync(process.execPath, ['dist/edge/holdfast', 'import', '-', '--dir', d], { input: piped.stdout, env: elsewhere });
  assert.match(String(back.stdout), /took in 7,00\d events/);
  assert.equal([a, d].flatMap(names).filter((name) => name.startsWith('carry-')), []);
  await same(a, d);
}));

test('what a stick was said to hold and has lost is written again', () => inFolder(async (path) => {
  const [a, b] = [path('a'), path('b')];
  await fleetIn(a, b);
  await record(a, 6_000, 500);
  const [volume] = (await json<Exported>(['export', path('out'), '--dir', a])).volumes, bytes = readFileSync(volume!.file);
  bytes.fill('rain', 70_000, 200_000);
  writeFileSync(volume!.file, bytes);
  assert.ok((await into(b, path('out'))).lost.length > 0);
  // Back at the first node: what is left whole there is left out, the rest goes along.
  await json<Exported>(['export', path('out'), '--dir', b]);
  await into(a, path('out'));
  const again = await json<Exported>(['export', path('out'), '--dir', a]);
  assert.ok(again.events > 0 && again.bytes < bytes.length);
  await into(b, path('out'));
  await same(a, b);
}));

test('a full stick: what fits is of use, and the same command goes on once there is room, or on another one', () => inFolder(async (path) => {
  const [a, b] = [path('a'), path('b')], stick = mounted(path('stick'), '2500k');
  if (!stick) { console.log('skipped: "a full stick" needs the right to mount'); assert.ok(true); return; }
  try {
    await fleetIn(a, b);
    await record(a, 8_000, 500);
    const full = await failure(['export', path('stick'), '--dir', a, '--volume-size', '1MiB']);
    assert.equal([full.code, /is full/.test(full.message)], ['carrier-full', true]);
    const part = await into(b, path('stick'));
    assert.ok(part.events > 1_000 && part.events < 8_000, `${part.events}`);
    stick.resize('20m');
    const more = await json<Exported>(['export', path('stick'), '--dir', a, '--volume-size', '1MiB']);
    assert.ok(more.events < 8_000 - part.events + 100, `${more.events} after ${part.events}`);
    assert.equal(names(path('stick')).filter((name) => name.endsWith('.part')), []);
    await into(b, path('stick'));
    await same(a, b);
  } finally {
    stick.remove();
  }
}));

test('a read-only stick: it is read, and writing says what is the matter', () => inFolder(async (path) => {
  const [a, b] = [path('a'), path('b')], stick = mounted(path('stick'), '20m');
  if (!stick) { console.log('skipped: "a read-only stick" needs the right to mount'); assert.ok(true); return; }
  try {
    await fleetIn(a, b);
    await record(a, 100);
    await json(['export', path('stick'), '--dir', a]);
    stick.readOnly(true);
    assert.ok((await into(b, path('stick'))).events >= 100);
    await same(a, b);
    await record(b, 10);
    const fault = await failure(['export', path('stick'), '--dir', b]);
    assert.equal([fault.code, /read-only/.test(fault.message)], ['carrier-failed', true]);
    const twice = await failure(['sync', `file:${path('stick')}`, '--dir', b]);
    assert.match(twice.message, /read-only/);
  } finally {
    stick.remove();
  }
}));

test('FAT32', () => inFolder(async (path) => {
  const [a, b] = [path('a'), path('b')], stick = fatImage(path('image'), path('stick'), 40 << 20);
  if (!stick) { console.log('skipped: "FAT32" needs mkfs.vfat and the right to mount'); assert.ok(true); return; }
  try {
    await fleetIn(a, b);
    await record(a, 2_000, 300);
    await json(['export', path('stick'), '--dir', a, '--volume-size', '1MiB', '--parity', '50%']);
    assert.ok((await into(b, path('stick'))).events >= 2_000);
    await same(a, b);
  } finally {
    stick.remove();
  }
}));

test('a killed export leaves whole blocks that count; the next one makes a volume of them and goes on', () => inFolder(async (path) => {
  const [a, b] = [path('a'), path('b')], out = path('out');
  await fleetIn(a, b);
  await record(a, 20_000, 700);
  let left = '';
  for (let attempt = 0; left === '' && attempt < 10; attempt++) {
    const child = start(['export', out, '--dir', a]);
    const over = { is: false };
    void child.ended.then(() => { over.is = true; });
    while (!over.is) {
      const part = existsSync(out) ? names(out).find((name) => name.endsWith('.part')) : undefined;
      if (part !== undefined && statSync(join(out, part)).size > 2_000_000) { await child.stop('SIGKILL'); break; }
      await new Promise((resolve) => { setTimeout(resolve, 1); });
    }
    left = names(out).find((name) => name.endsWith('.part')) ?? '';
    if (left === '') rmSync(out, { recursive: true });
  }
  assert.ok(left !== '', 'no export could be killed before it was done');
  const some = await into(b, out);
  assert.ok(some.events > 1_000 && some.volumes.some(({ complete }) => !complete), JSON.stringify(some.volumes));
  const rest = await json<Exported>(['export', out, '--dir', a]);
  assert.ok(rest.events <= 20_003 - some.events + 1, `${rest.events} after ${some.events}`);
  assert.equal(names(out).filter((name) => name.endsWith('.part')), []);
  assert.ok(names(out).includes(left.slice(0, -'.part'.length)));
  // What the first one wrote is told by the second one, with what is in it; the import said that it was not all.
  assert.is(some.code, 3);
  assert.equal(rest.finished.map(({ file }) => file), [join(out, left.slice(0, -'.part'.length))]);
  assert.ok(rest.finished[0]!.events >= some.events && rest.finished[0]!.events + rest.events >= 20_000, JSON.stringify(rest.finished));
  await into(b, out);
  await same(a, b);
}));

test('a killed import goes on', () => inFolder(async (path) => {
  const [a, b] = [path('a'), path('b')];
  await fleetIn(a, b);
  await record(a, 20_000, 700);
  await json(['export', path('out'), '--dir', a]);
  const child = start(['import', path('out'), '--dir', b]), before = statSync(join(b, 'store/data.mdb')).size;
  const over = { is: false };
  void child.ended.then(() => { over.is = true; });
  while (!over.is && statSync(join(b, 'store/data.mdb')).size < before + 3_000_000) await new Promise((resolve) => { setTimeout(resolve, 1); });
  await child.stop('SIGKILL');
  const { events } = await digest(b), rest = await into(b, path('out'));
  assert.is(rest.code, 0);
  assert.ok(rest.segments.held > 0 || events === 0);
  await same(a, b);
  assert.is((await holdfast(['verify', '--dir', b])).code, 0);
}));

test('damaged, cut and missing volumes are named by their events, and parity brings them back', () => inFolder(async (path) => {
  const [a, b, c, d] = [path('a'), path('b'), path('c'), path('d')], out = path('out');
  await fleetIn(a, b, c, d);
  await record(a, 8_000, 500);
  const made = await json<Exported>(['export', out, '--dir', a, '--volume-size', '1MiB', '--parity', '40%']), files = volumes(out), data = files.filter((file) => !/-p\d\d\./.test(file));
  assert.ok(made.parity >= 1 && data.length >= 4);
  spoil(data[0]!, 70_000, 200_000);
  // Without parity the loss is named exactly.
  const some = await into(b, ...data);
  assert.is(some.code, 1);
  const gone = some.lost.filter(({ stream }) => stream === 'telemetry').reduce((sum, { first, last }) => sum + last - first + 1, 0), { events } = await digest(b);
  assert.is(gone, 8_000 - events);
  assert.match((await holdfast(['import', ...data, '--dir', b])).stdout, /lost in volume 1: telemetry, log [0-9a-f]{12}…, events/);
  // With it nothing is lost; a volume that is not there at all comes back as well.
  const missing = data[2]!;
  rmSync(missing);
  const restored = await into(c, out);
  assert.equal([restored.code, restored.lost, restored.volumes.reduce((sum, each) => sum + each.restored, 0) >= 3], [0, [], true]);
  await same(a, c);
  // A volume that was cut off in the middle, and nothing else of the bundle.
  copyFileSync(data[1]!, path('cut.hfb'));
  execFileSync('truncate', ['-s', '300000', path('cut.hfb')]);
  const cut = await into(d, path('cut.hfb'));
  assert.ok(cut.events > 0 && cut.volumes[0]!.complete === false);
  // Nothing is known to be lost, but one volume ends too early, or is not there at all.
  assert.equal([cut.code, cut.lost], [3, []]);
  const gap = await into(d, data[1]!, data[3]!);
  assert.equal([gap.code, gap.lost], [3, []]);
  assert.match((await holdfast(['import', data[3]!, '--dir', d])).stdout, /nothing was here of volumes 1-3/);
}));

test('what a stranger brings opens nothing; links and pipes in a folder are let lie', () => inFolder(async (path) => {
  const [a, b, stranger] = [path('a'), path('b'), path('stranger')];
  await fleetIn(a, b);
  await fleetIn(stranger);
  await record(stranger, 500);
  await record(a, 50);
  await json(['export', path('out'), '--dir', stranger]);
  const before = await digest(b), none = await into(b, path('out'));
  assert.equal([none.code, none.events, none.volumes], [1, 0, []]);
  assert.ok(none.unknownBytes > 0);
  assert.match((await holdfast(['import', path('out'), '--dir', b])).stdout, /no bundle of this fleet/);
  assert.equal(await digest(b), before);
  // The stranger's volumes are in nobody's way.
  await json(['export', path('out'), '--dir', a]);
  symlinkSync('/etc/passwd', path('out/link.hfb'));
  execFileSync('mkfifo', [path('out/pipe.hfb')]);
  mkdirSync(path('out/folder.hfb'));
  writeFileSync(path('out/._hidden.hfb'), 'x');
  assert.ok((await into(b, path('out'))).events >= 50);
  assert.is((await failure(['import', path('out/pipe.hfb'), '--dir', b])).code, 'bad-argument');
  assert.is((await failure(['import', path('nowhere'), '--dir', b])).code, 'not-found');
  await same(a, b);
}));

test('words of others are carried on: who has what is known over two hands', () => inFolder(async (path) => {
  const [a, b, c] = [path('a'), path('b'), path('c')];
  await fleetIn(a, b, c);
  // That b is a member is known to a before: nobody believes a word of a stranger.
  await json(['export', path('0'), '--dir', b]);
  await into(a, path('0'));
  await into(c, path('0'));
  await record(a, 300);
  // a gives to b; b says so to c; c tells a, which then need not carry it again.
  await json(['export', path('1'), '--dir', a]);
  await into(b, path('1'));
  await json(['export', path('2'), '--dir', b]);
  await into(c, path('2'));
  await json(['export', path('3'), '--dir', c]);
  await into(a, path('3'));
  const again = await json<Exported>(['export', path('4'), '--dir', a]);
  assert.ok(again.events < 10, `${again.events}`);
  assert.ok((await json<Exported>(['export', path('5'), '--dir', a, '--for', 'b'])).events < 10, 'b said what it holds, and c passed it on');
  assert.is((await failure(['export', path('6'), '--dir', a, '--for', 'nobody'])).code, 'not-found');
}));

test.run();
