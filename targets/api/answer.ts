// What every answer has in common: its headers, and how faults are told.

import type { Context } from 'hono';
import { codeOf, type Code } from '../../src/fault.ts';
import type { Entry } from '../program/database.ts';
import { jsonText } from '../../src/event/json.ts';
import type { Surroundings } from './context.ts';

/** The HTTP status of each code; what is not here is the server's own failure, 500. */
const STATUS: { [code in Code]?: number } = {
  'bad-argument': 400, 'bad-encoding': 400, 'bad-value': 400, 'bad-event': 400, 'bad-url': 400, 'too-many': 400, 'too-large': 413, 'not-found': 404, 'unsupported': 415, 'timeout': 408,
  'no-right': 403, 'no-key': 403, 'not-admin': 403, 'not-a-member': 403, 'revoked': 403, 'busy': 503, 'closed': 503, 'store-full': 507, 'carrier-full': 507,
};

/** Nothing may be kept by caches, taken for another type, framed, or told to other sites. */
const HEADERS: { [name: string]: string } = {
  'x-content-type-options': 'nosniff', 'referrer-policy': 'no-referrer', 'cross-origin-resource-policy': 'same-origin', 'x-frame-options': 'DENY',
};
const NOTHING_RUNS = "default-src 'none'; frame-ancestors 'none'";

/** The HTTP status that tells of an error. */
export function statusOf(error: unknown): number {
  return STATUS[codeOf(error)] ?? 500;
}

/** What a body says of an error. */
export function faultBody(error: unknown): { code: string; message: string } {
  return { code: codeOf(error), message: error instanceof Error ? error.message : String(error) };
}

/** A JSON answer; byte strings are written {"$bytes": "base64url"}. */
export function json(body: unknown, status = 200, headers: { [name: string]: string } = {}): Response {
  return new Response(`${jsonText(body)}\n`, { status, headers: { 'content-type': 'application/json; charset=utf-8', ...headers } });
}

/** The answer that tells of an error; `status` where the code alone does not say it. */
export function faultAnswer(error: unknown, status = statusOf(error), headers: { [name: string]: string } = {}): Response {
  return json({ error: faultBody(error) }, status, { ...(status === 503 ? { 'retry-after': '1' } : {}), ...headers });
}

/** Adds what every answer must have and has not yet. */
export function complete(c: Context<Surroundings>): void {
  const { headers } = c.res;
  for (const [name, value] of Object.entries(HEADERS)) if (!headers.has(name)) headers.set(name, value);
  if (!headers.has('content-security-policy')) headers.set('content-security-policy', NOTHING_RUNS);
  if (!headers.has('cache-control')) headers.set('cache-control', 'no-store');
  // Who sent a body that nobody has read cannot go on using the connection.
  if (c.res.status >= 400 && c.req.method !== 'GET' && c.req.method !== 'HEAD' && !c.env.incoming.complete) headers.set('connection', 'close');
}

/** An event as it is told, the same fields as `read --json` prints. */
export function entryShown({ id, stream, key, type, time, body, node }: Entry): Entry {
  return { id, stream, key, type, time, body, node };
}
