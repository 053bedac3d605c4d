// One event as a line: when, what about, by whom, and what it says.

import type { Entry } from './contract.ts';
import { clock, day, full, summary } from './format.ts';
import type { Known } from './known.ts';
import { now } from './now.ts';
import { href } from './route.ts';
import { steady, type Watched } from './watched.ts';

/** Characters of a body that are shown at once. */
const LINE = 120;

/** What it says in one line; what is longer can be opened. */
function Body({ body }: { body: unknown }) {
  const text = summary(body, LINE);
  return text.length < LINE || !text.endsWith('…') ? <span class="body">{text}</span> : <details class="body"><summary>{text}</summary><pre>{JSON.stringify(body, null, 1)}</pre></details>;
}

/** One event; `of`: what the list is of, and therefore not said again. The day is said where it is not today. */
export const EventLine = steady(({ entry, known, of, utc = false }: { entry: Entry; known: Watched<Known>; of: 'all' | 'stream' | 'key'; utc?: boolean }) => <li>
  <time dateTime={new Date(entry.time).toISOString()} title={full(entry.time, utc)}>{day(entry.time, utc) === day(now(), utc) ? '' : `${day(entry.time, utc)} `}{clock(entry.time, utc)}</time>
  <span class="what">
    {of === 'all' && <a class="stream" href={href('streams', entry.stream)}>{entry.stream}</a>}
    {of !== 'key' && <a class="key" href={href('streams', entry.stream, entry.key)}>{entry.key}</a>}
    <span class="type">{entry.type}</span>
  </span>
  <a class="by" href={href('nodes', entry.node)} title={entry.node}>{known.value.nodes.get(entry.node)?.name ?? entry.node.slice(0, 8)}</a>
  <Body body={entry.body} />
</li>);
