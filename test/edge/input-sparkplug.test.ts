// Sparkplug B: births that name, data by alias, every datatype, times, gaps, deaths, rebirths asked for at a real broker, and hostile payloads.
// timeout: 120s

import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import fc from 'fast-check';
import { connectAsync } from 'mqtt';
import { PbfWriter } from 'pbf';
import { codeOf, type Fault } from '../../src/fault.ts';
import type { Reading } from '../../targets/program/input.ts';
import { sparkplugPreset, type SparkplugNews } from '../../targets/program/input-sparkplug.ts';
import { readPayload } from '../../targets/program/input-sparkplug-payload.ts';
import { hasMosquitto, startMosquitto } from '../io/mosquitto.ts';
import { fakeLog, run, until } from './input-sources.ts';

const it = suite('sparkplug');
const T = Date.UTC(2026, 10, 20, 9, 0, 0);

/** A metric as edge nodes write it; `is` is the number and kind of the field that has its value. */
interface Said { name?: string; alias?: number; time?: number; type?: number; historical?: boolean; nothing?: boolean; int?: number; long?: bigint; float?: number; double?: number; bool?: boolean; text?: string; bytes?: Uint8Array; dataset?: Uint8Array; template?: Said[] }

/** PbfWriter takes numbers, which do not hold 64 bits. */
function writeLong(pbf: PbfWriter, tag: number, value: bigint): void {
  pbf.writeTag(tag, 0);
  const bytes: number[] = [];
  for (let rest = BigInt.asUintN(64, value); ; rest >>= 7n) {
    if (rest < 128n) {
      bytes.push(Number(rest));
      break;
    }
    bytes.push(Number(rest & 127n) | 128);
  }
  pbf.realloc(bytes.length);
  for (const each of bytes) pbf.buf[pbf.pos++] = each;
}

function writeMetric(said: Said, pbf: PbfWriter): void {
  if (said.name !== undefined) pbf.writeStringField(1, said.name);
  if (said.alias !== undefined) pbf.writeVarintField(2, said.alias);
  if (said.time !== undefined) pbf.writeVarintField(3, said.time);
  if (said.type !== undefined) pbf.writeVarintField(4, said.type);
  if (said.historical !== undefined) pbf.writeBooleanField(5, said.historical);
  if (said.nothing !== undefined) pbf.writeBooleanField(7, said.nothing);
  // Metadata and properties, which are passed over.
  pbf.writeMessage(8, (_, meta) => meta.writeStringField(8, 'made up'), undefined);
  pbf.writeMessage(9, (_, properties) => {
    properties.writeStringField(1, 'engUnit');
    properties.writeMessage(2, (_inner, value) => value.writeStringField(8, '°C'), undefined);
  }, undefined);
  if (said.int !== undefined) writeLong(pbf, 10, BigInt(said.int) & 0xffff_ffffn);
  if (said.long !== undefined) writeLong(pbf, 11, said.long);
  if (said.float !== undefined) pbf.writeFloatField(12, said.float);
  if (said.double !== undefined) pbf.writeDoubleField(13, said.double);
  if (said.bool !== undefined) pbf.writeBooleanField(14, said.bool);
  if (said.text !== undefined) pbf.writeStringField(15, said.text);
  if (said.bytes !== undefined) pbf.writeBytesField(16, said.bytes);
  if (said.dataset !== undefined) pbf.writeBytesField(17, said.dataset);
  if (said.template !== undefined) pbf.writeMessage(18, (each, template) => each!.forEach((inner) => template.writeMessage(2, writeMetric, inner)), said.template);
}

function payload(metrics: Said[], seq?: number, time: number | undefined = T): Uint8Array {
  const pbf = new PbfWriter();
  if (time !== undefined) pbf.writeVarintField(1, time);
  for (const each of metrics) pbf.writeMessage(2, writeMetric, each);
  if (seq !== undefined) pbf.writeVarintField(3, seq);
  pbf.writeStringField(4, 'a uuid');
  return pbf.finish().slice();
}

interface Host { say(topic: string, bytes: Uint8Array): Reading[]; told: string[]; asked: string[]; refused: string[] }

function host(): Host {
  const told: string[] = [], asked: string[] = [], refused: string[] = [];
  const preset = sparkplugPreset(({ text, rebirth }: SparkplugNews) => {
    if (text !== undefined) told.push(text);
    if (rebirth !== undefined) asked.push(rebirth.topic);
  });
  return { told, asked, refused, say: (topic, bytes) => preset.read({ topic, levels: topic.split('/'), payload: bytes }, ({ message }: Fault) => void refused.push(message)) };
}

