// `mqtt`: what devices and programs say on topics of a broker, as Zigbee2MQTT, Tasmota, Sparkplug B or anybody publishes it.

import { randomBytes } from 'node:crypto';
import { codeOf, Fault } from '../../src/fault.ts';
import { mqttBroker } from '../../src/io/mqtt.ts';
import { parseBroker } from '../../src/io/mqtt-address.ts';
import { printableBroker } from '../../src/io/mqtt-url.ts';
import type { Broker } from '../../src/ports.ts';
import type { Became, InputKind, NodeContext, Reading } from './input.ts';
import { filterFlaw, PAYLOAD_FORMS, topicMatches, withoutGroup } from './input-mqtt-payload.ts';
import { KEY_NAME, plainPreset, tasmotaPreset, TYPE_NAME, zigbeePreset, type Message, type Preset } from './input-mqtt-preset.ts';
import { seenTopics } from './input-mqtt-retained.ts';
import { listOption, numberOption, type Options, switchOption, textOption, wordOption, wrongOption } from './input-option.ts';
import { sparkplugPreset, type SparkplugNews } from './input-sparkplug.ts';

/** Where a broker is looked for when no url is given. */
const LOCAL = 'mqtt://127.0.0.1:1883';
/** Messages that the broker may have under way to us, and bytes of the largest packet: some programs publish lists of all their devices. */
const PLACES = 1_024, PACKET_BYTES = 4_194_304;
/** How often what must be remembered is written down, when it has changed. */
const REMEMBER_MS = 600_000;
/** How long the last readings may take to become durable when the node stops. */
const LAST_MS = 3_000;
/** Topic filters of one input at most. */
const MOST_FILTERS = 64;

interface MqttSettings { url: string; filters: string[]; qos: 0 | 1; session: boolean; clientId: string | undefined; retained: 'changed' | 'never' | 'always'; preset: Preset; rebirth: boolean }

/** Topics of a broker. */
export const mqttInput: InputKind = {
  options: ['url', 'topics', 'preset', 'base', 'payload', 'qos', 'session', 'client_id', 'retained', 'rebirth'],
  waits: false,
  // A broker sends the next messages when the ones before are acknowledged: often it is twenty at a time.
  prompt: (options) => options['session'] === true,
  key: `{${KEY_NAME}}`,
  type: `{${TYPE_NAME}}`,
  check: (options) => void readMqtt(options, () => {}),
  start: startMqtt,
};

/** Reads the settings. Fault `bad-config`. */
function readMqtt(options: Options, news: (news: SparkplugNews) => void): MqttSettings {
  const url = textOption(options, 'url') ?? LOCAL;
  try {
    const extra = Object.keys(parseBroker(url).extra)[0];
    if (extra !== undefined) throw new Fault('bad-config', `${JSON.stringify(printableBroker(url))}: there is no parameter ${extra}`);
  } catch (error) {
    throw new Fault('bad-config', `url: ${(error as Error).message}`, { cause: error });
  }
  const name = wordOption(options, 'preset', ['none', 'zigbee2mqtt', 'tasmota', 'sparkplug']);
  const form = wordOption(options, 'payload', PAYLOAD_FORMS);
  if (options['base'] !== undefined && name !== 'zigbee2mqtt') throw new Fault('bad-config', 'base is for preset = "zigbee2mqtt": its base_topic.');
  const rebirth = switchOption(options, 'rebirth');
  if (options['rebirth'] !== undefined && name !== 'sparkplug') throw new Fault('bad-config', 'rebirth is for preset = "sparkplug".');
  const base = textOption(options, 'base') ?? 'zigbee2mqtt';
  const preset = name === 'zigbee2mqtt' ? zigbeePreset(base, form) : name === 'tasmota' ? tasmotaPreset(form) : name === 'sparkplug' ? sparkplugPreset(news) : plainPreset(form);
  const filters = listOption(options, 'topics') ?? preset.topics;
  if (filters.length === 0) throw new Fault('bad-config', 'an mqtt input needs topics, such as topics = ["sensors/#"], or a preset: "zigbee2mqtt", "tasmota" or "sparkplug".');
  if (filters.length > MOST_FILTERS) throw new Fault('bad-config', `topics has ${filters.length} entries; ${MOST_FILTERS} are the most.`);
  for (const filter of filters) {
    const flaw = filterFlaw(filter);
    if (flaw !== undefined) throw new Fault('bad-config', `topics: ${JSON.stringify(filter.slice(0, 80))} is no topic filter: ${flaw}.`);
    if (name === 'zigbee2mqtt' && !withoutGroup(filter).startsWith(`${base}/`)) throw new Fault('bad-config', `topics: ${JSON.stringify(filter.slice(0, 80))} is not below ${base}; base says what Zigbee2MQTT's base_topic is.`);
  }
  const clientId = textOption(options, 'client_id');
  if (clientId !== undefined && Buffer.byteLength(clientId) > 64) wrongOption('client_id', 'it must be 64 bytes at most', clientId);
  const qos = numberOption(options, 'qos', 0, 1, 1);
  if (qos !== 0 && qos !== 1) wrongOption('qos', 'it can be 0 or 1', qos);
  const session = switchOption(options, 'session');
  if (session && qos === 0) throw new Fault('bad-config', 'with qos = 0 a broker keeps nothing for us, so session = true would do nothing.');
  return { url, filters, qos, session, clientId, retained: wordOption(options, 'retained', ['changed', 'never', 'always']), preset, rebirth };
}

/** What is remembered from one start to the next. */
interface Memory { id: string; filters: string[]; seen: [string, string][] }

