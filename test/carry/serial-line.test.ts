// Serial lines in virtual time: what arrives over bad wires, at which share of the line, and who talks when.
// timeout: 300s
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import fc from 'fast-check';
import type { LineOptions } from '../../src/carry/serial-line.ts';
import { frameOf, framesOf, same } from './frames.ts';
import { LineWorld, type Wire } from './line-world.ts';
import { bothWays } from './steps.ts';

const test = suite('serial line');

const met = (world: LineWorld) => world.left.link !== undefined && world.right.link !== undefined;

test('frames arrive once and in order over any wire, one way at a time or both', () => {
  const kinds = new Set<string>();
  fc.assert(fc.property(
    fc.string({ maxLength: 4 }), fc.constantFrom(1_200, 9_600, 115_200, 3_000_000), fc.boolean(), fc.boolean(),
    fc.record({ bitErrors: fc.constantFrom(0, 1e-5, 1e-4, 2e-4), drops: fc.constantFrom(0, 1e-4, 5e-4), inserts: fc.constantFrom(0, 5e-4), latency: fc.constantFrom(0, 5, 30), bunch: fc.constantFrom(1, 16) }),
    fc.array(fc.integer({ min: 1, max: 128 }), { maxLength: 30 }), fc.array(fc.integer({ min: 1, max: 128 }), { maxLength: 30 }),
    (seed, baud, half, echo, wire, a, b) => {
      const world = new LineWorld(seed, { baud, half, echo: half && echo, ...wire });
      bothWays(world, framesOf(a), framesOf(b, 50), 1_200_000, 5_000);
      kinds.add(half ? 'half' : 'full');
    }), { numRuns: 120 });
  assert.is(kinds.size, 2);
});

/** The share of the line that carried payload from the left to the right (and back, if `both`), once they had met. */
function share(name: string, wire: Wire, total: number, options: Partial<LineOptions> = {}, both = false): number {
  const world = new LineWorld(name, { latency: 4, bunch: 8, ...wire }, options);
  assert.ok(world.run(60_000, () => met(world)), name);
  const from = world.now, size = world.left.link!.manifest.frameBytes;
  const frames = Array.from({ length: Math.ceil(total / size) }, (_, i) => frameOf(i, size));
  world.feed(world.left, frames);
  if (both) world.feed(world.right, frames);
  assert.ok(world.run(1e9, () => world.right.got.length >= frames.length && (!both || world.left.got.length >= frames.length)), name);
  same(world.right.got, frames, name);
  assert.is(world.left.opens, 1, name);
  const seconds = (world.now - from) / 1_000, of = ((both ? 2 : 1) * frames.length * size) / (seconds * wire.baud / 10);
  console.log(`${name.padEnd(34)} ${(100 * of).toFixed(1)} % of the line, ${world.left.line.state.datagram} bytes a datagram, met after ${from.toFixed(0)} ms`);
  return of;
}

test('at 115200 baud: the share of the line that is payload', () => {
  const baud = 115_200;
  const rows: [string, Omit<Wire, 'baud'>, number][] = [
    ['clean', {}, 0.98], ['bit errors 1e-5', { bitErrors: 1e-5 }, 0.93], ['bit errors 1e-4', { bitErrors: 1e-4 }, 0.82], ['bit errors 1e-3', { bitErrors: 1e-3 }, 0.45],
    ['lost bytes 1e-4', { drops: 1e-4 }, 0.92], ['added bytes 1e-4', { inserts: 1e-4 }, 0.92], ['bursts of 200 bytes each 20,000', { bursts: [20_000, 200] }, 0.92],
  ];
  for (const [name, wire, least] of rows) assert.ok(share(name, { baud, ...wire }, wire.bitErrors === 1e-3 ? 200_000 : 600_000) >= least, name);
  assert.ok(share('both ways, bit errors 1e-5', { baud, bitErrors: 1e-5 }, 400_000, {}, true) >= 1.85);
});

test('slow, fast, and one direction at a time', () => {
  const rows: [string, Wire, number, number][] = [
    ['9600', { baud: 9_600 }, 150_000, 0.95], ['9600, bit errors 1e-4', { baud: 9_600, bitErrors: 1e-4 }, 150_000, 0.81], ['1200', { baud: 1_200 }, 20_000, 0.9],
    ['3,000,000', { baud: 3_000_000 }, 5_000_000, 0.97], ['3,000,000, bit errors 1e-5', { baud: 3_000_000, bitErrors: 1e-5 }, 5_000_000, 0.92],
    ['115200 half', { baud: 115_200, half: true }, 500_000, 0.96], ['115200 half, bit errors 1e-4', { baud: 115_200, half: true, bitErrors: 1e-4 }, 500_000, 0.77],
    ['115200 half, with echo', { baud: 115_200, half: true, echo: true }, 500_000, 0.96], ['9600 half', { baud: 9_600, half: true }, 150_000, 0.93],
    ['9600 half, bit errors 1e-4', { baud: 9_600, half: true, bitErrors: 1e-4 }, 150_000, 0.78], ['115200 half, slow systems', { baud: 115_200, half: true, latency: 30, bunch: 16 }, 500_000, 0.9],
  ];
  for (const [name, wire, total, least] of rows) assert.ok(share(name, wire, total) >= least, name);
  assert.ok(share('115200 half, both ways', { baud: 115_200, half: true }, 300_000, {}, true) >= 0.95);
});

