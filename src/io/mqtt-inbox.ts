// Messages that arrived from a broker and are being dealt with: bounded in number and bytes, acknowledged in order once they are done.

import type { Duplex } from 'node:stream';
import type { Bytes } from '../ports.ts';

/** Bytes of messages that are not done above which nothing more is read. */
export const INBOX_BYTES = 4_194_304;

/** How messages are asked for. */
export interface Taking {
  readonly qos: 0 | 1;
  /** The broker keeps what comes while we are away, for a week where it speaks MQTT 5. */
  readonly session: boolean;
  /** Messages that the broker may have under way to us, and bytes of the largest packet. */
  readonly places: number;
  readonly packetBytes: number;
}

/** A PUBLISH as the library gives it. */
interface Arrived { readonly topic: string; readonly payload: string | Buffer; readonly qos: number; readonly retain?: boolean; readonly messageId?: number | undefined }

/** The messages of one connection that are not acknowledged. */
export interface Inbox {
  /** Takes a message and calls `proceed` when the next one may be read, with an error: then the library does not acknowledge it by itself. */
  take(packet: Arrived, proceed: (error: Error) => void): void;
}

/**
 * Hands messages to `onMessage`, up to `places` that are not done. A broker that sends more than it was granted is not read until some are done.
 * PUBACK goes out when a message and all before it are done: MQTT wants the order in which they came.
 */
export function inbox(places: number, stream: Duplex, onMessage: (topic: string, payload: Bytes, done: () => void, retained: boolean) => void): Inbox {
  const open: { id: number; done: boolean }[] = [];
  let bytes = 0;
  let held: ((error: Error) => void) | undefined;
  let corked = false;
  const later = new Error('acknowledged when it is done');

  /** PUBACK with reason "success", the same in both versions. */
  function acknowledge(id: number): void {
    if (stream.destroyed || stream.writableEnded) return;
    if (!corked) {
      corked = true;
      stream.cork();
      process.nextTick(() => {
        corked = false;
        stream.uncork();
      });
    }
    stream.write(Uint8Array.of(0x40, 2, id >> 8, id & 0xff));
  }
  const room = (): boolean => open.length < places && bytes < INBOX_BYTES;

  return {
    take(packet, proceed) {
      const id = packet.qos === 0 ? 0 : packet.messageId ?? 0;
      if (packet.qos > 0 && (id < 1 || id > 0xffff)) throw new Error('a message without an id');
      const payload = typeof packet.payload === 'string' ? new TextEncoder().encode(packet.payload) : new Uint8Array(packet.payload);
      const place = { id, done: false };
      open.push(place);
      bytes += payload.length;
      // A topic of nothing is an alias, which was not granted.
      onMessage(packet.topic, payload, () => {
        if (place.done) return;
        place.done = true;
        bytes -= payload.length;
        while (open[0]?.done === true) {
          const first = open.shift()!;
          if (first.id > 0) acknowledge(first.id);
        }
        if (held === undefined || !room()) return;
        const proceedNow = held;
        held = undefined;
        proceedNow(later);
      }, packet.retain === true);
      if (room()) proceed(later);
      else held = proceed;
    },
  };
}
