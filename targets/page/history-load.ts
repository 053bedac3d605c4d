// Reads the history of one key page by page, the newest events first, and goes on with what comes.

import { asRefusal, follow, get, type Refusal } from './connection.ts';
import type { Entry } from './contract.ts';
import { now } from './now.ts';
import { createSeries, type Series } from './series.ts';

/** What of a history is wanted: the last events, what happened within the last `back` ms, or a span of time. */
export type Part = { last: number } | { back: number } | { since: number; until: number };

/** A history as far as it has been read. */
export interface History {
  series: Series;
  /** The newest events of it, newest first. */
  entries: Entry[];
  /** What is shown, ms since 1970. */
  range: { since: number; until: number };
  /** How much of the range has been read, 0 to 1; 1 when all has. */
  read: number;
  /** Reading has stopped short of the whole: so much was enough for a first look. */
  paused: boolean;
  refusal?: Refusal | undefined;
}

/** Events of a page, of those that are listed, and those after which reading waits to be told to go on. */
const PAGE = 1_000, LISTED = 1_000, ENOUGH = 60_000;
/** How often what is read is drawn at most, ms. */
const DRAW = 300;

/** The address of events of a key. */
export function eventsPath(stream: string, query: { [name: string]: string | number | undefined }): string {
  const asked = Object.entries(query).filter(([, value]) => value !== undefined).map(([name, value]) => `${name}=${encodeURIComponent(value!)}`);
  return `/api/streams/${encodeURIComponent(stream)}/events?${asked.join('&')}`;
}

/** Begins to read; `show` gets the same history again and again as it grows. Ends with `signal`. `more()` reads on after a pause. */
export function readHistory(stream: string, key: string, part: Part, show: (history: History) => void, signal: AbortSignal): { more(): void } {
  const series = createSeries(), entries: Entry[] = [], seen = new Set<string>();
  const fixed = 'since' in part ? part : undefined;
  let oldest = now(), newest = 0, reading = 0, paused = false, cursor: string | undefined, refusal: Refusal | undefined, room = ENOUGH, drawn = 0, timer: ReturnType<typeof setTimeout> | undefined;
  const range = (): History['range'] => {
    if (fixed !== undefined) return fixed;
    if ('back' in part) return { since: Number.isFinite(part.back) ? now() - part.back : oldest, until: Math.max(now(), Number.isFinite(part.back) ? 0 : newest) };
    return series.events === 0 ? { since: now() - 3_600_000, until: now() } : { since: oldest, until: newest };
  };
  const soon = (): void => {
    timer ??= setTimeout(() => {
      timer = undefined;
      drawn = Date.now();
      if (!signal.aborted) show({ series, entries, range: range(), read: reading, paused, refusal });
    }, Math.max(0, drawn + DRAW - Date.now()));
  };
  const take = (entry: Entry, fresh: boolean): void => {
    if (seen.has(entry.id)) return;
    if (seen.size < 4 * LISTED) seen.add(entry.id);
    series.add(entry.time, entry.body);
    oldest = Math.min(oldest, entry.time);
    newest = Math.max(newest, entry.time);
    if (fresh) entries.unshift(entry); else if (entries.length < LISTED) entries.push(entry);
    entries.length = Math.min(entries.length, LISTED);
  };
  const load = async (): Promise<void> => {
    paused = false;
    try {
      const { since, until } = fixed ?? ('back' in part && Number.isFinite(part.back) ? { since: Math.floor(now() - part.back), until: undefined } : { since: undefined, until: undefined });
      const whole = (until ?? now()) - (since ?? 0);
      do {
        const page: { events: Entry[]; next?: string } = await get(eventsPath(stream, { key, since: since === undefined ? undefined : Math.floor(since), until: until === undefined ? undefined : Math.ceil(until), reverse: 1, limit: 'last' in part ? part.last : PAGE, cursor }), signal);
        for (const entry of page.events) take(entry, false);
        room -= page.events.length;
        cursor = page.next;
        if ('last' in part) cursor = undefined;
        reading = cursor === undefined ? 1 : since === undefined ? Math.min(0.95, series.events / ENOUGH) : Math.min(0.99, Math.max(0, ((until ?? now()) - oldest) / whole));
        if (cursor !== undefined && room <= 0) paused = true;
        soon();
      } while (cursor !== undefined && !paused && !signal.aborted);
    } catch (error) {
      refusal = asRefusal(error);
      soon();
    }
  };
  // First follow, then read: nothing falls between the two.
  if (fixed === undefined) {
    void follow(`/api/streams/${encodeURIComponent(stream)}/follow?key=${encodeURIComponent(key)}`, {
      state: () => {},
      tell: ({ event, data }) => {
        if (event !== 'message') return;
        try { take(JSON.parse(data) as Entry, true); } catch { return; }
        soon();
      },
    }, signal);
  }
  void load();
  // Time goes on also where nothing comes: what is within the last hour moves.
  const tick = setInterval(() => { if ('back' in part && document.visibilityState === 'visible') soon(); }, 10_000);
  signal.addEventListener('abort', () => { clearInterval(tick); clearTimeout(timer); });
  return { more() { room = ENOUGH; void load(); } };
}
