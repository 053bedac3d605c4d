// MQTT inputs on a real broker: plain topics, Zigbee2MQTT and Tasmota as they publish, retained messages, sessions, brokers that restart, and hostile payloads.
// timeout: 240s

import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import fc from 'fast-check';
import { connectAsync, type IClientPublishOptions } from 'mqtt';
import { codeOf, Fault } from '../../src/fault.ts';
import { mqttInput } from '../../targets/program/input-mqtt.ts';
import { filterFlaw, payloadValue, topicMatches } from '../../targets/program/input-mqtt-payload.ts';
import type { Inputs } from '../../targets/program/input-runner.ts';
import { hasMosquitto, startMosquitto, type Mosquitto } from '../io/mosquitto.ts';
import { fakeLog, folder, pause, run, until, type FakeLog } from './input-sources.ts';

const it = suite('mqtt inputs');
const test = hasMosquitto() ? it : it.skip;
if (!hasMosquitto()) console.log('skipped: mosquitto is not installed');

async function withBroker(work: (broker: Mosquitto) => Promise<void>, config: string[] = []): Promise<void> {
  const broker = await startMosquitto({ config });
  try {
    await work(broker);
  } finally {
    await broker.stop();
  }
}

/** Publishes one after the other, at QoS 1. */
async function publish(broker: Mosquitto, messages: [string, string | Buffer, IClientPublishOptions?][]): Promise<void> {
  const client = await connectAsync(broker.url, { protocolVersion: 4, reconnectPeriod: 0 });
  for (const [topic, payload, options] of messages) await client.publishAsync(topic, payload, { qos: 1, ...options });
  await client.endAsync();
}

/** An input that reads; `lines` are its settings. */
async function reading(broker: Mosquitto, log: FakeLog, lines: string, dir = folder()): Promise<Inputs> {
  const inputs = run(`[[input]]\nkind = "mqtt"\nname = "broker"\nurl = "${broker.url}"\n${lines}`, log, { dir });
  await until(() => inputs.report()[0]!.words.startsWith('reads '), 'the input is connected');
  return inputs;
}

const said = (log: FakeLog) => log.all().map(({ key, type, body }) => [key, type, body]);

test('any topics: JSON, numbers, words and bytes, with levels of the topic as names', () => withBroker(async (broker) => {
  const log = fakeLog();
  const inputs = await reading(broker, log, 'topics = ["site/+/#"]\nkey = "{topic.2}/{topic.3}"');
  await publish(broker, [
    ['site/a/climate', '{"t":20.5,"h":40}'], ['site/a/level', '12.50'], ['site/b/door', 'ON'], ['site/b/code', '007'], ['site/b/big', '12345678901234567890'], ['site/b/none', ''], ['site/b/list', '[1,2]'], ['site/b/on', 'true'],
    ['site/b/torn', '{"t":20.5'], ['site/b/raw', Buffer.from([0xff, 0xfe])], ['elsewhere/b/x', '1'], ['site/b/__proto__', '{"__proto__":1,"a":2}'], ['site/b/end', ' 5 '],
  ]);
  await until(() => log.all().some(({ key }) => key === 'b/end'));
  assert.equal(said(log).slice(0, 7), [
    ['a/climate', 'reading', { t: 20.5, h: 40 }], ['a/level', 'reading', { value: 12.5 }], ['b/door', 'reading', { value: 'ON' }], ['b/code', 'reading', { value: '007' }], ['b/big', 'reading', { value: '12345678901234567890' }],
    ['b/list', 'reading', { value: [1, 2] }], ['b/on', 'reading', { value: true }],
  ]);
  assert.is(JSON.stringify(log.all()[7]!.body), '{"__proto__":1,"a":2}');
  assert.equal(log.all()[8]!.body, { value: 5 });
  assert.is(log.all().length, 9);
  const { refused, samples } = inputs.report()[0]!;
  assert.is(refused, 2);
  assert.match(samples.map(({ reason }) => reason).join('\n'), /not JSON[^]*not UTF-8/);
  await inputs.stop();
}));

