// Whatever two nodes hold, and wherever the line breaks: in the end they hold the same.
// timeout: 180s
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import fc from 'fast-check';
import type { Segment } from '../../src/event/segment.ts';
import { Line, type LineOptions } from './line.ts';
import { ToyHost } from './toy-host.ts';

const STREAMS = ['$fleet', 'telemetry', 'config', 'alarms'];

/** What happened before: writers, restarts, and which side got which segment. */
interface Act { writer: number; stream: number; count: number; restart: boolean; to: number }
const acts = fc.array(fc.record({
  writer: fc.integer({ min: 0, max: 4 }), stream: fc.integer({ min: 0, max: 3 }), count: fc.integer({ min: 1, max: 4 }), restart: fc.boolean(), to: fc.integer({ min: 0, max: 3 }),
}), { maxLength: 60 });

/** Nodes `a` and `b` write too (writers 0 and 1). `to`: bit 0 a, bit 1 b; nobody: a hole for both unless another segment comes. */
function history(all: Act[]): { a: ToyHost; b: ToyHost; events: number } {
  const a = new ToyHost('a'), b = new ToyHost('b');
  const writers = [a, b, new ToyHost('c'), new ToyHost('d'), new ToyHost('e')];
  const seen = new Map<Segment, number>();
  let at = 1_700_000_000_000;
  for (const act of all) {
    const writer = writers[act.writer]!, stream = STREAMS[act.stream]!;
    if (act.restart) writer.restart(stream);
    const segment = writer.write(stream, act.count, (at += 1_000_000));
    if (act.writer > 1) seen.set(segment, act.to);
  }
  a.take([...seen].filter(([, to]) => to & 1).map(([s]) => s));
  b.take([...seen].filter(([, to]) => to & 2).map(([s]) => s));
  return { a, b, events: 0 };
}

function same(line: Line, a: ToyHost, b: ToyHost): void {
  assert.is(line.a.fault, undefined, String(line.a.fault));
  assert.is(line.b.fault, undefined, String(line.b.fault));
  assert.is(a.frontier(), b.frontier());
  assert.ok(line.a.synced && line.b.synced, 'synced');
  assert.ok(line.a.equal && line.b.equal, 'equal');
}

const converge = suite('converge');

converge('random histories, holes and lineages', () => {
  fc.assert(fc.property(acts, fc.record({ thin: fc.boolean(), frameBytes: fc.constantFrom(40, 256, 262_144), thinking: fc.constantFrom(0, 7), window: fc.constantFrom(1, 3000, 1 << 20) }), (all, o) => {
    const { a, b } = history(all);
    const options: LineOptions = { thinking: o.thinking, a: { thin: o.thin, frameBytes: o.frameBytes, window: o.window }, b: { frameBytes: o.frameBytes } };
    const line = new Line(a, b, options).run(600_000, 90_000);
    same(line, a, b);
    assert.ok(line.a.most <= o.frameBytes && line.b.most <= o.frameBytes);
  }), { numRuns: 120 });
});

converge('once: the session ends by itself when both hold the same', () => {
  fc.assert(fc.property(acts, fc.constantFrom('a', 'b'), (all, who) => {
    const { a, b } = history(all);
    const line = new Line(a, b, { [who]: { once: true } }).run();
    assert.ok(line.a.closed && line.b.closed, 'closed');
    same(line, a, b);
    assert.is(line.a.session.report.sent >= line.b.session.report.received, true);
    assert.ok(line.a.receipts.length > 0 && line.b.receipts.length > 0, 'receipts');
  }), { numRuns: 50 });
});

converge('the line breaks again and again: each session goes on where the last one ended', () => {
  fc.assert(fc.property(acts, fc.array(fc.integer({ min: 1, max: 40 }), { minLength: 1, maxLength: 6 }), (all, breaks) => {
    const { a, b } = history(all);
    for (const after of breaks) {
      new Line(a, b, { alter: (frame, number) => (number >= after ? 'cut' : [frame]), a: { frameBytes: 300, patience: 2000, silence: 5000 }, b: { frameBytes: 300, patience: 2000, silence: 5000 } }).run(10_000);
      a.listeners.clear();
      b.listeners.clear();
    }
    same(new Line(a, b).run(), a, b);
  }), { numRuns: 50 });
});

converge('both go on writing while they talk', () => {
  fc.assert(fc.property(acts, acts, fc.integer({ min: 1, max: 400 }), (before, during, pace) => {
    const { a, b } = history(before);
    const line = new Line(a, b, { latency: 30, thinking: 3 });
    during.forEach((act, i) => line.later(i * pace, () => {
      const host = act.writer % 2 === 0 ? a : b, stream = STREAMS[act.stream]!;
      if (act.restart) host.restart(stream);
      host.write(stream, act.count, 1_800_000_000_000 + 1_000_000 * i);
    }));
    line.run();
    same(line, a, b);
  }), { numRuns: 50 });
});

converge('sets of all sizes, by ids, by symbols and by lists', () => {
  const writers = Array.from({ length: 12 }, (_, i) => new ToyHost(`w${i}`));
  const all: Segment[] = [];
  for (let i = 0; i < 600; i++) {
    const writer = writers[i % 12]!, stream = `s${i % 7}`;
    writer.restart(stream, []);
    all.push(writer.write(stream, 1, 1_700_000_000_000 + i));
  }
  for (const [both, mine, theirs, most] of [[0, 600, 0], [0, 0, 600], [0, 590, 10], [0, 30, 570], [0, 300, 300], [500, 1, 0, 1700], [500, 0, 2, 1900], [400, 40, 40], [597, 3, 0, 2200], [17, 1, 1, 1800]] as const) {
    const a = new ToyHost('a'), b = new ToyHost('b');
    a.take([...all.slice(0, both), ...all.slice(both, both + mine)]);
    b.take([...all.slice(0, both), ...all.slice(600 - theirs)]);
    const line = new Line(a, b, { a: { once: true } }).run();
    const what = `${both} in common, ${mine} and ${theirs} more`;
    assert.is(line.a.fault, undefined, what);
    assert.ok(line.a.equal, what);
    assert.is(a.frontier(), b.frontier(), what);
    assert.is(line.a.session.report.sent, mine, what);
    assert.is(line.b.session.report.sent, theirs, what);
    const bytes = line.a.bytes + line.b.bytes;
    if (most) assert.ok(bytes < most + 1300, `${what}: ${bytes} bytes`);
  }
});

converge.run();
