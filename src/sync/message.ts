// The messages of a session and how they are read (PROTOCOL.md): any bytes give a message, nothing, or a Fault.

import { STREAM_BYTES } from '../limits.ts';
import type { Bytes } from '../ports.ts';
import type { Tip } from '../event/chain.ts';
import type { Reader } from '../event/reader.ts';
import { DIFF_IDS, INTEREST, INTRO_SEGMENTS, KEYS, LIST_BATCH, PAGE_ITEMS, SYMBOLS_BATCH, WANTS_OPEN, HAVE_TIPS } from './bounds.ts';
import { SYMBOL_BYTES } from './difference.ts';
import type { Item } from './host.ts';
import { readShort } from './itemid.ts';
import type { Thin } from './thinform.ts';
import { readThin } from './thinform.ts';

/** Kinds of messages, in the order of their numbers. */
export const KINDS = [
  'hello', 'stranger', 'intro', 'compare', 'same', 'symbols', 'list', 'more', 'diff', 'items', 'ask', 'want', 'over', 'done', 'state', 'segments', 'credit', 'whole', 'ping', 'pong', 'bye', 'receipt',
] as const;

/** The set of `$fleet`, or that of all other streams. */
export type SetNumber = 0 | 1;

/** A wish: a tip of the peer's by its short, with what the asker has; or a range of one log. */
export type Want = { short: number; have: Tip[] } | { log: Bytes; from: number; to: number };

/** Count and root of a side's set. */
export interface Sum { count: number; root: Bytes }

export type Message =
  | { kind: 'hello'; interest: string[] | null; window: number; thin: boolean; once: boolean; preference: number | undefined; keys: Bytes; packer: Bytes; boot: Bytes }
  | { kind: 'stranger' } | { kind: 'ping' } | { kind: 'pong' }
  | { kind: 'intro'; segments: Bytes[] }
  | { kind: 'compare'; set: SetNumber; early: boolean; sum: Sum; probe: Bytes }
  | { kind: 'same' | 'state'; set: SetNumber; sum: Sum }
  | { kind: 'symbols' | 'list'; set: SetNumber; sum: Sum; from: number; bytes: Bytes }
  | { kind: 'more'; set: SetNumber; list: boolean; from: number }
  | { kind: 'diff'; set: SetNumber; sum: Sum; pushing: boolean; more: boolean; mine: Bytes; yours: Bytes }
  | { kind: 'items'; set: SetNumber; page: number; items: Item[] }
  | { kind: 'ask'; set: SetNumber; pushing: boolean; shorts: Bytes }
  | { kind: 'want'; set: SetNumber; number: number; page: number; wants: Want[] }
  | { kind: 'over'; set: SetNumber }
  | { kind: 'done'; number: number }
  | { kind: 'segments'; number: number; segments: (Bytes | Thin)[]; packed: Bytes | null; bytes: number }
  | { kind: 'credit'; numbers: number[] }
  | { kind: 'whole'; number: number; indexes: number[] }
  | { kind: 'bye'; code: string | null }
  | { kind: 'receipt'; receipt: Bytes };

/** Reads the next message; undefined for one of a kind that is ignored. Byte strings that items and tips keep are copies, others are views. Fault `bad-encoding`. */
export function readMessage(r: Reader): Message | undefined {
  const start = r.at;
  const n = r.array();
  if (n === 0) r.fail('a message without a kind');
  const number = r.uint(), kind = KINDS[number];
  if (kind === undefined) {
    if (number < 64) r.fail('a message of an unknown kind');
    for (let i = 1; i < n; i++) r.skip();
    return undefined;
  }
  const body = new Body(r, n - 1);
  const message = readers[kind](body, r, start);
  for (; body.left > 0; body.left--) r.skip();
  return message;
}

/** Counts the items of a message as they are read. */
class Body {
  left: number;
  readonly r: Reader;
  constructor(r: Reader, left: number) {
    this.r = r;
    this.left = left;
  }
  take(n: number): void {
    this.left -= n;
    if (this.left < 0) this.r.fail('a message that is too short');
  }
}

type Read = (b: Body, r: Reader, start: number) => Message;

