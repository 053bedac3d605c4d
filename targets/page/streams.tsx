// The streams that are held: how much, how fast, and how that went over the last minutes.

import { grouped, rate } from './format.ts';

/** A stream as the node tells it; `rate`: events in each of the last samples, oldest first. */
export interface StreamShown { stream: string; events: number; logs: number; rate?: number[] }

const WIDTH = 120, HEIGHT = 28;

/** The line of a sparkline's path; empty when nothing happened. */
export function sparkPath(counts: readonly number[], width = WIDTH, height = HEIGHT): string {
  const top = Math.max(...counts, 0);
  if (counts.length < 2 || top === 0) return '';
  const step = width / (counts.length - 1);
  return counts.map((count, i) => `${i === 0 ? 'M' : 'L'}${(i * step).toFixed(1)} ${(height - 2 - count / top * (height - 4)).toFixed(1)}`).join('');
}

function Spark({ counts, seconds }: { counts: readonly number[]; seconds: number }) {
  const line = sparkPath(counts);
  const top = Math.max(...counts, 0) / seconds;
  return <svg class="spark" viewBox={`0 0 ${WIDTH} ${HEIGHT}`} role="img" aria-label={line === '' ? 'no events lately' : `up to ${rate(top)} in the last ${Math.round(counts.length * seconds / 60)} minutes`} preserveAspectRatio="none">
    {line === '' ? <path class="still" d={`M0 ${HEIGHT - 2}H${WIDTH}`} /> : <><path class="under" d={`${line}V${HEIGHT}H0Z`} /><path d={line} /></>}
  </svg>;
}

/** Events a second over the last minute. */
function lately(counts: readonly number[], seconds: number): number {
  const last = counts.slice(-Math.max(1, Math.round(60 / seconds)));
  return last.reduce((sum, count) => sum + count, 0) / (last.length * seconds || 1);
}

/** The streams as a table (`sampleMs`: the span of each sample) whose rows choose what the rest of the page shows. */
export function Streams({ streams, sampleMs, chosen, choose }: { streams: readonly StreamShown[]; sampleMs: number; chosen: string | undefined; choose(stream: string | undefined): void }) {
  return <section aria-labelledby="streams">
    <h2 id="streams">Streams</h2>
    {streams.length === 0 ? <p class="quiet">Nothing is recorded yet. <code>holdfast append</code> records an event.</p> : <table class="streams">
      <thead><tr><th scope="col">stream</th><th scope="col" class="drawn">last 10 minutes</th><th scope="col" class="number">now</th><th scope="col" class="number">events</th><th scope="col" class="number wide">logs</th></tr></thead>
      <tbody>{streams.map((each) => <tr key={each.stream} class={each.stream === chosen ? 'chosen' : ''}>
        <th scope="row"><button type="button" aria-pressed={each.stream === chosen} onClick={() => choose(each.stream === chosen ? undefined : each.stream)}>{each.stream}</button></th>
        <td class="drawn"><Spark counts={each.rate ?? []} seconds={sampleMs / 1000} /></td>
        <td class="number">{rate(lately(each.rate ?? [], sampleMs / 1000))}</td>
        <td class="number">{grouped(each.events)}</td>
        <td class="number wide">{grouped(each.logs)}</td>
      </tr>)}</tbody>
    </table>}
  </section>;
}
