// The few drawings of the page: what the views are called by, and marks that tell how a node stands by shape as well as by colour.

import type { Mark } from './judge.ts';

const PATHS = {
  node: 'M4 5h16v10H4zM9 19h6M12 15v4',
  fleet: 'M5 5h.01M12 5h.01M19 5h.01M5 12h.01M12 12h.01M19 12h.01M5 19h.01M12 19h.01M19 19h.01',
  streams: 'M3 8c3-4 6 4 9 0s6 4 9 0M3 16c3-4 6 4 9 0s6 4 9 0',
  events: 'M4 6h2M10 6h10M4 12h2M10 12h10M4 18h2M10 18h10',
  links: 'M12 5v5M12 10l-6 6M12 10l6 6M12 5h.01M6 17.5h.01M18 17.5h.01M12 17.5h.01M12 10v7',
  alarms: 'M12 4l9 16H3zM12 10v4M12 17h.01',
  access: 'M8 16a4 4 0 1 1 0-8 4 4 0 0 1 0 8zM12 12h9v3.5M17 12v2.5',
  down: 'M12 4v11M7 11l5 5 5-5M5 20h14',
  up: 'M12 16V5M7 9l5-5 5 5M5 20h14',
  plus: 'M12 5v14M5 12h14',
} as const;

/** One of the drawings; what it means stands beside it in words. */
export function Icon({ name }: { name: keyof typeof PATHS }) {
  return <svg class={`icon ${name}`} viewBox="0 0 24 24" aria-hidden="true"><path d={PATHS[name]} /></svg>;
}

/** A mark; what it means stands beside it in words. */
export function Dot({ mark }: { mark: Mark }) {
  return <span class={`dot ${mark}`} aria-hidden="true" />;
}
