// Which part of the page is looked at: it stands behind the # of the address, so that it can be linked, kept and gone back to.

import { useEffect, useState } from 'preact/hooks';

/** The parts of an address: the first names the view, the others what it is about. */
export type Route = readonly string[];

/** The address of a view. Its parts are data: they may hold anything. */
export function href(...parts: string[]): string {
  return `#/${parts.map(encodeURIComponent).join('/')}`;
}

/** Takes an address apart; what is not one is the first view. */
export function readRoute(hash: string): Route {
  if (!hash.startsWith('#/')) return [];
  try { return hash.slice(2).split('/').map(decodeURIComponent).filter((part, at, all) => part !== '' || at < all.length - 1); } catch { return []; }
}

/** Goes to a view. */
export function go(...parts: string[]): void {
  chosen = true;
  location.hash = href(...parts);
}

/** Where each view was scrolled to when it was left. */
const places = new Map<string, number>();
let chosen = false, before = '', top = 0;

/** Watches where views are scrolled to: a view that is gone back to shows what it showed, one that is chosen begins at its top. */
export function watchPlaces(): void {
  history.scrollRestoration = 'manual';
  before = location.hash;
  addEventListener('scroll', () => { top = scrollY; }, { passive: true });
  document.addEventListener('click', (event) => { if ((event.target as Element).closest?.('a[href^="#/"]')) chosen = true; });
}

/** The route that is looked at now. */
export function useRoute(): Route {
  const [route, set] = useState(() => readRoute(location.hash));
  useEffect(() => {
    const look = (): void => {
      places.set(before, top);
      before = location.hash;
      const to = chosen ? 0 : places.get(before) ?? 0;
      chosen = false;
      set(readRoute(before));
      // Once the view is drawn. Its heading gets the focus, so that a screen reader says where it is and the keyboard goes on from there.
      setTimeout(() => {
        scrollTo(0, to);
        document.querySelector<HTMLElement>('main h1')?.focus({ preventScroll: true });
      });
    };
    addEventListener('hashchange', look);
    return () => removeEventListener('hashchange', look);
  }, []);
  return route;
}
