// What is planned in a simulated world of two ends, in the order of time; and frames that go both ways through such a world.

import * as assert from 'uvu/assert';
import type { Bytes } from '../../src/ports.ts';
import { same } from './frames.ts';

/** Something that happens at a time, ms. */
export interface Step { at: number; act: () => void }

/** Puts a step where its time is, behind those that were planned before for the same time. */
export function plan(steps: Step[], at: number, act: () => void): void {
  let low = 0, high = steps.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (steps[middle]!.at <= at) low = middle + 1;
    else high = middle;
  }
  steps.splice(low, 0, { at, act });
}

/** A world of two ends, as far as frames that go both ways are concerned. */
interface World<End extends { got: Bytes[] }> {
  readonly now: number;
  readonly left: End;
  readonly right: End;
  feed(end: End, frames: Iterable<Bytes>): void;
  run(until: number, done?: () => boolean): boolean;
}

/** Sends frames both ways and asserts that each comes once and in order, within `most` ms; what is on its way for `rest` ms more must not come out a second time. */
export function bothWays<End extends { got: Bytes[] }>(world: World<End>, left: Bytes[], right: Bytes[], most: number, rest: number): void {
  world.feed(world.left, left);
  world.feed(world.right, right);
  assert.ok(world.run(most, () => world.left.got.length >= right.length && world.right.got.length >= left.length), 'it never gets there');
  world.run(world.now + rest);
  same(world.right.got, left, 'to the right');
  same(world.left.got, right, 'to the left');
}
