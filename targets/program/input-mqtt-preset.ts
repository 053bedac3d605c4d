// How the messages of known programs become readings: any topic, Zigbee2MQTT, Tasmota.

import type { Fault } from '../../src/fault.ts';
import type { Reading } from './input.ts';
import { payloadValue, type PayloadForm } from './input-mqtt-payload.ts';
import { readMoment } from './moment.ts';

/** A message as it came. */
export interface Message { topic: string; levels: string[]; payload: Uint8Array }

/** The names that stand for key and type of a reading where the configuration names none. */
export const KEY_NAME = 'mqtt.key', TYPE_NAME = 'mqtt.type';

/** What a program publishes. */
export interface Preset {
  /** The topics that it publishes to, when none are named. */
  topics: string[];
  /** What a message says: its readings, or none where it is not about a measurement. `refuse` is for a part of it that cannot be used. Faults: `bad-encoding`, `bad-value`, `bad-event`, `too-many`. */
  read(message: Message, refuse: (fault: Fault) => void): Reading[];
}

/** Names for templates: the topic, its levels from 1, and what the preset calls key and type. */
export function messageNames({ topic, levels }: Message, key: string, type: string): { [name: string]: string } {
  const names: { [name: string]: string } = { topic, [KEY_NAME]: key, [TYPE_NAME]: type };
  levels.forEach((level, at) => names[`topic.${at + 1}`] = level);
  return names;
}

function reading(message: Message, value: unknown, key: string, type: string, more: { time?: number; names?: { [name: string]: string } } = {}): Reading[] {
  if (value === undefined) return [];
  const { time, names } = more;
  return [{ value, names: { ...messageNames(message, key, type), ...names }, raw: message.payload, ...(time === undefined ? {} : { time }) }];
}

/** Any program: the key is the topic. */
export function plainPreset(form: PayloadForm): Preset {
  return { topics: [], read: (message) => reading(message, payloadValue(message.payload, form), message.topic, 'reading') };
}

/** Zigbee2MQTT: the key is the friendly name, which may have several levels. What its bridge says of itself, who is available, and what others ask of devices are no readings. `base` is its base_topic. */
export function zigbeePreset(base: string, form: PayloadForm): Preset {
  const depth = base.split('/').length;
  return {
    topics: [`${base}/#`],
    read(message) {
      const [first, ...rest] = message.levels.slice(depth);
      if (first === undefined || first === 'bridge') return [];
      if (rest.at(-1) === 'availability' || rest.some((level) => level === 'set' || level === 'get')) return [];
      const name = [first, ...rest].join('/');
      return reading(message, payloadValue(message.payload, form), name, 'reading', { names: { name } });
    },
  };
}

/** Tasmota: the key is the device, the type what kind of message it is (`sensor`, `state`, `result`). Sensors inside each other become names with dots (AM2301.Temperature). */
export function tasmotaPreset(form: PayloadForm): Preset {
  return {
    topics: ['tele/+/SENSOR', 'tele/+/STATE', 'stat/+/RESULT'],
    read(message) {
      const { levels, payload } = message;
      const last = levels.at(-1)!, kind = last.toLowerCase();
      // The last will, and what others ask of devices.
      if (last === 'LWT' || levels.includes('cmnd')) return [];
      const device = levels.slice(0, -1).filter((level) => level !== 'tele' && level !== 'stat').join('/');
      const value = payloadValue(payload, form);
      if (!isMap(value)) return reading(message, value, device, kind, { names: { device } });
      const flat: [string, unknown][] = [];
      let time: number | undefined;
      for (const [name, each] of Object.entries(value)) {
        // The device's own clock: without a zone nobody knows what it means.
        if (name !== 'Time') flatten(name, each, flat, 1);
        else if (typeof each === 'string' && /T.*(Z|[+-]\d\d:?\d\d)$/.test(each)) time = readMoment(each);
      }
      // A clock that was never set counts from 1970.
      if (time !== undefined && time < 946_684_800_000) time = undefined;
      return flat.length === 0 ? [] : reading(message, Object.fromEntries(flat), device, kind, { names: { device }, ...(time === undefined ? {} : { time }) });
    },
  };
}

function flatten(name: string, value: unknown, flat: [string, unknown][], depth: number): void {
  if (!isMap(value) || depth > 8) {
    flat.push([name, value]);
    return;
  }
  for (const [inner, each] of Object.entries(value)) flatten(`${name}.${inner}`, each, flat, depth + 1);
}

function isMap(value: unknown): value is { [name: string]: unknown } {
  return value !== null && typeof value === 'object' && !Array.isArray(value) && !(value instanceof Uint8Array);
}
