// Sets of small numbers as bits: how pasts are held, shared and compared. A set is never changed once somebody else can see it.

/** Number i is in the set when bit i % 32 of word i / 32 is set; words beyond the end are zero. */
export type Bits = Uint32Array;

/** The empty set. */
export const NOBODY: Bits = new Uint32Array(0);

/** True when `i` is in the set. */
export function has(bits: Bits, i: number): boolean {
  const word = bits[i >>> 5];
  return word !== undefined && (word & (1 << (i & 31))) !== 0;
}

/** The set and `i`; the same set when `i` was in it. */
export function including(bits: Bits, i: number): Bits {
  if (has(bits, i)) return bits;
  const out = new Uint32Array(Math.max(bits.length, (i >>> 5) + 1));
  out.set(bits);
  put(out, i);
  return out;
}

/** Puts `i` into a set that nobody else sees yet and that is long enough. */
export function put(bits: Bits, i: number): void {
  bits[i >>> 5] = bits[i >>> 5]! | (1 << (i & 31));
}

/** True when all of `a` is in `b`. */
export function within(a: Bits, b: Bits): boolean {
  if (a === b) return true;
  for (let i = 0; i < a.length; i++) if ((a[i]! & ~(b[i] ?? 0)) !== 0) return false;
  return true;
}

/** What is in either; one of the two itself when it holds the other. */
export function union(a: Bits, b: Bits): Bits {
  if (within(b, a)) return a;
  if (within(a, b)) return b;
  const out = new Uint32Array(Math.max(a.length, b.length));
  out.set(a);
  for (let i = 0; i < b.length; i++) out[i] = out[i]! | b[i]!;
  return out;
}

/** What is in both. */
export function both(a: Bits, b: Bits): Bits {
  const out = new Uint32Array(Math.min(a.length, b.length));
  for (let i = 0; i < out.length; i++) out[i] = a[i]! & b[i]!;
  return out;
}
