// What is posted to an input of the node, which maps it to events as its settings say.

import type { Hono } from 'hono';
import { Fault } from '../../src/fault.ts';
import { json } from './answer.ts';
import { mediaType } from './append.ts';
import { parameters } from './asked.ts';
import { withBody } from './body.ts';
import type { ApiContext, Surroundings } from './context.ts';
import { needs } from './guard.ts';

/** Adds `POST /api/inputs/:name`. */
export function inputRoutes(app: Hono<Surroundings>, { post, database }: Pick<ApiContext, 'post' | 'database'>): void {
  app.post('/api/inputs/:name', needs('append'), async (c) => {
    const name = c.req.param('name');
    parameters(c, []);
    if (post === undefined) throw new Fault('not-found', 'This node has no input that takes what is posted.');
    const trouble = database.trouble?.();
    if (trouble !== undefined) throw trouble;
    return json(await withBody(c.env.incoming, (body) => post(name, mediaType(c.env.incoming), body)));
  });
}
