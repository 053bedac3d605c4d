// Tickets: links that download one thing once, since a browser that saves a file cannot send a token along.

import { randomBytes } from 'node:crypto';
import type { Context, Hono } from 'hono';
import { Fault } from '../../src/fault.ts';
import type { Bearer } from '../program/http-tokens.ts';
import { faultAnswer, json } from './answer.ts';
import { partsOf, textPart } from './body-json.ts';
import type { Surroundings } from './context.ts';
import { needs } from './guard.ts';

/** How long a ticket is good, ms, and how many there are at a time. */
const GOOD_MS = 60_000, TICKETS = 256;
/** Characters of what a ticket stands for. */
const PATH_CHARS = 4_096;

interface Ticket { path: string; bearer: Bearer; until: number }

/** The tickets of one API. */
export interface Tickets {
  /** Adds the route that takes one, which needs no token. */
  taken(app: Hono<Surroundings>): void;
  /** Adds the route that makes one. */
  made(app: Hono<Surroundings>): void;
}

/** `granted`: where the requests that tickets make are noted, with whose they are. */
export function tickets(granted: WeakMap<Request, Bearer>): Tickets {
  const all = new Map<string, Ticket>();
  const take = async (app: Hono<Surroundings>, c: Context<Surroundings>, name: string): Promise<Response> => {
    const ticket = all.get(name);
    if (c.env.incoming.method !== 'GET') return faultAnswer(new Fault('unsupported', 'A ticket is for one GET.'), 405, { allow: 'GET' });
    all.delete(name);
    if (ticket === undefined || performance.now() > ticket.until || ticket.bearer.gone.aborted) return faultAnswer(new Fault('not-found', 'There is no such ticket, or it was used, or it has run out.'));
    const request = new Request(new URL(ticket.path, 'http://localhost'));
    granted.set(request, ticket.bearer);
    const answer = await app.fetch(request, c.env);
    // Nothing else may be shown without a token, whatever the path turns out to mean.
    if (answer.status !== 200 || (answer.headers.get('content-disposition') ?? '').startsWith('attachment')) return answer;
    await answer.body?.cancel();
    return faultAnswer(new Fault('bad-argument', 'A ticket is for what is saved as a file: a bundle, or a list with format=csv or format=ndjson.'));
  };
  return {
    taken(app) {
      app.get('/api/tickets/:ticket', (c) => take(app, c, c.req.param('ticket')));
    },
    made(app) {
      app.post('/api/tickets', needs('read'), async (c) => {
        const path = textPart(await partsOf(c, ['path']), 'path', PATH_CHARS) ?? '';
        if (!/^\/api\/(?!tickets)[\x21-\x7e]*$/.test(path) || path.includes('#') || new URL(path, 'http://localhost').host !== 'localhost') throw new Fault('bad-argument', 'path is what is to be downloaded, such as /api/nodes/N/bundle, percent-encoded.');
        const now = performance.now();
        for (const [name, { until }] of all) if (until < now || all.size >= TICKETS) all.delete(name);
        const name = randomBytes(24).toString('base64url');
        all.set(name, { path, bearer: c.get('bearer'), until: now + GOOD_MS });
        return json({ url: `/api/tickets/${name}`, ms: GOOD_MS });
      });
    },
  };
}
