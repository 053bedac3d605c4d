// The [[link]] tables of the configuration: links that are kept, in which order they are used, and what they may cost.

import { Fault } from '../../src/fault.ts';
import type { Budget } from './link-budget.ts';
import { checkUrl, schemeOf } from './link-url.ts';
import { didYouMean } from './suggest.ts';

/** The order in which links to one peer are used: the first that holds is. */
export const PREFERENCES = ['primary', 'alternate', 'contingency', 'emergency'] as const;

/** A link that is kept. `preference`: an index of PREFERENCES; without it, what the kind of link is usually for. */
export interface KeptLink { url: string; preference?: number; budget?: Budget }

const UNITS: { [unit: string]: number } = { kB: 1e3, MB: 1e6, GB: 1e9, KiB: 1024, MiB: 1024 ** 2, GiB: 1024 ** 3 };
const SPANS: { [span: string]: number } = { hour: 3_600_000, day: 86_400_000, week: 7 * 86_400_000, month: 30 * 86_400_000 };
const MOST_LINKS = 64;

/** Reads a budget such as "200 MB/day". Fault `bad-config`. */
export function readBudget(written: unknown): Budget {
  const [, number, unit, span] = typeof written === 'string' ? /^(\d{1,6}(?:\.\d{1,3})?) ?(kB|MB|GB|KiB|MiB|GiB) ?\/ ?(hour|day|week|month)$/.exec(written) ?? [] : [];
  const bytes = Math.floor(Number(number) * (UNITS[unit ?? ''] ?? NaN));
  if (!(bytes >= 10_000)) throw new Fault('bad-config', `budget is ${JSON.stringify(written)}; it must be bytes in a time, such as "200 MB/day" or "50 kB/hour" (at least 10 kB; hour, day, week or month)`);
  return { bytes, ms: SPANS[span!]! };
}

/** Checks the tables; `where` says where the one of an index stands. Fault: `bad-config`, naming it. */
export async function parseLinks(tables: unknown, where: (index: number) => string): Promise<KeptLink[]> {
  if (!Array.isArray(tables) || tables.length > MOST_LINKS) throw new Fault('bad-config', `${where(0)}: links are at most ${MOST_LINKS} tables that begin with [[link]].`);
  const links: KeptLink[] = [];
  for (const [index, table] of (tables as unknown[]).entries()) {
    try {
      links.push(await parseLink(table));
    } catch (error) {
      throw new Fault('bad-config', `${where(index)}: ${(error as Error).message.replace(/[^.?!]$/, '$&.')}`, { cause: error });
    }
  }
  return links;
}

async function parseLink(table: unknown): Promise<KeptLink> {
  if (table === null || typeof table !== 'object' || Array.isArray(table)) throw new Fault('bad-config', 'links are tables that begin with [[link]]');
  const { url, preference, budget, ...rest } = table as { [name: string]: unknown };
  const odd = Object.keys(rest)[0];
  if (odd !== undefined) throw new Fault('bad-config', `a link has no setting ${JSON.stringify(odd)}.${didYouMean(odd, ['url', 'preference', 'budget'])}`);
  if (typeof url !== 'string') throw new Fault('bad-config', 'this link has no url, such as url = "tcp://hq.example:7700"');
  await checkUrl(url);
  const order = PREFERENCES.indexOf(preference as typeof PREFERENCES[number]);
  if (preference !== undefined && order < 0) throw new Fault('bad-config', `preference is ${JSON.stringify(preference)}; it must be one of ${PREFERENCES.join(', ')}.${typeof preference === 'string' ? didYouMean(preference, PREFERENCES) : ''}`);
  if (budget !== undefined && schemeOf(url) !== 'tcp') throw new Fault('bad-config', 'a budget is for tcp links; a serial line has airtime=SHARE in its URL instead');
  return { url, ...(preference === undefined ? {} : { preference: order }), ...(budget === undefined ? {} : { budget: readBudget(budget) }) };
}
