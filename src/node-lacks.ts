// What each other node is not known to hold: how many events, and about how many bytes they would be.
import type { Bytes } from './ports.ts';
import type { Node } from './node.ts';
import { equal, hex } from './event/bytes.ts';
import { tallyOf } from './log/archive.ts';
import { heldNow, lackAbout } from './node-estimate.ts';
import { lackedByAll } from './node-lacked.ts';
import { coversOfOne, heldStreams } from './node-words.ts';

/** Of one node (hex): events that it is not known to hold, about how many bytes of segments they are, and when it was last heard of what it holds (ms since 1970; null: never). */
export interface Lack { node: string; events: number; bytes: number; at: number | null }

/** What bytes an event takes where nothing is stored of a stream yet. */
const UNKNOWN_BYTES = 40;

/** Looks at `most` members; of a larger fleet at those whose receipts came last, and about. What a session that is level now shows goes before what was noted down. */
export async function lacksOf(node: Node, most: number): Promise<Lack[]> {
  const others = node.desk.membership.members().filter((m) => m.state === 'live' && !equal(m.node, node.id));
  const level = new Set([...node.connections].filter((c) => c.level && c.peer).map((c) => hex(c.peer!)));
  const all = others.length <= most ? await exactly(node, others.map((m) => m.node), level) : await about(node, latest(node, others.map((m) => m.node), most), level);
  return all.sort((a, b) => (b.at ?? 0) - (a.at ?? 0));
}

/** Those whose receipts came last; those of whom there is none come last of all. */
function latest(node: Node, ids: Bytes[], most: number): Bytes[] {
  const at = (id: Bytes): number => node.lastReceipts.get(hex(id))?.at ?? -Infinity;
  return ids.map((id) => ({ id, at: at(id) })).sort((a, b) => b.at - a.at || 0).slice(0, most).map(({ id }) => id);
}

async function about(node: Node, ids: Bytes[], level: ReadonlySet<string>): Promise<Lack[]> {
  const held = heldNow(node), out: Lack[] = [];
  for (const id of ids) {
    if (level.has(hex(id))) out.push({ node: hex(id), events: 0, bytes: 0, at: node.options.clock.now() });
    else {
      const { events, bytes, at } = await lackAbout(node, held, id);
      out.push({ node: hex(id), events, bytes, at });
    }
  }
  return out;
}

async function exactly(node: Node, ids: Bytes[], level: ReadonlySet<string>): Promise<Lack[]> {
  const streams = heldStreams(node).filter((stream) => !stream.startsWith('$')), out: Lack[] = [];
  for (const one of ids) {
    const id = hex(one), own = level.has(id) ? [] : await coversOfOne(node, one);
    const lack: Lack = { node: id, events: 0, bytes: 0, at: level.has(id) ? node.options.clock.now() : own.length ? Math.max(...own.map((cover) => cover.at)) : null };
    for (const stream of level.has(id) ? [] : streams) {
      let events = 0;
      for (const { from, to } of await lackedByAll(node, stream, own)) events += to - from + 1;
      const held = tallyOf(node.archive, stream);
      lack.events += events;
      lack.bytes += Math.ceil(events * (held.events > 0 ? held.bytes / held.events : UNKNOWN_BYTES));
    }
    out.push(lack);
  }
  return out;
}
