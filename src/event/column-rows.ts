// In which order a column is written: as in the log, or gathered by key, so that each value stands beside the one that resembles it most.

/**
 * The rows that have a value in a column, numbered 0 to n-1 in the order of the log. `index` lists them by key (null: that is the order of the log);
 * group g, the rows of one key, is index[starts[g]] to index[starts[g+1]-1]. No group is empty.
 */
export interface Rows { n: number; index: Int32Array | null; starts: Int32Array }

/** Rows of one key, or whose keys do not matter. */
export function plainRows(n: number): Rows {
  return { n, index: null, starts: Int32Array.of(0, n) };
}

/** All rows by key, keys in the order of their numbers; `keys` holds the number (below `count`) of each row's key, and no key is without a row. */
export function rowsByKey(keys: Float64Array, n: number, count: number): Rows {
  if (count <= 1) return plainRows(n);
  const starts = new Int32Array(count + 1), next = new Int32Array(count);
  for (let i = 0; i < n; i++) starts[keys[i]! + 1]!++;
  for (let k = 0; k < count; k++) {
    next[k] = starts[k]!;
    starts[k + 1]! += starts[k]!;
  }
  const index = new Int32Array(n);
  for (let i = 0; i < n; i++) {
    const k = keys[i]!;
    index[next[k]!++] = i;
  }
  return { n, index, starts };
}

/** Those rows i whose `marks[i]` is `mark`, numbered anew. */
export function rowsMarked(rows: Rows, marks: ArrayLike<number>, mark: number): Rows {
  const { n, index } = rows;
  const fresh = new Int32Array(n);
  let count = 0;
  for (let i = 0; i < n; i++) if (marks[i] === mark) fresh[i] = count++;
  if (count === n) return rows;
  const order = index === null ? null : new Int32Array(count);
  const starts = [];
  let at = 0;
  for (let g = 0; g + 1 < rows.starts.length; g++) {
    const before = at;
    for (let i = rows.starts[g]!; i < rows.starts[g + 1]!; i++) {
      const row = index === null ? i : index[i]!;
      if (marks[row] !== mark) continue;
      if (order !== null) order[at] = fresh[row]!;
      at++;
    }
    if (at > before) starts.push(before);
  }
  starts.push(count);
  return { n: count, index: order, starts: Int32Array.from(starts) };
}

/** The rows' values by key, in `out` when they have to be moved. */
export function gather(values: Float64Array, rows: Rows, out: Float64Array): Float64Array {
  const { n, index } = rows;
  if (index === null) return values;
  for (let i = 0; i < n; i++) out[i] = values[index[i]!]!;
  return out;
}

/**
 * The order of the log when it is that of time, and of the key's number where times are equal: `times` are by key and do not fall within a group.
 * Returns, for each place in the log, the place by key. Neighbouring groups are merged until one is left.
 */
export function mergeByTime(times: Float64Array, starts: Int32Array): Int32Array {
  const n = times.length;
  let from = new Int32Array(n), to = new Int32Array(n);
  for (let i = 0; i < n; i++) from[i] = i;
  let groups = starts;
  while (groups.length > 2) {
    const next = [0];
    for (let g = 0; g + 1 < groups.length; g += 2) {
      const middle = groups[g + 1]!, end = g + 2 < groups.length ? groups[g + 2]! : middle;
      let a = groups[g]!, b = middle;
      for (let at = a; at < end; at++) {
        to[at] = b >= end || (a < middle && times[from[a]!]! <= times[from[b]!]!) ? from[a++]! : from[b++]!;
      }
      next.push(end);
    }
    [from, to] = [to, from];
    groups = Int32Array.from(next);
  }
  return from;
}
