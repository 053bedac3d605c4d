// How two ends find each other: call, welcome, and what an end says to datagrams of a connection that it does not know (ARQ.md §3).

import type { Bytes, Random } from '../ports.ts';
import { compare, concat, crc32c, equal } from '../event/bytes.ts';
import { decodeTalk, putTag, TAG_BYTES, tagOf } from './arq-datagram.ts';

const VERSION = 1;
const CALL = 1, WELCOME = 2, HERE = 3, UNKNOWN = 4;
const EITHER = 1, NARROW = 2;
const ID_BYTES = 8, HEAD = TAG_BYTES + 1, WINDOW_UNIT = 64;
const CALL_BYTES = HEAD + 1 + ID_BYTES + 2, WELCOME_BYTES = CALL_BYTES + ID_BYTES, UNKNOWN_BYTES = HEAD + TAG_BYTES;
/** Callers that an end which waits keeps in mind until one of them confirms. */
const CALLERS = 4;
/** Calls are repeated ever more rarely, at most this often, in milliseconds and in round trips. */
const CALL_MOST_MS = 5_000, CALL_MOST_TRIPS = 8;
/** Between two refusals of one end pass so many milliseconds at least. */
const REFUSE_MS = 1_000;

/** What both sides know once they have met; `trip`: how long the first answer took, if it is certain what it answered. */
export interface Agreed { side: 'open' | 'accept'; out: number; in: number; narrow: boolean; window: number; peer: Bytes; trip: number | undefined }

/** The handshake of one end. */
export interface Greeting {
  readonly agreed: Agreed | undefined;
  /** Someone has called and not confirmed yet. */
  readonly called: boolean;
  /** When the next call is due. */
  readonly deadline: number | undefined;
  /**
   * Takes a datagram that is not of the agreed connection. `agreed`: it is now, and is to be read. `welcome`: so it is by the peer's answer. `again`: the peer
   * has not heard that. `gone`: the peer does not know the connection. `doubt`: it may not, ask. `heard`: a greeting. `echo`: it is our own. Else it means nothing.
   */
  hear(bytes: Bytes, now: number): 'agreed' | 'welcome' | 'again' | 'gone' | 'doubt' | 'heard' | 'echo' | undefined;
  next(now: number): Bytes | undefined;
  /** Whether this datagram is one of ours that came back. */
  echo(bytes: Bytes): boolean;
  /** Calls at once: the carrier is back. */
  call(): void;
}

