// The history of one key: a chart of its numbers, the same numbers as a table, and its events.

import { useEffect, useRef, useState } from 'preact/hooks';
import type { Chart } from './chart.ts';
import { EventLine } from './event-line.tsx';
import { save } from './deeds.tsx';
import { Refused, useDeed } from './dialog.tsx';
import { counted, figure, full, grouped, offset, span } from './format.ts';
import { Heading, Section } from './frame.tsx';
import { eventsPath, readHistory, type History, type Part } from './history-load.ts';
import { Icon } from './icons.tsx';
import type { Known } from './known.ts';
import { href } from './route.ts';
import { tabled } from './series.ts';
import type { Watched } from './watched.ts';

const PARTS: readonly (readonly [string, Part])[] = [
  ['last 1,000', { last: 1_000 }], ['hour', { back: 3_600_000 }], ['day', { back: 86_400_000 }], ['week', { back: 7 * 86_400_000 }], ['30 days', { back: 30 * 86_400_000 }], ['all', { back: Infinity }],
];
/** Fields that are drawn until somebody chooses, rows of the table of one field, and events that are listed at first. */
const DRAWN = 3, ROWS = 60, LISTED = 30;
/** The share of what is shown by which the keyboard moves it, and by which it draws nearer. */
const MOVE = 0.25, ZOOM = 0.5;

/** Charts of fields, one below the other, over the same time. */
function Charts({ history, fields, utc, zoom }: { history: History; fields: readonly number[]; utc: boolean; zoom(part: Part): void }) {
  const places = useRef(new Map<number, HTMLDivElement>()), charts = useRef(new Map<number, Chart>());
  const [create, loaded] = useState<{ of: typeof import('./chart.ts').createChart }>();
  useEffect(() => { void import('./chart.ts').then(({ createChart }) => loaded({ of: createChart })); }, []);
  const { x, y, thinned, gapMs } = history.series.columns();
  useEffect(() => {
    if (create === undefined) return;
    for (const field of fields) {
      let chart = charts.current.get(field);
      const place = places.current.get(field);
      if (chart === undefined && place !== undefined) charts.current.set(field, chart = create.of(place, { utc, height: history.series.flags[field] ? 110 : 190, flag: history.series.flags[field]!, zoom: (since, until) => zoom({ since, until }) }));
      chart?.show(x, y[field] ?? [], history.range);
    }
  });
  useEffect(() => () => {
    for (const chart of charts.current.values()) chart.end();
    charts.current.clear();
  }, [utc, fields.join()]);
  const { since, until } = history.range, wide = until - since;
  const keys = (event: KeyboardEvent): void => {
    const steps: { [key: string]: Part } = {
      ArrowLeft: { since: since - wide * MOVE, until: until - wide * MOVE }, ArrowRight: { since: since + wide * MOVE, until: until + wide * MOVE },
      '+': { since: since + wide * ZOOM / 2, until: until - wide * ZOOM / 2 }, '=': { since: since + wide * ZOOM / 2, until: until - wide * ZOOM / 2 },
      '-': { since: since - wide / 2, until: until + wide / 2 }, Home: { back: Infinity }, Escape: { last: 1_000 },
    };
    const to = steps[event.key];
    if (to === undefined || event.ctrlKey || event.metaKey || event.altKey) return;
    event.preventDefault();
    zoom(to);
  };
  return <>
    <div class="charts" role="group" tabIndex={0} aria-label="Charts. Arrow keys move through time, plus and minus draw nearer and away, Home shows all. The values stand in a table below." onKeyDown={keys}>
      {fields.map((field) => {
        const name = history.series.fields[field]!, last = y[field]?.findLast((each) => typeof each === 'number');
        return <figure key={field}><figcaption><b>{name === '' ? 'value' : name}</b>{typeof last === 'number' && <span class="quiet"> last {history.series.flags[field] ? last === 1 ? 'yes' : 'no' : figure(last)}</span>}</figcaption><div class="plot" ref={(element) => { if (element === null) places.current.delete(field); else places.current.set(field, element); }} /></figure>;
      })}
    </div>
    <div class="tools pan" role="group" aria-label="Move through time">
      <button type="button" onClick={() => zoom({ since: since - wide * MOVE, until: until - wide * MOVE })}>← earlier</button>
      <button type="button" onClick={() => zoom({ since: since + wide * MOVE, until: until + wide * MOVE })}>later →</button>
      <button type="button" aria-label="Draw nearer" onClick={() => zoom({ since: since + wide * ZOOM / 2, until: until - wide * ZOOM / 2 })}>+</button>
      <button type="button" aria-label="Draw away" onClick={() => zoom({ since: since - wide / 2, until: until + wide / 2 })}>−</button>
    </div>
    <p class="quiet">{full(since, utc)} to {full(until, utc)}, {counted(history.series.events, 'event')}. A line is broken where nothing came for more than {span(gapMs)}.{thinned && ' There are more events than the chart has points: of each moment the first, last, lowest and highest are drawn, so no peak is missing.'}</p>
    <details><summary>The values as tables</summary>{fields.map((field) => <Table key={field} name={history.series.fields[field]!} x={x} column={y[field] ?? []} utc={utc} />)}</details>
  </>;
}

