// What is recorded: streams, pages of their events, the latest of each key.

import type { Hono } from 'hono';
import { checkKey } from '../../src/event/event.ts';
import { Fault } from '../../src/fault.ts';
import { entryShown, json } from './answer.ts';
import { flag, limitAsked, PAGE_MOST, parameters, queryAsked, streamAsked } from './asked.ts';
import type { ApiContext, Surroundings } from './context.ts';
import { SAMPLE_MS } from './rates.ts';

/** Adds the routes that only read. */
export function eventRoutes(app: Hono<Surroundings>, { database, rates, reports }: Pick<ApiContext, 'database' | 'rates' | 'reports'>): void {
  app.get('/api/status', async () => json(await reports()));

  app.get('/api/streams', async (c) => {
    const all = flag('all', parameters(c, ['all'])['all']);
    const streams = (await database.streams()).filter(({ stream }) => all || !stream.startsWith('$'));
    return json({ streams: streams.map(({ stream, events, logs }) => ({ stream, events, logs, rate: rates.of(stream) })), sampleMs: SAMPLE_MS });
  });

  app.get('/api/streams/:stream/events', async (c) => {
    const stream = streamAsked(c);
    const { limit, cursor, ...asked } = parameters(c, ['key', 'type', 'since', 'until', 'limit', 'reverse', 'cursor']);
    const { entries, next } = await database.page(stream, { ...queryAsked(asked), limit: limitAsked(limit) }, cursor);
    return json({ events: entries.map(entryShown), ...(next === undefined ? {} : { next }) });
  });

  app.get('/api/streams/:stream/latest', async (c) => {
    const stream = streamAsked(c);
    const { limit, cursor, key } = parameters(c, ['limit', 'cursor', 'key']);
    // A path cannot end in every key: `..` and `.` mean something else there.
    if (key !== undefined) {
      checkKey(key);
      const entry = await database.latest(stream, key);
      return json({ latest: entry === undefined ? [] : [entryShown(entry)] });
    }
    const { entries, next } = await database.latestPage(stream, limitAsked(limit, PAGE_MOST), cursor);
    return json({ latest: entries.map(entryShown), ...(next === undefined ? {} : { next }) });
  });

  app.get('/api/streams/:stream/latest/:key', async (c) => {
    const stream = streamAsked(c), key = c.req.param('key');
    parameters(c, []);
    checkKey(key);
    const entry = await database.latest(stream, key);
    if (entry === undefined) throw new Fault('not-found', `Stream ${stream} has no event with the key ${JSON.stringify(key)}.`);
    return json(entryShown(entry));
  });
}