test('Zigbee2MQTT: devices by their friendly names; its bridge, availability and commands left out', () => withBroker(async (broker) => {
  const log = fakeLog();
  const inputs = await reading(broker, log, 'preset = "zigbee2mqtt"');
  await publish(broker, [
    ['zigbee2mqtt/bridge/state', '{"state":"online"}', { retain: true }],
    ['zigbee2mqtt/bridge/info', '{"version":"2.1.1","coordinator":{"type":"zStack3x0","ieee_address":"0x00124b0024c3ffff"}}', { retain: true }],
    ['zigbee2mqtt/bridge/devices', JSON.stringify(Array.from({ length: 900 }, (_, i) => ({ ieee_address: `0x00158d00${i}`, type: 'EndDevice', friendly_name: `sensor ${i}`, definition: { model: 'WSDCGQ11LM', exposes: ['x'.repeat(500)] } }))), { retain: true }],
    ['zigbee2mqtt/bridge/logging', '{"level":"info","message":"zigbee2mqtt:mqtt: MQTT publish: topic \'zigbee2mqtt/bath\', payload \'...\'"}'],
    ['zigbee2mqtt/bath/availability', '{"state":"online"}', { retain: true }],
    ['zigbee2mqtt/bath', '{"battery":97,"humidity":61.04,"linkquality":120,"pressure":1002.4,"temperature":22.61,"voltage":2995}'],
    ['zigbee2mqtt/kitchen/floor_light', '{"brightness":215,"color":{"x":0.4599,"y":0.4106},"color_mode":"color_temp","color_temp":370,"linkquality":87,"state":"ON","update":{"installed_version":587814449,"latest_version":587814449,"state":"idle"}}'],
    ['zigbee2mqtt/kitchen/floor_light/set', '{"state":"OFF"}'], ['zigbee2mqtt/kitchen/floor_light/set/state', 'OFF'], ['zigbee2mqtt/kitchen/floor_light/get', '{"state":""}'],
    ['zigbee2mqtt/0x00158d0001b79111', '{"action":"single","battery":100,"linkquality":150,"device":{"friendlyName":"0x00158d0001b79111","type":"EndDevice"}}'],
  ]);
  await until(() => log.all().length >= 3);
  await pause(300);
  assert.equal(said(log), [
    ['bath', 'reading', { battery: 97, humidity: 61.04, linkquality: 120, pressure: 1002.4, temperature: 22.61, voltage: 2995 }],
    ['kitchen/floor_light', 'reading', { brightness: 215, color: { x: 0.4599, y: 0.4106 }, color_mode: 'color_temp', color_temp: 370, linkquality: 87, state: 'ON', update: { installed_version: 587814449, latest_version: 587814449, state: 'idle' } }],
    ['0x00158d0001b79111', 'reading', { action: 'single', battery: 100, linkquality: 150, device: { friendlyName: '0x00158d0001b79111', type: 'EndDevice' } }],
  ]);
  assert.is(inputs.report()[0]!.refused, 0);
  await inputs.stop();
  const other = fakeLog();
  const renamed = await reading(broker, other, 'preset = "zigbee2mqtt"\nbase = "home/zigbee"\ntype = "{name}"');
  await publish(broker, [['home/zigbee/bath', '{"temperature":1}'], ['home/zigbee/bridge/state', 'online']]);
  await until(() => other.all().length > 0);
  assert.equal(said(other), [['bath', 'bath', { temperature: 1 }]]);
  await renamed.stop();
}));

