// The topology as the node that serves the page sees it: its lines, what they reach, and how they stand; drawn, and as a table.

import { useEffect, useRef, useState } from 'preact/hooks';
import type { LinkRow } from '../program/fleet-rows.ts';
import { bytes, counted, grouped } from './format.ts';
import { Heading, Section } from './frame.tsx';
import { Dot } from './icons.tsx';
import { linkWords, type Mark } from './judge.ts';
import type { Known } from './known.ts';
import { now } from './now.ts';
import { NodeName } from './node-line.tsx';
import { href } from './route.ts';
import { groupsOf, placed, SIZES, type Leaf, type Placed } from './topology-groups.ts';
import { steady, usePart, type Watched } from './watched.ts';

/** Links that are drawn in the table at first; the trunk that all lines leave from, pixels from the left. */
const ROWS = 40, TRUNK = 22;
/** How often the drawing follows what changes, ms. */
const REDRAW = 2_000;
const LEGEND: readonly (readonly [Mark, string])[] = [['good', 'in touch'], ['past', 'between contacts'], ['odd', 'look at it'], ['bad', 'silent, alarm'], ['gone', 'revoked']];

function cut(text: string, most: number): string {
  return text.length > most ? `${text.slice(0, most - 1)}…` : text;
}

function Chip({ leaf, x, y, width }: { leaf: Leaf; x: number; y: number; width: number }) {
  const { height } = SIZES.chip;
  const inner = <><title>{leaf.title}</title><rect x={x + 0.5} y={y + 0.5} width={width - 1} height={height - 1} rx={7} /><Shape mark={leaf.mark} x={x + 15} y={y + height / 2} size={4.5} /><text x={x + 27} y={y + height / 2 + 4.5}>{cut(leaf.label, Math.floor((width - 30) / 7.4))}</text></>;
  return leaf.node === undefined ? <g class="chip lone">{inner}</g> : <a class="chip" href={href('nodes', leaf.node)} aria-label={leaf.title}>{inner}</a>;
}

/** A mark by its shape: full round, ring, diamond, square, cross. */
function Shape({ mark, x, y, size }: { mark: Mark; x: number; y: number; size: number }) {
  if (mark === 'good') return <circle class={mark} cx={x} cy={y} r={size} />;
  if (mark === 'past' || mark === 'never') return <circle class={`${mark} ring`} cx={x} cy={y} r={size - 1} />;
  if (mark === 'bad') return <rect class={mark} x={x - size} y={y - size} width={2 * size} height={2 * size} rx={1} />;
  if (mark === 'odd') return <path class={mark} d={`M${x} ${y - size - 1}l${size + 1} ${size + 1}l${-size - 1} ${size + 1}l${-size - 1} ${-size - 1}z`} />;
  return <path class={`${mark} ring`} d={`M${x - size + 1} ${y - size + 1}l${2 * size - 2} ${2 * size - 2}m0 ${2 - 2 * size}l${2 - 2 * size} ${2 * size - 2}`} />;
}

/** A node among many. As many stops of the keyboard would be too many: the list of nodes is the way there. */
const Spot = steady(({ node, mark, title, x, y }: { node: string | undefined; mark: Mark; title: string; x: number; y: number }) => {
  const inner = <><title>{title}</title><Shape mark={mark} x={x + SIZES.dot / 2} y={y + SIZES.dot / 2} size={5} /></>;
  return node === undefined ? <g>{inner}</g> : <a href={href('nodes', node)} tabIndex={-1} aria-hidden="true">{inner}</a>;
});

function Branch({ at, width }: { at: Placed; width: number }) {
  const { group, y, chips } = at, middle = y + SIZES.title / 2 - 2;
  return <g class="branch">
    <path class={`line ${group.line}`} d={`M${TRUNK} ${middle - 12}Q${TRUNK} ${middle} ${TRUNK + 12} ${middle}H${SIZES.left - 8}`} />
    <text class="hub" x={SIZES.left} y={middle + 5}>{cut(group.title, Math.floor((width - SIZES.left) / 8.5))}{group.sub !== '' && width > 520 && <tspan class="sub" dx="12">{group.sub}</tspan>}</text>
    {group.sub !== '' && width <= 520 && <text class="sub" x={SIZES.left} y={middle + 21}>{group.sub}</text>}
    {group.leaves.map((leaf, i) => {
      const { x, y: top } = at.leaf(i);
      if (chips) return <Chip key={leaf.id} leaf={leaf} x={x} y={top} width={at.chip} />;
      return <Spot key={leaf.id} node={leaf.node} mark={leaf.mark} title={leaf.title} x={x} y={top} />;
    })}
  </g>;
}

/** Draws again when nodes have changed, but not each time: a drawing of all of them is no small thing. */
function useTurn(known: Watched<Known>): void {
  const [, draw] = useState(known.value.turn);
  useEffect(() => {
    const timer = setInterval(() => { if (document.visibilityState === 'visible') draw(known.value.turn); }, REDRAW);
    return () => clearInterval(timer);
  }, []);
}

