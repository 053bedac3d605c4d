// What a chart shows of a history: thinned, it draws the same line; and how the fleet is put together, ordered and grouped.

import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import fc from 'fast-check';
import type { FleetPatch } from '../../targets/page/contract.ts';
import { addPage, addPatch, type Held } from '../../targets/page/merge.ts';
import { byName, fits, ordered } from '../../targets/page/order.ts';
import { createSeries, numbersOf, tabled } from '../../targets/page/series.ts';
import { groupsOf, placed } from '../../targets/page/topology-groups.ts';
import { madeFleet, START } from './made-fleet.ts';

const test = suite('series');
const SEED = Number(process.env['SEED'] ?? Math.floor(Math.random() * 2 ** 31));
console.log(`seed ${SEED}`);

const readings = fc.array(fc.tuple(fc.nat(40_000_000), fc.integer({ min: -1_000_000, max: 1_000_000 })).map(([time, value]) => ({ time, value: value / 64 })), { minLength: 1, maxLength: 4_000, size: 'max' });

test('however many points there are, each moment keeps its first, last, lowest and highest; the order of arrival does not matter', () => {
  fc.assert(fc.property(readings, (all) => {
    const series = createSeries(), backwards = createSeries();
    for (const { time, value } of all) series.add(time, value);
    for (const { time, value } of [...all].reverse()) backwards.add(time, value);
    const { x, y } = series.columns(), drawn = y[0]!.filter((each): each is number => typeof each === 'number');
    assert.is(series.events, all.length);
    assert.ok(drawn.length <= 4 * 1_200);
    assert.equal(x, [...x].sort((a, b) => a - b));
    const values = all.map(({ value }) => value), times = all.map(({ time }) => time);
    assert.is(Math.max(...drawn), Math.max(...values));
    assert.is(Math.min(...drawn), Math.min(...values));
    assert.is(x[0], Math.min(...times) / 1000);
    assert.is(x.at(-1), Math.max(...times) / 1000);
    // Every point is one that came.
    const known = new Set(all.map(({ time, value }) => `${time / 1000} ${value}`));
    x.forEach((at, i) => { if (typeof y[0]![i] === 'number') assert.ok(known.has(`${at} ${y[0]![i]}`)); });
    // In each span of time, as wide as it must be for 1,200 of them, the extremes are there.
    let width = 1;
    while (new Set(times.map((time) => Math.floor(time / width))).size > 1_200) width *= 2;
    const extremes = (points: { time: number; value: number }[]): Map<number, [number, number]> => {
      const found = new Map<number, [number, number]>();
      for (const { time, value } of points) {
        const own = found.get(Math.floor(time / width));
        found.set(Math.floor(time / width), own === undefined ? [value, value] : [Math.min(own[0], value), Math.max(own[1], value)]);
      }
      return found;
    };
    assert.equal(extremes(x.flatMap((at, i) => (typeof y[0]![i] === 'number' ? [{ time: Math.round(at * 1000), value: y[0]![i]! }] : []))), extremes([...all].sort((a, b) => a.time - b.time)));
    assert.equal(new Set(backwards.columns().y[0]!.filter((each) => typeof each === 'number')).has(Math.max(...values)), true);
  }), { seed: SEED, numRuns: 20 });
});

test('a silence breaks the line, a field that is missing in an event does not', () => {
  const series = createSeries();
  for (let i = 0; i < 100; i++) series.add(i * 1_000 + (i >= 50 ? 600_000 : 0), i % 2 === 0 ? { a: i, b: { c: i } } : { a: i });
  const { x, y, gapMs, thinned } = series.columns();
  assert.equal(series.fields, ['a', 'b.c']);
  assert.is(y[0]!.filter((each) => each === null).length, 1);
  assert.is(y[1]!.filter((each) => each === null).length, 1);
  assert.is(y[1]!.filter((each) => each === undefined).length, 50);
  assert.ok(x.length === 101 && gapMs >= 2_000 && gapMs < 600_000);
  assert.not.ok(thinned);
});

test('numbers are found wherever they stand in a body, and nothing else is', () => {
  const found: [string, number, boolean][] = [];
  numbersOf({ t: 1.5, on: true, text: '7', none: null, load: [1, 2], long: [1, 2, 3, 4, 5], deep: { a: { b: { c: { d: 1 } } } }, raw: { $bytes: 'AA' }, bad: NaN }, (...each) => found.push(each));
  assert.equal(found, [['t', 1.5, false], ['on', 1, true], ['load[0]', 1, false], ['load[1]', 2, false]]);
  numbersOf(4, (...each) => assert.equal(each, ['', 4, false]));
});

