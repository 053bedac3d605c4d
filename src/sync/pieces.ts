// Units cut into frames that a link takes, and joined again; each channel on its own, so that one can overtake another.

import { Fault } from '../fault.ts';
import type { Bytes } from '../ports.ts';
import { CHANNELS } from './bounds.ts';

const LAST = 0x80, CHANNEL = 0x03;

/** Whether a frame is a part of a unit and not its end: something long is on its way. */
export function isPart(frame: Bytes): boolean {
  return frame.length > 1 && (frame[0]! & LAST) === 0;
}

/** Units waiting for the link. A frame is cut only when the link takes one, from the lowest channel that has something. */
export class Cutter {
  readonly #most: number;
  readonly #queues: { unit: Bytes; at: number }[][] = [];
  #waiting = 0;

  /** `frameBytes`: the link's largest frame, at least 16. */
  constructor(frameBytes: number) {
    if (!(frameBytes >= 16)) throw new Fault('bad-argument', 'A link must take frames of at least 16 bytes.');
    this.#most = frameBytes - 1;
    for (let i = 0; i < CHANNELS; i++) this.#queues.push([]);
  }

  /** Bytes that wait to be sent. */
  get waiting(): number {
    return this.#waiting;
  }

  /** True while a unit of this channel waits. */
  has(channel: number): boolean {
    return this.#queues[channel]!.length > 0;
  }

  /** Adds a unit of at least one byte. */
  add(channel: number, unit: Bytes): void {
    this.#queues[channel]!.push({ unit, at: 0 });
    this.#waiting += unit.length;
  }

  /** The next frame, or undefined when nothing waits. */
  next(): Bytes | undefined {
    for (let channel = 0; channel < CHANNELS; channel++) {
      const queue = this.#queues[channel]!;
      const first = queue[0];
      if (first === undefined) continue;
      const end = Math.min(first.unit.length, first.at + this.#most);
      const frame = new Uint8Array(1 + end - first.at);
      frame[0] = channel | (end === first.unit.length ? LAST : 0);
      frame.set(first.unit.subarray(first.at, end), 1);
      this.#waiting -= end - first.at;
      first.at = end;
      if (end === first.unit.length) queue.shift();
      return frame;
    }
    return undefined;
  }
}

/** Joins frames to units. Holds at most `most` bytes a channel, and only what has come. */
export class Joiner {
  /** Bytes of a unit at most; raised when the handshake is over. */
  most: number;
  readonly #parts: { pieces: Bytes[]; bytes: number }[] = [];

  constructor(most: number) {
    this.most = most;
    for (let i = 0; i < CHANNELS; i++) this.#parts.push({ pieces: [], bytes: 0 });
  }

  /** The unit that this frame ends, or undefined. Fault `bad-message` for a malformed frame or a unit that is too long. */
  add(frame: Bytes): { channel: number; unit: Bytes } | undefined {
    const head = frame[0];
    if (head === undefined || frame.length < 2 || (head & ~(LAST | CHANNEL)) !== 0 || (head & CHANNEL) >= CHANNELS) throw new Fault('bad-message', 'What came is not a frame of a session. Is there a Holdfast node at the other end?');
    const channel = head & CHANNEL;
    const part = this.#parts[channel]!;
    if (part.bytes + frame.length - 1 > this.most) throw new Fault('bad-message', `A unit is longer than ${this.most} bytes.`);
    const last = (head & LAST) !== 0;
    if (last && part.pieces.length === 0) return { channel, unit: frame.subarray(1) };
    part.pieces.push(frame.slice(1));
    part.bytes += frame.length - 1;
    if (!last) {
      // Frames of one byte would cost far more than they carry: join what has gathered now and then.
      if (part.pieces.length >= 1024) part.pieces = [joined(part.pieces, part.bytes)];
      return undefined;
    }
    const unit = joined(part.pieces, part.bytes);
    part.pieces = [];
    part.bytes = 0;
    return { channel, unit };
  }
}

function joined(pieces: Bytes[], bytes: number): Bytes {
  const out = new Uint8Array(bytes);
  let at = 0;
  for (const piece of pieces) {
    out.set(piece, at);
    at += piece.length;
  }
  return out;
}
