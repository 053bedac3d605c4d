// One growing buffer into which canonical CBOR is written in a single pass (FORMAT.md section 1).
import { Fault } from '../fault.ts';
import type { Bytes } from '../ports.ts';
import { flawOf } from './bytes.ts';

const encoder = new TextEncoder();
/** Below this many characters a loop is faster than a call into the encoder. */
const SHORT = 48;
/** Scratch buffers that grew beyond this are not kept. */
const KEPT = 1 << 20;

/** Copies up to this length share pieces of memory, each of so many bytes. */
const SHARED = 512, SHARED_BYTES = 8_192;
let shared: Bytes = new Uint8Array(0), sharedAt = 0;

/** Writes canonical CBOR; `buffer` may move when it grows, bytes 0 to `at` are what was written. */
export class Writer {
  buffer: Uint8Array<ArrayBuffer>;
  at = 0;
  /** Writing beyond this many bytes is Fault `too-large`. */
  most: number;
  #view: DataView;

  constructor(capacity = 1024, most = 1 << 28) {
    this.buffer = new Uint8Array(capacity);
    this.#view = new DataView(this.buffer.buffer);
    this.most = most;
  }

  /** Makes room for `bytes` more. */
  need(bytes: number): void {
    const least = this.at + bytes;
    if (least > this.buffer.length) this.#grow(least);
  }

  #grow(least: number): void {
    if (this.at > this.most) throw new Fault('too-large', `more than ${this.most} bytes`);
    const grown = new Uint8Array(Math.max(least, 2 * this.buffer.length));
    grown.set(this.buffer.subarray(0, this.at));
    this.buffer = grown;
    this.#view = new DataView(grown.buffer);
  }

  /** The head of an item: `major` is the major type shifted left by 5, `n` 0 to 2^53 - 1. */
  head(major: number, n: number): void {
    this.need(9);
    const buffer = this.buffer;
    if (n < 24) buffer[this.at++] = major | n;
    else if (n < 0x100) {
      buffer[this.at++] = major | 24;
      buffer[this.at++] = n;
    } else if (n < 0x1_0000) {
      buffer[this.at++] = major | 25;
      buffer[this.at++] = n >> 8;
      buffer[this.at++] = n;
    } else if (n < 0x1_0000_0000) {
      buffer[this.at++] = major | 26;
      this.#view.setUint32(this.at, n);
      this.at += 4;
    } else {
      buffer[this.at++] = major | 27;
      this.#view.setUint32(this.at, n / 0x1_0000_0000);
      this.#view.setUint32(this.at + 4, n >>> 0);
      this.at += 8;
    }
  }

  /** An integer within 2^53 - 1 of zero, both ways; not checked here. */
  int(n: number): void {
    if (n >= 0) this.head(0, n);
    else this.head(0x20, -1 - n);
  }

  /** A float of 64 bits. */
  float(n: number): void {
    this.need(9);
    this.buffer[this.at++] = 0xfb;
    this.#view.setFloat64(this.at, n);
    this.at += 8;
  }

  /** One byte as it is: false 0xf4, true 0xf5, null 0xf6. */
  byte(b: number): void {
    this.need(1);
    this.buffer[this.at++] = b;
  }

  /** Bytes as they are, without a head. */
  raw(bytes: Bytes): void {
    const n = bytes.length;
    this.need(n);
    if (n <= 32) {
      const buffer = this.buffer, at = this.at;
      for (let i = 0; i < n; i++) buffer[at + i] = bytes[i]!;
    } else this.buffer.set(bytes, this.at);
    this.at += n;
  }

  /** A byte string. */
  bytes(bytes: Bytes): void {
    this.head(0x40, bytes.length);
    this.raw(bytes);
  }

  /** A byte string or null. */
  bytesOrNull(bytes: Bytes | null): void {
    if (bytes === null) this.byte(0xf6);
    else this.bytes(bytes);
  }

  /** A text; returns its length in UTF-8 bytes. Fault `bad-value` when it is not well-formed or holds U+0000. */
  text(text: string): number {
    const n = text.length;
    if (n >= SHORT) return this.#longText(text);
    this.need(n + 2);
    const buffer = this.buffer, start = this.at + (n < 24 ? 1 : 2);
    for (let i = 0; i < n; i++) {
      const c = text.charCodeAt(i);
      if (c > 0x7f || c === 0) return this.#longText(text);
      buffer[start + i] = c;
    }
    if (n < 24) buffer[this.at] = 0x60 | n;
    else {
      buffer[this.at] = 0x78;
      buffer[this.at + 1] = n;
    }
    this.at = start + n;
    return n;
  }

  #longText(text: string): number {
    const flaw = flawOf(text);
    if (flaw !== undefined) throw new Fault('bad-value', flaw);
    if (this.at + text.length > this.most) throw new Fault('too-large', `more than ${this.most} bytes`);
    this.need(3 * text.length + 9);
    // Written at the end of the largest head, then moved down to the head that it turns out to have.
    const start = this.at + 9;
    const { written } = encoder.encodeInto(text, this.buffer.subarray(start));
    this.head(0x60, written);
    this.buffer.copyWithin(this.at, start, start + written);
    this.at += written;
    return written;
  }

  /** A copy of what was written from `from` on, which nobody else has. Short ones share a piece of memory: its own would cost more than they hold. */
  copy(from = 0): Bytes {
    const n = this.at - from;
    if (n > SHARED) return this.buffer.slice(from, this.at);
    if (shared.length - sharedAt < n) {
      shared = new Uint8Array(SHARED_BYTES);
      sharedAt = 0;
    }
    const out = shared.subarray(sharedAt, sharedAt + n), buffer = this.buffer;
    sharedAt += n;
    if (n > 64) out.set(buffer.subarray(from, this.at));
    else for (let i = 0; i < n; i++) out[i] = buffer[from + i]!;
    return out;
  }
}

let spare: Writer | undefined;

/** Runs `write` on a reused buffer and returns a copy of what it wrote. Safe to nest: getters of a caller's object may encode too. */
export function written(most: number, write: (w: Writer) => void): Bytes {
  const w = spare ?? new Writer(4096);
  spare = undefined;
  w.at = 0;
  w.most = most;
  try {
    write(w);
    if (w.at > most) throw new Fault('too-large', `${w.at} bytes, ${most} at most`);
    return w.copy();
  } finally {
    if (w.buffer.length <= KEPT) spare = w;
  }
}
