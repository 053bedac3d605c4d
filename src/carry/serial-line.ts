// A serial line as links, one connection after another: frames on the line, its pace, its noise, turns and airtime; without a port, timers or a clock.

import type { Bytes, Link, Random } from '../ports.ts';
import { FRAME_BYTES } from '../limits.ts';
import { arq, type Arq } from './arq.ts';
import { arqLink, type ArqLink } from './arq-link.ts';
import { tagOf } from './arq-datagram.ts';
import { airtime } from './serial-airtime.ts';
import { encodeLineFrame, lineDecoder } from './serial-frame.ts';
import { lineNoise } from './serial-noise.ts';
import { lineTurn } from './serial-turn.ts';

/** Bits on the line for each byte: start, eight, stop. */
const BITS = 10;
/** Datagrams take so long at most where the line is slow, within these bounds. */
const DATAGRAM_MS = 300, DATAGRAM_LEAST = 40, DATAGRAM_SLOW = 128, DATAGRAM_MOST = 1_024;
/** What a datagram costs beside the bytes of frames: stuffing, the zero, checksum, head. */
const OVERHEAD = 9;
/** Datagrams below this are greetings and acknowledgements: whether they arrive says little about noise. */
const SMALL = 30;
/** The port is given bytes so long before the line is through with the last ones. */
const LEAD_MS = 40;
/** Bytes in the hands of a port that does not take them (flow control), as time of the line. */
const HELD_MS = 250;
/** After such a rest a frame begins with a zero of its own. */
const REST_MS = 20;
const WINDOW_LEAST = 4_096, WINDOW_MOST = 131_072, WINDOW_MS = 2_000;
/** Nobody talks longer at a time (half duplex), in milliseconds and in datagrams. */
const TURN_LEAST_MS = 250, TURN_MOST_MS = 1_000, TURN_DATAGRAMS = 8;
/** Calls that nobody answered and that are repeated at once (half duplex), since both may have called at the same moment. */
const HAILS = 4;
const PATIENCE_MS = 60_000, PATIENCE_TRIPS = 30, KEEP_ALIVE_MS = 20_000;
/** Between a connection that ended and the next attempt; doubled while connections last shorter than `LASTING_MS`. */
const AGAIN_MS = 200, AGAIN_MOST_MS = 30_000, LASTING_MS = 10_000;

/** What a line is. */
export interface LineOptions {
  now: number;
  random: Random;
  /** Bits a second; ten for each byte. */
  baud: number;
  /** One direction at a time. */
  half?: boolean | undefined;
  /** The share of the time that may be used for sending, above 0 up to 1. */
  airtime?: number | undefined;
}

/** The port under a line. */
export interface LinePort {
  /** Takes these bytes; `written` must be called when the system has taken them. */
  write(bytes: Bytes): void;
  /** Asks for a call of `pump` right after this turn. */
  wake(): void;
  /** Both sides have met: the link, and which side of it this is. Set its handlers at once. */
  opened(link: Link, side: 'open' | 'accept'): void;
}

/** A line and how it is. */
export interface SerialLine {
  /** Bytes came, in any pieces. */
  arrived(bytes: Bytes, now: number): void;
  /** The system has taken the oldest write. */
  written(now: number): void;
  /** Does all that can be done now; call it when `deadline` has come and after `wake`. */
  pump(now: number): void;
  readonly deadline: number | undefined;
  /** The port has gone (its plug was pulled); it is back. A connection outlives that for as long as it has patience. */
  away(): void;
  back(now: number): void;
  /** Ends the connection, delivering what was sent, and makes no other. */
  stop(reason: string, now: number): void;
  /** Nothing is connected and nothing will be. */
  readonly stopped: boolean;
  /** Bytes of a datagram at present, bytes that came and were part of nothing, errors a byte on the way out. */
  readonly state: { datagram: number; noise: number; errors: number };
}