const shown = (readings: Reading[]) => readings.map(({ names, value, time }) => [names!['mqtt.key'], names!['mqtt.type'], value, time]);

const BIRTH: Said[] = [
  { name: 'bdSeq', type: 4, long: 3n }, { name: 'Node Control/Rebirth', type: 11, bool: false }, { name: 'Inputs/Level', alias: 1, type: 9, float: 20.1 }, { name: 'Inputs/Count', alias: 2, type: 3, int: -7 },
];

it('births name what data says by alias, on nodes and their devices', () => {
  const { say, told } = host();
  assert.equal(shown(say('spBv1.0/Plant/NBIRTH/edge1', payload(BIRTH, 0))), [['Plant/edge1', 'birth', { bdSeq: 3, 'Node Control/Rebirth': false, 'Inputs/Level': 20.1, 'Inputs/Count': -7 }, T]]);
  const born = say('spBv1.0/Plant/DBIRTH/edge1/pump', payload([{ name: 'speed', alias: 10, type: 7, long: 4_000_000_000n }], 1));
  assert.equal(shown(born), [['Plant/edge1/pump', 'birth', { speed: 4_000_000_000 }, T]]);
  assert.equal(born[0]!.names, { topic: 'spBv1.0/Plant/DBIRTH/edge1/pump', 'topic.1': 'spBv1.0', 'topic.2': 'Plant', 'topic.3': 'DBIRTH', 'topic.4': 'edge1', 'topic.5': 'pump', 'mqtt.key': 'Plant/edge1/pump', 'mqtt.type': 'birth', group: 'Plant', edge_node: 'edge1', device: 'pump' });
  assert.equal(shown(say('spBv1.0/Plant/NDATA/edge1', payload([{ alias: 2, int: -8 }, { alias: 1, float: 0.3 }], 2))), [['Plant/edge1', 'data', { 'Inputs/Count': -8, 'Inputs/Level': 0.3 }, T]]);
  assert.equal(shown(say('spBv1.0/Plant/DDATA/edge1/pump', payload([{ alias: 10, int: 5 }, { name: 'plain', int: 6, type: 1 }], 3))), [['Plant/edge1/pump', 'data', { speed: 5, plain: 6 }, T]]);
  assert.equal(shown(say('spBv1.0/Plant/DDEATH/edge1/pump', payload([], 4))), [['Plant/edge1/pump', 'death', { online: false }, T]]);
  assert.equal(say('spBv1.0/Plant/NCMD/edge1', payload([{ name: 'Node Control/Rebirth', bool: true }])), []);
  assert.equal(say('spBv1.0/STATE/scada', Buffer.from('{"online":true}')), []);
  assert.equal(told, []);
});

