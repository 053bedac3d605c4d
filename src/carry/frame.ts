// Frames in a stream of bytes (TCP, pipes): each is its length and then its bytes.

import { FRAME_BYTES } from '../limits.ts';
import { Fault } from '../fault.ts';
import type { Bytes } from '../ports.ts';

/** Bytes that the length of a frame takes at most: 7 bits each, the lowest first, bit 7 set on all but the last. */
const LENGTH_BYTES = 3;

/** The bytes of one frame on a stream: 1 to 3 bytes more than the frame. Fault `too-large` above 262,144 bytes, `bad-argument` for an empty one. */
export function encodeFrame(frame: Bytes): Bytes {
  const length = frame.length;
  if (length === 0) throw new Fault('bad-argument', 'An empty frame carries nothing.');
  if (length > FRAME_BYTES) throw new Fault('too-large', `A frame has at most ${FRAME_BYTES} bytes, this one ${length}.`);
  const head = length < 0x80 ? 1 : length < 0x4000 ? 2 : LENGTH_BYTES;
  const out = new Uint8Array(head + length);
  for (let i = 0; i < head; i++) out[i] = ((length >> (7 * i)) & 0x7f) | (i < head - 1 ? 0x80 : 0);
  out.set(frame, head);
  return out;
}

/** Cuts arriving bytes into frames. `push` throws Fault `bad-message` for what cannot be one, and for ever after. */
export interface FrameDecoder { push(chunk: Bytes): void }

/**
 * A decoder for one stream. `onFrame` gets each whole frame: a fresh array, or a view of the chunk when the frame lies in one (then it is good only during
 * the call). Holds at most one frame, and only bytes that have come: a peer that claims a long one costs nothing yet.
 */
export function frameDecoder(onFrame: (frame: Bytes) => void): FrameDecoder {
  let length = 0, shift = 0, reading = true, held: Bytes[] = [], got = 0, broken: Fault | undefined;

  const refuse = (what: string): never => {
    held = [];
    broken = new Fault('bad-message', what);
    throw broken;
  };

  const head = (byte: number): void => {
    length |= (byte & 0x7f) << (7 * shift++);
    if (byte & 0x80) {
      if (shift === LENGTH_BYTES) refuse('This is not a stream of frames: a length does not end.');
      return;
    }
    if (length === 0 || (shift > 1 && byte === 0)) refuse('This is not a stream of frames: a length is empty or longer than it need be.');
    if (length > FRAME_BYTES) refuse(`A frame has at most ${FRAME_BYTES} bytes, this one claims ${length}.`);
    reading = false;
  };

  const whole = (last: Bytes): Bytes => {
    if (held.length === 0) return last;
    const frame = new Uint8Array(length);
    let at = 0;
    for (const part of held) {
      frame.set(part, at);
      at += part.length;
    }
    frame.set(last, at);
    return frame;
  };

  return {
    push(chunk) {
      if (broken) throw broken;
      let at = 0;
      while (at < chunk.length) {
        if (reading) {
          head(chunk[at++]!);
          continue;
        }
        const take = Math.min(length - got, chunk.length - at);
        const part = chunk.subarray(at, at + take);
        at += take;
        got += take;
        if (got < length) {
          held.push(new Uint8Array(part));
          // Many tiny chunks would cost more than they carry.
          if (held.length >= 1024) held = [joined(held)];
          continue;
        }
        const frame = whole(part);
        held = [];
        length = shift = got = 0;
        reading = true;
        onFrame(frame);
      }
    },
  };
}

function joined(parts: Bytes[]): Bytes {
  const out = new Uint8Array(parts.reduce((n, part) => n + part.length, 0));
  let at = 0;
  for (const part of parts) {
    out.set(part, at);
    at += part.length;
  }
  return out;
}

/** Both together, as links take them. */
export const framing: { encode(frame: Bytes): Bytes; decoder(onFrame: (frame: Bytes) => void): FrameDecoder } = { encode: encodeFrame, decoder: frameDecoder };
