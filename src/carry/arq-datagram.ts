// The bytes of the datagrams of an ARQ connection (ARQ.md §2): what connected sides say to each other.

import type { Bytes } from '../ports.ts';

/** Bytes of the tag that every datagram begins with. */
export const TAG_BYTES = 4;
/** Fragments that may be on their way at once, with numbers of one byte and of three; a side that knows of a gap tells of so many at most. */
export const NARROW_SPAN = 120, WIDE_SPAN = 1_000;

const DATA = 1, ACK = 2, MAP = 4, ASK = 8, ANSWER = 16, SPLIT = 32, LAST = 64, RESERVED = 128;
const SPLIT_LAST = 0x8000;

/** A fragment, or a part of one that is repeated in smaller datagrams. */
export interface Piece {
  number: number;
  /** The stream ends with this fragment. */
  fin: boolean;
  /** Where in its fragment the part stands, and whether it ends it. */
  part?: { at: number; last: boolean } | undefined;
  bytes: Bytes;
}

/** What a datagram says; numbers are whole here and cut to their low bytes on the wire. */
export interface Talk {
  /** Please answer at once with this. */
  ask?: number | undefined;
  answer?: number | undefined;
  /** All fragments before `next` are here; of those after it the ones whose bit is set, the lowest bit of the first byte for `next` + 1. */
  ack?: { next: number; map: Bytes } | undefined;
  piece?: Piece | undefined;
}

/** Bytes that a datagram takes before the bytes of its fragment. */
export function headBytes(talk: Talk, narrow: boolean): number {
  const wide = narrow ? 1 : 3;
  let n = TAG_BYTES + 1;
  if (talk.ask !== undefined) n++;
  if (talk.answer !== undefined) n++;
  if (talk.ack) n += wide + (talk.ack.map.length > 0 ? 1 + talk.ack.map.length : 0);
  if (talk.piece) n += wide + (talk.piece.part ? 2 : 0);
  return n;
}

/** One datagram. */
export function encodeTalk(tag: number, talk: Talk, narrow: boolean): Bytes {
  const { piece, ack } = talk;
  const out = new Uint8Array(headBytes(talk, narrow) + (piece ? piece.bytes.length : 0));
  const wide = narrow ? 1 : 3;
  putTag(out, 0, tag);
  let at = TAG_BYTES + 1, flags = 0;
  const number = (value: number) => {
    for (let i = wide - 1; i >= 0; i--) out[at++] = Math.floor(value / 2 ** (8 * i)) & 0xff;
  };
  if (talk.ask !== undefined) { flags |= ASK; out[at++] = talk.ask; }
  if (talk.answer !== undefined) { flags |= ANSWER; out[at++] = talk.answer; }
  if (ack) {
    flags |= ACK;
    number(ack.next);
    if (ack.map.length > 0) {
      flags |= MAP;
      out[at++] = ack.map.length;
      out.set(ack.map, at);
      at += ack.map.length;
    }
  }
  if (piece) {
    flags |= DATA | (piece.fin ? LAST : 0);
    number(piece.number);
    if (piece.part) {
      flags |= SPLIT;
      const word = piece.part.at | (piece.part.last ? SPLIT_LAST : 0);
      out[at++] = word >> 8;
      out[at++] = word & 0xff;
    }
    out.set(piece.bytes, at);
  }
  out[TAG_BYTES] = flags;
  return out;
}

/** What a datagram says, numbers as their low bytes; its bytes are a view. Undefined when it says nothing that can be understood. */
export function decodeTalk(bytes: Bytes, narrow: boolean): Talk | undefined {
  const flags = bytes[TAG_BYTES];
  if (flags === undefined || flags & RESERVED || flags === 0) return undefined;
  if (!(flags & DATA) && flags & (SPLIT | LAST)) return undefined;
  if (flags & MAP && !(flags & ACK)) return undefined;
  const wide = narrow ? 1 : 3, end = bytes.length;
  const talk: Talk = {};
  let at = TAG_BYTES + 1;
  const number = (): number => {
    let value = 0;
    for (let i = 0; i < wide; i++) value = value * 256 + (bytes[at++] ?? 0);
    return value;
  };
  if (flags & ASK) talk.ask = bytes[at++] ?? 0;
  if (flags & ANSWER) talk.answer = bytes[at++] ?? 0;
  if (flags & ACK) {
    const next = number();
    const length = flags & MAP ? bytes[at++] ?? 0 : 0;
    if (flags & MAP && length === 0) return undefined; // there is one way to say each thing
    talk.ack = { next, map: bytes.subarray(at, at + length) };
    at += length;
  }
  if (flags & DATA) {
    const piece: Piece = { number: number(), fin: (flags & LAST) !== 0, bytes };
    if (flags & SPLIT) {
      const word = ((bytes[at++] ?? 0) << 8) | (bytes[at++] ?? 0);
      piece.part = { at: word & ~SPLIT_LAST, last: (word & SPLIT_LAST) !== 0 };
    }
    piece.bytes = bytes.subarray(at, end);
    if (at <= end && piece.bytes.length === 0 && !piece.fin) return undefined;
    talk.piece = piece;
    if (at <= end) at = end;
  }
  // Something is missing, or something is left over.
  return at === end ? talk : undefined;
}

/** The number whose low bytes are these and that lies nearest to `near`; below zero when it would be before the first. */
export function wholeNumber(low: number, near: number, narrow: boolean): number {
  const span = narrow ? 0x100 : 0x100_0000;
  const away = (((low - near) % span) + span) % span;
  return near + (away >= span / 2 ? away - span : away);
}

/** The tag of a datagram; undefined when it is too short to have one. */
export function tagOf(bytes: Bytes): number | undefined {
  return bytes.length < TAG_BYTES ? undefined : ((bytes[0]! << 24) | (bytes[1]! << 16) | (bytes[2]! << 8) | bytes[3]!) >>> 0;
}

/** Writes a tag. */
export function putTag(out: Bytes, at: number, tag: number): void {
  for (let i = 0; i < TAG_BYTES; i++) out[at + i] = (tag >>> (24 - 8 * i)) & 0xff;
}
