// A table of byte keys in order, for the memory store: keys as Latin-1 text, whose order is that of the bytes.

import type { Bytes, Range, Row } from '../../src/ports.ts';

/** Bytes as text of one character a byte. */
export function latin(bytes: Bytes): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('latin1');
}

/** The bytes of such a text. */
export function unlatin(text: string): Bytes {
  return new Uint8Array(Buffer.from(text, 'latin1'));
}

/** Rows by key. Values are kept as given and never changed, so that copies may share them. */
export class SortedTable {
  /** Bytes of all keys and values. */
  bytes = 0;
  private keys: string[] = [];
  private rows = new Map<string, Bytes>();

  get size(): number {
    return this.keys.length;
  }

  get(key: Bytes): Bytes | undefined {
    return this.rows.get(latin(key));
  }

  put(key: Bytes, value: Bytes): void {
    const text = latin(key);
    const old = this.rows.get(text);
    if (old === undefined) {
      this.keys.splice(this.place(text), 0, text);
      this.bytes += text.length;
    } else {
      this.bytes -= old.length;
    }
    this.bytes += value.length;
    this.rows.set(text, value);
  }

  remove(key: Bytes): void {
    const text = latin(key);
    const old = this.rows.get(text);
    if (old === undefined) return;
    this.rows.delete(text);
    this.keys.splice(this.place(text), 1);
    this.bytes -= text.length + old.length;
  }

  /** Rows of a range as `Store.scan` gives them: at most `limit` and about 4 MiB, at least one if there is one; values are copies. */
  scan({ gte, lt, limit = 1000, reverse = false }: Range): Row[] {
    let low = gte ? this.place(latin(gte)) : 0;
    let high = lt ? this.place(latin(lt)) : this.keys.length;
    const rows: Row[] = [];
    for (let bytes = 0; low < high && rows.length < limit && bytes < 4 * 1_048_576;) {
      const text = this.keys[reverse ? --high : low++]!;
      const value = this.rows.get(text)!;
      rows.push({ key: unlatin(text), value: value.slice() });
      bytes += text.length + value.length;
    }
    return rows;
  }

  /** The key at an index in the order. */
  keyAt(index: number): Bytes {
    return unlatin(this.keys[index]!);
  }

  copy(): SortedTable {
    const out = new SortedTable();
    out.bytes = this.bytes;
    out.keys = this.keys.slice();
    out.rows = new Map(this.rows);
    return out;
  }

  /** Index of the first key that is not below `text`. */
  private place(text: string): number {
    let low = 0, high = this.keys.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      if (this.keys[middle]! < text) low = middle + 1;
      else high = middle;
    }
    return low;
  }
}
