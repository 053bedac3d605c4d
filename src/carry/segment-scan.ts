// Finds segments in any bytes, a damaged database file or the image of a card: whatever parses and has the hash that its header names. Who signed it is for others to check.

import type { Bytes, Crypto } from '../ports.ts';
import type { Segment } from '../event/segment.ts';
import { equal } from '../event/bytes.ts';
import { HEADER_BYTES, SEGMENT_BYTES } from '../limits.ts';
import { parseSegment } from '../event/segment.ts';

/** The head of an envelope, and what a header begins with: an array of 20 items or more, of a version that one byte tells. */
const ENVELOPE = 0x83, ITEMS = 0x94, MORE_ITEMS = 0x98, SIGNATURE = 64;

/** Segments that begin in bytes[0, until), each with where; they may end anywhere in `bytes`. */
export function* segmentsIn(crypto: Crypto, bytes: Bytes, until: number): Generator<{ at: number; segment: Segment }> {
  for (let at = bytes.indexOf(ENVELOPE); at >= 0 && at < until;) {
    const segment = segmentAt(crypto, bytes, at);
    if (segment) yield { at, segment };
    // What is whole hides nothing; what is damaged may have others inside.
    at = bytes.indexOf(ENVELOPE, at + (segment ? segment.bytes.length : 1));
  }
}

function segmentAt(crypto: Crypto, bytes: Bytes, at: number): Segment | undefined {
  const header = stringAt(bytes, at + 1);
  if (!header || header.length > HEADER_BYTES || (bytes[header.at] !== ITEMS && bytes[header.at] !== MORE_ITEMS)) return undefined;
  const signature = stringAt(bytes, header.at + header.length);
  if (signature?.length !== SIGNATURE) return undefined;
  const rest = signature.at + SIGNATURE, payload = bytes[rest] === 0xf6 ? { at: rest + 1, length: 0 } : stringAt(bytes, rest);
  if (!payload || payload.at + payload.length > bytes.length || payload.at + payload.length - at > SEGMENT_BYTES) return undefined;
  try {
    const segment = parseSegment(bytes.slice(at, payload.at + payload.length));
    return segment.payload === null || equal(crypto.sha256(segment.payload), segment.header.hash) ? segment : undefined;
  } catch {
    return undefined;
  }
}

/** Where the content of a byte string lies whose head is at `at`. */
function stringAt(bytes: Bytes, at: number): { at: number; length: number } | undefined {
  const head = bytes[at];
  if (head === 0x58) return { at: at + 2, length: bytes[at + 1] ?? 0 };
  if (head === 0x59) return { at: at + 3, length: ((bytes[at + 1] ?? 0) << 8) | (bytes[at + 2] ?? 0) };
  if (head === 0x5a) return { at: at + 5, length: (bytes[at + 1] ?? 0) * 2 ** 24 + (((bytes[at + 2] ?? 0) << 16) | ((bytes[at + 3] ?? 0) << 8) | (bytes[at + 4] ?? 0)) };
  return head !== undefined && head >= 0x40 && head < 0x58 ? { at: at + 1, length: head - 0x40 } : undefined;
}
