// What one other node is not known to hold, about, and at little cost: for pictures of fleets so large that the exact walk would take minutes for each.
import type { Bytes } from './ports.ts';
import type { Tip } from './event/chain.ts';
import type { Node } from './node.ts';
import type { Lack } from './node-lacks.ts';
import { base64url, hex, unbase64url } from './event/bytes.ts';
import { recordOf, tallyOf } from './log/archive.ts';
import { SHORT } from './log/cursor.ts';
import { soundScan } from './log/damage.ts';
import { prefixEnd } from './log/place.ts';
import { endsOf } from './log/since.ts';
import { coversOfOne, heldStreams, type Cover } from './node-words.ts';

/** Earlier logs that one end is followed back to: who restarts every minute has many, and then the count says at least. */
const BACK_MOST = 4_096;
/** Logs that a node is known to hold and that are no ends any more, of which it is looked up whose they are. */
const LOOKED_UP = 1_024;
/** Ends of which it is remembered how much lies behind them. */
const REMEMBERED = 262_144;
/** Bytes that an event takes where nothing is stored of a stream yet. */
const UNKNOWN_BYTES = 40;

interface End { name: string; log: Bytes; author: string; from: number; to: number }
/** One stream of what is held. `ends`: its tips, by their logs; `holes`: in them; `all`: what a node lacks of it of which nothing was ever heard, once that is known. */
interface Stream { stream: string; each: number; ends: Map<string, End>; holes: Set<string>; all: number | undefined }

/** What is held: made once for a round over many nodes. */
export type Held = Stream[];

/** Of logs, how many events the logs have that they cite: that never changes. */
const behind = new WeakMap<Node, Map<string, number>>();

const NOTHING: ReadonlyMap<string, number> = new Map();
const shortOf = (log: Bytes): string => base64url(log.subarray(0, SHORT));

/** The ends of all streams but the system's. */
export function heldNow(node: Node): Held {
  const unstored = node.writer.unstored();
  return heldStreams(node).filter((stream) => !stream.startsWith('$')).map((stream) => {
    const { events, bytes } = tallyOf(node.archive, stream), ends = new Map<string, End>(), holes = new Set<string>();
    for (const { log, node: author, told: { from, to } } of endsOf(node.archive, unstored, stream)) {
      const name = shortOf(log), before = ends.get(name);
      if (from > 0) holes.add(`${name} ${from} ${to}`);
      // Of branches the longest one.
      else if (before === undefined || before.to < to) ends.set(name, { name, log, author: hex(author), from, to });
    }
    return { stream, each: events > 0 ? bytes / events : UNKNOWN_BYTES, ends, holes, all: undefined };
  });
}

/** Lets others have their turn, now and then. */
type Rest = () => Promise<void> | undefined;

/** What a node lacks of `held`, as far as is known; `bundle`: that is known by bundles alone. Forks count once, and branches as one. `rest` is asked with each look into the store. */
export async function lackAbout(node: Node, held: Held, id: Bytes, rest?: Rest): Promise<Lack & { bundle: boolean }> {
  const covers = await coversOfOne(node, id), lack = { node: hex(id), events: 0, bytes: 0, at: covers.length ? Math.max(...covers.map((c) => c.at)) : null, bundle: covers.length > 0 && covers.every((c) => c.bundle) };
  for (const one of held) {
    const events = covers.every((cover) => !cover.streams.get(one.stream)?.length) ? one.all ??= await missing(node, one, [], rest) : await missing(node, one, covers, rest);
    lack.events += events;
    lack.bytes += Math.ceil(events * one.each);
  }
  return lack;
}

async function missing(node: Node, { stream, ends, holes }: Stream, covers: Cover[], rest: Rest | undefined): Promise<number> {
  const known = new Map<string, number>();
  let lacked: Map<string, number> | undefined, events = 0;
  for (const cover of covers) {
    const gaps = new Map<string, number>();
    for (const { log, from, to } of cover.streams.get(stream) ?? []) {
      const name = base64url(log);
      if (from > 0) gaps.set(`${name} ${from} ${to}`, to - from + 1);
      else known.set(name, Math.max(known.get(name) ?? 0, to));
    }
    // A hole of the one may be held by the other: only what all say is missing is.
    lacked = lacked === undefined ? gaps : new Map([...lacked].filter(([gap]) => gaps.has(gap)));
  }
  for (const [gap, count] of lacked ?? []) if (!holes.has(gap)) events += count;
  // As a rule all ends are of logs that are known to be held, up to somewhere.
  const fresh = [...ends.values()].filter(({ name }) => !known.has(name)), begun = new Set(fresh.map(({ author }) => author)), authors = new Map<string, End[]>();
  for (const end of ends.values()) {
    const to = known.get(end.name);
    if (!begun.has(end.author)) events += Math.max(0, end.to - to!);
    else if (authors.has(end.author)) authors.get(end.author)!.push(end);
    else authors.set(end.author, [end]);
  }
  if (fresh.length === 0) return events;
  // Who began anew since is known by an earlier log: from its ends it is counted back to that one. Of others nothing is known, and all is missing.
  const met = await authorsOf(node, [...known.keys()].filter((name) => !ends.has(name)));
  for (const [author, list] of authors) {
    // Several ends of one author may have the same logs behind them: one's own log that is not stored yet and the one before it, or clones.
    const alone = list.length === 1 && !met.has(author);
    events += alone ? list[0]!.to + await behindOf(node, list[0]!, rest) : await back(node, list, known, rest);
  }
  return events;
}

/** Whose these logs are. */
async function authorsOf(node: Node, names: string[]): Promise<Set<string>> {
  const found = new Set<string>();
  for (const name of names.slice(0, LOOKED_UP)) {
    const short = unbase64url(name), end = prefixEnd(short), [row] = await soundScan(node.archive.store, 'log', { gte: short, ...(end && { lt: end }), limit: 1 });
    const record = row && await recordOf(node.archive, row.key);
    if (record) found.add(hex(record.node));
    for (const own of node.writer.unstored()) if (shortOf(own.log) === name) found.add(hex(own.opening.node));
  }
  return found;
}

/** The events of the logs that an end's log cites, and that those cite. */
async function behindOf(node: Node, end: End, rest: Rest | undefined): Promise<number> {
  let kept = behind.get(node);
  if (!kept) behind.set(node, kept = new Map());
  let count = kept.get(end.name);
  if (count !== undefined) return count;
  count = await back(node, [end], NOTHING, rest) - end.to;
  if (kept.size >= REMEMBERED) kept.clear();
  kept.set(end.name, count);
  return count;
}

/** The events from some ends back to what is known. */
async function back(node: Node, ends: End[], known: ReadonlyMap<string, number>, rest: Rest | undefined): Promise<number> {
  const counted = new Map<string, number>(), walk: Pick<End, 'name' | 'log' | 'to'>[] = [...ends];
  let events = 0, steps = 0;
  for (let next = walk.pop(); next !== undefined; next = walk.pop()) {
    const { name, log, to } = next, before = counted.get(name) ?? 0, base = Math.max(known.get(name) ?? 0, before);
    if (to <= base) continue;
    events += to - base;
    counted.set(name, to);
    if (base > 0 || ++steps > BACK_MOST) continue;
    await rest?.();
    const record = await recordOf(node.archive, log), cites: readonly Tip[] = record?.opening?.cites ?? node.writer.unstored().find((one) => shortOf(one.log) === name)?.opening.cites ?? [];
    for (const cite of cites) walk.push({ name: shortOf(cite.log), log: cite.log, to: cite.position });
  }
  return events;
}
