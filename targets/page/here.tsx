// The page of one node: this node first, what it records and how it is, with the members of its fleet beside it.

import { useEffect, useState } from 'preact/hooks';
import { AlarmList } from './alarms.tsx';
import { EventLine } from './event-line.tsx';
import { useLive } from './live-events.ts';
import { get } from './connection.ts';
import type { Status } from './contract.ts';
import { bytes, clock, grouped } from './format.ts';
import { Heading, Section } from './frame.tsx';
import { Dot } from './icons.tsx';
import { judge } from './judge.ts';
import type { Known } from './known.ts';
import { Since } from './moment.tsx';
import { now } from './now.ts';
import { Behind, Copies, Lacks, Words } from './node-line.tsx';
import { ordered } from './order.ts';
import { href } from './route.ts';
import { StreamLine } from './streams.tsx';
import { Links } from './topology.tsx';
import { usePart, type Watched } from './watched.ts';

/** How often the node is asked how its inputs and its machine are, ms; members that stand beside it, alarms, and the last events. */
const AGAIN = 3_000, MEMBERS = 12, ALARMS = 5, EVENTS = 8;

function useReport(): Status | undefined {
  const [report, set] = useState<Status>();
  useEffect(() => {
    const end = new AbortController();
    const ask = (): void => {
      // What is wrong with the connection is said by the frame; the last answer stays.
      if (document.visibilityState === 'visible') get<Status>('/api/status', end.signal).then(set, () => {});
    };
    ask();
    const timer = setInterval(ask, AGAIN);
    return () => { end.abort(); clearInterval(timer); };
  }, []);
  return report;
}

function Inputs({ report }: { report: Status }) {
  if (report.inputs.length === 0) return null;
  return <Section name="inputs" title="Inputs">
    <ul class="inputlist">{report.inputs.map((each) => <li key={each.name}>
      <p><span class={`state ${each.ok ? 'good' : 'bad'}`}><Dot mark={each.ok ? 'good' : 'bad'} /><b>{each.name}</b></span> <span class="quiet">{each.kind}</span> {each.words}</p>
      <p class="quiet">{grouped(each.recorded)} recorded, {grouped(each.unchanged)} unchanged, {grouped(each.refused)} refused{each.lost > 0 && <span class="bad">, {grouped(each.lost)} lost</span>}</p>
      {each.samples.length > 0 && <details><summary>What was refused last, and why</summary>
        <ul>{each.samples.map((sample, i) => <li key={i}><time>{clock(sample.at)}</time> {sample.reason}<code>{sample.text}{sample.cut ? '…' : ''}</code></li>)}</ul>
      </details>}
    </li>)}</ul>
  </Section>;
}

function Machine({ report }: { report: Status }) {
  const { used, free } = report.disk;
  return <Section name="machine" title="This machine"><dl>
    <dt>Disk</dt><dd>{free === Number.MAX_SAFE_INTEGER ? <>{bytes(used)} used by it; what is free there is not known</> : <><meter min={0} max={1} low={0.8} high={0.95} optimum={0} value={used / Math.max(1, used + free)} aria-label="Disk">{bytes(used)}</meter>{bytes(used)} used by it, {bytes(free)} free</>}</dd>
    <dt>Clock</dt><dd><span class={report.clock.quality === 'none' ? 'odd' : ''}>{report.clock.quality === 'none' ? 'not trusted' : report.clock.quality === 'rtc' ? 'own clock' : 'synced'}</span> <span class="quiet">{report.clock.because}</span></dd>
    <dt>History</dt><dd>{report.holes === 0 ? 'no gaps' : `${grouped(report.holes)} gaps below what is held`}{report.void > 0 && `, ${grouped(report.void)} void segments`}{report.unknown > 0 && `, ${grouped(report.unknown)} segments of later versions`}</dd>
    <dt>Directory</dt><dd><code>{report.dir}</code> <span class="quiet">process {report.pid}</span></dd>
  </dl></Section>;
}

