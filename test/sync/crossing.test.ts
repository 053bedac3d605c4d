// Two sides that hear the same news by other ways while they compare: what one says of agreement crosses what the other asks, and no session ends for it.
import * as fc from 'fast-check';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { Line } from './line.ts';
import { ToyHost } from './toy-host.ts';

const SEED = Number(process.env['SEED'] ?? 1);
const test = suite('crossing');

test('news that come to both sides by other ways, at any moment', () => {
  const step = fc.record({ wait: fc.integer({ min: 0, max: 1_500 }), who: fc.constantFrom('a', 'b', 'both', 'late', 'own'), lag: fc.integer({ min: 0, max: 400 }) });
  fc.assert(fc.property(fc.integer({ min: 1, max: 400 }), fc.integer({ min: 0, max: 300 }), fc.array(step, { minLength: 1, maxLength: 40 }), (latency, thinking, steps) => {
    const a = new ToyHost('a'), b = new ToyHost('b'), far = new ToyHost('far');
    a.write('telemetry');
    const line = new Line(a, b, { latency, thinking });
    const late: { at: number; host: ToyHost; segments: ReturnType<ToyHost['write']>[] }[] = [];
    let at = 0;
    const reach = (until: number): void => {
      late.sort((x, y) => x.at - y.at);
      while (late[0] && late[0].at <= until) {
        const { at: due, host, segments } = late.shift()!;
        line.runUntil(1_000 + due);
        host.take(segments);
      }
      line.runUntil(1_000 + until);
    };
    for (const { wait, who, lag } of steps) {
      reach(at += wait);
      if (who === 'own') { (lag % 2 ? a : b).write('telemetry'); continue; }
      const segments = [far.write('telemetry')];
      if (who !== 'b') late.push({ at: at + (who === 'late' ? lag : 0), host: a, segments });
      if (who !== 'a') late.push({ at, host: b, segments });
    }
    reach(at + 500);
    line.run();
    const ends = [line.a, line.b].map((end) => `${end.fault ? String(end.fault) : 'well'}, ${end.equal ? 'equal' : 'not equal'}`);
    assert.equal([...ends, a.frontier()], ['well, equal', 'well, equal', b.frontier()]);
  }), { seed: SEED, numRuns: Number(process.env['RUNS'] ?? 150) });
});

test.run();
