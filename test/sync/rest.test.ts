// Sessions that rest because another one to the same process is preferred: they start nothing, answer all the same, and catch up when they are needed.
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import fc from 'fast-check';
import { Line } from './line.ts';
import { ToyHost } from './toy-host.ts';

const rest = suite('rest');
const AT = 1_800_000_000_000;

rest('nothing is sent while both sides rest, and everything afterwards', () => {
  const a = new ToyHost('a'), b = new ToyHost('b');
  const line = new Line(a, b).run();
  for (const name of ['a', 'b'] as const) line.rest(name, true);
  const before = [line.a.bytes, line.b.bytes];
  for (let i = 0; i < 50; i++) { (i % 2 ? a : b).write('telemetry', 1, AT + i); line.run(1_000); }
  assert.equal([line.a.bytes, line.b.bytes], before);
  assert.not(a.frontier() === b.frontier());
  for (const name of ['a', 'b'] as const) line.rest(name, false);
  line.run();
  assert.is(a.frontier(), b.frontier());
  assert.ok(line.a.equal && line.b.equal);
});

rest('what was being sent when the rest began is given up, and sent when it ends', () => {
  for (const from of ['a', 'b'] as const) {
    const a = new ToyHost('a'), b = new ToyHost('b'), host = from === 'a' ? a : b;
    for (let i = 0; i < 3_000; i++) host.write('telemetry', 20, AT + i * 1000);
    const line = new Line(a, b, { latency: 20, rate: 1, a: { frameBytes: 256 }, b: { frameBytes: 256 } }).run(3_000);
    for (const name of ['a', 'b'] as const) line.rest(name, true);
    const { bytes } = line[from];
    line.run(900_000, 50_000);
    // Messages that were made already are still sent.
    assert.ok(line[from].bytes - bytes < 16_000, `${line[from].bytes - bytes} bytes sent while resting`);
    assert.not(a.frontier() === b.frontier());
    assert.ok(!line.a.closed && !line.b.closed, String(line.a.fault ?? line.b.fault));
    for (const name of ['a', 'b'] as const) line.rest(name, false);
    line.run(9_000_000, 90_000);
    assert.is(a.frontier(), b.frontier());
    assert.ok(line[from].bytes > 350_000);
  }
});

rest('whoever rests, whenever, and while both write: in the end both hold the same', () => {
  const step = fc.record({ at: fc.integer({ min: 0, max: 3_000 }), who: fc.constantFrom('a' as const, 'b' as const), what: fc.constantFrom('rest', 'wake', 'write', 'fleet') });
  fc.assert(fc.property(fc.array(step, { maxLength: 40 }), fc.constantFrom(3, 40, 400), (steps, latency) => {
    const a = new ToyHost('a'), b = new ToyHost('b');
    const line = new Line(a, b, { latency, thinking: 3 });
    steps.forEach(({ at, who, what }, i) => line.later(at, () => {
      if (what === 'write' || what === 'fleet') (who === 'a' ? a : b).write(what === 'fleet' ? '$fleet' : 'telemetry', 1, AT + i);
      else line.rest(who, what === 'rest');
    }));
    line.later(3_500, () => { for (const name of ['a', 'b'] as const) line.rest(name, false); });
    line.run(600_000, 30_000);
    assert.is(line.a.fault, undefined);
    assert.is(line.b.fault, undefined);
    assert.is(a.frontier(), b.frontier());
    assert.ok(line.a.equal && line.b.equal, 'equal');
  }), { numRuns: 150 });
});

rest.run();
