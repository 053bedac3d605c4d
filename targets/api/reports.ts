// The report of a database, asked for at most so often, however many look at once.

import type { Database, Report } from '../program/database.ts';

/** How old a report may be when it is handed out, ms: making one looks at every file. */
const FRESH_MS = 1_000;

/** Gives the report; asked many times within a second, it is made once. */
export type Reports = () => Promise<Report>;

/** Keeps the last report of a database for a second. */
export function keepReports(database: Pick<Database, 'report'>): Reports {
  let last: { at: number; report: Promise<Report> } | undefined;
  return () => {
    const now = performance.now();
    if (last === undefined || now - last.at > FRESH_MS) {
      const mine = { at: now, report: database.report() };
      last = mine;
      mine.report.then(() => { mine.at = performance.now(); }, () => { if (last === mine) last = undefined; });
    }
    return last.report;
  };
}
