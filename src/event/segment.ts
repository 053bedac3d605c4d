// Segments: reading and checking what arrives, sealing runs of events, and opening them again with a stream's key (FORMAT.md section 4).
import { Fault } from '../fault.ts';
import { HEADER_BYTES, INFLATED_BYTES, SEGMENT_BYTES, SEGMENT_EVENTS } from '../limits.ts';
import type { Bytes, ClockQuality, Crypto, Random } from '../ports.ts';
import { EMPTY, concat, equal } from './bytes.ts';
import type { Opening } from './chain.ts';
import { Chain, chainStart, domain, logId, logKey } from './chain.ts';
import { packColumns, unpackColumns } from './columns.ts';
import type { Header } from './header.ts';
import { CODEC_COLUMNS, VERSION, encodeHeader, logNameOf, openingOf, parseHeader, understood, writeCovered } from './header.ts';
import { Reader } from './reader.ts';
import type { Run } from './run.ts';
import { surveyRun } from './run.ts';
import { compareStamp } from './stamp.ts';
import { written } from './writer.ts';

/** A segment and its parts. `headerBytes`, `signature` and `payload` (null: erased) are views of `bytes`; `log` is the log's id, empty until `checkSegment` has filled it in. */
export interface Segment { header: Header; headerBytes: Bytes; signature: Bytes; payload: Bytes | null; bytes: Bytes; log: Bytes }

const SEGMENT = domain('segment');
const SEGMENT_KEY = domain('segment key'), KEY = domain('key');
const NONCE = new Uint8Array(12);

/** What an author signs: the domain, the fleet's id and the header's bytes. */
export function signedBytes(fleet: Bytes, headerBytes: Bytes): Bytes {
  return concat(SEGMENT, fleet, headerBytes);
}

/** The envelope of a segment. `payload` null makes an erased one. */
export function encodeSegment(headerBytes: Bytes, signature: Bytes, payload: Bytes | null): Bytes {
  return written(SEGMENT_BYTES, (w) => {
    w.byte(0x83);
    w.bytes(headerBytes);
    w.bytes(signature);
    w.bytesOrNull(payload);
  });
}

/** A segment from bytes that nobody vouches for; keeps `bytes` and views of it. Checks structure, limits and inner agreement, no signature and no hash.
 * Faults: `too-large` (above 131,072 bytes), `bad-segment` (anything else). */
export function parseSegment(bytes: Bytes): Segment {
  if (bytes.length > SEGMENT_BYTES) throw new Fault('too-large', `A segment has at most ${SEGMENT_BYTES} bytes, this one ${bytes.length}.`);
  try {
    const r = new Reader(bytes);
    r.arrayOf(3);
    const headerBytes = r.view();
    if (headerBytes.length > HEADER_BYTES) r.fail(`a header of more than ${HEADER_BYTES} bytes`);
    const signature = r.view(64);
    const payload = r.null() ? null : r.view();
    r.finish();
    const header = parseHeader(headerBytes);
    if (payload !== null && payload.length !== header.length) r.fail('a payload of another length than the header says');
    return { header, headerBytes, signature, payload, bytes, log: EMPTY };
  } catch (error) {
    if (error instanceof Fault && error.code === 'bad-encoding') throw new Fault('bad-segment', `Not a segment: ${error.message}.`);
    throw error;
  }
}

/** Checks what needs no stream key: signature, hash of the payload if there is one, e(0) of a first segment. Fills in `segment.log`. Faults: `bad-signature`, `bad-segment`. */
export function checkSegment(crypto: Crypto, fleet: Bytes, segment: Segment): void {
  const { header, payload } = segment;
  if (payload !== null && (payload.length !== header.length || !equal(crypto.sha256(payload), header.hash))) {
    throw new Fault('bad-segment', 'The payload of the segment is not the one that its header names.');
  }
  const opening = openingOf(fleet, header);
  if (opening && !equal(chainStart(crypto, opening), header.before)) throw new Fault('bad-segment', 'The first segment of a log does not begin with its opening.');
  if (!crypto.verify(header.node, signedBytes(fleet, segment.headerBytes), segment.signature)) {
    throw new Fault('bad-signature', 'The signature of the segment is not of its node, in this fleet.');
  }
  segment.log = logId(crypto, logNameOf(fleet, header));
}

/** The same segment without its payload. */
export function eraseSegment(segment: Segment): Segment {
  const bytes = encodeSegment(segment.headerBytes, segment.signature, null);
  return { ...parseSegment(bytes), log: segment.log };
}

/** The public name of a key, 16 bytes. */
export function keyHash(crypto: Crypto, key: Bytes): Bytes {
  return crypto.sha256(concat(KEY, key)).slice(0, 16);
}

/** What is to be sealed: consecutive events from position `first` on, `before` being e(first-1). `seed` is of the opening's node; `streamKey` null for the `$` streams;
 * `after`, e of the last event, saves hashing all of them again. */
export interface Sealing {
  seed: Bytes;
  opening: Opening;
  streamKey: Bytes | null;
  first: number;
  before: Bytes;
  run: Run;
  clock: { quality: ClockQuality; uptime: number };
  after?: Bytes;
}

