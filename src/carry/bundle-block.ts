// A block of a bundle: sealed to the fleet, and of use without any other (BUNDLE.md).

import { Fault } from '../fault.ts';
import type { Bytes, Crypto, Random } from '../ports.ts';
import { domain } from '../event/chain.ts';
import { Reader } from '../event/reader.ts';
import { Writer } from '../event/writer.ts';
import { BLOCK_LEAST, BLOCK_MOST, PARITY_EXTRA, VOLUMES_MOST } from './bundle-bounds.ts';

/** What is in a block. */
export const SEGMENTS = 0, WORD = 1, INDEX = 2, WORDS = 3, PARITY = 64;

/** One block, open. `body`: the encoded item. */
export interface Block { kind: number; bundle: Bytes; volume: number; index: number; last: boolean; body: Bytes }

const NONCE = 12, TAG = 16;
/** Bytes of a block that its body cannot have: the seal, and what stands before the body at its longest. */
const AROUND = NONCE + TAG + 32;

/** The key of a fleet's blocks: whoever knows the fleet's id can open them. */
export function bundleKey(crypto: Crypto, fleet: Bytes): Bytes {
  return crypto.mac(fleet, domain('bundle'));
}

/** Bytes that the body of a block of this size may have. */
export function roomOf(size: number): number {
  return size - AROUND;
}

/** The least size of a block that holds a body of so many bytes, `least` at least. Fault `too-large` above what any block holds. */
export function sizeFor(bytes: number, least = BLOCK_LEAST): number {
  let size = least;
  while (roomOf(size) < bytes) {
    size *= 2;
    if (size > BLOCK_MOST) throw new Fault('too-large', `${bytes} bytes do not fit a block (${roomOf(BLOCK_MOST)} at most)`);
  }
  return size;
}

/** Seals a block of `size` bytes, or as short as it can be without. Fault `too-large`. */
export function sealBlock(crypto: Crypto, random: Random, key: Bytes, block: Block, size?: number): Bytes {
  const w = new Writer(block.body.length + 32);
  w.head(0x80, 6);
  w.head(0, block.kind);
  w.bytes(block.bundle);
  w.head(0, block.volume);
  w.head(0, block.index);
  w.byte(block.last ? 0xf5 : 0xf4);
  w.raw(block.body);
  const said = w.copy(), plain = size === undefined ? said : new Uint8Array(size - NONCE - TAG);
  if (said.length > plain.length) throw new Fault('too-large', `a body of ${block.body.length} bytes does not fit a block of ${size}`);
  if (plain !== said) plain.set(said);
  const nonce = random.bytes(NONCE), sealed = crypto.seal(key, nonce, plain), out = new Uint8Array(NONCE + sealed.length);
  out.set(nonce);
  out.set(sealed, NONCE);
  return out;
}

/** Opens a block; undefined for what is damaged, cut, of another fleet, or no block at all. Any bytes may come. */
export function openBlock(crypto: Crypto, key: Bytes, bytes: Bytes): Block | undefined {
  if (bytes.length <= NONCE + TAG || bytes.length > BLOCK_MOST + PARITY_EXTRA) return undefined;
  const plain = crypto.open(key, bytes.subarray(0, NONCE), bytes.subarray(NONCE));
  if (!plain) return undefined;
  try {
    const r = new Reader(plain);
    if (r.array() < 6) r.fail('a block that is too short');
    const kind = r.uint(), bundle = r.copy(8), volume = r.uint(VOLUMES_MOST), index = r.uint(), flag = plain[r.at++];
    if (flag !== 0xf4 && flag !== 0xf5) r.fail('a block that does not say whether it is the last');
    const start = r.at;
    r.skip();
    return { kind, bundle, volume, index, last: flag === 0xf5, body: plain.slice(start, r.at) };
  } catch {
    // Sealed by a member all the same: a later version, or somebody who means harm.
    return undefined;
  }
}

/** Gathers byte strings for the body of one block: an array of them that fits `size`. */
export class BlockBody {
  #parts: Bytes[] = [];
  #bytes = 0;

  get empty(): boolean { return this.#parts.length === 0; }
  /** Bytes of the body as it would be now. */
  get bytes(): number { return 5 + this.#bytes; }

  /** Adds one if it fits a block of `size`; false: it does not. */
  add(part: Bytes, size: number): boolean {
    const cost = part.length + 5;
    if (this.bytes + cost > roomOf(size)) return false;
    this.#parts.push(part);
    this.#bytes += cost;
    return true;
  }

  /** The encoded body; empties this. */
  take(): Bytes {
    const w = new Writer(this.bytes);
    w.head(0x80, this.#parts.length);
    for (const part of this.#parts) w.bytes(part);
    this.#parts = [];
    this.#bytes = 0;
    return w.copy();
  }
}

/** The byte strings of a body; undefined for a body that is something else. They are copies. */
export function partsOf(body: Bytes): Bytes[] | undefined {
  try {
    const r = new Reader(body), n = r.array();
    if (n > body.length) return undefined;
    const parts = Array.from({ length: n }, () => r.copy());
    r.finish();
    return parts;
  } catch {
    return undefined;
  }
}
