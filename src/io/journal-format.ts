// The bytes of the journal's files: headers, frames, and a reader that finds its way past damage. See JOURNAL.md.
import type { Bytes } from '../ports.ts';
import { crc32c } from '../event/bytes.ts';

/** Bytes before the first frame of a slot. */
export const FRAMES_AT = 8_192;
/** Bytes of a frame before its record; also how many zeros end a group, as far as its block goes. */
export const FRAME_HEAD = 20;
/** What a medium writes at least; frames of small groups do not cross from one to the next. */
export const BLOCK = 4_096;
/** A group of at most so many bytes begins a new block rather than cross into it. */
const SMALL_GROUP = 1_024;
/** Largest record. */
export const RECORD_BYTES = 1_048_576;
const HEADER_BYTES = 28, COPY_AT = BLOCK, SALT_BYTES = 12;
const MAGIC = Uint8Array.from('HFjrnl1\n', (c) => c.charCodeAt(0));

/** What names a generation in its file. */
export interface SlotHeader { sequence: number; salt: Bytes }

const view = (bytes: Bytes): DataView => new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
const isZero = (bytes: Bytes): boolean => bytes.every((byte) => byte === 0);

/** The first `FRAMES_AT` bytes of a slot: the header, twice. */
export function encodeHeaders(header: SlotHeader): Bytes {
  const out = new Uint8Array(FRAMES_AT);
  out.set(MAGIC);
  view(out).setUint32(8, header.sequence, true);
  out.set(header.salt, 12);
  view(out).setUint32(24, crc32c(out.subarray(0, 24)), true);
  out.copyWithin(COPY_AT, 0, HEADER_BYTES);
  return out;
}

function decodeHeader(bytes: Bytes): SlotHeader | undefined {
  if (bytes.length < HEADER_BYTES || MAGIC.some((byte, i) => bytes[i] !== byte)) return undefined;
  if (view(bytes).getUint32(24, true) !== crc32c(bytes.subarray(0, 24))) return undefined;
  return { sequence: view(bytes).getUint32(8, true), salt: bytes.slice(12, 12 + SALT_BYTES) };
}

/** What the start of a slot says: its header, `free`, or `unreadable`. Where both copies are valid and differ, the later one counts. */
export function readHeaders(file: Bytes): SlotHeader | 'free' | 'unreadable' {
  const first = decodeHeader(file.subarray(0, HEADER_BYTES)), second = decodeHeader(file.subarray(COPY_AT, COPY_AT + HEADER_BYTES));
  if (first && second) return first.sequence >= second.sequence ? first : second;
  return first ?? second ?? (isZero(file.subarray(0, HEADER_BYTES)) && isZero(file.subarray(COPY_AT, COPY_AT + HEADER_BYTES)) ? 'free' : 'unreadable');
}

/** Where a group of so many bytes of frames begins when the one before it ended at `end`. */
export function groupStart(end: number, bytes: number): number {
  const left = BLOCK - end % BLOCK;
  return bytes <= SMALL_GROUP && bytes > left ? end + left : end;
}

const numbers = new Uint8Array(16);

function frameCrc(seed: number, head: Bytes, at: number, record: Bytes): number {
  view(numbers).setUint32(0, at, true);
  numbers.set(head, 4);
  return crc32c(record, crc32c(numbers, seed));
}

/** The group that a frame belongs to: where it begins in the file, and where the one before it ended. */
export interface Group { at: number; before: number }

/**
 * Writes one frame into `out` at `offset` (there is room for it). `at` is the frame's offset in the file; `seed` is `crc32c(salt)`. An empty record makes the
 * end mark. Returns the offset after the frame.
 */
