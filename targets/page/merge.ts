// How what the node says of the fleet is put together: pages of nodes, and changes of them.

import type { NodeRow } from '../program/fleet-rows.ts';
import type { Counts, FleetHead, FleetPage, FleetPatch } from './contract.ts';

/** What is held of the fleet. Parts are replaced, never changed: one that is the same is unchanged; but `nodes` is one map for ever, and `turn` counts its changes. */
export interface Held {
  head: FleetHead | undefined;
  nodes: Map<string, NodeRow>;
  turn: number;
  /** When the last word came, ms since 1970 by the node's clock. */
  heard: number;
}

/** Puts a page of nodes in. Rows that are held stay as they are: their changes came later than the page was asked for. */
export function addPage<H extends Held>(held: H, { nodes, next: _, ...head }: FleetPage, first: boolean): H {
  for (const row of nodes) if (first || !held.nodes.has(row.node)) held.nodes.set(row.node, row);
  return { ...held, head: first ? head : held.head, turn: held.turn + 1, heard: first ? head.now : held.heard };
}

/** Merges changes: fields that come replace those that stand. */
export function addPatch<H extends Held>(held: H, { nodes, streams, counts, ...rest }: FleetPatch): H {
  const { head } = held;
  if (head === undefined) return held;
  for (const change of nodes ?? []) {
    const before = held.nodes.get(change.node);
    // Of one that is not known a whole row comes; half a row could not be shown.
    if (before !== undefined || 'links' in change) held.nodes.set(change.node, { ...before, ...change } as NodeRow);
  }
  const changed = new Map(streams?.map((row) => [row.stream, row]));
  const merged = streams === undefined ? head.streams : [...head.streams.map((row) => changed.get(row.stream) ?? row), ...streams.filter(({ stream }) => !head.streams.some((row) => row.stream === stream))];
  return { ...held, head: { ...head, ...rest, uptimeMs: head.uptimeMs + rest.now - head.now, counts: same(head.counts, counts) ? head.counts : counts, streams: merged }, turn: nodes?.length ? held.turn + 1 : held.turn, heard: rest.now };
}

/** Counts come with every change; what is the same is not drawn again. */
function same(a: Counts, b: Counts): boolean {
  return (Object.keys(b) as (keyof Counts)[]).every((name) => a[name] === b[name]);
}
