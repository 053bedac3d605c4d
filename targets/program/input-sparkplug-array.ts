// The arrays of Sparkplug B: values one after the other in bytes, the least significant byte first.

import { isUtf8 } from 'node:buffer';
import { Fault } from '../../src/fault.ts';

/** Kinds of arrays in the order of their datatypes. */
const KINDS = ['int8', 'int16', 'int32', 'int64', 'uint8', 'uint16', 'uint32', 'uint64', 'float', 'double', 'boolean', 'text', 'datetime'] as const;
const WIDTH: { [kind: string]: number } = { int8: 1, int16: 2, int32: 4, int64: 8, uint8: 1, uint16: 2, uint32: 4, uint64: 8, float: 4, double: 8, datetime: 8 };

/** The values of an array of the kind with this number (0: int8); `exact` and `decimal` make values of whole numbers and others. Fault `bad-encoding`. */
export function arrayValue(bytes: Uint8Array, kind: number, exact: (value: bigint) => unknown, decimal: (value: number, short: boolean) => unknown): unknown[] {
  const name = KINDS[kind]!;
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  if (name === 'text') return texts(bytes);
  if (name === 'boolean') {
    const count = bytes.length < 4 ? -1 : view.getUint32(0, true);
    if (count < 0 || Math.ceil(count / 8) !== bytes.length - 4) throw new Fault('bad-encoding', 'an array of booleans has not the bytes that it needs');
    return Array.from({ length: count }, (_, at) => (bytes[4 + (at >> 3)]! >> (7 - (at & 7)) & 1) === 1);
  }
  const width = WIDTH[name]!;
  if (bytes.length % width !== 0) throw new Fault('bad-encoding', `an array of ${name} ends in the middle of a value`);
  return Array.from({ length: bytes.length / width }, (_, index) => {
    const at = index * width;
    switch (name) {
      case 'int8': return view.getInt8(at);
      case 'int16': return view.getInt16(at, true);
      case 'int32': return view.getInt32(at, true);
      case 'int64': return exact(view.getBigInt64(at, true));
      case 'uint8': return view.getUint8(at);
      case 'uint16': return view.getUint16(at, true);
      case 'uint32': return view.getUint32(at, true);
      case 'float': return decimal(view.getFloat32(at, true), true);
      case 'double': return decimal(view.getFloat64(at, true), false);
      default: return exact(view.getBigUint64(at, true));
    }
  });
}

/** Texts, each ended by a zero byte. */
function texts(bytes: Uint8Array): string[] {
  if (bytes.length === 0) return [];
  if (bytes.at(-1) !== 0 || !isUtf8(bytes)) throw new Fault('bad-encoding', 'an array of texts does not end in a zero byte, or is not UTF-8');
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length - 1).toString('utf8').split('\0');
}
