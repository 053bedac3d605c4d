// Whether this node takes what is written to it, and whether it can answer now: for whoever watches it, without a token and without secrets.

import type { Hono } from 'hono';
import { codeOf } from '../../src/fault.ts';
import { json } from './answer.ts';
import type { ApiContext, Surroundings } from './context.ts';

/** Bytes that must be free on the disk for the next events and their indexes. */
const ROOM = 4 * 1_048_576;
/** How long a node may think about how it is before that itself is the answer, ms. */
const PATIENCE_MS = 5_000;

/** How long the store may take to answer before requests should go elsewhere, ms; and how long an answer is good. */
const STORE_MS = 2_000, READY_MS = 500;

/** Adds `/healthz` and `/readyz`. */
export function healthRoutes(app: Hono<Surroundings>, context: Pick<ApiContext, 'reports' | 'stopping' | 'hub' | 'database'>): void {
  let last: { at: number; reason: Promise<string | undefined> } | undefined;
  app.get('/readyz', async () => {
    // Anybody may ask: the store is asked for all of them together.
    if (last === undefined || performance.now() - last.at > READY_MS) last = { at: performance.now(), reason: unready(context) };
    const reason = context.stopping.aborted ? 'the node is stopping' : context.database.trouble?.() !== undefined ? 'the database is out of reach' : await last.reason;
    return json(reason === undefined ? { ok: true } : { ok: false, reasons: [reason] }, reason === undefined ? 200 : 503);
  });
  app.get('/healthz', async () => {
    const reasons = await ailments(context);
    return json(reasons.length === 0 ? { ok: true } : { ok: false, reasons }, reasons.length === 0 ? 200 : 503);
  });
}

async function unready({ hub }: Pick<ApiContext, 'hub'>): Promise<string | undefined> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<string>((resolve) => { timer = setTimeout(() => resolve('the store does not answer'), STORE_MS); });
  try {
    return await Promise.race([hub().then((one) => one.ready()).then(() => undefined), late]);
  } catch (error) {
    return `the store does not answer: ${codeOf(error)}`;
  } finally {
    clearTimeout(timer);
  }
}

async function ailments({ reports, stopping }: Pick<ApiContext, 'reports' | 'stopping'>): Promise<string[]> {
  if (stopping.aborted) return ['the node is stopping'];
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<undefined>((resolve) => { timer = setTimeout(() => resolve(undefined), PATIENCE_MS); });
  try {
    const report = await Promise.race([reports(), late]);
    if (report === undefined) return ['the node does not answer in time'];
    return [...(report.damage.length > 0 ? ['the store is damaged'] : []), ...(report.disk.free < ROOM ? ['the disk is full'] : []), ...(report.member === 'revoked' ? ['this node was revoked'] : []), ...(report.database?.connected === false ? ['the database is out of reach'] : [])];
  } catch (error) {
    // Messages may name folders: the code says enough here.
    return [`the node cannot go on: ${codeOf(error)}`];
  } finally {
    clearTimeout(timer);
  }
}