/** One end before it is connected; `window` is what it will keep of what arrives out of order. */
export function greeting(role: 'open' | 'accept' | 'either', random: Random, window: number, narrow: boolean, roundTrip: number, now: number): Greeting {
  const id = random.bytes(ID_BYTES);
  const callers: Agreed[] = [];
  const out: Bytes[] = [];
  let agreed: Agreed | undefined;
  let callAt: number | undefined = role === 'accept' ? undefined : now;
  /** When which words were said that the next one answers; none once they were said twice. */
  let calls = 0;
  const welcomes = new Map<Agreed, number | undefined>();
  let interval = roundTrip, calledAt: number | undefined, strange: number | undefined, refusedAt: number | undefined;
  let announced = role !== 'accept';
  const most = Math.max(CALL_MOST_MS, CALL_MOST_TRIPS * roundTrip);

  const flags = (role === 'either' ? EITHER : 0) | (narrow ? NARROW : 0);
  const units = Math.min(0xffff, Math.floor(window / WINDOW_UNIT));
  const say = (bytes: Bytes) => { if (out.length < 2 * CALLERS) out.push(bytes); };
  const callSoon = (at: number) => {
    if (callAt !== undefined) callAt = calledAt === undefined ? at : Math.min(callAt, Math.max(at, calledAt + roundTrip / 2));
  };

  const meet = (side: Agreed['side'], opener: Bytes, accepter: Bytes, theirs: number, units: number, peer: Bytes): Agreed => {
    const [fromOpener, fromAccepter] = tagsOf(opener, accepter);
    const own = side === 'open';
    return { side, out: own ? fromOpener : fromAccepter, in: own ? fromAccepter : fromOpener, narrow: narrow && (theirs & NARROW) !== 0, window: units * WINDOW_UNIT, peer, trip: undefined };
  };

  function called(bytes: Bytes, at: number): 'doubt' | 'again' | 'heard' | 'echo' | undefined {
    const theirs = bytes[HEAD]!, peer = bytes.slice(HEAD + 1, HEAD + 1 + ID_BYTES);
    if (equal(peer, id)) return 'echo';
    // A call of the peer that we have is late, or it has yielded and not been confirmed; one of somebody else may be that peer started again.
    if (agreed) return !equal(peer, agreed.peer) ? 'doubt' : agreed.side === 'open' ? 'again' : undefined;
    if (role === 'open' || (role === 'either' && theirs & EITHER && compare(peer, id) < 0)) {
      callSoon(at);
      return 'heard';
    }
    const before = callers.find((one) => equal(one.peer, peer)), caller = before ?? meet('accept', peer, id, theirs, (bytes[CALL_BYTES - 2]! << 8) | bytes[CALL_BYTES - 1]!, peer);
    if (!before) {
      callers.push(caller);
      if (callers.length > CALLERS) welcomes.delete(callers.shift()!);
    }
    welcomes.set(caller, before ? undefined : at);
    // Whoever yields goes on calling, rarely, in case the other side is gone by now.
    if (callAt !== undefined) callAt = at + Math.max(interval, 4 * roundTrip);
    say(control(WELCOME, Uint8Array.of(flags), peer, id, Uint8Array.of(units >> 8, units & 0xff)));
    return 'heard';
  }

  function welcome(bytes: Bytes, at: number): 'welcome' | 'again' | undefined {
    const opener = bytes.subarray(HEAD + 1, HEAD + 1 + ID_BYTES), peer = bytes.slice(HEAD + 1 + ID_BYTES, HEAD + 1 + 2 * ID_BYTES);
    if (!equal(opener, id) || role === 'accept') return undefined;
    if (agreed) return agreed.side === 'open' && equal(peer, agreed.peer) ? 'again' : undefined;
    agreed = meet('open', id, peer, bytes[HEAD]!, (bytes[WELCOME_BYTES - 2]! << 8) | bytes[WELCOME_BYTES - 1]!, peer);
    if (calls === 1 && calledAt !== undefined) agreed.trip = at - calledAt;
    callAt = undefined;
    return 'welcome';
  }

  /** Greetings that hold our id in the place of who says them. */
  const own = (bytes: Bytes) => {
    const at = kindOf(bytes) === CALL ? HEAD + 1 : kindOf(bytes) === WELCOME ? HEAD + 1 + ID_BYTES : bytes.length;
    return equal(bytes.subarray(at, at + ID_BYTES), id);
  };

  return {
    get agreed() { return agreed; },
    get called() { return callers.length > 0; },
    get deadline() { return callAt; },
    hear(bytes, at) {
      const tag = tagOf(bytes);
      if (tag === 0) {
        const kind = kindOf(bytes);
        if (kind === CALL && bytes.length >= CALL_BYTES) return called(bytes, at);
        if (kind === WELCOME && bytes.length >= WELCOME_BYTES) return welcome(bytes, at);
        if (kind === UNKNOWN && bytes.length >= UNKNOWN_BYTES) return agreed && tagOf(bytes.subarray(HEAD)) === agreed.out ? 'gone' : undefined;
        if (kind !== HERE) return undefined;
        if (agreed) return 'doubt';
        callSoon(at);
        return 'heard';
      }
      if (agreed && tag === agreed.out) return 'echo';
      const caller = agreed ? undefined : callers.find((one) => one.in === tag);
      if (caller) {
        agreed = caller;
        const said = welcomes.get(caller);
        if (said !== undefined) agreed.trip = at - said;
        welcomes.clear();
        callAt = undefined;
        return 'agreed';
      }
      // Noise does not come twice with one tag, a peer that lives does; who asks for an answer gets it at once.
      const sure = strange === tag || asks(bytes);
      strange = tag;
      if (tag === undefined || !sure || (refusedAt !== undefined && at - refusedAt < REFUSE_MS)) return undefined;
      refusedAt = at;
      say(unknown(bytes));
      return undefined;
    },
    next(at) {
      if (!announced) {
        announced = true;
        // A caller that waits for its next turn, or that still has a connection with who stood here before, learns that somebody is here.
        if (callers.length === 0 && !agreed) return control(HERE);
      }
      if (out.length > 0) return out.shift();
      if (callAt === undefined || at < callAt) return undefined;
      calledAt = at;
      calls++;
      // Not on the beat: two that call at once on one line would do so for ever.
      callAt = at + interval * (0.75 + random.bytes(1)[0]! / 512);
      interval = Math.min(most, interval * 1.5);
      return control(CALL, Uint8Array.of(flags), id, Uint8Array.of(units >> 8, units & 0xff));
    },
    echo: (bytes) => (tagOf(bytes) === 0 ? own(bytes) : agreed !== undefined && tagOf(bytes) === agreed.out),
    call() {
      if (callAt !== undefined) callAt = -Infinity;
    },
  };
}

/** Whether a datagram is a call: whoever waits for callers makes an end for it. */
export function isCall(bytes: Bytes): boolean {
  return tagOf(bytes) === 0 && kindOf(bytes) === CALL && bytes.length >= CALL_BYTES;
}

/** The answer to a datagram of a connection that nobody here knows (any more); undefined when none is due. The caller sees to it that answers are rare. */
export function refusal(bytes: Bytes): Bytes | undefined {
  const tag = tagOf(bytes);
  return tag === undefined || tag === 0 ? undefined : unknown(bytes);
}

/** The tags of datagrams from the opener and from the accepter: a side must not take its own echo for the peer. Bits 2 and 3 are left to the carrier. */
function tagsOf(opener: Bytes, accepter: Bytes): [number, number] {
  const mixed = (crc32c(concat(opener, accepter)) & ~15) >>> 0;
  return [(mixed | 1) >>> 0, (mixed | 2) >>> 0];
}

function kindOf(bytes: Bytes): number {
  const head = bytes[TAG_BYTES] ?? 0;
  return head >> 4 === VERSION ? head & 15 : 0;
}

function control(kind: number, ...parts: Bytes[]): Bytes {
  return concat(new Uint8Array(TAG_BYTES), Uint8Array.of((VERSION << 4) | kind), ...parts);
}

function unknown(bytes: Bytes): Bytes {
  const out = control(UNKNOWN, new Uint8Array(TAG_BYTES));
  putTag(out, HEAD, tagOf(bytes)!);
  return out;
}

/** Asks for an answer and carries nothing else of weight, whatever the size of the numbers. */
function asks(bytes: Bytes): boolean {
  return [true, false].some((narrow) => {
    const talk = decodeTalk(bytes, narrow);
    return talk?.ask !== undefined && talk.piece === undefined;
  });
}
