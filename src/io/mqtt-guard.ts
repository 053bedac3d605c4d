// What arrives from a broker, cut where its packets end, before anything reads it: no packet may be larger than was granted, or of a kind that was not asked for.

import type { Bytes } from '../ports.ts';

const CONNACK = 2, PUBLISH = 3;

/**
 * Watches the bytes of one connection. The function that it gives takes the next chunk and hands on its pieces, none of which reaches over the end of a packet.
 * It returns undefined, or what is wrong: then nothing more may be handed in. A packet may have `most` bytes, its own header included.
 */
export function packetGuard(most: number, onPiece: (piece: Bytes) => void): (chunk: Bytes) => string | undefined {
  let first = true;
  /** Bytes of the current packet that are still to come; undefined while its length is being read. */
  let left: number | undefined;
  let header = 0, length = 0, lengthBytes = 0;

  /** Takes one byte of a fixed header. */
  function take(byte: number): string | undefined {
    if (header === 0) {
      const kind = byte >> 4;
      if (first && kind !== CONNACK) return 'what answers there is no MQTT broker; is it the port for encrypted connections (mqtts:), or of another program?';
      if (kind === 0) return 'the broker sent what is no MQTT packet';
      if (kind === PUBLISH && (byte >> 1 & 3) > 1) return 'the broker sent a message with QoS 2, which it was not asked for';
      first = false;
      header = 1;
      length = lengthBytes = 0;
      return undefined;
    }
    length += (byte & 0x7f) * 0x80 ** lengthBytes++;
    if (lengthBytes > 4) return 'the broker sent what is no MQTT packet';
    if (1 + lengthBytes + length > most) return `the broker sent a packet of more than ${most} bytes`;
    if (byte < 0x80) left = length;
    return undefined;
  }

  return (chunk) => {
    let start = 0;
    for (let at = 0; at < chunk.length;) {
      if (left === undefined) {
        const wrong = take(chunk[at++]!);
        if (wrong !== undefined) return wrong;
      } else {
        const step = Math.min(left, chunk.length - at);
        at += step;
        left -= step;
      }
      if (left !== 0) continue;
      left = undefined;
      header = 0;
      onPiece(chunk.subarray(start, at));
      start = at;
    }
    if (start < chunk.length) onPiece(chunk.subarray(start));
    return undefined;
  };
}
