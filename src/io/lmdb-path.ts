// Follows a key down an LMDB file without LMDB, and says whether LMDB could change it there without meeting damage.
import type { Bytes } from '../ports.ts';
import { isOrdered, type Span } from './lmdb-check.ts';
import { isOverflow, parsePage, readAt, readStored, type Meta, type Page } from './lmdb-pages.ts';

const START: Span = { from: new Uint8Array(0), to: undefined };

/** The child that leads to a key: the last one that begins at it or before. */
function towards({ keys }: Page, key: Bytes): number {
  let index = 0;
  while (index + 1 < keys.length && Buffer.compare(keys[index + 1]!, key) <= 0) index++;
  return index;
}

const spanOf = ({ keys }: Page, index: number, span: Span): Span => ({ from: index === 0 ? span.from : keys[index]!, to: keys[index + 1] ?? span.to });

function read(fd: number, meta: Meta, page: number, level: number, span: Span): Page | undefined {
  if (page < 2 || page > meta.last) return undefined;
  const content = parsePage(readAt(fd, page * meta.pageSize, meta.pageSize), page, meta, level, meta.main.depth);
  return content && isOrdered(content, span) ? content : undefined;
}

/** Whether the pages from a page down its lower edge are sound: LMDB takes the first key of a branch that it moves from there. */
function hasEdge(fd: number, meta: Meta, page: number, level: number, span: Span): boolean {
  const content = read(fd, meta, page, level, span);
  return content !== undefined && (!('children' in content) || hasEdge(fd, meta, content.children[0]!, level + 1, spanOf(content, 0, span)));
}

/**
 * Whether LMDB may write a row, or remove it: every page that it would look at is sound. For writing these are the pages from the root to the row, and the
 * first page of a long value that is there already; for removing also what it may join an emptied page with, the neighbours on each level. Costs a read and a
 * look at each of these pages. Pages of the free list are not looked at.
 */
export function mayChange(fd: number, meta: Meta, key: Bytes, remove: boolean): boolean {
  let page = meta.main.root, span = START;
  if (page === -1) return true;
  for (let level = 1; ; level++) {
    const content = read(fd, meta, page, level, span);
    if (!content) return false;
    if ('values' in content) {
      const index = content.keys.findIndex((other) => Buffer.compare(other, key) === 0), value = content.values[index];
      return !value || !('page' in value) || isOverflow(readAt(fd, value.page * meta.pageSize, meta.pageSize), value, meta);
    }
    const index = towards(content, key);
    for (const other of remove ? [index - 1, index, index + 1] : []) {
      const child = content.children[other];
      if (child !== undefined && !hasEdge(fd, meta, child, level + 1, spanOf(content, other, span))) return false;
    }
    page = content.children[index]!;
    span = spanOf(content, index, span);
  }
}

/** The stored value of a key, as a copy; `null` when there is none, undefined when a page on the way is damaged. */
export function findStored(fd: number, meta: Meta, key: Bytes): Bytes | null | undefined {
  let page = meta.main.root, span = START;
  if (page === -1) return null;
  for (let level = 1; ; level++) {
    const content = read(fd, meta, page, level, span);
    if (!content) return undefined;
    if ('values' in content) {
      const value = content.values[content.keys.findIndex((other) => Buffer.compare(other, key) === 0)];
      return value ? readStored(fd, meta, value) : null;
    }
    const index = towards(content, key);
    page = content.children[index]!;
    span = spanOf(content, index, span);
  }
}
