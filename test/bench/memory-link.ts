// Two ends of a link inside one process, framed and counted byte by byte as TCP frames them.

import type { Link } from '../../src/ports.ts';
import { encodeFrame, frameDecoder } from '../../src/carry/frame.ts';
import { FRAME_BYTES } from '../../src/limits.ts';

/** What went over a pair: bytes each way with framing, and how often the direction changed. */
export interface Traffic { fromA: number; fromB: number; turns: number; writes: number }

/** A link's two ends and its traffic. A frame arrives in the next turn of the event loop; what one side sends in one turn counts as one write. */
export function linkPair(): { a: Link; b: Link; traffic: Traffic } {
  const traffic: Traffic = { fromA: 0, fromB: 0, turns: 0, writes: 0 };
  let last: 'a' | 'b' | undefined, closed = false;
  const ends: { a?: Link; b?: Link } = {};

  function end(name: 'a' | 'b'): Link {
    const other = name === 'a' ? 'b' : 'a', counted = { in: 0, out: 0 };
    const decoder = frameDecoder((frame) => { ends[other]!.onFrame(frame); });
    let queue: Uint8Array[] | undefined;
    const link: Link = {
      manifest: { name: 'tcp', frameBytes: FRAME_BYTES, thin: false },
      traffic: counted, onFrame: () => undefined, onDrain: () => undefined, onClose: () => undefined,
      send(frame) {
        const bytes = encodeFrame(frame);
        counted.out += bytes.length;
        ends[other]!.traffic.in += bytes.length;
        if (name === 'a') traffic.fromA += bytes.length; else traffic.fromB += bytes.length;
        if (last !== name) { traffic.turns++; last = name; }
        if (queue) { queue.push(bytes); return true; }
        traffic.writes++;
        queue = [bytes];
        setImmediate(() => {
          const all = queue!;
          queue = undefined;
          if (!closed) for (const each of all) decoder.push(each);
        });
        return true;
      },
      close(reason = 'closed') {
        if (closed) return;
        closed = true;
        // What was sent before still arrives, as on a socket.
        setImmediate(() => { for (const each of [link, ends[other]!]) each.onClose(reason); });
      },
    };
    return link;
  }
  ends.a = end('a');
  ends.b = end('b');
  return { a: ends.a, b: ends.b, traffic };
}
