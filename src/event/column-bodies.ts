// The columns of bodies: one for each leaf of each shape, and the bodies that share no shape with another as they are (COLUMNS.md section 4).
import { COLUMN_SHAPES, COLUMN_SKELETON_BYTES } from '../limits.ts';
import type { Bodies } from './column-events.ts';
import type { Scratch } from './column-integers.ts';
import { getIntegers, putIntegers } from './column-integers.ts';
import { getLeaves, putLeaves } from './column-leaves.ts';
import type { Matcher } from './column-match.ts';
import type { Parsed } from './column-parse.ts';
import type { Rows } from './column-rows.ts';
import { rowsMarked } from './column-rows.ts';
import { shapeOf } from './column-shape.ts';
import type { Source } from './column-source.ts';
import { putVarint } from './column-source.ts';
import type { Strings } from './column-strings.ts';
import { getList, putList } from './column-strings.ts';
import { Reader } from './reader.ts';
import type { Run } from './run.ts';
import type { Writer } from './writer.ts';

/** Writes all bodies of a run. */
export function putBodies(w: Writer, run: Run, { shape, bodyAt, cellAt, bodies }: Parsed, rows: Rows, scratch: Scratch): void {
  const n = rows.n;
  // A shape that only one body has saves nothing.
  const uses = new Int32Array(bodies.shapes.length + 1);
  for (let i = 0; i < n; i++) uses[shape[i]!]!++;
  const number = new Float64Array(uses.length), kept: number[] = [];
  for (let s = 1; s < uses.length; s++) if (uses[s]! > 1) number[s] = kept.push(s);
  for (let i = 0; i < n; i++) shape[i] = number[shape[i]!]!;
  putVarint(w, kept.length);
  for (const s of kept) {
    const skeleton = bodies.skeletons[s - 1]!;
    putVarint(w, skeleton.length);
    w.raw(skeleton);
  }
  if (kept.length > 0) putIntegers(w, shape, rows, scratch);
  kept.forEach((s, k) => putShape(w, run, bodies, s - 1, cellAt, shape, rowsMarked(rows, shape, k + 1), k + 1, scratch));
  const raw: Strings = { bytes: run.bytes, from: new Int32Array(n), to: new Int32Array(n), count: 0 };
  for (let i = 0; i < n; i++) {
    if (shape[i] !== 0) continue;
    raw.from[raw.count] = bodyAt[i]!;
    raw.to[raw.count++] = run.ends[i]!;
  }
  putList(w, raw, scratch);
}

function putShape(w: Writer, run: Run, bodies: Matcher, s: number, cellAt: Int32Array, shape: Float64Array, own: Rows, mark: number, scratch: Scratch): void {
  const first = new Int32Array(own.n);
  for (let i = 0, at = 0; at < own.n; i++) if (shape[i] === mark) first[at++] = cellAt[i]!;
  const values = new Float64Array(own.n), ends = new Float64Array(own.n), kinds = new Uint8Array(own.n);
  const leaves = bodies.shapes[s]!.leaves;
  for (let j = 0; j < leaves; j++) {
    for (let i = 0; i < own.n; i++) {
      const cell = first[i]! + j;
      values[i] = bodies.values[cell]!;
      ends[i] = bodies.ends[cell]!;
      kinds[i] = bodies.kinds[cell]!;
    }
    putLeaves(w, run.bytes, kinds, values, ends, own, scratch);
  }
}

/** Reads what `putBodies` wrote; all leaves together are at most `most`. Fault `bad-encoding`. */
export function getBodies(source: Source, rows: Rows, most: number, scratch: Scratch): { shape: Float64Array; bodies: Bodies[]; raw: Strings } {
  const n = rows.n, count = source.varint(Math.min(COLUMN_SHAPES, n)), bodies: Bodies[] = [];
  for (let s = 0; s < count; s++) {
    const from = source.take(source.varint(COLUMN_SKELETON_BYTES));
    bodies.push({ shape: shapeOf(source.bytes.subarray(from, source.at)), leaves: [], next: 0 });
  }
  const shape = count > 0 ? getIntegers(source, rows, scratch) : new Float64Array(n);
  const uses = new Int32Array(count + 1);
  for (let i = 0; i < n; i++) {
    if (!(shape[i]! >= 0 && shape[i]! <= count)) source.fail('a shape that is not listed');
    uses[shape[i]!]!++;
  }
  let cells = 0;
  bodies.forEach((body, s) => {
    const own = uses[s + 1]!, leaves = body.shape.leaves;
    if (own === 0) source.fail('a shape without bodies');
    cells += own * leaves;
    if (cells > most) source.fail('more leaves than bytes');
    const marked = rowsMarked(rows, shape, s + 1);
    for (let j = 0; j < leaves; j++) {
      const column = getLeaves(source, marked, scratch);
      if (column.texts !== undefined) checkTexts(column.texts);
      body.leaves.push(column);
    }
  });
  const raw = getList(source, uses[0]!, scratch);
  for (let i = 0; i < raw.count; i++) {
    const reader = new Reader(raw.bytes, raw.from[i]!, raw.to[i]!);
    reader.skip();
    reader.finish();
  }
  return { shape, bodies, raw };
}

/** Texts must be valid UTF-8 without U+0000. */
function checkTexts({ bytes, from, to, count }: Strings): void {
  for (let i = 0; i < count; i++) {
    let at = from[i]!;
    const end = to[i]!;
    while (at < end && bytes[at]! < 0x80 && bytes[at] !== 0) at++;
    if (at < end) new Reader(bytes, from[i]!, end).utf8(end - from[i]!);
  }
}
