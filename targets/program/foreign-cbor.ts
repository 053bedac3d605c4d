// CBOR of others, as RFC 8949 allows it and the log does not write it: indefinite lengths, half floats, tags, keys that are numbers. Total, in bounded depth and memory.

import { Fault } from '../../src/fault.ts';
import { VALUE_DEPTH } from '../../src/limits.ts';

/** How deep items may nest at all; what nests deeper than a value may is refused later, alone. */
const SCAN_DEPTH = 64;
/** Bytes of a number of any size (tags 2 and 3) that is looked at. */
const BIGNUM_BYTES = 64;
/** Tags that say more about what follows, which can do without: times, encodings that are wished, URIs and other kinds of text, UUIDs, arrays of bytes, sets, and "this is CBOR". */
const PASSED_TAGS = new Set([0, 1, 21, 22, 23, 24, 32, 33, 34, 35, 36, 37, 64, 100, 258, 1004, 55_799]);

const utf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

/** Where the readings lie in a body: the items of a sequence, or those of the one array that it is. Fault `bad-encoding` unless all of it is well-formed, `too-many`. */
export function foreignItems(bytes: Uint8Array, most: number): Uint8Array[] {
  const items: Uint8Array[] = [];
  const reader = openReader(bytes);
  const take = (): void => {
    if (items.length >= most) throw new Fault('too-many', `there are more than ${most} readings in one body`);
    const from = reader.at;
    reader.skip(0);
    items.push(bytes.subarray(from, reader.at));
  };
  const first = bytes[0] ?? 0;
  if (first >> 5 === 4) {
    const { many } = reader.head();
    if (many === undefined) while (!reader.broke()) take();
    else for (let i = 0; i < many; i++) take();
    if (reader.at < bytes.length) throw broken('something follows the array', reader.at);
    return items;
  }
  while (reader.at < bytes.length) take();
  return items;
}

/** The value of one well-formed item. Whole numbers beyond 2^53 become bigints, `undefined` null, keys that are numbers text. Faults: `bad-encoding`, `bad-value` (a tag or a kind of item that has no such value, a key twice, too deep). */
export function foreignValue(bytes: Uint8Array): unknown {
  const reader = openReader(bytes);
  const value = reader.value(0);
  if (reader.at < bytes.length) throw broken('something follows the item', reader.at);
  return value;
}

function broken(what: string, at: number): Fault {
  return new Fault('bad-encoding', `not CBOR: ${what} at byte ${at}`);
}

function noValue(what: string): Fault {
  return new Fault('bad-value', `${what} cannot be recorded`);
}

/** The beginning of an item: its major type, its additional information, and its argument; `many` undefined: its length is not said. */
interface Head { major: number; info: number; argument: number | bigint; many: number | undefined }

interface Reader { readonly at: number; head(): Head; skip(depth: number): void; value(depth: number): unknown; broke(): boolean }

