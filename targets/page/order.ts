// Which nodes a list shows, and in which order.

import type { NodeRow } from '../program/fleet-rows.ts';
import { diskLow, judge, MARKS, clockOff } from './judge.ts';

/** Which nodes are wanted. */
export type Only = 'all' | 'attention' | 'contact' | 'silent' | 'lacking' | 'behind' | 'revoked';
/** What they are ordered by. */
export type By = 'attention' | 'name' | 'contact' | 'lacks' | 'behind' | 'clock' | 'disk' | 'version';

/** What somebody chose. */
export interface Choice { find: string; only: Only; by: By; down: boolean }

/** Whether a node is one of those. */
export function fits(row: NodeRow, only: Only): boolean {
  switch (only) {
    case 'all': return true;
    case 'attention': return row.state !== 'revoked' && (row.state === 'unknown' || row.silent !== null || row.alarms > 0 || row.quarantine !== null || (row.disk !== null && diskLow(row.disk)) || clockOff(row));
    case 'contact': return row.contact?.state === 'connected' || row.contact?.state === 'heard';
    case 'silent': return row.silent !== null;
    case 'lacking': return (row.lacks?.events ?? 0) > 0;
    case 'behind': return (row.behind?.events ?? 0) > 0;
    case 'revoked': return row.state === 'revoked';
  }
}

/** Texts by their code units: the same order for everybody. */
function compare(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}

/** Names as people count: pump-9 before pump-10. */
export function byName(a: NodeRow, b: NodeRow): number {
  return natural.compare(a.name, b.name) || compare(a.node, b.node);
}
const natural = new Intl.Collator('en', { numeric: true, sensitivity: 'base' });

/** The ids of the nodes that are wanted, in their order; `now` decides who is silent how long. */
export function ordered(rows: Iterable<NodeRow>, { find, only, by, down }: Choice, now: number): string[] {
  const wanted = find.trim().toLowerCase();
  const found = [...rows].filter((row) => fits(row, only) && (wanted === '' || row.name.toLowerCase().includes(wanted) || row.node.startsWith(wanted)));
  const keyed = new Map(found.map((row) => [row, keyOf(row, by, now)]));
  return found.sort((a, b) => {
    const first = keyed.get(a)!, second = keyed.get(b)!;
    const order = typeof first === 'string' ? compare(first, second as string) : first - (second as number);
    return (down ? -order : order) || byName(a, b);
  }).map(({ node }) => node);
}

/** What stands first when nothing is turned round: what somebody should look at. */
function keyOf(row: NodeRow, by: By, now: number): number | string {
  switch (by) {
    case 'attention': return row.self ? -1 : MARKS.indexOf(judge(row, now).mark) * (row.state === 'unknown' ? 0.5 : 1);
    case 'name': return 0;
    case 'contact': return row.self ? -Infinity : -(row.contact?.at ?? 0);
    case 'lacks': return -(row.lacks?.events ?? -1);
    case 'behind': return -(row.behind?.events ?? -1);
    case 'clock': return row.clock === null ? 9 : Math.min(0, -Math.abs(row.clock.offset ?? 0)) + ({ none: 0, rtc: 1, synced: 2 } as const)[row.clock.quality] / 10;
    case 'disk': return row.disk === null ? Infinity : row.disk.free / Math.max(1, row.disk.total);
    case 'version': return row.version ?? '~';
  }
}
