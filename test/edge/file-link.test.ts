// A stick as a link of a running node: it is read and written when it appears, said to be safe to remove, and pulling it, filling it or killing the node does no harm.
// timeout: 240s, of dist/edge/holdfast started many times
import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { execFileSync, spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, renameSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { Fault } from '../../src/fault.ts';
import { presenceOf } from '../../targets/program/file-presence.ts';
import { parseFileUrl } from '../../targets/program/file-url.ts';
import { visitPlace, type Visit } from '../../targets/program/file-visit.ts';
import { checkListenUrl } from '../../targets/program/link-url.ts';
import { openStation } from '../../targets/program/station.ts';
import { holdfast, inFolder, json, start, type Running } from './program.ts';
import { digest, fleetIn, mounted, names, record, volumes } from './sticks.ts';
import { EDGE } from '../../targets/edge/target.ts';
import { use } from '../../targets/program/target.ts';

use(EDGE);

interface Report { peers: { url: string; state: string; reason?: string }[]; worries: { text: string }[] }
const RUN = ['--json', '--listen', 'tcp://127.0.0.1:0', '--metrics-seconds', '0', '--http', 'off'];
const running = async (dir: string, url: string): Promise<Running> => {
  const node = start(['run', '--dir', dir, ...RUN, '--peers', url]);
  await node.until(/"listening"/);
  return node;
};
/** Waits until the status says so of the link. */
async function says(dir: string, state: string, reason: RegExp): Promise<void> {
  for (let last = ''; ;) {
    const { peers } = await json<Report>(['status', '--dir', dir]), [peer] = peers;
    if (peer?.state === state && reason.test(peer.reason ?? '')) return;
    const now = JSON.stringify(peers);
    if (now !== last) last = now;
    await new Promise((resolve) => { setTimeout(resolve, 100); });
  }
}
const skipped = (what: string): void => { console.log(`skipped: "${what}" needs the right to mount`); assert.ok(true); };

test('the URL, and when a stick is there', () => inFolder(async (path) => {
  assert.equal(parseFileUrl('file:/media/usb'), { path: '/media/usb', for: [], plain: false, tidy: false });
  assert.equal(parseFileUrl('file:///media/my%20stick/?for=hq,clinic-7&plain=1&tidy=1'), { path: '/media/my stick', for: ['hq', 'clinic-7'], plain: true, tidy: true });
  for (const bad of ['file:', 'file:media', 'file://host/media', 'file:/', 'file:/media?plane=1', 'file:/media?plain=yes']) assert.throws(() => parseFileUrl(bad), (error: unknown) => error instanceof Fault && error.code === 'bad-url', bad);
  assert.match((await checkListenUrl('file:/media/usb').catch((error: Error) => error))!.message, /peers/);
  const place = parseFileUrl(`file:${path('stick')}`);
  assert.equal((await presenceOf(place)).there, false);
  mkdirSync(path('stick'));
  const empty = await presenceOf(place);
  assert.ok(!empty.there && /nothing is mounted/.test(empty.why));
  assert.ok((await presenceOf({ ...place, plain: true })).there);
  writeFileSync(path('stick/.holdfast'), '');
  assert.ok((await presenceOf(place)).there);
  writeFileSync(path('file'), '');
  assert.ok(!(await presenceOf(parseFileUrl(`file:${path('file')}`))).there);
}));

test('one stick that travels between two nodes that run', () => inFolder(async (path) => {
  const [a, b] = [path('a'), path('b')], disk = mounted(path('disk'), '20m');
  if (!disk) return skipped('one stick that travels');
  await fleetIn(a, b);
  await record(a, 400);
  await record(b, 70);
  // What stands for the stick is mounted at one node after the other.
  const insert = (where: string): void => { execFileSync('mount', ['--bind', path('disk'), path(where)]); }, pull = (where: string): void => { execFileSync('umount', ['-l', path(where)]); };
  for (const where of ['left', 'right']) mkdirSync(path(where));
  const left = await running(a, `file:${path('left')}`), right = await running(b, `file:${path('right')}`);
  try {
    await says(a, 'waiting', /nothing is mounted/);
    assert.equal(names(path('left')), [], 'nothing is written to a mere mount point');
    assert.equal((await json<Report>(['status', '--dir', a])).worries.filter(({ text }) => /out of reach/.test(text)), []);
    insert('left');
    await left.until(/"notice".*safe to remove/);
    await says(a, 'connected', /wrote 40\d events .*safe to remove/);
    assert.is(volumes(path('left')).length, 1);
    pull('left');
    await says(a, 'waiting', /nothing is mounted/);
    insert('right');
    await says(b, 'connected', /took in 40\d events, wrote 7\d events .*safe to remove/);
    pull('right');
    await says(b, 'waiting', /./);
    assert.is((await digest(b)).events, 470);
    insert('left');
    await says(a, 'connected', /took in 7\d events.*safe to remove/);
    assert.equal(await digest(a), await digest(b));
    const now = names(path('disk'));
    pull('left');
    await says(a, 'waiting', /./);
    // Nothing is new: nothing is written.
    insert('left');
    await says(a, 'connected', /nothing new on either side; safe to remove/);
    assert.equal(names(path('disk')), now);
    assert.match((await right.stop()).stdout, /safe to remove/);
    await left.stop();
  } finally {
    for (const where of ['left', 'right']) spawnSync('umount', ['-l', path(where)]);
    disk.remove();
  }
}));

test('a full stick and a read-only one are read all the same; a killed node goes on', () => inFolder(async (path) => {
  const [a, b] = [path('a'), path('b')], stick = mounted(path('stick'), '20m');
  if (!stick) return skipped('a full stick and a read-only one');
  let now = stick;
  const again = (size: string): void => {
    now.remove();
    now = mounted(path('stick'), size)!;
  };
  try {
    await fleetIn(a, b);
    await record(a, 3_000, 600);
    await record(b, 60);
    const url = `file:${path('stick')}`;
    await json(['export', path('stick'), '--dir', b]);
    stick.readOnly(true);
    const first = await running(a, url);
    await says(a, 'connected', /took in 6\d events.*read-only.*safe to remove/);
    await first.stop('SIGKILL');
    again('600k');
    const second = await running(a, url);
    await says(a, 'connected', /is full.*safe to remove/);
    assert.ok(names(path('stick')).length > 0);
    // What fits is of use at the other end.
    const part = await holdfast(['import', path('stick'), '--dir', b, '--json']);
    assert.ok(part.code === 0 || part.code === 3, part.stderr);
    assert.ok((JSON.parse(part.stdout) as { events: number }).events > 0, part.stdout);
    again('40m');
    await says(a, 'connected', /wrote 3,0\d\d events/);
    await second.stop();
    await json(['import', path('stick'), '--dir', b]);
    assert.equal(await digest(a), await digest(b));
  } finally {
    now.remove();
  }
}));

test('killed while it writes: the beginning is made a volume by the next start, and nothing is lost', () => inFolder(async (path) => {
  const [a, b] = [path('a'), path('b')];
  await fleetIn(a, b);
  await record(a, 20_000, 700);
  mkdirSync(path('folder'));
  writeFileSync(path('folder/.holdfast'), '');
  const url = `file:${path('folder')}`, node = start(['run', '--dir', a, ...RUN, '--peers', url]), over = { is: false };
  void node.ended.then(() => { over.is = true; });
  while (!over.is && !names(path('folder')).some((name) => name.includes('.hfb'))) await new Promise((resolve) => { setTimeout(resolve, 1); });
  await node.stop('SIGKILL');
  const next = await running(a, url);
  await says(a, 'connected', /safe to remove/);
  await next.stop();
  // A beginning of which no block is whole tells nobody whose it is: it lies there, and harms nothing.
  assert.equal(names(path('folder')).filter((name) => name.endsWith('.part') && statSync(path(`folder/${name}`)).size >= 65_536), []);
  // The volume that was made of a beginning has no end: that it ends too early is said.
  const taken = await holdfast(['import', path('folder'), '--dir', b]);
  assert.ok(taken.code === 0 || (taken.code === 3 && taken.stdout.includes('its end is missing')), `${taken.code}: ${taken.stdout}${taken.stderr}`);
  assert.equal(await digest(a), await digest(b));
}));

test('pulled out in the middle of writing and of reading: ordinary words, and the rest goes on', () => inFolder(async (path) => {
  const [a, b] = [path('a'), path('b')], place = { path: path('stick'), for: [], plain: true, tidy: false };
  await fleetIn(a, b);
  await record(a, 6_000, 700);
  const pulled = async (dir: string, when: (bytesIn: number, bytesOut: number) => boolean): Promise<Visit> => {
    const station = await openStation(dir, { control: false });
    try {
      let out = false;
      return await visitPlace(station.node, place, (_, bytesIn, bytesOut) => {
        if (out || !when(bytesIn, bytesOut)) return;
        out = true;
        renameSync(place.path, path('pocket'));
      });
    } finally {
      await station.close();
    }
  };
  mkdirSync(place.path);
  const writing = await pulled(a, (_, bytesOut) => bytesOut > 1_000_000);
  assert.equal([writing.failed?.code, /is not there/.test(writing.words)], ['not-found', true]);
  renameSync(path('pocket'), place.path);
  await json(['sync', `file:${place.path}?plain=1`, '--dir', a]);
  // A part that was being written has its whole blocks; nothing of it is written twice.
  assert.ok(volumes(place.path).length >= 1);
  await pulled(b, (bytesIn) => bytesIn > 2_000_000);
  assert.ok((await digest(b)).events > 0);
  if (existsSync(path('pocket'))) renameSync(path('pocket'), place.path);
  await json(['sync', `file:${place.path}?plain=1`, '--dir', b]);
  assert.equal(await digest(a), await digest(b));
}));

test('sync with a stick once; only for some; own volumes that everybody has are removed when that is wished', () => inFolder(async (path) => {
  const [a, b, c] = [path('a'), path('b'), path('c')], folder = path('folder'), url = `file:${folder}?plain=1`;
  await fleetIn(a, b, c);
  // That there are others a must have heard: nobody waits for whom nobody knows.
  for (const dir of [b, c]) {
    await json(['export', path('hello'), '--dir', dir]);
    await json(['import', path('hello'), '--dir', a]);
  }
  await record(a, 300);
  const { code, stderr } = await holdfast(['sync', url, '--dir', a, '--json']);
  assert.is(code, 1);
  assert.match(stderr, /not-found.*not there/);
  mkdirSync(folder);
  const { sent, received } = await json<{ sent: number; received: number }>(['sync', url, '--dir', a]);
  assert.ok(sent >= 300 && received === 0);
  assert.match((await holdfast(['sync', url, '--dir', a])).stdout, /sent 0 events .*safe to remove/);
  const first = volumes(folder);
  assert.is(first.length, 1);
  await json(['sync', `${url}&tidy=1`, '--dir', b]);
  // c has not said that it has them: they stay.
  await json(['sync', `${url}&tidy=1`, '--dir', a]);
  assert.ok(existsSync(first[0]!));
  await json(['sync', `${url}&tidy=1`, '--dir', c]);
  await json(['sync', `${url}&tidy=1`, '--dir', a]);
  await json(['sync', `${url}&tidy=1`, '--dir', b]);
  await json(['sync', `${url}&tidy=1`, '--dir', a]);
  for (const dir of [b, c]) assert.equal(await digest(dir), await digest(a));
  assert.not(existsSync(first[0]!), 'a volume that everybody has was kept');
  assert.ok(volumes(folder).length <= 6);
  await record(a, 5);
  mkdirSync(path('other'));
  await json(['sync', `file:${path('other')}?plain=1&for=b`, '--dir', a]);
  assert.ok((await json<{ events: number }>(['import', path('other'), '--dir', b])).events >= 5);
  const wrong = await holdfast(['sync', `file:${join(path('other'))}?plain=1&for=nobody`, '--dir', a]);
  assert.is(wrong.code, 1);
}));

test.run();
