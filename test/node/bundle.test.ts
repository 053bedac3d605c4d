// Bundles between nodes: what one holds reaches the other by hand, any part of it, in any order, and nobody carries twice what is known to be held.
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import type { Bytes } from '../../src/ports.ts';
import type { Made } from '../../src/carry/bundle-maker.ts';
import type { ImportReport } from '../../src/node-import.ts';
import type { Node } from '../../src/node.ts';
import type { ExportWish } from '../../src/node-export.ts';
import type { Look } from '../../src/carry/bundle-look.ts';
import { BlockBody, INDEX, PARITY, SEGMENTS, bundleKey, openBlock, sealBlock } from '../../src/carry/bundle-block.ts';
import { DAMAGED_MOST, PARITY_EXTRA } from '../../src/carry/bundle-bounds.ts';
import { encodeEntry } from '../../src/carry/bundle-index.ts';
import { lookAt } from '../../src/carry/bundle-look.ts';
import { dealOf, encodeRow, rowsOf } from '../../src/carry/bundle-parity.ts';
import { concat, hex } from '../../src/event/bytes.ts';
import { exportBundle, exportPlan } from '../../src/node-export.ts';
import { bundlesMade, noteMade } from '../../src/node-bundles.ts';
import { BundleImport } from '../../src/node-import.ts';
import { openNode } from '../../src/node.ts';
import { createFleet, joinFleet } from '../../src/node-setup.ts';
import { invite, revoke } from '../../src/node-acts.ts';
import { Chance } from '../sim/chance.ts';
import { EagerTimeline } from '../sim/eager-timeline.ts';
import { fakeCrypto } from '../sim/fake-crypto.ts';
import { Disk } from '../sim/memory-disk.ts';
import { mountJournal } from '../sim/memory-journal.ts';
import { mountStore } from '../sim/memory-store.ts';
import { Mount } from '../sim/mount.ts';

const test = suite('bundles of nodes');
let clock = 1_790_000_000_000;

function options(name: string, disk = new Disk(name)) {
  const chance = new Chance(name), mount = new Mount(disk, new EagerTimeline(), chance);
  return {
    store: mountStore(mount), journal: mountJournal(mount), random: chance, crypto: fakeCrypto,
    clock: { now: () => (clock += 5), uptime: () => clock % 1_000_000_000, quality: () => 2 as const, boot: new Uint8Array(8) },
    keys: { load: () => Promise.resolve(disk.keyFile), save: (bytes: Uint8Array) => { disk.keyFile = bytes.slice(); return Promise.resolve(); } },
    wake: () => undefined, notice: () => undefined,
  };
}
async function fleet(...names: string[]): Promise<Node[]> {
  const { node } = await createFleet(options(names[0]!), { name: 'f', nodeName: names[0]! }), all = [node];
  for (const name of names.slice(1)) all.push(await joinFleet(options(name), await invite(node, { admin: false, read: ['*'], write: ['*'] }), { nodeName: name }));
  return all;
}
async function write(node: Node, stream: string, count: number): Promise<void> {
  for (let i = 0; i < count; i += 50) await node.append(stream, Array.from({ length: Math.min(50, count - i) }, (_, k) => ({ key: `k${(i + k) % 7}`, type: 't', body: { n: i + k, text: `some words ${(i + k) * 7919}` } })));
}
async function take(node: Node, wish: Partial<ExportWish> = {}): Promise<Made[]> {
  const out: Made[] = [];
  for await (const made of exportBundle(node, { volumeBytes: 1 << 30, padded: false, ...wish })) out.push(made);
  return out;
}
async function bring(node: Node, ...volumes: Bytes[]): Promise<ImportReport> {
  const into = new BundleImport(node);
  for (const [i, bytes] of volumes.entries()) {
    await into.take({ name: `v${i}`, read: (at, length) => Promise.resolve(bytes.slice(at, at + length)) }, (async function* () { for (let at = 0; at < bytes.length; at += 50_000) yield bytes.subarray(at, at + 50_000); })());
  }
  return into.finish();
}
const sum = (made: Made[]): number => made.reduce((n, m) => n + m.events, 0);
const bytesOf = (made: Made[]): Bytes => concat(...made.map((m) => m.bytes));
const same = (...nodes: Node[]): void => { for (const node of nodes) assert.is(node.digest().events, nodes[0]!.digest().events); for (const node of nodes) assert.is(node.digest().digest, nodes[0]!.digest().digest); };

