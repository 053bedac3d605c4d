// One column of integers: its forms as bytes (COLUMNS.md section 3).
import type { Choice } from './column-choice.ts';
import { choose } from './column-choice.ts';
import type { Rows } from './column-rows.ts';
import type { Source } from './column-source.ts';
import { getPlanes, putPlanes, putVarint, unzigzag, zigzag } from './column-source.ts';
import type { Writer } from './writer.ts';

const DELTA = 3, BY_KEY = 4, RUNS = 8, LEVELS = 16, BASE = 32, DIVISOR = 64, WIDE = 128, ZERO = 129, CONSTANT = 130;

const DIVISOR_MOST = 2 ** 31;

/** Buffers that the columns of one packing share; each holds as many numbers as the run has events. */
export interface Scratch { sorted: Float64Array; residuals: Float64Array; more: Float64Array; rest: Int32Array }

/** Scratch for columns of at most `n` rows. */
export function scratchFor(n: number): Scratch {
  return { sorted: new Float64Array(n), residuals: new Float64Array(n), more: new Float64Array(n), rest: new Int32Array(n) };
}

/** Writes the first `rows.n` of `values`: integers within 2^53 - 1 of zero, in the order of the log. */
export function putIntegers(w: Writer, values: Float64Array, rows: Rows, scratch: Scratch): void {
  if (rows.n > 0) putChosen(w, choose(values, rows, scratch.sorted), rows, scratch);
}

/** Writes a column in a form that was chosen for it. */
export function putChosen(w: Writer, choice: Choice, rows: Rows, scratch: Scratch): void {
  const { form, delta, levels, base, divisor, sequence } = choice, n = rows.n;
  if (form === 'zero') return w.byte(ZERO);
  if (form === 'constant') {
    w.byte(CONSTANT);
    return putVarint(w, zigzag(sequence[0]!));
  }
  if (form === 'wide') {
    w.byte(WIDE);
    return putWide(w, sequence, n);
  }
  w.byte(delta | (choice.byKey ? BY_KEY : 0) | (form === 'runs' ? RUNS : 0) | (levels ? LEVELS : 0) | (base !== 0 ? BASE : 0) | (divisor > 1 ? DIVISOR : 0));
  if (levels) putLevels(w, levels);
  if (base !== 0) putVarint(w, zigzag(base));
  if (divisor > 1) putVarint(w, divisor);
  const residuals = scratch.residuals;
  differ(sequence, delta, choice.byKey ? rows.starts : Int32Array.of(0, n), residuals);
  if (form === 'runs') return putRuns(w, residuals, n);
  const more = scratch.more;
  if (divisor > 1) {
    for (let i = 0; i < n; i++) {
      const d = residuals[i]! - base, q = Math.floor(d / divisor);
      more[i] = d - q * divisor;
      residuals[i] = q;
    }
  } else if (base !== 0) for (let i = 0; i < n; i++) residuals[i]! -= base;
  for (let i = 0; i < n; i++) {
    const d = residuals[i]!;
    residuals[i] = d >= 0 ? 2 * d : -2 * d - 1;
  }
  putPlanes(w, residuals, n);
  if (divisor > 1) putPlanes(w, more, n);
}

/** What is left of each value when its neighbours before it in its group are known; a group's first value is compared with that of the group before. */
function differ(s: Float64Array, delta: number, starts: Int32Array, out: Float64Array): void {
  let p = 0;
  for (let g = 0; g + 1 < starts.length; g++) {
    const from = starts[g]!, to = starts[g + 1]!;
    if (delta === 0) {
      for (let i = from; i < to; i++) out[i] = s[i]!;
      continue;
    }
    out[from] = s[from]! - p;
    p = s[from]!;
    let before = 0;
    for (let i = from + 1; i < to; i++) {
      const d = s[i]! - s[i - 1]!;
      out[i] = d - before;
      if (delta === 2) before = d;
    }
  }
}

/** The inverse of `differ`, in place. */
function undiffer(s: Float64Array, delta: number, starts: Int32Array): void {
  if (delta === 0) return;
  let first = 0;
  for (let g = 0; g + 1 < starts.length; g++) {
    const from = starts[g]!, to = starts[g + 1]!;
    let v = s[from] = first += s[from]!;
    let d = 0;
    for (let i = from + 1; i < to; i++) {
      d = delta === 2 ? d + s[i]! : s[i]!;
      s[i] = v += d;
    }
  }
}

function putLevels(w: Writer, levels: Float64Array): void {
  const gaps = new Float64Array(levels.length);
  for (let k = 1; k < gaps.length; k++) gaps[k] = levels[k]! - levels[k - 1]! - 1;
  gaps[0] = zigzag(levels[0]!);
  putVarint(w, gaps.length);
  putPlanes(w, gaps, gaps.length);
}

