// One node: everything that is known of it here, and what can be done about it.

import { useEffect, useState } from 'preact/hooks';
import type { ComponentChildren } from 'preact';
import { get, Refusal, asRefusal } from './connection.ts';
import type { NodeFull, NodeRow } from '../program/fleet-rows.ts';
import { Ask, type Asked } from './deeds.tsx';
import { bytes, counted, full, span } from './format.ts';
import { Heading, Section } from './frame.tsx';
import { Dot, Icon } from './icons.tsx';
import { AlarmList } from './alarms.tsx';
import { carrier, judge } from './judge.ts';
import type { Known } from './known.ts';
import { Ago, Since, useNow } from './moment.tsx';
import { Behind, Clock, Disk, Lacks, NodeName, Words } from './node-line.tsx';
import { href } from './route.ts';
import { usePart, type Watched } from './watched.ts';

/** How often what the list does not have is asked for, ms. */
const AGAIN = 10_000;

function Fact({ name, children }: { name: string; children: ComponentChildren }) {
  return <><dt>{name}</dt><dd>{children}</dd></>;
}

/** Lists of streams as they are granted. */
function streamsText(patterns: readonly string[]): string {
  return patterns.length === 0 ? 'no stream' : patterns.includes('*') ? 'all streams' : patterns.join(', ');
}

function useFull(id: string): { full: NodeFull | undefined; refusal: Refusal | undefined } {
  const [state, set] = useState<{ id: string; full: NodeFull | undefined; refusal: Refusal | undefined }>({ id, full: undefined, refusal: undefined });
  useEffect(() => {
    const end = new AbortController();
    const ask = (): void => {
      if (document.visibilityState !== 'visible') return;
      get<NodeFull>(`/api/nodes/${encodeURIComponent(id)}`, end.signal).then((answer) => set({ id, full: answer, refusal: undefined }), (error: unknown) => { if (!end.signal.aborted) set((old) => ({ id, full: old.id === id ? old.full : undefined, refusal: asRefusal(error) })); });
    };
    ask();
    const timer = setInterval(ask, AGAIN);
    return () => { end.abort(); clearInterval(timer); };
  }, [id]);
  return state.id === id ? state : { full: undefined, refusal: undefined };
}

function Host({ host }: { host: unknown }) {
  if (host === null || typeof host !== 'object') return null;
  const { load, memory, temperature, uptime, cpus } = host as { load?: number[]; memory?: { total: number; available: number }; temperature?: number; uptime?: number; cpus?: number };
  const told = [Array.isArray(load) && typeof load[0] === 'number' ? `load ${load[0].toFixed(2)}${typeof cpus === 'number' ? ` on ${counted(cpus, 'core')}` : ''}` : '', typeof memory?.available === 'number' ? `${bytes(memory.available)} of ${bytes(memory.total)} memory free` : '', typeof temperature === 'number' ? `${temperature.toFixed(1)} °C` : '', typeof uptime === 'number' ? `up ${span(uptime * 1000)}` : ''].filter((each) => each !== '');
  return told.length === 0 ? null : <Fact name="Machine">{told.join(' · ')}</Fact>;
}

