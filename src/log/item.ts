// The items of a frontier (tips and holes), and the roots and digests over them.
import type { Bytes, Crypto } from '../ports.ts';
import { compare, concat, equal, utf8 } from '../event/bytes.ts';
import { encode } from '../event/cbor.ts';

export const TIP = 0, HOLE = 1;

/** One item: a tip (from = to) or a hole from `from` to `to`; `after` is e(to), `before` e(from-1) where it is held. */
export interface Item {
  kind: 0 | 1;
  log: Bytes;
  stream: string;
  node: Bytes;
  from: number;
  to: number;
  before: Bytes | null;
  after: Bytes;
}

/** True for two items that say the same. */
export function sameItem(a: Item, b: Item): boolean {
  return a.kind === b.kind && a.to === b.to && a.from === b.from && equal(a.log, b.log) && equal(a.after, b.after)
    && (a.before === b.before || (a.before !== null && b.before !== null && equal(a.before, b.before)));
}

/** The canonical bytes of an item (FORMAT section 7); the stream is not part of them. */
export function itemBytes(item: Item): Bytes {
  return encode(item.kind === TIP
    ? [TIP, item.log, item.to, item.after]
    : [HOLE, item.log, item.from, item.to, item.before, item.after]);
}

/** Digest of one stream from all its items. */
export function streamDigest(crypto: Crypto, stream: string, items: Item[]): Bytes {
  const parts = items.map(itemBytes).sort(compare);
  return crypto.sha256(concat(utf8('holdfast/1 digest'), new Uint8Array(1), utf8(stream), new Uint8Array(1), ...parts));
}

/** Digest over several streams; those without items do not count. */
export function fleetDigest(crypto: Crypto, streams: Map<string, Item[]>): Bytes {
  const parts: Bytes[] = [utf8('holdfast/1 digests'), new Uint8Array(1)];
  for (const stream of [...streams.keys()].sort()) { // names are ASCII: this is bytewise
    const items = streams.get(stream)!;
    if (items.length) parts.push(utf8(stream), new Uint8Array(1), streamDigest(crypto, stream, items));
  }
  return crypto.sha256(concat(...parts));
}
