// The shape of a body: what is left when its leaves are taken out (COLUMNS.md section 4).
import { VALUE_DEPTH } from '../limits.ts';
import type { Bytes } from '../ports.ts';
import { Reader } from './reader.ts';
import type { Writer } from './writer.ts';

/** Stands for a leaf in a skeleton: the simple value "undefined", which no body holds. */
const LEAF = 0xf7, NULL = 0xf6;
const ARRAY = 4, MAP = 5;

/** Bodies of one shape: the literal bytes before leaf j are literals[ends[j-1]] to literals[ends[j]-1]; after the last leaf comes the rest. */
export interface Shape { leaves: number; literals: Bytes; ends: Int32Array }

/** Appends the skeleton of the canonical body at `from` to `w`, each leaf as one byte; returns where the body ends. Fault `bad-encoding`. */
export function putSkeleton(w: Writer, bytes: Bytes, from: number, to: number): number {
  const reader = new Reader(bytes, from, to);
  reader.skip();
  const end = reader.at;
  reader.at = from;
  outline(reader, w);
  return end;
}

/** The body was scanned: it is canonical and not too deep. */
function outline(reader: Reader, w: Writer): void {
  const at = reader.at, major = reader.bytes[at]! >> 5;
  if (major !== ARRAY && major !== MAP) {
    reader.skip();
    w.byte(LEAF);
    return;
  }
  const n = reader.head(major << 5);
  w.raw(reader.bytes.subarray(at, reader.at));
  for (let i = 0; i < n; i++) {
    if (major === MAP) {
      const key = reader.at;
      reader.skip();
      w.raw(reader.bytes.subarray(key, reader.at));
    }
    outline(reader, w);
  }
}

/** The shape with that skeleton, which nobody vouches for. Fault `bad-encoding` unless bodies of this shape are canonical. */
export function shapeOf(skeleton: Bytes): Shape {
  const reader = new Reader(skeleton), leaves: number[] = [];
  findLeaves(reader, leaves, VALUE_DEPTH);
  reader.finish();
  // With null in place of its leaves a skeleton is itself a body: the order of keys, UTF-8 and all else are checked there.
  const body = skeleton.slice();
  for (const at of leaves) body[at] = NULL;
  new Reader(body).skip();
  const literals = new Uint8Array(skeleton.length - leaves.length), ends = new Int32Array(leaves.length);
  let from = 0;
  leaves.forEach((at, j) => {
    literals.set(skeleton.subarray(from, at), from - j);
    ends[j] = at - j;
    from = at + 1;
  });
  literals.set(skeleton.subarray(from), from - leaves.length);
  return { leaves: leaves.length, literals, ends };
}

function findLeaves(reader: Reader, leaves: number[], depth: number): void {
  const at = reader.at, first = reader.bytes[at];
  if (first === LEAF) {
    leaves.push(at);
    reader.at++;
    return;
  }
  if (depth === 0) reader.fail('a shape that is too deep');
  const map = first !== undefined && first >> 5 === MAP;
  const n = reader.head((map ? MAP : ARRAY) << 5);
  if (n > reader.end - reader.at) reader.fail('an array or map is longer than the input');
  for (let i = 0; i < n; i++) {
    if (map) reader.skip(0);
    findLeaves(reader, leaves, depth - 1);
  }
}
