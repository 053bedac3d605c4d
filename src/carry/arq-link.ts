// A Link made of an ARQ end and a carrier of datagrams; whoever owns the carrier says when time has passed and what arrived.

import type { Bytes, Link } from '../ports.ts';

/** What carries the datagrams. */
export interface ArqCarrier {
  /** Sends one datagram (it is the carrier's from then on). False: no more until `pump` is called with room again; this one is taken. */
  send(datagram: Bytes): boolean;
  /** Asks for a call of `pump`, in this turn or (better, so that small frames share a datagram) right after it. Also called when `deadline` may have changed. */
  wake(): void;
  /** The link has ended: nothing more will be sent. */
  ended(): void;
}

/** A Link with the strings by which its host moves it. */
export interface ArqLink extends Link {
  /** A datagram of this link's peer arrived: any bytes at all. */
  datagram(bytes: Bytes, now: number): void;
  /** Does all that can be done now: hands out frames, sends datagrams, ends. Call it after `wake`, when `deadline` has come, and when the carrier has room again. */
  pump(now: number): void;
  /** When to call `pump` at the latest. */
  readonly deadline: number | undefined;
  /** The carrier is away; it is back. */
  away(): void;
  back(now: number): void;
}