const readers: { [K in (typeof KINDS)[number]]: Read } = {
  hello(b, r) {
    b.take(7);
    if (r.uint() !== 1) r.fail('a version of the session that is not known');
    const interest = r.null() ? null : list(r, INTEREST, () => r.text(STREAM_BYTES));
    const window = r.uint(), flags = r.uint(), keys = multiple(r, 8, KEYS), packer = r.copy(4), boot = r.copy(8);
    return { kind: 'hello', interest, window, thin: (flags & 1) !== 0, once: (flags & 2) !== 0, preference: (flags >> 2) & 7 ? Math.min(3, ((flags >> 2) & 7) - 1) : undefined, keys: keys.slice(), packer, boot };
  },
  stranger: () => ({ kind: 'stranger' }),
  ping: () => ({ kind: 'ping' }),
  pong: () => ({ kind: 'pong' }),
  intro(b, r) {
    b.take(1);
    return { kind: 'intro', segments: list(r, INTRO_SEGMENTS, () => r.view()) };
  },
  compare(b, r) {
    b.take(5);
    return { kind: 'compare', set: set(r), early: bool(r), sum: sum(r), probe: r.copy() };
  },
  same(b, r) {
    b.take(3);
    return { kind: 'same', set: set(r), sum: sum(r) };
  },
  state(b, r) {
    b.take(3);
    return { kind: 'state', set: set(r), sum: sum(r) };
  },
  symbols(b, r) {
    b.take(5);
    return { kind: 'symbols', set: set(r), sum: sum(r), from: r.uint(), bytes: multiple(r, SYMBOL_BYTES, SYMBOLS_BATCH) };
  },
  list(b, r) {
    b.take(5);
    return { kind: 'list', set: set(r), sum: sum(r), from: r.uint(), bytes: multiple(r, 8, LIST_BATCH) };
  },
  more(b, r) {
    b.take(3);
    return { kind: 'more', set: set(r), list: bool(r), from: r.uint() };
  },
  diff(b, r) {
    b.take(7);
    return { kind: 'diff', set: set(r), sum: sum(r), pushing: bool(r), more: bool(r), mine: multiple(r, 6, DIFF_IDS), yours: multiple(r, 6, DIFF_IDS) };
  },
  items(b, r) {
    b.take(5);
    const of = set(r), page = r.uint();
    const nodes = list(r, PAGE_ITEMS, () => r.copy(32)), streams = list(r, PAGE_ITEMS, () => r.text(STREAM_BYTES));
    return { kind: 'items', set: of, page, items: list(r, PAGE_ITEMS, () => item(r, nodes, streams)) };
  },
  ask(b, r) {
    b.take(3);
    return { kind: 'ask', set: set(r), pushing: bool(r), shorts: multiple(r, 6, DIFF_IDS) };
  },
  want(b, r) {
    b.take(4);
    return { kind: 'want', set: set(r), number: r.uint(), page: r.uint(), wants: list(r, WANTS_OPEN, () => want(r)) };
  },
  over(b, r) {
    b.take(1);
    return { kind: 'over', set: set(r) };
  },
  done(b, r) {
    b.take(1);
    return { kind: 'done', number: r.uint() };
  },
  segments(b, r, start) {
    b.take(3);
    const number = r.uint();
    const segments = list(r, WANTS_OPEN, () => (r.at < r.end && r.bytes[r.at]! >> 5 === 2 ? r.view() : readThin(r)));
    const packed = r.null() ? null : r.view();
    return { kind: 'segments', number, segments, packed, bytes: r.at - start };
  },
  credit(b, r) {
    b.take(1);
    return { kind: 'credit', numbers: list(r, WANTS_OPEN, () => r.uint()) };
  },
  whole(b, r) {
    b.take(2);
    return { kind: 'whole', number: r.uint(), indexes: list(r, WANTS_OPEN, () => r.uint()) };
  },
  bye(b, r) {
    b.take(1);
    return { kind: 'bye', code: r.null() ? null : r.text(64) };
  },
  receipt(b, r) {
    b.take(1);
    return { kind: 'receipt', receipt: r.copy() };
  },
};

function list<T>(r: Reader, most: number, one: () => T): T[] {
  const n = r.array();
  if (n > most) r.fail(`a list of more than ${most}`);
  const out: T[] = [];
  for (let i = 0; i < n; i++) out.push(one());
  return out;
}

function multiple(r: Reader, size: number, most: number): Bytes {
  const bytes = r.view();
  if (bytes.length % size !== 0 || bytes.length / size > most) r.fail(`not at most ${most} times ${size} bytes`);
  return bytes;
}

function set(r: Reader): SetNumber {
  return r.uint(1) as SetNumber;
}

function bool(r: Reader): boolean {
  const byte = r.at < r.end ? r.bytes[r.at++] : 0;
  if (byte !== 0xf4 && byte !== 0xf5) r.fail('neither true nor false');
  return byte === 0xf5;
}

function sum(r: Reader): Sum {
  return { count: r.uint(), root: r.copy(16) };
}

function item(r: Reader, nodes: Bytes[], streams: string[]): Item {
  const n = r.array();
  const kind = r.uint(1) as 0 | 1;
  if (n < (kind === 0 ? 6 : 8)) r.fail('an item that is too short');
  const log = r.copy(16), node = nodes[r.uint()], stream = streams[r.uint()], to = r.uint(), after = r.copy(32);
  if (node === undefined || stream === undefined || to === 0) return r.fail('an item that names nothing');
  let from = to, before: Bytes | null = null;
  if (kind === 1) {
    from = r.uint(to);
    if (from === 0) r.fail('position 0');
    before = r.null() ? null : r.copy(32);
  }
  for (let i = kind === 0 ? 6 : 8; i < n; i++) r.skip();
  return { kind, log, stream, node, from, to, before, after };
}

function want(r: Reader): Want {
  const n = r.array();
  if (n === 2) {
    const short = readShort(r.view(6), 0);
    const have = list(r, HAVE_TIPS, () => {
      r.arrayOf(3);
      return { log: r.copy(16), position: r.uint(), e: r.copy(8) };
    });
    return { short, have };
  }
  if (n !== 3) r.fail('a want of a wrong form');
  const log = r.copy(16), from = r.uint(), to = r.uint();
  if (from === 0 || from > to) r.fail('a range that is none');
  return { log, from, to };
}
