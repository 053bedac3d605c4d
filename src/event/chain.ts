// Who an event is: openings, log ids, and the hash chain over canonical events (FORMAT.md section 3).
import { Fault } from '../fault.ts';
import { CITES } from '../limits.ts';
import type { Bytes, Crypto } from '../ports.ts';
import { EMPTY, compare, concat, hex, unhex, utf8 } from './bytes.ts';
import { Reader } from './reader.ts';
import type { Run } from './run.ts';
import { Writer, written } from './writer.ts';

/** A log up to `position`, whose event there has hash `e`. */
export interface Tip { log: Bytes; position: number; e: Bytes }

/** What a log begins with: `fleet` 32 bytes, `node` 32, `incarnation` 16, `grant` 8, `keyHash` 16 or null, `boot` 8; `cites` sorted by bytes (`sortTips`), 64 at most. */
export interface Opening { fleet: Bytes; node: Bytes; incarnation: Bytes; stream: string; grant: Bytes; keyHash: Bytes | null; boot: Bytes; cites: Tip[] }

/** The domain string of a hash or MAC as bytes, its zero byte included. */
export function domain(name: string): Bytes {
  return utf8(`holdfast/1 ${name}\0`);
}

const LOG_ID = domain('log id'), LOG = domain('log'), LOG_KEY = domain('log key');
const OPENING_BYTES = 8192;
/** Views of a scratch buffer are kept below this length. */
const VIEWS = 512;

/** Writes a tip: [log-id, position, e]. */
export function writeTip(w: Writer, tip: Tip): void {
  w.byte(0x83);
  w.bytes(tip.log);
  w.head(0, tip.position);
  w.bytes(tip.e);
}

/** Reads a tip; byte strings are copies. Fault `bad-encoding`. */
export function readTip(r: Reader): Tip {
  r.arrayOf(3);
  const log = r.copy(16), position = r.uint(), e = r.copy(32);
  if (position === 0) r.fail('position 0');
  return { log, position, e };
}

/** The canonical bytes of a tip. */
export function encodeTip(tip: Tip): Bytes {
  return written(64, (w) => writeTip(w, tip));
}

/** A tip from a decoded value, [log-id, position, e]. Fault `bad-encoding` for anything else. */
export function decodeTip(value: unknown): Tip {
  if (Array.isArray(value) && value.length === 3) {
    const [log, position, e] = value as unknown[];
    if (log instanceof Uint8Array && log.length === 16 && e instanceof Uint8Array && e.length === 32 && Number.isSafeInteger(position) && (position as number) > 0) {
      return { log, position: position as number, e };
    }
  }
  throw new Fault('bad-encoding', 'This is not a tip: [log id of 16 bytes, position, e of 32 bytes].');
}

/** Order of tips by their canonical bytes. */
export function compareTips(a: Tip, b: Tip): number {
  // All that stands before the position has the same length in every tip; integers of canonical CBOR sort as numbers do.
  return compare(a.log, b.log) || a.position - b.position || compare(a.e, b.e);
}

/** The tips sorted by bytes, each once. */
export function sortTips(tips: Tip[]): Tip[] {
  return [...tips].sort(compareTips).filter((tip, i, all) => i === 0 || compareTips(all[i - 1]!, tip) !== 0);
}

/** Writes the array of an opening's cites. Fault `bad-argument` when they are more than 64, not sorted, or not unique. */
export function writeCites(w: Writer, cites: Tip[]): void {
  if (cites.length > CITES) throw new Fault('bad-argument', `An opening cites at most ${CITES} tips.`);
  w.head(0x80, cites.length);
  cites.forEach((tip, i) => {
    if (i > 0 && compareTips(cites[i - 1]!, tip) >= 0) throw new Fault('bad-argument', 'The cites of an opening are sorted and unique.');
    writeTip(w, tip);
  });
}

/** Reads the cites of an opening. Fault `bad-encoding`. */
export function readCites(r: Reader): Tip[] {
  const n = r.array();
  if (n > CITES) r.fail(`more than ${CITES} cites`);
  const cites: Tip[] = [];
  for (let i = 0; i < n; i++) {
    const tip = readTip(r);
    if (i > 0 && compareTips(cites[i - 1]!, tip) >= 0) r.fail('cites out of order');
    cites.push(tip);
  }
  return cites;
}

/** What of an opening names its log. */
export type LogName = Pick<Opening, 'fleet' | 'node' | 'incarnation' | 'stream' | 'grant' | 'keyHash'>;

function writeName(w: Writer, o: LogName): void {
  w.bytes(o.fleet);
  w.bytes(o.node);
  w.bytes(o.incarnation);
  w.text(o.stream);
  w.bytes(o.grant);
  w.bytesOrNull(o.keyHash);
}

