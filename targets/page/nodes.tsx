// The nodes of the fleet: found, filtered and ordered, however many there are.

import { useEffect, useRef, useState } from 'preact/hooks';
import { counted, grouped } from './format.ts';
import type { Known } from './known.ts';
import { now } from './now.ts';
import { NodeLine } from './node-line.tsx';
import { fits, ordered, type By, type Choice, type Only } from './order.ts';
import { steady, usePart, watched, type Watched } from './watched.ts';
import { useMedia, useWindow } from './window.ts';

/** Pixels of a row, as the style sheet has it: on a wide screen, and on a phone. */
const WIDE = 48, NARROW = 72;
/** How often the order follows what changes, ms; never while somebody points at the list or stands in it. */
const REORDER = 5_000;

/** What was chosen; it stays chosen while the page is open. */
export const choice: Watched<Choice> = watched<Choice>({ find: '', only: 'all', by: 'attention', down: false });

const COLUMNS: readonly (readonly [By, string, string])[] = [
  ['name', 'Node', ''], ['contact', 'Last contact', ''], ['lacks', 'Still to get', 'number'], ['behind', 'Not here yet', 'number'], ['clock', 'Clock', ''], ['disk', 'Disk', ''], ['version', 'Version', ''],
];
const ONLY: readonly (readonly [Only, string])[] = [
  ['all', 'All'], ['attention', 'Need attention'], ['contact', 'In contact'], ['silent', 'Silent'], ['lacking', 'Still to get'], ['behind', 'Not here yet'], ['revoked', 'Revoked'],
];

/** Chooses; what is not named stays. */
export function choose(part: Partial<Choice>): void {
  choice.set({ ...choice.value, ...part });
}

/** The ids in their order. It follows the choice at once, and what changes by itself only now and then: rows that move under the finger are no help. */
function useOrder(known: Watched<Known>, chosen: Choice, busy: () => boolean): string[] {
  const size = usePart(known, (value) => value.nodes.size);
  const [, again] = useState(0);
  const kept = useRef<{ chosen: Choice; size: number; ids: string[] }>(undefined);
  if (kept.current?.chosen !== chosen || kept.current.size !== size) kept.current = { chosen, size, ids: ordered(known.value.nodes.values(), chosen, now()) };
  useEffect(() => {
    let turn = known.value.turn;
    const timer = setInterval(() => {
      if (known.value.turn === turn || busy() || document.visibilityState !== 'visible') return;
      turn = known.value.turn;
      const ids = ordered(known.value.nodes.values(), chosen, now());
      if (ids.length === kept.current!.ids.length && ids.every((id, at) => id === kept.current!.ids[at])) return;
      kept.current = { chosen, size, ids };
      again((count) => count + 1);
    }, REORDER);
    return () => clearInterval(timer);
  }, [chosen, size]);
  return kept.current.ids;
}

/** How many nodes there are of each kind that can be chosen; told a moment late. */
function useCounts(known: Watched<Known>): Map<Only, number> {
  const turn = usePart(known, (value) => value.turn);
  const kept = useRef<{ turn: number; counts: Map<Only, number> }>(undefined);
  if (kept.current?.turn !== turn) {
    const counts = new Map<Only, number>(ONLY.map(([only]) => [only, 0]));
    for (const row of known.value.nodes.values()) for (const [only] of ONLY) if (fits(row, only)) counts.set(only, counts.get(only)! + 1);
    kept.current = { turn, counts };
  }
  return kept.current.counts;
}

function Filters({ known, chosen }: { known: Watched<Known>; chosen: Choice }) {
  const counts = useCounts(known);
  return <div class="chips" role="group" aria-label="Which nodes">
    {ONLY.filter(([only]) => only === 'all' || only === chosen.only || counts.get(only)! > 0).map(([only, label]) => <button key={only} type="button" class={`chip ${only}`} aria-pressed={chosen.only === only} onClick={() => choose({ only })}>
      {label} <span class="count">{grouped(counts.get(only)!)}</span>
    </button>)}
  </div>;
}

function List({ known }: { known: Watched<Known> }) {
  const chosen = usePart(choice, (value) => value), whole = usePart(known, (value) => value.whole), all = usePart(known, (value) => value.nodes.size);
  const wide = useMedia('(min-width: 60rem)');
  const body = useRef<HTMLTableSectionElement>(null), region = useRef<HTMLDivElement>(null);
  const ids = useOrder(known, chosen, () => region.current?.matches(':hover, :focus-within') ?? false);
  const height = wide ? WIDE : NARROW, { from, to } = useWindow(body, ids.length, height);
  const turn = (by: By): void => choose(chosen.by === by ? { down: !chosen.down } : { by, down: false });
  return <>
    <Filters known={known} chosen={chosen} />
    <div class="tools">
      <label class="find"><span class="hidden">Find nodes by name or id</span><input type="search" placeholder={`Find in ${counted(all, 'node')}`} value={chosen.find} onInput={(event) => choose({ find: event.currentTarget.value })} /></label>
      <label class="by">Order <select value={chosen.by} onChange={(event) => choose({ by: event.currentTarget.value as By, down: false })}>
        <option value="attention">what needs attention</option>{COLUMNS.map(([by, label]) => <option key={by} value={by}>{label.toLowerCase()}</option>)}
      </select></label>
    </div>
    {!whole && <p class="quiet" role="status">More nodes are coming …</p>}
    {ids.length === 0 ? <p class="none">{all === 0 ? 'No nodes yet.' : <>No node fits. <button type="button" class="plain" onClick={() => choose({ find: '', only: 'all' })}>Show all</button></>}</p> : <div class="list" ref={region}>
      <table class={wide ? 'nodes wide' : 'nodes'} role="table" aria-rowcount={ids.length + 1} aria-label="Nodes">
        <thead role="rowgroup"><tr role="row">{(wide ? COLUMNS : COLUMNS.slice(0, 3)).map(([by, label, kind]) => <th key={by} scope="col" role="columnheader" class={kind} aria-sort={chosen.by !== by ? undefined : chosen.down ? 'descending' : 'ascending'}>
          <button type="button" class="plain" onClick={() => turn(by)}>{label}<span class="way" aria-hidden="true">{chosen.by !== by ? null : chosen.down ? '↑' : '↓'}</span></button>
        </th>)}</tr></thead>
        <tbody ref={body} role="rowgroup">
          {from > 0 && <tr class="space" key="above" aria-hidden="true" style={{ height: `${from * height}px` }}><td colSpan={7} /></tr>}
          {ids.slice(from, to).map((id, i) => <NodeLine key={id} known={known} id={id} at={from + i} wide={wide} />)}
          {to < ids.length && <tr class="space" key="below" aria-hidden="true" style={{ height: `${(ids.length - to) * height}px` }}><td colSpan={7} /></tr>}
        </tbody>
      </table>
    </div>}
  </>;
}

/** The list. */
export const Nodes = steady(List);
