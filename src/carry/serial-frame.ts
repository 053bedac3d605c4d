// Datagrams on a line of bytes: stuffed, checked, with a zero between them. The tag of the datagram is folded into its checksum and takes no bytes.

import type { Bytes } from '../ports.ts';
import { crc32c } from '../event/bytes.ts';
import { putTag, TAG_BYTES, tagOf } from './arq-datagram.ts';
import { stuff, unstuff } from './cobs.ts';

/** The bits of the tag by which whoever talks gives the turn to the other side (half duplex); both, so that one that is changed on the way makes it noise. */
const OVER = 12;
/** Bytes between two zeros above which they are no frame: the largest datagram, stuffed. */
export const LINE_FRAME_BYTES = 4_160;

/** A datagram as it stands on the line, with the zero after it; `first` puts one before it too, so that whatever lies on the line does not spoil it. */
export function encodeLineFrame(datagram: Bytes, over: boolean, first: boolean): Bytes {
  const body = datagram.subarray(TAG_BYTES), plain = new Uint8Array(datagram.length);
  plain.set(body);
  putTag(plain, body.length, (crc32c(body) ^ tagOf(datagram)! ^ (over ? OVER : 0)) >>> 0);
  const stuffed = stuff(plain, 1);
  if (!first) return stuffed;
  const out = new Uint8Array(stuffed.length + 1);
  out.set(stuffed, 1);
  return out;
}

/** Finds datagrams in arriving bytes. */
export interface LineDecoder {
  /** Takes bytes as they come. */
  push(bytes: Bytes): void;
  /** Bytes that were part of nothing. */
  readonly noise: number;
}

/**
 * A decoder for one line. `onFrame` gets what may be a datagram, with the bytes that it took: noise has a tag that nobody knows, for checksum and tag are one. At most
 * one frame is held; longer runs without a zero are thrown away as they come.
 */
export function lineDecoder(onFrame: (datagram: Bytes, over: boolean, bytes: number) => void): LineDecoder {
  const held = new Uint8Array(LINE_FRAME_BYTES);
  let length = 0, noise = 0;

  function frame(stuffed: Bytes): void {
    const plain = unstuff(stuffed);
    if (!plain || plain.length < TAG_BYTES) {
      noise += stuffed.length;
      return;
    }
    const end = plain.length - TAG_BYTES, body = plain.subarray(0, end), tag = (crc32c(body) ^ tagOf(plain.subarray(end))!) >>> 0;
    const turn = tag & OVER, datagram = new Uint8Array(plain.length);
    if (turn !== 0 && turn !== OVER) {
      noise += stuffed.length;
      return;
    }
    putTag(datagram, 0, (tag & ~OVER) >>> 0);
    datagram.set(body, TAG_BYTES);
    onFrame(datagram, turn === OVER, stuffed.length + 1);
  }

  return {
    get noise() { return noise; },
    push(bytes) {
      let at = 0;
      while (at < bytes.length) {
        const zero = bytes.indexOf(0, at), stop = zero < 0 ? bytes.length : zero;
        const part = bytes.subarray(at, stop);
        if (length + part.length > LINE_FRAME_BYTES) {
          noise += part.length;
          // Nothing before the next zero can be a frame any more.
          length = LINE_FRAME_BYTES + 1;
        } else {
          held.set(part, length);
          length += part.length;
        }
        at = stop;
        if (zero < 0) continue;
        at++;
        if (length > LINE_FRAME_BYTES) noise += LINE_FRAME_BYTES;
        else if (length > 0) frame(held.subarray(0, length));
        length = 0;
      }
    },
  };
}
