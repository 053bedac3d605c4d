// Finds the blocks in what a carrier brought: whatever is damaged, cut or missing, everything that opens comes out, with where it stood (BUNDLE.md §1).

import type { Bytes, Crypto } from '../ports.ts';
import type { Block } from './bundle-block.ts';
import { openBlock } from './bundle-block.ts';
import { BLOCK_LEAST, BLOCK_MOST, PARITY_EXTRA, TAIL_LEAST } from './bundle-bounds.ts';

/** What was found: a block, with its bytes as they stood; or a stretch that is none. `at`: from the start of the input. */
export type Found = { kind: 'block'; at: number; bytes: Bytes; block: Block } | { kind: 'damaged'; at: number; length: number };

/** Sizes that a volume may have. */
const SIZES: number[] = [];
for (let size = BLOCK_LEAST; size <= BLOCK_MOST; size *= 2) SIZES.push(size, size + PARITY_EXTRA);

/** What a last block may have besides. */
const TAILS: number[] = [];
for (let size = TAIL_LEAST; size < BLOCK_LEAST; size *= 2) TAILS.push(size);

/** Bytes that are held back while no block is known: as many blocks of every size have a chance to be sound. */
const SEARCH_BYTES = 2_097_152;

/**
 * Cuts the bytes of one input, or of volumes one after the other, into blocks. Give it all bytes by `push`, then `end`; both return what has been found, in order.
 * Holds 2 MiB at most. A block of which a part was lost (bytes missing, not changed) is found again only where the blocks after it keep their distance, or a volume ends.
 */
export class BundleScan {
  readonly #crypto: Crypto;
  readonly #key: Bytes;
  #buffer = new Uint8Array(BLOCK_MOST);
  #from = 0;
  #to = 0;
  #at = 0;
  #size: number | undefined;

  constructor(crypto: Crypto, key: Bytes) {
    this.#crypto = crypto;
    this.#key = key;
  }

  push(chunk: Bytes): Found[] {
    const length = this.#to - this.#from + chunk.length;
    if (this.#to + chunk.length > this.#buffer.length) {
      const room = length > this.#buffer.length ? new Uint8Array(2 * length) : this.#buffer;
      room.set(this.#buffer.subarray(this.#from, this.#to));
      this.#to -= this.#from;
      this.#from = 0;
      this.#buffer = room;
    }
    this.#buffer.set(chunk, this.#to);
    this.#to += chunk.length;
    return this.#cut(false);
  }

  end(): Found[] {
    return this.#cut(true);
  }

  get #held(): Bytes { return this.#buffer.subarray(this.#from, this.#to); }

  #cut(ended: boolean): Found[] {
    const found: Found[] = [];
    for (;;) {
      const left = this.#to - this.#from;
      if (left === 0) return found;
      if (this.#size === undefined) {
        if (!ended && left < SEARCH_BYTES) return found;
        const first = this.#search(ended);
        // Nothing opens in all that is held: the first half of it will not open with what follows either.
        if (!first) {
          this.#damaged(found, ended ? left : left - BLOCK_MOST - PARITY_EXTRA);
          if (!ended) return found;
          continue;
        }
        if (first.at > 0) this.#damaged(found, first.at);
        this.#size = first.size;
      }
      const size = Math.min(this.#size, left);
      if (size < this.#size && !ended) return found;
      const bytes = this.#held.slice(0, size), block = openBlock(this.#crypto, this.#key, bytes);
      if (!block) {
        // Blocks of another size may begin here: a volume that follows, or one whose end was lost.
        if (this.#another(ended)) { this.#size = undefined; continue; }
        this.#damaged(found, size);
        continue;
      }
      found.push({ kind: 'block', at: this.#at, bytes, block });
      this.#drop(size);
      if (block.last) this.#size = undefined;
    }
  }

  /** The first place at which a block of some size opens, looking at multiples of that size. */
  #search(ended: boolean): { at: number; size: number } | undefined {
    const held = this.#held;
    let best: { at: number; size: number } | undefined;
    for (const size of TAILS) if (size <= held.length && openBlock(this.#crypto, this.#key, held.subarray(0, size))) return { at: 0, size };
    for (const size of SIZES) {
      for (let at = 0; at + size <= held.length && at < (best?.at ?? Infinity); at += size) {
        if (openBlock(this.#crypto, this.#key, held.subarray(at, at + size))) { best = { at, size }; break; }
      }
    }
    if (best || !ended) return best;
    // A last block alone, shorter than any size.
    return openBlock(this.#crypto, this.#key, held) ? { at: 0, size: held.length } : undefined;
  }

  #another(ended: boolean): boolean {
    return [...TAILS, ...SIZES].some((size) => size !== this.#size && size <= this.#held.length && openBlock(this.#crypto, this.#key, this.#held.subarray(0, size)) !== undefined)
      || (ended && openBlock(this.#crypto, this.#key, this.#held) !== undefined);
  }

  #damaged(found: Found[], length: number): void {
    const before = found[found.length - 1];
    if (before?.kind === 'damaged' && before.at + before.length === this.#at) before.length += length;
    else found.push({ kind: 'damaged', at: this.#at, length });
    this.#drop(length);
  }

  #drop(length: number): void {
    this.#from += length;
    this.#at += length;
  }
}
