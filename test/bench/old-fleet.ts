// A fleet with a long past, for benchmarks: two nodes that hold the same of a hundred authors, with very many sealed incarnations behind each log.

import { existsSync, mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Bytes, Op } from '../../src/ports.ts';
import type { Opening, Tip } from '../../src/event/chain.ts';
import { decode, encode } from '../../src/event/cbor.ts';
import { concat } from '../../src/event/bytes.ts';
import { RunBuilder } from '../../src/event/run.ts';
import { createCrypto, createRandom } from '../../src/io/crypto.ts';
import { encodeItems } from '../../src/log/archive.ts';
import { TIP } from '../../src/log/item.ts';
import { ownLog, sealRun, type OwnLog, type Sealer } from '../../src/log/own.ts';
import { lineageKey } from '../../src/log/place.ts';
import { encodeRecord } from '../../src/log/record.ts';
import { joinFleet } from '../../src/node-setup.ts';
import type { Node } from '../../src/node.ts';
import { invite } from '../../src/node-acts.ts';
import { Chance } from '../sim/chance.ts';
import { EagerTimeline } from '../sim/eager-timeline.ts';
import { Disk } from '../sim/memory-disk.ts';
import { mountJournal } from '../sim/memory-journal.ts';
import { mountStore } from '../sim/memory-store.ts';
import { Mount } from '../sim/mount.ts';
import { machineClock, openBenchNode, storeAll, type BenchNode } from './bench-node.ts';
import { linkPair } from './memory-link.ts';
import { KEPT, PLACE, say } from './rows.ts';
import { readings } from './trace.ts';

export const STREAM = 'telemetry';
const crypto = createCrypto(), random = createRandom();

/** One author's current log, which goes on where the last benchmark left it. */
export interface Author { seed: Bytes; opening: Opening; key: Bytes; position: number; e: Bytes }

/** Two nodes of one fleet and its authors. */
export interface OldFleet { a: BenchNode; b: BenchNode; authors: Author[]; save(): void }

/** Opens the fleet, which is made once and kept in dist/bench: `authors` logs of `events` events each, `past` incarnations before them in all. */
export async function openOldFleet(authors: number, events: number, past: number): Promise<OldFleet> {
  const folder = join(PLACE, `old-fleet-${KEPT}-${authors}-${events}-${past}`), file = join(folder, 'authors');
  if (!existsSync(file)) await make(folder, authors, events, past);
  const known = (decode(new Uint8Array(readFileSync(file))) as any[][]).map(([seed, fleet, node, incarnation, grant, keyHash, boot, cite, key, position, e]): Author => ({
    seed, key, position, e, opening: { fleet, node, incarnation, stream: STREAM, grant, keyHash, boot, cites: [{ log: cite[0], position: cite[1], e: cite[2] }] },
  }));
  const a = await openBenchNode(join(folder, 'a')), b = await openBenchNode(join(folder, 'b'));
  const fleet = { a, b, authors: known, save: () => save(file, known) };
  await bringTogether(a.node, b.node);
  return fleet;
}

/** Seals the next events of an author as segments of one event each. */
export function nextSegments(author: Author, count: number, at: number): Bytes[] {
  const own = logOf(author), out: Bytes[] = [];
  for (let i = 0; i < count; i++) out.push(...sealed(own, author.seed, 1, at + i));
  author.position = own.position;
  author.e = own.chain.before.slice();
  return out;
}

/** A session that `b` opens, until both hold the same. `chain`: messages one after the other until the last segment came; `out`: bytes from `b`. */
export async function bringTogether(a: Node, b: Node, delayMs = 0): Promise<{ bytes: number; out: number; ms: number; chain: number }> {
  const { a: left, b: right, traffic } = linkPair(delayMs);
  const since = performance.now(), door = b.admit.bind(b);
  let chain = 0;
  b.admit = (segments) => { chain = traffic.chain; return door(segments); };
  const served = a.connect(right, 'accept');
  await b.connect(left, 'open', { once: true }).done;
  const ms = performance.now() - since;
  await served.done.catch(() => undefined);
  if (a.digest().digest !== b.digest().digest) throw new Error('a session ended and the nodes do not hold the same');
  b.admit = door;
  return { bytes: traffic.fromA + traffic.fromB, out: traffic.fromA, ms, chain };
}

function save(file: string, authors: Author[]): void {
  const rows = authors.map(({ seed, key, position, e, opening: o }) => {
    const cite = o.cites[0]!;
    return [seed, o.fleet, o.node, o.incarnation, o.grant, o.keyHash, o.boot, [cite.log, cite.position, cite.e], key, position, e];
  });
  writeFileSync(`${file}.part`, encode(rows));
  renameSync(`${file}.part`, file);
}

function logOf(author: Author): OwnLog {
  const at = author.position ? { position: author.position, e: author.e } : undefined;
  return { ...ownLog(crypto, author.opening, author.key, at), ratio: 4 };
}

const sealerOf = (seed: Bytes): Sealer => ({ crypto, random, seed, clock: { quality: 2, uptime: 1_000 } });
const some = readings(10_000);