function Facts({ known, row, more }: { known: Watched<Known>; row: NodeRow; more: NodeFull | undefined }) {
  const here = usePart(known, (value) => value.head!.name);
  const revokers = more?.revokedBy ?? [];
  return <div class="facts">
    <Section name="contact" title="Contact"><dl>
      {row.self ? <Fact name="Last contact">this is the node that you look from</Fact> : <Fact name="Last contact">{row.contact === null ? 'never' : row.contact.state === 'connected' ? <>connected for <Since at={row.contact.at} />, by <code>{carrier(row.contact.by)}</code></> : <><Ago at={row.contact.at} />, by <code>{carrier(row.contact.by)}</code></>}</Fact>}
      {row.silent !== null && <Fact name="Silence"><span class="bad">nothing for <Since at={row.silent.since} />; it is heard of each {span(row.silent.habit)} or more often</span></Fact>}
      {row.links.length > 0 && <Fact name="Links"><ul>{row.links.map((each) => <li key={each.url}><code>{each.url}</code> {each.state === 'resting' ? 'standing by' : each.state === 'broker' ? 'at the broker' : 'open'}{each.level === true ? ', both hold the same' : each.level === false ? ', not level yet' : ''}{each.rate === null ? '' : `, ${bytes(each.rate)}/s`}</li>)}</ul></Fact>}
      <Fact name="Last event"><Ago at={row.last} none="none held here" /></Fact>
    </dl></Section>
    {!row.self && <Section name="level" title="What is not everywhere"><dl>
      <Fact name="Still to get"><Lacks lacks={row.lacks} />{row.lacks?.at != null && <span class="quiet"> as of <Ago at={row.lacks.at} /></span>}</Fact>
      <Fact name={`Not on ${here} yet`}><Behind behind={row.behind} /></Fact>
      {more?.receipt != null && <Fact name="Receipt"><Ago at={more.receipt.at} />{more.receipt.complete ? ', it held all that was here' : ''}</Fact>}
    </dl></Section>}
    <Section name="device" title="Device"><dl>
      <Fact name="Clock"><Clock row={row} /></Fact>
      <Fact name="Disk"><Disk disk={row.disk} />{row.disk !== null && <span class="quiet"> of {bytes(row.disk.total)}</span>}</Fact>
      <Host host={more?.host} />
      <Fact name="Version">{row.version ?? <span class="quiet">not told</span>}</Fact>
    </dl></Section>
    <Section name="rights" title="Membership"><dl>
      <Fact name="Id"><code class="id">{row.node}</code></Fact>
      <Fact name="May">{row.state === 'unknown' ? 'nothing: nobody let it in' : more === undefined ? '…' : <>read {streamsText(more.read)}, write {streamsText(more.write)}{row.admin && ', administer'}{row.relay && '; a relay: it carries what it cannot read'}</>}</Fact>
      {more?.joinedBy != null && <Fact name="Let in by"><NodeName known={known} id={more.joinedBy.node} name={more.joinedBy.name} /></Fact>}
      {revokers.length > 0 && <Fact name="Revoked by">{revokers.map((each, i) => <>{i > 0 && ', '}<NodeName known={known} id={each.node} name={each.name} /></>)}</Fact>}
      {row.quarantine !== null && <Fact name="Quarantine"><span class="odd">{counted(row.quarantine.segments, 'segment')}, {bytes(row.quarantine.bytes)}</span></Fact>}
    </dl></Section>
  </div>;
}

/** The view of one node. */
export function NodeView({ known, id }: { known: Watched<Known>; id: string }) {
  const row = usePart(known, (value) => value.nodes.get(id)), may = usePart(known, (value) => value.session?.may), whole = usePart(known, (value) => value.whole);
  const alarms = usePart(known, (value) => value.head!.alarms);
  const { full: more, refusal } = useFull(id);
  const mark = useNow((current) => (row === undefined ? 'past' : judge(row, current).mark));
  const [asked, ask] = useState<Asked>();
  if (row === undefined) return <><Heading>{id.slice(0, 12)}</Heading><p class="none">{!whole ? 'Looking …' : refusal?.message ?? 'This fleet has no such node; who joined elsewhere is known here after the first exchange.'} <a href={href('nodes')}>All nodes</a></p></>;
  const own = alarms.filter((each) => each.node === id);
  return <>
    <Heading sub={<><span class={`state ${mark}`}><Dot mark={mark} /><Words row={row} /></span>{row.admin && ' · administrator'}{row.relay && ' · relay'} · <code>{id.slice(0, 12)}</code></>}>{row.name}</Heading>
    <p class="deeds">
      {may?.bundles && !row.self && row.state === 'member' && <button type="button" class="main" onClick={() => ask({ deed: 'bundle', node: id })}><Icon name="down" />Download a bundle …</button>}
      <a class="button" href={href('events', id)}>Its events, live</a>
      {may?.release && row.quarantine !== null && row.quarantine.segments > 0 && <button type="button" onClick={() => ask({ deed: 'release', node: id })}>Release quarantine …</button>}
      {may?.revoke && row.state === 'member' && <button type="button" class="danger" onClick={() => ask({ deed: 'revoke', node: id })}>Revoke …</button>}
    </p>
    {own.length > 0 && <AlarmList known={known} alarms={own} own />}
    <Facts known={known} row={row} more={more} />
    {more !== undefined && more.bundles.length > 0 && <Section name="bundles" title="Bundles made for it"><div class="scroll" role="region" aria-label="Bundles made for it" tabIndex={0}><table><thead><tr><th scope="col">Bundle</th><th scope="col">Made</th><th scope="col" class="number">Events</th><th scope="col">Taken in by</th></tr></thead>
      <tbody>{more.bundles.map((each) => <tr key={each.bundle}><th scope="row"><code>{each.bundle.slice(0, 8)}</code></th><td title={full(each.at)}><Ago at={each.at} /></td><td class="number">{counted(each.events, 'event')}, {bytes(each.bytes)}</td><td>{each.arrived.length === 0 ? <span class="quiet">no word of it yet</span> : each.arrived.map(({ name }) => name).join(', ')}</td></tr>)}</tbody></table></div></Section>}
    {asked !== undefined && <Ask known={known} asked={asked} close={() => ask(undefined)} />}
  </>;
}
