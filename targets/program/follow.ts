// Following a stream: what is held and was not told yet, then what comes, with cursors from which somebody who was cut off goes on.

import type { Value } from '../../src/event/value.ts';
import { Fault } from '../../src/fault.ts';
import { matches } from '../../src/log/reader.ts';
import type { Entry as NodeEntry } from '../../src/node-entry.ts';
import type { Node } from '../../src/node.ts';
import type { Followed, Query } from './database.ts';
import { plain } from './plain.ts';

/** Events that may wait for a reader that follows, and bytes of their bodies. */
const QUEUE = 10_000, QUEUE_BYTES = 8 * 1_048_576;
/** Ids of events that were read last, in which announcements are looked up. */
const READ_LATELY = 65_536;
/** Between two cursors at least, ms: after events, and after such alone that were not asked for. */
export interface Pace { busy: number; idle: number }
const PACE: Pace = { busy: 1_000, idle: 15_000 };

/** What waits for the reader: an event, or a cursor that covers everything before it. */
type Waiting = { entry: NodeEntry; bytes: number } | { cursor: string; asked: number };

/**
 * From `start`, from `now`, or from a cursor on: what is held, then what comes. Everything is told at least once; between the held and the coming nothing twice: an event that
 * becomes durable while the held ones are read may be met there, or be announced, or both, in either order. A cursor covers all that was told before it.
 * Without a `pace` there are no cursors. Faults: `bad-argument` (no cursor of this stream), `busy` (the reader cannot keep up; it goes on from its last cursor).
 */
export async function* followFrom(node: Node, stream: string, { limit, ...query }: Query, from: string, signal: AbortSignal, pace: Pace | null = PACE): AsyncGenerator<Followed> {
  const waiting: Waiting[] = [];
  const queued = new Set<string>(), readAndQueued = new Set<string>(), readLately = new Set<string>();
  let overflow = false, held = 0, left = limit ?? Infinity;
  /** Counts of all events that were announced, of those asked for too, and what the last cursor that was handed out knew of the first. */
  let told = 0, known = 0, given = performance.now(), fresh = false, asking = false;
  let failure: { error: unknown } | undefined, timer: NodeJS.Timeout | undefined, wake = (): void => {};
  const stir = (): void => wake();
  const stop = node.follow(stream, {}, (entry) => {
    told++;
    if (matches(entry, query) && !readLately.has(entry.id)) {
      const bytes = weightOf(entry.body);
      if (queued.size >= QUEUE || held + bytes > QUEUE_BYTES) overflow = true;
      else if (!overflow) {
        held += bytes;
        waiting.push({ entry, bytes });
        queued.add(entry.id);
      }
    }
    wake();
  });
  const ask = (): void => {
    if (asking || !pace) return;
    asking = true;
    const asked = told;
    node.cursor(stream).then((cursor) => { if (!overflow) waiting.push({ cursor, asked }); }, (error: unknown) => { failure = { error }; }).finally(() => {
      asking = false;
      wake();
    });
  };
  const handed = (cursor: string): Followed => {
    given = performance.now();
    fresh = false;
    return { cursor };
  };
  signal.addEventListener('abort', stir);
  try {
    if (from !== 'now') {
      for await (const { entry, cursor } of node.since(stream, from === 'start' ? undefined : from, query)) {
        if (signal.aborted || left <= 0) return;
        if (queued.has(entry.id)) readAndQueued.add(entry.id);
        // The announcement follows the commit within moments: only what was read lately can still be announced.
        readLately.add(entry.id);
        if (readLately.size > READ_LATELY) for (const oldest of readLately) { readLately.delete(oldest); break; }
        left--;
        yield { entry: plain(entry) };
        if (pace && cursor !== undefined && (left <= 0 || performance.now() - given >= pace.busy)) yield handed(cursor());
      }
    }
    ask();
    for (;;) {
      for (let next = waiting.shift(); next !== undefined; next = waiting.shift()) {
        if (signal.aborted || left <= 0) return;
        if ('cursor' in next) {
          known = next.asked;
          yield handed(next.cursor);
          continue;
        }
        held -= next.bytes;
        queued.delete(next.entry.id);
        if (readAndQueued.delete(next.entry.id)) continue;
        left--;
        fresh = true;
        yield { entry: plain(next.entry) };
        if (pace && performance.now() - given >= pace.busy) ask();
      }
      if (failure !== undefined) throw failure.error;
      if (overflow) throw new Fault('busy', `More than ${QUEUE} events, or ${QUEUE_BYTES} bytes, waited for this reader, and some were left out here; read again from where you are with --since, or from the last cursor.`);
      if (signal.aborted || left <= 0) return;
      if (pace && told > known && !asking) {
        const wait = given + (fresh ? pace.busy : pace.idle) - performance.now();
        clearTimeout(timer);
        if (wait <= 0) ask();
        else timer = setTimeout(stir, wait);
      }
      await new Promise<void>((resolve) => (wake = resolve));
    }
  } finally {
    clearTimeout(timer);
    signal.removeEventListener('abort', stir);
    stop();
  }
}

/** About how many bytes a body takes in memory. */
function weightOf(body: Value): number {
  if (typeof body === 'string' || body instanceof Uint8Array) return 32 + body.length;
  if (body === null || typeof body !== 'object') return 8;
  if (Array.isArray(body)) return body.reduce<number>((sum, each) => sum + weightOf(each), 32);
  return Object.entries(body).reduce((sum, [name, each]) => sum + 2 * name.length + weightOf(each), 64);
}