it('every datatype is the value that was meant', () => {
  const le = (write: (view: DataView) => void, bytes: number) => {
    const view = new DataView(new ArrayBuffer(bytes));
    write(view);
    return new Uint8Array(view.buffer);
  };
  const dataset = new PbfWriter();
  dataset.writeVarintField(1, 2);
  dataset.writeStringField(2, 'tag');
  dataset.writeStringField(2, 'offset');
  dataset.writeVarintField(3, 12);
  dataset.writeVarintField(3, 2);
  for (const [tag, offset] of [['a', 65_535], ['b', 1]] as const) {
    dataset.writeMessage(4, (_, row) => {
      row.writeMessage(1, (_inner, cell) => cell.writeStringField(6, tag), undefined);
      row.writeMessage(1, (_inner, cell) => cell.writeVarintField(1, offset), undefined);
    }, undefined);
  }
  const cases: [Said, unknown][] = [
    [{ type: 1, int: 0xff }, -1], [{ type: 1, int: -1 }, -1], [{ type: 2, int: 0xffff }, -1], [{ type: 3, int: 0x8000_0000 }, -2_147_483_648], [{ type: 4, long: -1n }, -1], [{ type: 4, long: -(2n ** 60n) }, '-1152921504606846976'],
    [{ type: 5, int: 255 }, 255], [{ type: 6, int: 65_535 }, 65_535], [{ type: 7, int: 0xffff_ffff }, 4_294_967_295], [{ type: 8, long: 2n ** 53n - 1n }, 9_007_199_254_740_991], [{ type: 8, long: 2n ** 64n - 1n }, '18446744073709551615'],
    [{ type: 9, float: 20.1 }, 20.1], [{ type: 9, float: -0.001 }, -0.001], [{ type: 9, float: 16_777_217 }, 16_777_216], [{ type: 9, float: 3.4028234663852886e38 }, 3.4028235e38], [{ type: 9, float: NaN }, 'NaN'], [{ type: 10, double: 0.1 }, 0.1], [{ type: 10, double: -Infinity }, '-Infinity'],
    [{ type: 11, bool: true }, true], [{ type: 12, text: 'läuft' }, 'läuft'], [{ type: 13, long: BigInt(T) }, T], [{ type: 14, text: '' }, ''], [{ type: 15, text: '6f1c' }, '6f1c'],
    [{ type: 17, bytes: Uint8Array.of(0, 255) }, Uint8Array.of(0, 255)], [{ type: 3, nothing: true }, null], [{ type: 3, nothing: true, int: 5 }, null], [{ type: 3 }, null],
    [{ type: 16, dataset: dataset.finish().slice() }, { columns: ['tag', 'offset'], rows: [['a', -1], ['b', 1]] }],
    [{ type: 19, template: [{ name: 'x', type: 1, int: 0xfe }, { name: 'inner', type: 19, template: [{ name: '__proto__', type: 12, text: 'y' }] }] }, { x: -2, inner: JSON.parse('{"__proto__":"y"}') as unknown }],
    [{ type: 22, bytes: Uint8Array.of(0xef, 0x7b) }, [-17, 123]], [{ type: 23, bytes: Uint8Array.of(0x30, 0x8a, 0x30, 0xfb) }, [-30_160, -1_232]], [{ type: 24, bytes: le((view) => view.setInt32(0, -5, true), 4) }, [-5]],
    [{ type: 25, bytes: le((view) => view.setBigInt64(0, -(2n ** 62n), true), 8) }, ['-4611686018427387904']], [{ type: 26, bytes: Uint8Array.of(23, 250) }, [23, 250]], [{ type: 27, bytes: Uint8Array.of(30, 0, 0x88, 0xf5) }, [30, 62_856]],
    [{ type: 28, bytes: le((view) => view.setUint32(0, 4e9, true), 4) }, [4e9]], [{ type: 29, bytes: le((view) => view.setBigUint64(0, 52n, true), 8) }, [52]], [{ type: 30, bytes: le((view) => view.setFloat32(0, 1.23, true), 4) }, [1.23]],
    [{ type: 31, bytes: le((view) => view.setFloat64(0, 12.354213, true), 8) }, [12.354213]], [{ type: 32, bytes: Uint8Array.of(12, 0, 0, 0, 0x34, 0x80) }, [false, false, true, true, false, true, false, false, true, false, false, false]],
    [{ type: 33, bytes: Buffer.from('ABC\0hello\0') }, ['ABC', 'hello']], [{ type: 34, bytes: le((view) => view.setBigUint64(0, BigInt(T), true), 8) }, [T]],
  ];
  for (const [said, value] of cases) {
    const [reading] = host().say('spBv1.0/g/NBIRTH/n', payload([{ name: 'm', ...said }], 0));
    assert.equal((reading!.value as { m: unknown }).m, value, JSON.stringify(said, (_, each: unknown) => typeof each === 'bigint' ? String(each) : each));
  }
  for (const bytes of [[1, 2, 3], [12, 0, 0, 0, 0x34], [255, 255, 255, 255, 1]]) assert.throws(() => host().say('spBv1.0/g/NBIRTH/n', payload([{ name: 'm', type: 32, bytes: Uint8Array.from(bytes) }], 0)), (error: unknown) => codeOf(error) === 'bad-encoding');
});

