// The HTTP API of a node: all its routes behind their guards, for whichever server hands it requests.

import { Hono } from 'hono';
import { codeOf, Fault } from '../../src/fault.ts';
import { recognise, type Bearer, type Tokens } from '../program/http-tokens.ts';
import { actRoutes } from './acts.ts';
import { complete, faultAnswer, json } from './answer.ts';
import { appendRoutes } from './append.ts';
import { bundleRoutes } from './bundles.ts';
import type { ApiContext, Surroundings } from './context.ts';
import { eventRoutes } from './events.ts';
import { fleetRoutes } from './fleet.ts';
import { followers, followRoutes } from './follow.ts';
import { bearer, needs, ownName } from './guard.ts';
import { healthRoutes } from './health.ts';
import { inputRoutes } from './inputs.ts';
import { nodeRoutes } from './nodes.ts';
import { pageRoutes } from './page.ts';
import { tickets } from './tickets.ts';

/** Joins the routes. */
export function createApi(context: ApiContext): Hono<Surroundings> {
  const app = new Hono<Surroundings>(), granted = new WeakMap<Request, Bearer>(), ticket = tickets(granted), serve = followers(context);
  let known: Promise<Tokens> | undefined;
  const tokens = (): Promise<Tokens> => known ??= context.hub().then((hub) => {
    const all = recognise(context.token, hub.tokens);
    context.stopping.addEventListener('abort', () => all.close());
    return all;
  });
  app.use(async (c, next) => {
    await next();
    complete(c);
  });
  // Whoever watches the node may call it as he likes: nothing is told there.
  healthRoutes(app, context);
  app.use(ownName(context));
  pageRoutes(app, context);
  ticket.taken(app);
  app.use(bearer(tokens, granted));
  eventRoutes(app, context);
  appendRoutes(app, context);
  inputRoutes(app, context);
  followRoutes(app, context, serve);
  fleetRoutes(app, context, serve);
  nodeRoutes(app, context);
  bundleRoutes(app, context);
  actRoutes(app, context, tokens);
  ticket.made(app);
  // Few ask for these: they are loaded when somebody does.
  app.get('/metrics', needs('read'), async () => {
    const [{ metricsOf }, report, fleet] = await Promise.all([import('./metrics.ts'), context.reports(), context.hub().then((hub) => hub.fleet())]);
    return new Response(metricsOf(report, fleet, context.version), { headers: { 'content-type': 'text/plain; version=0.0.4; charset=utf-8' } });
  });
  app.get('/openapi.json', needs('read'), async () => json((await import('./openapi.ts')).describeApi(context.version)));
  const listed = app.routes.filter(({ method }) => method !== 'ALL').map(({ method, path }) => ({ method, like: new RegExp(`^${path.replace(/:\w+/g, '[^/]+').replace('*', '.*')}$`) }));
  app.notFound((c) => {
    const methods = new Set(listed.filter(({ like }) => like.test(c.req.path)).map(({ method }) => method));
    if (methods.size > 0) return faultAnswer(new Fault('unsupported', `${c.req.method} does nothing here; there is ${[...methods].join(', ')}.`), 405, { allow: [...methods, ...(methods.has('GET') ? ['HEAD'] : [])].join(', ') });
    return faultAnswer(new Fault('not-found', `There is nothing at ${JSON.stringify(c.req.path.slice(0, 100))}; /openapi.json describes what there is.`));
  });
  app.onError((error, c) => {
    // Its sender has gone: nobody reads this.
    if (codeOf(error) === 'link-closed') return json({ error: { code: 'link-closed', message: error.message } }, 400);
    return faultAnswer(codeOf(error) === 'internal' ? new Fault('internal', `${c.req.method} ${c.req.path.slice(0, 100)} failed: ${error.message}`, { cause: error }) : error);
  });
  return app;
}
