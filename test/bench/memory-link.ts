// Two ends of a link inside one process, framed and counted byte by byte as TCP frames them.

import type { Link } from '../../src/ports.ts';
import { encodeFrame, frameDecoder } from '../../src/carry/frame.ts';
import { FRAME_BYTES } from '../../src/limits.ts';

/** What went over a pair: bytes each way with framing, writes, and how many messages the longest chain of them had that could only be sent one after the other. */
export interface Traffic { fromA: number; fromB: number; writes: number; chain: number }

/** A link's two ends and its traffic. What one side sends in one turn of the event loop counts as one write and arrives `delayMs` later, or in the next turn. */
export function linkPair(delayMs = 0): { a: Link; b: Link; traffic: Traffic } {
  const traffic: Traffic = { fromA: 0, fromB: 0, writes: 0, chain: 0 };
  const heard = { a: 0, b: 0 }; // the longest chain that has reached each end
  let closed = false;
  const ends: { a?: Link; b?: Link } = {};
  const later = (deliver: () => void): void => { if (delayMs) setTimeout(deliver, delayMs); else setImmediate(deliver); };

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
        if (queue) { queue.push(bytes); return true; }
        traffic.writes++;
        queue = [bytes];
        const sent = queue, chain = heard[name] + 1;
        setImmediate(() => { queue = undefined; });
        later(() => {
          if (closed) return;
          traffic.chain = heard[other] = Math.max(heard[other], chain);
          for (const each of sent) decoder.push(each);
        });
        return true;
      },
      close(reason = 'closed') {
        if (closed) return;
        // What was sent before still arrives, as on a socket.
        later(() => {
          if (closed) return;
          closed = true;
          for (const each of [link, ends[other]!]) each.onClose(reason);
        });
      },
    };
    return link;
  }
  ends.a = end('a');
  ends.b = end('b');
  return { a: ends.a, b: ends.b, traffic };
}
