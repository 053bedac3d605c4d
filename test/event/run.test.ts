// Runs: collecting, cutting, slicing and joining consecutive events, and what a survey of them finds.
import fc from 'fast-check';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { hex } from '../../src/event/bytes.ts';
import { encodeEvent } from '../../src/event/event.ts';
import { RunBuilder, eventAt, joinRuns, runOf, sliceRun, surveyRun } from '../../src/event/run.ts';
import { code, events, runs, same, series } from './samples.ts';

const test = suite('run');

test('a builder collects what encodeEvent gives', () => {
  const builder = new RunBuilder(16);
  fc.assert(fc.property(fc.array(events, { maxLength: 12 }), (list) => {
    for (const e of list) {
      const n = builder.add(e), bytes = encodeEvent(e);
      assert.is(n, bytes.length);
      assert.is(hex(builder.last()), hex(bytes));
    }
    assert.is(builder.count, list.length);
    const run = builder.take();
    same(run, runOf(list.map(encodeEvent)));
    list.forEach((e, i) => assert.is(hex(eventAt(run, i)), hex(encodeEvent(e))));
    assert.equal([builder.count, builder.size], [0, 0]);
  }), runs(200));
});

test('a refused event leaves no trace, and a cut takes events back', () => {
  const builder = new RunBuilder(), list = series(400);
  for (const e of list) {
    builder.add(e);
    assert.is(code(() => builder.add({ ...e, body: [1, 2, NaN] })), 'bad-value');
    assert.is(code(() => builder.add({ ...e, key: '' })), 'bad-event');
  }
  same(builder.run(), runOf(list.map(encodeEvent)));
  builder.cut(7);
  builder.addBytes(encodeEvent(list[7]!));
  same(builder.run(), runOf(list.slice(0, 8).map(encodeEvent)));
  assert.is(code(() => builder.cut(9)), 'bad-argument');
});

test('slices and joins', () => {
  const list = series(20).map(encodeEvent), run = runOf(list);
  for (const [from, to] of [[0, 20], [0, 0], [20, 20], [3, 9], [19, 20]] as const) {
    const slice = sliceRun(run, from, to);
    assert.is(slice.ends.length, to - from);
    for (let i = from; i < to; i++) assert.is(hex(eventAt(slice, i - from)), hex(list[i]!));
    same(joinRuns([sliceRun(run, 0, from), slice, sliceRun(run, to, 20)]), run);
  }
});

test('a survey finds the ends and the span, and refuses what no log holds', () => {
  const list = series(5).map((e, i) => ({ ...e, time: [5, 3, 9, 4, 6][i]! }));
  assert.equal(surveyRun(runOf(list.map(encodeEvent)), true), { stampFirst: list[0]!.stamp, stampLast: list[4]!.stamp, timeMin: 3, timeMax: 9 });
  const survey = (events_: typeof list) => code(() => surveyRun(runOf(events_.map(encodeEvent)), true));
  const top = { generation: 0xffffffff, ms: 0xffff_ffff_ffff, counter: 0xffffffff };
  assert.is(survey([]), 'bad-segment');
  assert.is(survey([list[1]!, list[0]!]), 'bad-segment');
  assert.is(survey([list[0]!, list[0]!]), 'bad-segment');
  assert.is(survey([{ ...list[0]!, stamp: top }, { ...list[1]!, stamp: top }]), 'ok', 'the last stamp there is repeats');
  assert.is(survey([{ ...list[0]!, joined: true }]), 'bad-segment');
  assert.is(survey([{ ...list[0]!, joined: true }, list[1]!]), 'ok');
  const garbled = runOf(list.map(encodeEvent));
  garbled.bytes[garbled.bytes.length - 1] = 0xff;
  assert.is(code(() => surveyRun(garbled, true)), 'bad-encoding');
  assert.is(code(() => surveyRun(garbled, false)), 'ok', 'bodies are not looked at');
});

test.run();
