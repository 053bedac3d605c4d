// The distinct numbers of a column: a sensor behind a converter knows few levels, and steps between levels are smaller than steps between values.

/** The numbers that occur, ascending, and for each value the place of its number among them. */
export interface Levels { levels: Float64Array; ranks: Float64Array }

/**
 * The levels of the first `n` of `values` (none is -0 or NaN), if there are at most `most` and few of them from the first values on; otherwise undefined.
 * A hash table with open addresses over the bits of the numbers.
 */
export function levelsOf(values: Float64Array, n: number, most: number): Levels | undefined {
  let size = 64;
  while (size < 4 * most) size *= 2;
  const table = new Int32Array(size), mask = size - 1;
  const found = new Float64Array(most), ranks = new Float64Array(n);
  const halves = new Uint32Array(values.buffer, values.byteOffset, 2 * n);
  let count = 0;
  for (let i = 0; i < n; i++) {
    const v = values[i]!;
    let h = Math.imul(halves[2 * i]! ^ Math.imul(halves[2 * i + 1]!, 0x9e3779b1), 0x85ebca6b);
    h = (h ^ (h >>> 15)) & mask;
    for (;;) {
      const slot = table[h]!;
      if (slot === 0) {
        if (count === most || count > 48 + (i >> 1)) return undefined;
        found[count++] = v;
        table[h] = count;
        ranks[i] = count - 1;
        break;
      }
      if (found[slot - 1] === v) {
        ranks[i] = slot - 1;
        break;
      }
      h = (h + 1) & mask;
    }
  }
  const levels = found.slice(0, count).sort();
  // From the order of appearance to the order of size.
  const place = new Map<number, number>();
  for (let k = 0; k < count; k++) place.set(levels[k]!, k);
  const rank = new Float64Array(count);
  for (let k = 0; k < count; k++) rank[k] = place.get(found[k]!)!;
  for (let i = 0; i < n; i++) ranks[i] = rank[ranks[i]!]!;
  return { levels, ranks };
}
