// What is recorded: streams, pages of their events, the latest of each key; all of it as tables too.

import type { Context, Hono } from 'hono';
import { checkKey } from '../../src/event/event.ts';
import { Fault } from '../../src/fault.ts';
import type { Database, Entry } from '../program/database.ts';
import { entryShown, json } from './answer.ts';
import { flag, limitAsked, PAGE_MOST, PAGE_USUAL, parameters, queryAsked, streamAsked } from './asked.ts';
import type { ApiContext, Surroundings } from './context.ts';
import { momentCell, type Column } from './csv.ts';
import { formatAsked, type Format } from './format.ts';
import { needs } from './guard.ts';
import { SAMPLE_MS } from './rates.ts';

/** Events whose fields become columns. */
const LOOKED_AT = 1_000;
/** Of an event, besides its body. */
const HEAD: Column<Entry>[] = [['id', ({ id }) => id], ['stream', ({ stream }) => stream], ['key', ({ key }) => key], ['type', ({ type }) => type], ['time', ({ time }) => momentCell(time)], ['node', ({ node }) => node]];
const BODY: Column<Entry> = ['body', ({ body }) => typeof body === 'string' ? JSON.stringify(body) : body];

/** How a list is wanted. `all`: without an end. */
interface Wanted { shape: Format; all: boolean; limit: number; flatten: boolean; raw: boolean }

/** Reads `limit`, `format`, `flatten` and `raw`. Fault `bad-argument`: what does not go together. */
function wantedOf(c: Context<Surroundings>, { limit, format, flatten, raw }: { [name: string]: string | undefined }, usual: number): Wanted {
  const shape = formatAsked(c, format), all = limit === 'all', spread = flag('flatten', flatten), plain = flag('raw', raw);
  if (all && shape === 'json') throw new Fault('bad-argument', 'limit=all is for format=csv and format=ndjson; what is left of a page comes with its cursor.');
  if ((spread || plain) && shape !== 'csv') throw new Fault('bad-argument', 'flatten and raw are for format=csv.');
  return { shape, all, limit: all ? 0 : limitAsked(limit, usual), flatten: spread, raw: plain };
}

/** Events as a table. */
async function table(c: Context<Surroundings>, { shape, all, flatten, raw }: Wanted, name: string, rows: AsyncIterable<Entry> | Entry[], next?: string): Promise<Response> {
  const { exported } = await import('./export.ts');
  if (shape !== 'csv' || !flatten) return exported(c, { shape: shape === 'csv' ? 'csv' : 'ndjson', name, columns: [...HEAD, BODY], rows, shown: entryShown, next, all, raw });
  const [{ flatColumns }, { ahead }] = await Promise.all([import('./flatten.ts'), import('./listing.ts')]), looked = await ahead<Entry>(rows, LOOKED_AT);
  return exported(c, { shape, name, columns: [...HEAD, ...flatColumns(looked.first)], rows: looked.rows, next, all, raw });
}

