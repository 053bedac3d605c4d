// Reads a damaged LMDB file without LMDB: what lies on sound pages is served, the rest is named.
import type { Bytes, Range, Row, Table } from '../ports.ts';
import { isOrdered } from './lmdb-check.ts';
import { damaged, type LmdbReader } from './lmdb-reader.ts';
import { parsePage, readAt, readMetas, readStored, type Meta, type Stored } from './lmdb-pages.ts';
import { storedBound, storedKey, tableStart, valueOf } from './lmdb-rows.ts';

/** What a walk meets: a row, or a stretch of keys that cannot be read. */
type Step = { key: Bytes; value: Stored } | { from: Bytes; to: Bytes | undefined };

const compare = (a: Bytes, b: Bytes): number => Buffer.compare(a, b);

/**
 * Reads by the newest header of the open file. Each call sees one transaction whole: LMDB leaves the pages of a transaction alone until two later ones
 * have ended, and no commit can begin during a call.
 */
export function salvageReader(fd: number): LmdbReader {
  /** Everything from ≤ key < to in the order wanted. */
  function* walk(meta: Meta, from: Bytes, to: Bytes, reverse: boolean): Generator<Step> {
    function* below(page: number, level: number, low: Bytes, high: Bytes | undefined): Generator<Step> {
      const content = level <= meta.main.depth ? parsePage(readAt(fd, page * meta.pageSize, meta.pageSize), page, meta, level, meta.main.depth) : undefined;
      // Keys out of order would send a scan back to where it was: for ever.
      if (!content || !isOrdered(content, { from: low, to: high })) { yield { from: low, to: high }; return; }
      const { keys } = content, order = keys.map((_, i) => i);
      if (reverse) order.reverse();
      for (const i of order) {
        if ('values' in content) {
          const key = keys[i]!;
          if (compare(key, from) >= 0 && compare(key, to) < 0) yield { key, value: content.values[i]! };
        } else {
          const first = i === 0 ? low : keys[i]!, end = keys[i + 1] ?? high;
          if (compare(first, to) < 0 && (!end || compare(end, from) > 0)) yield* below(content.children[i]!, level + 1, first, end);
        }
      }
    }
    if (meta.main.root >= 2 && meta.main.root <= meta.last) yield* below(meta.main.root, 1, new Uint8Array(0), undefined);
    else if (meta.main.root !== -1) yield { from: new Uint8Array(0), to: undefined };
  }

  function* steps(table: Table, from: Bytes, to: Bytes, reverse: boolean): Generator<{ key: Bytes; value: Bytes }> {
    const meta = readMetas(fd)[0];
    if (!meta) throw damaged(table, 'the file has no header that can be read');
    const number = tableStart(table)[0]!;
    for (const step of walk(meta, from, to, reverse)) {
      if ('value' in step) {
        const value = valueOf(step.key, readStored(fd, meta, step.value));
        if (value) { yield { key: step.key.slice(), value }; continue; }
        throw damaged(table, 'a row does not match its checksum', reverse ? step.key.slice(1) : Uint8Array.of(...step.key.subarray(1), 0));
      }
      // Where reading goes on: behind the stretch, or at its other end, as long as that is in this table.
      const next = reverse ? step.from : step.to;
      throw damaged(table, 'a page cannot be read', next && next[0] === number && next.length > 1 ? next.slice(1) : undefined);
    }
  }

  function scan(table: Table, range: Range): Row[] {
    const from = range.gte ? storedBound(table, range.gte) : tableStart(table), to = range.lt ? storedBound(table, range.lt) : tableStart(table, 1);
    const limit = range.limit ?? 1_000, rows: Row[] = [];
    if (limit <= 0 || compare(from, to) >= 0) return rows;
    let bytes = 0;
    try {
      for (const { key, value } of steps(table, from, to, range.reverse === true)) {
        rows.push({ key: key.subarray(1), value });
        bytes += key.length + value.length;
        if (rows.length >= limit || bytes >= 4 * 1_048_576) break;
      }
    } catch (error) {
      // First what came before it; the call that begins there says what is wrong.
      if (rows.length === 0) throw error;
    }
    return rows;
  }

  return {
    scan,
    get(table, key) {
      const stored = storedKey(table, key);
      for (const row of steps(table, stored, Uint8Array.of(...stored, 0), false)) return row.value;
      return undefined;
    },
    pause() { /* holds no transaction */ },
  };
}
