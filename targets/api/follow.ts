// Following over HTTP: server-sent events that go on where a client was cut off.

import type { Context, Hono } from 'hono';
import { checkStream } from '../../src/event/event.ts';
import { Fault } from '../../src/fault.ts';
import type { Database } from '../program/database.ts';
import { parameters, queryAsked, streamAsked } from './asked.ts';
import type { ApiContext, Surroundings } from './context.ts';
import { eventStream, followedText } from './event-stream.ts';
import { followMany } from './follow-many.ts';
import { needs } from './guard.ts';

/** Clients that follow at a time, and streams that one of them follows. */
const CLIENTS = 48, STREAMS = 64;

/** Serves one that follows: `begin` is given a signal that it has gone. Faults: `closed`, `busy`, those of what it follows. */
export type ServeFollower = <T>(c: Context<Surroundings>, written: (one: T) => string, begin: (signal: AbortSignal) => AsyncIterable<T>) => Promise<Response>;

/** Counts all that follow, whatever they do. */
export function followers({ stopping }: Pick<ApiContext, 'stopping'>): ServeFollower {
  let clients = 0;
  return async (c, written, begin) => {
    if (stopping.aborted) throw new Fault('closed', 'The node is stopping.');
    // Who asks for the headers alone reads nothing of what would go on for ever.
    if (c.env.incoming.method === 'HEAD') return new Response(null, { headers: { 'content-type': 'text/event-stream; charset=utf-8' } });
    if (clients >= CLIENTS) throw new Fault('busy', `${CLIENTS} clients follow already; there is no room for more.`);
    const gone = new AbortController(), end = new AbortController(), sources = [stopping, c.get('bearer').gone], stop = (): void => end.abort();
    clients++;
    // Whose token is taken back follows no longer. (Signals that AbortSignal.any makes of ones that live long are not given back in some releases of Node.)
    for (const source of sources) source.addEventListener('abort', stop);
    if (sources.some(({ aborted }) => aborted)) stop();
    return eventStream(begin(gone.signal), written, end.signal, () => {
      for (const source of sources) source.removeEventListener('abort', stop);
      clients--;
      gone.abort();
    });
  };
}

/** Adds the routes that follow streams. */
export function followRoutes(app: Hono<Surroundings>, { database }: Pick<ApiContext, 'database'>, serve: ServeFollower): void {
  app.get('/api/streams/:stream/follow', needs('read'), (c) => {
    const stream = streamAsked(c);
    const { from, ...asked } = parameters(c, ['key', 'type', 'since', 'until', 'from']);
    const query = queryAsked(asked), begin = beginning(from, c.req.header('last-event-id'));
    return serve(c, followedText, (signal) => database.resume(stream, query, begin, signal));
  });

  app.get('/api/follow', needs('read'), async (c) => {
    const { from, streams, ...asked } = parameters(c, ['key', 'type', 'since', 'until', 'from', 'streams']);
    const query = queryAsked(asked), begin = beginning(from, c.req.header('last-event-id'));
    const named = streams === undefined || streams === '' ? undefined : [...new Set(streams.split(','))];
    named?.forEach(checkStream);
    const all = named ?? await streamsOf(database);
    if (all.length > STREAMS) throw new Fault('too-many', `At most ${STREAMS} streams are followed together, and here are ${all.length}: name some with streams=.`);
    return serve(c, followedText, (signal) => followMany({ database, query, from: begin, streams: all, appearing: named === undefined ? () => streamsOf(database) : undefined, most: STREAMS }, signal));
  });
}

/** Where to begin: where the client says that it was, else where it asks to, else now. */
export function beginning(from: string | undefined, last: string | undefined): string {
  return (last !== undefined && last !== '' ? last : undefined) ?? (from !== undefined && from !== '' ? from : 'now');
}

async function streamsOf(database: Pick<Database, 'streams'>): Promise<string[]> {
  return (await database.streams()).map(({ stream }) => stream).filter((stream) => !stream.startsWith('$'));
}
