// The sender's half of thin segments: leaves out what the receiver knows, checks that it can be restored, and falls back to the whole segment.

import type { Bytes, Crypto } from '../ports.ts';
import { INFLATED_BYTES } from '../limits.ts';
import { EMPTY, concat, equal, hex } from '../event/bytes.ts';
import { domain, logId } from '../event/chain.ts';
import type { Header } from '../event/header.ts';
import { CODEC_COLUMNS, VERSION, logNameOf } from '../event/header.ts';
import type { Segment } from '../event/segment.ts';
import { openSegment } from '../event/segment.ts';
import { HANDLES, NAMES } from './bounds.ts';
import { ZERO_NONCE } from './cipher.ts';
import type { Host } from './host.ts';
import type { ItemHash } from './itemid.ts';
import { putShort, shortOf } from './itemid.ts';
import type { PeerView } from './peerview.ts';
import type { Name, Ref, Thin } from './thinform.ts';
import { UPTIME_MOST } from './thinform.ts';

/** How a header of 20 items begins. As it was read strictly, its fields then give its bytes; with more items they would not. */
const PLAIN_HEADER = 0x94;
const SEGMENT_KEY = domain('segment key');

/** The key of one segment's payload. */
export function segmentKey(crypto: Crypto, streamKey: Bytes, salt: Bytes): Bytes {
  return crypto.mac(streamKey, concat(SEGMENT_KEY, salt));
}

/** The log of a parsed segment, its id filled in if it was not. */
export function logOf(crypto: Crypto, fleet: Bytes, segment: Segment): Bytes {
  if (segment.log.length === 0) segment.log = logId(crypto, logNameOf(fleet, segment.header));
  return segment.log;
}

/** A payload before encryption, when whoever holds the key can derive the header's fields from it; undefined: it must travel closed. */
function opened(host: Host, segment: Segment): Bytes | undefined {
  const { header, payload } = segment;
  if (payload === null || header.codec !== CODEC_COLUMNS) return undefined;
  const key = header.keyHash === null ? null : host.key(header.stream, header.keyHash);
  if (key === undefined || (key === null) !== (header.salt === null) || openSegment(host.crypto, segment, key) === undefined) return undefined;
  return key === null ? payload : host.crypto.open(segmentKey(host.crypto, key, header.salt!), ZERO_NONCE, payload);
}

/** Numbers given out in order, the last `size` of which are valid. */
class Numbers {
  readonly #of = new Map<string, number>();
  readonly #names: string[] = [];
  readonly #size: number;
  #count = 0;

  constructor(size: number) {
    this.#size = size;
  }

  get(name: string): number | undefined {
    return this.#of.get(name);
  }

  /** Gives `name` the next number. */
  give(name: string): number {
    const slot = this.#count % this.#size;
    const old = this.#names[slot];
    if (old !== undefined && this.#of.get(old) === this.#count - this.#size) this.#of.delete(old);
    this.#names[slot] = name;
    this.#of.set(name, this.#count);
    return this.#count++;
  }

  drop(name: string): void {
    this.#of.delete(name);
  }
}

/** Thins the segments of one channel; what it declares, the receiver's `Restorer` of that channel follows. */
export class Thinner {
  readonly #host: Host;
  readonly #peer: PeerView;
  readonly #hash: ItemHash;
  readonly #handles = new Numbers(HANDLES);
  readonly #nodes = new Numbers(NAMES);
  readonly #streams = new Numbers(NAMES);
  /** Where the last thin segment of each handle ended. */
  readonly #ends = new Map<number, { next: number; e: Bytes }>();

  constructor(host: Host, peer: PeerView, hash: ItemHash) {
    this.#host = host;
    this.#peer = peer;
    this.#hash = hash;
  }

  /**
   * The thin form of a segment whose id is filled in, or undefined: send it whole. `columns`, when there, are to be packed with those of its
   * neighbours. `open` false saves the time of opening it, for some 60 bytes more. Declares handles: what is returned must be sent, in this order.
   */
  thin(segment: Segment, open = true): { thin: Thin; columns: Bytes | undefined } | undefined {
    const { header: h, payload, signature } = segment;
    if (payload === null || h.version !== VERSION || h.clock.uptime > UPTIME_MOST || segment.headerBytes[0] !== PLAIN_HEADER) return undefined;
    const plain = open && this.#peer.reads(h.keyHash) ? opened(this.#host, segment) : undefined;
    let body: Bytes | number = plain ?? payload, columns: Bytes | undefined;
    if (plain && this.#peer.packsAlike) {
      columns = this.#host.crypto.inflate(plain, INFLATED_BYTES);
      if (columns && equal(this.#host.crypto.deflate(columns), plain)) body = columns.length;
      else columns = undefined;
    }
    const place = this.#place(segment.log, h);
    const told = plain ? undefined : { after: h.after, stampFirst: h.stampFirst, stampLast: h.stampLast, timeMin: h.timeMin, timeMax: h.timeMax, codec: h.codec };
    const thin: Thin = {
      ...place, count: h.count, quality: h.clock.quality, uptime: h.clock.uptime, seal: concat(signature, h.salt ?? EMPTY), opening: h.opening ?? undefined, told, body,
    };
    return { thin, columns };
  }

  /** The receiver could not restore a segment of this log: declare it anew. */
  forget(log: Bytes): void {
    this.#handles.drop(hex(log));
  }

  /** Ref, first and before for a segment, in the shortest way that the receiver can follow. */
  #place(log: Bytes, h: Header): Pick<Thin, 'ref' | 'first' | 'before'> {
    const name = hex(log);
    const end = { next: h.first + h.count, e: h.after };
    const handle = this.#handles.get(name);
    if (handle !== undefined) {
      const last = this.#ends.get(handle % HANDLES);
      this.#ends.set(handle % HANDLES, end);
      const first = last?.next === h.first ? undefined : h.first;
      const known = h.first === 1 || (first === undefined && equal(last!.e, h.before));
      return { ref: { by: 'handle', handle }, first, before: known ? undefined : h.before };
    }
    this.#ends.set(this.#handles.give(name) % HANDLES, end);
    const held = this.#peer.heldOf(log);
    if (held && held.to === h.first - 1 && equal(held.e, h.before)) {
      const { lo, hi } = this.#hash.ofTip(log, held.to, held.e);
      const short = new Uint8Array(6);
      putShort(short, 0, shortOf(lo, hi));
      return { ref: { by: 'tip', short }, first: undefined, before: undefined };
    }
    const before = h.first === 1 ? undefined : h.before;
    if (held) return { ref: { by: 'log', start: log.slice(0, 8) }, first: h.first, before };
    return { ref: this.#facts(h), first: h.first === 1 ? undefined : h.first, before };
  }

  #facts(h: Header): Ref {
    return { by: 'facts', node: name(this.#nodes, hex(h.node), h.node), incarnation: h.incarnation, stream: name(this.#streams, h.stream, h.stream), grant: h.grant, keyHash: h.keyHash };
  }
}

function name<T>(numbers: Numbers, key: string, full: T): Name<T> {
  const number = numbers.get(key);
  if (number !== undefined) return { number };
  numbers.give(key);
  return { full };
}
