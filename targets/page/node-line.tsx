// One node as a row of the list: drawn again only when something of that node changes.

import type { NodeRow } from '../program/fleet-rows.ts';
import { bytes, grouped, short, span } from './format.ts';
import { Dot } from './icons.tsx';
import { carrier, clockOff, copies, diskLow, judge } from './judge.ts';
import type { Known } from './known.ts';
import { Ago, Since, useNow } from './moment.tsx';
import { now } from './now.ts';
import { href } from './route.ts';
import { steady, usePart, type Watched } from './watched.ts';

/** How a node stands, in a few words that go on with time. */
export function Words({ row }: { row: NodeRow }) {
  const words = useNow((current) => judge(row, current).words);
  return <span class="words">{words}</span>;
}

/** What a node is not known to hold. */
export function Lacks({ lacks }: { lacks: NodeRow['lacks'] }) {
  if (lacks === null) return <span class="quiet">not known</span>;
  if (lacks.events === 0) return <span class="quiet">nothing</span>;
  return <><b title={`${grouped(lacks.events)} events, about ${bytes(lacks.bytes)}`}>{short(lacks.events)}</b> <small>{bytes(lacks.bytes)}{lacks.drainMs !== null && `, needs ${span(lacks.drainMs)}`}</small></>;
}

/** What is known to have been written by a node and is not here. */
export function Behind({ behind }: { behind: NodeRow['behind'] }) {
  if (behind === null || behind.events === 0) return <span class="quiet">nothing</span>;
  return <><b title={`at least ${grouped(behind.events)} events`}>≥ {short(behind.events)}</b> <small>for <Since at={behind.since} /></small></>;
}

/** How good a node's clock is. */
export function Clock({ row }: { row: NodeRow }) {
  if (row.clock === null) return <span class="quiet">not known</span>;
  const { quality, offset } = row.clock;
  const words = quality === 'none' ? 'not trusted' : quality === 'rtc' ? 'own clock' : 'synced';
  if (offset === null) return <span class={quality === 'none' ? 'quiet' : ''}>{words}</span>;
  return <span class={clockOff(row) ? 'odd' : ''}>{span(Math.abs(offset))} {offset > 0 ? 'ahead' : 'behind'} <small>{words}</small></span>;
}

/** How full a node's disk is. */
export function Disk({ disk }: { disk: NodeRow['disk'] }) {
  if (disk === null) return <span class="quiet">not told</span>;
  const full = 1 - disk.free / Math.max(1, disk.total);
  return <span class={`disk ${diskLow(disk) ? 'odd' : ''}`} title={`${bytes(disk.free)} of ${bytes(disk.total)} free`}>
    <svg viewBox="0 0 40 8" class="bar" preserveAspectRatio="none" aria-hidden="true"><rect width="40" height="8" class="all" /><rect width={(40 * full).toFixed(1)} height="8" class="part" /></svg>{bytes(disk.free)} <small>free</small></span>;
}

function Line({ known, id, at, wide }: { known: Watched<Known>; id: string; at: number; wide: boolean }) {
  const row = usePart(known, (value) => value.nodes.get(id));
  const mark = useNow((current) => (row === undefined ? 'past' : judge(row, current).mark));
  // It went while the list was about to follow.
  if (row === undefined) return <tr class="line" aria-rowindex={at + 2}><td /></tr>;
  const name = <th scope="row" role="rowheader"><a href={href('nodes', id)}><Dot mark={mark} /><span class="name">{row.name}</span></a><small class={`${mark} says`}><Words row={row} /></small></th>;
  const by = row.contact === null ? undefined : carrier(row.contact.by);
  const contact = row.self ? <span class="quiet">here</span> : <><Ago at={row.contact?.at} /> {by !== undefined && <small class="by" title={by}>{by.replace(/^(?:an?|its) /, '').replace(/^(\w+):\/\//, '$1 ')}</small>}</>;
  if (!wide) {
    const extra = [row.lacks !== null && row.lacks.events > 0 ? `lacks ${short(row.lacks.events)}` : '', row.behind !== null && row.behind.events > 0 ? `${short(row.behind.events)} not here yet` : ''].filter((each) => each !== '').join(' · ');
    return <tr class={`line ${row.state}`} role="row" aria-rowindex={at + 2}>{name}<td role="cell" class="contact">{contact}</td><td role="cell" class="extra">{extra}</td></tr>;
  }
  return <tr class={`line ${row.state}`} role="row" aria-rowindex={at + 2}>
    {name}
    <td role="cell">{contact}</td>
    <td role="cell" class="number">{row.self ? <span class="quiet">–</span> : <Lacks lacks={row.lacks} />}</td>
    <td role="cell" class="number">{row.self ? <span class="quiet">–</span> : <Behind behind={row.behind} />}</td>
    <td role="cell"><Clock row={row} /></td>
    <td role="cell"><Disk disk={row.disk} /></td>
    <td role="cell">{row.version ?? <span class="quiet">not told</span>}</td>
  </tr>;
}

/** One row; `at`: its place in the list, from 0. */
export const NodeLine = steady(Line);

/** A node's name where it is spoken of, as a link to it; the beginning of its id where its name is not known. */
export function NodeName({ known, id, name }: { known: Watched<Known>; id: string; name?: string | undefined }) {
  const row = usePart(known, (value) => value.nodes.get(id));
  const mark = row === undefined ? undefined : judge(row, now()).mark;
  return <a class="nodename" href={href('nodes', id)}>{mark !== undefined && <Dot mark={mark} />}{row?.name ?? (name !== undefined && name !== '' ? name : id.slice(0, 12))}</a>;
}

/** Whether what is here is elsewhere too. */
export function Copies({ known }: { known: Watched<Known> }) {
  usePart(known, (value) => value.turn);
  const { mark, words } = copies(known.value.nodes.values());
  return <p class="copies"><Dot mark={mark} />{words}</p>;
}
