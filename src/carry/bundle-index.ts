// The index of a volume: what its segments cover, so that nobody has to read them to know (BUNDLE.md §1).

import type { Bytes } from '../ports.ts';
import { hex } from '../event/bytes.ts';
import { Reader } from '../event/reader.ts';
import { Writer } from '../event/writer.ts';
import { partsOf } from './bundle-block.ts';
import { RANGES_MOST } from './bundle-bounds.ts';

/** Events first..last of a log, and the block that they lie in. */
export interface Entry { stream: string; log: Bytes; first: number; last: number; block: number }

/** One entry as it stands in the body of an index. */
export function encodeEntry({ stream, log, first, last, block }: Entry): Bytes {
  const w = new Writer(128);
  w.head(0x80, 5);
  w.text(stream);
  w.bytes(log);
  w.head(0, first);
  w.head(0, last);
  w.head(0, block);
  return w.copy();
}

/** The entries of the body of an index block; those that make no sense are left out. */
export function entriesOf(body: Bytes): Entry[] {
  return (partsOf(body) ?? []).map(readEntry).filter((entry) => entry !== undefined);
}

function readEntry(bytes: Bytes): Entry | undefined {
  try {
    const r = new Reader(bytes);
    if (r.array() < 5) return undefined;
    const entry = { stream: r.text(), log: r.copy(16), first: r.uint(), last: r.uint(), block: r.uint() };
    return entry.first >= 1 && entry.last >= entry.first ? entry : undefined;
  } catch {
    return undefined;
  }
}

/** Gathers ranges of logs, joined where they touch: as small as what they say, and `RANGES_MOST` of them at most. */
export class Ranges {
  /** There was more: what is held is at least this. */
  full = false;
  #count = 0;
  readonly #logs = new Map<string, { log: Bytes; first: number; last: number }[]>();

  add(log: Bytes, first: number, last: number): void {
    const name = hex(log), list = this.#logs.get(name), end = list?.[list.length - 1];
    if (end && first >= end.first && first <= end.last + 1) end.last = Math.max(end.last, last);
    else if (this.#count >= RANGES_MOST) this.full = true;
    else {
      this.#count++;
      if (list) list.push({ log, first, last }); else this.#logs.set(name, [{ log, first, last }]);
    }
  }

  /** All of them, in order of log and position. */
  list(): { log: Bytes; first: number; last: number }[] {
    return [...this.#logs.values()].flatMap((list) => {
      const out: { log: Bytes; first: number; last: number }[] = [];
      for (const one of list.sort((a, b) => a.first - b.first)) {
        const end = out[out.length - 1];
        if (end && one.first <= end.last + 1) end.last = Math.max(end.last, one.last); else out.push({ ...one });
      }
      return out;
    });
  }
}