test('Tasmota: sensors inside each other flattened, its own time only where it has a zone', () => withBroker(async (broker) => {
  const log = fakeLog();
  const inputs = await reading(broker, log, 'preset = "tasmota"\ntopics = ["tele/+/+", "stat/+/RESULT", "tasmota/+/tele/SENSOR"]');
  await publish(broker, [
    ['tele/cellar/LWT', 'Online', { retain: true }],
    ['tele/cellar/STATE', '{"Time":"2026-11-20T10:15:03","Uptime":"4T02:13:18","UptimeSec":353598,"Heap":25,"SleepMode":"Dynamic","Sleep":50,"LoadAvg":19,"MqttCount":3,"POWER":"ON","Wifi":{"AP":1,"SSId":"plant","BSSId":"5C:49:79:4F:81:99","Channel":6,"Mode":"11n","RSSI":72,"Signal":-64,"LinkCount":1,"Downtime":"0T00:00:04"}}'],
    ['tele/cellar/SENSOR', '{"Time":"2026-11-20T10:15:03+01:00","ENERGY":{"TotalStartTime":"2024-03-01T11:09:54","Total":412.573,"Yesterday":1.248,"Today":0.561,"Period":5,"Power":[62,0],"ApparentPower":[81,0],"Factor":[0.76,0.00],"Voltage":231,"Current":[0.352,0.000]}}'],
    ['tele/attic/SENSOR', '{"Time":"1970-01-01T00:00:09Z","AM2301":{"Temperature":21.4,"Humidity":47.9,"DewPoint":9.9},"DS18B20-1":{"Id":"0317977804B5","Temperature":19.1},"TempUnit":"C"}'],
    ['stat/cellar/RESULT', '{"POWER":"OFF"}'],
    ['tasmota/barn/tele/SENSOR', '{"Time":"2026-11-20T09:15:03Z","ANALOG":{"A0":512}}'],
  ]);
  await until(() => log.all().length >= 5);
  assert.equal(said(log), [
    ['cellar', 'state', {
      Uptime: '4T02:13:18', UptimeSec: 353598, Heap: 25, SleepMode: 'Dynamic', Sleep: 50, LoadAvg: 19, MqttCount: 3, POWER: 'ON', 'Wifi.AP': 1, 'Wifi.SSId': 'plant', 'Wifi.BSSId': '5C:49:79:4F:81:99', 'Wifi.Channel': 6,
      'Wifi.Mode': '11n', 'Wifi.RSSI': 72, 'Wifi.Signal': -64, 'Wifi.LinkCount': 1, 'Wifi.Downtime': '0T00:00:04',
    }],
    ['cellar', 'sensor', {
      'ENERGY.TotalStartTime': '2024-03-01T11:09:54', 'ENERGY.Total': 412.573, 'ENERGY.Yesterday': 1.248, 'ENERGY.Today': 0.561, 'ENERGY.Period': 5, 'ENERGY.Power': [62, 0], 'ENERGY.ApparentPower': [81, 0],
      'ENERGY.Factor': [0.76, 0], 'ENERGY.Voltage': 231, 'ENERGY.Current': [0.352, 0],
    }],
    ['attic', 'sensor', { 'AM2301.Temperature': 21.4, 'AM2301.Humidity': 47.9, 'AM2301.DewPoint': 9.9, 'DS18B20-1.Id': '0317977804B5', 'DS18B20-1.Temperature': 19.1, TempUnit: 'C' }],
    ['cellar', 'result', { POWER: 'OFF' }],
    ['tasmota/barn', 'sensor', { 'ANALOG.A0': 512 }],
  ]);
  const times = log.all().map(({ time }) => time!);
  assert.is(times[1], Date.UTC(2026, 10, 20, 9, 15, 3));
  assert.is(times[4], Date.UTC(2026, 10, 20, 9, 15, 3));
  for (const at of [0, 2, 3]) assert.ok(Math.abs(times[at]! - Date.now()) < 600_000, 'a clock without a zone, or not set, is not believed');
  await inputs.stop();
}));

test('retained messages: what is known already is not recorded again, also after a restart of the node', () => withBroker(async (broker) => {
  const dir = folder();
  const log = fakeLog();
  await publish(broker, [['r/a', '1', { retain: true }], ['r/b', '{"x":1}', { retain: true }]]);
  let inputs = await reading(broker, log, 'topics = ["r/#"]', dir);
  await until(() => log.all().length === 2);
  assert.equal(said(log).sort(), [['r/a', 'reading', { value: 1, retained: true }], ['r/b', 'reading', { x: 1, retained: true }]]);
  await publish(broker, [['r/a', '2', { retain: true }], ['r/a', '2', { retain: true }]]);
  await until(() => log.all().length === 4);
  assert.equal(said(log).slice(2), [['r/a', 'reading', { value: 2 }], ['r/a', 'reading', { value: 2 }]], 'live messages are all recorded');
  await inputs.stop();
  await publish(broker, [['r/b', '{"x":2}', { retain: true }]]);
  inputs = await reading(broker, log, 'topics = ["r/#"]', dir);
  await until(() => log.all().length === 5);
  await publish(broker, [['r/end', '1']]);
  await until(() => log.all().length === 6);
  assert.equal(said(log).slice(4), [['r/b', 'reading', { x: 2, retained: true }], ['r/end', 'reading', { value: 1 }]]);
  await inputs.stop();
  for (const [policy, count] of [['never', 0], ['always', 2]] as const) {
    const other = fakeLog();
    for (let round = 1; round <= 2; round++) {
      inputs = await reading(broker, other, `topics = ["r/#"]\nretained = "${policy}"`, dir);
      await publish(broker, [['r/end', '1']]);
      await until(() => other.all().length === round * (count + 1), policy);
      await inputs.stop();
    }
  }
}));

