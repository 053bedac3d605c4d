// The streams that are held: how much, how fast, and how that went over the last minutes.

import type { StreamRow } from './contract.ts';
import { bytes, counted, grouped, rate, short } from './format.ts';
import { Heading } from './frame.tsx';
import type { Known } from './known.ts';
import { href } from './route.ts';
import { lately, sparkPath, SPARK, underPath } from './spark.ts';
import { steady, usePart, type Watched } from './watched.ts';

/** Samples as a small chart. */
export function Spark({ counts, seconds }: { counts: readonly number[]; seconds: number }) {
  const line = sparkPath(counts), top = Math.max(...counts, 0) / seconds;
  return <svg class="spark" viewBox={`0 0 ${SPARK.width} ${SPARK.height}`} role="img" aria-label={line === '' ? 'no events lately' : `up to ${rate(top)} in the last ${counted(Math.max(1, Math.round(counts.length * seconds / 60)), 'minute')}`} preserveAspectRatio="none">
    {line === '' ? <path class="still" d={`M0 ${SPARK.height - 2}H${SPARK.width}`} /> : <><path class="under" d={underPath(counts)} /><path d={line} /></>}
  </svg>;
}

/** A stream as a row; `brief`: without its size. */
export const StreamLine = steady(({ row, seconds, brief = false }: { row: StreamRow; seconds: number; brief?: boolean }) => <tr>
  <th scope="row"><a href={href('streams', row.stream)}>{row.stream}</a></th>
  <td class="drawn"><Spark counts={row.rate} seconds={seconds} /></td>
  <td class="number">{rate(lately(row.rate, seconds))}</td>
  {brief ? <td class="number quiet">{short(row.events)}</td> : <>
    <td class="number"><span class="wide">{grouped(row.events)}</span><span class="narrow" aria-hidden="true">{short(row.events)}</span></td>
    <td class="number wide">{row.bytes === undefined ? '' : bytes(row.bytes)}</td>
    <td class="number wide">{row.bytes === undefined || row.events === 0 ? '' : `${(row.bytes / row.events).toFixed(1)}\u00a0B`}</td>
    <td class="number wide">{grouped(row.logs)}</td>
  </>}
</tr>);

/** All streams. */
export function Streams({ known }: { known: Watched<Known> }) {
  const streams = usePart(known, (value) => value.head!.streams), sampleMs = usePart(known, (value) => value.head!.sampleMs);
  const events = streams.reduce((sum, each) => sum + each.events, 0), stored = streams.reduce((sum, each) => sum + (each.bytes ?? 0), 0);
  return <>
    <Heading sub={streams.length === 0 ? undefined : `${counted(events, 'event')} in ${counted(streams.length, 'stream')}, ${bytes(stored)} as stored`}>Streams</Heading>
    {streams.length === 0 ? <p class="none">Nothing is recorded yet. <code>holdfast append</code> records an event.</p> : <table class="streams">
      <thead><tr><th scope="col">Stream</th><th scope="col" class="drawn"><span class="wide">Last 10 minutes</span><span class="narrow" aria-hidden="true">10 min</span></th><th scope="col" class="number">Now</th><th scope="col" class="number">Events</th><th scope="col" class="number wide">Stored</th><th scope="col" class="number wide">Each</th><th scope="col" class="number wide">Logs</th></tr></thead>
      <tbody>{streams.map((each) => <StreamLine key={each.stream} row={each} seconds={sampleMs / 1000} />)}</tbody>
    </table>}
  </>;
}