test('a table has each value where they are few, and spans with their extremes where they are many', () => {
  const x = Array.from({ length: 1_000 }, (_, i) => i), column = x.map((i) => (i === 500 ? null : i === 321 ? 9_999 : i));
  const rows = tabled(x, column, 60);
  assert.ok(rows.length <= 60);
  assert.is(rows.reduce((sum, { count }) => sum + count, 0), 999);
  assert.is(Math.max(...rows.map(({ high }) => high)), 9_999);
  assert.is(rows[0]!.to, 999_000);
  assert.is(tabled([1, 2], [5, undefined], 60).length, 1);
});

test('pages and changes of a fleet are put together: what is not named stays, what is the same is the same', () => {
  const fleet = madeFleet(30, 'fleet', START), { nodes, head } = fleet;
  const empty: Held = { head: undefined, nodes: new Map(), turn: 0, heard: 0 };
  let held = addPage(empty, { ...head, nodes: nodes.slice(0, 20) }, true);
  held = addPage(held, { ...head, nodes: nodes.slice(15) }, false);
  assert.is(held.nodes.size, 30);
  const before = held, other = held.nodes.get(nodes[4]!.node);
  const patch: FleetPatch = { version: 'v2', now: START + 5_000, counts: { ...head.counts }, nodes: [{ node: nodes[3]!.node, version: '2.0.0' }, { node: 'ff', name: 'half a row' }], streams: [{ ...head.streams[1]!, events: 7 }, { stream: 'new', events: 1, logs: 1, rate: [] }] };
  held = addPatch(held, patch);
  assert.equal([held.nodes.get(nodes[3]!.node)!.version, held.nodes.get(nodes[3]!.node)!.name], ['2.0.0', nodes[3]!.name]);
  assert.is(held.nodes.get(nodes[4]!.node), other);
  assert.not.ok(held.nodes.has('ff'));
  assert.is(held.head!.counts, before.head!.counts);
  assert.is(held.head!.alarms, before.head!.alarms);
  assert.equal(held.head!.streams.map(({ stream, events }) => [stream, events]), [...head.streams.map(({ stream, events }, at) => [stream, at === 1 ? 7 : events]), ['new', 1]]);
  assert.equal([held.heard, held.head!.now - held.head!.uptimeMs], [START + 5_000, head.now - head.uptimeMs]);
});

test('orders are total, and each choice shows those and no others', () => {
  const { nodes } = madeFleet(300, 'fleet', START);
  for (const by of ['attention', 'name', 'contact', 'lacks', 'behind', 'clock', 'disk', 'version'] as const) {
    const up = ordered(nodes, { find: '', only: 'all', by, down: false }, START);
    assert.is(new Set(up).size, 300);
    assert.equal(ordered([...nodes].reverse(), { find: '', only: 'all', by, down: false }, START), up, by);
  }
  for (const only of ['attention', 'contact', 'silent', 'lacking', 'behind', 'revoked'] as const) {
    assert.equal(new Set(ordered(nodes, { find: '', only, by: 'name', down: true }, START)), new Set(nodes.filter((row) => fits(row, only)).map(({ node }) => node)), only);
  }
  const names = ['pump-10', 'pump-9', 'Pump-2'].map((name) => ({ ...nodes[0]!, name })).sort(byName).map(({ name }) => name);
  assert.equal(names, ['Pump-2', 'pump-9', 'pump-10']);
});

test('the drawing of links has every node once, and nothing moves when states change', () => {
  const { nodes, head } = madeFleet(500, 'fleet', START);
  const groups = groupsOf(head, nodes, START), leaves = groups.flatMap((group) => group.leaves.filter(({ node }) => node !== undefined).map(({ node }) => node));
  assert.equal([...leaves].sort(), nodes.filter(({ self }) => !self).map(({ node }) => node).sort());
  const where = (at: ReturnType<typeof placed>): [string, number, number][] => at.groups.flatMap((each) => each.group.leaves.map(({ id }, i): [string, number, number] => [id, each.leaf(i).x, each.leaf(i).y]));
  for (const width of [300, 1_000]) {
    const before = where(placed(groups, width));
    assert.ok(before.every(([, x]) => x < width));
    const changed = nodes.map((row) => ({ ...row, alarms: row.alarms + 1, disk: null, links: row.links.map((link) => ({ ...link, level: false })) }));
    assert.equal(where(placed(groupsOf(head, [...changed].reverse(), START + 5_000), width)), before);
  }
});

test.run();