test('a bundle brings a node level, and what it brings back is only what is new', async () => {
  const [a, b] = await fleet('a', 'b') as [Node, Node];
  await write(a, 'telemetry', 900);
  await write(b, 'telemetry', 120);
  await write(b, 'alarms', 3);
  const out = await take(a);
  await noteMade(a, out[0]!.bundle, { events: sum(out), bytes: 1, for: [] });
  const report = await bring(b, bytesOf(out));
  assert.is(report.events >= 900, true);
  assert.equal([report.segments.refused, report.lost, report.volumes.map((v) => [v.damaged.length, v.complete])], [0, [], [[0, true]]]);
  assert.equal(report.words.map((w) => w.name), ['a']);
  // b knows from a's word what a holds: only its own goes back.
  const back = await take(b);
  assert.ok(bytesOf(back).length < bytesOf(out).length / 2);
  const second = await bring(a, bytesOf(back));
  assert.ok(second.events >= 123);
  same(a, b);
  // And that its bundle arrived.
  assert.equal((await bundlesMade(a)).map((one) => one.arrived.map(({ node }) => node)), [[hex(b.id)]]);
  // The fleet's own events still go back and forth (a key is wrapped for the new member); then each knows that the other holds all.
  for (let i = 0; i < 3; i++) { await bring(b, bytesOf(await take(a))); await bring(a, bytesOf(await take(b))); }
  assert.is(sum(await take(a)), 0);
  assert.ok(sum(await take(a, { everything: true })) > 1_000);
  assert.equal((await bring(b, bytesOf(out))).events, 0);
  await Promise.all([a.close(), b.close()]);
});

test('any subset, in any order, repeated: what arrives is used, and the union is all', async () => {
  const [a, b] = await fleet('a', 'b') as [Node, Node];
  await write(a, 'telemetry', 12_000);
  const made = await take(a, { volumeBytes: 400_000, padded: true }), volumes = [...new Set(made.map((m) => m.volume))].map((v) => bytesOf(made.filter((m) => m.volume === v)));
  assert.ok(volumes.length >= 2);
  const last = await bring(b, volumes[volumes.length - 1]!);
  assert.ok(last.events > 0 && last.volumes[0]!.complete);
  // The last one tells that there are others; all of them together, that there is no other.
  assert.equal(last.missing.map((each) => each.volumes), [volumes.slice(0, -1).map((_, i) => i)]);
  for (const volume of volumes.slice(0, -1).reverse()) await bring(b, volume, volume);
  same(a, b);
  assert.equal((await bring(b, ...volumes)).missing, []);
  await Promise.all([a.close(), b.close()]);
});

test('what is damaged is named by its events, and fetched by another copy or by parity', async () => {
  const [a, b, c] = await fleet('a', 'b', 'c') as [Node, Node, Node];
  await write(a, 'telemetry', 12_000);
  const made = await take(a, { padded: true }), bytes = bytesOf(made), size = made[0]!.size, hit = [2, 3];
  const spoiled = bytes.slice();
  for (const i of hit) spoiled[i * size + 99]! ^= 1;
  const report = await bring(b, spoiled);
  assert.equal(report.volumes[0]!.damaged, hit);
  const gone = report.lost.reduce((n, l) => n + l.last - l.first + 1, 0);
  assert.is(gone, hit.reduce((n, i) => n + made[i]!.events, 0));
  assert.is(b.digest().events, 12_000 - gone);
  // Parity over the same blocks, made elsewhere.
  const key = bundleKey(fakeCrypto, a.fleet), bundle = openBlock(fakeCrypto, key, made[0]!.bytes)!.bundle, deal = dealOf([made.length], size, 0.5), rows: Bytes[] = [];
  for (let stripe = 0; stripe < deal.stripes; stripe++) {
    for (const [row, body] of (await rowsOf(deal, stripe, (_, i) => Promise.resolve(made[i]!.bytes))).entries()) {
      rows.push(sealBlock(fakeCrypto, new Chance(`${stripe} ${row}`), key, { kind: PARITY, bundle, volume: 0, index: rows.length, last: false, body: encodeRow({ deal, stripe, row, bytes: body }) }, size + PARITY_EXTRA));
    }
  }
  const restored = await bring(c, spoiled, concat(...rows));
  assert.equal((await bring(c, concat(...rows))).missing.map((each) => each.volumes), [[0]]); // parity alone knows of what it was made
  assert.equal([restored.lost, restored.volumes[0]!.damaged, restored.volumes[0]!.restored], [[], [], hit.length]);
  same(a, c);
  assert.equal((await bring(b, bytes)).lost, []);
  same(a, b);
  await Promise.all([a.close(), b.close(), c.close()]);
});

test('for whom, of which streams, since when', async () => {
  const [a, b, c] = await fleet('a', 'b', 'c') as [Node, Node, Node];
  await write(a, 'telemetry', 400);
  await write(a, 'config', 40);
  await bring(b, bytesOf(await take(a)));
  await bring(a, bytesOf(await take(b, { everything: true })));
  await bring(b, bytesOf(await take(a)));
  await bring(a, bytesOf(await take(b, { everything: true })));
  assert.is(sum(await take(a)), 0);
  assert.is(sum(await take(a, { for: [b.id] })), 0);
  const forC = await take(a, { for: [c.id], streams: ['config'] });
  await bring(c, bytesOf(forC));
  assert.equal(c.streams().filter((s) => !s.stream.startsWith('$')).map((s) => [s.stream, s.events]), [['config', 40]]);
  const now = clock;
  await write(a, 'telemetry', 60);
  const late = await take(a, { everything: true, since: now });
  await bring(c, bytesOf(late));
  // Segments go whole: with the new ones come those that share a segment with them.
  const got = c.streams().find((s) => s.stream === 'telemetry')!.events;
  assert.ok(got >= 60, String(got));
  await Promise.all([a.close(), b.close(), c.close()]);
});

