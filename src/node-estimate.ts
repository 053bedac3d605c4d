// What one other node is not known to hold, about, and at little cost: for pictures of fleets so large that the exact walk would take minutes for each.
import type { Bytes } from './ports.ts';
import type { Tip } from './event/chain.ts';
import type { Told } from './log/cursor.ts';
import type { Node } from './node.ts';
import type { Lack } from './node-lacks.ts';
import { base64url, hex } from './event/bytes.ts';
import { recordOf, tallyOf } from './log/archive.ts';
import { SHORT } from './log/cursor.ts';
import { endsOf } from './log/since.ts';
import { coversOfOne, heldStreams } from './node-words.ts';

/** Logs of one stream that are followed back to earlier ones, for one node: who restarts every minute has many, and then the count says at least. */
const BACK_MOST = 4_096;
/** Bytes that an event takes where nothing is stored of a stream yet. */
const UNKNOWN_BYTES = 40;

/** The ends of what is held: made once for a round over many nodes. `all`: what a node lacks of the stream of which nothing was ever heard, once that is known. */
export type Held = { stream: string; each: number; ends: { name: string; log: Bytes; from: number; to: number }[]; all?: number }[];

/** The ends of all streams but the system's. */
export function heldNow(node: Node): Held {
  const unstored = node.writer.unstored();
  return heldStreams(node).filter((stream) => !stream.startsWith('$')).map((stream) => {
    const { events, bytes } = tallyOf(node.archive, stream);
    return { stream, each: events > 0 ? bytes / events : UNKNOWN_BYTES, ends: endsOf(node.archive, unstored, stream).map(({ log, told }) => ({ name: shortOf(log), log, from: told.from, to: told.to })) };
  });
}

const shortOf = (log: Bytes): string => base64url(log.subarray(0, SHORT));

/** What a node lacks of `held`, as far as is known, and by what that is: a bundle's word or an exchange; undefined when nothing was ever heard of it. Forks count once, and branches as one. */
export async function lackAbout(node: Node, held: Held, id: Bytes): Promise<Lack & { bundle: boolean }> {
  const covers = await coversOfOne(node, id), lack = { node: hex(id), events: 0, bytes: 0, at: covers.length ? Math.max(...covers.map((c) => c.at)) : null, bundle: covers.length > 0 && covers.every((c) => c.bundle) };
  for (const one of held) {
    const { stream, each, ends } = one, told = covers.map((cover) => cover.streams.get(stream) ?? []), nothing = told.every((list) => list.length === 0);
    const events = nothing ? one.all ??= await missingOf(node, ends, []) : await missingOf(node, ends, told);
    lack.events += events;
    lack.bytes += Math.ceil(events * each);
  }
  return lack;
}

async function missingOf(node: Node, ends: Held[number]['ends'], told: Told[][]): Promise<number> {
  const known = new Map<string, number>(), holes = new Map<string, number>();
  let events = 0, back = 0;
  for (const [i, list] of told.entries()) {
    for (const { log, from, to } of list) {
      const name = base64url(log);
      if (from === 0) known.set(name, Math.max(known.get(name) ?? 0, to));
      // A hole of the one may be held by the other: only what all say is missing is.
      else if (i === 0) holes.set(`${name} ${from} ${to}`, to - from + 1);
    }
    if (i > 0) for (const hole of holes.keys()) if (!list.some(({ log, from, to }) => `${base64url(log)} ${from} ${to}` === hole)) holes.delete(hole);
  }
  const own = new Set(ends.filter(({ from }) => from > 0).map(({ name, from, to }) => `${name} ${from} ${to}`));
  for (const [hole, count] of holes) if (!own.has(hole)) events += count;
  // From each end back to what it is known to hold: as a rule that is the same log.
  const counted = new Map<string, number>(), walk: { name: string; log: Bytes; to: number }[] = ends.filter(({ from }) => from === 0);
  for (let next = walk.pop(); next !== undefined; next = walk.pop()) {
    const { name, log, to } = next, base = Math.max(known.get(name) ?? 0, counted.get(name) ?? 0);
    if (to <= base) continue;
    events += to - base;
    counted.set(name, to);
    if (known.has(name) || base > 0 || ++back > BACK_MOST) continue;
    const record = await recordOf(node.archive, log), cites: readonly Tip[] = record?.opening?.cites ?? node.writer.unstored().find((one) => shortOf(one.log) === name)?.opening.cites ?? [];
    for (const cite of cites) walk.push({ name: shortOf(cite.log), log: cite.log, to: cite.position });
  }
  return events;
}
