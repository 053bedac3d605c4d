// Simulated worlds on lines of tiny frames, of 1200 baud, minutes away, one-way for hours, and with several lines between two machines; and what it costs when the best one breaks.
// timeout: 300s

import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { append } from './acts-write.ts';
import { Edge, LINES } from './edge.ts';
import { revive } from './acts-fail.ts';
import { scenarioOf } from './scenarios.ts';
import { failures, rowsOf } from './seeds.ts';
import { World } from './world.ts';

/** Bytes that two greetings and comparisons may take. */
const GREETINGS = 4_096;

const worlds = suite('worlds on slow lines');

for (const { name, seeds, scenario } of rowsOf([['thin', 1, 3], ['spares', 3, 2]])) {
  worlds(name, async () => {
    const failed = await failures(seeds, scenario);
    assert.is(failed.length, 0, failed.join('\n'));
  });
}

/** One machine sends much to another over the better of two lines, which breaks so often; gives bytes on both lines, and how often it broke. */
async function transfer(seed: number, kinds: ['radio' | 'wan' | 'beads' | 'wire', 'radio' | 'beads' | 'wire'], breaks: number, events: number): Promise<{ bytes: number; broke: number; segment: number }> {
  const world = new World(seed, { ...scenarioOf(0, 'calm'), name: 'transfer' }), { timeline, chance } = world;
  let over = false, result = { bytes: 0, broke: 0, segment: 0 };
  const story = async (): Promise<void> => {
    const a = world.add('a'), b = world.add('b');
    await world.foundOn(a);
    await world.bring(a, b, { admin: false, read: ['*'], write: ['*'] });
    await Promise.all([revive(world, a), revive(world, b)]);
    for (let n = 0; n < events; n += 100) await append(world, a, { stream: 'telemetry', count: 100 });
    await a.ask((node) => node.checkpoint());
    const [best, spare] = kinds.map((kind, preference) => new Edge(a, b, LINES[kind], timeline, chance, world.trace, preference)) as [Edge, Edge];
    world.edges.push(best, spare);
    const level = (): boolean => a.node!.digest().digest === b.node!.digest().digest;
    let broke = 0;
    for (let waited = 0; !level() && waited < 100_000; waited++) {
      await timeline.sleep(200);
      const used = [...a.node!.connections].filter(({ resting, process }) => !resting && process !== undefined).map(({ link }) => link);
      if (broke >= breaks || !best.live?.some((end) => used.includes(end))) continue;
      await timeline.sleep(chance.int(500, 6_000));
      if (level()) break;
      broke++;
      best.up = false;
      best.cut(true);
      timeline.after(chance.int(5_000, 30_000), () => { best.up = true; });
    }
    assert.ok(level(), 'both hold the same in the end');
    const segment = Math.max(...[...a.disk.tables.segment.scan({})].map(({ value }) => value.length));
    result = { bytes: best.bytes() + spare.bytes(), broke, segment };
  };
  const told = story().finally(() => { over = true; });
  await timeline.run(10 * 86_400_000, () => over);
  await told;
  return result;
}

worlds('losing the best of two lines in the middle of a segment costs at most that segment and the greeting of the next connection', async () => {
  for (const [kinds, events] of [[['radio', 'beads'], 12_000], [['beads', 'wire'], 1_500]] as const) {
    for (const seed of [1, 2]) {
      const still = await transfer(seed, [...kinds], 0, events), torn = await transfer(seed, [...kinds], 6, events);
      const each = Math.round((torn.bytes - still.bytes) / torn.broke);
      console.log(`    ${kinds.join(' and ')}: ${still.bytes} bytes undisturbed, ${torn.bytes} with ${torn.broke} breaks, ${each} for each; the longest segment has ${torn.segment}`);
      assert.ok(torn.broke >= 3, `${torn.broke} breaks`);
      // The segment under way, what was on its way in the line, both greetings, and the comparisons after them.
      assert.ok(each <= torn.segment + LINES[kinds[0]].window + GREETINGS, `${each} bytes for each break`);
    }
  }
});

worlds('what takes ten minutes at 1200 baud arrives by one connection: a line that goes on is not given up', async () => {
  const world = new World(1, { ...scenarioOf(0, 'calm'), name: 'long' }), { timeline, chance } = world;
  let over = false;
  const told = (async (): Promise<void> => {
    const a = world.add('a'), b = world.add('b');
    await world.foundOn(a);
    await world.bring(a, b, { admin: false, read: ['*'], write: ['*'] });
    await Promise.all([revive(world, a), revive(world, b)]);
    await a.ask((node) => node.append('telemetry', [{ key: 'photo', type: 'image', body: chance.bytes(60_000) }]));
    const edge = new Edge(a, b, LINES.wire, timeline, chance, world.trace), began = timeline.now;
    world.edges.push(edge);
    while (b.node!.digest().events === 0 && timeline.now < began + 3_600_000) await timeline.sleep(5_000);
    assert.is(b.node!.digest().events, 1);
    assert.is(edge.connections, 1);
    assert.ok(timeline.now - began > 500_000);
  })().finally(() => { over = true; });
  await timeline.run(86_400_000, () => over);
  await told;
});

worlds.run();
