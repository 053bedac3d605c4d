// The receiver's half of thin segments: puts back what was left out, byte by byte; whether it came out right, the door finds by the signature.

import { INFLATED_BYTES, SEGMENT_BYTES } from '../limits.ts';
import { Fault } from '../fault.ts';
import type { Bytes, ClockQuality } from '../ports.ts';
import { EMPTY } from '../event/bytes.ts';
import { Chain, chainStart, logId, logKey } from '../event/chain.ts';
import { unpackColumns } from '../event/columns.ts';
import type { Header } from '../event/header.ts';
import { CODEC_COLUMNS, VERSION, encodeHeader } from '../event/header.ts';
import { surveyRun } from '../event/run.ts';
import type { Segment } from '../event/segment.ts';
import { encodeSegment, parseSegment } from '../event/segment.ts';
import { HANDLES, NAMES, PACKED_BYTES } from './bounds.ts';
import { ZERO_NONCE } from './cipher.ts';
import type { Host, Item, LogFacts } from './host.ts';
import { readShort } from './itemid.ts';
import { segmentKey } from './thin.ts';
import type { Name, Thin, Told } from './thinform.ts';

/** A log as declared in a channel, and where its last segment ended (or the tip that it was declared by); undefined: it could not be found. */
interface Handle { facts: LogFacts | undefined; end: { position: number; e: Bytes } | undefined }

/** A message's segments on their way: what must be asked of the node before they can be restored. */
export interface Resolving { segments: (Bytes | Thin)[]; packed: Bytes | null; tips: (Item | undefined)[]; ask: Bytes[] }

/** Restores the segments of one channel, in the order in which they came. */
export class Restorer {
  readonly #host: Host;
  readonly #find: (short: number) => Item | undefined;
  readonly #handles: Handle[] = [];
  #declared = 0;
  readonly #nodes: { ring: Bytes[]; count: number } = { ring: [], count: 0 };
  readonly #streams: { ring: string[]; count: number } = { ring: [], count: 0 };

  /** `find`: our tip of this short, also one that was replaced a moment ago. */
  constructor(host: Host, find: (short: number) => Item | undefined) {
    this.#host = host;
    this.#find = find;
  }

  /** Looks up the tips that a message names, while they are fresh, and says which logs (whole ids or their first 8 bytes) the node must be asked for. */
  resolve(segments: (Bytes | Thin)[], packed: Bytes | null): Resolving {
    const tips: (Item | undefined)[] = [], ask: Bytes[] = [];
    for (const s of segments) {
      if (s instanceof Uint8Array) continue;
      if (s.ref.by === 'tip') {
        const item = this.#find(readShort(s.ref.short, 0));
        const tip = item?.kind === 0 ? item : undefined;
        tips.push(tip);
        if (tip) ask.push(tip.log);
      } else if (s.ref.by === 'log') ask.push(s.ref.start.slice());
    }
    return { segments, packed, tips, ask };
  }