test('what only a node holds that was revoked goes along again', async () => {
  const [a, b, c] = await fleet('a', 'b', 'c') as [Node, Node, Node];
  await write(a, 'telemetry', 100);
  await bring(b, bytesOf(await take(a)));
  await bring(a, bytesOf(await take(b)));
  assert.is((await exportPlan(a, { volumeBytes: 1, padded: false })).filter(({ stream }) => stream === 'telemetry').length, 0);
  await revoke(a, b.id, 'stolen');
  await bring(c, bytesOf(await take(a)));
  assert.is(c.streams().find((s) => s.stream === 'telemetry')?.events, 100);
  await Promise.all([a.close(), b.close(), c.close()]);
});

test('the word of a restored node whose clock went back takes back what it cannot hold any more', async () => {
  const disk = new Disk('b'), { node: a } = await createFleet(options('a'), { name: 'f', nodeName: 'a' });
  const b = await joinFleet(options('b', disk), await invite(a, { admin: false, read: ['*'], write: ['*'] }), { nodeName: 'b' });
  await write(a, 'telemetry', 100);
  await bring(b, bytesOf(await take(a)));
  await b.checkpoint();
  const backup = disk.copy('backup');
  await write(a, 'telemetry', 100);
  await bring(b, bytesOf(await take(a)));
  await bring(a, bytesOf(await take(b)));
  await b.close();
  assert.is((await exportPlan(a, { for: [b.id], volumeBytes: 1, padded: false })).filter(({ stream }) => stream === 'telemetry').length, 0);
  const now = clock;
  clock -= 86_400_000;
  const again = await openNode(options('b again', backup)), word = bytesOf(await take(again));
  clock = now + 1_000;
  await bring(a, word);
  await bring(again, bytesOf(await take(a, { for: [b.id] })));
  assert.is(again.digest().events, 200);
  await Promise.all([a.close(), again.close()]);
});

/** Blocks of a member that means harm. */
function evil(node: Node, kind: number, n: number, size: number, body: (i: number) => Bytes, where: (i: number) => { volume: number; index: number }): Bytes {
  const key = bundleKey(fakeCrypto, node.fleet), random = new Chance('evil');
  return concat(...Array.from({ length: n }, (_, i) => sealBlock(fakeCrypto, random, key, { kind, bundle: new Uint8Array(8), ...where(i), last: i === n - 1, body: body(i) }, size)));
}

test('blocks that say that millions are missing are listed as a few, and the first of each volume is named', async () => {
  const [a] = await fleet('a') as [Node];
  const report = await bring(a, evil(a, SEGMENTS, 200, 4_096, () => Uint8Array.of(0x80), (i) => ({ volume: i, index: 16_000_000 })));
  assert.is(report.volumes.length, 200);
  assert.ok(report.volumes.every((v) => v.damaged.length > 0));
  assert.ok(report.volumes.reduce((n, v) => n + v.damaged.length, 0) <= DAMAGED_MOST + 200);
  await a.close();
});

test('rows of parity that were dealt otherwise are left, and end no import', async () => {
  const [a, b] = await fleet('a', 'b') as [Node, Node];
  await write(a, 'telemetry', 300);
  const row = (members: number, rows: number, n: number): Bytes => evil(a, PARITY, 1, 5_120, () => encodeRow({ deal: { blocks: [members], size: 4_096, members, rows, stripes: 1 }, stripe: 0, row: n, bytes: new Uint8Array(4_096) }), () => ({ volume: 0, index: n }));
  const report = await bring(b, concat(row(250, 1, 0), ...Array.from({ length: 250 }, (_, i) => row(1, 254, i + 1)), bytesOf(await take(a))));
  assert.ok(report.events >= 300);
  await Promise.all([a.close(), b.close()]);
});

test('an index that names more than is to be remembered says nothing: the blocks themselves tell', async () => {
  const [a] = await fleet('a') as [Node], random = new Chance('names');
  const names = (): Bytes => {
    const body = new BlockBody();
    while (body.add(encodeEntry({ stream: 's', log: random.bytes(16), first: 3, last: 3, block: 1 }), 65_536));
    return body.take();
  };
  const look = (n: number): Promise<Look | undefined> => {
    const bytes = evil(a, INDEX, n, 65_536, names, (index) => ({ volume: 0, index }));
    return lookAt(fakeCrypto, bundleKey(fakeCrypto, a.fleet), bytes.length, (at, length) => Promise.resolve(bytes.slice(at, at + length)));
  };
  assert.ok((await look(4))!.held!.length > 1_000);
  assert.is((await look(100))!.held, undefined);
  await a.close();
});

test.run();