it('each moment is a reading with its time; what was kept while a node was away is history', () => {
  const { say } = host();
  say('spBv1.0/g/NBIRTH/n', payload(BIRTH, 0));
  const readings = say('spBv1.0/g/NDATA/n', payload([
    { alias: 1, float: 1, time: T - 2_000, historical: true }, { alias: 2, int: 1, time: T - 2_000, historical: true }, { alias: 1, float: 2, time: T - 1_000, historical: true }, { alias: 1, float: 3, time: T }, { alias: 2, int: 3 }, { alias: 1, float: 4, time: T },
  ], 1));
  assert.equal(shown(readings), [
    ['g/n', 'history', { 'Inputs/Level': 1, 'Inputs/Count': 1 }, T - 2_000], ['g/n', 'history', { 'Inputs/Level': 2 }, T - 1_000], ['g/n', 'data', { 'Inputs/Level': 3, 'Inputs/Count': 3 }, T], ['g/n', 'data', { 'Inputs/Level': 4 }, T],
  ]);
  assert.is(say('spBv1.0/g/NDATA/n', payload([{ alias: 1, float: 1 }], 2, 12))[0]!.time, undefined, 'a clock that was never set');
  const many = say('spBv1.0/g/DBIRTH/n/big', payload(Array.from({ length: 3_000 }, (_, i) => ({ name: `metric number ${i}`, alias: 100 + i, type: 3, int: i })), 3));
  assert.ok(many.length > 1 && many.length < 10, `${many.length} readings, each of which fits an event`);
  assert.is(many.reduce((sum, { value }) => sum + Object.keys(value as object).length, 0), 3_000);
});

it('gaps are counted and told, repetitions are not taken twice, deaths of earlier connections are none', () => {
  const { say, told, asked } = host();
  const data = (seq: number) => say('spBv1.0/g/NDATA/n', payload([{ alias: 1, float: seq }], seq));
  say('spBv1.0/g/NBIRTH/n', payload(BIRTH, 0));
  for (let seq = 1; seq <= 600; seq++) assert.is(data(seq % 256).length, 1);
  assert.equal(data(600 % 256), [], 'the same message again');
  assert.equal(told, []);
  assert.equal(shown(data(603 % 256)).slice(0, 1), [['g/n', 'gap', { expected: 89, received: 91 }, T]]);
  assert.equal([told.length, asked], [1, ['spBv1.0/g/NCMD/n']]);
  assert.match(told[0]!, /^1 gap .* g\/n$/);
  data(605 % 256);
  assert.match(told[1]!, /^2 gaps/);
  assert.is(asked.length, 1, 'not asked again at once');
  assert.equal(say('spBv1.0/g/NDEATH/n', payload([{ name: 'bdSeq', type: 4, long: 2n }])), [], 'the last will of an earlier connection');
  assert.equal(shown(say('spBv1.0/g/NDEATH/n', payload([{ name: 'bdSeq', type: 4, long: 3n }]))), [['g/n', 'death', { online: false, bdSeq: 3 }, undefined]]);
  say('spBv1.0/g/NBIRTH/n', payload(BIRTH, 7));
  assert.is(data(8).length, 1, 'a birth begins anew');
  assert.is(told.length, 2);
});

it('what no birth has named is refused, the rest is recorded, and the birth is asked for', () => {
  const { say, told, asked, refused } = host();
  assert.equal(shown(say('spBv1.0/g/NDATA/n', payload([{ alias: 1, float: 1 }, { name: 'known', type: 12, text: 'x' }], 17))), [['g/n', 'data', { known: 'x' }, T]]);
  assert.equal(refused, ['no birth has named the metrics with alias 1']);
  assert.match(told[0]!, /birth of g\/n has not been seen/);
  assert.equal(asked, ['spBv1.0/g/NCMD/n']);
  say('spBv1.0/g/NBIRTH/n', payload(BIRTH, 0));
  assert.equal(shown(say('spBv1.0/g/NDATA/n', payload([{ alias: 1, float: 1 }], 1)))[0]![2], { 'Inputs/Level': 1 });
});

it('nodes that are remembered are bounded', () => {
  const { say, refused } = host();
  for (let i = 0; i < 1_100; i++) say(`spBv1.0/g/NBIRTH/n${i}`, payload([{ name: 'a', alias: 1, type: 3, int: i }], 0));
  say('spBv1.0/g/NDATA/n0', payload([{ alias: 1, int: 1 }], 1));
  assert.is(refused.length, 1, 'the first one is forgotten');
  say('spBv1.0/g/NDATA/n1099', payload([{ alias: 1, int: 1 }], 1));
  assert.is(refused.length, 1);
  for (let i = 0; i < 5; i++) say(`spBv1.0/g/NBIRTH/big${i}`, payload(Array.from({ length: 40_000 }, (_, n) => ({ name: `${n}`, alias: n, type: 3, int: n })), 0));
  say('spBv1.0/g/NDATA/big0', payload([{ alias: 1, int: 1 }], 1));
  assert.is(refused.length, 2);
});

