// Pages of what is read: so many events, not too large, and where the next page begins.

import { base64url, unbase64url } from '../../src/event/bytes.ts';
import { encodeValue } from '../../src/event/value.ts';
import { Fault } from '../../src/fault.ts';
import { PLACE_BYTES } from '../../src/log/reader.ts';
import { placeOf, type Entry as NodeEntry } from '../../src/node-entry.ts';
import type { Node } from '../../src/node.ts';
import type { Entry, Page, Query } from './database.ts';

/** Bytes of keys, types and bodies after which a page ends. */
const PAGE_BYTES = 1_048_576;
/** Events of a page when nobody says how many. */
const USUAL = 100;

/** One page of a stream. Faults: `bad-argument` (`after` is no place), those of reading. */
export async function pageOf(node: Node, stream: string, { limit = USUAL, ...query }: Query, after: string | undefined, plain: (entry: NodeEntry) => Entry): Promise<Page> {
  const place = after === undefined ? undefined : readPlace(after);
  return gather(node.read(stream, { ...query, after: place, limit: limit + 1 }), limit, plain, (last) => base64url(placeOf(last)));
}

/** One page of the latest events of keys. */
export async function latestPageOf(node: Node, stream: string, limit: number, after: string | undefined, plain: (entry: NodeEntry) => Entry): Promise<Page> {
  return gather(node.keys(stream, after), limit, plain, (last) => last.key);
}

async function gather(found: AsyncIterable<NodeEntry>, limit: number, plain: (entry: NodeEntry) => Entry, mark: (last: NodeEntry) => string): Promise<Page> {
  const entries: Entry[] = [];
  let bytes = 0;
  let last: NodeEntry | undefined;
  for await (const entry of found) {
    // There is one more than fits: the next page begins with it.
    if (last !== undefined && (entries.length >= limit || bytes >= PAGE_BYTES)) return { entries, next: mark(last) };
    entries.push(plain(entry));
    bytes += encodeValue(entry.body).length + entry.key.length + entry.type.length;
    last = entry;
  }
  return { entries };
}

function readPlace(text: string): Uint8Array {
  try {
    const place = unbase64url(text);
    if (place.length === PLACE_BYTES) return place;
  } catch {
    // Not even that alphabet.
  }
  throw new Fault('bad-argument', `The cursor ${JSON.stringify(text.slice(0, 40))} is none that a page ended with.`);
}
