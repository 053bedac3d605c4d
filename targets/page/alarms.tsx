// What calls for somebody: each alarm with what it means, what to do, and the way to do it beside it.

import { useState } from 'preact/hooks';
import type { AlarmRow } from '../program/fleet-rows.ts';
import { Ask, type Asked } from './deeds.tsx';
import { counted, grouped } from './format.ts';
import { Heading } from './frame.tsx';
import { ADVICE } from './judge.ts';
import type { Known } from './known.ts';
import { Ago } from './moment.tsx';
import { NodeName } from './node-line.tsx';
import { usePart, type Watched } from './watched.ts';

/** Alarms that are drawn before the reader asks for more. */
const ROWS = 60;

/** What can be done from here about an alarm, if whoever looks may do it. */
function deedsFor({ kind, node }: AlarmRow, known: Known): Asked['deed'][] {
  const may = known.session?.may, row = known.nodes.get(node);
  const deeds: Asked['deed'][] = [];
  if (node === '' || row === undefined) return deeds;
  if (kind === 'quarantine' && may?.release) deeds.push('release');
  if ((kind === 'silence' || kind === 'disk') && may?.bundles && !row.self && row.state === 'member') deeds.push('bundle');
  if (['fork', 'clone', 'silence', 'other'].includes(kind) && may?.revoke && row.state === 'member' && !row.self) deeds.push('revoke');
  return deeds;
}

const LABELS: { readonly [deed in Asked['deed']]: string } = { release: 'Release …', bundle: 'Download a bundle …', revoke: 'Revoke …' };

function Alarm({ known, alarm, brief, own, ask }: { known: Watched<Known>; alarm: AlarmRow; brief: boolean; own: boolean; ask(asked: Asked): void }) {
  const { title, todo } = ADVICE[alarm.kind] ?? ADVICE.other, deeds = brief || own ? [] : deedsFor(alarm, known.value);
  return <li class={`alarm ${alarm.level}`}>
    <p class="what"><b>{title}</b> {alarm.node !== '' && !own && <NodeName known={known} id={alarm.node} name={alarm.name} />} {alarm.at !== null && <span class="when"><Ago at={alarm.at} /></span>}</p>
    <p class="text">{alarm.text}</p>
    {!brief && todo !== '' && <p class="todo quiet">{todo}</p>}
    {deeds.length > 0 && <p class="deeds">{deeds.map((deed) => <button key={deed} type="button" class={deed === 'revoke' ? 'danger' : ''} onClick={() => ask({ deed, node: alarm.node })}>{LABELS[deed]}</button>)}</p>}
  </li>;
}

/** A list of alarms; `brief`: without what to do; `own`: on the page of the node that they are about, where what can be done stands already. */
export function AlarmList({ known, alarms, brief = false, own = false }: { known: Watched<Known>; alarms: readonly AlarmRow[]; brief?: boolean; own?: boolean }) {
  const [asked, ask] = useState<Asked>();
  return <>
    <ul class={brief ? 'alarmlist brief' : 'alarmlist'}>{alarms.map((each) => <Alarm key={`${each.kind} ${each.node} ${each.code} ${each.text}`} known={known} alarm={each} brief={brief} own={own} ask={ask} />)}</ul>
    {asked !== undefined && <Ask known={known} asked={asked} close={() => ask(undefined)} />}
  </>;
}

/** All alarms, the bad ones first. */
export function Alarms({ known }: { known: Watched<Known> }) {
  const alarms = usePart(known, (value) => value.head!.alarms), all = usePart(known, (value) => value.head!.counts.alarms);
  const [kind, only] = useState<AlarmRow['kind']>(), [more, show] = useState(ROWS);
  const kinds = [...new Set(alarms.map((each) => each.kind))].sort();
  const fitting = alarms.filter((each) => kind === undefined || each.kind === kind);
  return <>
    <Heading sub={alarms.length === 0 ? undefined : `${counted(all, 'alarm')}${all > alarms.length ? `, the first ${grouped(alarms.length)} of them here` : ''}. Those of quarantine, clock, disk and silence go by themselves when their cause does.`}>Alarms</Heading>
    {alarms.length === 0 ? <p class="none calm">Nothing calls for you.</p> : <>
      {kinds.length > 1 && <div class="chips" role="group" aria-label="Which alarms">
        <button type="button" class="chip" aria-pressed={kind === undefined} onClick={() => only(undefined)}>All <span class="count">{grouped(alarms.length)}</span></button>
        {kinds.map((each) => <button key={each} type="button" class="chip" aria-pressed={kind === each} onClick={() => only(each)}>{(ADVICE[each] ?? ADVICE.other).title} <span class="count">{grouped(alarms.filter((one) => one.kind === each).length)}</span></button>)}
      </div>}
      <AlarmList known={known} alarms={fitting.slice(0, more)} />
      {fitting.length > more && <p><button type="button" onClick={() => show(more + ROWS)}>Show {grouped(Math.min(ROWS, fitting.length - more))} more</button></p>}
    </>}
  </>;
}
