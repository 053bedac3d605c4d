// Matching bodies with shapes, and the leaves that come out of it.
import { COLUMN_SHAPES, COLUMN_SKELETON_BYTES } from '../limits.ts';
import type { Bytes } from '../ports.ts';
import { BYTES, FALSE, FLOAT, NULL, TEXT, TRUE } from './column-leaves.ts';
import type { Shape } from './column-shape.ts';
import { putSkeleton, shapeOf } from './column-shape.ts';
import { Reader } from './reader.ts';
import { Writer } from './writer.ts';

/** Finds the shape of each body and collects the leaves of all of them, one body after the other. */
export class Matcher {
  /** The cell after the last. */
  cell = 0;
  /** A number, or where the content of a text or byte string starts. */
  values: Float64Array;
  /** Where that content ends. */
  ends: Float64Array;
  /** FLOAT for every number, TEXT, BYTES, FALSE, TRUE or NULL. */
  kinds: Uint8Array;
  readonly shapes: Shape[] = [];
  readonly skeletons: Bytes[] = [];
  readonly #bytes: Bytes;
  readonly #view: DataView;
  readonly #reader: Reader;
  readonly #writer = new Writer(256);
  readonly #known = new Map<string, number>();
  /** One more than the number of the shape seen last with a key and type, by a hash of both. */
  readonly #last = new Int32Array(256);

  constructor(bytes: Bytes, events: number) {
    this.#bytes = bytes;
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
    this.#reader = new Reader(bytes);
    this.values = new Float64Array(8 * events);
    this.ends = new Float64Array(8 * events);
    this.kinds = new Uint8Array(8 * events);
  }

  /** One more than the number of the shape of the body from `from` to `to`; 0 when there are too many shapes or it is too large.
   * Fault `bad-encoding` when the body is not canonical or does not end there. */
  match(from: number, to: number, key: number, type: number): number {
    const slot = (key * 31 + type * 7) & 255;
    const likely = this.#last[slot]!;
    if (likely > 0 && this.#try(this.shapes[likely - 1]!, from, to)) return likely;
    const found = this.#find(from, to);
    if (found === 0) return 0;
    this.#last[slot] = found;
    if (!this.#try(this.shapes[found - 1]!, from, to)) this.#reader.fail('a body that does not fit its shape');
    return found;
  }

  #find(from: number, to: number): number {
    const writer = this.#writer, reader = this.#reader;
    writer.at = 0;
    reader.end = to;
    reader.at = putSkeleton(writer, this.#bytes, from, to);
    reader.finish();
    if (writer.at > COLUMN_SKELETON_BYTES) return 0;
    const skeleton = writer.copy();
    const name = String.fromCharCode.apply(null, skeleton as unknown as number[]);
    const known = this.#known.get(name);
    if (known !== undefined) return known;
    if (this.shapes.length === COLUMN_SHAPES) return 0;
    this.shapes.push(shapeOf(skeleton));
    this.skeletons.push(skeleton);
    this.#known.set(name, this.shapes.length);
    return this.shapes.length;
  }

  /** Takes the leaves of a body of that shape; false, and nothing taken, when it has another. */
  #try(shape: Shape, from: number, to: number): boolean {
    const bytes = this.#bytes, literals = shape.literals, ends = shape.ends, leaves = shape.leaves;
    if (this.cell + leaves > this.values.length) this.#grow(leaves);
    const values = this.values, kinds = this.kinds;
    let cell = this.cell, at = from, l = 0;
    for (let j = 0; j <= leaves; j++) {
      const stop = j < leaves ? ends[j]! : literals.length;
      while (l < stop) if (bytes[at++] !== literals[l++]) return false;
      if (j === leaves) break;
      if (at >= to) return false;
      const first = bytes[at]!;
      if (first < 24) {
        values[cell] = first;
        at++;
      } else if (first === 0xfb) {
        if (at + 9 > to) return false;
        const v = this.#view.getFloat64(at + 1);
        if (!Number.isFinite(v) || Number.isSafeInteger(v)) return false;
        values[cell] = v;
        at += 9;
      } else if (first < 0x40) {
        this.#reader.at = at;
        this.#reader.end = to;
        values[cell] = this.#reader.int();
        at = this.#reader.at;
      } else {
        if (first >= 0x80 && first < 0xf4) return false;
        at = this.#other(cell, at, to);
        cell++;
        continue;
      }
      kinds[cell++] = FLOAT;
    }
    if (at !== to) return false;
    this.cell = cell;
    return true;
  }

  /** Takes a leaf that is no number; returns where it ends. */
  #other(cell: number, at: number, to: number): number {
    const reader = this.#reader, major = this.#bytes[at]! >> 5;
    reader.at = at;
    reader.end = to;
    if (major === 7) this.kinds[cell] = this.#bytes[at] === 0xf4 ? FALSE : this.#bytes[at] === 0xf5 ? TRUE : NULL;
    else {
      this.kinds[cell] = major === 3 ? TEXT : BYTES;
      reader.head(major << 5);
      this.values[cell] = reader.at;
      reader.at = at;
    }
    reader.skip();
    return this.ends[cell] = reader.at;
  }

  #grow(leaves: number): void {
    const size = 2 * this.values.length + leaves;
    const values = new Float64Array(size), ends = new Float64Array(size), kinds = new Uint8Array(size);
    values.set(this.values);
    ends.set(this.ends);
    kinds.set(this.kinds);
    this.values = values;
    this.ends = ends;
    this.kinds = kinds;
  }
}