function putRuns(w: Writer, residuals: Float64Array, n: number): void {
  const values = [], lengths = [];
  let from = 0;
  for (let i = 1; i <= n; i++) {
    if (i < n && residuals[i] === residuals[from]) continue;
    values.push(zigzag(residuals[from]!));
    lengths.push(i - from - 1);
    from = i;
  }
  putVarint(w, values.length);
  putPlanes(w, Float64Array.from(values), values.length);
  putPlanes(w, Float64Array.from(lengths), values.length - 1);
}

/** Writes floats as they are: all first bytes (sign and exponent), all second bytes, and so on. */
export function putWide(w: Writer, values: Float64Array, n: number): void {
  w.need(8 * n);
  const view = new DataView(new ArrayBuffer(8));
  for (let i = 0; i < n; i++) {
    view.setFloat64(0, values[i]!);
    for (let b = 0; b < 8; b++) w.buffer[w.at + b * n + i] = view.getUint8(b);
  }
  w.at += 8 * n;
}

/** Reads what `putWide` wrote. Fault `bad-encoding`; any float can come out. */
export function getWide(source: Source, n: number, out: Float64Array): void {
  const at = source.take(8 * n), view = new DataView(new ArrayBuffer(8));
  for (let i = 0; i < n; i++) {
    for (let b = 0; b < 8; b++) view.setUint8(b, source.bytes[at + b * n + i]!);
    out[i] = view.getFloat64(0);
  }
}

/** Reads a column of `rows.n` integers within 2^53 - 1 of zero, in the order of the log. Fault `bad-encoding`. */
export function getIntegers(source: Source, rows: Rows, scratch: Scratch): Float64Array {
  const n = rows.n, out = new Float64Array(n);
  if (n === 0) return out;
  const head = source.byte();
  if (head >= WIDE) {
    if (head === CONSTANT) out.fill(source.signed());
    else if (head === WIDE) {
      getWide(source, n, out);
      for (let i = 0; i < n; i++) out[i]! += 0; // -0, which nobody writes, becomes 0
      checkIntegers(source, out, n);
    } else if (head !== ZERO) source.fail('an unknown form of integers');
    return out;
  }
  const delta = head & DELTA, byKey = (head & BY_KEY) !== 0;
  if (delta === 3 || ((head & RUNS) !== 0 && (head & (BASE | DIVISOR)) !== 0)) source.fail('an unknown form of integers');
  const levels = (head & LEVELS) !== 0 ? getLevels(source, n, scratch) : undefined;
  const base = (head & BASE) !== 0 ? source.signed() : 0;
  const divisor = (head & DIVISOR) !== 0 ? source.varint(DIVISOR_MOST) : 1;
  if (divisor === 0) source.fail('a divisor of zero');
  const s = byKey && rows.index !== null ? scratch.sorted : out;
  if ((head & RUNS) !== 0) getRuns(source, n, s, scratch);
  else {
    getPlanes(source, n, s, scratch.rest);
    for (let i = 0; i < n; i++) s[i] = unzigzag(s[i]!);
    if (divisor !== 1) {
      getPlanes(source, n, scratch.more, scratch.rest);
      for (let i = 0; i < n; i++) s[i] = s[i]! * divisor + scratch.more[i]! + base;
    } else if (base !== 0) for (let i = 0; i < n; i++) s[i]! += base;
  }
  undiffer(s, delta, byKey ? rows.starts : Int32Array.of(0, n));
  if (levels !== undefined) {
    for (let i = 0; i < n; i++) {
      const level = levels[s[i]!];
      if (level === undefined) source.fail('a level that is not listed');
      else s[i] = level;
    }
  } else checkIntegers(source, s, n);
  if (s !== out) for (let i = 0; i < n; i++) out[rows.index![i]!] = s[i]!;
  return out;
}

function checkIntegers(source: Source, values: Float64Array, n: number): void {
  for (let i = 0; i < n; i++) if (!Number.isSafeInteger(values[i])) source.fail('a number that is no integer within 2^53 - 1 of zero');
}

function getLevels(source: Source, n: number, scratch: Scratch): Float64Array {
  const count = source.varint(n), levels = new Float64Array(count);
  getPlanes(source, count, levels, scratch.rest);
  let level = 0;
  for (let k = 0; k < count; k++) levels[k] = level = k === 0 ? unzigzag(levels[0]!) : level + 1 + levels[k]!;
  checkIntegers(source, levels, count);
  return levels;
}

function getRuns(source: Source, n: number, out: Float64Array, scratch: Scratch): void {
  const count = source.varint(n);
  if (count === 0) source.fail('no runs');
  const values = new Float64Array(count), lengths = new Float64Array(count);
  getPlanes(source, count, values, scratch.rest);
  getPlanes(source, count - 1, lengths, scratch.rest);
  let at = 0;
  for (let k = 0; k < count; k++) {
    const end = k === count - 1 ? n : at + lengths[k]! + 1;
    if (end > n || end <= at) source.fail('runs of another length');
    const v = unzigzag(values[k]!);
    while (at < end) out[at++] = v;
  }
}
