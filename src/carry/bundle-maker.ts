// Makes a bundle: deals segments to blocks and blocks to volumes, with the word of the maker before and after them and an index of what lies where (BUNDLE.md).

import type { Bytes, Crypto, Random } from '../ports.ts';
import { BlockBody, INDEX, SEGMENTS, WORD, WORDS, roomOf, sealBlock, sizeFor } from './bundle-block.ts';
import { BLOCK_USUAL, TAIL_LEAST, WORDS_BYTES } from './bundle-bounds.ts';
import { encodeEntry } from './bundle-index.ts';

/** A segment that goes in, and what it covers. */
export interface Load { stream: string; log: Bytes; first: number; last: number; bytes: Bytes }

/** How a bundle is made. */
export interface MakerOptions {
  crypto: Crypto; random: Random; key: Bytes; bundle: Bytes;
  /** The signed word that fits a block of `size` bytes. */
  word(size: number): Bytes;
  /** Words of others that are carried on, the newest first; as many as 256 KiB hold go into the first volume. */
  words?: Bytes[];
  /** Bytes of a volume at most. */
  volumeBytes: number;
  /** The last block of a volume is as long as the others: where parity is made over them. */
  padded: boolean;
}

/** One block of a volume; `last`: the volume ends with it. `events`: in its segments. */
export interface Made { bundle: Bytes; volume: number; index: number; size: number; last: boolean; bytes: Bytes; events: number }

/** Makes the blocks of a bundle, volume after volume; with nothing to carry one volume with the word alone, which is a receipt. Faults: those of the source. */
export async function* makeBundle(o: MakerOptions, source: AsyncIterable<Load>): AsyncGenerator<Made> {
  const loads = source[Symbol.asyncIterator]();
  // A small bundle takes the smallest blocks that hold it: the first loads say whether it is one.
  const ahead: Load[] = [];
  let bytes = 0, over = false;
  while (bytes < BLOCK_USUAL && !over) {
    const { value, done } = await loads.next();
    if (done) over = true;
    else { ahead.push(value); bytes += value.bytes.length; }
  }
  const next = async (): Promise<Load | undefined> => {
    const one = ahead.shift();
    if (one || over) return one;
    const { value, done } = await loads.next();
    over = done === true;
    return done ? undefined : value;
  };
  let load = await next();
  const words = fitting(o.words ?? []), longest = Math.max(0, ...words.map((word) => word.length + 10));
  if (load === undefined) {
    const size = sizeFor(Math.max(o.word(BLOCK_USUAL).length, longest)), made = new Volume(o, 0, size);
    if (words.length) {
      yield* made.put(WORD, o.word(size));
      yield* made.carry(words);
    }
    yield* made.put(WORD, o.word(size), true);
    return;
  }
  const usual = over ? sizeFor(Math.max(longest, ...[load, ...ahead].filter((l) => l !== undefined).map((l) => l.bytes.length + 10))) : BLOCK_USUAL;
  try {
    for (let volume = 0; load !== undefined; volume++) {
      const size = sizeFor(load.bytes.length + 10, usual), made = new Volume(o, volume, size);
      yield* made.put(WORD, o.word(size));
      if (volume === 0) yield* made.carry(words);
      while (load !== undefined && made.takes(load)) {
        yield* made.load(load);
        load = await next();
      }
      yield* made.end();
    }
  } finally {
    await loads.return?.();
  }
}

/** The first of these words that fit blocks of the usual size, and together what a bundle carries of them. */
function fitting(words: Bytes[]): Bytes[] {
  let bytes = 0;
  return words.filter((word) => word.length + 10 <= roomOf(BLOCK_USUAL) && (bytes += word.length) <= WORDS_BYTES);
}

/** A volume that is being made. The last block is kept back until it is known not to be the last. */
class Volume {
  readonly #o: MakerOptions;
  readonly #volume: number;
  readonly #size: number;
  readonly #body = new BlockBody();
  readonly #index = new BlockBody();
  readonly #full: Bytes[] = []; // bodies of index blocks
  #events = 0;
  #loaded = false;
  #blocks = 0;

  constructor(o: MakerOptions, volume: number, size: number) {
    this.#o = o;
    this.#volume = volume;
    this.#size = size;
  }

  /** Whether one more segment still leaves room for the index and the word at the end; the first always goes in. */
  takes({ bytes }: Load): boolean {
    if (bytes.length + 10 > roomOf(this.#size)) return false;
    if (!this.#loaded) return true;
    return (this.#blocks + this.#full.length + 5) * this.#size <= this.#o.volumeBytes;
  }

  *put(kind: number, body: Bytes, last = false): Generator<Made> {
    const { crypto, random, key, bundle, padded } = this.#o, index = this.#blocks++;
    const bytes = sealBlock(crypto, random, key, { kind, bundle, volume: this.#volume, index, last, body }, last && !padded ? Math.min(this.#size, sizeFor(body.length, TAIL_LEAST)) : this.#size);
    const events = this.#events;
    if (kind === SEGMENTS) this.#events = 0;
    yield { bundle, volume: this.#volume, index, size: this.#size, last, bytes, events: kind === SEGMENTS ? events : 0 };
  }

  /** Words of others, each in one piece. */
  *carry(words: Bytes[]): Generator<Made> {
    const body = new BlockBody();
    for (const word of words) {
      if (body.add(word, this.#size)) continue;
      if (!body.empty) yield* this.put(WORDS, body.take());
      body.add(word, this.#size);
    }
    if (!body.empty) yield* this.put(WORDS, body.take());
  }

  *load(load: Load): Generator<Made> {
    if (!this.#body.add(load.bytes, this.#size)) {
      yield* this.put(SEGMENTS, this.#body.take());
      this.#body.add(load.bytes, this.#size);
    }
    this.#loaded = true;
    this.#events += load.last - load.first + 1;
    const entry = encodeEntry({ ...load, block: this.#blocks });
    if (!this.#index.add(entry, this.#size)) {
      this.#full.push(this.#index.take());
      this.#index.add(entry, this.#size);
    }
  }

  *end(): Generator<Made> {
    if (!this.#body.empty) yield* this.put(SEGMENTS, this.#body.take());
    for (const body of this.#full) yield* this.put(INDEX, body);
    yield* this.put(INDEX, this.#index.take());
    yield* this.put(WORD, this.#o.word(this.#size), true);
  }
}