test('a session: what comes while the node is away, and what was not durable when it stopped, comes again', () => withBroker(async (broker) => {
  const dir = folder();
  const log = fakeLog();
  const settings = 'topics = ["s/#"]\nsession = true';
  let inputs = await reading(broker, log, settings, dir);
  await publish(broker, [['s/1', '1']]);
  await until(() => log.all().length === 1);
  await inputs.stop();
  await publish(broker, [['s/2', '2'], ['s/3', '3']]);
  inputs = await reading(broker, log, settings, dir);
  await until(() => log.all().length === 3);
  log.fail = new Fault('store-full', 'the disk is full');
  await publish(broker, [['s/4', '4']]);
  await until(() => inputs.report()[0]!.waiting === 1);
  await inputs.stop();
  assert.is(log.all().length, 3);
  log.fail = undefined;
  inputs = await reading(broker, log, 'topics = ["other/#"]\nsession = true', dir);
  await publish(broker, [['s/5', '5'], ['other/1', '1']]);
  await until(() => log.all().some(({ key }) => key === 'other/1'));
  await inputs.stop();
  assert.equal(log.all().map(({ key }) => key), ['s/1', 's/2', 's/3', 'other/1'], 'topics that are no longer wanted are not recorded, nor subscribed');
  await publish(broker, [['s/6', '6'], ['other/2', '2']]);
  inputs = await reading(broker, log, settings, dir);
  await until(() => log.all().length >= 4);
  await publish(broker, [['s/7', '7']]);
  await until(() => log.all().some(({ key }) => key === 's/7'));
  assert.not.ok(log.all().some(({ key }) => key === 's/6' || key === 'other/2'));
  await inputs.stop();
}));

test('a session that is stopped in the middle of many messages repeats none and loses none', () => withBroker(async (broker) => {
  const dir = folder();
  const log = fakeLog();
  const settings = 'topics = ["q/#"]\nsession = true';
  await (await reading(broker, log, settings, dir)).stop();
  const sending = publish(broker, Array.from({ length: 600 }, (_, i) => ['q/a', String(i)]));
  for (let round = 0; round < 6; round++) {
    const inputs = await reading(broker, log, settings, dir);
    await pause(40 * round);
    await inputs.stop();
  }
  await sending;
  const inputs = await reading(broker, log, settings, dir);
  await until(() => log.all().length >= 600);
  await pause(400);
  await inputs.stop();
  assert.equal(log.all().map(({ body }) => (body as { value: number }).value), Array.from({ length: 600 }, (_, i) => i));
}, ['max_queued_messages 0']));

test('what was accepted and not durable comes again in a session', () => withBroker(async (broker) => {
  const dir = folder();
  const log = fakeLog();
  log.fail = new Fault('store-full', 'the disk is full');
  let inputs = await reading(broker, log, 'topics = ["s/#"]\nsession = true', dir);
  await publish(broker, Array.from({ length: 200 }, (_, i) => [`s/${i}`, String(i)]));
  await until(() => inputs.report()[0]!.waiting === 200);
  await inputs.stop();
  log.fail = undefined;
  inputs = await reading(broker, log, 'topics = ["s/#"]\nsession = true', dir);
  await until(() => new Set(log.all().map(({ key }) => key)).size === 200);
  await inputs.stop();
}));

test('a broker that is killed, restarted and absent: readings go on, and the status says what is', () => withBroker(async (broker) => {
  const log = fakeLog();
  const inputs = await reading(broker, log, 'topics = ["k/#"]');
  for (let round = 1; round <= 2; round++) {
    await broker.kill();
    await until(() => !inputs.report()[0]!.ok, 'its absence is told');
    assert.match(inputs.report()[0]!.words, /^mqtt:\/\/127\.0\.0\.1:\d+: /);
    await broker.restart();
    await until(() => inputs.report()[0]!.ok, 'it is back');
    await publish(broker, [[`k/${round}`, String(round)]]);
    await until(() => log.all().length === round);
  }
  await inputs.stop();
}));

test('thousands of messages at once arrive, in bounded numbers under way', () => withBroker(async (broker) => {
  const log = fakeLog();
  const inputs = await reading(broker, log, 'topics = ["m/#"]');
  const client = await connectAsync(broker.url, { protocolVersion: 5 });
  const sent: Promise<unknown>[] = [];
  for (let i = 0; i < 5_000; i++) sent.push(client.publishAsync(`m/${i % 50}`, `{"n":${i}}`, { qos: 1 }));
  await Promise.all(sent);
  await client.endAsync();
  await until(() => log.all().length === 5_000);
  const numbers = log.all().map(({ body }) => (body as { n: number }).n);
  assert.equal(numbers, Array.from({ length: 5_000 }, (_, i) => i), 'in order');
  await inputs.stop();
}, ['max_queued_messages 0']));

