// The report of a database, asked for at most so often, however many look at once.

import type { Database, Report } from '../program/database.ts';

/** How old a report may be when it is handed out, ms: making one looks at every file. Where that takes long, older ones must do. */
const FRESH_MS = 1_000, SHARE = 0.1, STALE_MS = 10_000;

/** Gives the report; asked many times within a second, it is made once. */
export type Reports = () => Promise<Report>;

/** Keeps the last report of a database for a second. */
export function keepReports(database: Pick<Database, 'report'>): Reports {
  let last: { at: number; good: number; report: Promise<Report> } | undefined;
  return () => {
    const now = performance.now();
    if (last === undefined || now - last.at > last.good) {
      const mine = { at: now, good: Infinity, report: database.report() };
      last = mine;
      mine.report.then(() => { Object.assign(mine, { at: performance.now(), good: Math.min(STALE_MS, Math.max(FRESH_MS, (performance.now() - now) / SHARE)) }); }, () => { if (last === mine) last = undefined; });
    }
    return last.report;
  };
}
