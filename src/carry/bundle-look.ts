// A look at a volume: who made it and what it holds, from its two ends alone (BUNDLE.md §1).

import type { Bytes, Crypto } from '../ports.ts';
import type { Block } from './bundle-block.ts';
import { equal } from '../event/bytes.ts';
import { INDEX, PARITY, WORD, openBlock } from './bundle-block.ts';
import { BLOCK_LEAST, BLOCK_MOST, PARITY_EXTRA } from './bundle-bounds.ts';
import { Ranges, entriesOf } from './bundle-index.ts';

/** What a volume says at its ends. `word`: the maker's newest, not checked; `held`: what it holds, undefined where its end is lost, or says too much, and only its blocks can tell; `blockBytes`: of its blocks. */
export interface Look { bundle: Bytes; volume: number; parity: boolean; word: Bytes | undefined; held: { log: Bytes; first: number; last: number }[] | undefined; blockBytes: number }

/** Looks at a file of `length` bytes. Undefined: its first block opens for nobody here. Faults: those of `read`. */
export async function lookAt(crypto: Crypto, key: Bytes, length: number, read: (at: number, length: number) => Promise<Bytes>): Promise<Look | undefined> {
  const head = await read(0, Math.min(length, BLOCK_MOST + PARITY_EXTRA));
  const first = firstOf(crypto, key, head, length);
  if (!first) return undefined;
  const { block, size } = first, look: Look = { bundle: block.bundle, volume: block.volume, parity: block.kind === PARITY, word: block.kind === WORD ? block.body : undefined, held: undefined, blockBytes: size };
  const at = Math.floor((length - 1) / size) * size, last = at === 0 ? block : openBlock(crypto, key, await read(at, length - at));
  const own = (other: Block | undefined, index: number): other is Block => other !== undefined && equal(other.bundle, block.bundle) && other.volume === block.volume && other.index === index;
  // Several volumes in one file, a volume that was cut, one whose end is damaged: the ends do not tell all.
  if (look.parity || block.index !== 0 || !own(last, at / size) || !last.last) return look;
  if (last.kind === WORD) look.word = last.body;
  const ranges = new Ranges();
  for (let index = at / size - 1; index > 0; index--) {
    const before = openBlock(crypto, key, await read(index * size, size));
    if (!own(before, index)) return look;
    if (before.kind !== INDEX) break;
    for (const { log, first: from, last: to } of entriesOf(before.body)) ranges.add(log, from, to);
    if (ranges.full) return look;
  }
  look.held = ranges.list();
  return look;
}

/** Bytes of whole blocks at the beginning of a volume whose blocks have `size` bytes: as far as one opens after the other. */
export async function wholeBytes(crypto: Crypto, key: Bytes, look: Look, read: (at: number, length: number) => Promise<Bytes>): Promise<number> {
  for (let index = 0; ; index++) {
    const block = openBlock(crypto, key, await read(index * look.blockBytes, look.blockBytes));
    if (!block || block.index !== index || block.volume !== look.volume || !equal(block.bundle, look.bundle)) return index * look.blockBytes;
  }
}

function firstOf(crypto: Crypto, key: Bytes, head: Bytes, length: number): { block: Block; size: number } | undefined {
  for (let size = BLOCK_LEAST; size <= BLOCK_MOST; size *= 2) {
    for (const each of [size, size + PARITY_EXTRA]) {
      const block = each <= head.length ? openBlock(crypto, key, head.subarray(0, each)) : undefined;
      if (block) return { block, size: each };
    }
  }
  // A single block that is as short as it can be.
  const block = length === head.length ? openBlock(crypto, key, head) : undefined;
  return block && { block, size: length };
}