/** The members by how they stand; the list of all is a view of its own. */
function Members({ known }: { known: Watched<Known> }) {
  usePart(known, (value) => value.turn);
  const fleetName = usePart(known, (value) => value.head!.fleetName);
  const ids = ordered([...known.value.nodes.values()].filter(({ self }) => !self), { find: '', only: 'all', by: 'attention', down: false }, now());
  return <Section name="members" title={<>Fleet {fleetName}</>} tools={<a href={href('nodes')}>all {grouped(ids.length + 1)}</a>}>
    {ids.length === 0 ? <p class="quiet">This node is alone in its fleet. {known.value.session?.may.invite && <a href={href('access')}>Invite another</a>}</p> : <ul class="memberlist">{ids.slice(0, MEMBERS).map((id) => {
      const row = known.value.nodes.get(id)!, { mark } = judge(row, now());
      return <li key={id}>
        <a href={href('nodes', id)}><Dot mark={mark} /><span class="name">{row.name}</span></a> <span class={`says ${mark}`}><Words row={row} /></span>
        {row.state === 'member' && <small>still to get: <Lacks lacks={row.lacks} />{row.behind !== null && row.behind.events > 0 && <>; not here yet: <Behind behind={row.behind} /></>}</small>}
      </li>;
    })}</ul>}
  </Section>;
}

/** The last events as they come. */
function Latest({ known }: { known: Watched<Known> }) {
  const { entries } = useLive('', false);
  return <Section name="events" title="Events" tools={<a href={href('events')}>with filters</a>}>
    {entries.length === 0 ? <p class="quiet">They show here as they come.</p> : <ol class="eventlist">{entries.slice(0, EVENTS).map((each) => <EventLine key={each.id} entry={each} known={known} of="all" />)}</ol>}
  </Section>;
}

/** The view. */
export function Here({ known }: { known: Watched<Known> }) {
  const name = usePart(known, (value) => value.head!.name), fleetName = usePart(known, (value) => value.head!.fleetName), self = usePart(known, (value) => value.head!.self);
  const streams = usePart(known, (value) => value.head!.streams), sampleMs = usePart(known, (value) => value.head!.sampleMs), alarms = usePart(known, (value) => value.head!.alarms), worries = usePart(known, (value) => value.head!.worries);
  const began = usePart(known, (value) => Math.round((value.head!.now - value.head!.uptimeMs) / 60_000) * 60_000);
  const report = useReport();
  const bad = worries.some(({ kind }) => kind === 'bad');
  return <>
    <Heading sub={<>of fleet {fleetName}, up for <Since at={began} />, <a href={href('nodes', self)}>more of this node</a></>}>{name}</Heading>
    <p class={`health ${bad ? 'bad' : worries.length > 0 ? 'odd' : 'good'}`}><Dot mark={bad ? 'bad' : worries.length > 0 ? 'odd' : 'good'} />{worries.length === 0 ? 'Healthy' : worries.map(({ text }) => text).join(', ')}</p>
    <Copies known={known} />
    <div class="beside">
      <div class="column">
        {alarms.length > 0 && <Section name="attention" title="Needs attention" tools={<a href={href('alarms')}>all {grouped(alarms.length)}</a>}><AlarmList known={known} alarms={alarms.slice(0, ALARMS)} brief /></Section>}
        <Section name="rates" title="Streams" tools={<a href={href('streams')}>all {grouped(streams.length)}</a>}>
          {streams.length === 0 ? <p class="none">Nothing is recorded yet. <code>holdfast append</code> records an event.</p> : <table class="streams">
            <thead><tr><th scope="col">Stream</th><th scope="col" class="drawn"><span class="wide">Last 10 minutes</span><span class="narrow" aria-hidden="true">10 min</span></th><th scope="col" class="number">Now</th><th scope="col" class="number">Events</th><th scope="col" class="number wide">Stored</th><th scope="col" class="number wide">Each</th><th scope="col" class="number wide">Logs</th></tr></thead>
            <tbody>{streams.map((each) => <StreamLine key={each.stream} row={each} seconds={sampleMs / 1000} />)}</tbody>
          </table>}
        </Section>
        <Latest known={known} />
        <Section name="linktable" title="Links" tools={<a href={href('links')}>as a drawing</a>}><Links known={known} /></Section>
      </div>
      <div class="aside">
        <Members known={known} />
        {report !== undefined && <><Inputs report={report} /><Machine report={report} /></>}
      </div>
    </div>
  </>;
}