function Table({ name, x, column, utc }: { name: string; x: readonly number[]; column: readonly (number | null | undefined)[]; utc: boolean }) {
  const rows = tabled(x, column, ROWS), single = rows.every(({ count }) => count === 1);
  return <div class="scroll" role="region" aria-label={`Values of ${name === '' ? 'the body' : name}`} tabIndex={0}><table class="values"><caption>{name === '' ? 'value' : name}</caption>
    <thead><tr><th scope="col">{single ? 'When' : 'From'}</th>{single ? <th scope="col" class="number">Value</th> : <><th scope="col" class="number">Points</th><th scope="col" class="number">Lowest</th><th scope="col" class="number">Highest</th><th scope="col" class="number">Last</th></>}</tr></thead>
    <tbody>{rows.map((row) => <tr key={row.from}><th scope="row">{full(row.from, utc)}</th>{single ? <td class="number">{figure(row.last)}</td> : <><td class="number">{grouped(row.count)}</td><td class="number">{figure(row.low)}</td><td class="number">{figure(row.high)}</td><td class="number">{figure(row.last)}</td></>}</tr>)}</tbody>
  </table></div>;
}

/** The view of one key. */
export function KeyView({ known, stream, name }: { known: Watched<Known>; stream: string; name: string }) {
  const [part, choose] = useState<Part>({ last: 1_000 }), [history, show] = useState<{ of: History }>(), [utc, setUtc] = useState(false), [wanted, want] = useState<readonly string[]>(), [listed, list] = useState(LISTED);
  const reader = useRef<{ more(): void }>(undefined);
  useEffect(() => {
    const end = new AbortController();
    reader.current = readHistory(stream, name, part, (of) => show({ of }), end.signal);
    return () => end.abort();
  }, [stream, name, part]);
  const current = history?.of, fields = current?.series.fields ?? [];
  // What never changes is no chart that somebody came for.
  const moved = fields.filter((_, field) => current!.series.moved[field]);
  const usual = moved.length > 0 ? moved.slice(0, DRAWN) : fields.slice(0, DRAWN);
  useEffect(() => { if (wanted === undefined && current?.read === 1 && moved.length > 0) want(usual); });
  const drawn = fields.map((_, field) => field).filter((field) => (wanted ?? usual).includes(fields[field]!));
  const flip = (field: number): void => want(fields.filter((each, at) => (at === field ? !drawn.includes(at) : drawn.includes(at)) && each !== undefined));
  const asked = 'since' in part ? { since: Math.floor(part.since), until: Math.ceil(part.until) } : 'back' in part && Number.isFinite(part.back) && current !== undefined ? { since: Math.floor(current.range.since) } : {};
  const csv = useDeed(() => save(eventsPath(stream, { key: name, ...asked, format: 'csv' })));
  const zone = Intl.DateTimeFormat().resolvedOptions().timeZone;
  return <>
    <Heading sub={<>in stream <a href={href('streams', stream)}>{stream}</a></>}>{name}</Heading>
    <div class="chips" role="group" aria-label="Which part of its history">
      {PARTS.map(([label, each]) => <button key={label} type="button" class="chip" aria-pressed={JSON.stringify(each) === JSON.stringify(part)} onClick={() => choose(each)}>{label}</button>)}
      {offset(Date.now()) === 'UTC' ? <span class="zone quiet">times in UTC</span> : <button type="button" class="chip zone" aria-pressed={utc} onClick={() => setUtc(!utc)}>{utc ? 'times in UTC' : `times in ${zone}, ${offset(Date.now())}`}</button>}
    </div>
    <Refused refusal={current?.refusal} />
    {current === undefined ? <p class="quiet">Reading …</p> : current.series.events === 0 && current.read === 1 ? <p class="none">Nothing in this span. <button type="button" class="plain" onClick={() => choose({ last: 1_000 })}>Show the last 1,000 events</button></p> : <>
      {current.read < 1 && <p class="reading" role="status"><progress max={1} value={current.read} aria-label="Reading" /> {current.paused ? <>{counted(current.series.events, 'event')} read, there are more. <button type="button" onClick={() => reader.current?.more()}>Read on</button></> : `${counted(current.series.events, 'event')} read …`}</p>}
      {fields.length > 1 && <div class="fields" role="group" aria-label="Fields">{fields.map((field, at) => <label key={field}><input type="checkbox" checked={drawn.includes(at)} onChange={() => flip(at)} />{field === '' ? 'value' : field}</label>)}</div>}
      {fields.length === 0 ? <p class="quiet">Its events have no numbers to draw.</p> : drawn.length === 0 ? <p class="quiet">Choose a field to draw.</p> : <Charts history={current} fields={drawn} utc={utc} zoom={choose} />}
      <Section name="events" title="Events" tools={<button type="button" disabled={csv.busy} onClick={csv.run}><Icon name="down" />Save as CSV</button>}>
        <Refused refusal={csv.refusal} />
        <ol class="eventlist">{current.entries.slice(0, listed).map((each) => <EventLine key={each.id} entry={each} known={known} of="key" utc={utc} />)}</ol>
        {current.entries.length > listed && <p><button type="button" onClick={() => list(listed + 100)}>Show older ones</button> <span class="quiet">{grouped(current.entries.length - listed)} more are here</span></p>}
      </Section>
    </>}
  </>;
}
