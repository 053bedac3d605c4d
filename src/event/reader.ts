// A strict reader of canonical CBOR from bytes that nobody vouches for: any input gives an item or a Fault, in time proportional to its length.
import { Fault } from '../fault.ts';
import { VALUE_DEPTH } from '../limits.ts';
import type { Bytes } from '../ports.ts';
import { text as decodeText, judgeUtf8 } from './bytes.ts';
import type { Value } from './value.ts';

const eight = new Uint8Array(8);
const eightView = new DataView(eight.buffer);
/** Below this many bytes ASCII text is put together without a call into the decoder. */
const SHORT = 32;

/** Reads items of `bytes` from `at` to `end`; every method throws Fault `bad-encoding` when what it is to read is not there in canonical form. */
export class Reader {
  bytes: Bytes;
  at: number;
  end: number;

  constructor(bytes: Bytes, at = 0, end = bytes.length) {
    this.bytes = bytes;
    this.at = at;
    this.end = end;
  }

  /** Refuses the input here. */
  fail(what: string): never {
    throw new Fault('bad-encoding', `${what} (at byte ${this.at})`);
  }

  /** Nothing may follow. */
  finish(): void {
    if (this.at !== this.end) this.fail('bytes follow the end');
  }

  /** The argument of the next head, which must be of the major type (shifted left by 5). */
  head(major: number): number {
    if (this.at >= this.end) this.fail('the input ends early');
    const first = this.bytes[this.at]!;
    if ((first & 0xe0) !== major) this.fail(`type ${first >> 5} where ${major >> 5} belongs`);
    this.at++;
    return this.argument(first & 31);
  }

  /** The argument whose additional information is `info`; its first byte has been read. */
  argument(info: number): number {
    if (info < 24) return info;
    const bytes = this.bytes, at = this.at;
    if (info === 24) {
      if (at + 1 > this.end) this.fail('the input ends early');
      this.at = at + 1;
      const n = bytes[at]!;
      if (n < 24) this.fail('an integer is not in its shortest form');
      return n;
    }
    if (info === 25) {
      if (at + 2 > this.end) this.fail('the input ends early');
      this.at = at + 2;
      const n = (bytes[at]! << 8) | bytes[at + 1]!;
      if (n < 0x100) this.fail('an integer is not in its shortest form');
      return n;
    }
    if (info === 26) {
      if (at + 4 > this.end) this.fail('the input ends early');
      this.at = at + 4;
      const n = four(bytes, at);
      if (n < 0x1_0000) this.fail('an integer is not in its shortest form');
      return n;
    }
    if (info === 27) {
      if (at + 8 > this.end) this.fail('the input ends early');
      this.at = at + 8;
      const high = four(bytes, at);
      if (high === 0) this.fail('an integer is not in its shortest form');
      if (high > 0x1f_ffff) this.fail('an integer is beyond 2^53 - 1');
      return high * 0x1_0000_0000 + four(bytes, at + 4);
    }
    return this.fail('lengths must be definite');
  }

  /** An integer from 0 to `most`. */
  uint(most = Number.MAX_SAFE_INTEGER): number {
    const n = this.head(0);
    if (n > most) this.fail(`an integer above ${most}`);
    return n;
  }

  /** An integer from -(2^53 - 1) to 2^53 - 1. */
  int(): number {
    if (this.at < this.end && this.bytes[this.at]! >> 5 === 1) return this.negative(this.head(0x20));
    return this.head(0);
  }

  private negative(n: number): number {
    if (n === Number.MAX_SAFE_INTEGER) this.fail('an integer is beyond -(2^53 - 1)');
    return -1 - n;
  }

  /** The number of items of an array, whose items follow. */
  array(): number {
    const n = this.head(0x80);
    if (n > this.end - this.at) this.fail('an array is longer than the input');
    return n;
  }

  /** An array of exactly `n` items. */
  arrayOf(n: number): void {
    if (this.array() !== n) this.fail(`an array that has not ${n} items`);
  }

  /** A byte string, as a view of the input; of exactly `n` bytes when given. */
  view(n = -1): Bytes {
    const length = this.head(0x40);
    if (n >= 0 && length !== n) this.fail(`a byte string that has not ${n} bytes`);
    if (length > this.end - this.at) this.fail('the input ends early');
    this.at += length;
    return this.bytes.subarray(this.at - length, this.at);
  }

  /** A copy of a byte string; of exactly `n` bytes when given. */
  copy(n = -1): Bytes {
    return new Uint8Array(this.view(n));
  }

  /** True, and read over, when null comes next. */
  null(): boolean {
    if (this.at >= this.end || this.bytes[this.at] !== 0xf6) return false;
    this.at++;
    return true;
  }

  /** A text of at most `most` bytes. */
  text(most = Number.MAX_SAFE_INTEGER): string {
    const n = this.head(0x60);
    if (n > most) this.fail(`a text of more than ${most} bytes`);
    return this.string(n);
  }

  /** Reads over a text of at most `most` bytes and returns its length in bytes. */
  skipText(most: number): number {
    const n = this.head(0x60);
    if (n > most) this.fail(`a text of more than ${most} bytes`);
    this.utf8(n);
    return n;
  }

