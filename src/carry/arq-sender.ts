// What is on its way: a stream of frames cut into numbered fragments, which of them have arrived, and which must be sent again.

import type { Bytes } from '../ports.ts';
import type { Piece } from './arq-datagram.ts';

const IN_FLIGHT = 0, ARRIVED = 1, LOST = 2;

interface Fragment {
  number: number;
  bytes: Bytes;
  fin: boolean;
  state: typeof IN_FLIGHT | typeof ARRIVED | typeof LOST;
  /** Its place among everything that was sent: of the first time and of the last. */
  first: number;
  last: number;
  sentAt: number;
  /** How much of it has been repeated, when it has to be repeated in parts. */
  done: number;
}

/** What an acknowledgement brought: bytes that it newly covers, and when one of them left that was sent only once. */
export interface Progress { bytes: number; sentAt: number | undefined }

/** The sending half of a connection. */
export interface Sender {
  /** Bytes to send, after all earlier ones; they are the sender's from now on. */
  add(bytes: Bytes): void;
  /** The stream ends with what was added. */
  finish(): void;
  /** Bytes that have not been sent once. */
  readonly unsent: number;
  /** Fragments that have not been acknowledged. */
  readonly owed: boolean;
  /** Everything, the end of the stream included, has arrived. */
  readonly done: boolean;
  /** Bytes that are thought to be in the air. */
  readonly flying: number;
  /** A fragment is to be repeated. */
  readonly repeats: boolean;
  /** Something may be sent: a repeat, or a new fragment within `budget` bytes in the air and `window` bytes that the peer may have to keep. */
  ready(budget: number, window: number): boolean;
  /** Takes the next piece, of at most `room` bytes; call only when `ready`. `small`: the room for a part of a fragment. */
  take(room: number, small: number, now: number): Piece;
  /** How many bytes the next piece would have if it were taken with this room. */
  peek(room: number): number;
  /** The peer has all before `next` and those of `map`; undefined when it cannot be. Numbers are whole. */
  acked(next: number, map: Bytes): Progress | undefined;
  /** What was sent up to this place has arrived or is lost. */
  proven(place: number): void;
  /** The oldest one that is owed is taken for lost; false when nothing is owed. */
  expire(): boolean;
  /** Fragments sent, repeats included, and those taken for lost. */
  readonly tally: { sent: number; lost: number };
  /** The place of what was sent last. */
  readonly place: number;
  /** The first number that is not known to have arrived, and the one after the last that was used. */
  readonly base: number;
  readonly end: number;
}

/** A sender with at most `span` fragments from the oldest that is owed on; `reorder` later ones that arrived are the evidence of a loss. */
export function arqSender(span: () => number, reorder: number): Sender {
  const queue: Bytes[] = [];
  const flight: Fragment[] = [];
  let cut = 0, unsent = 0, base = 0, end = 0, place = 0, flying = 0, held = 0, lost = 0;
  let finishing = false, finished = false;
  const tally = { sent: 0, lost: 0 };

  const nextSize = (room: number) => Math.min(room, unsent);

  function fresh(room: number, now: number): Fragment {
    const bytes = new Uint8Array(nextSize(room));
    for (let at = 0; at < bytes.length;) {
      const head = queue[0]!, take = Math.min(head.length - cut, bytes.length - at);
      bytes.set(head.subarray(cut, cut + take), at);
      at += take;
      cut += take;
      if (cut === head.length) {
        queue.shift();
        cut = 0;
      }
    }
    unsent -= bytes.length;
    const fin = finishing && unsent === 0;
    if (fin) finished = true;
    const fragment: Fragment = { number: end++, bytes, fin, state: IN_FLIGHT, first: ++place, last: place, sentAt: now, done: 0 };
    flight.push(fragment);
    tally.sent++;
    flying += bytes.length;
    held += bytes.length;
    return fragment;
  }

  function lose(fragment: Fragment): void {
    fragment.state = LOST;
    fragment.done = 0;
    lost++;
    tally.lost++;
    flying -= fragment.bytes.length;
  }

  function again(fragment: Fragment, now: number): void {
    fragment.state = IN_FLIGHT;
    fragment.last = ++place;
    fragment.sentAt = now;
    tally.sent++;
    lost--;
    flying += fragment.bytes.length;
  }

  function arrive(fragment: Fragment, progress: Progress & { place: number; last: number }): void {
    if (fragment.state === ARRIVED) return;
    if (fragment.state === LOST) lost--;
    else flying -= fragment.bytes.length;
    fragment.state = ARRIVED;
    progress.bytes += fragment.bytes.length;
    // Of one that was sent several times nobody knows which of them arrived; the first is certain (Karn).
    progress.place = Math.max(progress.place, fragment.first);
    if (fragment.first === fragment.last && fragment.last > progress.last) {
      progress.last = fragment.last;
      progress.sentAt = fragment.sentAt;
    }
  }

  const judge = (limit: number): void => {
    for (const fragment of flight) if (fragment.state === IN_FLIGHT && fragment.last <= limit) lose(fragment);
  };

  return {
    add(bytes) {
      queue.push(bytes);
      unsent += bytes.length;
    },
    finish() { finishing = true; },
    get unsent() { return unsent; },
    get owed() { return flight.length > 0; },
    get done() { return finished && flight.length === 0; },
    get flying() { return flying; },
    get repeats() { return lost > 0; },
    tally,
    get place() { return place; },
    get base() { return base; },
    get end() { return end; },
    ready(budget, window) {
      if (lost > 0) return flying < budget || flying === 0;
      if (unsent === 0 && (!finishing || finished)) return false;
      return flight.length === 0 || (flight.length < span() && flying < budget && held < window);
    },
    peek(room) {
      if (lost > 0) {
        const fragment = flight.find((one) => one.state === LOST)!;
        return fragment.bytes.length - fragment.done;
      }
      return nextSize(room);
    },
    take(room, small, now) {
      if (lost === 0) {
        const { number, fin, bytes } = fresh(room, now);
        return { number, fin, bytes };
      }
      const fragment = flight.find((one) => one.state === LOST)!;
      const { number, fin, bytes } = fragment;
      if (fragment.done === 0 && bytes.length <= room) {
        again(fragment, now);
        return { number, fin, bytes };
      }
      const at = fragment.done, stop = Math.min(bytes.length, at + small), last = stop === bytes.length;
      fragment.done = last ? 0 : stop;
      if (last) again(fragment, now);
      return { number, fin, part: { at, last }, bytes: bytes.subarray(at, stop) };
    },
    acked(next, map) {
      if (next < base || next > end || next + 8 * map.length > end + 8) return undefined;
      const progress = { bytes: 0, sentAt: undefined as number | undefined, place: 0, last: 0 };
      while (flight.length > 0 && base < next) {
        const fragment = flight.shift()!;
        arrive(fragment, progress);
        held -= fragment.bytes.length;
        base++;
      }
      for (let i = 0; i < 8 * map.length; i++) {
        const fragment = map[i >> 3]! & (1 << (i & 7)) ? flight[next + 1 + i - base] : undefined;
        if (fragment) arrive(fragment, progress);
      }
      if (progress.bytes > 0 || progress.place > 0) judge(progress.place - reorder);
      return { bytes: progress.bytes, sentAt: progress.sentAt };
    },
    proven(limit) { judge(limit); },
    expire() {
      const fragment = flight.find((one) => one.state !== ARRIVED);
      if (fragment?.state === IN_FLIGHT) lose(fragment);
      return fragment !== undefined;
    },
  };
}