/** The line of one port. `baud` 300 to 20,000,000. */
export function serialLine(options: LineOptions, port: LinePort): SerialLine {
  const { random, half = false, airtime: share = 1 } = options;
  const rate = options.baud / BITS / 1_000, time = (bytes: number) => bytes / rate;
  const most = Math.round(Math.max(DATAGRAM_SLOW, Math.min(DATAGRAM_MOST, rate * DATAGRAM_MS)));
  const turnMs = Math.max(TURN_LEAST_MS, Math.min(TURN_MOST_MS, TURN_DATAGRAMS * time(most)));
  const roundTrip = (half ? 2 * turnMs : 3 * time(most)) + 4 * LEAD_MS + 100;
  const patience = Math.max(PATIENCE_MS, PATIENCE_TRIPS * roundTrip) / Math.max(0.05, share);
  const noise = lineNoise(DATAGRAM_LEAST, most, OVERHEAD), budget = airtime(share, options.now), turn = lineTurn(random, time(1), turnMs);
  const manifest = { name: 'serial', frameBytes: Math.min(FRAME_BYTES, most), thin: true };

  let end: Arq | undefined, link: ArqLink | undefined, clock = options.now, openedAt: number | undefined;
  let againAt: number | undefined = options.now, again = AGAIN_MS, stopping: string | undefined;
  /** When the line is through with what was written, and what the port has not taken yet. */
  let busyUntil = -Infinity, outstanding: number[] = [], outstandingBytes = 0, refused = false;
  /** Half duplex: how many datagrams may be taken, and the one that is written once it is known whether another follows. */
  let grant = 0, taken: Bytes | undefined, pending: Bytes | undefined;
  let lostSeen = 0, sentBytes = 0, hails = 0, heard = false, gone = false;

  /** The port does not take what it has: `written` will tell when that changes. */
  const stuck = () => outstandingBytes > 0 && time(outstandingBytes) >= HELD_MS;
  const free = () => clock >= busyUntil - LEAD_MS && !stuck();

  function write(datagram: Bytes, over: boolean): void {
    const first = clock > busyUntil + REST_MS || tagOf(datagram) === 0;
    const bytes = encodeLineFrame(datagram, over, first);
    busyUntil = Math.max(busyUntil, clock) + time(bytes.length);
    budget.spent(time(bytes.length), clock);
    if (datagram.length > SMALL) sentBytes += bytes.length;
    if (link) link.traffic.out += bytes.length - datagram.length;
    outstanding.push(bytes.length);
    outstandingBytes += bytes.length;
    port.write(bytes);
  }

  const decoder = lineDecoder((datagram, over, bytes) => {
    const before = link;
    const known = before?.datagram(datagram, clock) ?? false;
    heard ||= known;
    if (known && before) before.traffic.in += bytes - datagram.length;
    // Of what nobody knows only our own echo matters.
    if (half && (known || end?.echo(datagram))) turn.frame(!known, over, clock);
  });

  function begin(): void {
    againAt = undefined;
    openedAt = undefined;
    heard = false;
    lostSeen = hails = 0;
    const mine = end = arq({
      role: 'either', now: clock, random, mtu: noise.size, window: Math.round(Math.max(WINDOW_LEAST, Math.min(WINDOW_MOST, rate * WINDOW_MS))),
      ahead: Math.max(most, Math.round(rate * 2 * LEAD_MS)), roundTrip, patience, keepAlive: Math.max(KEEP_ALIVE_MS, 20 * roundTrip) / Math.max(0.02, share),
      ackDelay: half ? 0 : undefined, timeout: half ? 3 * turnMs : 2 * time(most) + 2 * LEAD_MS + 20, reorder: 1, paced: true, narrow: true,
    });
    const made: ArqLink = arqLink(mine, {
      room: () => {
        if (half) return grant > 0;
        const room = free() && budget.ready(clock);
        refused ||= !room;
        return room;
      },
      send(datagram) {
        if (!half) write(datagram, false);
        else {
          grant--;
          taken = datagram;
        }
        return true;
      },
      wake: () => port.wake(),
      opened() {
        openedAt = clock;
        port.opened(made, mine.side ?? 'open');
      },
      ended() {
        const lasted = openedAt !== undefined && clock - openedAt >= LASTING_MS;
        again = openedAt === undefined || lasted ? AGAIN_MS : Math.min(AGAIN_MOST_MS, 2 * again);
        againAt = clock + again * (0.5 + (random.bytes(1)[0] ?? 0) / 256);
        end = link = undefined;
      },
    }, manifest);
    link = made;
    if (gone) made.away();
  }

  /** What the losses say about the size of datagrams. */
  function learn(): void {
    if (!end) return;
    const lost = end.tally.lost - lostSeen;
    if (sentBytes === 0 && lost === 0) return;
    lostSeen = end.tally.lost;
    noise.sent(sentBytes, lost);
    sentBytes = 0;
    end.resize(noise.size);
  }

  /** One direction at a time: each datagram is written when it is known whether it is the last of this turn. */
  function talk(): void {
    if (turn.tick(clock) && end?.waits && (end.open || hails++ < HAILS)) {
      turn.slow();
      end.resume(clock);
    }
    while (!gone && free()) {
      if (!pending && !budget.ready(clock)) return turn.pass(clock);
      let may = turn.may(clock) && budget.ready(clock);
      if (!may && !pending) {
        // A turn that we slept through; the line may be free by now.
        turn.pass(clock);
        may = turn.may(clock);
        if (!may) return;
      }
      grant = may ? 1 : 0;
      taken = undefined;
      if (may) link?.pump(clock);
      grant = 0;
      if (!pending) {
        if (!taken) return turn.pass(clock);
        turn.begin(clock);
        pending = taken;
        continue;
      }
      write(pending, !taken);
      pending = taken;
      if (!taken) return turn.over(busyUntil);
    }
  }

  function pump(now: number): void {
    clock = Math.max(clock, now);
    if (againAt !== undefined && clock >= againAt && stopping === undefined) begin();
    refused = false;
    link?.pump(clock);
    if (half) talk();
    learn();
  }

  return {
    arrived(bytes, now) {
      clock = Math.max(clock, now);
      if (half && bytes.length > 0) turn.noise(clock);
      decoder.push(bytes);
      pump(clock);
    },
    written(now) {
      outstandingBytes -= outstanding.shift() ?? 0;
      pump(now);
    },
    pump,
    get deadline() {
      let first = Math.min(link?.deadline ?? Infinity, stopping === undefined ? againAt ?? Infinity : Infinity);
      // When the line is free again something may be waiting for it.
      const line = Math.max(busyUntil - LEAD_MS, budget.readyAt);
      if (!stuck() && !gone && (half ? pending !== undefined || clock < line : refused)) first = Math.min(first, line);
      if (half) first = Math.min(first, futureOf(turn.deadline, clock));
      return first === Infinity ? undefined : first;
    },
    away() {
      gone = true;
      link?.away();
      outstanding = [];
      outstandingBytes = 0;
      pending = undefined;
    },
    back(now) {
      gone = false;
      clock = Math.max(clock, now);
      busyUntil = -Infinity;
      link?.back(clock);
      pump(clock);
    },
    stop(reason, now) {
      stopping ??= reason;
      clock = Math.max(clock, now);
      // Who has heard nobody owes nobody a word.
      if (openedAt === undefined && !heard) end = link = undefined;
      link?.close(reason);
      pump(clock);
    },
    get stopped() { return stopping !== undefined && link === undefined; },
    get state() { return { datagram: noise.size, noise: decoder.noise, errors: noise.rate }; },
  };
}

/** A moment that is still to come. */
function futureOf(at: number | undefined, now: number): number {
  return at === undefined || at <= now ? Infinity : at;
}
