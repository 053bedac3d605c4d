// Moments as people write and read them: milliseconds since 1970, or ISO 8601.

import { TIME_MAX } from '../../src/limits.ts';

const ISO = /^([+-]\d{6}|\d{4})-(\d\d)-(\d\d)(?:[T ](\d\d):(\d\d)(?::(\d\d)(?:[.,](\d{1,9}))?)?(Z|z|[+-]\d\d(?::?\d\d)?)?)?$/;

/**
 * Milliseconds since 1970 of an ISO 8601 date (`2026-11-20`, `2026-11-20T09:30:00.250+01:00`), UTC where it names no zone, or of a whole number of
 * milliseconds. Finer parts than milliseconds are cut off. Undefined when it is neither, or when there is no such day or hour.
 */
export function readMoment(written: string | number): number | undefined {
  if (typeof written === 'number') return Number.isInteger(written) && Math.abs(written) <= TIME_MAX ? written : undefined;
  if (/^-?\d{1,16}$/.test(written)) return readMoment(Number(written));
  const parts = ISO.exec(written);
  if (parts === null) return undefined;
  const [year, month, day, hour, minute, second] = parts.slice(1, 7).map((each) => Number(each ?? 0)) as [number, number, number, number, number, number];
  if (parts[1] === '-000000' || hour > 23 || minute > 59 || second > 59) return undefined;
  const date = new Date(0);
  date.setUTCFullYear(year, month - 1, day);
  date.setUTCHours(hour, minute, second, Number((parts[7] ?? '').padEnd(3, '0').slice(0, 3)));
  // A 30th of February comes out as another day.
  if (Number.isNaN(date.getTime()) || date.getUTCMonth() !== month - 1 || date.getUTCDate() !== day) return undefined;
  const zone = /^([+-])(\d\d):?(\d\d)?$/.exec(parts[8] ?? '');
  if (zone !== null && (Number(zone[2]) > 23 || Number(zone[3] ?? 0) > 59)) return undefined;
  const offset = zone === null ? 0 : (zone[1] === '-' ? -1 : 1) * (Number(zone[2]) * 60 + Number(zone[3] ?? 0)) * 60_000;
  return readMoment(date.getTime() - offset);
}

/** A moment for people: 2026-11-20 09:30:00.250, in UTC. */
export function momentText(ms: number): string {
  if (Math.abs(ms) > TIME_MAX) return String(ms);
  return new Date(ms).toISOString().replace('T', ' ').replace('Z', '');
}

/** A length of time for people: 4 s, 12 min, 3 h, 9 days. */
export function spanText(ms: number): string {
  const seconds = Math.max(0, Math.round(ms / 1000));
  if (seconds < 120) return `${seconds} s`;
  if (seconds < 7_200) return `${Math.round(seconds / 60)} min`;
  if (seconds < 172_800) return `${Math.round(seconds / 3_600)} h`;
  return `${Math.round(seconds / 86_400)} days`;
}
