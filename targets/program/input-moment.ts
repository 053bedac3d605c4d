// When a reading happened, from the field in which its source says so: only what can be meant in one way is taken.

import { Fault } from '../../src/fault.ts';
import { readMoment } from './moment.ts';

/** How a time is written: by default milliseconds or seconds, told apart by their size, or ISO 8601 with a zone; `utc`: ISO 8601 that names no zone is in UTC. */
export const TIME_FORMS = ['auto', 'ms', 's', 'us', 'ns', 'utc'] as const;
export type TimeForm = (typeof TIME_FORMS)[number];

/** Milliseconds of one unit. */
const UNIT: { [form in TimeForm]?: number } = { ms: 1, s: 1_000, us: 1e-3, ns: 1e-6 };
/** From here numbers are milliseconds (as seconds: the year 5138), and up to here (as microseconds: 1973); below the lowest even seconds are before 1973. */
const LEAST_SECONDS = 1e8, LEAST_MS = 1e11, MOST_MS = 1e14;

/** Milliseconds since 1970, finer parts cut off. Fault `bad-event` when it is no time, or could be several. */
export function readTime(found: unknown, form: TimeForm): number {
  const moment = typeof found === 'number' ? fromNumber(found, form) : typeof found === 'bigint' ? fromNumber(Number(found), form)
    : typeof found === 'string' ? fromText(found.trim(), form) : undefined;
  if (moment === undefined) {
    const shown = found instanceof Uint8Array ? 'bytes' : typeof found === 'object' && found !== null ? 'a list or a map' : JSON.stringify(found)?.slice(0, 64);
    throw new Fault('bad-event', `the time ${shown} is ${form === 'auto' || form === 'utc' ? 'neither milliseconds or seconds since 1970 nor ISO 8601' : `no number of ${form} since 1970`}`);
  }
  return moment;
}

function fromNumber(number: number, form: TimeForm): number | undefined {
  const unit = UNIT[form];
  if (unit !== undefined) return readMoment(Math.floor(number * unit));
  const size = Math.abs(number);
  if (size >= LEAST_SECONDS && size < LEAST_MS) return readMoment(Math.floor(number * 1_000));
  if (size >= LEAST_MS && size < MOST_MS) return readMoment(Math.floor(number));
  if (!Number.isFinite(number)) return undefined;
  throw new Fault('bad-event', `the time ${number} may be in several units: as seconds or milliseconds it is not between 1973 and 5138; say which with time = { field = "…", as = "ms" } (or s, us, ns)`);
}

function fromText(text: string, form: TimeForm): number | undefined {
  // Nanoseconds of today have more digits than a number keeps: the whole part is cut where milliseconds end.
  if (/^-?\d{1,20}(\.\d{1,9})?$/.test(text)) {
    const digits = text.replace(/\..*/, '');
    if (form === 'ns' && digits.length > 6) return readMoment(Number(digits.slice(0, -6)));
    return fromNumber(Number(text), form);
  }
  if (form !== 'auto' && form !== 'utc') return undefined;
  const moment = readMoment(text);
  if (moment !== undefined && form === 'auto' && !/T?[\d:.,]+(Z|z|[+-]\d\d(:?\d\d)?)$/.test(text.slice(10))) {
    throw new Fault('bad-event', `the time ${JSON.stringify(text.slice(0, 64))} names no zone; if it is in UTC, say so with time = { field = "…", as = "utc" }`);
  }
  return moment;
}