  /** The message's segments, in order; undefined for each thin one that could not be restored. `answers` belong to `ask`. Fault `bad-message` for packed columns that are none. */
  restore(r: Resolving, answers: (LogFacts | undefined)[]): (Bytes | Segment | undefined)[] {
    const columns = r.packed === null ? EMPTY : this.#host.crypto.inflate(r.packed, PACKED_BYTES + INFLATED_BYTES);
    if (columns === undefined) throw new Fault('bad-message', 'The packed columns of a message do not unpack.');
    let tip = 0, answer = 0, at = 0;
    return r.segments.map((s) => {
      if (s instanceof Uint8Array) return s;
      let handle: Handle;
      if (s.ref.by === 'handle') {
        handle = this.#handles[s.ref.handle % HANDLES] ?? { facts: undefined, end: undefined };
        if (s.ref.handle >= this.#declared || s.ref.handle < this.#declared - HANDLES) throw new Fault('bad-message', 'A segment names a log that was not declared.');
      } else {
        handle = { facts: undefined, end: undefined };
        if (s.ref.by === 'tip') {
          const item = r.tips[tip++];
          if (item) handle = { facts: answers[answer++], end: { position: item.to, e: item.after } };
        } else if (s.ref.by === 'log') handle.facts = answers[answer++];
        else handle.facts = this.#facts(s.ref);
        this.#handles[this.#declared++ % HANDLES] = handle;
      }
      let body: Bytes | undefined;
      if (typeof s.body === 'number') {
        if (s.body > columns.length - at) throw new Fault('bad-message', 'The packed columns of a message end early.');
        body = columns.subarray(at, (at += s.body));
      }
      return this.#one(s, handle, body);
    });
  }

  #facts(ref: Extract<Thin['ref'], { by: 'facts' }>): LogFacts {
    const node = named(this.#nodes, ref.node), stream = named(this.#streams, ref.stream);
    const { incarnation, grant, keyHash } = ref;
    const log = logId(this.#host.crypto, { fleet: this.#host.fleet, node, incarnation, stream, grant, keyHash });
    return { log, node, incarnation, stream, grant, keyHash };
  }

  #one(t: Thin, handle: Handle, columns: Bytes | undefined): Segment | undefined {
    const { crypto, fleet } = this.#host;
    const { facts } = handle;
    const position = handle.end === undefined ? (t.ref.by === 'facts' ? 0 : undefined) : handle.end.position;
    const first = t.first ?? (position === undefined ? undefined : position + 1);
    const end = handle.end;
    handle.end = undefined;
    if (!facts || first === undefined || !Number.isSafeInteger(first + t.count) || (first === 1) !== (t.opening !== undefined)) return undefined;
    let before = t.before;
    if (t.opening) before ??= chainStart(crypto, { fleet, ...facts, ...t.opening });
    else if (end?.position === first - 1) before ??= end.e;
    if (before === undefined) return undefined;
    const salt = t.seal.length > 64 ? t.seal.subarray(64) : null;
    const made = t.told ? { told: t.told, payload: t.body as Bytes } : this.#open(t, facts, before, salt, columns);
    if (!made || made.payload.length > SEGMENT_BYTES) return undefined;
    const { told, payload } = made;
    const header: Header = {
      version: VERSION, node: facts.node, incarnation: facts.incarnation, stream: facts.stream, grant: facts.grant, keyHash: facts.keyHash, first, count: t.count, before,
      after: told.after, stampFirst: told.stampFirst, stampLast: told.stampLast, timeMin: told.timeMin, timeMax: told.timeMax,
      clock: { quality: t.quality as ClockQuality, uptime: t.uptime }, salt, codec: told.codec, length: payload.length, hash: crypto.sha256(payload), opening: t.opening ?? null,
    };
    try {
      const headerBytes = encodeHeader(header), signature = t.seal.slice(0, 64);
      // Parsed like any other: what a peer told may be no header at all.
      const segment = parseSegment(encodeSegment(headerBytes, signature, payload));
      segment.log = facts.log;
      handle.end = { position: first + t.count - 1, e: segment.header.after };
      return segment;
    } catch (error) {
      if (error instanceof Fault) return undefined;
      throw error;
    }
  }

  /** Derives what an open form leaves out; undefined when its payload is none, or the key is not here after all. */
  #open(t: Thin, facts: LogFacts, before: Bytes, salt: Bytes | null, columns: Bytes | undefined): { told: Told; payload: Bytes } | undefined {
    const { crypto } = this.#host;
    const key = facts.keyHash === null ? null : this.#host.key(facts.stream, facts.keyHash);
    if (key === undefined || (key === null) !== (salt === null)) return undefined;
    const plain = columns ? crypto.deflate(columns) : (t.body as Bytes);
    const unpacked = columns ?? crypto.inflate(plain, INFLATED_BYTES);
    if (!unpacked) return undefined;
    try {
      const run = unpackColumns(unpacked, t.count);
      const seen = surveyRun(run, false);
      const chain = new Chain(crypto, logKey(crypto, key, facts.incarnation), before);
      chain.all(run);
      const payload = key === null ? plain : crypto.seal(segmentKey(crypto, key, salt!), ZERO_NONCE, plain);
      return { told: { after: chain.before, ...seen, codec: CODEC_COLUMNS }, payload };
    } catch (error) {
      if (error instanceof Fault) return undefined;
      throw error;
    }
  }
}

function named<T>(names: { ring: T[]; count: number }, name: Name<T>): T {
  if ('full' in name) {
    names.ring[names.count++ % NAMES] = name.full;
    return name.full;
  }
  const there = names.ring[name.number % NAMES];
  if (there === undefined || name.number >= names.count || name.number < names.count - NAMES) throw new Fault('bad-message', 'A segment names a node or stream that was not declared.');
  return there;
}
