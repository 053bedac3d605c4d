// From columns to a run: writes canonical events one after the other, checking each part that no column could check.
import { EVENT_BYTES, STAMP_COUNTER_MAX, STAMP_GENERATION_MAX, STAMP_MS_MAX, TIME_MAX } from '../limits.ts';
import type { Bytes } from '../ports.ts';
import type { Leaves } from './column-leaves.ts';
import { BYTES, FALSE, FLOAT, NULL, TEXT, TRUE } from './column-leaves.ts';
import type { Shape } from './column-shape.ts';
import type { Source } from './column-source.ts';
import type { Strings } from './column-strings.ts';
import type { Run } from './run.ts';

/** Bodies of one shape, in the order of the log. */
export interface Bodies { shape: Shape; leaves: Leaves[]; next: number }

/** Everything that a run is made of. Keys and types are encoded texts; `raw` are bodies without a shape, in the order of the log. */
export interface Assembly {
  count: number; total: number;
  generation: Float64Array; ms: Float64Array; counter: Float64Array; time: Float64Array; joined: Float64Array;
  key: Float64Array; keys: Strings; type: Float64Array; types: Strings;
  shape: Float64Array; bodies: Bodies[]; raw: Strings;
}

/** The run; `source` is where refusals are raised. Fault `bad-encoding` unless every event is canonical and all together have `total` bytes. */
export function assemble(a: Assembly, source: Source): Run {
  const { count, total, generation, ms, counter, time, joined, key, keys, type, types, shape, bodies, raw } = a;
  const out = new Output(total, source), ends = new Uint32Array(count);
  let nextRaw = 0;
  for (let i = 0; i < count; i++) {
    const start = out.at;
    out.buffer[out.at++] = 0x88;
    out.uint(generation[i]!, STAMP_GENERATION_MAX);
    out.uint(ms[i]!, STAMP_MS_MAX);
    out.uint(counter[i]!, STAMP_COUNTER_MAX);
    const t = time[i]!;
    if (!(t <= TIME_MAX && t >= -TIME_MAX)) source.fail('a time out of range');
    out.number(t);
    out.uint(joined[i]!, 1);
    out.copy(keys.bytes, keys.from[key[i]!]!, keys.to[key[i]!]!);
    out.copy(types.bytes, types.from[type[i]!]!, types.to[type[i]!]!);
    const s = shape[i]!;
    if (s === 0) {
      out.copy(raw.bytes, raw.from[nextRaw]!, raw.to[nextRaw]!);
      nextRaw++;
    } else out.body(bodies[s - 1]!);
    if (out.at > total || out.at - start > EVENT_BYTES) source.fail('an event that is too long');
    ends[i] = out.at;
  }
  if (out.at !== total) source.fail('events of another length');
  return { bytes: out.buffer, ends };
}

/** The output, of known length: bytes that do not fit are dropped and noticed after each event. */
class Output {
  readonly buffer: Uint8Array<ArrayBuffer>;
  at = 0;
  readonly #view: DataView;
  readonly #source: Source;

  constructor(total: number, source: Source) {
    this.buffer = new Uint8Array(total);
    this.#view = new DataView(this.buffer.buffer);
    this.#source = source;
  }

  uint(n: number, most: number): void {
    if (!(n >= 0 && n <= most)) this.#source.fail('a number out of range');
    this.head(0, n);
  }

  /** A number: as an integer when it is one within 2^53 - 1 of zero. */
  number(v: number): void {
    const small = v | 0;
    if (small === v) this.head(v < 0 ? 0x20 : 0, v < 0 ? -1 - v : v);
    else if (Number.isSafeInteger(v)) this.head(v < 0 ? 0x20 : 0, v < 0 ? -1 - v : v);
    else {
      const at = this.at;
      if (at + 9 > this.buffer.length) this.#source.fail('an event that is too long');
      this.buffer[at] = 0xfb;
      this.#view.setFloat64(at + 1, v);
      this.at = at + 9;
    }
  }

  head(major: number, n: number): void {
    const buffer = this.buffer;
    let at = this.at;
    if (n < 24) buffer[at++] = major | n;
    else if (n < 0x100) {
      buffer[at++] = major | 24;
      buffer[at++] = n;
    } else if (n < 0x1_0000) {
      buffer[at++] = major | 25;
      buffer[at++] = n >> 8;
      buffer[at++] = n;
    } else if (n < 0x1_0000_0000) {
      buffer[at++] = major | 26;
      buffer[at++] = n >>> 24;
      buffer[at++] = n >>> 16;
      buffer[at++] = n >>> 8;
      buffer[at++] = n;
    } else {
      const high = Math.floor(n / 0x1_0000_0000), low = n >>> 0;
      buffer[at++] = major | 27;
      buffer[at++] = high >>> 24;
      buffer[at++] = high >>> 16;
      buffer[at++] = high >>> 8;
      buffer[at++] = high;
      buffer[at++] = low >>> 24;
      buffer[at++] = low >>> 16;
      buffer[at++] = low >>> 8;
      buffer[at++] = low;
    }
    this.at = at;
  }

  copy(bytes: Bytes, from: number, to: number): void {
    const n = to - from, at = this.at, buffer = this.buffer;
    if (n < 64) for (let k = 0; k < n; k++) buffer[at + k] = bytes[from + k]!;
    else {
      if (at + n > buffer.length) this.#source.fail('an event that is too long');
      buffer.set(bytes.subarray(from, to), at);
    }
    this.at = at + n;
  }

  body(bodies: Bodies): void {
    const { shape, leaves } = bodies, { literals, ends } = shape, row = bodies.next++, buffer = this.buffer, n = leaves.length;
    let l = 0;
    for (let j = 0; j <= n; j++) {
      const stop = j < n ? ends[j]! : literals.length;
      let at = this.at;
      while (l < stop) buffer[at++] = literals[l++]!;
      this.at = at;
      if (j === n) break;
      const column = leaves[j]!, kind = column.kinds[row]!;
      if (kind <= FLOAT) this.number(column.values[row]!);
      else this.#other(column, kind, row);
    }
  }

  #other(column: Leaves, kind: number, row: number): void {
    if (kind === TEXT || kind === BYTES) {
      const list = kind === TEXT ? column.texts! : column.strings!, number = column.values[row]!;
      const from = list.from[number]!, to = list.to[number]!;
      this.head(kind === TEXT ? 0x60 : 0x40, to - from);
      this.copy(list.bytes, from, to);
    } else this.buffer[this.at++] = kind === FALSE ? 0xf4 : kind === TRUE ? 0xf5 : kind === NULL ? 0xf6 : 0;
  }
}