/** Seals a run into a signed segment. Faults: `bad-argument` (what does not belong together), `bad-segment` (events that break the rules of a log), `too-large` (the
 * stored segment would exceed 131,072 bytes or 8,192 events: seal fewer). */
export function sealSegment(crypto: Crypto, random: Random, s: Sealing): Segment {
  const { opening, streamKey, run, first } = s;
  const count = run.ends.length;
  if (count < 1 || first < 1 || !Number.isSafeInteger(first) || first > Number.MAX_SAFE_INTEGER - count + 1) throw new Fault('bad-argument', 'A segment has at least one event.');
  if (count > SEGMENT_EVENTS) throw new Fault('too-large', `A segment has at most ${SEGMENT_EVENTS} events.`);
  if (!equal(crypto.signer(s.seed), opening.node)) throw new Fault('bad-argument', 'The seed is not of the node that opened the log.');
  if ((opening.keyHash === null) !== (streamKey === null) || opening.stream.startsWith('$') !== (streamKey === null)) {
    throw new Fault('bad-argument', 'Every stream but those of the system has a key.');
  }
  if (first === 1 && !equal(s.before, chainStart(crypto, opening))) throw new Fault('bad-argument', 'The first segment of a log begins with its opening.');
  const { stampFirst, stampLast, timeMin, timeMax } = surveyRun(run, false);
  const after = s.after ?? chainEnd(crypto, streamKey, opening.incarnation, s.before, run);
  const { node, incarnation, stream, grant } = opening;
  const covered = { version: VERSION, node, incarnation, stream, grant, keyHash: opening.keyHash, first, count, before: s.before, after, stampFirst, stampLast, timeMin, timeMax };
  const deflated = crypto.deflate(packColumns(run));
  let salt: Bytes | null = null, payload = deflated;
  if (streamKey !== null) {
    const about = written(1024, (w) => writeCovered(w, covered));
    salt = crypto.mac(random.bytes(32), concat(crypto.sha256(deflated), about)).slice(0, 12);
    payload = crypto.seal(crypto.mac(streamKey, concat(SEGMENT_KEY, salt)), NONCE, deflated);
  }
  if (payload.length > SEGMENT_BYTES) throw new Fault('too-large', `A segment has at most ${SEGMENT_BYTES} bytes.`);
  const header: Header = {
    ...covered, clock: s.clock, salt, codec: CODEC_COLUMNS, length: payload.length, hash: crypto.sha256(payload),
    opening: first === 1 ? { boot: opening.boot, cites: opening.cites } : null,
  };
  const headerBytes = encodeHeader(header);
  const signature = crypto.sign(s.seed, signedBytes(opening.fleet, headerBytes));
  const bytes = encodeSegment(headerBytes, signature, payload);
  return { header, headerBytes, signature, payload, bytes, log: logId(crypto, opening) };
}

function chainEnd(crypto: Crypto, streamKey: Bytes | null, incarnation: Bytes, before: Bytes, run: Run): Bytes {
  const chain = new Chain(crypto, logKey(crypto, streamKey, incarnation), before);
  chain.all(run);
  return chain.before;
}

/** The events of a segment and e of each, 32 bytes apiece. Undefined when there is nothing to fold: the payload is erased, its version or codec is not `understood`, or it is
 * void by its author: it does not decrypt, inflate or decode, its events break the rules of a log, do not lead from `before` to `after`, or differ from the header's stamps and times.
 * Expects a segment that `checkSegment` passed. Fault `no-key` when `streamKey` is not the key that the header names. */
export function openSegment(crypto: Crypto, segment: Segment, streamKey: Bytes | null): { run: Run; hashes: Bytes } | undefined {
  const { header, payload } = segment;
  if (payload === null || !understood(header)) return undefined;
  if (header.keyHash !== null && (streamKey === null || !equal(keyHash(crypto, streamKey), header.keyHash))) {
    throw new Fault('no-key', `The key that a segment of stream ${header.stream} names is not the one at hand.`);
  }
  const key = header.keyHash === null ? null : streamKey;
  let deflated: Bytes | undefined = payload;
  if (key !== null) deflated = crypto.open(crypto.mac(key, concat(SEGMENT_KEY, header.salt!)), NONCE, payload);
  const columns = deflated && crypto.inflate(deflated, INFLATED_BYTES);
  if (!columns) return undefined;
  try {
    const run = unpackColumns(columns, header.count);
    if (run.ends.length !== header.count) return undefined;
    const found = surveyRun(run, true);
    if (compareStamp(found.stampFirst, header.stampFirst) !== 0 || compareStamp(found.stampLast, header.stampLast) !== 0) return undefined;
    if (found.timeMin !== header.timeMin || found.timeMax !== header.timeMax) return undefined;
    const hashes = new Chain(crypto, logKey(crypto, key, header.incarnation), header.before).all(run);
    return equal(hashes.subarray(hashes.length - 32), header.after) ? { run, hashes } : undefined;
  } catch (error) {
    if (error instanceof Fault) return undefined;
    throw error;
  }
}
