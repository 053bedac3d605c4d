// The fleet at a glance: how many nodes are in touch, what is not everywhere yet, what needs somebody, and all nodes.

import { AlarmList } from './alarms.tsx';
import type { Counts, StreamRow } from './contract.ts';
import { counted, grouped, rate, short, span } from './format.ts';
import { Heading, Section } from './frame.tsx';
import type { Known } from './known.ts';
import { useNow } from './moment.tsx';
import { Copies } from './node-line.tsx';
import { choose, Nodes } from './nodes.tsx';
import type { Only } from './order.ts';
import { href } from './route.ts';
import { lately } from './spark.ts';
import { Spark, StreamLine } from './streams.tsx';
import { usePart, type Watched } from './watched.ts';

/** Streams and alarms that stand beside the nodes. */
const STREAMS = 8, ALARMS = 4;

/** Members besides the node that tells of them. */
function othersOf({ members }: Counts): number {
  return Math.max(0, members - 1);
}

/** The members by how they stand, as one bar. */
function Bar({ counts }: { counts: Counts }) {
  const others = othersOf(counts), past = Math.max(0, others - counts.contact - counts.silent);
  const parts = [['good', counts.contact], ['past', past], ['bad', counts.silent]] as const;
  let at = 0;
  return <svg class="share" viewBox="0 0 100 6" preserveAspectRatio="none" role="img" aria-label={`${counts.contact} in contact, ${past} between contacts, ${counts.silent} silent`}>
    {parts.map(([mark, count]) => {
      const width = 100 * count / Math.max(1, others), x = at;
      at += width;
      return <rect key={mark} class={mark} x={x.toFixed(2)} width={width.toFixed(2)} height="6" />;
    })}
  </svg>;
}

/** Shows some of the nodes, and goes to where they stand. */
function show(only: Only): void {
  choose({ only, find: '' });
  document.getElementById('all')?.scrollIntoView({ block: 'start' });
}

function Figure({ label, value, sub, only, mark }: { label: string; value: string; sub: string; only?: Only; mark?: string }) {
  const inner = <><span class="label">{label}</span><b class={mark}>{value}</b><span class="sub">{sub}</span></>;
  return only === undefined ? <div class="figure">{inner}</div> : <button type="button" class="figure" onClick={() => show(only)} title="Show these nodes">{inner}</button>;
}

/** Events of all streams in each of the last samples, oldest first. */
function together(streams: readonly StreamRow[]): number[] {
  const most = Math.max(0, ...streams.map((each) => each.rate.length));
  return Array.from({ length: most }, (_, i) => streams.reduce((sum, each) => sum + (each.rate[each.rate.length - most + i] ?? 0), 0));
}

/** The figures at the top. */
export function Figures({ known }: { known: Watched<Known> }) {
  const counts = usePart(known, (value) => value.head!.counts), streams = usePart(known, (value) => value.head!.streams), sampleMs = usePart(known, (value) => value.head!.sampleMs);
  const all = together(streams), events = streams.reduce((sum, each) => sum + each.events, 0);
  return <div class="figures">
    <button type="button" class="figure members" onClick={() => show('contact')} title="Show these nodes">
      <span class="label">In contact</span><b>{grouped(counts.contact)} <small>of {grouped(othersOf(counts))} {othersOf(counts) === 1 ? 'other' : 'others'}</small></b><Bar counts={counts} />
      <span class="sub">{counts.silent > 0 ? <><span class="bad">{grouped(counts.silent)} silent</span></> : 'none silent'}{counts.revoked > 0 && `, ${grouped(counts.revoked)} revoked`}</span>
    </button>
    <Figure label="Still to get" value={grouped(counts.lacking)} sub={counts.lacking === 0 ? 'all hold what is here' : counts.lacking === 1 ? 'node lacks events' : 'nodes lack events'} only="lacking" />
    <Figure label="Not here yet" value={grouped(counts.behind)} sub={counts.behind === 0 ? 'all known of is here' : counts.behind === 1 ? 'node wrote more' : 'nodes wrote more'} only="behind" />
    <a class="figure total" href={href('streams')}><span class="label">Events</span><b>{short(events)} <small>{rate(lately(all, sampleMs / 1000))}</small></b><Spark counts={all} seconds={sampleMs / 1000} /></a>
  </div>;
}

/** The fleet's view. */
export function Overview({ known, plain }: { known: Watched<Known>; plain: boolean }) {
  const head = usePart(known, (value) => value.head!.fleetName), counts = usePart(known, (value) => value.head!.counts), name = usePart(known, (value) => value.head!.name);
  const alarms = usePart(known, (value) => value.head!.alarms), streams = usePart(known, (value) => value.head!.streams), sampleMs = usePart(known, (value) => value.head!.sampleMs);
  const began = usePart(known, (value) => Math.round((value.head!.now - value.head!.uptimeMs) / 60_000) * 60_000);
  const up = useNow((current) => span(current - began));
  const sorted = [...streams].sort((a, b) => lately(b.rate, 1) - lately(a.rate, 1) || b.events - a.events);
  return <>
    <Heading sub={<>{counted(counts.nodes, 'node')}, as {name} sees them · up {up}</>}>{plain ? 'Nodes' : <>Fleet {head}</>}</Heading>
    {!plain && <><Copies known={known} /><Figures known={known} /></>}
    <div class={plain ? '' : 'beside'}>
      {!plain && (alarms.length > 0 || streams.length > 0) && <div class="aside">
        {alarms.length > 0 && <Section name="attention" title="Needs attention" tools={<a href={href('alarms')}>all {grouped(counts.alarms)}</a>}><AlarmList known={known} alarms={alarms.slice(0, ALARMS)} brief /></Section>}
        {streams.length > 0 && <Section name="rates" title="Streams" tools={<a href={href('streams')}>all {grouped(streams.length)}</a>}>
          <table class="streams brief"><tbody>{sorted.slice(0, STREAMS).map((each) => <StreamLine key={each.stream} row={each} seconds={sampleMs / 1000} brief />)}</tbody></table>
        </Section>}
      </div>}
      <section class="all" aria-labelledby="all"><div class="title"><h2 id="all" class={plain ? 'hidden' : ''}>Nodes</h2></div><Nodes known={known} /></section>
    </div>
  </>;
}
