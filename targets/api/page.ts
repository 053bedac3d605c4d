// The page's own files, from a table in memory. They hold no data, so they need no token.

import type { Context, Hono } from 'hono';
import { Fault } from '../../src/fault.ts';
import { faultAnswer } from './answer.ts';
import type { ApiContext, Asset, Surroundings } from './context.ts';

/** Only what this node serves runs on the page, and it talks to nobody else. */
const PAGE_POLICY = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; manifest-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";
/** A name with a hash of its contents: what it stands for never changes. */
const HASHED = /[-.][0-9A-Za-z_]{8,64}\.\w+$/;

/** Adds `/` and `/page/…`. */
export function pageRoutes(app: Hono<Surroundings>, { assets }: Pick<ApiContext, 'assets'>): void {
  const serve = (c: Context<Surroundings>): Response => {
    if (assets === undefined) return faultAnswer(new Fault('not-found', 'This build has no page; the API is described at /openapi.json.'));
    // As it was written: what is not exactly a name in the table is nothing.
    const asset = assets.get((c.env.incoming.url ?? '/').split('?', 1)[0]!);
    return asset === undefined ? faultAnswer(new Fault('not-found', 'The page has no such file.')) : file(c, asset);
  };
  app.get('/', serve);
  app.get('/page/*', serve);
}

function file(c: Context<Surroundings>, { type, bytes, etag, gzip, brotli }: Asset): Response {
  const quoted = /^(W\/)?"/.test(etag) ? etag : `"${etag}"`;
  const headers: { [name: string]: string } = {
    'content-type': type, etag: quoted, vary: 'accept-encoding', 'content-security-policy': PAGE_POLICY, 'cross-origin-opener-policy': 'same-origin',
    // Other files are asked for each time, and sent only when they changed.
    'cache-control': HASHED.test(c.req.path) ? 'public, max-age=31536000, immutable' : 'no-cache',
  };
  const has = (c.req.header('if-none-match') ?? '').split(',').map((each) => each.trim().replace(/^W\//, ''));
  if (has.includes(quoted.replace(/^W\//, ''))) return new Response(null, { status: 304, headers });
  const accepted = (c.req.header('accept-encoding') ?? '').toLowerCase().split(',').filter((each) => !/;\s*q=0(\.0*)?\s*$/.test(each)).map((each) => each.split(';', 1)[0]!.trim());
  if (brotli !== undefined && accepted.includes('br')) return new Response(brotli, { headers: { ...headers, 'content-encoding': 'br' } });
  if (gzip !== undefined && accepted.includes('gzip')) return new Response(gzip, { headers: { ...headers, 'content-encoding': 'gzip' } });
  return new Response(bytes, { headers });
}
