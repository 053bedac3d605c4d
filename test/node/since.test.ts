// Cursors: who follows a stream and is cut off again and again is told everything, whatever happened meanwhile, and not much twice.
// timeout: 240s
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import fc from 'fast-check';
import { codeOf } from '../../src/fault.ts';
import { parseSegment } from '../../src/event/segment.ts';
import type { Node } from '../../src/node.ts';
import { openNode } from '../../src/node.ts';
import { createFleet, joinFleet } from '../../src/node-setup.ts';
import { followFrom } from '../../targets/edge/follow.ts';
import { Chance } from '../sim/chance.ts';
import { EagerTimeline } from '../sim/eager-timeline.ts';
import { fakeCrypto } from '../sim/fake-crypto.ts';
import { Disk } from '../sim/memory-disk.ts';
import { mountJournal } from '../sim/memory-journal.ts';
import { mountStore } from '../sim/memory-store.ts';
import { Mount } from '../sim/mount.ts';

const test = suite('since');
const STREAM = 's';

/** One machine of a small fleet, with whatever process runs on it now. */
interface Machine { disk: Disk; node: Node; seed: string; wall: number }
let uptime = 0, seeds = 0;

function options(disk: Disk, seed: string, wall: number) {
  // What the disk draws must not change what the process does.
  const chance = new Chance(seed), mount = new Mount(disk, new EagerTimeline(), new Chance(`disk ${seed}`));
  return {
    store: mountStore(mount), journal: mountJournal(mount), random: chance, crypto: fakeCrypto,
    clock: { now: () => wall + uptime, uptime: () => uptime, quality: () => 0 as const, boot: new Uint8Array(8) },
    keys: { load: () => Promise.resolve(disk.keyFile), save: (bytes: Uint8Array) => { disk.keyFile = bytes.slice(); return Promise.resolve(); } },
    wake: () => undefined, notice: () => undefined,
  };
}
async function found(): Promise<Machine> {
  const disk = new Disk('o'), seed = `${++seeds}`;
  return { disk, seed, wall: 1_000_000, node: (await createFleet(options(disk, seed, 1_000_000), { name: 'f', nodeName: 'o' })).node };
}
async function join(at: Machine, wish: object = {}): Promise<Machine> {
  const disk = new Disk(`m${++seeds}`), seed = `${++seeds}`, wall = 1_000_000 - seeds * 77;
  const node = await joinFleet(options(disk, seed, wall), await at.node.invite(wish), { nodeName: disk.label });
  return { disk, node, seed, wall };
}
/** A new process on what is on the disk now; with the seed of another one it is a snapshot of it that runs twice. */
async function start(machine: Machine, disk: Disk, seed = `${++seeds}`): Promise<Machine> {
  return { disk, seed, wall: machine.wall, node: await openNode(options(disk, seed, machine.wall)) };
}
const append = (machine: Machine, n: number, from = 0): Promise<unknown> => machine.node.append(STREAM, Array.from({ length: n }, (_, i) => ({ key: `k${(from + i) % 3}`, type: 't', body: from + i })));
/** All segments that a machine holds. */
function segments(machine: Machine, wanted: (stream: string) => boolean = () => true): Uint8Array[] {
  const all = [...machine.disk.tables.segment.scan({ limit: 1_000_000 })].map((row) => row.value);
  for (const own of machine.node.writer.unstored()) if (wanted(own.opening.stream)) all.push(...own.live.map((s) => s.bytes));
  return all;
}
async function ids(node: Node): Promise<string[]> {
  const all: string[] = [];
  for await (const entry of node.read(STREAM)) all.push(entry.id);
  return all;
}
/** What comes, until nothing does any more or `most` events did; then the reader goes away. The last cursor it was given is where it goes on. */
async function follow(node: Node, from: string, most = Infinity): Promise<{ told: string[]; cursor: string }> {
  const end = new AbortController(), told: string[] = [];
  let cursor = from, turns = 0;
  const reading = (async () => {
    for await (const each of followFrom(node, STREAM, {}, from, end.signal, { busy: 0, idle: 0 })) {
      turns = 0;
      if ('cursor' in each) cursor = each.cursor;
      else if (told.push(each.entry.id) >= most) return;
    }
  })();
  let over = false;
  const watched = reading.finally(() => { over = true; });
  while (!over && turns++ < 60) await new Promise((resolve) => setImmediate(resolve));
  end.abort();
  await watched;
  return { told, cursor };
}

