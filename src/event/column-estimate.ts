// What a form of an integer column would cost: the entropy of its bytes on a sample, as a Huffman code would see them.

/** Values that a sample holds at most; of longer columns two halves are taken from different places. */
const SAMPLE = 384;
/** Bits that one more symbol adds to the description of a Huffman code. */
const SYMBOL = 5;
/** Bits a value of what never changes: long repetitions become matches. */
const LEAST = 0.02;

// log2 by straight lines between the powers of two: the same on every machine, and near enough.
const LOG2 = new Float64Array(SAMPLE + 1);
for (let c = 1; c <= SAMPLE; c++) {
  const e = 31 - Math.clz32(c);
  LOG2[c] = e + c / 2 ** e - 1;
}

/** How often each byte occurs in one place of the varints. */
interface Tally { counts: Int32Array; symbols: Int32Array; distinct: number; total: number }
const tally = (): Tally => ({ counts: new Int32Array(256), symbols: new Int32Array(256), distinct: 0, total: 0 });
const first = tally(), second = tally(), firstRest = tally(), secondRest = tally();

function count(t: Tally, symbol: number): void {
  if (t.counts[symbol]!++ === 0) t.symbols[t.distinct++] = symbol;
  t.total++;
}

/** Bits of what was counted, with `share` of the description of its code; the tally is empty afterwards. */
function entropy(t: Tally, share: number): number {
  const { counts, symbols, distinct, total } = t;
  let sum = 0;
  for (let k = 0; k < distinct; k++) {
    const c = counts[symbols[k]!]!;
    sum += c * LOG2[c]!;
    counts[symbols[k]!] = 0;
  }
  t.distinct = t.total = 0;
  return total === 0 ? 0 : total * LOG2[total]! - sum + SYMBOL * distinct * share + LEAST * total;
}

/** Differences of one order, on a sample of a column of `n`. */
export interface Sample { residuals: Float64Array; size: number; n: number }

/** Room for a sample. */
export function emptySample(): Sample {
  return { residuals: new Float64Array(SAMPLE), size: 0, n: 0 };
}

/** Takes differences of order `delta` of the first `n` (at least 2) of `s`; of at most `most` values. */
export function take(sample: Sample, s: Float64Array, n: number, delta: number): Sample {
  const residuals = sample.residuals;
  let size = 0;
  for (let part = 0; part < 2; part++) {
    let from = part === 0 ? n >> 2 : n - (n >> 2), to = from + (SAMPLE >> 1);
    if (n <= SAMPLE) {
      if (part === 1) break;
      from = delta;
      to = n;
    }
    if (delta === 0) for (let i = from; i < to; i++) residuals[size++] = s[i]!;
    else if (delta === 1) for (let i = from; i < to; i++) residuals[size++] = s[i]! - s[i - 1]!;
    else for (let i = from; i < to; i++) residuals[size++] = s[i]! - 2 * s[i - 1]! + s[i - 2]!;
  }
  sample.size = size;
  sample.n = n;
  return sample;
}

/** Estimated bits of the column when its residuals are written less `base`, split into quotient and remainder by `divisor`; looks at `most` residuals. */
export function cost({ residuals, size, n }: Sample, base = 0, divisor = 1, most = SAMPLE): number {
  const seen = size < most ? size : most, step = size > most ? Math.floor(size / most) : 1;
  if (seen === 0) return 0;
  let more = 0;
  for (let i = 0, at = 0; i < seen; i++, at += step) {
    let d = residuals[at]! - base;
    if (divisor > 1) {
      const q = Math.floor(d / divisor), rest = d - q * divisor;
      if (rest < 128) count(firstRest, rest);
      else {
        count(firstRest, (rest & 127) | 128);
        count(secondRest, (rest >> 7) & 127);
      }
      d = q;
    }
    const z = d >= 0 ? 2 * d : -2 * d - 1;
    if (z < 128) count(first, z);
    else if (z < 0x4000_0000) {
      count(first, (z & 127) | 128);
      count(second, (z >> 7) & 127);
      for (let left = z >> 14; left > 0; left >>= 7) more++;
    } else more += 6;
  }
  const share = seen / n;
  let bits = entropy(first, share) + entropy(second, share) + 8 * more;
  if (divisor > 1) bits += entropy(firstRest, share) + entropy(secondRest, share);
  return (bits / seen) * n;
}

/** The middle one of some of the residuals. */
export function middle({ residuals, size }: Sample): number {
  const most = Math.min(size, 63), step = Math.floor(size / most), some = new Float64Array(most);
  for (let k = 0; k < most; k++) some[k] = residuals[k * step]!;
  return some.sort()[most >> 1]!;
}