it('hostile payloads: nothing throws but faults, and nothing is read that is not there', () => {
  const good = payload([...BIRTH, { name: 'a set', type: 16, dataset: Uint8Array.of(18, 1, 97, 34, 4, 10, 2, 8, 1) }, { name: 't', type: 19, template: BIRTH }], 0);
  assert.is(host().say('spBv1.0/g/NBIRTH/n', good).length, 1);
  const kinds = ['NBIRTH', 'NDATA', 'NDEATH', 'DBIRTH', 'DDATA', 'DDEATH', 'NCMD', 'STATE', 'XDATA'];
  const bent = fc.tuple(fc.nat(good.length - 1), fc.nat(255)).map(([at, byte]) => Uint8Array.from(good, (each, i) => i === at ? byte : each));
  const cut = fc.nat(good.length).map((end) => good.subarray(0, end));
  fc.assert(fc.property(fc.array(fc.tuple(fc.constantFrom(...kinds), fc.oneof(bent, cut, fc.uint8Array({ maxLength: 200 }))), { maxLength: 6 }), (messages) => {
    const { say } = host();
    for (const [kind, bytes] of messages) {
      try {
        say(`spBv1.0/g/${kind}/n${kind.startsWith('D') ? '/d' : ''}`, bytes);
      } catch (error) {
        assert.ok(['bad-encoding', 'bad-event', 'bad-value', 'too-many'].includes(codeOf(error)), String(error));
      }
    }
  }), { numRuns: 1_000 });
  let deep: Said = { name: 'x', int: 1 };
  for (let i = 0; i < 200; i++) deep = { name: 'x', template: [deep] };
  assert.throws(() => readPayload(payload([deep])), (error: unknown) => codeOf(error) === 'bad-value');
  assert.throws(() => readPayload(Uint8Array.from({ length: 200_002 }, (_, i) => i % 2 === 0 ? 18 : 0)), (error: unknown) => codeOf(error) === 'too-many');
  for (const topic of ['spBv1.0', 'spBv1.0/g', 'spBv1.0/g/NDATA', 'spBv1.0/g/NDATA/', 'spBv1.0/g/NDATA/n/d', 'spBv1.0/g/DDATA/n', 'spAv1.0/g/NDATA/n']) assert.throws(() => host().say(topic, good), (error: unknown) => codeOf(error) === 'bad-event', topic);
});

(hasMosquitto() ? it : it.skip)('at a broker: a gateway that comes late asks for the birth, and then reads all', async () => {
  const broker = await startMosquitto();
  const edge = await connectAsync(broker.url, { protocolVersion: 4 });
  let seq = 0;
  const commands: string[] = [];
  edge.on('message', (topic, bytes) => {
    commands.push(topic);
    const { metrics } = readPayload(bytes);
    if (metrics.some(({ name, raw }) => name === 'Node Control/Rebirth' && raw?.kind === 'boolean' && raw.value)) edge.publish('spBv1.0/Plant/NBIRTH/edge1', Buffer.from(payload(BIRTH, seq = 0)));
  });
  await edge.subscribeAsync('spBv1.0/Plant/NCMD/edge1', { qos: 1 });
  const log = fakeLog();
  const inputs = run(`[[input]]\nkind = "mqtt"\nurl = "${broker.url}"\npreset = "sparkplug"\nrebirth = true\nstream = "plant"`, log);
  await until(() => inputs.report()[0]!.words.startsWith('reads '));
  const data = () => edge.publishAsync('spBv1.0/Plant/NDATA/edge1', Buffer.from(payload([{ alias: 1, float: seq }], ++seq)));
  seq = 40;
  await data();
  await until(() => log.all().some(({ type }) => type === 'birth'));
  await data();
  await until(() => log.all().some(({ type }) => type === 'data'));
  assert.equal(log.all('plant').map(({ key, type, body }) => [key, type, body]), [
    ['Plant/edge1', 'birth', { bdSeq: 3, 'Node Control/Rebirth': false, 'Inputs/Level': 20.1, 'Inputs/Count': -7 }], ['Plant/edge1', 'data', { 'Inputs/Level': 0 }],
  ]);
  assert.equal(commands, ['spBv1.0/Plant/NCMD/edge1']);
  assert.is(inputs.report()[0]!.refused, 1);
  assert.match(inputs.report()[0]!.words, /birth of Plant\/edge1 has not been seen/);
  await inputs.stop();
  await edge.endAsync();
  await broker.stop();
});

it.run();
