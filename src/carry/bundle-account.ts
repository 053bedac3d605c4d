// What an import has met of a volume: which blocks, where they can be read again, and where its index lies; small, however long the volume is.

import type { Bytes } from '../ports.ts';
import { INDEX_MOST } from './bundle-bounds.ts';

/** Where a block stands in a source. */
export interface Place<S> { source: S; at: number; length: number }

/** Bytes of memory that the accounts of one import may still take: what finds no room is used, and not kept account of. */
export interface AccountRoom { bytes: number }

/** Takes room for something; false: there is none. */
export function takeRoom(room: AccountRoom, bytes: number): boolean {
  if (room.bytes < bytes) return false;
  room.bytes -= bytes;
  return true;
}

/** What one account, one chunk of bits and one place take, about. */
export const ACCOUNT_BYTES = 1_024, PLACE_BYTES = 256;
const CHUNK_BYTES = 768;
/** Blocks of one chunk of the account. */
const CHUNK = 4_096;
/** Places kept for blocks that do not stand where their number says: in another copy, or behind bytes that were lost. */
const ODD_MOST = 65_536;

/** The account of one volume. A block that stands where its number puts it costs a bit, any other one a place. */
export class VolumeAccount<S> {
  readonly source: S;
  /** Blocks that opened, and those of them that were restored. */
  blocks = 0;
  restored = 0;
  /** Bytes of its blocks, but perhaps the last one. */
  size: number;
  /** The number of its last block, once that was met. */
  last: number | undefined;
  /** Numbers of the blocks that hold its index. */
  readonly index: number[] = [];
  readonly #room: AccountRoom;
  readonly #origin: number;
  readonly #bits = new Map<number, Bytes>();
  readonly #odd = new Map<number, Place<S>>();
  readonly #bodies = new Map<number, Bytes>();
  #end: { index: number; length: number } | undefined;
  #highest = -1;

  /** Begins with the first block that was met of it. `room`: what it takes more comes out of this. */
  constructor(room: AccountRoom, source: S, index: number, at: number, length: number) {
    this.#room = room;
    this.source = source;
    this.size = length;
    this.#origin = at - index * length;
  }

  has(index: number): boolean {
    return ((this.#bits.get(Math.floor(index / CHUNK))?.[(index % CHUNK) >> 3] ?? 0) & (1 << (index & 7))) !== 0;
  }

  /** Notes a block; `place` undefined: it was restored, and stands nowhere. */
  note(index: number, last: boolean, place: Place<S> | undefined): void {
    if (index > INDEX_MOST) return;
    const known = this.has(index), chunk = Math.floor(index / CHUNK);
    let bits = this.#bits.get(chunk);
    if (!bits) {
      if (!takeRoom(this.#room, CHUNK_BYTES)) return;
      this.#bits.set(chunk, bits = new Uint8Array(CHUNK / 8));
    }
    if (last) this.last = index;
    if (place) {
      const { source, at, length } = place, regular = source === this.source && at === this.#origin + index * this.size;
      if (regular && length === this.size) this.#odd.delete(index);
      else if (regular && last) this.#end = { index, length };
      else if (!known) this.#setOdd(index, place);
    } else this.#setOdd(index, { source: this.source, at: -1, length: 0 });
    if (known) return;
    bits[(index % CHUNK) >> 3]! |= 1 << (index & 7);
    this.blocks++;
    this.#highest = Math.max(this.#highest, index);
  }

  #setOdd(index: number, place: Place<S>): void {
    if (this.#odd.size < ODD_MOST && takeRoom(this.#room, PLACE_BYTES)) this.#odd.set(index, place);
  }

  /** Where a block can be read again. */
  place(index: number): Place<S> | undefined {
    if (!this.has(index)) return undefined;
    const odd = this.#odd.get(index);
    if (odd) return odd.at < 0 ? undefined : odd;
    return { source: this.source, at: this.#origin + index * this.size, length: this.#end?.index === index ? this.#end.length : this.size };
  }

  /** Keeps what a block of the index says that stands nowhere. */
  keepIndex(index: number, body: Bytes): void { if (takeRoom(this.#room, body.length + PLACE_BYTES)) this.#bodies.set(index, body); }
  keptIndex(index: number): Bytes | undefined { return this.#bodies.get(index); }

  /** The numbers of blocks that are missing below its end, or below the last that was met: the first `most` of them. */
  missing(most: number): number[] {
    const end = this.last ?? this.#highest, out: number[] = [];
    for (let index = 0; index <= end && out.length < most; index++) {
      if (index % CHUNK === 0 && !this.#bits.has(index / CHUNK) && end - index >= CHUNK) {
        for (let i = 0; i < CHUNK && out.length < most; i++) out.push(index + i);
        index += CHUNK - 1;
      } else if (!this.has(index)) out.push(index);
    }
    return out;
  }

  /** Whether nothing is missing up to its end. */
  get whole(): boolean { return this.last !== undefined && this.blocks === this.last + 1; }
}
