// The HTTP API of a node: all its routes behind their guards, for whichever server hands it requests.

import { Hono } from 'hono';
import { codeOf, Fault } from '../../src/fault.ts';
import { complete, faultAnswer, json } from './answer.ts';
import { appendRoutes } from './append.ts';
import type { ApiContext, Surroundings } from './context.ts';
import { eventRoutes } from './events.ts';
import { followRoutes } from './follow.ts';
import { bearer, ownName } from './guard.ts';
import { healthRoutes } from './health.ts';
import { inputRoutes } from './inputs.ts';
import { pageRoutes } from './page.ts';

/** Joins the routes. */
export function createApi(context: ApiContext): Hono<Surroundings> {
  const app = new Hono<Surroundings>();
  app.use(async (c, next) => {
    await next();
    complete(c);
  });
  // Whoever watches the node may call it as he likes: nothing is told there.
  healthRoutes(app, context);
  app.use(ownName(context));
  pageRoutes(app, context);
  app.use(bearer(context));
  eventRoutes(app, context);
  appendRoutes(app, context);
  inputRoutes(app, context);
  followRoutes(app, context);
  // Few ask for these: they are loaded when somebody does.
  app.get('/metrics', async () => {
    const [{ metricsOf }, report] = await Promise.all([import('./metrics.ts'), context.reports()]);
    return new Response(metricsOf(report, context.version), { headers: { 'content-type': 'text/plain; version=0.0.4; charset=utf-8' } });
  });
  app.get('/openapi.json', async () => json((await import('./openapi.ts')).describeApi(context.version)));
  const known = app.routes.filter(({ method }) => method !== 'ALL').map(({ method, path }) => ({ method, like: new RegExp(`^${path.replace(/:\w+/g, '[^/]+').replace('*', '.*')}$`) }));
  app.notFound((c) => {
    const methods = new Set(known.filter(({ like }) => like.test(c.req.path)).map(({ method }) => method));
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
