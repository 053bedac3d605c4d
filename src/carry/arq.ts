// Frames over datagrams that may be lost, repeated, reordered or delayed: selective repeat, without sockets, timers or a clock (see ARQ.md).

import type { Bytes, Random } from '../ports.ts';

/** What an end is made of. Times are milliseconds of a clock that never runs backwards; `now` in every call is of the same clock. */
export interface ArqOptions {
  /** `either`: both sides call, and the one with the greater id becomes the opener. */
  role: 'open' | 'accept' | 'either';
  now: number;
  random: Random;
  /** Largest datagram in bytes, header and the 4 bytes of its tag included: 32 to 65,535, at least 256 unless `narrow`. */
  mtu: number;
  /** Bytes that may be on their way unacknowledged, and that are kept of what arrives out of order: 64 to 4,000,000. */
  window: number;
  /** Bytes that may wait here unsent before `send` asks to wait; what an urgent frame may have to wait for. By default the window, less where the line proves slow. */
  ahead?: number | undefined;
  /** First guess of the round trip; 1,000 by default. */
  roundTrip?: number | undefined;
  /** Silence after which a peer that owes an answer is given up; 60,000 by default. */
  patience?: number | undefined;
  /** After so long without a word from the peer it is asked for one; never by default. */
  keepAlive?: number | undefined;
  /** How long an acknowledgement may wait for another one or for data to travel with; 25 by default. */
  ackDelay?: number | undefined;
  /** A datagram counts as lost once so many that were sent after it have arrived: 1 where nothing overtakes; 3 by default. */
  reorder?: number | undefined;
  /** Numbers of one byte instead of three, where both sides want it: for carriers that neither reorder nor repeat. */
  narrow?: boolean | undefined;
}

/** What an end has to say. */
export type ArqOutput =
  | { kind: 'datagram'; bytes: Bytes }
  | { kind: 'frame'; bytes: Bytes }
  | { kind: 'drain' }
  | { kind: 'closed'; reason: string };

/**
 * One end of one connection. After every call that changes something (`send`, `datagram`, `tick`, `resume`, `close`), take from `next` until it gives
 * undefined; call `tick` when `deadline` has come. Nothing throws but `send`.
 */
export interface Arq {
  /**
   * Queues a frame of 1 to 262,144 bytes; it is copied. True: give more. False: it is taken, but wait for `drain`; or the connection has ended and it is not.
   * Faults: `too-large`, `bad-argument` (empty).
   */
  send(frame: Bytes): boolean;
  /** A datagram arrived: any bytes at all. */
  datagram(bytes: Bytes, now: number): void;
  tick(now: number): void;
  /** The next thing to do. Without `room` no datagrams are given: for a carrier that cannot take one now. */
  next(now: number, room?: boolean): ArqOutput | undefined;
  /** When to call `tick` at the latest; undefined: not before something happens. */
  readonly deadline: number | undefined;
  /** True from when both sides know of each other until the end. */
  readonly open: boolean;
  /** Which side this is; undefined while `either` has not been decided. */
  readonly side: 'open' | 'accept' | undefined;
  /** The carrier is away: no datagrams are given and none are repeated, but patience runs on. */
  pause(): void;
  resume(now: number): void;
  /** Another size for the datagrams from now on, repeated ones included. */
  resize(mtu: number): void;
  /** Delivers what was sent before, then ends both sides; `closed` comes with this reason. */
  close(reason: string, now: number): void;
}
