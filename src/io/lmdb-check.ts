// Checks the trees of an LMDB file page by page, and says which keys lie on pages that are damaged.
import type { Bytes } from '../ports.ts';
import { isOverflow, parsePage, type Meta, type Page, type Tree } from './lmdb-pages.ts';

/** Stored keys from ≤ key < to (no `to`: to the end) that lie on a damaged page. */
export interface Span { from: Bytes; to: Bytes | undefined }

export interface Findings {
  /** What cannot be read or written. */
  damaged: Span[];
  /** True when the list of free pages is damaged: then nothing can be written. */
  free: boolean;
  /** True as soon as the list of free pages was read: LMDB can be let at it, unless `free`. Whether its pages are in use is known at the end. */
  listed: boolean;
}

const START: Bytes = new Uint8Array(0);
const compare = (a: Bytes, b: Bytes): number => Buffer.compare(a, b);

/** Whether a key lies in one of the spans. */
export function inside(spans: Span[], key: Bytes): boolean {
  return spans.some(({ from, to }) => compare(key, from) >= 0 && (!to || compare(key, to) < 0));
}

/** A page, the key range that it covers, and how deep it lies. */
interface Visit { page: number; span: Span; level: number }

/**
 * Whether the keys of a page rise and lie in the span that its branch gives it. A branch says nothing by its first key; its second one lies above the span's
 * beginning, because its first child holds something: so whoever goes down gets on, even where a branch leads to itself.
 */
export function isOrdered({ keys, ...page }: Page, span: Span): boolean {
  const first = 'children' in page ? 1 : 0;
  for (let i = first; i < keys.length; i++) {
    const order = compare(i === first ? span.from : keys[i - 1]!, keys[i]!);
    if (i === 0 ? order > 0 : order >= 0) return false;
  }
  return !span.to || compare(keys[keys.length - 1]!, span.to) < 0;
}

/** A key of the free list, the number of a transaction in the order of bytes of the machines that LMDB runs on, so that it compares like any other. */
const bigEndian = (key: Bytes): Bytes => key.slice().reverse();

/** A stretch of the file that the check wants to see: `pages` pages from page `page` on. */
export interface Wanted { page: number; pages: number }

/**
 * Walks both trees, breadth first, the free list before the other, and adds what it finds to `findings`. A generator: it gives what it wants to see and gets
 * the bytes, so that whoever drives it decides how to read and when to pause. Memory: two bits for each page of the file, and the keys of long values.
 */
export function* checkPages(meta: Meta, findings: Findings): Generator<Wanted, void, Bytes> {
  const used = new Uint8Array((meta.last >> 3) + 1), free = new Uint8Array(used.length);
  let large: { key: Bytes; value: { page: number; length: number } }[] = [];
  const pagesOf = (length: number): number => Math.ceil((length + meta.word + 8) / meta.pageSize);
  const has = (set: Bytes, page: number): boolean => (set[page >> 3]! & 1 << (page & 7)) !== 0;
  const add = (set: Bytes, page: number): void => { set[page >> 3]! |= 1 << (page & 7); };

  /** Marks pages as used; false when one of them is no page of the file or used already. */
  function claim(page: number, pages: number): boolean {
    for (let i = page; i < page + pages; i++) {
      if (i < 2 || i > meta.last || has(used, i)) return false;
      if (has(free, i)) findings.free = true;
      add(used, i);
    }
    return true;
  }

  /** Marks the pages of a list of free ones: a count and as many numbers, falling. False when that is not what it is, or one of them is no free page of the file. */
  function claimFree(list: Bytes): boolean {
    const size = meta.word, from = new DataView(list.buffer, list.byteOffset, list.byteLength);
    const number = (at: number): number => size === 4 ? from.getUint32(at, true) : Number(from.getBigUint64(at, true));
    if (list.length < size || list.length < size * (number(0) + 1)) return false;
    for (let i = 1, before = meta.last + 1; i <= number(0); i++) {
      const page = number(i * size);
      if (page >= before || page < 2 || has(used, page) || has(free, page)) return false;
      add(free, before = page);
    }
    return true;
  }

  function* walk(tree: Tree, main: boolean): Generator<Wanted, Bytes[], Bytes> {
    const all: Span = { from: START, to: undefined }, lists: Bytes[] = [];
    let visits: Visit[] = tree.root < 0 ? [] : [{ page: tree.root, span: all, level: 1 }];
    while (visits.length > 0) {
      const next: Visit[] = [];
      for (const { page, span, level } of visits) {
        const content = claim(page, 1) ? parsePage(yield { page, pages: 1 }, page, meta, level, tree.depth) : undefined;
        if (content && !main) content.keys = content.keys.map(bigEndian);
        if (!content || !isOrdered(content, span) || !main && content.keys.some((key, i) => key.length !== meta.word && (i > 0 || 'values' in content))) {
          if (main) findings.damaged.push(span); else findings.free = true;
        } else if ('children' in content) {
          const { keys, children } = content;
          for (const [i, child] of children.entries()) {
            next.push({ page: child, level: level + 1, span: { from: i === 0 ? span.from : keys[i]!, to: keys[i + 1] ?? span.to } });
          }
        } else {
          for (const [i, value] of content.values.entries()) {
            if ('page' in value) large.push({ key: content.keys[i]!.slice(), value });
            else if (!main) lists.push(value.bytes);
          }
        }
      }
      visits = next;
    }
    return lists;
  }

  const lists = yield* walk(meta.free, false);
  for (const { value } of large) {
    const pages = pagesOf(value.length), bytes = claim(value.page, pages) ? yield { page: value.page, pages } : START;
    if (bytes.length > 0 && isOverflow(bytes, value, meta)) lists.push(bytes.subarray(meta.word + 8, meta.word + 8 + value.length));
    else findings.free = true;
  }
  for (const list of lists) if (!claimFree(list)) findings.free = true;
  findings.listed = true;
  large = [];
  yield* walk(meta.main, true);
  for (const { key, value } of large) {
    if (claim(value.page, pagesOf(value.length)) && isOverflow(yield { page: value.page, pages: 1 }, value, meta)) continue;
    findings.damaged.push({ from: key, to: Uint8Array.of(...key, 0) });
  }
}