test('datagrams become small in noise and large again after it', () => {
  const world = new LineWorld('weather', { baud: 115_200 });
  const wire = world.wire;
  world.run(1_000, () => met(world));
  world.feed(world.left, Array.from({ length: 3_000 }, (_, i) => frameOf(i, 1_024)));
  world.run(20_000);
  assert.is(world.left.line.state.datagram, 1_024);
  wire.bitErrors = 3e-4;
  world.run(40_000);
  const small = world.left.line.state.datagram;
  assert.ok(small < 110, `${small}`);
  wire.bitErrors = 0;
  world.run(100_000);
  assert.is(world.left.line.state.datagram, 1_024);
});

test('half duplex: nobody talks while the other does, once they have met', () => {
  for (const wire of [{}, { latency: 20, bunch: 16 }, { echo: true }]) {
    const world = new LineWorld('turns', { baud: 38_400, half: true, ...wire });
    assert.ok(world.run(20_000, () => met(world)));
    world.run(world.now + 1_000);
    const talks: [number, number, string][] = [];
    world.onTalk = (from, to, name) => talks.push([from, to, name]);
    world.feed(world.left, Array.from({ length: 100 }, (_, i) => frameOf(i, 700)));
    world.feed(world.right, Array.from({ length: 60 }, (_, i) => frameOf(i, 500)));
    assert.ok(world.run(200_000, () => world.right.got.length >= 100 && world.left.got.length >= 60));
    const clashes = talks.filter(([a, b, name]) => talks.some(([c, d, other]) => other !== name && c < b && d > a));
    // Both may begin at the same moment when nobody has talked for a while.
    assert.ok(clashes.length <= 4, `${clashes.length} of ${talks.length}`);
  }
});

test('an urgent frame among a long transfer at 9600 baud, either way, full and half', () => {
  for (const half of [false, true]) {
    const world = new LineWorld('urgent', { baud: 9_600, half, latency: 10, bunch: 16 });
    assert.ok(world.run(20_000, () => met(world)));
    const size = world.left.link!.manifest.frameBytes;
    world.feed(world.left, Array.from({ length: 1_000 }, (_, i) => frameOf(i, size)));
    const times: number[] = [];
    for (let i = 0; i < 20; i++) {
      world.run(world.now + 3_700);
      for (const [from, to] of [[world.left, world.right], [world.right, world.left]] as const) {
        const at = world.now, length = 60 + i;
        from.todo.unshift(frameOf(7, length));
        if (from === world.right) world.feed(from, []);
        assert.ok(world.run(at + 20_000, () => to.got.some((frame) => frame.length === length)));
        times.push(world.now - at);
        to.got.length = 0;
      }
    }
    console.log(`urgent at 9600 ${half ? 'half' : 'full'}: ${Math.round(Math.max(...times))} ms at most, ${Math.round(times.reduce((a, b) => a + b) / times.length)} on average`);
    assert.ok(Math.max(...times) < 2_000, `${Math.max(...times)}`);
  }
});

test('airtime: no hour has more than its share', () => {
  const world = new LineWorld('airtime', { baud: 9_600 }, { airtime: 0.01 });
  const spent: [number, number][] = [];
  world.onTalk = (from, to, name) => { if (name === 'left') spent.push([to, to - from]); };
  world.feed(world.left, Array.from({ length: 2_000 }, (_, i) => frameOf(i, 200)));
  world.run(3 * 3_600_000);
  for (const [until] of spent) {
    const hour = spent.filter(([at]) => at > until - 3_600_000 && at <= until).reduce((sum, [, ms]) => sum + ms, 0);
    // One datagram may have been begun.
    assert.ok(hour <= 36_000 + 400, `${hour} ms in the hour before ${until}`);
  }
  const [first] = spent, all = spent.reduce((sum, [, ms]) => sum + ms, 0);
  assert.ok(first !== undefined && all > 0.9 * 0.009 * 3 * 3_600_000, `${all}`);
  assert.is(world.left.opens, 1);
  assert.ok(world.right.got.length > 200);
});

test.run();