/** Adds the routes that only read. */
export function eventRoutes(app: Hono<Surroundings>, { database, rates, reports }: Pick<ApiContext, 'database' | 'rates' | 'reports'>): void {
  app.get('/api/status', needs('read'), async () => json(await reports()));

  app.get('/api/streams', needs('read'), async (c) => {
    const { all, format } = parameters(c, ['all', 'format']), shape = formatAsked(c, format), system = flag('all', all);
    const streams = (await database.streams()).filter(({ stream }) => system || !stream.startsWith('$')).map(({ stream, events, logs }) => ({ stream, events, logs }));
    if (shape !== 'json') return (await import('./export.ts')).exported(c, { shape, name: 'streams', columns: [['stream', (row) => row.stream], ['events', (row) => row.events], ['logs', (row) => row.logs]], rows: streams });
    return json({ streams: streams.map((each) => ({ ...each, rate: rates.of(each.stream) })), sampleMs: SAMPLE_MS });
  });

  app.get('/api/streams/:stream/events', needs('read'), async (c) => {
    const stream = streamAsked(c);
    const { limit, format, flatten, raw, cursor, ...asked } = parameters(c, ['key', 'type', 'since', 'until', 'limit', 'reverse', 'cursor', 'format', 'flatten', 'raw']);
    const query = queryAsked(asked), wanted = wantedOf(c, { limit, format, flatten, raw }, PAGE_USUAL);
    if (wanted.all) {
      if (cursor !== undefined) throw new Fault('bad-argument', 'limit=all begins at the beginning; choose by since and until.');
      return table(c, wanted, stream, database.read(stream, query));
    }
    const { entries, next } = await database.page(stream, { ...query, limit: wanted.limit }, cursor);
    return wanted.shape === 'json' ? json({ events: entries.map(entryShown), ...(next === undefined ? {} : { next }) }) : table(c, wanted, stream, entries, next);
  });

  app.get('/api/streams/:stream/latest', needs('read'), async (c) => {
    const stream = streamAsked(c);
    const { limit, cursor, key, format, flatten, raw } = parameters(c, ['limit', 'cursor', 'key', 'format', 'flatten', 'raw']), wanted = wantedOf(c, { limit, format, flatten, raw }, PAGE_MOST);
    const { entries, next } = await latestOf(database, stream, wanted, key, cursor);
    return wanted.shape === 'json' ? json({ latest: (entries as Entry[]).map(entryShown), ...(next === undefined ? {} : { next }) }) : table(c, wanted, `${stream}-latest`, entries, next);
  });

  app.get('/api/streams/:stream/keys', needs('read'), async (c) => {
    const stream = streamAsked(c), { limit, cursor, format, raw } = parameters(c, ['limit', 'cursor', 'format', 'raw']), wanted = wantedOf(c, { limit, format, raw }, PAGE_MOST);
    const shown = ({ key, type, time, id }: { key: string; type: string; time: number; id: string }) => ({ key, type, time, id });
    const columns: Column<ReturnType<typeof shown>>[] = [['key', ({ key }) => key], ['type', ({ type }) => type], ['time', ({ time }) => momentCell(time)], ['id', ({ id }) => id]];
    if (wanted.all) {
      if (cursor !== undefined) throw new Fault('bad-argument', 'limit=all begins at the beginning.');
      return (await import('./export.ts')).exported(c, { shape: wanted.shape === 'csv' ? 'csv' : 'ndjson', name: `${stream}-keys`, columns, rows: database.keys(stream), all: true, raw: wanted.raw });
    }
    const { entries, next } = await database.latestPage(stream, wanted.limit, cursor), keys = entries.map(shown);
    if (wanted.shape === 'json') return json({ keys, ...(next === undefined ? {} : { next }) });
    return (await import('./export.ts')).exported(c, { shape: wanted.shape, name: `${stream}-keys`, columns, rows: keys, next, raw: wanted.raw });
  });

  app.get('/api/streams/:stream/latest/:key', needs('read'), async (c) => {
    const stream = streamAsked(c), key = c.req.param('key');
    parameters(c, []);
    checkKey(key);
    const entry = await database.latest(stream, key);
    if (entry === undefined) throw new Fault('not-found', `Stream ${stream} has no event with the key ${JSON.stringify(key)}.`);
    return json(entryShown(entry));
  });
}

/** The latest events: of one key, a page, or all. */
async function latestOf(database: Pick<Database, 'latest' | 'latestPage'>, stream: string, { all, limit }: Wanted, key: string | undefined, cursor: string | undefined): Promise<{ entries: Entry[] | AsyncIterable<Entry>; next?: string }> {
  // A path cannot end in every key: `..` and `.` mean something else there.
  if (key !== undefined) {
    checkKey(key);
    const entry = await database.latest(stream, key);
    return { entries: entry === undefined ? [] : [entry] };
  }
  if (!all) return database.latestPage(stream, limit, cursor);
  if (cursor !== undefined) throw new Fault('bad-argument', 'limit=all begins at the beginning.');
  return { entries: (await import('./listing.ts')).allLatest(database, stream) };
}
