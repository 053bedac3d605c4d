// Copies of data directories that both go on (live, stopped, restored from a backup): everything of both arrives everywhere, and an alarm names the node.
// timeout: 300s
import { execFileSync } from 'node:child_process';
import { rmSync } from 'node:fs';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { hex } from '../../src/event/bytes.ts';
import type { Station } from '../../targets/program/station.ts';
import { between, chance, SEED, TIMES } from './chance.ts';
import { sleep, startLoad, type Child } from './children.ts';
import { ledger, type Ledger } from './ledger.ts';
import { FAST, foundIn, inFolder, withStation } from './places.ts';

const test = suite('clone');
const random = chance('clone');
let lives = 0;

function copy(from: string, to: string): void {
  execFileSync('cp', ['-a', from, to]);
}

function live(dir: string, book: Ledger, most = Infinity): Child {
  return startLoad({ dir, seed: SEED + lives, from: ++lives * 1_000_000, callers: 4, windowMs: 50, pad: [50, 9_000][lives % 2]!, most }, book.take);
}

/** Writes so many events, and ends with a kill. */
async function writeTo(dir: string, book: Ledger, most: number): Promise<void> {
  const child = live(dir, book, most);
  assert.ok(await child.said('written'));
  child.kill();
  await child.ended;
}

async function exchange(from: Station, to: Station): Promise<void> {
  const end = new AbortController(), listener = await to.links.listen('tcp://127.0.0.1:0', end.signal);
  await from.links.once(listener.url, end.signal, () => undefined);
  assert.equal(from.node.digest(), to.node.digest());
  end.abort();
}

/** Opens all directories, lets them meet through the last one, and compares everything. `clone`: the node that must be named. */
async function compare(dirs: string[], book: Ledger, clone: boolean): Promise<number> {
  const open = async (left: string[], stations: Station[]): Promise<number> => {
    if (left.length > 0) return withStation(left[0]!, (station) => open(left.slice(1), [...stations, station]));
    const hub = stations.at(-1)!, [original] = stations;
    for (let turn = 0; turn < 2; turn++) for (const each of stations.slice(0, -1)) await exchange(each, hub);
    let events = 0;
    for (const [index, { node }] of stations.entries()) {
      events = (await book.check(node, `${dirs[index]!.split('/').at(-1)}: `)).events;
      assert.equal(node.digest(), hub.node.digest());
      const status = await node.status();
      assert.equal([status.frontier.holes, status.quarantined, status.void], [0, [], 0]);
      const named = status.alarms.filter((alarm) => alarm.code === 'clone');
      assert.is(named.length > 0, clone, `${dirs[index]}: ${JSON.stringify(status.alarms)}`);
      assert.ok(status.alarms.every((alarm) => alarm.node === hex(original!.node.id) && (alarm.code === 'clone' || alarm.code === 'journal')), JSON.stringify(status.alarms));
    }
    return events;
  };
  return open(dirs, []);
}

test(`a copy of a live directory goes on elsewhere, and so does the original (seed ${SEED})`, () => inFolder(async (path) => {
  for (let round = 0; round < 3 * TIMES; round++) {
    const [a, twin, b, c] = ['a', 'twin', 'b', 'c'].map((name) => path(`${name}-${round}`)) as [string, string, string, string], book = ledger();
    await foundIn(a, b, c);
    const original = live(a, book);
    await original.said(round % 2 ? 'turned' : 'open');
    await sleep(between(random, 50, 250));
    original.process.kill('SIGSTOP');
    copy(a, twin);
    const clone = live(twin, book);
    await clone.said('open');
    original.process.kill('SIGCONT');
    await sleep(between(random, 200, 400));
    // Both start again on what they have.
    for (const child of [original, clone]) { child.kill(); assert.is(await child.ended, 'SIGKILL'); }
    await Promise.all([writeTo(a, book, 60), writeTo(twin, book, 60)]);
    const events = await compare([a, twin, b, c], book, true);
    console.log(`live clone: ${events} events on four nodes, ${book.acknowledged} acknowledged`);
  }
}, FAST));

test('a copy of a stopped directory goes on elsewhere, and so does the original; copies of copies too', () => inFolder(async (path) => {
  const [a, twin, third, b, c] = ['a', 'twin', 'third', 'b', 'c'].map(path) as [string, string, string, string, string], book = ledger();
  await foundIn(a, b, c);
  await writeTo(a, book, 400);
  await withStation(a, () => Promise.resolve());
  copy(a, twin);
  await Promise.all([writeTo(a, book, 300), writeTo(twin, book, 300)]);
  copy(twin, third);
  await Promise.all([writeTo(third, book, 200), writeTo(twin, book, 200), writeTo(b, book, 100)]);
  await compare([a, twin, third, b, c], book, true);
}, FAST));

test('an old copy that is restored loses nothing that others had seen, and reuses no position', () => inFolder(async (path) => {
  const [a, backup, b, c] = ['a', 'backup', 'b', 'c'].map(path) as [string, string, string, string], book = ledger();
  await foundIn(a, b, c);
  await writeTo(a, book, 300);
  copy(a, backup);
  await writeTo(a, book, 300);
  await withStation(a, (one) => withStation(b, (two) => exchange(one, two)));
  rmSync(a, { recursive: true });
  copy(backup, a);
  await writeTo(a, book, 300);
  await withStation(a, (one) => withStation(c, (two) => exchange(one, two)));
  await compare([a, b, c], book, true);
}, FAST));

test('an old copy of which nothing newer was ever seen is nothing special', () => inFolder(async (path) => {
  const [a, backup, b] = ['a', 'backup', 'b'].map(path) as [string, string, string], book = ledger();
  await foundIn(a, b);
  await writeTo(a, book, 200);
  copy(a, backup);
  rmSync(a, { recursive: true });
  copy(backup, a);
  await writeTo(a, book, 200);
  await compare([a, b], book, false);
}, FAST));

test.run();
