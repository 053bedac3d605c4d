// Which lines reach which nodes, seen from the node that serves the page: its links as groups, each with the nodes behind it.

import type { LinkRow, NodeRow } from '../program/fleet-rows.ts';
import type { FleetHead } from './contract.ts';
import { carrier, judge, kindOf, linkWords, type Mark } from './judge.ts';
import { byName } from './order.ts';

/** A node, or the far end of a link that nobody answers at. */
export interface Leaf { id: string; label: string; mark: Mark; title: string; node: string | undefined }

/** A line, and what it reaches. `line`: how it stands. */
export interface Group { id: string; title: string; sub: string; line: Mark; leaves: Leaf[] }

/** Kinds of lines in the order in which they are drawn, with what each is called; brokers and serial lines stand one by one. */
const SHARED: readonly (readonly [string, string])[] = [['tcp', 'Direct, over TCP'], ['file', 'Sticks and folders'], ['bundle', 'Carried by bundle'], ['passed', 'Heard of through others'], ['never', 'Never heard of']];

/** The line by which a node is reached, or was last. */
function lineOf(row: NodeRow): string {
  const open = row.links.find(({ state }) => state === 'connected') ?? row.links.find(({ state }) => state === 'broker') ?? row.links[0];
  const by = open?.url ?? row.contact?.by;
  if (by === undefined) return 'never';
  if (by === 'bundle') return 'bundle';
  if (['receipt', 'exchange', 'events'].includes(by)) return 'passed';
  const kind = kindOf(by);
  return kind === 'mqtt' || kind === 'serial' ? by : kind === 'file' ? 'file' : 'tcp';
}

/** The groups. Their order, and that of what is in them, hangs on names alone: what changes its state stays where it is. */
export function groupsOf(head: Pick<FleetHead, 'self' | 'links'>, nodes: Iterable<NodeRow>, now: number): Group[] {
  const members = new Map<string, NodeRow[]>(), links = new Map<string, LinkRow[]>();
  const put = <T>(map: Map<string, T[]>, line: string, value: T): void => { const all = map.get(line); if (all === undefined) map.set(line, [value]); else all.push(value); };
  for (const row of nodes) if (!row.self && row.state !== 'unknown') put(members, lineOf(row), row);
  for (const link of head.links) {
    const kind = kindOf(link.url);
    put(links, kind === 'mqtt' || kind === 'serial' ? link.url : kind === 'file' ? 'file' : 'tcp', link);
  }
  const named = [...new Set([...links.keys(), ...members.keys()])];
  const own = named.filter((line) => !SHARED.some(([shared]) => shared === line)).sort((a, b) => (kindOf(a) < kindOf(b) ? -1 : kindOf(a) > kindOf(b) ? 1 : a < b ? -1 : 1));
  return [...own, ...SHARED.map(([line]) => line).filter((line) => named.includes(line))].map((line) => {
    const rows = (members.get(line) ?? []).sort(byName), its = links.get(line) ?? [];
    const met = new Set(rows.map(({ node }) => node));
    const leaves = rows.map((row): Leaf => {
      const { mark, words } = judge(row, now), link = row.links[0];
      return { id: row.node, label: row.name, mark, node: row.node, title: `${row.name}: ${words}${link === undefined ? row.contact === null ? '' : `, last by ${carrier(row.contact.by)}` : `, ${link.url}`}` };
    });
    // A configured line that nobody answers at has no node yet.
    const lone = SHARED.some(([shared]) => shared === line) ? its.filter((link) => link.node === null || (!met.has(link.node) && link.state !== 'connected')) : [];
    for (const link of lone) {
      const { mark, words } = linkWords(link);
      leaves.push({ id: link.url, label: link.url.replace(/^\w+:\/*/, ''), mark, node: undefined, title: `${link.url}: ${words}` });
    }
    const own = SHARED.find(([shared]) => shared === line)?.[1];
    const open = leaves.filter(({ mark }) => mark === 'good').length, state = own === undefined && its[0] !== undefined ? linkWords(its[0]) : undefined;
    const standing: Mark = state?.mark ?? (open > 0 || its.some((each) => each.state === 'connected') ? 'good' : line === 'never' ? 'never' : 'past');
    const inTouch = rows.filter(({ contact }) => contact?.state === 'connected' || contact?.state === 'heard').length;
    return { id: line, title: own ?? line, line: standing, leaves, sub: [state !== undefined && state.mark !== 'good' ? state.words : '', inTouch > 0 ? `${inTouch} of ${rows.length} in touch` : rows.length > 0 ? `${rows.length} node${rows.length === 1 ? '' : 's'}` : ''].filter((each) => each !== '').join(', ') };
  });
}

/** Where things are drawn, pixels. `chips`: leaves with their names, `chip` wide; else as dots. */
export interface Placed { group: Group; y: number; height: number; chips: boolean; chip: number; leaf(at: number): { x: number; y: number } }

/** Above so many in all, nodes are drawn as dots. */
const NAMED = 72;
/** The left edge of leaves, the height of a group's title, of a second line below it where there is little room, and the sizes of a chip and of the place of a dot. */
export const SIZES = { left: 48, title: 44, line: 14, chip: { least: 128, most: 168, height: 32, gap: 8 }, dot: 16, self: 64, below: 14 };

/** Places groups below each other in a width; the same groups always stand at the same places. */
export function placed(groups: readonly Group[], width: number): { groups: Placed[]; height: number } {
  const chips = groups.reduce((sum, { leaves }) => sum + leaves.length, 0) <= NAMED;
  const room = width - SIZES.left, { chip, dot } = SIZES;
  const columns = Math.max(1, chips ? Math.floor((room + chip.gap) / (chip.least + chip.gap)) : Math.floor(room / dot));
  const broad = Math.min(chip.most, Math.floor((room + chip.gap) / columns) - chip.gap), wide = chips ? broad + chip.gap : dot, high = chips ? chip.height + chip.gap : dot;
  let y = SIZES.self + 16;
  const all = groups.map((group): Placed => {
    const rows = Math.ceil(group.leaves.length / columns), at = y, height = SIZES.title + (width <= 520 && group.sub !== '' ? SIZES.line : 0) + rows * high + SIZES.below;
    y += height;
    return { group, y: at, height, chips, chip: broad, leaf: (i) => ({ x: SIZES.left + (i % columns) * wide, y: at + height - rows * high - SIZES.below + Math.floor(i / columns) * high }) };
  });
  return { groups: all, height: y };
}