test('exactly what is new comes, whether it is sealed, stored, late, or written after a restart', async () => {
  let o = await found();
  const w = await join(o);
  await o.node.admit(segments(w));
  await append(o, 5);
  await append(w, 5);
  const first = await follow(o.node, 'start');
  assert.equal(first.told, await ids(o.node));
  const known = new Set(first.told);
  let { cursor } = first;
  const more = async (what: string, twice = 0): Promise<void> => {
    const wanted = (await ids(o.node)).filter((id) => !known.has(id));
    const next = await follow(o.node, cursor);
    assert.is(next.told.length, wanted.length + twice, what);
    assert.equal(next.told.filter((id) => !known.has(id)).sort(), wanted.sort(), what);
    ({ cursor } = next);
    for (const id of next.told) known.add(id);
  };
  await more('nothing');
  await append(o, 3);
  await more('not sealed');
  o.node.seal(STREAM);
  await more('sealed');
  await o.node.checkpoint();
  await more('stored');
  w.node.seal(STREAM);
  await o.node.admit(segments(w));
  await more('late: their clock is behind');
  await append(w, 300);
  await append(o, 300);
  await w.node.checkpoint();
  await o.node.admit(segments(w));
  await o.node.checkpoint();
  await more('many, of both');
  for (let i = 0; i < 3; i++) {
    await append(o, 2);
    if (i !== 1) await o.node.close();
    o = await start(o, i === 1 ? o.disk.copy('crashed') : o.disk);
    await append(o, 2);
    await more(`restart ${i}`);
  }
  const w2 = await start(w, w.disk.copy('w2'));
  await w.node.close();
  await append(w2, 4);
  await w2.node.checkpoint();
  await o.node.admit(segments(w2));
  await more('of a later process elsewhere');
  await o.node.checkpoint();
  await more('nothing more');
  // Another node takes the same cursor.
  await o.node.close();
  o = w2;
  await append(w2, 3);
  const there = await follow(w2.node, cursor);
  assert.is(there.told.filter((id) => !known.has(id)).length, 3);
});

test('a reading that is broken off goes on where it was, and what came meanwhile is told too', async () => {
  const o = await found(), w = await join(o);
  await append(w, 40);
  await append(o, 400);
  let cursor = 'start';
  const told: string[] = [];
  for (let i = 0; i < 60; i++) {
    const part = await follow(o.node, cursor, 20);
    told.push(...part.told);
    cursor = part.cursor;
    if (i === 5) await append(o, 30, 1_000);
    if (i === 8) {
      await w.node.checkpoint();
      await o.node.admit(segments(w)); // older than anything that is still to be read
    }
    if (part.told.length < 20) break;
  }
  const all = await ids(o.node);
  assert.is(all.length, 470);
  assert.equal([...new Set(told)].sort(), all.sort());
  // The event at each break was told before its cursor could be.
  assert.ok(told.length <= 470 + 30, `${told.length} told`);
});

test('what only a later key opens, and what a release gives back, comes then', async () => {
  const o = await found(), a = await join(o), b = await join(o);
  for (const m of [a, b]) await o.node.admit(segments(m));
  for (const m of [a, b]) await m.node.admit(segments(o));
  await a.node.admit(segments(b));
  await append(b, 7);
  await b.node.checkpoint();
  await a.node.admit(segments(b));
  const first = await follow(a.node, 'start');
  assert.is(first.told.length, 7);
  // A revocation starts a new key: what is written under it reaches `a` before the key does.
  await o.node.revoke(b.node.id, 'lost');
  uptime += 100_000;
  for (let i = 0; i < 5; i++) { o.node.tick(); await new Promise((resolve) => setTimeout(resolve, 5)); }
  await append(o, 3);
  await o.node.checkpoint();
  const all = segments(o).map((bytes) => ({ bytes, fleet: parseSegment(bytes).header.stream === '$fleet' }));
  assert.ok(all.some((s) => s.fleet) && all.some((s) => !s.fleet));
  await a.node.admit(all.filter((s) => !s.fleet).map((s) => s.bytes));
  const blind = await follow(a.node, first.cursor);
  assert.equal(blind.told, [], 'it cannot be read yet');
  await append(b, 4);
  await b.node.checkpoint();
  await a.node.admit(all.filter((s) => s.fleet).map((s) => s.bytes));
  await a.node.admit(segments(b));
  const opened = await follow(a.node, blind.cursor);
  assert.is((await ids(a.node)).length, 3, 'all of b is in quarantine');
  assert.equal(opened.told.filter((id) => !first.told.includes(id)).length, 3);
  await o.node.admit(segments(b));
  await o.node.release(b.node.id);
  await o.node.checkpoint();
  await a.node.admit(segments(o));
  const released = await follow(a.node, opened.cursor);
  assert.is((await ids(a.node)).length, 14);
  assert.ok((await ids(a.node)).every((id) => [first, opened, released].some((part) => part.told.includes(id))));
});

