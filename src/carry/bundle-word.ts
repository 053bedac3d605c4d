// The word of whoever made a bundle: what it held then, signed; a receipt for the one who takes the bundle in, and a want (BUNDLE.md §3).

import { Fault } from '../fault.ts';
import { NAME_BYTES, STREAM_BYTES, TIME_MAX } from '../limits.ts';
import type { Bytes, Crypto } from '../ports.ts';
import { concat } from '../event/bytes.ts';
import { domain } from '../event/chain.ts';
import { Reader } from '../event/reader.ts';
import { Writer } from '../event/writer.ts';
import { WORD_NODES, WORD_STREAMS, WORD_TOOK } from './bundle-bounds.ts';

/** What a node says of itself. `made`, `since`: ms since 1970; `streams`: what the bundle was limited to; `frontier`: cursors of all that was held, by stream; `took`: bundles that were taken in lately. */
export interface Word { node: Bytes; boot: Bytes; made: number; name: string; for: Bytes[]; since: number | null; streams: string[] | null; frontier: { stream: string; cursor: string }[]; took: Bytes[] }

const DOMAIN = domain('bundle word');

/** A signed word as the body of a block; `room`: bytes that it may have. Streams whose cursors do not fit are left out. */
export function encodeWord(fleet: Bytes, sign: (message: Bytes) => Bytes, word: Word, room: number): Bytes {
  const frontier = [...word.frontier].sort((a, b) => (a.stream < b.stream ? -1 : 1));
  for (;;) {
    const w = new Writer(1_024);
    w.head(0x80, 10);
    w.head(0, 1);
    w.bytes(word.node);
    w.bytes(word.boot);
    w.head(0, word.made);
    w.text(word.name);
    w.head(0x80, word.for.length);
    for (const node of word.for) w.bytes(node);
    if (word.since === null) w.byte(0xf6); else w.head(0, word.since);
    if (word.streams === null) w.byte(0xf6);
    else {
      w.head(0x80, word.streams.length);
      for (const stream of word.streams) w.text(stream);
    }
    w.head(0x80, frontier.length);
    for (const { stream, cursor } of frontier) {
      w.head(0x80, 2);
      w.text(stream);
      w.text(cursor);
    }
    w.head(0x80, word.took.length);
    for (const bundle of word.took) w.bytes(bundle);
    const body = w.copy(), out = new Writer(body.length + 80);
    if (body.length + 72 > room && frontier.length > 0) {
      // The longest one goes first: the others are told all the same.
      frontier.splice(frontier.reduce((most, one, i) => (one.cursor.length > frontier[most]!.cursor.length ? i : most), 0), 1);
      continue;
    }
    out.byte(0x82);
    out.bytes(body);
    out.bytes(sign(concat(DOMAIN, fleet, body)));
    return out.copy();
  }
}

/** Reads a word and checks its signature. Faults: `bad-encoding`, `bad-signature`. */
export function readWord(crypto: Crypto, fleet: Bytes, bytes: Bytes): Word {
  const outer = new Reader(bytes);
  outer.arrayOf(2);
  const body = outer.view(), signature = outer.view(64);
  outer.finish();
  const r = new Reader(body), n = r.array();
  if (n < 10 || r.uint() < 1) r.fail('a word that is too short');
  const list = <T>(most: number, one: () => T): T[] => {
    const count = r.array();
    if (count > most) r.fail('a list that is too long');
    return Array.from({ length: count }, one);
  };
  const word: Word = {
    node: r.copy(32), boot: r.copy(8), made: r.uint(TIME_MAX), name: r.text(NAME_BYTES), for: list(WORD_NODES, () => r.copy(32)), since: r.null() ? null : r.uint(TIME_MAX),
    streams: r.null() ? null : list(WORD_STREAMS, () => r.text(STREAM_BYTES)),
    frontier: list(WORD_STREAMS, () => { r.arrayOf(2); return { stream: r.text(STREAM_BYTES), cursor: r.text() }; }), took: list(WORD_TOOK, () => r.copy(8)),
  };
  for (let i = 10; i < n; i++) r.skip();
  r.finish();
  if (!crypto.verify(word.node, concat(DOMAIN, fleet, body), signature)) throw new Fault('bad-signature', 'the word of a bundle is not signed by the node that it names');
  return word;
}
