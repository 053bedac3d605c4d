// The pages of an LMDB file (data version 1), read without LMDB: it stops the process on a damaged page (SIGABRT, SIGBUS) or runs in circles, this does not.
import { readSync, writeSync } from 'node:fs';
import type { Bytes } from '../ports.ts';
import { KEY_MAX } from './lmdb-rows.ts';

/** A B+tree of the file and how many pages it takes. `root` −1: empty. */
export interface Tree { root: number; depth: number; pages: number }
/** A header page: where a transaction's trees begin. `word`: bytes of a page number, 4 or 8 as the machine's addresses. */
export interface Meta { index: number; word: 4 | 8; pageSize: number; last: number; transaction: number; free: Tree; main: Tree }
/** A value beside its key, or on pages of its own from `page` on. */
export type Stored = { bytes: Bytes } | { page: number; length: number };
export type Page = { keys: Bytes[]; children: number[] } | { keys: Bytes[]; values: Stored[] };

const MAGIC = 0xbeefc0de, BRANCH = 1, LEAF = 2, OVERFLOW = 4, META = 8, BIG = 1;
/** Levels that LMDB itself can go down. */
const DEPTH_MAX = 32;
const view = (bytes: Bytes): DataView => new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
const word = (from: DataView, at: number, size: 4 | 8): number => size === 4 ? from.getUint32(at, true) : Number(from.getBigUint64(at, true));
const head = (meta: Pick<Meta, 'word'>): number => meta.word + 8;

/** Reads exactly `length` bytes, zeros where the file ends before or the medium cannot be read: no page looks like that. */
export function readAt(fd: number, at: number, length: number): Bytes {
  const into = new Uint8Array(length);
  try {
    for (let done = 0, count = 1; done < length && count > 0; done += count) count = readSync(fd, into, done, length - done, at + done);
  } catch (error) {
    if ((error as { code?: unknown }).code !== 'EIO') throw error;
  }
  return into;
}

function parseMeta(bytes: Bytes, index: number): Meta | undefined {
  const from = view(bytes);
  for (const size of [8, 4] as const) {
    const start = size + 8;
    if (from.getUint32(start, true) !== MAGIC || from.getUint32(start + 4, true) !== 1 || (from.getUint16(size + 2, true) & META) === 0) continue;
    const trees = start + 8 + 2 * size, treeBytes = 8 + 5 * size;
    const tree = (at: number): Tree => {
      const root = word(from, at + 8 + 4 * size, size);
      const pages = word(from, at + 8, size) + word(from, at + 8 + size, size) + word(from, at + 8 + 2 * size, size);
      return { root: root >= (size === 4 ? 0xffff_ffff : 2 ** 53) ? -1 : root, depth: from.getUint16(at + 6, true), pages };
    };
    // Headers have no checksum: what no header of ours could say is taken for damage. A tree's flags: page numbers as keys in the free list, none in the other.
    const isTree = (at: number, flags: number): boolean => (from.getUint16(at + 4, true) & 0x7fff) === flags && tree(at).depth <= DEPTH_MAX && (tree(at).root === -1) === (tree(at).depth === 0);
    if (!isTree(trees, 8) || !isTree(trees + treeBytes, 0)) continue;
    const pageSize = from.getUint32(trees, true), last = word(from, trees + 2 * treeBytes, size), transaction = word(from, trees + 2 * treeBytes + size, size);
    if (pageSize < 256 || pageSize > 65_536 || (pageSize & (pageSize - 1)) !== 0 || last < 1 || last * pageSize > 2 ** 40 || transaction > 2 ** 52) continue;
    if (transaction > 0 && transaction % 2 !== index) continue; // LMDB takes the header that a transaction's number points to
    return { index, word: size, pageSize, last, transaction, free: tree(trees), main: tree(trees + treeBytes) };
  }
  return undefined;
}

/**
 * Writes a header's content into the page of the other one, as that of the transaction before: LMDB goes on from the first, and its next commit replaces this.
 * The caller flushes.
 */
