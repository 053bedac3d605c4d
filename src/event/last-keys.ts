// Which keys the events of a run have, and where each of them stands last: read once for the index and the views, without making a text for each event.
import type { Bytes } from '../ports.ts';
import { text } from './bytes.ts';
import type { Run } from './run.ts';
import { startOf } from './run.ts';

const BUCKETS = 1_024;
/** For each bucket the key that came into it last, and before each key the one that came into its bucket before it; -1: none. */
const heads = new Int32Array(BUCKETS);
const known = new WeakMap<Uint32Array, ReadonlyMap<string, number>>();

/** Each key of a run with the number of its last event, in order of the keys' first events. The run must be canonical. Remembered as long as `run.ends` lives. */
export function lastOfKeys(run: Run): ReadonlyMap<string, number> {
  let found = known.get(run.ends);
  if (!found) known.set(run.ends, found = read(run));
  return found;
}

function read(run: Run): ReadonlyMap<string, number> {
  const { bytes, ends } = run, n = ends.length;
  const starts: number[] = [], lengths: number[] = [], lasts: number[] = [], nexts: number[] = [];
  if (n > 1) heads.fill(-1);
  for (let i = 0; i < n; i++) {
    const start = keyAt(bytes, startOf(run, i)), length = lengthAt(bytes, start), at = start + (length < 24 ? 1 : 2);
    if (n === 1) return new Map([[text(bytes.subarray(at, at + length)), 0]]);
    let sum = length;
    for (let k = at; k < at + length; k++) sum = (Math.imul(sum, 31) + bytes[k]!) | 0;
    const bucket = (sum ^ (sum >>> 16)) & (BUCKETS - 1);
    let j = heads[bucket]!;
    while (j >= 0 && !(lengths[j] === length && same(bytes, starts[j]!, at, length))) j = nexts[j]!;
    if (j < 0) {
      j = starts.length;
      starts.push(at);
      lengths.push(length);
      lasts.push(i);
      nexts.push(heads[bucket]!);
      heads[bucket] = j;
    } else lasts[j] = i;
  }
  return new Map(starts.map((at, j) => [text(bytes.subarray(at, at + lengths[j]!)), lasts[j]!]));
}

/** Where the key of the event at `at` stands: behind the array's head and five integers. */
function keyAt(bytes: Bytes, at: number): number {
  let here = at + 1;
  for (let i = 0; i < 5; i++) {
    const info = bytes[here]! & 31;
    here += info < 24 ? 1 : info === 24 ? 2 : info === 25 ? 3 : info === 26 ? 5 : 9;
  }
  return here;
}

/** Bytes of the text at `at`; of a key there are 255 at most. */
function lengthAt(bytes: Bytes, at: number): number {
  const info = bytes[at]! & 31;
  return info < 24 ? info : bytes[at + 1]!;
}

function same(bytes: Bytes, a: number, b: number, length: number): boolean {
  for (let i = 0; i < length; i++) if (bytes[a + i] !== bytes[b + i]) return false;
  return true;
}
