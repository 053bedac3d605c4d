// Events as they come, of all streams or one, filtered while they come.

import { useEffect, useMemo, useState } from 'preact/hooks';
import type { Entry } from './contract.ts';
import { EventLine } from './event-line.tsx';
import { counted, grouped } from './format.ts';
import { Heading } from './frame.tsx';
import type { Known } from './known.ts';
import { useLive } from './live-events.ts';
import { usePart, watched, type Watched } from './watched.ts';

/** Events that are drawn. */
const DRAWN = 200;

/** Which events are wanted: those whose parts contain these texts, whatever the case. */
export interface Sieve { stream: string; key: string; type: string; node: string; text: string }

const NOTHING: Sieve = { stream: '', key: '', type: '', node: '', text: '' };
const sieve = watched<Sieve>(NOTHING);

/** Whether an event passes; `name`: of the node that recorded it. */
function passes(entry: Entry, { key, type, node, text }: Sieve, name: string): boolean {
  const has = (whole: string, part: string): boolean => part === '' || whole.toLowerCase().includes(part.toLowerCase());
  return has(entry.key, key) && has(entry.type, type) && (node === '' || has(name, node) || entry.node.startsWith(node)) && (text === '' || has(JSON.stringify(entry.body) ?? '', text));
}

/** The view of events. `by`: a node whose events are wanted. */
export function Events({ known, by }: { known: Watched<Known>; by: string | undefined }) {
  const wanted = usePart(sieve, (value) => value), [paused, pause] = useState(false);
  const { entries, came, waiting, connected, clear } = useLive(wanted.stream, paused);
  const streams = usePart(known, (value) => value.head!.streams);
  useEffect(() => { if (by !== undefined) sieve.set({ ...NOTHING, node: known.value.nodes.get(by)?.name ?? by }); }, [by]);
  const fitting = useMemo(() => entries.filter((each) => passes(each, wanted, known.value.nodes.get(each.node)?.name ?? '')), [entries, wanted]);
  const field = (name: 'key' | 'type' | 'node' | 'text', label: string): preact.JSX.Element => <label class="hidden-label"><span>{label}</span><input type="search" value={wanted[name]} placeholder={label} onInput={(event) => sieve.set({ ...wanted, [name]: event.currentTarget.value })} /></label>;
  const filtered = Object.values(wanted).some((each) => each !== '');
  return <>
    <Heading sub={<><span class={connected ? 'good' : 'odd'}>{connected ? 'live' : 'connecting …'}</span>, {came === 0 ? 'nothing came since this view was opened' : <>{counted(came, 'event')} since this view was opened{filtered && `, ${grouped(fitting.length)} of the last ${grouped(entries.length)} fit`}</>}</>}>Events</Heading>
    <div class="tools sieve" role="search">
      <label class="hidden-label"><span>Stream</span><select value={wanted.stream} onChange={(event) => { sieve.set({ ...wanted, stream: event.currentTarget.value }); clear(); }}><option value="">all streams</option>{streams.map(({ stream }) => <option key={stream}>{stream}</option>)}</select></label>
      {field('key', 'Key')}{field('type', 'Type')}{field('node', 'Node')}{field('text', 'Text in the body')}
      {filtered && <button type="button" class="plain" onClick={() => sieve.set(NOTHING)}>Clear</button>}
      <button type="button" class="main" aria-pressed={paused} onClick={() => pause(!paused)}>{paused ? `Go on${waiting > 0 ? ` (${grouped(waiting)} new)` : ''}` : 'Pause'}</button>
    </div>
    {fitting.length === 0 ? <p class="none">{came === 0 ? 'Events show here as they come.' : 'None of them fits.'}</p>
      : <ol class="eventlist" aria-label="Events, newest first">{fitting.slice(0, DRAWN).map((each) => <EventLine key={each.id} entry={each} known={known} of={wanted.stream === '' ? 'all' : 'stream'} />)}</ol>}
    {fitting.length > DRAWN && <p class="quiet">and {grouped(fitting.length - DRAWN)} older ones that are not drawn</p>}
  </>;
}
