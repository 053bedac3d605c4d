// What arrives: fragments in any order, any number of times, brought into order, and what is told the sender about them.

import type { Bytes } from '../ports.ts';
import { EMPTY } from '../event/bytes.ts';
import type { Piece } from './arq-datagram.ts';

/** Holes that one fragment may have while its parts arrive. */
const HOLES = 1_024;

/** A fragment that cannot be read yet: whole, or what is here of it, as ranges from and to, in order. */
interface Waiting { bytes: Bytes; whole: boolean; fin: boolean; length: number | undefined; ranges: [number, number][] }

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
  /** Bytes kept. */
  readonly kept: number;
}

/** A receiver that keeps at most `window` bytes in at most `span` fragments that wait for others, and about as many that wait to be read. */
export function arqReceiver(span: () => number, window: number): Receiver {
  const waiting = new Map<number, Waiting>();
  /** The first number that is missing, and the next one to be read. */
  let next = 0, reading = 0;
  /** Bytes before and from `next` on. */
  let readable = 0, early = 0, highest = -1, end = Infinity;

  /** Adds a part; false when all of it was there. */
  function addPart(one: Waiting, at: number, bytes: Bytes, last: boolean): boolean {
    const to = at + bytes.length;
    if (last) one.length = to;
    if (one.ranges.some(([a, b]) => a <= at && b >= to)) return false;
    if (one.bytes.length < to) {
      const grown = new Uint8Array(Math.max(to, one.length ?? Math.min(2 * one.bytes.length, 0x8000)));
      grown.set(one.bytes);
      one.bytes = grown;
    }
    one.bytes.set(bytes, at);
    const ranges: [number, number][] = [];
    let joined: [number, number] = [at, to];
    for (const range of one.ranges) {
      if (range[1] < joined[0] || range[0] > joined[1]) ranges.push(range);
      else joined = [Math.min(joined[0], range[0]), Math.max(joined[1], range[1])];
    }
    ranges.push(joined);
    one.ranges = ranges;
    if (one.length !== undefined && joined[0] === 0 && joined[1] >= one.length) {
      one.bytes = one.bytes.slice(0, one.length);
      one.ranges = [];
      one.whole = true;
    }
    return true;
  }

  return {
    get next() { return next; },
    get gap() { return waiting.size > next - reading; },
    get kept() { return readable + early; },
    take({ number, part, bytes, fin }) {
      if (number < next || number > end) return 'old';
      const before = waiting.get(number);
      if (before?.whole) return 'old';
      // What everything else waits for is always taken, unless nobody reads; else a full store would never empty.
      if (number >= next + span() || (number > next ? early + (part?.at ?? 0) + bytes.length > window : readable > window)) return 'full';
      if ((before?.ranges.length ?? 0) >= HOLES) return 'full';
      const one = before ?? { bytes: EMPTY, whole: false, fin, length: undefined, ranges: [] };
      const size = one.bytes.length;
      if (!part) Object.assign(one, { bytes: bytes.slice(), whole: true, ranges: [] });
      else if (!addPart(one, part.at, bytes, part.last)) return 'old';
      if (fin) end = number;
      waiting.set(number, one);
      early += one.bytes.length - size;
      const jump = number > highest + 1;
      highest = Math.max(highest, number);
      if (number > next || !one.whole) return jump ? 'gap' : 'ahead';
      for (let ready = waiting.get(next); ready?.whole; ready = waiting.get(++next)) {
        early -= ready.bytes.length;
        readable += ready.bytes.length;
      }
      return 'next';
    },
    read() {
      if (reading === next) return undefined;
      const { bytes, fin } = waiting.get(reading)!;
      waiting.delete(reading++);
      readable -= bytes.length;
      return { bytes, fin };
    },
    map() {
      if (waiting.size <= next - reading) return EMPTY;
      const map = new Uint8Array((span() + 7) >> 3);
      let used = 0;
      for (let number = next + 1; number <= highest; number++) {
        const i = number - next - 1;
        if (!waiting.get(number)?.whole || i >> 3 >= map.length) continue;
        map[i >> 3]! |= 1 << (i & 7);
        used = (i >> 3) + 1;
      }
      return map.subarray(0, used);
    },
  };
}
