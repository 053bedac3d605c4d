// Following streams over HTTP: server-sent events that go on where a client was cut off.

import type { Hono } from 'hono';
import { checkStream } from '../../src/event/event.ts';
import { Fault } from '../../src/fault.ts';
import type { Database, Followed } from '../program/database.ts';
import { parameters, queryAsked, streamAsked } from './asked.ts';
import type { ApiContext, Surroundings } from './context.ts';
import { eventStream } from './event-stream.ts';
import { followMany } from './follow-many.ts';

/** Clients that follow at a time, and streams that one of them follows. */
const CLIENTS = 48, STREAMS = 64;

/** Adds the routes that go on for ever. */
export function followRoutes(app: Hono<Surroundings>, { database, stopping }: Pick<ApiContext, 'database' | 'stopping'>): void {
  let clients = 0;
  const serve = async (begin: (signal: AbortSignal) => AsyncIterable<Followed>): Promise<Response> => {
    if (stopping.aborted) throw new Fault('closed', 'The node is stopping.');
    if (clients >= CLIENTS) throw new Fault('busy', `${CLIENTS} clients follow already; there is no room for more.`);
    const gone = new AbortController();
    clients++;
    return eventStream(begin(gone.signal), stopping, () => {
      clients--;
      gone.abort();
    });
  };

  app.get('/api/streams/:stream/follow', (c) => {
    const stream = streamAsked(c);
    const { from, ...asked } = parameters(c, ['key', 'type', 'since', 'until', 'from']);
    const query = queryAsked(asked), begin = beginning(from, c.req.header('last-event-id'));
    return serve((signal) => database.resume(stream, query, begin, signal));
  });

  app.get('/api/follow', async (c) => {
    const { from, streams, ...asked } = parameters(c, ['key', 'type', 'since', 'until', 'from', 'streams']);
    const query = queryAsked(asked), begin = beginning(from, c.req.header('last-event-id'));
    const named = streams === undefined || streams === '' ? undefined : [...new Set(streams.split(','))];
    named?.forEach(checkStream);
    const all = named ?? await streamsOf(database);
    if (all.length > STREAMS) throw new Fault('too-many', `At most ${STREAMS} streams are followed together, and here are ${all.length}: name some with streams=.`);
    return serve((signal) => followMany({ database, query, from: begin, streams: all, appearing: named === undefined ? () => streamsOf(database) : undefined, most: STREAMS }, signal));
  });
}

/** Where to begin: where the client says that it was, else where it asks to, else now. */
function beginning(from: string | undefined, last: string | undefined): string {
  return (last !== undefined && last !== '' ? last : undefined) ?? (from !== undefined && from !== '' ? from : 'now');
}

async function streamsOf(database: Pick<Database, 'streams'>): Promise<string[]> {
  return (await database.streams()).map(({ stream }) => stream).filter((stream) => !stream.startsWith('$'));
}
