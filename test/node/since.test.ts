// Cursors: who follows a stream and is cut off is told exactly what is new, whatever it is that made it so.
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import fc from 'fast-check';
import { equal } from '../../src/event/bytes.ts';
import { parseSegment } from '../../src/event/segment.ts';
import { codeOf } from '../../src/fault.ts';
import { release, revoke } from '../../src/node-acts.ts';
import { append, course, follow, found, ids, isFleet, join, segments, start, STREAM } from './small-fleet.ts';

const test = suite('since');

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
  await revoke(o.node, b.node.id, 'lost');
  course.uptime += 100_000;
  for (let i = 0; i < 5; i++) { o.node.tick(); await new Promise((resolve) => setTimeout(resolve, 5)); }
  await append(o, 3);
  await o.node.checkpoint();
  const all = segments(o).map((bytes) => ({ bytes, fleet: isFleet(bytes) }));
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
  await release(o.node, b.node.id);
  await o.node.checkpoint();
  await a.node.admit(segments(o));
  const released = await follow(a.node, opened.cursor);
  assert.is((await ids(a.node)).length, 14);
  assert.ok((await ids(a.node)).every((id) => [first, opened, released].some((part) => part.told.includes(id))));
});

test('a gap that turns out to lie on another branch of a log: all of that branch comes, also where the other one was held', async () => {
  const o = await found(), w = await join(o);
  await o.node.admit(segments(w));
  await w.node.admit(segments(o));
  // One log, two ways on from its first event; the longer one goes on in a log of its own, which arrives before it.
  const disk = w.disk.copy('twin'), same = `${++course.seeds}`;
  await w.node.close();
  const left = await start(w, w.disk, same), right = await start(w, disk, same);
  await append(left, 1, 100);
  await append(right, 2, 200);
  const { incarnation } = left.node.writer.logs.get(STREAM)!.opening;
  assert.equal(incarnation, right.node.writer.logs.get(STREAM)!.opening.incarnation);
  for (const m of [left, right]) await m.node.checkpoint();
  for (const m of [left, right]) await m.node.close();
  const [other, later] = [await start(w, w.disk), await start(w, disk)];
  for (const m of [other, later]) {
    await append(m, 1, 300);
    await m.node.checkpoint();
  }
  await o.node.admit(segments(other));
  await o.node.admit(segments(later).filter((bytes) => !equal(parseSegment(bytes).header.incarnation, incarnation)));
  const before = await follow(o.node, 'start');
  assert.is(before.told.length, 3);
  await o.node.admit(segments(later));
  const after = await follow(o.node, before.cursor), all = await ids(o.node);
  assert.is(all.length, 5);
  assert.equal(all.filter((id) => !before.told.includes(id) && !after.told.includes(id)), []);
});

test('a cursor says nothing about another branch of the same log', async () => {
  const o = await found(), p = await join(o), w = await join(o);
  for (const m of [p, w]) for (const other of [o, p, w]) if (other !== m) await other.node.admit(segments(m));
  for (const m of [p, w]) await m.node.admit(segments(o));
  await append(w, 4);
  await w.node.checkpoint();
  // A snapshot of the running machine that runs twice: one log, two ways on.
  const disk = w.disk.copy('twin'), same = `${++course.seeds}`;
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

test.run();
