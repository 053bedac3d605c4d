// The keys and types of a run: each once, in the order of their first appearance (COLUMNS.md section 2).
import type { Scratch } from './column-integers.ts';
import type { Source } from './column-source.ts';
import { putVarint } from './column-source.ts';
import type { Strings } from './column-strings.ts';
import { getList, putList } from './column-strings.ts';
import { Reader } from './reader.ts';
import { Writer } from './writer.ts';

const TEXT = 0x60;

/** Writes names that are given as encoded texts; only their content is written. */
export function putNames(w: Writer, names: Strings, scratch: Scratch): void {
  const { bytes, to, count } = names, from = new Int32Array(count), reader = new Reader(bytes);
  for (let k = 0; k < count; k++) {
    reader.at = names.from[k]!;
    reader.head(TEXT);
    from[k] = reader.at;
  }
  putVarint(w, count);
  putList(w, { bytes, from, to, count }, scratch);
}

/** Reads at most `most` names of 1 to `length` bytes, as encoded texts. Fault `bad-encoding`. */
export function getNames(source: Source, most: number, length: number, scratch: Scratch): Strings {
  const count = source.varint(most);
  if (count === 0) source.fail('no names');
  const list = getList(source, count, scratch), w = new Writer(256);
  const from = new Int32Array(count), to = new Int32Array(count);
  for (let k = 0; k < count; k++) {
    const start = list.from[k]!, end = list.to[k]!;
    if (end === start || end - start > length) source.fail('a name that is empty or too long');
    new Reader(list.bytes, start, end).utf8(end - start);
    from[k] = w.at;
    w.head(TEXT, end - start);
    w.raw(list.bytes.subarray(start, end));
    to[k] = w.at;
  }
  return { bytes: w.buffer, from, to, count };
}
