// Who may ask: the names that this machine goes by, the pages that may ask, and the token that everything but the page and its health needs, with its scope.

import type { Context, MiddlewareHandler } from 'hono';
import { Fault } from '../../src/fault.ts';
import { SCOPES, type Bearer, type Scope, type Tokens } from '../program/http-tokens.ts';
import { faultAnswer } from './answer.ts';
import type { ApiContext, Surroundings } from './context.ts';

/** Characters of a request's target, path and query. */
const TARGET_CHARS = 49_152;
/** Wrong tokens that are answered at once, and how many a second after that; the others are told to wait. The right one never has to. */
const WRONG_AT_ONCE = 20, WRONG_A_SECOND = 2;

const LOOPBACK = /^(localhost|127\.0\.0\.1|\[::1\])$/;

/** Refuses what comes by another name than this machine's: a page elsewhere whose own name was made to point here. */
export function ownName({ names }: Pick<ApiContext, 'names'>): MiddlewareHandler<Surroundings> {
  return async (c, next) => {
    const { incoming } = c.env;
    if ((incoming.url ?? '').length > TARGET_CHARS) return faultAnswer(new Fault('too-large', `The address of a request has at most ${TARGET_CHARS} characters.`), 414);
    const host = incoming.headers.host?.toLowerCase() ?? '';
    const name = host.replace(/:\d*$/, '').replace(/\.$/, '');
    if (!LOOPBACK.test(name) && !names.includes(name) && name !== literal(incoming.socket.localAddress)) {
      return faultAnswer(new Fault('bad-argument', `This node is not called ${JSON.stringify(name.slice(0, 100))}. If that is a name of this machine, say so in holdfast.toml: http_names = [${JSON.stringify(name.slice(0, 100))}]`), 421);
    }
    const { origin } = incoming.headers, site = incoming.headers['sec-fetch-site'];
    if (origin !== undefined && !sameHost(origin, host)) {
      return faultAnswer(new Fault('no-right', `Pages of ${JSON.stringify(origin.slice(0, 100))} may not ask this node.`), 403);
    }
    // What a browser says of itself: links from elsewhere may open the page, and do nothing else.
    const opens = incoming.headers['sec-fetch-mode'] === 'navigate' && incoming.method === 'GET' && /^\/($|\?|page\/)/.test(incoming.url ?? '');
    if ((site === 'cross-site' || site === 'same-site') && !opens) return faultAnswer(new Fault('no-right', 'Pages of other sites may not ask this node.'), 403);
    return next();
  };
}

/** The address that a connection came to, as it stands in a Host header: an address cannot be made to point elsewhere. */
function literal(address: string | undefined): string {
  const plain = address?.replace(/^::ffff:(?=\d+\.)/, '').replace(/%.*$/, '') ?? '';
  return plain.includes(':') ? `[${plain}]` : plain;
}

function sameHost(origin: string, host: string): boolean {
  return /^https?:\/\//i.test(origin) && origin.replace(/^https?:\/\//i, '').toLowerCase() === host;
}

/** Asks for a token, and notes whose it is. `granted`: requests that a ticket made. */
export function bearer(tokens: () => Promise<Tokens>, granted: WeakMap<Request, Bearer>): MiddlewareHandler<Surroundings> {
  let allowance = WRONG_AT_ONCE, at = performance.now();
  const refuse = (words: string): Response => {
    const now = performance.now();
    allowance = Math.min(WRONG_AT_ONCE, allowance + ((now - at) / 1_000) * WRONG_A_SECOND);
    at = now;
    if (allowance < 1) return faultAnswer(new Fault('busy', 'Too many requests without the right token. Wait a moment.'), 429, { 'retry-after': '1' });
    allowance--;
    return faultAnswer(new Fault('no-right', words), 401, { 'www-authenticate': 'Bearer realm="holdfast"' });
  };
  return async (c: Context<Surroundings>, next) => {
    const sent = /^Bearer +([\x21-\x7e]{1,512})$/i.exec(c.env.incoming.headers.authorization ?? '')?.[1];
    const found = granted.get(c.req.raw) ?? (sent === undefined ? undefined : await (await tokens()).bearerOf(sent));
    if (found === undefined) return refuse(sent === undefined ? 'This needs the header "Authorization: Bearer TOKEN"; `holdfast token` prints the token.' : 'This is no token of this node; `holdfast token` prints one.');
    c.set('bearer', found);
    return next();
  };
}

/** Whether a scope includes another one. */
export function reaches(scope: Scope, wanted: Scope): boolean {
  return SCOPES.indexOf(scope) >= SCOPES.indexOf(wanted);
}

/** Refuses tokens whose scope does not reach. Every route says what it needs. */
export function needs(scope: Scope): MiddlewareHandler<Surroundings> {
  return async (c, next) => {
    const has = c.get('bearer').scope;
    if (!reaches(has, scope)) return faultAnswer(new Fault('no-right', `This needs a token with the scope ${scope}; this one has ${has}.`), 403);
    return next();
  };
}
