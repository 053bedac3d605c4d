// What the node knows of single nodes and of its links, each part in full.

import type { Context, Hono } from 'hono';
import { json } from './answer.ts';
import { parameters } from './asked.ts';
import type { ApiContext, Surroundings } from './context.ts';
import { momentCell, type Column } from './csv.ts';
import { formatAsked } from './format.ts';
import { needs } from './guard.ts';

/** Rows of receipts in an answer that is no table. */
const ROWS = 10_000;

/** Adds `/api/session`, `/api/nodes/:node`, `/api/links`, `/api/receipts`, `/api/quarantine` and the account of bundles. */
export function nodeRoutes(app: Hono<Surroundings>, { hub, version, view }: Pick<ApiContext, 'hub' | 'version' | 'view'>): void {
  app.get('/api/session', needs('read'), async (c) => {
    parameters(c, []);
    const { scope, name: token } = c.get('bearer'), one = await hub(), append = scope !== 'read', admin = scope === 'admin';
    return json({ scope, token, ...one.identity(), version, view, may: { append, bundles: append, invite: admin && one.admin, revoke: admin && one.admin, release: admin && one.admin, tokens: admin } });
  });

  app.get('/api/nodes/:node', needs('read'), async (c) => {
    parameters(c, []);
    return json(await (await hub()).node(c.req.param('node')));
  });

  app.get('/api/links', needs('read'), async (c) => {
    const { format } = parameters(c, ['format']), { listening, links } = (await hub()).links();
    return listed(c, format, 'links', links, [
      ['url', (row) => row.url], ['state', (row) => row.state], ['resting', (row) => row.resting === true], ['node', (row) => row.node ?? null], ['name', (row) => row.name ?? null], ['rate', (row) => row.rate ?? null],
      ['reason', (row) => row.reason ?? null], ['in', (row) => row.in], ['out', (row) => row.out], ['members', (row) => row.broker?.members.length ?? null],
    ], () => ({ listening, links }));
  });

  app.get('/api/receipts', needs('read'), async (c) => {
    const { format } = parameters(c, ['format']), receipts: { node: string; name: string; at: number; complete: boolean }[] = [];
    for await (const receipt of (await hub()).receipts()) if (receipts.push(receipt) >= ROWS) break;
    return listed(c, format, 'receipts', receipts, [['node', (row) => row.node], ['name', (row) => row.name], ['at', (row) => momentCell(row.at)], ['complete', (row) => row.complete]], () => ({ receipts }));
  });

  app.get('/api/quarantine', needs('read'), async (c) => {
    const { format } = parameters(c, ['format']), quarantine = (await hub()).quarantine();
    return listed(c, format, 'quarantine', quarantine, [['node', (row) => row.node], ['name', (row) => row.name], ['state', (row) => row.state], ['segments', (row) => row.segments], ['bytes', (row) => row.bytes]], () => ({ quarantine }));
  });

  app.get('/api/bundles', needs('read'), async (c) => {
    const { format } = parameters(c, ['format']), bundles = await (await hub()).bundles();
    return listed(c, format, 'bundles', bundles, [
      ['bundle', (row) => row.bundle], ['at', (row) => momentCell(row.at)], ['events', (row) => row.events], ['bytes', (row) => row.bytes], ['for', (row) => row.for.map(({ name }) => name).join(' ')], ['arrived', (row) => row.arrived.map(({ name }) => name).join(' ')],
    ], () => ({ bundles }));
  });
}

async function listed<T>(c: Context<Surroundings>, format: string | undefined, name: string, rows: T[], columns: Column<T>[], whole: () => unknown): Promise<Response> {
  const shape = formatAsked(c, format);
  return shape === 'json' ? json(whole()) : (await import('./export.ts')).exported(c, { shape, name, columns, rows });
}
