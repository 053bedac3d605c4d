// What a request asks for in its address, checked: streams, keys, times, counts.

import type { Context } from 'hono';
import { checkStream } from '../../src/event/event.ts';
import { Fault } from '../../src/fault.ts';
import type { Query } from '../program/database.ts';
import { readMoment } from '../program/moment.ts';
import type { Surroundings } from './context.ts';

/** Entries of one page at most, and when nothing is asked for. */
export const PAGE_MOST = 1_000, PAGE_USUAL = 100;

type Asking = Context<Surroundings>;

/** The stream that the path names. Fault `bad-argument`. */
export function streamAsked(c: Asking): string {
  const stream = c.req.param('stream');
  checkStream(stream);
  return stream;
}

/** The parameters by name. Fault `bad-argument`: one that is not in `names`, or twice; a slip in a name must not change what is found in silence. */
export function parameters(c: Asking, names: readonly string[]): { [name: string]: string | undefined } {
  const all = c.req.queries(), found: { [name: string]: string | undefined } = {};
  for (const [name, values] of Object.entries(all)) {
    if (!names.includes(name)) throw new Fault('bad-argument', `There is no parameter ${JSON.stringify(name.slice(0, 64))} here; there are ${names.join(', ')}.`);
    if (values.length > 1) throw new Fault('bad-argument', `The parameter ${name} is given ${values.length} times.`);
    found[name] = values[0];
  }
  return found;
}

/** Which events the parameters ask for. Fault `bad-argument`. */
export function queryAsked({ key, type, since, until, reverse }: { [name: string]: string | undefined }): Query {
  const query: Query = {};
  if (key !== undefined) query.key = key;
  if (type !== undefined) query.type = type;
  if (since !== undefined) query.since = moment('since', since);
  if (until !== undefined) query.until = moment('until', until);
  if (flag('reverse', reverse)) query.reverse = true;
  return query;
}

/** The number of entries that is asked for. Fault `bad-argument`. */
export function limitAsked(text: string | undefined, usual = PAGE_USUAL, most = PAGE_MOST): number {
  if (text === undefined) return usual;
  const number = /^\d{1,9}$/.test(text) ? Number(text) : 0;
  if (number < 1 || number > most) throw new Fault('bad-argument', `limit is ${JSON.stringify(text.slice(0, 40))}; it must be a whole number from 1 to ${most}. What is left comes with the cursor in \`next\`.`);
  return number;
}

/** Whether a switch is on: `1`, `true` or nothing at all behind its name. Fault `bad-argument`. */
export function flag(name: string, text: string | undefined): boolean {
  if (text === undefined || text === '0' || text === 'false') return false;
  if (text === '' || text === '1' || text === 'true') return true;
  throw new Fault('bad-argument', `${name} is ${JSON.stringify(text.slice(0, 40))}; it must be 1 or 0.`);
}

function moment(name: string, text: string): number {
  // A plus sign in an address means a space: zones such as +01:00 come so from programs that do not encode.
  const ms = readMoment(text.replace(/(?<=T[\d:.,]+) (?=\d\d)/, '+'));
  if (ms === undefined) throw new Fault('bad-argument', `${name} is ${JSON.stringify(text.slice(0, 40))}; it must be milliseconds since 1970 or ISO 8601, such as 2026-11-20T09:30:00Z.`);
  return ms;
}