test('a cursor says nothing about another branch of the same log', async () => {
  const o = await found(), p = await join(o), w = await join(o);
  for (const m of [p, w]) for (const other of [o, p, w]) if (other !== m) await other.node.admit(segments(m));
  for (const m of [p, w]) await m.node.admit(segments(o));
  await append(w, 4);
  await w.node.checkpoint();
  // A snapshot of the running machine that runs twice: one log, two ways on.
  const disk = w.disk.copy('twin'), same = `${++seeds}`;
  await w.node.close();
  const left = await start(w, w.disk, same), right = await start(w, disk, same);
  await append(left, 6, 100);
  await append(right, 9, 200);
  assert.equal(left.node.writer.logs.get(STREAM)!.log, right.node.writer.logs.get(STREAM)!.log);
  for (const m of [left, right]) await m.node.checkpoint();
  await o.node.admit(segments(left));
  await p.node.admit(segments(right));
  const there = await follow(o.node, 'start');
  assert.is(there.told.length, 10);
  const here = await follow(p.node, there.cursor);
  const all = await ids(p.node);
  assert.is(all.length, 13);
  assert.equal(all.filter((id) => !there.told.includes(id) && !here.told.includes(id)), []);
  // Where both are held, one cursor stands for both.
  await p.node.admit(segments(left));
  const both = await follow(p.node, here.cursor);
  assert.equal((await ids(p.node)).filter((id) => ![there, here, both].some((part) => part.told.includes(id))), []);
  assert.equal((await follow(p.node, both.cursor)).told, []);
});

test('other things than cursors of this stream are refused', async () => {
  const o = await found();
  await append(o, 3);
  await o.node.append('other', [{ key: 'a', type: 't', body: 1 }]);
  const good = await o.node.cursor(STREAM), stranger = await (await found()).node.cursor(STREAM);
  assert.equal((await follow(o.node, good)).told, []);
  const refused = async (cursor: string): Promise<void> => {
    try {
      for await (const _ of o.node.since(STREAM, cursor)) assert.unreachable();
      assert.unreachable(cursor);
    } catch (error) { assert.is(codeOf(error), 'bad-argument', String(error)); }
  };
  for (const bad of ['', 'now', 'x', 'AAAA', await o.node.cursor('other'), stranger, `${good}AA`, good.slice(0, -2), good.slice(2)]) await refused(bad);
  await fc.assert(fc.asyncProperty(fc.nat(good.length - 1), fc.constantFrom(...'ABCxyz019_-'), async (at, char) => {
    const changed = good.slice(0, at) + char + good.slice(at + 1);
    try { for await (const _ of o.node.since(STREAM, changed)) { /* what it covers is its holder's affair */ } } catch (error) { assert.is(codeOf(error), 'bad-argument', changed); }
  }), { numRuns: 200 });
});

type Act = { kind: 'append' | 'seal' | 'checkpoint' | 'restart' | 'crash' | 'copy' | 'twin' | 'send' | 'fleet' | 'revoke' | 'release' | 'tick' | 'read'; a: number; b: number; n: number };
const acts = fc.array(fc.record<Act>({
  kind: fc.constantFrom('append', 'append', 'seal', 'checkpoint', 'restart', 'restart', 'restart', 'crash', 'copy', 'twin', 'twin', 'send', 'send', 'send', 'send', 'send', 'fleet', 'revoke', 'release', 'tick', 'read', 'read', 'read', 'read'),
  a: fc.nat(9), b: fc.nat(9), n: fc.nat(1_000),
}), { minLength: 30, maxLength: 120, size: 'max' });

