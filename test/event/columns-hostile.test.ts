// Columns from bytes that nobody vouches for: a run of canonical events or one coded error, whatever comes, within the limits.
import fc from 'fast-check';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { concat, equal, hex, unhex } from '../../src/event/bytes.ts';
import { packColumns, unpackColumns } from '../../src/event/columns.ts';
import { checkEvent, encodeEvent } from '../../src/event/event.ts';
import { runOf, startOf } from '../../src/event/run.ts';
import { codeOf } from '../../src/fault.ts';
import { INFLATED_BYTES, RUN_BYTES } from '../../src/limits.ts';
import { plants } from './column-plants.ts';
import { code, events, runs } from './samples.ts';

const test = suite('columns, hostile');

/** True when the bytes gave a run; it must then be one that holds nothing but canonical events. */
function judged(bytes: Uint8Array, count: number): boolean {
  let run;
  try {
    run = unpackColumns(bytes, count);
  } catch (error) {
    assert.is(codeOf(error), 'bad-encoding', `${String(error)} for ${hex(bytes.subarray(0, 400))}`);
    return false;
  }
  assert.is(run.ends.length, count);
  assert.is(run.ends.at(-1), run.bytes.length);
  assert.ok(run.bytes.length <= RUN_BYTES);
  for (let i = 0; i < count; i++) checkEvent(run.bytes, startOf(run, i), run.ends[i]);
  assert.ok(equal(unpackColumns(packColumns(run), count).bytes, run.bytes));
  return true;
}

const mutations = fc.array(fc.record({ at: fc.nat(), to: fc.oneof(fc.nat(255), fc.constantFrom(0, 1, 127, 128, 129, 130, 131, 255)), how: fc.constantFrom('set', 'flip', 'insert', 'delete', 'cut', 'repeat') }), { minLength: 1, maxLength: 4 });

function mutated(bytes: Uint8Array, list: { at: number; to: number; how: string }[]): Uint8Array {
  const out = [...bytes];
  for (const { at, to, how } of list) {
    // Half of the changes hit the beginning, where the structure is.
    const i = (at % 2 === 0 ? at >> 1 : (at >> 1) % 60) % (out.length + 1);
    if (how === 'set') out[i] = to;
    else if (how === 'flip') out[i] = (out[i] ?? 0) ^ (1 << (to & 7));
    else if (how === 'insert') out.splice(i, 0, to);
    else if (how === 'delete') out.splice(i, 1 + (to & 3));
    else if (how === 'cut') out.length = i;
    else out.splice(i, 0, ...out.slice(i, i + to));
  }
  return Uint8Array.from(out);
}

test('columns with a few bytes changed', () => {
  let good = 0;
  fc.assert(fc.property(plants, mutations, fc.constantFrom(0, 0, 0, 1, -1), (list, changes, more) => {
    const packed = packColumns(runOf(list.map(encodeEvent)));
    if (judged(mutated(packed, changes), Math.max(1, list.length + more))) good++;
  }), runs(3000));
  assert.ok(good > 20, 'some changes give other events');
});

test('few odd events with a few bytes changed', () => {
  fc.assert(fc.property(fc.array(events, { minLength: 1, maxLength: 5 }), mutations, (list, changes) => {
    judged(mutated(packColumns(runOf(list.map(encodeEvent))), changes), list.length);
  }), runs(1500));
});

test('columns of two plants spliced', () => {
  fc.assert(fc.property(plants, plants, fc.double({ min: 0, max: 1, noNaN: true }), (a, b, share) => {
    const one = packColumns(runOf(a.map(encodeEvent))), other = packColumns(runOf(b.map(encodeEvent)));
    judged(concat(one.subarray(0, Math.floor(share * one.length)), other.subarray(Math.floor(share * other.length))), a.length);
  }), runs(300));
});

test('noise', () => {
  fc.assert(fc.property(fc.uint8Array({ maxLength: 300 }), fc.integer({ min: 1, max: 200 }), fc.nat(1), (bytes, count, form) => {
    judged(concat(Uint8Array.of(form), bytes), count);
    judged(bytes, count);
  }), runs(2000));
});