export function putFrame(out: Bytes, offset: number, record: Bytes, at: number, group: Group, salt: Bytes, seed: number): number {
  const into = view(out);
  out.set(salt.subarray(0, 4), offset);
  into.setUint32(offset + 4, group.before, true);
  into.setUint32(offset + 8, group.at, true);
  into.setUint32(offset + 12, record.length, true);
  into.setUint32(offset + 16, frameCrc(seed, out.subarray(offset + 4, offset + 16), at, record), true);
  out.set(record, offset + FRAME_HEAD);
  return offset + FRAME_HEAD + record.length;
}

/** What a slot holds. `closed`: its end mark is there. Records point into the bytes that were read. */
export interface Content { records: Bytes[]; closed: boolean; damage: string[]; torn: string[] }

const nextBlock = (at: number): number => Math.ceil(at / BLOCK) * BLOCK;

interface Found { at: number; before: number; group: number; end: number }

function frameAt(file: Bytes, at: number, salt: Bytes, seed: number): Found | undefined {
  if (at + FRAME_HEAD > file.length) return undefined;
  for (let i = 0; i < 4; i++) if (file[at + i] !== salt[i]) return undefined;
  const from = view(file), before = from.getUint32(at + 4, true), group = from.getUint32(at + 8, true), length = from.getUint32(at + 12, true), end = at + FRAME_HEAD + length;
  if (length > RECORD_BYTES || end > file.length || group > at || before > group || group < FRAMES_AT) return undefined;
  return frameCrc(seed, file.subarray(at + 4, at + 16), at, file.subarray(at + FRAME_HEAD, end)) === from.getUint32(at + 16, true) ? { at, before, group, end } : undefined;
}

/**
 * Reads all frames of a slot with a valid header. `later`: a later generation has records, so everything here had been flushed. `name` is used in messages.
 * Never throws; takes time in proportion to the file for anything that Holdfast wrote.
 */
export function readFrames(file: Bytes, header: SlotHeader, later: boolean, name: string): Content {
  const { salt } = header, seed = crc32c(salt), mark = salt.subarray(0, 4);
  const search = Buffer.from(file.buffer, file.byteOffset, file.byteLength);
  const frames: Found[] = [], gaps: { from: number; to: number; before: number }[] = [];
  let at = FRAMES_AT, closed = false, tornAt = -1;
  while (at < file.length) {
    let frame = frameAt(file, at, salt, seed);
    if (!frame) {
      for (let from = search.indexOf(mark, at + 1); from >= 0 && !frame; from = search.indexOf(mark, from + 1)) frame = frameAt(file, from, salt, seed);
      if (!frame) { if (!isZero(file.subarray(at, Math.min(at + FRAME_HEAD, nextBlock(at))))) tornAt = at; break; }
      // A small group that would have crossed into the next block begins there instead.
      if (frame.at !== frame.group || frame.before !== at) gaps.push({ from: at, to: frame.at, before: frames.length });
    }
    if (frame.end === frame.at + FRAME_HEAD) { closed = true; break; }
    frames.push(frame);
    at = frame.end;
  }
  const damage: string[] = [], torn: string[] = [], lastGroup = frames.length > 0 ? frames[frames.length - 1]!.group : 0;
  let kept = frames.length;
  for (const gap of gaps) {
    if (!closed && !later && lastGroup <= gap.from) {
      torn.push(`${name}: the last flush was torn at byte ${gap.from}; ${frames.length - gap.before} later records of it were never acknowledged and are left out`);
      kept = gap.before;
      tornAt = -1;
      break;
    }
    damage.push(`${name}: bytes ${gap.from} to ${gap.to - 1} are damaged; the records in them are lost, later ones were read`);
  }
  if (tornAt >= 0 && later) damage.push(`${name}: damaged from byte ${tornAt} on; the records after it are lost`);
  else if (tornAt >= 0) torn.push(`${name}: the last flush was torn at byte ${tornAt}; what it held was never acknowledged`);
  return { records: frames.slice(0, kept).map((frame) => file.subarray(frame.at + FRAME_HEAD, frame.end)), closed, damage, torn };
}
