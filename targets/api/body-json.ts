// Small bodies of JSON: objects whose parts are checked one by one, so that a slip is named and nothing else gets in.

import type { Context } from 'hono';
import { Fault } from '../../src/fault.ts';
import { withBody } from './body.ts';
import type { Surroundings } from './context.ts';

/** Bytes of such a body. */
const SMALL_BYTES = 65_536;

/** The parts of a body, none when there is no body. Faults: `unsupported` (no JSON by its Content-Type), `too-large`, `bad-encoding`, `bad-argument` (a part that is not in `names`). */
export async function partsOf(c: Context<Surroundings>, names: readonly string[]): Promise<{ [name: string]: unknown }> {
  const { incoming } = c.env, type = (incoming.headers['content-type'] ?? '').split(';', 1)[0]!.trim().toLowerCase();
  // Forms of other sites can be sent without asking; JSON cannot.
  if (type !== 'application/json') throw new Fault('unsupported', 'This takes application/json.');
  if (Number(incoming.headers['content-length'] ?? 0) > SMALL_BYTES) throw tooLarge();
  const text = await withBody(incoming, (body) => {
    if (body.length > SMALL_BYTES) throw tooLarge();
    return Promise.resolve(Buffer.from(body).toString('utf8'));
  });
  let parts: unknown;
  try {
    parts = text.trim() === '' ? {} : JSON.parse(text);
  } catch (error) {
    throw new Fault('bad-encoding', `The body is not JSON (${(error as Error).message}).`, { cause: error });
  }
  if (parts === null || typeof parts !== 'object' || Array.isArray(parts)) throw new Fault('bad-argument', `The body is an object with ${names.join(', ')}.`);
  for (const name of Object.keys(parts)) if (!names.includes(name)) throw new Fault('bad-argument', `There is no ${JSON.stringify(name.slice(0, 64))} here; there are ${names.join(', ')}.`);
  return Object.assign(Object.create(null) as object, parts) as { [name: string]: unknown };
}

function tooLarge(): Fault {
  return new Fault('too-large', `The body has more than ${SMALL_BYTES} bytes.`);
}

/** A part that is text of so many characters, if it is there. Fault `bad-argument`. */
export function textPart(parts: { [name: string]: unknown }, name: string, most: number): string | undefined {
  const value = parts[name];
  if (value === undefined || value === null) return undefined;
  if (typeof value !== 'string' || value.length > most || /[\p{Cc}\p{Cs}]/u.test(value)) throw new Fault('bad-argument', `${name} must be text of at most ${most} characters, without control characters.`);
  return value;
}

/** A switch; off if it is not there. Fault `bad-argument`. */
export function switchPart(parts: { [name: string]: unknown }, name: string): boolean {
  const value = parts[name] ?? false;
  if (typeof value !== 'boolean') throw new Fault('bad-argument', `${name} must be true or false.`);
  return value;
}

/** A list of texts, if it is there. Fault `bad-argument`. */
export function listPart(parts: { [name: string]: unknown }, name: string, most: number, chars: number): string[] | undefined {
  const value = parts[name];
  if (value === undefined || value === null) return undefined;
  if (!Array.isArray(value) || value.length > most) throw new Fault('bad-argument', `${name} must be a list of at most ${most} texts.`);
  return value.map((_, i) => textPart(value as never, String(i), chars) ?? '');
}
