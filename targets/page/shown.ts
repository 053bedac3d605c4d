// What the page asks of the node, again and again while somebody looks: hooks that hold the last answers.

import { useEffect, useRef, useState } from 'preact/hooks';
import { follow, get, Refusal } from './connection.ts';

/** An answer that is asked for at intervals. `stale`: the last attempt failed, `value` is older. */
export interface Polled<T> { value: T | undefined; refusal: Refusal | undefined; stale: boolean }

/** Asks for `path` every `ms` milliseconds while the page is visible; undefined asks for nothing. */
export function usePolled<T>(path: string | undefined, ms: number): Polled<T> {
  const [polled, set] = useState<Polled<T> & { path?: string }>({ value: undefined, refusal: undefined, stale: false });
  useEffect(() => {
    if (path === undefined) return undefined;
    const end = new AbortController();
    let timer: ReturnType<typeof setTimeout> | undefined;
    const step = async (): Promise<void> => {
      if (document.visibilityState === 'visible') {
        try {
          const value = await get<T>(path, end.signal);
          if (!end.signal.aborted) set({ value, refusal: undefined, stale: false, path });
        } catch (error) {
          const refusal = error instanceof Refusal ? error : new Refusal(0, 'internal', String(error));
          if (!end.signal.aborted) set((old) => ({ value: old.path === path ? old.value : undefined, refusal, stale: true, path }));
        }
      }
      if (!end.signal.aborted) timer = setTimeout(() => void step(), ms);
    };
    const look = (): void => {
      if (document.visibilityState !== 'visible') return;
      clearTimeout(timer);
      void step();
    };
    void step();
    document.addEventListener('visibilitychange', look);
    return () => {
      end.abort();
      clearTimeout(timer);
      document.removeEventListener('visibilitychange', look);
    };
  }, [path, ms]);
  return polled.path === path ? polled : { value: undefined, refusal: undefined, stale: false };
}

/** An event as the node tells it. */
export interface Entry { id: string; stream: string; key: string; type: string; time: number; body: unknown; node: string }

/** Events that are kept for looking at. */
const KEPT = 200;
/** How often the list is drawn again at most, ms: events may come by the thousand. */
const DRAW = 250;

/** The last events as they come, newest first. While `paused` they wait, and are counted. */
export function useLive(path: string | undefined, paused: boolean): { entries: readonly Entry[]; waiting: number; connected: boolean } {
  const [entries, show] = useState<readonly Entry[]>([]);
  const [connected, setConnected] = useState(false);
  const [waiting, setWaiting] = useState(0);
  const held = useRef<{ all: Entry[]; fresh: number; paused: boolean }>({ all: [], fresh: 0, paused: false });
  held.current.paused = paused;
  useEffect(() => {
    if (path === undefined) return undefined;
    const end = new AbortController();
    held.current.all = [];
    show([]);
    void follow(path, ({ event, data }) => {
      if (event !== 'message' && event !== 'event') return;
      let entry: Entry;
      try { entry = JSON.parse(data) as Entry; } catch { return; }
      const { current } = held;
      // After a break some come again.
      if (current.all.some((each) => each.id === entry.id)) return;
      current.all.unshift(entry);
      current.all.length = Math.min(current.all.length, KEPT);
      current.fresh++;
    }, setConnected, end.signal);
    return () => end.abort();
  }, [path]);
  useEffect(() => {
    const timer = setInterval(() => {
      const { current } = held;
      if (current.fresh === 0) return;
      if (current.paused) return setWaiting(current.fresh);
      current.fresh = 0;
      setWaiting(0);
      show([...current.all]);
    }, DRAW);
    return () => clearInterval(timer);
  }, []);
  return { entries, waiting, connected };
}