test('through any history nothing is left out', async () => {
  const seed = Number(process.env['SEED'] ?? Date.now() % 1_000_000_000);
  console.log(`seed ${seed}`);
  let told = 0, held = 0, resumed = 0;
  await fc.assert(fc.asyncProperty(acts, async (history) => {
    uptime = seeds = 0;
    const machines: Machine[] = [await found()];
    for (let i = 0; i < 3; i++) machines.push(await join(machines[0]!));
    for (const one of machines) for (const other of machines) if (one !== other) await other.node.admit(segments(one));
    // Readers at two nodes: the admin, and one that gets its keys from others.
    const readers = [0, 1].map((at) => ({ at, cursor: 'start', told: new Set<string>() }));
    const read = async (reader: typeof readers[number], most: number): Promise<void> => {
      const part = await follow(machines[reader.at]!.node, reader.cursor, most);
      if (reader.cursor !== 'start' && part.told.length > 0) resumed++;
      reader.cursor = part.cursor;
      for (const id of part.told) reader.told.add(id);
      told += part.told.length;
    };
    for (const { kind, a, b, n } of history) {
      uptime += n * 10;
      const one = machines[a % machines.length]!;
      // Most go to where somebody reads.
      const other = machines[b < 7 ? b % 2 : b % machines.length]!;
      const chance = new Chance(`${a} ${b} ${n}`);
      switch (kind) {
        case 'append': await append(one, 1 + n % 8, n).catch(() => undefined); break;
        case 'seal': one.node.seal(STREAM); break;
        case 'checkpoint': await one.node.checkpoint(); break;
        case 'restart': await append(one, 1 + n % 3, n).catch(() => undefined); await one.node.close(); machines[a % machines.length] = await start(one, one.disk); break;
        case 'crash': machines[a % machines.length] = await start(one, one.disk.copy(`c${++seeds}`)); break;
        case 'copy': if (machines.length < 8 && a % machines.length > 1) machines.push(await start(one, one.disk.copy(`c${++seeds}`))); break;
        case 'twin': {
          if (machines.length >= 8 || a % machines.length < 2) break;
          // The same machine, twice, from one snapshot: both go on with one log.
          await one.node.checkpoint();
          const disk = one.disk.copy(`t${++seeds}`), same = `${++seeds}`;
          await one.node.close();
          const left = await start(one, one.disk, same), right = await start(one, disk, same);
          machines[a % machines.length] = left;
          machines.push(right);
          await append(left, 1 + n % 5, n).catch(() => undefined);
          await append(right, 1 + n % 7, n + 1).catch(() => undefined);
          break;
        }
        case 'send': case 'fleet': {
          const all = chance.shuffle(segments(one)), fleetOnly = kind === 'fleet';
                  const some = all.filter((bytes) => fleetOnly ? parseSegment(bytes).header.stream === '$fleet' : chance.int(0, 999) < n);
          for (let i = 0; i < some.length; i += 5) await other.node.admit(some.slice(i, i + 5));
          break;
        }
        case 'revoke': if (a % machines.length > 1) await machines[0]!.node.revoke(one.node.id, 'why').catch(() => undefined); break;
        case 'release': if (a % machines.length > 1) await machines[0]!.node.release(one.node.id).catch(() => undefined); break;
        case 'tick': one.node.tick(); break;
        case 'read': await read(readers[b % 2]!, n % 4 === 0 ? 1 + n % 30 : Infinity); break;
      }
    }
    for (const reader of readers) {
      await read(reader, Infinity);
      const all = await ids(machines[reader.at]!.node);
      held += all.length;
      const left = all.filter((id) => !reader.told.has(id));
      assert.equal(left, [], `left out at machine ${reader.at}`);
    }
    for (const { node } of machines) await node.close();
  }), { numRuns: Number(process.env['RUNS'] ?? 120), seed, ...(process.env['AT'] && { path: process.env['AT'] }), endOnFailure: process.env['SHRINK'] === undefined });
  console.log(`${held} events held in the end, ${told} told in ${resumed} readings that went on from a cursor`);
  assert.ok(held > 1_000 && resumed > 100);
});

test.run();
