// The golden columns: what every release has packed is unpacked by this one, to the byte.
import { readFileSync } from 'node:fs';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { hex, unhex } from '../../src/event/bytes.ts';
import { getIntegers, scratchFor } from '../../src/event/column-integers.ts';
import { rowsByKey } from '../../src/event/column-rows.ts';
import { Source } from '../../src/event/column-source.ts';
import { packColumns, unpackColumns } from '../../src/event/columns.ts';
import { eventAt, runOf } from '../../src/event/run.ts';

interface Packed { name: string; events: string[]; columns: string }
interface Integers { name: 'integers'; keys: number[]; values: number[]; bytes: string }
const golden = JSON.parse(readFileSync('test/golden/v1/columns.json', 'utf8')) as (Packed | Integers)[];

const test = suite('columns golden v1');

test('runs', () => {
  const packed = golden.filter((item): item is Packed => 'events' in item);
  assert.ok(packed.length >= 16);
  for (const { name, events, columns } of packed) {
    const n = events.length, run = unpackColumns(unhex(columns), n);
    assert.equal(Array.from({ length: n }, (_, i) => hex(eventAt(run, i))), events, name);
    // Another packer may write other bytes, but never ones that are read differently.
    assert.equal(hex(unpackColumns(packColumns(runOf(events.map(unhex))), n).bytes), events.join(''), name);
  }
});

test('columns of integers in every form', () => {
  const columns = golden.filter((item): item is Integers => item.name === 'integers');
  assert.ok(columns.length >= 60);
  for (const { keys, values, bytes } of columns) {
    const n = keys.length, rows = rowsByKey(Float64Array.from(keys), n, Math.max(...keys) + 1), source = new Source(unhex(bytes));
    assert.equal([...getIntegers(source, rows, scratchFor(n))], values, bytes);
    assert.is(source.at, source.bytes.length);
  }
});

test.run();