function Drawing({ known }: { known: Watched<Known> }) {
  const element = useRef<HTMLDivElement>(null), [width, measure] = useState(0);
  useTurn(known);
  const links = usePart(known, (value) => value.head!.links), name = usePart(known, (value) => value.head!.name), self = usePart(known, (value) => value.head!.self);
  useEffect(() => {
    const look = new ResizeObserver(() => measure(element.current?.clientWidth ?? 0));
    look.observe(element.current!);
    measure(element.current!.clientWidth);
    return () => look.disconnect();
  }, []);
  const groups = groupsOf({ self, links }, known.value.nodes.values(), now());
  const { groups: places, height } = placed(groups, Math.max(280, width));
  const last = places.at(-1);
  return <div class="topology" ref={element}>{width > 0 && <svg width={width} height={height} viewBox={`0 0 ${width} ${height}`} role="group" aria-label={`${name} in the middle of ${counted(groups.length, 'line')}: ${groups.map(({ title, sub }) => `${title}, ${sub}`).join('; ')}`}>
    {last !== undefined && <path class="trunk" d={`M${TRUNK} ${SIZES.self - 8}V${last.y + SIZES.title / 2 - 14}`} />}
    <a class="chip self" href={href('nodes', self)}><rect x={0.5} y={0.5} width={Math.min(width, 260) - 1} height={SIZES.self - 9} rx={10} /><Shape mark="good" x={TRUNK} y={SIZES.self / 2 - 4} size={6} /><text class="hub" x={40} y={SIZES.self / 2 - 6}>{cut(name, 24)}</text><text class="sub" x={40} y={SIZES.self / 2 + 11}>all lines are seen from here</text></a>
    {places.map((each) => <Branch key={each.group.id} at={each} width={width} />)}
  </svg>}</div>;
}

function Line({ known, link }: { known: Watched<Known>; link: LinkRow }) {
  const { mark, words } = linkWords(link);
  return <tr>
    <th scope="row"><code>{link.url}</code>{link.reason !== null && <small>{link.reason}</small>}<small class="narrow">{bytes(link.in)} in, {bytes(link.out)} out</small></th>
    <td>{link.node !== null && link.state === 'connected' && !link.resting ? <NodeName known={known} id={link.node} name={link.name ?? undefined} /> : <span class={`state ${mark}`}><Dot mark={mark} />{words}</span>}</td>
    <td class="number wide">{bytes(link.in)}</td><td class="number wide">{bytes(link.out)}</td>
    <td class="number wide">{link.rate === null ? '' : `${bytes(link.rate)}/s`}</td>
    <td class="wide quiet">{link.broker !== null && `${grouped(link.broker.equal)} of ${grouped(link.broker.members)} held the same; ${grouped(link.broker.published)} out, ${grouped(link.broker.received)} in, ${grouped(link.broker.sessions)} repairs`}</td>
  </tr>;
}

/** The links as a table. */
export function Links({ known }: { known: Watched<Known> }) {
  const links = usePart(known, (value) => value.head!.links), listening = usePart(known, (value) => value.head!.listening), [more, show] = useState(ROWS);
  return <>
    {listening.length > 0 && <p class="quiet">Listening on {listening.map((url, i) => <>{i > 0 && ', '}<code>{url}</code></>)}</p>}
    {links.length === 0 ? <p class="none">No link is open and none is configured: what is recorded here stays here until somebody comes for it.</p> : <div class="scroll" role="region" aria-label="Links" tabIndex={0}><table class="links">
      <thead><tr><th scope="col">Link</th><th scope="col">State</th><th scope="col" class="number wide">In</th><th scope="col" class="number wide">Out</th><th scope="col" class="number wide">Rate</th><th scope="col" class="wide"><span class="hidden">At the broker</span></th></tr></thead>
      <tbody>{links.slice(0, more).map((each, i) => <Line key={`${each.url} ${i}`} known={known} link={each} />)}</tbody>
    </table></div>}
    {links.length > more && <p><button type="button" onClick={() => show(more + 100)}>Show more links</button></p>}
  </>;
}

/** The view of links. */
export function Topology({ known }: { known: Watched<Known> }) {
  const name = usePart(known, (value) => value.head!.name), counts = usePart(known, (value) => value.head!.counts);
  return <>
    <Heading sub={`${name} is in contact with ${grouped(counts.contact)} of ${counted(Math.max(0, counts.members - 1), 'other')}; lines between those are theirs to tell`}>Links</Heading>
    <ul class="legend" aria-label="Marks">{LEGEND.map(([mark, label]) => <li key={mark}><Dot mark={mark} />{label}</li>)}</ul>
    <Drawing known={known} />
    <Section name="linktable" title={`Links of ${name}`}><Links known={known} /></Section>
  </>;
}
