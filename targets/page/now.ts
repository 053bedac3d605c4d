// Now, by the clock of the node: times are seen from there, for whoever looks may have a wrong one.

/** Below this the clocks of node and browser count as one, ms: the way of an answer takes that. */
const SAME = 2_000;
let ahead = 0;

/** Tells what the node's clock says: times are seen from there, for whoever looks may have a wrong one. */
export function setClock(nodeNow: number): void {
  const difference = nodeNow - Date.now();
  ahead = Math.abs(difference) < SAME ? 0 : difference;
}

/** Now, by the node's clock, ms since 1970. */
export function now(): number {
  return Date.now() + ahead;
}

/** How far the node's clock is ahead of this browser's, ms; 0 where they agree. */
export function clockAhead(): number {
  return ahead;
}
