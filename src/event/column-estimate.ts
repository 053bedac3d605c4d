// What a form of an integer column would cost: the entropy of its bytes on a sample, as a Huffman code would see them.

/** Values that a sample holds at most; of longer columns two halves are taken from different places. */
const SAMPLE = 512;
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

/** How often each byte occurs in the first and second bytes of varints; `more` counts the bytes after these. */
interface Tally { first: Int32Array; second: Int32Array; seconds: number; more: number }
const quotients: Tally = { first: new Int32Array(256), second: new Int32Array(256), seconds: 0, more: 0 };
const remainders: Tally = { first: new Int32Array(256), second: new Int32Array(256), seconds: 0, more: 0 };

function count(tally: Tally, z: number): void {
  if (z < 128) tally.first[z]!++;
  else if (z < 0x4000_0000) {
    tally.first[(z & 127) | 128]!++;
    tally.second[(z >> 7) & 127]!++;
    tally.seconds++;
    for (let rest = z >> 14; rest > 0; rest >>= 7) tally.more++;
  } else tally.more += 6;
}

/** Bits of what was counted of `seen` values in a column of `n`; the tally is empty afterwards. */
function bits(tally: Tally, seen: number, n: number): number {
  const all = entropy(tally.first, seen, seen / n) + (tally.seconds > 0 ? entropy(tally.second, tally.seconds, seen / n) : 0) + 8 * tally.more;
  tally.seconds = tally.more = 0;
  return all;
}

function entropy(counts: Int32Array, total: number, share: number): number {
  let sum = 0, symbols = 0;
  for (let k = 0; k < 256; k++) {
    const c = counts[k]!;
    if (c === 0) continue;
    symbols++;
    sum += c * (LOG2[total]! - LOG2[c]!);
    counts[k] = 0;
  }
  return sum + SYMBOL * symbols * share + LEAST * total;
}

/** Estimated bits of the first `n` (at least 2) of `s` under differences of order `delta`, less `base`, split into quotient and remainder by `divisor`. */
export function estimate(s: Float64Array, n: number, delta: number, base = 0, divisor = 1): number {
  let seen = 0;
  for (let part = 0; part < 2; part++) {
    let from = part === 0 ? n >> 2 : n - (n >> 2), to = from + (SAMPLE >> 1);
    if (n <= SAMPLE) {
      if (part === 1) break;
      from = 0;
      to = n;
    }
    for (let i = Math.max(from, delta); i < to; i++) {
      let d = s[i]! - base;
      if (delta === 1) d -= s[i - 1]!;
      else if (delta === 2) d -= 2 * s[i - 1]! - s[i - 2]!;
      seen++;
      if (divisor > 1) {
        const q = Math.floor(d / divisor);
        count(remainders, d - q * divisor);
        d = q;
      }
      count(quotients, d >= 0 ? 2 * d : -2 * d - 1);
    }
  }
  if (seen === 0) return 0;
  return ((divisor > 1 ? bits(remainders, seen, n) : 0) + bits(quotients, seen, n)) * (n / seen);
}

/** The middle one of the differences of order `delta` (1 or 2), on a sample. */
export function middle(s: Float64Array, n: number, delta: number): number {
  const most = Math.min(n - delta, 64);
  if (most < 1) return 0;
  const sample = new Float64Array(most), step = Math.floor((n - delta) / most);
  for (let k = 0; k < most; k++) {
    const i = delta + k * step;
    sample[k] = delta === 1 ? s[i]! - s[i - 1]! : s[i]! - 2 * s[i - 1]! + s[i - 2]!;
  }
  return sample.sort()[most >> 1]!;
}
