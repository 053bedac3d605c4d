// Moments and spans that are shown as seen from now, and go on with it.

import { useEffect, useState } from 'preact/hooks';
import { ago, full, span } from './format.ts';
import { now } from './now.ts';

const each = new Set<() => void>();
let timer: ReturnType<typeof setInterval> | undefined;

/** Calls `step` each second while the page is looked at. Returns how to end it. */
export function everySecond(step: () => void): () => void {
  each.add(step);
  timer ??= setInterval(() => {
    if (document.visibilityState === 'visible') for (const one of each) one();
  }, 1_000);
  return () => {
    each.delete(step);
    if (each.size > 0) return;
    clearInterval(timer);
    timer = undefined;
  };
}

/** What `shown` makes of now, each second; draws only what changed. */
export function useNow<T extends string | number | boolean>(shown: (now: number) => T): T {
  const value = shown(now());
  const [, set] = useState<T>(value);
  useEffect(() => everySecond(() => set(() => shown(now()))));
  return value;
}

/** How long ago something was, with the whole moment for whoever points at it. */
export function Ago({ at, none = 'never' }: { at: number | null | undefined; none?: string }) {
  const text = useNow((current) => (at === null || at === undefined ? none : ago(at, current)));
  return at === null || at === undefined ? <>{none}</> : <time dateTime={new Date(at).toISOString()} title={full(at)}>{text}</time>;
}

/** How long something has lasted since a moment. */
export function Since({ at }: { at: number }) {
  return <>{useNow((current) => span(current - at))}</>;
}