  /** The text whose head gave `n`. */
  private string(n: number): string {
    const at = this.at;
    const plain = this.utf8(n);
    const view = this.bytes.subarray(at, at + n);
    // The spread of a short view makes one flat string and costs a third of a call into the decoder.
    return plain && n <= SHORT ? String.fromCharCode.apply(null, view as unknown as number[]) : decodeText(view);
  }

  /** Reads over `n` bytes of valid UTF-8 without zero bytes; true when all are ASCII. */
  utf8(n: number): boolean {
    if (n > this.end - this.at) this.fail('the input ends early');
    const found = judgeUtf8(this.bytes, this.at, this.at + n);
    if (found === 0) this.fail('text is not valid UTF-8, or holds U+0000');
    this.at += n;
    return found === 2;
  }

  private number(): number {
    if (this.at + 8 > this.end) this.fail('the input ends early');
    for (let i = 0; i < 8; i++) eight[i] = this.bytes[this.at + i]!;
    const n = eightView.getFloat64(0);
    if (!Number.isFinite(n)) this.fail('a number is not finite');
    if (Number.isSafeInteger(n)) this.fail('an integer is written as a float');
    this.at += 8;
    return n;
  }

  /** Reads over one item, arrays and maps at most `depth` deep. */
  skip(depth = VALUE_DEPTH): void {
    if (this.at >= this.end) this.fail('the input ends early');
    const first = this.bytes[this.at++]!;
    switch (first >> 5) {
      case 0:
        this.argument(first & 31);
        return;
      case 1:
        this.negative(this.argument(first & 31));
        return;
      case 2: {
        const n = this.argument(first & 31);
        if (n > this.end - this.at) this.fail('the input ends early');
        this.at += n;
        return;
      }
      case 3:
        this.utf8(this.argument(first & 31));
        return;
      case 4: {
        const n = this.open(first, depth, 1);
        for (let i = 0; i < n; i++) this.skip(depth - 1);
        return;
      }
      case 5: {
        const n = this.open(first, depth, 2);
        let before = -1, length = 0;
        for (let i = 0; i < n; i++) {
          const at = this.at;
          this.key(before, length);
          before = at;
          length = this.at - at;
          this.skip(depth - 1);
        }
        return;
      }
      default:
        this.simple(first);
    }
  }

  /** One item as a value, byte strings copied, arrays and maps at most `depth` deep. */
  value(depth = VALUE_DEPTH): Value {
    if (this.at >= this.end) this.fail('the input ends early');
    const first = this.bytes[this.at++]!;
    switch (first >> 5) {
      case 0:
        return this.argument(first & 31);
      case 1:
        return this.negative(this.argument(first & 31));
      case 2:
        this.at--;
        return this.copy();
      case 3:
        return this.string(this.argument(first & 31));
      case 4: {
        const n = this.open(first, depth, 1);
        const array: Value[] = [];
        for (let i = 0; i < n; i++) array.push(this.value(depth - 1));
        return array;
      }
      case 5:
        return this.map(this.open(first, depth, 2), depth - 1);
      default:
        return this.simple(first);
    }
  }

  private map(n: number, depth: number): Value {
    const map: { [key: string]: Value } = {};
    let before = -1, length = 0;
    for (let i = 0; i < n; i++) {
      const at = this.at;
      const key = this.key(before, length, true)!;
      before = at;
      length = this.at - at;
      const value = this.value(depth);
      // Assigning to "__proto__" would change the object's prototype instead of adding a property.
      if (key === '__proto__') Object.defineProperty(map, key, { value, writable: true, enumerable: true, configurable: true });
      else map[key] = value;
    }
    return map;
  }

  private open(first: number, depth: number, each: number): number {
    if (depth <= 0) this.fail(`more than ${VALUE_DEPTH} arrays and maps inside each other`);
    const n = this.argument(first & 31);
    if (n * each > this.end - this.at) this.fail('an array or map is longer than the input');
    return n;
  }

  /** A map's key, which must come after the one encoded at `before` in `length` bytes (-1: it is the first). */
  private key(before: number, length: number, wanted = false): string | undefined {
    const at = this.at, bytes = this.bytes;
    const n = this.head(0x60);
    let out: string | undefined;
    if (wanted) out = this.string(n);
    else this.utf8(n);
    if (before >= 0) {
      // Shorter encodings are shorter texts, and heads of one length differ only with the text's length.
      const own = this.at - at;
      let d = own - length;
      for (let i = 0; d === 0 && i < own; i++) d = bytes[at + i]! - bytes[before + i]!;
      if (d === 0) this.fail('a map has one key twice');
      if (d < 0) this.fail('the keys of a map are out of order');
    }
    return out;
  }

  private simple(first: number): null | boolean | number {
    if (first === 0xf4) return false;
    if (first === 0xf5) return true;
    if (first === 0xf6) return null;
    if (first === 0xfb) return this.number();
    this.at--;
    return this.fail(first >> 5 === 6 ? 'tags are not allowed' : 'a simple value or float that is not allowed');
  }
}

function four(bytes: Bytes, at: number): number {
  return ((bytes[at]! << 24) | (bytes[at + 1]! << 16) | (bytes[at + 2]! << 8) | bytes[at + 3]!) >>> 0;
}
