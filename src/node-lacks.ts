// What each other node is not known to hold: how many events, and about how many bytes they would be.
import type { Node } from './node.ts';
import { equal, hex } from './event/bytes.ts';
import { tallyOf } from './log/archive.ts';
import { lackedByAll } from './node-lacked.ts';
import { coversOf, heldCursors } from './node-words.ts';

/** Of one node (hex): events that it is not known to hold, about how many bytes of segments they are, and when it was last heard of what it holds (ms since 1970; null: never). */
export interface Lack { node: string; events: number; bytes: number; at: number | null }

/** What bytes an event takes where nothing is stored of a stream yet. */
const UNKNOWN_BYTES = 40;

/** Looks at `most` members, those that were heard of last first. What a session that is level now shows goes before what was noted down. */
export async function lacksOf(node: Node, most: number): Promise<Lack[]> {
  const covers = await coversOf(node), level = new Set([...node.connections].filter((c) => c.level && c.peer).map((c) => hex(c.peer!)));
  const members = node.desk.membership.members().filter((m) => m.state === 'live' && !equal(m.node, node.id)).map((m) => {
    const own = covers.filter((cover) => equal(cover.node, m.node));
    return { id: hex(m.node), own, at: own.length ? Math.max(...own.map((cover) => cover.at)) : null };
  }).sort((a, b) => (b.at ?? 0) - (a.at ?? 0)).slice(0, most);
  const streams = heldCursors(node).map(({ stream }) => stream).filter((stream) => !stream.startsWith('$')), out: Lack[] = [];
  for (const { id, own, at } of members) {
    const lack: Lack = { node: id, events: 0, bytes: 0, at: level.has(id) ? node.options.clock.now() : at };
    if (!level.has(id)) {
      for (const stream of streams) {
        let events = 0;
        for (const { from, to } of await lackedByAll(node, stream, own)) events += to - from + 1;
        const held = tallyOf(node.archive, stream);
        lack.events += events;
        lack.bytes += Math.ceil(events * (held.events > 0 ? held.bytes / held.events : UNKNOWN_BYTES));
      }
    }
    out.push(lack);
  }
  return out;
}
