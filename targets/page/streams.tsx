// The streams that are held: how much, how fast, and how that went over the last minutes.

import { grouped, rate } from './format.ts';

/** A stream as the node tells it; `rate.counts`: events in each span of `rate.seconds`, oldest first. */
export interface StreamShown { stream: string; events: number; logs: number; rate?: { seconds: number; counts: number[] } }

const WIDTH = 120, HEIGHT = 28;

/** The line of a sparkline's path; empty when nothing happened. */
export function sparkPath(counts: readonly number[], width = WIDTH, height = HEIGHT): string {
  const top = Math.max(...counts, 0);
  if (counts.length < 2 || top === 0) return '';
  const step = width / (counts.length - 1);
  return counts.map((count, i) => `${i === 0 ? 'M' : 'L'}${(i * step).toFixed(1)} ${(height - 2 - count / top * (height - 4)).toFixed(1)}`).join('');
}

function Spark({ stream }: { stream: StreamShown }) {
  const { seconds, counts } = stream.rate ?? { seconds: 10, counts: [] };
  const line = sparkPath(counts);
  const top = Math.max(...counts, 0) / seconds;
  return <svg class="spark" viewBox={`0 0 ${WIDTH} ${HEIGHT}`} role="img" aria-label={line === '' ? 'no events lately' : `up to ${rate(top)} in the last ${Math.round(counts.length * seconds / 60)} minutes`} preserveAspectRatio="none">
    {line === '' ? <path class="still" d={`M0 ${HEIGHT - 2}H${WIDTH}`} /> : <><path class="under" d={`${line}V${HEIGHT}H0Z`} /><path d={line} /></>}
  </svg>;
}

/** Events a second over the last minute. */
function lately({ rate: held }: StreamShown): number {
  if (!held) return 0;
  const last = held.counts.slice(-Math.max(1, Math.round(60 / held.seconds)));
  return last.reduce((sum, count) => sum + count, 0) / (last.length * held.seconds || 1);
}

/** The streams as a table whose rows choose what the rest of the page shows. */
export function Streams({ streams, chosen, choose }: { streams: readonly StreamShown[]; chosen: string | undefined; choose(stream: string | undefined): void }) {
  return <section aria-labelledby="streams">
    <h2 id="streams">Streams</h2>
    {streams.length === 0 ? <p class="quiet">Nothing is recorded yet. <code>holdfast append</code> records an event.</p> : <table class="streams">
      <thead><tr><th scope="col">stream</th><th scope="col" class="drawn">last 10 minutes</th><th scope="col" class="number">now</th><th scope="col" class="number">events</th><th scope="col" class="number wide">logs</th></tr></thead>
      <tbody>{streams.map((each) => <tr key={each.stream} class={each.stream === chosen ? 'chosen' : ''}>
        <th scope="row"><button type="button" aria-pressed={each.stream === chosen} onClick={() => choose(each.stream === chosen ? undefined : each.stream)}>{each.stream}</button></th>
        <td class="drawn"><Spark stream={each} /></td>
        <td class="number">{rate(lately(each))}</td>
        <td class="number">{grouped(each.events)}</td>
        <td class="number wide">{grouped(each.logs)}</td>
      </tr>)}</tbody>
    </table>}
  </section>;
}
