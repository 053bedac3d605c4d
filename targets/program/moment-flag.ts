// Moments on the command line: as everywhere, or how long ago.

import { misused, type Command } from './command.ts';
import { readMoment } from './moment.ts';

const UNITS: { [unit: string]: number } = { s: 1_000, m: 60_000, h: 3_600_000, d: 86_400_000, w: 604_800_000 };

/** A moment given to a flag: as `readMoment` takes it, or how long before `now`: 90s, 15m, 6h, 2d, 1w. Throws a usage fault. */
export function readMomentFlag(flag: string, written: string, now: number, command?: Command): number {
  const ago = /^(\d{1,9})([smhdw])$/.exec(written);
  const moment = ago === null ? readMoment(written) : now - Number(ago[1]) * UNITS[ago[2]!]!;
  return moment ?? misused(`--${flag} is ${JSON.stringify(written)}; write milliseconds since 1970, a date such as 2026-11-20T09:30:00Z, or how long ago: 90s, 15m, 6h, 2d.`, command);
}
