// Byte strings: comparison, joining, text encodings and the CRC-32C of everything that Holdfast writes.
import { Fault } from '../fault.ts';
import type { Bytes } from '../ports.ts';

/** No bytes at all; shared, never written to (there is nothing to write). */
export const EMPTY: Bytes = new Uint8Array(0);

/** Bytewise order, a shorter prefix first: below 0, 0 or above 0. */
export function compare(a: Bytes, b: Bytes): number {
  const most = a.length < b.length ? a.length : b.length;
  for (let i = 0; i < most; i++) {
    const d = a[i]! - b[i]!;
    if (d !== 0) return d;
  }
  return a.length - b.length;
}

/** True when both hold the same bytes. Not for secrets: it stops at the first difference. */
export function equal(a: Bytes, b: Bytes): boolean {
  if (a.length !== b.length) return false;
  for (let i = 0; i < a.length; i++) if (a[i] !== b[i]) return false;
  return true;
}

/** A fresh array of all parts, one after the other. */
export function concat(...parts: Bytes[]): Bytes {
  let length = 0;
  for (const part of parts) length += part.length;
  const out = new Uint8Array(length);
  let at = 0;
  for (const part of parts) {
    out.set(part, at);
    at += part.length;
  }
  return out;
}

const HEX: string[] = [];
for (let i = 0; i < 256; i++) HEX.push((i < 16 ? '0' : '') + i.toString(16));

/** Lower-case hex, two digits a byte. */
export function hex(bytes: Bytes): string {
  let out = '';
  for (let i = 0; i < bytes.length; i++) out += HEX[bytes[i]!]!;
  return out;
}

/** The bytes of lower- or upper-case hex. Fault `bad-argument` for anything else. */
export function unhex(digits: string): Bytes {
  if (digits.length % 2 !== 0 || !/^[0-9a-fA-F]*$/.test(digits)) throw new Fault('bad-argument', 'This is not hex: an even number of the digits 0-9 and a-f is needed.');
  const out = new Uint8Array(digits.length / 2);
  for (let i = 0; i < out.length; i++) out[i] = Number.parseInt(digits.slice(2 * i, 2 * i + 2), 16);
  return out;
}

const encoder = new TextEncoder();
// ignoreBOM keeps a leading U+FEFF as a character: text is never normalised.
const decoder = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

/** The UTF-8 of a text. Lone surrogates become U+FFFD: check first where it matters (`checkText`). */
export function utf8(text: string): Bytes {
  return encoder.encode(text);
}

/** The text of strict UTF-8. Fault `bad-encoding` for anything else. */
export function text(bytes: Bytes): string {
  try {
    return decoder.decode(bytes);
  } catch {
    throw new Fault('bad-encoding', 'This text is not valid UTF-8.');
  }
}

/** Reads UTF-8 from `at` to `stop`: 2 when all of it is ASCII, 1 when it is valid, 0 when it is not (RFC 3629: shortest forms only, no surrogates, nothing
 * above U+10FFFF) or holds U+0000, which no text of Holdfast does. */
export function judgeUtf8(bytes: Bytes, at: number, stop: number): 0 | 1 | 2 {
  let i = at;
  while (i < stop && bytes[i]! < 0x80) if (bytes[i++] === 0) return 0;
  if (i === stop) return 2;
  while (i < stop) {
    const b = bytes[i]!;
    if (b < 0x80) {
      if (b === 0) return 0;
      i++;
      continue;
    }
    const more = b >= 0xc2 && b <= 0xdf ? 1 : b >= 0xe0 && b <= 0xef ? 2 : b >= 0xf0 && b <= 0xf4 ? 3 : 0;
    if (more === 0 || i + more >= stop) return 0;
    const second = bytes[i + 1]!;
    if (second < (b === 0xe0 ? 0xa0 : b === 0xf0 ? 0x90 : 0x80) || second > (b === 0xed ? 0x9f : b === 0xf4 ? 0x8f : 0xbf)) return 0;
    for (let k = 2; k <= more; k++) if ((bytes[i + k]! & 0xc0) !== 0x80) return 0;
    i += more + 1;
  }
  return 1;
}