test('what the broker does not allow is told', async () => {
  const broker = await startMosquitto({ users: { gateway: 'secret' }, acl: 'user gateway\ntopic read allowed/#\n' });
  const log = fakeLog();
  const wrong = run(`[[input]]\nkind = "mqtt"\nurl = "mqtt://gateway:wrong@127.0.0.1:${broker.port}"\ntopics = ["allowed/#"]`, log);
  await until(() => /password is wrong/.test(wrong.report()[0]!.words));
  assert.not.match(wrong.report()[0]!.words, /gateway:wrong/);
  await wrong.stop();
  const inputs = run(`[[input]]\nkind = "mqtt"\nurl = "mqtt://gateway:secret@127.0.0.1:${broker.port}"\ntopics = ["allowed/#"]`, log);
  await until(() => inputs.report()[0]!.ok && inputs.report()[0]!.words.startsWith('reads'));
  await inputs.stop();
  await broker.stop();
});

it('settings that can never work are told', () => {
  const bad: [{ [name: string]: unknown }, RegExp][] = [
    [{}, /needs topics/], [{ topics: [] }, /^topics/], [{ topics: ['a#'] }, /# stands alone/], [{ topics: ['#/a'] }, /# stands alone/], [{ topics: ['a+/b'] }, /\+ stands alone/], [{ topics: ['a\n'] }, /control/],
    [{ topics: ['a'], url: 'http://x' }, /^url: /], [{ topics: ['a'], url: 'mqtt://x?colour=red' }, /no parameter colour/], [{ topics: ['a'], qos: 2 }, /^qos/], [{ topics: ['a'], qos: 0, session: true }, /keeps nothing/],
    [{ preset: 'homeassistant' }, /^preset/], [{ preset: 'tasmota', base: 'x' }, /base is for/], [{ preset: 'zigbee2mqtt', topics: ['home/#'] }, /not below zigbee2mqtt/], [{ topics: ['a'], rebirth: true }, /rebirth is for/], [{ topics: ['a'], payload: 'xml' }, /^payload/], [{ topics: ['a'], retained: true }, /^retained/],
    [{ topics: ['a'], client_id: 'x'.repeat(80) }, /^client_id/],
  ];
  for (const [settings, reason] of bad) {
    assert.throws(() => mqttInput.check!(settings), (error: Error) => codeOf(error) === 'bad-config' && reason.test(error.message), JSON.stringify(settings));
  }
  for (const settings of [{ topics: ['a/+/b/#'] }, { preset: 'sparkplug', rebirth: true }, { preset: 'zigbee2mqtt', topics: ['z/+'], base: 'z' }, { topics: ['a'], session: true, client_id: 'gw', url: 'mqtts://u@h?password-file=x' }]) mqttInput.check!(settings);
});

it('payloads: any bytes are a value or a reason', () => {
  fc.assert(fc.property(fc.oneof(fc.uint8Array({ maxLength: 60 }), fc.string({ maxLength: 60 }).map((text) => Buffer.from(text)), fc.json().map((text) => Buffer.from(text))), fc.constantFrom('auto' as const, 'json' as const, 'text' as const, 'bytes' as const), (payload, form) => {
    try {
      const value = payloadValue(payload, form);
      assert.is(value === undefined, payload.length === 0);
      if (form === 'text' && payload.length > 0) assert.is(value, Buffer.from(payload).toString('utf8'));
    } catch (error) {
      assert.ok(['bad-encoding', 'bad-value'].includes(codeOf(error)), String(error));
    }
  }), { numRuns: 500 });
});

it('topics are meant by filters as in the standard', () => {
  const yes = [['#', 'a/b'], ['a/#', 'a'], ['a/#', 'a/b/c'], ['+', 'a'], ['a/+', 'a/'], ['+/+', '/a'], ['$SYS/#', '$SYS/broker'], ['a/+/c', 'a/b/c'], ['$share/g/a/#', 'a/b']] as const;
  const no = [['#', '$SYS/broker'], ['+/broker', '$SYS/broker'], ['a/+', 'a'], ['a/+', 'a/b/c'], ['a', 'a/b'], ['a/b', 'a'], ['A', 'a']] as const;
  for (const [filter, topic] of yes) assert.ok(topicMatches(filter, topic) && filterFlaw(filter) === undefined, `${filter} ${topic}`);
  for (const [filter, topic] of no) assert.not.ok(topicMatches(filter, topic), `${filter} ${topic}`);
});

it.run();
