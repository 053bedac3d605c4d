// Several streams followed as one, under one cursor that names the cursor of each.

import { Fault } from '../../src/fault.ts';
import type { Database, Followed, Query } from '../program/database.ts';

/** What several streams are followed with. */
export interface Many {
  database: Pick<Database, 'resume'>;
  query: Query;
  from: string;
  streams: string[];
  /** Lists the streams that there are; those that appear later are followed from their start. */
  appearing: (() => Promise<string[]>) | undefined;
  most: number;
}

/** News that wait for the client, of all streams together: each stream has a queue of its own besides. */
const ROOM = 256;
/** How often streams that appear are looked for, and a cursor is given out at most, ms. */
const LOOK_MS = 2_000, CURSOR_MS = 1_000;
/** Characters of a cursor that fits a header; a longer one is not given out. */
const CURSOR_CHARS = 40_960;
/** The cursor of no stream at all: an empty one would tell a client to forget where it was. */
const NONE = '-';

/**
 * What comes in any of the streams, in the order in which it comes. `from`: `start`, `now`, or a cursor that was given out here; streams that it does not name are followed from
 * their start. Faults as `Database.resume`.
 */
export async function* followMany({ database, query, from, streams, appearing, most }: Many, signal: AbortSignal): AsyncGenerator<Followed> {
  const cursors = new Map(from === 'start' || from === 'now' ? [] : readCursors(from));
  const begin = (stream: string): string => cursors.get(stream) ?? (from === 'now' ? 'now' : 'start');
  const waiting: Followed[] = [], end = new AbortController();
  let failure: { error: unknown } | undefined, wake = (): void => {}, room = (): void => {};
  let given = performance.now(), changed = false, timer: NodeJS.Timeout | undefined, looker: NodeJS.Timeout | undefined;
  const followed = new Set<string>();
  /** Streams that have not said yet where they begin. */
  let starting = streams.length;

  const give = (): void => {
    timer = undefined;
    if (!changed || starting > 0) return;
    changed = false;
    given = performance.now();
    const cursor = [...cursors].map(([stream, one]) => `${stream}:${one}`).join(',') || NONE;
    if (cursor.length > CURSOR_CHARS) return;
    waiting.push({ cursor });
    wake();
  };
  const run = async (stream: string, where: string): Promise<void> => {
    let first = where === 'now';
    followed.add(stream);
    if (!first) starting--;
    for await (const told of database.resume(stream, query, where, end.signal)) {
      if ('cursor' in told) {
        cursors.set(stream, told.cursor);
        changed = true;
        if (first) {
          first = false;
          starting--;
        }
        timer ??= setTimeout(give, Math.max(0, given + CURSOR_MS - performance.now()));
        continue;
      }
      while (waiting.length >= ROOM && !end.signal.aborted) await new Promise<void>((resolve) => { room = chain(room, resolve); });
      waiting.push(told);
      wake();
    }
  };
  const follow = (stream: string, where: string): void => {
    run(stream, where).catch((error: unknown) => {
      failure ??= { error };
      wake();
    });
  };
  const look = async (): Promise<void> => {
    for (const stream of await appearing!()) {
      if (followed.has(stream) || followed.size >= most || end.signal.aborted) continue;
      starting++;
      follow(stream, begin(stream) === 'now' ? 'start' : begin(stream));
    }
    if (!end.signal.aborted) looker = setTimeout(() => { look().catch(() => {}); }, LOOK_MS);
  };

  const stop = (): void => {
    end.abort();
    room();
    wake();
  };
  signal.addEventListener('abort', stop);
  try {
    for (const stream of streams) follow(stream, begin(stream));
    if (appearing !== undefined) looker = setTimeout(() => { look().catch(() => {}); }, LOOK_MS);
    // Also of no stream at all a client must hear that it is connected.
    changed = true;
    given = -CURSOR_MS;
    if (starting === 0) timer ??= setTimeout(give, 0);
    for (;;) {
      for (let next = waiting.shift(); next !== undefined; next = waiting.shift()) {
        if (end.signal.aborted) return;
        if (waiting.length < ROOM / 2) {
          const free = room;
          room = () => {};
          free();
        }
        yield next;
      }
      if (failure !== undefined) throw failure.error;
      if (end.signal.aborted) return;
      await new Promise<void>((resolve) => { wake = resolve; });
    }
  } finally {
    signal.removeEventListener('abort', stop);
    clearTimeout(timer);
    clearTimeout(looker);
    stop();
  }
}

function chain(before: () => void, then: () => void): () => void {
  return () => {
    before();
    then();
  };
}

/** The cursor of each stream. Fault `bad-argument`. */
function readCursors(text: string): [string, string][] {
  if (text === NONE) return [];
  return text.split(',').map((part) => {
    const [, stream, cursor] = /^([\w.$-]{1,64}):([\w-]+)$/.exec(part) ?? [];
    if (stream === undefined || cursor === undefined) throw new Fault('bad-argument', `${JSON.stringify(text.slice(0, 40))} is not a cursor that a node gave out for several streams.`);
    return [stream, cursor];
  });
}