function openReader(bytes: Uint8Array): Reader {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  let at = 0;
  function need(count: number): number {
    if (count > bytes.length - at) throw broken('it ends too soon', bytes.length);
    const from = at;
    at += count;
    return from;
  }
  function head(): Head {
    const first = bytes[need(1)]!;
    const major = first >> 5, info = first & 31;
    if (info < 24) return { major, info, argument: info, many: info };
    if (info > 27 && info < 31) throw broken('an unknown length', at - 1);
    if (info === 31) {
      if (major < 2 || major > 5) throw broken(major === 7 ? 'a break outside of what it ends' : 'an item without its value', at - 1);
      return { major, info, argument: 0, many: undefined };
    }
    const from = need(1 << (info - 24));
    const argument = info === 24 ? view.getUint8(from) : info === 25 ? view.getUint16(from) : info === 26 ? view.getUint32(from) : plain(view.getBigUint64(from));
    // A length that does not fit into the body cannot be met: nothing is made ready for it.
    if (major >= 2 && major <= 5 && argument > bytes.length) throw broken('it ends too soon', bytes.length);
    return { major, info, argument, many: Number(argument) };
  }
  function broke(): boolean {
    if (at >= bytes.length) throw broken('it ends too soon', at);
    if (bytes[at] !== 0xff) return false;
    at++;
    return true;
  }
  /** Passes over the parts of an item, calling `part` for each that is an item itself. */
  function skip(depth: number): void {
    if (depth > SCAN_DEPTH) throw broken(`more than ${SCAN_DEPTH} items inside each other`, at);
    const { major, info, many } = head();
    switch (major) {
      case 2: case 3:
        if (many !== undefined) return void need(many);
        while (!broke()) chunk(major);
        return;
      case 4: case 5:
        if (many === undefined) {
          while (!broke()) for (let i = 3; i < major; i++) skip(depth + 1);
        } else for (let i = 0; i < many * (major - 3); i++) skip(depth + 1);
        return;
      case 6:
        return skip(depth + 1);
      case 7:
        if (info === 24 && bytes[at - 1]! < 32) throw broken('a simple value in two bytes', at - 2);
    }
  }
  /** One part of a text or bytes whose length is not said. */
  function chunk(major: number): Uint8Array {
    const part = head();
    if (part.major !== major || part.many === undefined) throw broken('a part of another kind', at - 1);
    const from = need(part.many);
    return bytes.subarray(from, at);
  }
  function parts(major: number, many: number | undefined): Uint8Array[] {
    if (many !== undefined) {
      const from = need(many);
      return [bytes.subarray(from, at)];
    }
    const all: Uint8Array[] = [];
    while (!broke()) all.push(chunk(major));
    return all;
  }
  function textOf(part: Uint8Array): string {
    try {
      return utf8.decode(part);
    } catch (error) {
      throw new Fault('bad-encoding', 'a text in it is not UTF-8', { cause: error });
    }
  }
  function value(depth: number): unknown {
    const { major, info, argument, many } = head();
    switch (major) {
      case 0: return argument;
      case 1: return typeof argument === 'number' && argument < Number.MAX_SAFE_INTEGER ? -1 - argument : -1n - BigInt(argument);
      // Copies: the body is not to stay for their sake.
      case 2: return new Uint8Array(Buffer.concat(parts(2, many)));
      case 3: return parts(3, many).map(textOf).join('');
      case 4: case 5: {
        if (depth >= VALUE_DEPTH) throw new Fault('bad-value', `more than ${VALUE_DEPTH} arrays and maps inside each other`);
        return major === 4 ? arrayOf(many, depth) : mapOf(many, depth);
      }
      case 6: return tagged(argument, depth);
      default: return simple(info, argument);
    }
  }
  function arrayOf(many: number | undefined, depth: number): unknown[] {
    const array: unknown[] = [];
    while (many === undefined ? !broke() : array.length < many) array.push(value(depth + 1));
    return array;
  }
  function mapOf(many: number | undefined, depth: number): { [key: string]: unknown } {
    const map: { [key: string]: unknown } = {};
    for (let i = 0; many === undefined ? !broke() : i < many; i++) {
      const name = value(depth + 1);
      if (typeof name !== 'string' && typeof name !== 'number' && typeof name !== 'bigint') throw noValue('a key that is neither text nor a number');
      const key = String(name);
      if (Object.hasOwn(map, key)) throw noValue(`the key ${JSON.stringify(key.slice(0, 64))}, which is there twice,`);
      Object.defineProperty(map, key, { value: value(depth + 1), writable: true, enumerable: true, configurable: true });
    }
    return map;
  }
  function tagged(tag: number | bigint, depth: number): unknown {
    if (tag === 2 || tag === 3) {
      const { major, many } = head();
      if (major !== 2) throw broken('a number of any size without its bytes', at - 1);
      const digits = Buffer.concat(parts(2, many));
      if (digits.length > BIGNUM_BYTES) throw noValue('a number of that size');
      const number = BigInt(`0x0${digits.toString('hex')}`);
      return plain(tag === 2 ? number : -1n - number);
    }
    if (typeof tag === 'bigint' || !PASSED_TAGS.has(tag)) throw noValue(`what has CBOR tag ${tag}`);
    // Tags can stand before tags: each counts as a level.
    if (depth >= VALUE_DEPTH) throw new Fault('bad-value', `more than ${VALUE_DEPTH} items inside each other`);
    return value(depth + 1);
  }
  function simple(info: number, argument: number | bigint): unknown {
    switch (info) {
      case 20: return false;
      case 21: return true;
      case 22: case 23: return null;
      case 25: return half(Number(argument));
      case 26: return view.getFloat32(at - 4);
      case 27: return view.getFloat64(at - 8);
      default: throw noValue(`simple value ${argument}`);
    }
  }
  return { get at() { return at; }, head, skip, value, broke };
}

/** A number where it is exact as one. */
function plain(number: bigint): number | bigint {
  return number <= BigInt(Number.MAX_SAFE_INTEGER) && number >= BigInt(Number.MIN_SAFE_INTEGER) ? Number(number) : number;
}

/** The value of 16 bits of IEEE 754. */
function half(bits: number): number {
  const exponent = bits >> 10 & 31, fraction = bits & 0x3ff;
  const size = exponent === 0 ? fraction * 2 ** -24 : exponent === 31 ? (fraction === 0 ? Infinity : NaN) : (1 + fraction / 1_024) * 2 ** (exponent - 15);
  return bits >> 15 === 0 ? size : -size;
}