test('counts that no segment has, and too many bytes', () => {
  const packed = packColumns(runOf([encodeEvent({ stamp: { generation: 0, ms: 1, counter: 0 }, time: 1, joined: false, key: 'k', type: 't', body: 1 })]));
  assert.is(unpackColumns(packed, 1).ends.length, 1);
  for (const count of [0, -1, 1.5, Number.NaN, 2, 8193, 2 ** 40]) assert.is(code(() => unpackColumns(packed, count)), 'bad-encoding', String(count));
  assert.is(code(() => unpackColumns(new Uint8Array(INFLATED_BYTES + 1), 1)), 'bad-encoding');
  assert.is(code(() => unpackColumns(new Uint8Array(0), 1)), 'bad-encoding');
});

/** Columns by hand: one key "k", one type "t", all zero but what is given. */
function columns(total: string, bodies: string, { time = '81', joined = '81', generation = '81', counter = '81', ms = '81' } = {}): Uint8Array {
  return unhex(`01${total}0182026b` + `01820274${time}${generation}00${ms}${counter}${joined}${bodies}`.replaceAll(' ', ''));
}

test('by hand: what is described, and what is refused', () => {
  // Two events [0, 0, 0, 0, 0, "k", "t", null]: 11 bytes each.
  const nulls = '0101f7' + '82 02 0f';
  assert.ok(judged(columns('16', nulls), 2));
  const refused: [string, Uint8Array][] = [
    ['another total', columns('15', nulls)], ['another total', columns('17', nulls)], ['too much', columns('ffffff7f', nulls)],
    ['joined 2', columns('16', nulls, { joined: '8204' })], ['joined -1', columns('16', nulls, { joined: '8201' })], ['generation -1', columns('16', nulls, { generation: '8201' })],
    ['no such form', columns('16', nulls, { time: '83' })], ['differences of order 3', columns('16', nulls, { time: '030000' })], ['runs with a base', columns('16', nulls, { time: '28000100' })],
    ['a divisor of zero', columns('16', nulls, { time: '400000000000' })], ['no runs', columns('16', nulls, { time: '0800' })], ['runs that are too long', columns('16', nulls, { time: '0802000005' })],
    ['too many levels', columns('16', nulls, { time: '10030000000000' })], ['a rank that is not listed', columns('16', nulls, { time: '1001000200' })],
    ['a float that is no integer', columns('16', nulls, { time: `80${'3f3f' + 'f8f8' + '0000'.repeat(6)}` })], ['NaN', columns('16', nulls, { time: `80${'7f7f' + 'f8f8' + '0000'.repeat(6)}` })],
    ['a time out of range', columns('16', nulls, { time: '8043433e3ebbbb212111114e4ea0a00000' })], ['a number of nine bytes', columns('16', nulls, { time: '8280808080808080808000' })],
    ['a kind above 16', columns('16', '0101f7820211')], ['a kind among kinds that is above 15', columns('16', '0101f78202108220')],
    ['a shape that nobody has', columns('16', '0201f701f782020f0f')], ['a leaf that is none', columns('16', '0101f682020f')], ['a tag in a skeleton', columns('16', '0102c0f782020f')],
    ['a skeleton that ends early', columns('16', '010181820f')], ['keys out of order', columns('1c', '0107a26162f76161f7' + '82020f0f')],
    ['-0', columns('26', `0101f782020a00${'8080' + '0000'.repeat(7)}`)], ['an infinity', columns('26', `0101f782020a00${'7f7f' + 'f0f0' + '0000'.repeat(6)}`)],
    ['text that is not UTF-8', columns('18', '0101f782020b00' + '8202' + 'ffff')], ['a negative length', columns('16', '0101f782020b00' + '8201')],
    ['a string that is not listed', columns('18', '0101f782020b01' + '8202' + '61' + '8202')], ['a byte too many', columns('16', nulls + '00')],
  ];
  for (const [why, bytes] of refused) assert.not(judged(bytes, 2), why);
  // -0 does not come out of a float that stands for an integer, nor out of a division.
  assert.ok(judged(columns('16', nulls, { time: `80${'8080' + '0000'.repeat(7)}` }), 2));
  assert.ok(judged(columns('16', '0101f7820203' + '81'), 2));
});

test.run();