// With the u flag a surrogate in the class matches only where it has no partner.
const LONE = /[\ud800-\udfff]/u;

/** Why a JavaScript string is not text of Holdfast; undefined when it is. */
export function flawOf(string: string): string | undefined {
  if (string.includes('\0')) return 'text must not hold U+0000';
  return LONE.test(string) ? 'text must not hold half of a surrogate pair' : undefined;
}

const SIX = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_';
const SIX_OF = new Map([...SIX].map((c, i) => [c, i]));

/** base64url without padding (RFC 4648 section 5). */
export function base64url(bytes: Bytes): string {
  let out = '';
  for (let i = 0; i < bytes.length; i += 3) {
    const left = bytes.length - i;
    const three = (bytes[i]! << 16) | ((left > 1 ? bytes[i + 1]! : 0) << 8) | (left > 2 ? bytes[i + 2]! : 0);
    out += SIX[three >> 18]! + SIX[(three >> 12) & 63]!;
    if (left > 1) out += SIX[(three >> 6) & 63]!;
    if (left > 2) out += SIX[three & 63]!;
  }
  return out;
}

/** The bytes of base64url without padding, in its one canonical form. Fault `bad-argument` for anything else. */
export function unbase64url(digits: string): Bytes {
  const rest = digits.length % 4;
  const bad = (): never => {
    throw new Fault('bad-argument', 'This is not base64url.');
  };
  if (rest === 1) bad();
  const out = new Uint8Array(Math.floor((digits.length * 3) / 4));
  let held = 0, bits = 0, at = 0;
  for (const c of digits) {
    const six = SIX_OF.get(c);
    if (six === undefined) return bad();
    held = ((held << 6) | six) & 0xffff;
    bits += 6;
    if (bits >= 8) {
      bits -= 8;
      out[at++] = (held >> bits) & 0xff;
    }
  }
  // Bits that fill no byte must be zero, or one value would have many spellings.
  if ((held & ((1 << bits) - 1)) !== 0) bad();
  return out;
}

// CRC-32C (Castagnoli, RFC 3720 B.4): reflected polynomial 0x82f63b78, four bytes at a step (slicing, Kounavis and Berry 2005): table k is for a byte that k
// others follow.
const CRC = [0, 1, 2, 3].map(() => new Int32Array(256)) as [Int32Array, Int32Array, Int32Array, Int32Array];
for (let i = 0; i < 256; i++) {
  let c = i;
  for (let k = 0; k < 8; k++) c = c & 1 ? (c >>> 1) ^ 0x82f63b78 : c >>> 1;
  CRC[0][i] = c;
}
for (let k = 1; k < 4; k++) for (let i = 0; i < 256; i++) CRC[k]![i] = (CRC[k - 1]![i]! >>> 8) ^ CRC[0][CRC[k - 1]![i]! & 0xff]!;
const [CRC0, CRC1, CRC2, CRC3] = CRC;

/** CRC-32C as an unsigned 32-bit integer; hand the result of one part in as `seed` of the next. */
export function crc32c(bytes: Bytes, seed = 0): number {
  const n = bytes.length;
  let c = ~seed, i = 0;
  for (; i + 4 <= n; i += 4) {
    c ^= bytes[i]! | (bytes[i + 1]! << 8) | (bytes[i + 2]! << 16) | (bytes[i + 3]! << 24);
    c = CRC3[c & 0xff]! ^ CRC2[(c >>> 8) & 0xff]! ^ CRC1[(c >>> 16) & 0xff]! ^ CRC0[c >>> 24]!;
  }
  for (; i < n; i++) c = CRC0[(c ^ bytes[i]!) & 0xff]! ^ (c >>> 8);
  return ~c >>> 0;
}
