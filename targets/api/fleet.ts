// The fleet over HTTP: the whole picture in one answer, and its changes.

import type { Hono } from 'hono';
import { Fault } from '../../src/fault.ts';
import type { NodeRow } from '../program/fleet-rows.ts';
import { json } from './answer.ts';
import { flag, limitAsked, parameters } from './asked.ts';
import type { ApiContext, Surroundings } from './context.ts';
import { formatAsked } from './format.ts';
import type { Patch, Picture } from './fleet-picture.ts';
import type { ServeFollower } from './follow.ts';
import { needs } from './guard.ts';
import { NODE_COLUMNS } from './node-columns.ts';
import { SAMPLE_MS } from './rates.ts';

/** Rows of nodes in one answer when nobody says how many. */
const USUAL = 250;

/** Adds `/api/fleet`, `/api/fleet/follow` and `/api/nodes`. */
export function fleetRoutes(app: Hono<Surroundings>, { rates, hub }: Pick<ApiContext, 'rates' | 'hub'>, serve: ServeFollower): void {
  let made: Promise<Picture> | undefined;
  const picture = (): Promise<Picture> => made ??= import('./fleet-picture.ts').then(({ Picture: Made }) => new Made(async () => (await hub()).fleet(), rates));

  app.get('/api/fleet', needs('read'), async (c) => {
    const { limit, ...asked } = parameters(c, ['limit', 'after', 'find', 'attention']);
    const count = limitAsked(limit, USUAL), drawn = await picture(), { nodes, streams, alarms, listening, links, worries, self, name, fleet, fleetName, now, uptimeMs } = await drawn.current();
    const page = pageOf(nodes, count, asked), etag = `"${drawn.version}"`;
    if ((c.req.header('if-none-match') ?? '').split(',').some((each) => each.trim().replace(/^W\//, '') === etag)) return new Response(null, { status: 304, headers: { etag, 'cache-control': 'no-cache' } });
    return json({ version: drawn.version, now, self, name, fleet, fleetName, uptimeMs, counts: drawn.counts, ...page, streams, sampleMs: SAMPLE_MS, alarms, listening, links, worries }, 200, { etag, 'cache-control': 'no-cache' });
  });

  app.get('/api/fleet/follow', needs('read'), async (c) => {
    const { from } = parameters(c, ['from']), last = c.req.header('last-event-id'), drawn = await picture();
    return serve(c, patchText, (signal) => drawn.follow(last || from || undefined, signal));
  });

  app.get('/api/nodes', needs('read'), async (c) => {
    const { limit, format, ...asked } = parameters(c, ['limit', 'after', 'find', 'attention', 'format']);
    const shape = formatAsked(c, format), all = limit === 'all', { nodes } = await (await picture()).current();
    const page = pageOf(nodes, all ? nodes.length : limitAsked(limit, USUAL), asked);
    if (shape === 'json') {
      if (all) throw new Fault('bad-argument', 'limit=all is for format=csv and format=ndjson; what is left comes with after=.');
      return json(page);
    }
    return (await import('./export.ts')).exported(c, { shape, name: 'nodes', columns: NODE_COLUMNS, rows: page.nodes, next: page.next, all });
  });
}

/** The rows that are asked for, behind `after`, in order of id. */
function pageOf(nodes: NodeRow[], limit: number, { after, find, attention }: { [name: string]: string | undefined }): { nodes: NodeRow[]; next?: string } {
  if (after !== undefined && !/^[0-9a-f]{0,64}$/i.test(after)) throw new Fault('bad-argument', `after is ${JSON.stringify(after.slice(0, 80))}; it must be the id of a node, as \`next\` names it.`);
  const wanted = find?.toLowerCase(), only = flag('attention', attention), from = after?.toLowerCase(), found: NodeRow[] = [];
  for (const row of nodes) {
    if (from !== undefined && row.node <= from) continue;
    if (wanted !== undefined && !row.name.toLowerCase().includes(wanted) && !row.node.startsWith(wanted)) continue;
    if (only && row.silent === null && row.quarantine === null && row.alarms === 0 && row.behind === null && !(row.lacks !== null && row.lacks.events > 0)) continue;
    if (found.length === limit) return { nodes: found, next: found.at(-1)!.node };
    found.push(row);
  }
  return { nodes: found };
}

function patchText(patch: Patch | 'reload'): string {
  return patch === 'reload' ? 'event: reload\ndata: {}\n\n' : `id: ${patch.version}\ndata: ${JSON.stringify(patch)}\n\n`;
}
