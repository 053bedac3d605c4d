// When an NMEA sentence was true: its own date and time, or its time of day beside the date that came with another sentence.

import { Fault } from '../../src/fault.ts';
import type { Sentence } from './input-nmea-sentence.ts';

const DAY_MS = 86_400_000;
/** Where a sentence has the time of day. */
const TIME_AT: { [kind: string]: number } = { RMC: 0, ZDA: 0, GGA: 0, GNS: 0, GST: 0, GBS: 0, GLL: 4, BWC: 0 };
/** Sentences of a receiver's burst that have no time, but are of that of the burst. */
const OF_BURST = new Set(['GSA', 'GSV', 'VTG']);
/** A date holds for times of day that follow within this time; the time of a burst for the sentences that follow within this. */
const DATE_MS = 10_000, BURST_MS = 1_000;

/** What is known of a sentence's time: the moment, or only the time of day as text. */
export interface Told { moment?: number; utc?: string }

/** Follows the time that a receiver tells. `tell` takes each sentence once, at `now` (ms of a clock that only goes forward). Fault `bad-value`. */
export function nmeaTime(): { tell(sentence: Sentence, now: number): Told } {
  let last: { moment: number; at: number } | undefined;
  let fixed = true;
  return {
    tell({ kind, fields }, now) {
      const at = TIME_AT[kind];
      if (at === undefined) {
        return OF_BURST.has(kind) && last !== undefined && now - last.at < BURST_MS ? { moment: last.moment } : {};
      }
      const ofDay = readTimeOfDay(fields[at]);
      // A receiver that has no fix tells the time of its own battery, or of its making.
      if (kind === 'RMC') fixed = fields[1] === 'A';
      if (!fixed) last = undefined;
      const day = kind === 'RMC' ? readDay(fields[8]?.replace(/^(\d\d)(\d\d)(\d\d)$/, '$1,$2,$3').split(',')) : kind === 'ZDA' ? readDay(fields.slice(1, 4)) : undefined;
      if (ofDay === undefined) return {};
      const utc = { utc: textOfDay(ofDay) };
      if (!fixed) return utc;
      if (day !== undefined) {
        last = { moment: day + ofDay, at: now };
        return { moment: last.moment };
      }
      if (last === undefined || now - last.at > DATE_MS) return utc;
      // The same day, unless midnight is between the two.
      let moment = last.moment - mod(last.moment, DAY_MS) + ofDay;
      if (moment - last.moment > DAY_MS / 2) moment -= DAY_MS;
      else if (last.moment - moment > DAY_MS / 2) moment += DAY_MS;
      last.moment = moment;
      return { moment };
    },
  };
}

function mod(a: number, b: number): number {
  return ((a % b) + b) % b;
}

/** Milliseconds since midnight of hhmmss or hhmmss.sss; undefined where it is empty. A leap second is the first one of the next minute. */
function readTimeOfDay(written: string | undefined): number | undefined {
  if (written === undefined || written === '') return undefined;
  const parts = /^(\d\d)(\d\d)(\d\d)(?:\.(\d{0,9}))?$/.exec(written);
  const [hour, minute, second] = [Number(parts?.[1]), Number(parts?.[2]), Number(parts?.[3])];
  if (parts === null || hour > 23 || minute > 59 || second > 60) throw new Fault('bad-value', `the time of day is ${JSON.stringify(written.slice(0, 32))}`);
  return ((hour * 60 + minute) * 60 + second) * 1_000 + Number((parts[4] ?? '').padEnd(3, '0').slice(0, 3));
}

function textOfDay(ms: number): string {
  const two = (n: number) => String(Math.floor(n)).padStart(2, '0');
  return `${two(ms / 3_600_000)}:${two(ms / 60_000 % 60)}:${two(ms / 1_000 % 60)}.${String(ms % 1_000).padStart(3, '0')}`;
}

/** Milliseconds since 1970 of a day, month and year (of two digits: 2000 to 2079, and 1980 to 1999); undefined where it is empty, or before there was any fix to be had of it: 2000. */
function readDay(parts: string[] | undefined): number | undefined {
  if (parts === undefined || parts.every((part) => part === '')) return undefined;
  const wrong = () => new Fault('bad-value', `the date is ${JSON.stringify(parts.join(' ').slice(0, 32))}`);
  if (parts.length !== 3 || !parts.every((part) => /^\d{1,2}$|^\d{4}$/.test(part))) throw wrong();
  const [day, month, written] = parts.map(Number) as [number, number, number];
  const year = written > 99 ? written : written < 80 ? 2000 + written : 1900 + written;
  const ms = Date.UTC(year, month - 1, day);
  const date = new Date(ms);
  if (date.getUTCMonth() !== month - 1 || date.getUTCDate() !== day) throw wrong();
  return year < 2000 || year > 2100 ? undefined : ms;
}
