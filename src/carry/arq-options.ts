// What an ARQ end is made of: its sizes and times, their defaults and bounds.

import { Fault } from '../fault.ts';
import type { Random } from '../ports.ts';

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
  /** Nothing is repeated for want of an answer before this; 100 by default. */
  timeout?: number | undefined;
  /** How long an acknowledgement may wait for another one or for data to travel with; 25 by default. */
  ackDelay?: number | undefined;
  /** A datagram counts as lost once so many that were sent after it have arrived: 1 where nothing overtakes; 3 by default. */
  reorder?: number | undefined;
  /** The carrier takes datagrams only as fast as the line carries them: then no queue builds up, and the whole window may be in the air. */
  paced?: boolean | undefined;
  /** Numbers of one byte instead of three, where both sides want it: for carriers that neither reorder nor repeat. */
  narrow?: boolean | undefined;
}

/** Options with their defaults in place. */
export type ArqSettings = Required<Omit<ArqOptions, 'ahead' | 'keepAlive'>> & { ahead: number; keepAlive: number };

/** Fills in what is not given. Fault `bad-argument` for sizes out of range. */
export function arqSettings(options: ArqOptions): ArqSettings {
  const { window, ahead = window, roundTrip = 1_000, patience = 60_000, keepAlive = Infinity, timeout = 100, ackDelay = 25, reorder = 3, paced = false, narrow = false } = options;
  if (!(window >= 64 && window <= 4_000_000)) throw new Fault('bad-argument', `A window has 64 to 4,000,000 bytes, not ${window}.`);
  const settings = { ...options, ahead, roundTrip, patience, keepAlive, timeout, ackDelay, reorder, paced, narrow };
  checkDatagram(settings, options.mtu);
  return settings;
}

/** Gives the size of a datagram back. Fault `bad-argument` when it is out of range. */
export function checkDatagram({ narrow }: { narrow: boolean }, bytes: number): number {
  const least = narrow ? 32 : 256;
  if (bytes >= least && bytes <= 65_535) return bytes;
  throw new Fault('bad-argument', `A datagram has ${least} to 65,535 bytes, not ${bytes}.`);
}
