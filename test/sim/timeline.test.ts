// Virtual time and seeded chance: the ground on which a seed replays.

import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { Chance } from './chance.ts';
import { Timeline } from './timeline.ts';
import { Trace } from './trace.ts';

const test = suite('timeline and chance');

test('steps come by time, then in the order of planning; promises settle in between', async () => {
  const timeline = new Timeline();
  const seen: string[] = [];
  const walk = async (name: string, naps: number[]): Promise<void> => {
    for (const nap of naps) {
      await timeline.sleep(nap);
      await Promise.resolve();
      seen.push(`${name}@${timeline.now}`);
    }
  };
  void walk('a', [5, 5, 5]);
  void walk('b', [5, 1, 20]);
  timeline.after(7, () => seen.push('never')).cancel();
  await timeline.run(20);
  assert.equal(seen, ['a@5', 'b@5', 'b@6', 'a@10', 'a@15']);
  assert.is(timeline.now, 20);
});

test('many steps in random order come sorted', async () => {
  const timeline = new Timeline();
  const chance = new Chance('heap');
  const seen: number[] = [];
  for (let n = 0; n < 2_000; n++) {
    const at = chance.int(0, 500);
    timeline.after(at, () => { seen.push(at); });
  }
  await timeline.run(1_000);
  assert.is(seen.length, 2_000);
  assert.ok(seen.every((at, i) => i === 0 || seen[i - 1]! <= at));
});

test('one seed draws the same numbers, a branch does not depend on what was drawn', () => {
  const a = new Chance('x'), b = new Chance('x');
  const first = a.branch('y').bytes(40);
  for (let i = 0; i < 10; i++) assert.is(a.word(), b.word());
  assert.equal(a.branch('y').bytes(40), first);
  assert.not.equal(a.branch('z').bytes(40), first);
  assert.ok(Array.from({ length: 1_000 }, () => a.unit()).every((n) => n >= 0 && n < 1));
});

test('the trace tells worlds apart', () => {
  const one = new Trace(new Timeline()), two = new Trace(new Timeline()), three = new Trace(new Timeline());
  one.note('a', 1, 'b');
  two.note('a', 1, 'b');
  three.note('a', 1, 'c');
  assert.is(one.hash(), two.hash());
  assert.is.not(one.hash(), three.hash());
});

test.run();