/** The next `count` events of a log, sealed. */
function sealed(own: OwnLog, seed: Bytes, count: number, at: number): Bytes[] {
  const builder = new RunBuilder();
  for (let i = 0; i < count; i++) builder.add({ ...some[(at + i) % some.length]!, stamp: { generation: 0, ms: 1_700_000_000_000 + own.position + i, counter: 0 }, joined: false });
  const run = builder.take(), first = own.position + 1, before = own.chain.before, hashes = own.chain.all(run);
  own.position += count;
  return sealRun(own, sealerOf(seed), first, before, run, hashes).map((s) => s.bytes);
}

async function make(folder: string, count: number, events: number, past: number): Promise<void> {
  say(`making a fleet of ${count} authors with ${past} incarnations behind them, once`);
  rmSync(folder, { recursive: true, force: true });
  mkdirSync(folder, { recursive: true });
  const a = await openBenchNode(join(folder, 'a'));
  const b = await openBenchNode(join(folder, 'b'), { invitation: await invite(a.node, {}) });
  const authors: Author[] = [];
  for (let i = 0; i < count; i++) authors.push(await enter(a.node, i));
  await storeAll(a.node);
  await bringTogether(a.node, b.node);
  for (const { node } of [a, b]) await layPast(node, authors, past);
  for (const { node, stop } of [a, b]) { await stop(); say(`the past lies in one store (${node.name})`); }
  const again = [await openBenchNode(join(folder, 'a')), await openBenchNode(join(folder, 'b'))] as const;
  for (const author of authors) {
    const own = logOf(author), segments = sealed(own, author.seed, events, 0);
    author.position = own.position;
    author.e = own.chain.before.slice();
    for (const { node } of again) for (const done of await node.admit(segments)) if (done.refused || !done.events) throw new Error(`a segment was not admitted: ${done.refused}`);
  }
  for (const { stop } of again) await stop();
  save(join(folder, 'authors'), authors);
}

/** A new member, whose node lives in memory until it has joined. */
async function enter(a: Node, i: number): Promise<Author> {
  const mount = new Mount(new Disk(`author ${i}`), new EagerTimeline(), new Chance(`author ${i}`));
  let kept: Bytes | undefined;
  const node = await joinFleet({
    store: mountStore(mount), journal: mountJournal(mount), clock: machineClock(), random, crypto, wake: () => undefined, notice: () => undefined,
    keys: { load: async () => kept, save: async (bytes) => { kept = bytes; } },
  }, await invite(a, { name: `author-${i}` }), { nodeName: `author-${i}` });
  await node.checkpoint();
  const rows = await node.options.store.scan('segment', {});
  for (const done of await a.admit(rows.map((row) => row.value))) if (done.refused) throw new Error(`a join was refused: ${done.refused}`);
  const key = node.desk.author.key(STREAM)!;
  const cite: Tip = { log: new Uint8Array(16), position: 1, e: new Uint8Array(32) };
  const opening: Opening = { fleet: node.fleet, node: node.id, incarnation: random.bytes(16), stream: STREAM, grant: node.desk.author.grant(STREAM), keyHash: key.hash, boot: random.bytes(8), cites: [cite] };
  const author = { seed: node.desk.author.seed, opening, key: key.key, position: 0, e: new Uint8Array(32) };
  await node.close();
  return author;
}

/** Writes records of sealed incarnations of ten events, each of which cites the one before it; of these only the store knows. Their segments are left out. */
async function layPast(node: Node, authors: Author[], past: number): Promise<void> {
  const { store } = node.options;
  const named = (label: string, i: number): Bytes => crypto.sha256(encode([label, i]));
  const idOf = (i: number): Bytes => {
    const head = new Uint8Array(4);
    new DataView(head.buffer).setUint32(0, Math.floor(i * (0xffff_ffff / past))); // rising, so that rows are written in order
    return concat(head, named('log', i).subarray(0, 12));
  };
  const n = authors.length;
  let ops: Op[] = [];
  for (let i = 0; i < past; i++) {
    const { opening: o } = authors[i % n]!, log = idOf(i), e = named('end', i), last = i + n >= past;
    const cited = last ? [] : [{ position: 10, e, by: [idOf(i + n)], held: true }];
    const opening = { boot: named('boot', i).slice(0, 8), cites: i < n ? [] : [{ log: idOf(i - n), position: 10, e: named('end', i - n) }] };
    ops.push({ table: 'log', key: log, value: encodeRecord({
      log, stream: STREAM, node: o.node, incarnation: named('incarnation', i).slice(0, 16), grant: o.grant, keyHash: o.keyHash, opening, height: 1 + Math.floor(i / n),
      spans: [{ from: 1, to: 10, before: named('start', i), after: e }], cited, events: 10, bounds: null, forked: false, hollow: false,
    }) }, { table: 'lineage', key: lineageKey(o.node, STREAM, log), value: new Uint8Array(0) });
    if (last) {
      o.cites[0] = { log, position: 10, e };
      ops.push({ table: 'frontier', key: log, value: encodeItems([{ kind: TIP, log, stream: STREAM, node: o.node, from: 10, to: 10, before: null, after: e }]) });
    }
    if (ops.length >= 4_000) { await store.commit(ops); ops = []; }
  }
  const tally = new TextEncoder().encode(`tally:${STREAM}`);
  await store.commit([...ops, { table: 'meta', key: tally, value: encode([past * 10, past, 0, 0]) }]);
}