/** The canonical bytes of an opening. Fault `bad-argument` as `writeCites`. */
export function encodeOpening(o: Opening): Bytes {
  return written(OPENING_BYTES, (w) => {
    w.byte(0x88);
    writeName(w, o);
    w.bytes(o.boot);
    writeCites(w, o.cites);
  });
}

/** Reads an opening; byte strings are copies. Fault `bad-encoding`. */
export function readOpening(r: Reader): Opening {
  r.arrayOf(8);
  const fleet = r.copy(32), node = r.copy(32), incarnation = r.copy(16), stream = r.text(64), grant = r.copy(8);
  const keyHash = r.null() ? null : r.copy(16);
  const boot = r.copy(8);
  return { fleet, node, incarnation, stream, grant, keyHash, boot, cites: readCites(r) };
}

/** The id of a log, 16 bytes. */
export function logId(crypto: Crypto, o: LogName): Bytes {
  const named = written(512, (w) => {
    w.raw(LOG_ID);
    w.byte(0x86);
    writeName(w, o);
  });
  return crypto.sha256(named).slice(0, 16);
}

/** e(0) of a log, 32 bytes: the hash of its opening, and so of everything that it cites. */
export function chainStart(crypto: Crypto, o: Opening): Bytes {
  return crypto.sha256(concat(LOG, encodeOpening(o)));
}

/** The key of a log's chain: 32 bytes, or none for the `$` streams, which have no stream key. */
export function logKey(crypto: Crypto, streamKey: Bytes | null, incarnation: Bytes): Bytes {
  return streamKey === null ? EMPTY : crypto.mac(streamKey, concat(LOG_KEY, incarnation));
}

/** Computes e of one event after the other: e(p) = SHA-256(log key ‖ e(p-1) ‖ event). */
export class Chain {
  /** e of the event before the next one. */
  before: Bytes;
  readonly #crypto: Crypto;
  readonly #prefix: number;
  #scratch: Uint8Array;
  /** Beginnings of `#scratch` by their length. */
  #views: Bytes[] = [];

  constructor(crypto: Crypto, logKey: Bytes, before: Bytes) {
    this.#crypto = crypto;
    this.#prefix = logKey.length;
    this.#scratch = new Uint8Array(512);
    this.#scratch.set(logKey);
    this.before = before;
  }

  /** e of `event`, a fresh array of 32 bytes that also becomes `before`. */
  next(event: Bytes): Bytes {
    return this.#of(event, 0, event.length);
  }

  #of(bytes: Bytes, start: number, end: number): Bytes {
    const prefix = this.#prefix, length = prefix + 32 + end - start;
    if (length > this.#scratch.length) this.#grow(2 * length);
    const scratch = this.#scratch, before = this.before;
    // Loops and views that are kept: a view an event would cost more than its hash.
    for (let i = 0; i < 32; i++) scratch[prefix + i] = before[i]!;
    if (end - start > 256) scratch.set(bytes.subarray(start, end), prefix + 32);
    else for (let i = start, to = prefix + 32; i < end; i++) scratch[to++] = bytes[i]!;
    return (this.before = this.#crypto.sha256(length < VIEWS ? (this.#views[length] ??= scratch.subarray(0, length)) : scratch.subarray(0, length)));
  }

  #grow(size: number): void {
    const grown = new Uint8Array(size);
    grown.set(this.#scratch.subarray(0, this.#prefix));
    this.#scratch = grown;
    this.#views = [];
  }

  /** e of every event of a run, 32 bytes each. */
  all(run: Run): Bytes {
    const { bytes, ends } = run;
    const out = new Uint8Array(32 * ends.length);
    let start = 0;
    for (let i = 0; i < ends.length; i++) {
      const end = ends[i]!, e = this.#of(bytes, start, end);
      for (let k = 0, to = 32 * i; k < 32; k++) out[to + k] = e[k]!;
      start = end;
    }
    return out;
  }
}

/** The id of an event as text: incarnation, position and the first 16 bytes of e. */
export function eventId(incarnation: Bytes, position: number, e: Bytes): string {
  return `${hex(incarnation)}-${position}-${hex(e.subarray(0, 16))}`;
}

/** The parts of an event's id; `e` has 16 bytes. Fault `bad-argument`. */
export function parseEventId(id: string): { incarnation: Bytes; position: number; e: Bytes } {
  const found = /^([0-9a-f]{32})-([1-9][0-9]{0,15})-([0-9a-f]{32})$/.exec(id);
  const position = Number(found?.[2]);
  if (!found || !Number.isSafeInteger(position)) throw new Fault('bad-argument', `"${String(id).slice(0, 100)}" is not an event's id.`);
  return { incarnation: unhex(found[1]!), position, e: unhex(found[3]!) };
}