async function startMqtt(options: Options, context: NodeContext): Promise<{ stop(): Promise<void> }> {
  const settings = readMqtt(options, (news) => told(news));
  const { url, filters, session, retained, preset } = settings;
  const before = asMemory(await context.memory.load());
  const id = before?.id ?? `holdfast${randomBytes(7).toString('hex')}`.slice(0, 23);
  const seen = seenTopics(before?.seen);
  const shown = printableBroker(url);
  let stopping = false, underWay = 0;
  let settled = () => {};
  const health = healthOf(context, shown, filters);

  function told({ text, rebirth }: SparkplugNews): void {
    if (text !== undefined) health.remark(text);
    if (rebirth !== undefined && settings.rebirth && broker.up) broker.publish(rebirth.topic, rebirth.payload, false);
  }
  async function remember(how: 'save' | 'note' = 'save'): Promise<void> {
    // Nothing is written for who needs nothing remembered: a session keeps its id, retained messages what was seen.
    if (!session && !seen.dirty) return;
    const memory: Memory = { id, filters: session ? filters : [], seen: retained === 'changed' ? seen.list() : [] };
    await context.memory[how](memory).catch((error: unknown) => health.remark(error instanceof Error ? error.message : String(error)));
  }

  await remember();
  const broker: Broker = mqttBroker(url, {
    // The id of a session is its name at the broker; any other may be new each time, so that two nodes with one configuration do not throw each other off.
    clientId: settings.clientId ?? (session ? id : `holdfast${randomBytes(7).toString('hex')}`),
    random: Math.random, folder: context.dir, notice: (text) => health.trouble(text),
    taking: { qos: settings.qos, session, places: PLACES, packetBytes: PACKET_BYTES },
  });
  broker.onUp = () => {
    health.up();
    // Topics that are no longer wanted stay subscribed in a session until somebody says so.
    broker.subscribe(filters);
  };
  broker.onDown = (reason) => health.down(reason);
  broker.onMessage = (topic, payload, done, isRetained) => {
    // What comes now is not acknowledged: a session brings it again.
    if (stopping) return;
    const message: Message = { topic, levels: topic.split('/'), payload };
    if (!filters.some((filter) => topicMatches(filter, topic))) return done();
    const fresh = retained !== 'changed' || seen.changed(topic, payload);
    if (isRetained && (retained === 'never' || !fresh)) return done();
    let readings: Reading[];
    try {
      readings = preset.read(message, ({ code, message: reason }) => context.refuse(code, reason, payload));
    } catch (error) {
      context.refuse(codeOf(error), error instanceof Error ? error.message : String(error), payload);
      return done();
    }
    if (readings.length === 0) return done();
    void hand(readings, isRetained, topic, done);
  };
  broker.subscribe([...new Set([...filters, ...before?.filters ?? []])]);

  /** A message is acknowledged when its readings are taken, in a session when they are durable; what was lost while the node stops is not, so that a session brings it again. */
  async function hand(readings: Reading[], isRetained: boolean, topic: string, done: () => void): Promise<void> {
    let open = readings.length, kept = true;
    underWay++;
    const settle = (became: Became) => {
      if (became === 'lost') {
        seen.forget(topic);
        kept = false;
      }
      if (--open > 0) return;
      if (session && (kept || !stopping)) done();
      if (--underWay === 0) settled();
    };
    for (const reading of readings) await context.accept({ ...marked(reading, isRetained), done: settle });
    if (!session) done();
  }

  const timer = setInterval(() => void remember('note'), REMEMBER_MS);
  context.signal.addEventListener('abort', () => stopping = true, { once: true });
  return {
    async stop() {
      stopping = true;
      clearInterval(timer);
      // What is about to be durable is still acknowledged, so that a session does not bring it twice.
      if (session && underWay > 0) {
        let late: NodeJS.Timeout | undefined;
        await new Promise<void>((resolve) => late = setTimeout(settled = resolve, LAST_MS));
        clearTimeout(late);
      }
      await broker.close();
      await remember();
    },
  };
}

/** Nobody knows how old a retained message is: it says that it was one. */
function marked(reading: Reading, isRetained: boolean): Reading {
  if (!isRetained) return reading;
  const { value } = reading;
  const fields = value !== null && typeof value === 'object' && !Array.isArray(value) && !(value instanceof Uint8Array) ? value : { value };
  return { ...reading, value: 'retained' in fields ? fields : { ...fields, retained: true } };
}

function asMemory(value: unknown): Memory | undefined {
  if (value === null || typeof value !== 'object') return undefined;
  const { id, filters, seen } = value as { [name in keyof Memory]: unknown };
  if (typeof id !== 'string' || !/^[\w-]{8,64}$/.test(id) || !Array.isArray(filters)) return undefined;
  return { id, filters: filters.filter((each): each is string => typeof each === 'string' && filterFlaw(each) === undefined).slice(0, MOST_FILTERS), seen: seen as Memory['seen'] };
}

/** How the broker is, for the status. */
function healthOf(context: NodeContext, shown: string, filters: string[]): { up(): void; down(reason: string): void; trouble(text: string): void; remark(text: string): void } {
  let troubles = '', remarks = '';
  const list = filters.length > 3 ? `${filters.slice(0, 3).join(', ')} and ${filters.length - 3} more` : filters.join(', ');
  let isUp = false;
  const say = () => context.state(troubles === '', troubles === '' ? `reads ${list} at ${shown}${remarks}` : `${shown}: ${troubles}`);
  context.state(false, `connects to ${shown}`);
  return {
    up() {
      isUp = true;
      say();
    },
    down(reason) {
      isUp = false;
      context.state(false, `${shown}: ${reason}`);
    },
    trouble(text) {
      troubles = text;
      if (isUp) say();
    },
    remark(text) {
      remarks = `; ${text}`;
      if (isUp) say();
    },
  };
}
