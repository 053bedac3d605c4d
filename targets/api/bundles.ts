// Bundles over HTTP: what a node lacks as a file, made while it is sent; files taken in while they come.

import type { Hono } from 'hono';
import { Fault } from '../../src/fault.ts';
import { json } from './answer.ts';
import { mediaType } from './append.ts';
import { parameters } from './asked.ts';
import { checkPlain, piecesOf } from './body.ts';
import type { ApiContext, Surroundings } from './context.ts';
import { streamed } from './export.ts';
import { needs } from './guard.ts';

/** Bundles that go out, and that come in, at a time. */
const OUT = 4, IN = 2;
/** Bytes of one upload that may lie in the data directory while it comes: parity asks for blocks again. */
const SPOOL_BYTES = 4 * 1_073_741_824;
/** An upload brings at least so many bytes in this time, ms: a satellite does, somebody who only wants to hold a place does not. */
const LEAST_BYTES = 4_096, LEAST_MS = 60_000;
const TYPES = ['application/octet-stream', 'application/x-holdfast-bundle'];

/** Adds `GET /api/nodes/:node/bundle` and `POST /api/bundles`. */
export function bundleRoutes(app: Hono<Surroundings>, { hub }: Pick<ApiContext, 'hub'>): void {
  let out = 0, into = 0;

  app.get('/api/nodes/:node/bundle', needs('append'), async (c) => {
    parameters(c, []);
    if (out >= OUT) throw new Fault('busy', `${OUT} bundles are being made already; try again when one is done.`);
    out++;
    let left = (): void => {
      left = () => {};
      out--;
    };
    try {
      const { name, blocks } = await (await hub()).bundleFor(c.req.param('node'));
      const headers = { 'content-type': 'application/octet-stream', 'content-disposition': `attachment; filename="${name}"` };
      if (c.env.incoming.method !== 'HEAD') return new Response(streamed(blocks, () => left(), () => { c.env.outgoing.destroy(); }), { headers });
      await blocks.return(undefined);
      left();
      return new Response(null, { headers });
    } catch (error) {
      left();
      throw error;
    }
  });

  app.post('/api/bundles', needs('append'), async (c) => {
    parameters(c, []);
    const { incoming } = c.env, type = mediaType(incoming);
    checkPlain(incoming);
    if (!TYPES.includes(type)) throw new Fault('unsupported', `Volumes of bundles come as application/octet-stream, one behind the other, not as ${type === '' ? 'something without a Content-Type' : JSON.stringify(type.slice(0, 60))}.`);
    if (into >= IN) throw new Fault('busy', `${IN} uploads are under way already; try again when one is done.`);
    into++;
    try {
      const report = await (await hub()).takeBundles(steadily(piecesOf(incoming)), SPOOL_BYTES);
      if (report.volumes.length === 0) return json({ error: { code: 'bad-encoding', message: 'Nothing in it opens: it is no bundle of this fleet, or damaged throughout.' }, ...report }, 422);
      return json(report, report.lost.length > 0 ? 207 : 200);
    } finally {
      into--;
    }
  });
}

/** Pieces as they come, from whoever sends more than next to nothing. Fault `timeout`: he does not. */
export async function* steadily(pieces: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
  let bytes = 0, since = performance.now();
  for await (const piece of pieces) {
    bytes += piece.length;
    const now = performance.now();
    if (now - since > LEAST_MS) {
      if (bytes < LEAST_BYTES) throw new Fault('timeout', `Less than ${LEAST_BYTES} bytes came within ${LEAST_MS / 1_000} seconds.`);
      bytes = 0;
      since = now;
    }
    yield piece;
    since += performance.now() - now; // taking it in is not the sender's time
  }
}
