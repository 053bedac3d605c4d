// How many bytes an event of the room-climate trace takes in segments of several lengths, everything included. Sizes only: speed is for the benchmark.
import { existsSync, readFileSync } from 'node:fs';
import { gunzipSync } from 'node:zlib';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { equal } from '../../src/event/bytes.ts';
import { chainStart } from '../../src/event/chain.ts';
import { packColumns, unpackColumns } from '../../src/event/columns.ts';
import type { Run } from '../../src/event/run.ts';
import { RunBuilder, sliceRun } from '../../src/event/run.ts';
import { sealSegment } from '../../src/event/segment.ts';
import { SEGMENT_AIM } from '../../src/limits.ts';
import { crypto, fixedRandom, openingIn, seed, streamKey } from './samples.ts';

const TRACE = '../shared/data/room-climate-a.csv.gz';
const test = suite('columns of the room-climate trace');

/** Part of the trace as one run. `live`: recorded as it happened; `late`: later, 230 events a millisecond. */
function trace(from: number, to: number, how: 'live' | 'late'): Run {
  const builder = new RunBuilder();
  let ms = 0, counter = 0;
  gunzipSync(readFileSync(TRACE)).toString().split('\n').slice(from, to).forEach((line, i) => {
    const [, time, , node, temperature, humidity, light1, light2, occupants, activity, door, window] = line.split(',').map(Number) as number[];
    const now = how === 'live' ? time! : 1.7e12 + Math.floor(i / 230);
    counter = now > ms ? 0 : counter + 1;
    ms = Math.max(ms, now);
    builder.add({ stamp: { generation: 0, ms, counter }, time: time!, joined: false, key: `node-${node}`, type: 'reading', body: { temperature, humidity, light1, light2, occupants, activity, door, window } as Record<string, number> });
  });
  return builder.run();
}

/** Bytes of a whole stored segment that holds that run, in the middle of a log. */
function stored(run: Run): number {
  const opening = openingIn('telemetry');
  return sealSegment(crypto, fixedRandom('trace'), { seed, opening, streamKey, first: 1000, before: chainStart(crypto, opening), run, clock: { quality: 2, uptime: 123_456_789 } }).bytes.length;
}

/** Bytes an event on the mean of segments of `n` from all over the run. */
function mean(run: Run, n: number): number {
  const step = Math.max(n, Math.floor(run.ends.length / 12));
  let bytes = 0, count = 0;
  for (let at = 0; at + n <= run.ends.length; at += step) {
    const part = sliceRun(run, at, at + n), columns = packColumns(part);
    assert.ok(equal(unpackColumns(columns, n).bytes, part.bytes));
    bytes += stored(part);
    count += n;
  }
  return bytes / count;
}

if (!existsSync(TRACE)) test.skip('room-climate trace: the data is not here', () => undefined);
else {
  const bounds = { 1: 495, 16: 40, 64: 14.2, 256: 6.3, 1024: 3.85, 6000: 2.85 };
  for (const how of ['live', 'late'] as const) test(`bytes an event, ${how}`, () => {
    const run = trace(100_000, 160_000, how);
    const found = Object.keys(bounds).map(Number).map((n) => [n, Number(mean(run, n).toFixed(2))] as const);
    for (const [n, bytes] of found) assert.ok(bytes <= bounds[n as keyof typeof bounds], `segments of ${n} take ${bytes} bytes an event`);
    if (process.env['SIZES']) process.stdout.write(`${JSON.stringify(found)}\n`);
  });

  test('one segment of the aimed size holds more than 5,500 events', () => {
    for (const from of [0, 100_000, 200_000]) {
      const bytes = stored(trace(from, from + 5500, 'live'));
      assert.ok(bytes <= SEGMENT_AIM, `${bytes} from row ${from}`);
    }
  });
}

test('a row every ten seconds from seven pumps, without the trace', () => {
  const builder = new RunBuilder();
  for (let i = 0; i < 4000; i++) {
    const time = 1.7e12 + 10_000 * i;
    builder.add({ stamp: { generation: 0, ms: time + 3, counter: 0 }, time, joined: false, key: `pump-${i % 7}`, type: 'reading', body: { bar: Math.round(1000 * Math.sin(i / 50)) / 100, rpm: 1450 + ((i * i) % 11), on: i % 997 !== 0, unit: 'bar' } });
  }
  const run = builder.run(), columns = packColumns(run);
  assert.ok(equal(unpackColumns(columns, 4000).bytes, run.bytes));
  const bytes = stored(run) / 4000;
  assert.ok(bytes < 1.2, `${bytes} bytes an event`);
});

test.run();
