// What arrives: fragments in any order, any number of times, brought into order, and what is told the sender about them.

import type { Bytes } from '../ports.ts';
import { EMPTY } from '../event/bytes.ts';
import type { Piece } from './arq-datagram.ts';

/** What a part or a fragment that waits costs besides its bytes. */
const EACH = 64;

interface Waiting { bytes: Bytes | undefined; fin: boolean; parts: { at: number; last: boolean; bytes: Bytes }[] }

/** The receiving half of a connection. */
export interface Receiver {
  /** Takes a piece with its whole number. `next`: the order has come on; `ahead`: kept for later; `gap`: kept, and tells of a gap; `old`: known already; `full`: not kept. */
  take(piece: Piece): 'next' | 'ahead' | 'gap' | 'old' | 'full';
  /** The next bytes of the stream. */
  read(): { bytes: Bytes; fin: boolean } | undefined;
  /** The first number that is not here. */
  readonly next: number;
  /** What is here after it; see `Talk`. */
  map(): Bytes;
  /** Something waits for what is not here. */
  readonly gap: boolean;
}

/** A receiver that keeps at most `window` bytes in at most `span` fragments that cannot be read yet. */
export function arqReceiver(span: () => number, window: number): Receiver {
  const waiting = new Map<number, Waiting>();
  /** The first number that is missing; what is before it is here, whole. */
  let next = 0;
  /** The next one to be read. */
  let reading = 0, kept = 0, highest = -1, end = Infinity;

  const cost = (one: Waiting) => (one.bytes ? one.bytes.length : one.parts.reduce((sum, part) => sum + part.bytes.length + EACH, 0));

  /** The whole fragment, once its parts cover it. */
  function join(one: Waiting): Bytes | undefined {
    one.parts.sort((a, b) => a.at - b.at);
    let length = 0, whole = false;
    for (const part of one.parts) {
      if (part.at > length) return undefined;
      length = Math.max(length, part.at + part.bytes.length);
      whole ||= part.last;
    }
    if (!whole) return undefined;
    const bytes = new Uint8Array(length);
    for (const part of one.parts) bytes.set(part.bytes, part.at);
    return bytes;
  }

  function add(one: Waiting, { part, bytes }: Piece): boolean {
    if (!part) {
      one.bytes = bytes.slice();
      one.parts = [];
      return true;
    }
    const same = one.parts.find((known) => known.at === part.at);
    if (!same) one.parts.push({ ...part, bytes: bytes.slice() });
    else if (same.bytes.length < bytes.length) {
      same.bytes = bytes.slice();
      same.last = part.last;
    } else return false;
    one.bytes = join(one);
    if (one.bytes) one.parts = [];
    return true;
  }

  return {
    get next() { return next; },
    get gap() { return waiting.size > next - reading; },
    take(piece) {
      const { number } = piece;
      if (number < next || number > end) return 'old';
      if (number >= next + span()) return 'full';
      const before = waiting.get(number);
      if (before?.bytes) return 'old';
      // The one that everything waits for is always taken: else a full store would never empty.
      if (number > next && kept + piece.bytes.length + (piece.part ? EACH : 0) > window) return 'full';
      if (number === next && kept > 2 * window + piece.bytes.length) return 'full';
      const one = before ?? { bytes: undefined, fin: false, parts: [] };
      const cost0 = before ? cost(one) : 0;
      if (!add(one, piece)) return 'old';
      one.fin = piece.fin;
      if (piece.fin) end = number;
      waiting.set(number, one);
      kept += cost(one) - cost0;
      const jump = number > highest + 1;
      highest = Math.max(highest, number);
      if (number > next || !one.bytes) return jump ? 'gap' : 'ahead';
      while (waiting.get(next)?.bytes) next++;
      return 'next';
    },
    read() {
      if (reading === next) return undefined;
      const { bytes, fin } = waiting.get(reading)!;
      waiting.delete(reading++);
      kept -= bytes!.length;
      return { bytes: bytes!, fin };
    },
    map() {
      if (waiting.size <= next - reading) return EMPTY;
      const map = new Uint8Array((span() + 7) >> 3);
      let used = 0;
      for (let number = next + 1; number <= highest; number++) {
        const i = number - next - 1;
        if (!waiting.get(number)?.bytes || i >> 3 >= map.length) continue;
        map[i >> 3]! |= 1 << (i & 7);
        used = (i >> 3) + 1;
      }
      return map.subarray(0, used);
    },
  };
}
