// NMEA 0183 as readings: each sentence (or group of them) one, or all that a receiver says of one moment together.

import type { Reading } from './input.ts';
import type { LineDecoder } from './input-lines.ts';
import { aisValue } from './input-nmea-ais.ts';
import { sentenceValue } from './input-nmea-fields.ts';
import { satellitesInView, sentenceGroups, type Group } from './input-nmea-group.ts';
import { readSentence } from './input-nmea-sentence.ts';
import { nmeaTime, type Told } from './input-nmea-time.ts';
import { listOption, type Options, switchOption, wordOption, wrongOption } from './input-option.ts';

/** The options of this format. */
export const NMEA_OPTIONS = ['checksum', 'sentences', 'join'] as const;

/** What a receiver says of one moment, where `join` is on; the others stay readings of their own. */
const JOINED = new Set(['RMC', 'GGA', 'GNS', 'GLL', 'VTG', 'GSA', 'GST', 'HDT']);
/** A moment is over when the receiver says nothing more of it for this long, in milliseconds, or after so many sentences. */
const QUIET_MS = 500, MOST_JOINED = 32;

/**
 * NMEA 0183. `checksum`: "required" (default) or "optional". `sentences`: which ones are wanted, by kind (`RMC`) or whole (`GPRMC`); the time of the others is used all the same.
 * `join`: the position, speed and precision that a receiver tells of one moment become one reading with sentence `FIX`. Names for templates: `talker`, `sentence`, of AIS also `mmsi` and `message`,
 * after a tag block `source`. Fault `bad-config`.
 */
export function nmeaDecoder(options: Options): LineDecoder {
  const needed = wordOption(options, 'checksum', ['required', 'optional']) === 'required';
  const wanted = listOption(options, 'sentences');
  const odd = wanted?.find((each) => !/^[A-Z][A-Z0-9]{2,14}$/.test(each));
  if (odd !== undefined) wrongOption('sentences', 'it must be a list of kinds of sentences, ["RMC", "GGA"]', odd);
  const groups = sentenceGroups(), time = nmeaTime();
  const moment = switchOption(options, 'join') ? joinMoment() : undefined;
  return {
    decode(line, now, refuse) {
      const sentence = readSentence(line, needed);
      const told: Told = sentence.time === undefined ? time.tell(sentence, now) : { moment: sentence.time };
      if (wanted !== undefined && !wanted.includes(sentence.kind) && !wanted.includes(`${sentence.talker}${sentence.kind}`)) return [];
      const group = groups.add(sentence, line, now, refuse);
      if (group === undefined) return [];
      const { kind, talker } = sentence;
      const value = valueOf(group, kind);
      if (kind === 'ZDA' && told.moment !== undefined) value.set('utc', new Date(told.moment).toISOString());
      else if (told.moment === undefined && told.utc !== undefined) value.set('utc', told.utc);
      // A sentence all of whose fields are empty says nothing: instruments send them while a sensor is off.
      if (value.size === 0) return [];
      if (moment !== undefined && JOINED.has(kind)) return moment.add(value, told, talker, group.raw, now);
      const names: { [name: string]: string } = { talker, sentence: kind };
      const source = group.sentences[0]!.source;
      if (source !== undefined) names['source'] = source;
      if (sentence.packed && value.has('mmsi')) Object.assign(names, { mmsi: value.get('mmsi'), message: String(value.get('message')) });
      return [readingOf(value, names, told.moment ?? group.sentences[0]!.time, group.raw)];
    },
    provesWhole: (line) => /^[$!\\].*\*[0-9A-Fa-f]{2}\s*$/.test(line),
    expire(now, refuse) {
      groups.expire(now, refuse);
      return moment?.expire(now) ?? [];
    },
    get due() {
      const [one, other] = [groups.due, moment?.due];
      return one === undefined ? other : other === undefined ? one : Math.min(one, other);
    },
  };
}

function valueOf(group: Group, kind: string): Map<string, unknown> {
  const first = group.sentences[0]!;
  if (kind === 'GSV') return satellitesInView(group.sentences);
  if (first.packed && (kind === 'VDM' || kind === 'VDO')) return aisValue(group.sentences);
  // Of an unknown kind of packed group nothing is known but its fields.
  return first.packed && group.sentences.length > 1 ? new Map([['fields', group.sentences.map(({ fields }) => fields)]]) : sentenceValue(kind, first.fields);
}

function readingOf(value: Map<string, unknown>, names: { [name: string]: string }, time: number | undefined, raw: string): Reading {
  return { value: Object.fromEntries(value), names, raw, ...(time === undefined ? {} : { time }) };
}

/** Gathers what is said of one moment, until another one begins or nothing more comes. */
function joinMoment(): {
  add(value: Map<string, unknown>, told: Told, talker: string, raw: string, now: number): Reading[];
  expire(now: number): Reading[];
  readonly due: number | undefined;
} {
  let open: { value: Map<string, unknown>; time: number | undefined; clock: string | undefined; talker: string; lines: string[]; until: number } | undefined;
  const finish = (): Reading[] => {
    if (open === undefined) return [];
    const { value, time, talker, lines } = open;
    open = undefined;
    if (time !== undefined) value.delete('utc');
    if (value.size === 0) return [];
    return [readingOf(value, { talker, sentence: 'FIX' }, time, lines.join('\n'))];
  };
  return {
    add(value, told, talker, raw, now) {
      // The first sentences of a receiver may have no date yet, and still be of the moment of those that have.
      const clock = told.moment !== undefined ? new Date(told.moment).toISOString().slice(11, 23) : told.utc;
      const other = open !== undefined && (open.until <= now || open.lines.length >= MOST_JOINED || (clock !== undefined && open.clock !== undefined && clock !== open.clock));
      const out = other ? finish() : [];
      open ??= { value: new Map<string, unknown>(), time: undefined, clock: undefined, talker, lines: [], until: 0 };
      for (const [name, each] of value) if (name !== 'satellites' && name !== 'system') open.value.set(name, each);
      open.time ??= told.moment;
      open.clock ??= clock;
      open.lines.push(raw);
      open.until = now + QUIET_MS;
      return out;
    },
    expire: (now) => open !== undefined && open.until <= now ? finish() : [],
    get due() {
      return open?.until;
    },
  };
}
