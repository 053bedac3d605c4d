// A cursor: what somebody has been told of a stream, in a form that any node of the fleet understands and that survives every restart.
import type { Bytes, Crypto } from '../ports.ts';
import type { Value } from '../event/value.ts';
import { base64url, concat, equal, unbase64url, utf8 } from '../event/bytes.ts';
import { decode, encode } from '../event/cbor.ts';
import { PLACE_BYTES } from './reader.ts';
import { Fault } from '../fault.ts';

/** Bytes of a log-id, of e and of a node's id that a cursor keeps: chance will not make two alike, and whoever forges one deceives himself. */
export const SHORT = 8;
/** Characters of a cursor. */
export const CURSOR_CHARS = 1_048_576;

/** A run's end that was told, with all that it stands for. `from` ≤ `to` for what was missing below it, else 0. */
export interface Told { log: Bytes; from: number; to: number; e: Bytes }

/**
 * Everything that `told` stands for, but what its holes leave out. `keys`: names (SHORT bytes each) of the keys under which it was read. `judged`: nodes whose logs were not all
 * valid, each with a mark that is another one as soon as that may have changed.
 */
export interface Whole { told: Told[]; keys: Bytes[]; judged: { node: Bytes; mark: Bytes }[] }

/**
 * What was told: all of `base`, and of readings in order that were broken off, of `whole` what comes up to `place` (PLACE_BYTES of an order), but for what the layer below or
 * `base` stands for anyway. Later readings lie above.
 */
export interface Cursor { base: Whole | undefined; layers: { whole: Whole; place: Bytes }[] }

/** Binds a cursor to its stream and fleet. */
function tagOf(crypto: Crypto, fleet: Bytes, stream: string): Bytes {
  return crypto.sha256(concat(utf8('holdfast/1 cursor\0'), fleet, utf8(stream))).slice(0, 4);
}

/** The cursor as text (base64url). */
export function encodeCursor(crypto: Crypto, fleet: Bytes, stream: string, { base, layers }: Cursor): string {
  return base64url(encode([1, tagOf(crypto, fleet, stream), base ? valueOf(base) : null, layers.map(({ whole, place }) => [valueOf(whole), place])] as Value));
}

function valueOf({ told, keys, judged }: Whole): Value {
  return [told.map((t) => [t.log, t.from, t.to, t.e]), keys, judged.map((j) => [j.node, j.mark])] as Value;
}

/** Reads a cursor. Fault `bad-argument` for anything else, and for one of another stream or fleet. */
export function decodeCursor(crypto: Crypto, fleet: Bytes, stream: string, text: string): Cursor {
  let cursor: Cursor | undefined, tag: Bytes | undefined;
  try {
    if (text.length > CURSOR_CHARS) throw new Fault('too-large', 'a cursor that long');
    const [version, bound, base, layers, more] = listOf(decode(unbase64url(text)));
    if (version !== 1 || more !== undefined) throw new Fault('bad-encoding', 'not a cursor');
    tag = bytesOf(bound, 4);
    cursor = {
      base: base === null ? undefined : wholeOf(base),
      layers: listOf(layers).map((layer) => {
        const [whole, place] = listOf(layer);
        return { whole: wholeOf(whole), place: bytesOf(place, PLACE_BYTES) };
      }),
    };
  } catch (error) {
    throw new Fault('bad-argument', `"${text.slice(0, 40)}" is not a cursor that a node gave out`, { cause: error });
  }
  if (!equal(tag, tagOf(crypto, fleet, stream))) throw new Fault('bad-argument', `this cursor is not one of stream ${stream} of this fleet`);
  return cursor;
}

function wholeOf(value: Value | undefined): Whole {
  const [told, keys, judged] = listOf(value);
  return {
    told: listOf(told).map((one) => {
      const [log, from, to, e] = listOf(one);
      return { log: bytesOf(log, SHORT), from: countOf(from), to: countOf(to), e: bytesOf(e, SHORT) };
    }),
    keys: listOf(keys).map((key) => bytesOf(key, SHORT)),
    judged: listOf(judged).map((one) => {
      const [node, mark] = listOf(one);
      return { node: bytesOf(node, SHORT), mark: bytesOf(mark, SHORT) };
    }),
  };
}

function listOf(value: Value | undefined): Value[] {
  if (Array.isArray(value)) return value;
  throw new Fault('bad-encoding', 'a list is missing');
}

function bytesOf(value: Value | undefined, length: number): Bytes {
  if (value instanceof Uint8Array && value.length === length) return value;
  throw new Fault('bad-encoding', `${length} bytes are missing`);
}

function countOf(value: Value | undefined): number {
  if (Number.isSafeInteger(value) && (value as number) >= 0) return value as number;
  throw new Fault('bad-encoding', 'a position is missing');
}
