// A Link made of an ARQ end and a carrier of datagrams; whoever owns the carrier says when time has passed and what arrived.

import type { Bytes, Link } from '../ports.ts';
import { Fault } from '../fault.ts';
import type { Arq } from './arq.ts';

/** What carries the datagrams. */
export interface ArqCarrier {
  /** Sends one datagram (it is the carrier's from then on). False: no more until `roomy` is called; this one is taken. */
  send(datagram: Bytes): boolean;
  /** Asks for a call of `pump`, in this turn or (better, so that small frames share a datagram) right after it. */
  wake(): void;
  /** Whether it takes a datagram now, for carriers that know; after a refusal here it is asked again at the next `pump`. */
  room?(): boolean;
  /** Both sides know of each other; called before the first frame. */
  opened?(): void;
  /** The link has ended and its owner has been told: nothing more will be sent. */
  ended?(): void;
}

/** A Link with the strings by which its host moves it. */
export interface ArqLink extends Link {
  /** A datagram arrived: any bytes at all. True when it was of the peer, or may be. */
  datagram(bytes: Bytes, now: number): boolean;
  /** Does all that can be done now: hands out frames, sends datagrams, ends. Call it after `wake` and when `deadline` has come. */
  pump(now: number): void;
  /** The carrier takes datagrams again. */
  roomy(now: number): void;
  /** The carrier is away; it is back. */
  away(): void;
  back(now: number): void;
  /** When to call `pump` at the latest; it changes with every other call. */
  readonly deadline: number | undefined;
}

/**
 * The Link of one end; its traffic counts datagrams, without what the carrier adds to them. `manifest.frameBytes` at most 262,144.
 * Set the three handlers before the first call of `pump` or `datagram`.
 */
export function arqLink(end: Arq, carrier: ArqCarrier, manifest: Link['manifest']): ArqLink {
  const traffic = { in: 0, out: 0 };
  let room = true, clock = -Infinity, pumping = false, over = false, opened = false;
  const next = () => {
    if (!opened && end.open) {
      opened = true;
      carrier.opened?.();
    }
    return end.next(clock, room && (carrier.room?.() ?? true));
  };

  /** A fault of ours in a handler ends the link; it must not run through whoever brought a datagram. */
  function guarded(handler: () => void): void {
    try {
      handler();
    } catch (error) {
      end.close(error instanceof Error ? error.message : String(error), clock);
    }
  }

  function pump(now: number): void {
    clock = Math.max(clock, now);
    // A handler that sends, closes or feeds datagrams comes back here: the round that runs sees to it.
    if (pumping || over) return;
    pumping = true;
    try {
      end.tick(clock);
      for (let said = next(); said; said = next()) {
        if (said.kind === 'datagram') {
          traffic.out += said.bytes.length;
          if (!carrier.send(said.bytes)) room = false;
        } else if (said.kind === 'frame') guarded(() => link.onFrame(said.bytes));
        else if (said.kind === 'drain') guarded(() => link.onDrain());
        else {
          over = true;
          link.onClose(said.reason);
          carrier.ended?.();
        }
      }
    } finally {
      pumping = false;
    }
  }

  const link: ArqLink = {
    manifest,
    traffic,
    send(frame) {
      if (frame.length > manifest.frameBytes) throw new Fault('too-large', `A frame of ${frame.length} bytes does not fit a ${manifest.name} link (${manifest.frameBytes} at most).`);
      const more = end.send(frame);
      if (!over) carrier.wake();
      return more;
    },
    close(reason = 'closed here') {
      if (over) return;
      end.close(reason, clock);
      carrier.wake();
    },
    datagram(bytes, now) {
      clock = Math.max(clock, now);
      if (over) return false;
      traffic.in += bytes.length;
      const known = end.datagram(bytes, clock);
      pump(clock);
      return known;
    },
    pump,
    roomy(now) {
      room = true;
      pump(now);
    },
    away: () => end.pause(),
    back(now) {
      end.resume(Math.max(clock, now));
      room = true;
      pump(now);
    },
    get deadline() { return over ? undefined : end.deadline; },
    onFrame: () => {}, onDrain: () => {}, onClose: () => {},
  };
  return link;
}
