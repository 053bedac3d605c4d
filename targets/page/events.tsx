// Events: the latest of each key of a stream, and the last ones of all as they come.

import { useState } from 'preact/hooks';
import { ago, clock, grouped, summary } from './format.ts';
import type { Entry } from './shown.ts';

/** The latest event of a key. */
export interface LatestShown { key: string; type: string; time: number; id: string; body?: unknown; node?: string }

/** Rows that are drawn before the reader asks for more by filtering. */
const ROWS = 100;

/** The latest event of every key of one stream. */
export function Latest({ stream, latest, now }: { stream: string; latest: readonly LatestShown[] | undefined; now: number }) {
  const [filter, setFilter] = useState('');
  const fitting = (latest ?? []).filter(({ key, type }) => `${key} ${type}`.toLowerCase().includes(filter.toLowerCase()));
  return <section aria-labelledby="latest">
    <h2 id="latest">Latest in <em>{stream}</em></h2>
    {latest !== undefined && latest.length > 8 && <label class="filter"><span class="hidden">Keys that contain</span><input type="search" placeholder={`filter ${grouped(latest.length)} keys`} value={filter} onInput={(event) => setFilter(event.currentTarget.value)} /></label>}
    {latest === undefined ? <p class="quiet">…</p> : <div class="scroll" role="region" aria-labelledby="latest" tabIndex={0}><table class="latest">
      <thead><tr><th scope="col">key</th><th scope="col">value</th><th scope="col" class="number">when</th></tr></thead>
      <tbody>{fitting.slice(0, ROWS).map((each) => <tr key={each.key}>
        <th scope="row">{each.key}<small>{each.type}</small></th>
        <td class="body">{each.body === undefined ? '' : summary(each.body)}</td>
        <td class="number"><time dateTime={new Date(each.time).toISOString()} title={new Date(each.time).toString()}>{ago(each.time, now)}</time></td>
      </tr>)}</tbody>
    </table></div>}
    {fitting.length > ROWS && <p class="quiet">and {grouped(fitting.length - ROWS)} more keys: filter to see them</p>}
  </section>;
}

/** The last events, newest first. */
export function Live({ entries, names, stream, paused, pause, waiting, connected }: {
  entries: readonly Entry[]; names: ReadonlyMap<string, string>; stream: string | undefined; paused: boolean; pause(on: boolean): void; waiting: number; connected: boolean;
}) {
  return <section aria-labelledby="live">
    <h2 id="live">Events{stream === undefined ? '' : <> in <em>{stream}</em></>} <span class={connected ? 'live on' : 'live'}>{connected ? 'live' : 'not connected'}</span></h2>
    <p class="tools"><button type="button" aria-pressed={paused} onClick={() => pause(!paused)}>{paused ? `Go on${waiting > 0 ? ` (${grouped(waiting)} new)` : ''}` : 'Pause'}</button></p>
    {entries.length === 0 ? <p class="quiet">None came since this page was opened.</p> : <ol class="events" tabIndex={0} aria-labelledby="live">
      {entries.map((each) => <li key={each.id}>
        <time dateTime={new Date(each.time).toISOString()} title={new Date(each.time).toString()}>{clock(each.time)}</time>
        <span class="what">{stream === undefined && <span class="stream">{each.stream}</span>} <b>{each.key}</b> <span class="type">{each.type}</span></span>
        <span class="by" title={each.node}>{names.get(each.node) ?? each.node.slice(0, 8)}</span>
        <span class="body">{summary(each.body)}</span>
      </li>)}
    </ol>}
  </section>;
}
