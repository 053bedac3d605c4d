// Two ends of a link inside one process, framed and counted byte by byte as TCP frames them.

import { Fault } from '../../src/fault.ts';
import type { Link } from '../../src/ports.ts';
import { encodeFrame, frameDecoder } from '../../src/carry/frame.ts';
import { FRAME_BYTES } from '../../src/limits.ts';

/** What went over a pair: bytes each way with framing, writes, and how many messages the longest chain of them had that could only be sent one after the other. */
export interface Traffic { fromA: number; fromB: number; writes: number; chain: number }

/** Bytes on their way above which `send` says wait, and above which a sender that does not is cut off. */
const WAIT_BYTES = 4 * 1_048_576, MOST_BYTES = 64 * 1_048_576;

/** A link's two ends and its traffic. What one side sends in one turn of the event loop counts as one write and arrives `delayMs` later, or in the next turn; `deaf`: b takes nothing until `wake`. */
export function linkPair(delayMs = 0, deaf = false): { a: Link; b: Link; traffic: Traffic; wake(): void } {
  const traffic: Traffic = { fromA: 0, fromB: 0, writes: 0, chain: 0 };
  const heard = { a: 0, b: 0 }; // the longest chain that has reached each end
  const ends: { a?: End; b?: End } = {};
  let held: (() => void)[] | undefined = deaf ? [] : undefined;
  const later = (to: 'a' | 'b', deliver: () => void): void => {
    const arrive = (): void => { if (held && to === 'b') held.push(deliver); else deliver(); };
    if (delayMs) setTimeout(arrive, delayMs); else setImmediate(arrive);
  };

  function end(name: 'a' | 'b'): End {
    const other = name === 'a' ? 'b' : 'a', counted = { in: 0, out: 0 };
    let queue: Uint8Array[] | undefined, waiting = 0, blocked = false, over = false;
    const decoder = frameDecoder((frame) => { if (!over) link.onFrame(frame); });
    const finish = (reason: string): void => {
      if (over) return;
      over = true;
      setImmediate(() => link.onClose(reason));
    };
    const link: Link = {
      manifest: { name: 'tcp', frameBytes: FRAME_BYTES, thin: false },
      traffic: counted, onFrame: () => undefined, onDrain: () => undefined, onClose: () => undefined,
      send(frame) {
        if (over) return false;
        if (frame.length > FRAME_BYTES) throw new Fault('too-large', `a frame of ${frame.length} bytes does not fit this link`);
        const bytes = encodeFrame(frame);
        counted.out += bytes.length;
        waiting += bytes.length;
        if (name === 'a') traffic.fromA += bytes.length; else traffic.fromB += bytes.length;
        if (waiting > MOST_BYTES) { finish('the queue of the link overflowed'); ends[other]!.finish('the peer overflowed its queue'); return false; }
        if (queue) queue.push(bytes);
        else {
          traffic.writes++;
          queue = [bytes];
          const sent = queue, chain = heard[name] + 1;
          setImmediate(() => { queue = undefined; });
          later(other, () => {
            traffic.chain = heard[other] = Math.max(heard[other], chain);
            for (const each of sent) { waiting -= each.length; ends[other]!.take(each); }
            if (!blocked || waiting > WAIT_BYTES / 2 || over) return;
            blocked = false;
            link.onDrain();
          });
        }
        if (waiting <= WAIT_BYTES) return true;
        blocked = true;
        return false;
      },
      close(reason = 'closed') {
        if (over) return;
        finish(reason);
        // What was sent before still arrives, as on a socket.
        later(other, () => ends[other]!.finish('closed by the peer'));
      },
    };
    return { link, finish, take: (bytes) => { if (!over) { counted.in += bytes.length; decoder.push(bytes); } } };
  }
  ends.a = end('a');
  ends.b = end('b');
  return {
    a: ends.a.link, b: ends.b.link, traffic,
    wake() { const kept = held ?? []; held = undefined; for (const each of kept) each(); },
  };
}

interface End { link: Link; finish(reason: string): void; take(bytes: Uint8Array): void }
