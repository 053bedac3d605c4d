// Long lists of which only the rows near the eye are drawn: all rows are equally high, so the page is as long as if all were there, and nothing moves.

import { useEffect, useState } from 'preact/hooks';
import type { RefObject } from 'preact';

/** Rows beyond the edges of the screen, and the step in which the drawn part moves. */
const MARGIN = 12, STEP = 8;

/** Follows a wish that the style sheet makes by the width of the screen. */
export function useMedia(query: string): boolean {
  const [fits, set] = useState(() => matchMedia(query).matches);
  useEffect(() => {
    const list = matchMedia(query), look = (): void => set(list.matches);
    look();
    list.addEventListener('change', look);
    return () => list.removeEventListener('change', look);
  }, [query]);
  return fits;
}

/** The rows [from, to) of `count` that are to be drawn, of a list in `element` whose rows are `height` pixels high. */
export function useWindow(element: RefObject<HTMLElement | null>, count: number, height: number): { from: number; to: number } {
  const [place, set] = useState({ from: 0, to: Math.min(count, 40) });
  useEffect(() => {
    let frame = 0;
    const look = (): void => {
      frame = 0;
      if (element.current === null) return;
      const above = -element.current.getBoundingClientRect().top;
      const from = Math.max(0, Math.floor((above / height - MARGIN) / STEP) * STEP);
      const to = Math.max(0, Math.ceil(((above + innerHeight) / height + MARGIN) / STEP) * STEP);
      set((old) => (old.from === from && old.to === to ? old : { from, to }));
    };
    const soon = (): void => { frame ||= requestAnimationFrame(look); };
    look();
    addEventListener('scroll', soon, { passive: true });
    addEventListener('resize', soon);
    return () => {
      cancelAnimationFrame(frame);
      removeEventListener('scroll', soon);
      removeEventListener('resize', soon);
    };
  }, [count, height]);
  return { from: Math.min(place.from, Math.max(0, count - 1)), to: Math.min(place.to, count) };
}