export function copyMeta(fd: number, meta: Meta): void {
  const copy = readAt(fd, meta.index * meta.pageSize, meta.pageSize), into = view(copy), at = 3 * meta.word + 16 + 2 * (8 + 5 * meta.word) + meta.word, before = Math.max(0, meta.transaction - 1);
  copy[0] = 1 - meta.index; // its own page number
  if (meta.word === 4) into.setUint32(at, before, true); else into.setBigUint64(at, BigInt(before), true);
  writeSync(fd, copy, 0, copy.length, (1 - meta.index) * meta.pageSize);
}

/** The valid headers of a file, the newest first. */
export function readMetas(fd: number): Meta[] {
  const metas: Meta[] = [], first = parseMeta(readAt(fd, 0, 256), 0);
  if (first) metas.push(first);
  for (const pageSize of first ? [first.pageSize] : [4_096, 8_192, 16_384, 32_768, 65_536]) {
    const second = parseMeta(readAt(fd, pageSize, 256), 1);
    if (second?.pageSize === pageSize) { metas.push(second); break; }
  }
  return metas.sort((a, b) => b.transaction - a.transaction);
}

/**
 * The content of a tree's page, sharing `bytes`; undefined unless everything in it is inside its bounds. `level` counts from 1 at the root: leaves lie at
 * the tree's depth, branches above.
 */
export function parsePage(bytes: Bytes, number: number, meta: Meta, level: number, depth: number): Page | undefined {
  const from = view(bytes), start = head(meta), size = meta.pageSize;
  if (bytes.length !== size || word(from, 0, meta.word) !== number) return undefined;
  const flags = from.getUint16(meta.word + 2, true), lower = from.getUint16(meta.word + 4, true), upper = from.getUint16(meta.word + 6, true);
  const leaf = level === depth, count = (lower - start) >> 1;
  if (flags !== (leaf ? LEAF : BRANCH) || level > depth || lower < start || (lower & 1) !== 0 || lower > upper || upper > size || count < (leaf ? 1 : 2)) return undefined;
  const keys: Bytes[] = [], children: number[] = [], values: Stored[] = [];
  for (let i = 0; i < count; i++) {
    const at = from.getUint16(start + 2 * i, true), keyAt = at + 8;
    if (at < upper || keyAt > size || (at & 1) !== 0) return undefined;
    const low = from.getUint16(at, true) + from.getUint16(at + 2, true) * 65_536, nodeFlags = from.getUint16(at + 4, true), dataAt = keyAt + from.getUint16(at + 6, true);
    // A key longer than any that was ever written could not be asked for again either: a scan would come back to it for ever.
    if (dataAt > size || dataAt - keyAt > 1 + KEY_MAX) return undefined;
    keys.push(bytes.subarray(keyAt, dataAt));
    if (!leaf) {
      const child = meta.word === 8 ? low + nodeFlags * 2 ** 32 : low;
      if (child < 2 || child > meta.last) return undefined;
      children.push(child);
    } else if (nodeFlags === BIG) {
      const page = dataAt + meta.word <= size ? word(from, dataAt, meta.word) : 0;
      if (page < 2 || page + Math.ceil((low + start) / size) - 1 > meta.last) return undefined;
      values.push({ page, length: low });
    } else {
      if (nodeFlags !== 0 || dataAt + low > size) return undefined;
      values.push({ bytes: bytes.subarray(dataAt, dataAt + low) });
    }
  }
  return leaf ? { keys, values } : { keys, children };
}

/** Whether the first page of a long value says so itself, with as many pages as its length needs. */
export function isOverflow(bytes: Bytes, value: { page: number; length: number }, meta: Meta): boolean {
  const from = view(bytes);
  return word(from, 0, meta.word) === value.page && from.getUint16(meta.word + 2, true) === OVERFLOW
    && from.getUint32(meta.word + 4, true) === Math.ceil((value.length + head(meta)) / meta.pageSize);
}

/** The bytes of a stored value, as a copy. */
export function readStored(fd: number, meta: Meta, value: Stored): Bytes {
  return 'bytes' in value ? value.bytes.slice() : readAt(fd, value.page * meta.pageSize + head(meta), value.length);
}
