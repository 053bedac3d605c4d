// The last events as they come, of all streams or one, kept for as long as somebody looks.

import { useEffect, useRef, useState } from 'preact/hooks';
import { follow } from './connection.ts';
import type { Entry } from './contract.ts';

/** Events that are kept for looking at. */
const KEPT = 2_000;
/** How often the list is drawn again at most, ms: events may come by the thousand. */
const DRAW = 300;

/** What came: events, newest first; how many in all; how many wait while it is paused. */
export interface Live { entries: readonly Entry[]; came: number; waiting: number; connected: boolean; clear(): void }

/** What came since it began to look, newest first. While `paused` it waits, and is counted. */
export function useLive(stream: string, paused: boolean): Live {
  const [shown, show] = useState<{ entries: readonly Entry[]; came: number; waiting: number }>({ entries: [], came: 0, waiting: 0 });
  const [connected, setConnected] = useState(false);
  const held = useRef({ all: [] as Entry[], ids: new Set<string>(), came: 0, fresh: 0, paused: false, drawn: 0 });
  held.current.paused = paused;
  const draw = useRef((): void => {
    const { current } = held;
    current.drawn = Date.now();
    if (current.fresh === 0) return;
    if (current.paused) return show((old) => (old.waiting === current.fresh ? old : { ...old, waiting: current.fresh }));
    current.fresh = 0;
    show({ entries: current.all.slice().reverse(), came: current.came, waiting: 0 });
  }).current;
  useEffect(draw, [paused]);
  useEffect(() => {
    const end = new AbortController(), { current } = held;
    let timer: ReturnType<typeof setTimeout> | undefined;
    void follow(`/api/follow${stream === '' ? '' : `?streams=${encodeURIComponent(stream)}`}`, {
      state: setConnected,
      tell: ({ event, data }) => {
        if (event !== 'message') return;
        let entry: Entry;
        try { entry = JSON.parse(data) as Entry; } catch { return; }
        // After a break some come again.
        if (current.ids.has(entry.id)) return;
        current.ids.add(entry.id);
        current.all.push(entry);
        if (current.all.length > 2 * KEPT) {
          current.all = current.all.slice(-KEPT);
          current.ids = new Set(current.all.map(({ id }) => id));
        }
        current.came++;
        current.fresh++;
        // The first is drawn at once, and those that come soon after it together.
        timer ??= setTimeout(() => { timer = undefined; draw(); }, Math.max(0, current.drawn + DRAW - Date.now()));
      },
    }, end.signal);
    return () => { end.abort(); clearTimeout(timer); };
  }, [stream]);
  return { ...shown, connected, clear() { Object.assign(held.current, { all: [], ids: new Set(), came: 0, fresh: 0 }); show({ entries: [], came: 0, waiting: 0 }); } };
}
