// Writes the golden columns of version 1, only if they do not exist: what stands there was written for ever. `node build/go.mjs run test/golden/make-columns-v1.ts`
import { existsSync, writeFileSync } from 'node:fs';
import { hex, unhex } from '../../src/event/bytes.ts';
import { plainRows, rowsByKey } from '../../src/event/column-rows.ts';
import { packColumns } from '../../src/event/columns.ts';
import { encodeEvent } from '../../src/event/event.ts';
import { runOf } from '../../src/event/run.ts';
import type { Value } from '../../src/event/value.ts';
import { inForm } from '../event/column-forms.ts';
import { chance } from '../event/column-plants.ts';

const PATH = 'test/golden/v1/columns.json';

/** Events whose time, key and body follow from their number. */
function events(n: number, body: (i: number) => Value, { key = (i: number) => `pump-${i % 3}`, type = (_: number): string => 'reading', time = (i: number) => 1.7e12 + 1000 * i, apart = 2, joined = (_: number): boolean => false, generation = 0 } = {}): string[] {
  return Array.from({ length: n }, (_, i): string => {
    const at = time(i);
    return hex(encodeEvent({ stamp: { generation, ms: at + apart, counter: 0 }, time: at, joined: joined(i), key: key(i), type: type(i), body: body(i) }));
  });
}

const draw = chance(2026);
/** Eight pumps, each about every four seconds. */
const polled = Array.from({ length: 8 }, (_, k) => {
  let time = 1.6e12 + draw(4000);
  return Array.from({ length: 30 }, () => ({ key: `k${k}`, time: (time += 3990 + draw(20)) }));
}).flat().sort((a, b) => a.time - b.time);
const runs: [string, string[]][] = [
  ['one event', events(1, () => ({ bar: 1.5 }))],
  ['two events of one shape', events(2, (i) => ({ bar: 1.5 + i, on: true }))],
  ['events without a shape in common', events(4, (i) => [null, 7, ['a'], { b: { c: [] } }][i]!)],
  ['regular times, few keys', events(40, (i) => ({ bar: i / 10, count: 3 * i }))],
  ['keys that follow from times', events(240, () => null, { key: (i) => polled[i]!.key, time: (i) => polled[i]!.time })],
  ['keys in another order than times', events(30, (i) => i, { key: () => `k${draw(5)}`, time: () => 1.6e12 + 1000 * draw(50) })],
  ['one key, a clock far from the times', events(30, () => ({ v: draw(50) }), { key: () => 'only', apart: 1e10 + 7, time: () => 1.2e12 + draw(9999) })],
  ['a timer of 125 ms', events(300, () => ({ v: 1 }), { time: (() => { let t = 1.5e12; return () => (t += 125 * (25 + draw(6)) + draw(5)); })() })],
  ['levels of a converter', events(120, () => ({ lux: Math.round(draw(25) * (1000 / 7)) / 100, f: Math.fround(draw(8) / 3) }))],
  ['texts, repeated and not', events(24, (i) => ({ state: ['open', 'closed', 'überlast'][draw(3)]!, note: `note ${draw(10_000)} of ${i}` }))],
  ['byte strings', events(12, (i) => ({ raw: Uint8Array.from({ length: i % 4 }, () => draw(256)), id: Uint8Array.of(1, 2, 3) }))],
  ['every kind in one place', events(48, (i) => ({ v: [20.25, 0.1 + 0.2, 'text', Uint8Array.of(9), false, true, null, 4][i % 8]! }))],
  ['numbers that do not scale', events(9, (i) => [1e300, -5e-324, 2 ** 60, 2 ** 53 - 1, 1 - 2 ** 53, 1 / 3, 2 ** 53, 1e-10, 0][i]!)],
  ['extreme stamps', [[0, 0, 0, -8.64e15], [0, 2 ** 48 - 1, 0xffffffff, 8.64e15], [0xffffffff, 0, 0, 0], [0xffffffff, 2 ** 48 - 1, 0xffffffff, 8.64e15]].map(([generation, ms, counter, time]) =>
    hex(encodeEvent({ stamp: { generation: generation!, ms: ms!, counter: counter! }, time: time!, joined: true, key: 'k', type: 't', body: null })))],
  ['several types, shapes and groups', events(50, (i): Value => (i % 5 === 0 ? { why: 'door', by: [i, 'x'] } : { t: 20 + draw(10) / 10, h: draw(2) === 1 ? null : draw(100) }), { type: (i) => (i % 5 === 0 ? 'alarm' : 'reading'), joined: (i) => i % 5 === 0, generation: 3 })],
  ['nested bodies', events(6, (i) => ({ a: [{ b: i }, [[i / 4]]], 'ключ': {}, '__proto__x': [] }))],
];

const values = Array.from({ length: 24 }, (_, i) => 1000 * i + 7 * draw(5) - 9000), twoLevels = Array.from({ length: 24 }, (_, i) => (i % 7 < 3 ? -40 : 2 ** 49));
const keys = Float64Array.from({ length: 24 }, (_, i) => (i < 3 ? i : draw(3)));
const rows = rowsByKey(keys, 24, 3);
const forms = [];
for (const form of ['planes', 'runs', 'wide'] as const) {
  for (const delta of [0, 1, 2] as const) {
    if (form === 'wide' && delta > 0) continue;
    for (const byKey of [false, true]) for (const levels of [false, true]) for (const [base, divisor] of [[0, 1], [1000, 1], [-3, 125], [0, 7]] as const) {
      if (form !== 'planes' && (base !== 0 || divisor !== 1)) continue;
      if (form === 'wide' && (byKey || levels)) continue;
      const own = form === 'runs' || levels ? twoLevels : values;
      forms.push({ name: 'integers', keys: [...keys], values: own, bytes: hex(inForm(own, rows, { form, delta, byKey, levels, base, divisor })) });
    }
  }
}
forms.push({ name: 'integers', keys: [0, 0], values: [5, 5], bytes: '820a' }, { name: 'integers', keys: [0, 0], values: [0, 0], bytes: '81' });
const plain = { form: 'planes', delta: 1, byKey: false, levels: false, base: 0, divisor: 1 } as const;
forms.push({ name: 'integers', keys: [0, 0, 0], values: [-1, 127, 2 ** 40], bytes: hex(inForm([-1, 127, 2 ** 40], plainRows(3), plain)) });

const packed = runs.map(([name, list]) => ({ name, events: list, columns: hex(packColumns(runOf(list.map(unhex)))) }));
if (!existsSync(PATH)) writeFileSync(PATH, `[\n${[...packed, ...forms].map((item) => JSON.stringify(item)).join(',\n')}\n]\n`);
