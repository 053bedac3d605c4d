// What is worth recording: a reading that changed, and not too many of one key; a clock is handed in, nothing here waits.

/** How much a number must differ from the one recorded last: `by`, or that part of it. */
export interface Deadband { by: number; relative: boolean }

/** What is recorded of each key. Milliseconds; 0: no such interval. Without bands everything counts as a change. */
export interface ChangeRules { bands: Map<string, Deadband> | undefined; minInterval: number; maxInterval: number }

/** Keys that are watched, and bytes of what is remembered of them, at most: what comes of further keys is recorded as it is. */
export const WATCHED_KEYS = 10_000, WATCHED_BYTES = 8 * 1_048_576;
/** What remembering a key costs besides its body. */
const KEY_COST = 200;

/** A reading on its way: what it is about, its body, and its size. */
export interface Candidate { id: string; body: { [field: string]: unknown }; bytes: number }

interface Watched<T> {
  body: { [field: string]: unknown };
  bytes: number;
  /** When it was last recorded. */
  at: number;
  held: T | undefined;
}

/** What is to happen with a reading: recorded now; left out; or held until its interval is over. `dropped`: one that was held before and goes instead. */
export interface Verdict<T> { what: 'record' | 'unchanged' | 'held'; dropped: T | undefined }

/** Watches the keys of one input. */
export interface ChangeWatch<T extends Candidate> {
  offer(candidate: T, now: number): Verdict<T>;
  /** What was held and is due, to be recorded now. */
  due(now: number): T[];
  /** When the next held one is due; undefined: none is held. */
  next(): number | undefined;
  /** All that is held: the end is near. */
  flush(): T[];
  /** What was to be recorded was not: whatever comes next counts as a change. */
  forget(id: string): void;
  readonly held: number;
  /** How many were recorded unwatched, because too many keys are watched. */
  readonly unwatched: number;
}

/** Begins to watch; undefined when the rules want nothing left out. */
export function watchChanges<T extends Candidate>(rules: ChangeRules, most = { keys: WATCHED_KEYS, bytes: WATCHED_BYTES }): ChangeWatch<T> | undefined {
  const { bands, minInterval, maxInterval } = rules;
  if (bands === undefined && minInterval === 0) return undefined;
  const keys = new Map<string, Watched<T>>();
  const holding = new Map<string, Watched<T>>();
  let bytes = 0;
  let unwatched = 0;

  const sizeOf = (candidate: T) => KEY_COST + 2 * candidate.id.length + 4 * candidate.bytes;
  function remember(candidate: T, now: number): void {
    const known = keys.get(candidate.id);
    const size = sizeOf(candidate);
    if (known === undefined && keys.size >= most.keys || bytes - (known?.bytes ?? 0) + size > most.bytes) {
      // Remembering half of a key would be wrong later.
      if (known !== undefined) drop(candidate.id, known);
      unwatched++;
      return;
    }
    bytes += size - (known?.bytes ?? 0);
    if (known === undefined) keys.set(candidate.id, { body: candidate.body, bytes: size, at: now, held: undefined });
    else Object.assign(known, { body: candidate.body, bytes: size, at: now });
  }
  function drop(id: string, known: Watched<T>): void {
    bytes -= known.bytes;
    keys.delete(id);
  }
  /** Takes out what is held of a key. */
  function take(id: string, known: Watched<T>): T | undefined {
    const { held } = known;
    if (held !== undefined) {
      bytes -= sizeOf(held);
      known.held = undefined;
      holding.delete(id);
    }
    return held;
  }
  function recorded(id: string, known: Watched<T>, now: number): T {
    const held = take(id, known)!;
    remember(held, now);
    return held;
  }
  return {
    offer(candidate, now) {
      const known = keys.get(candidate.id);
      if (known === undefined) {
        remember(candidate, now);
        return { what: 'record', dropped: undefined };
      }
      // The last one wins: also over one that is held, if it says that nothing changed after all.
      const dropped = take(candidate.id, known);
      const since = now - known.at;
      const changed = bands === undefined || changes(known.body, candidate.body, bands);
      if (!changed && (maxInterval === 0 || since < maxInterval)) return { what: 'unchanged', dropped };
      if (since < minInterval && bytes + sizeOf(candidate) <= most.bytes) {
        known.held = candidate;
        holding.set(candidate.id, known);
        bytes += sizeOf(candidate);
        return { what: 'held', dropped };
      }
      remember(candidate, now);
      return { what: 'record', dropped };
    },
    due(now) {
      const out: T[] = [];
      for (const [id, known] of holding) if (now - known.at >= minInterval) out.push(recorded(id, known, now));
      return out;
    },
    next() {
      let least: number | undefined;
      for (const { at } of holding.values()) if (least === undefined || at + minInterval < least) least = at + minInterval;
      return least;
    },
    flush: () => [...holding].map(([id, known]) => take(id, known)!),
    forget(id) {
      const known = keys.get(id);
      if (known !== undefined && known.held === undefined) drop(id, known);
    },
    get held() {
      return holding.size;
    },
    get unwatched() {
      return unwatched;
    },
  };
}

/** Whether a body says something else than the one recorded last: a field came, went, or left its deadband. */
export function changes(before: { [field: string]: unknown }, after: { [field: string]: unknown }, bands: Map<string, Deadband>): boolean {
  const names = Object.keys(after);
  if (names.length !== Object.keys(before).length) return true;
  const others = bands.get('*');
  return names.some((name) => {
    if (!Object.hasOwn(before, name)) return true;
    const old = before[name], now = after[name];
    const band = bands.get(name) ?? others;
    if (band === undefined || typeof old !== 'number' || typeof now !== 'number') return !same(old, now);
    const difference = Math.abs(now - old), least = band.relative ? band.by * Math.abs(old) : band.by;
    // 20.2 - 20 is a little less than 0.2 in binary: what a person takes for the deadband itself is a change.
    return difference > 0 && difference >= least - Math.max(Math.abs(old), Math.abs(now)) * 4e-16;
  });
}

/** Whether two values are the same, bytes by what they hold, maps whatever the order of their keys. */
function same(a: unknown, b: unknown): boolean {
  if (a === b) return true;
  if (a === null || b === null || typeof a !== 'object' || typeof b !== 'object') return false;
  if (a instanceof Uint8Array || b instanceof Uint8Array) {
    return a instanceof Uint8Array && b instanceof Uint8Array && a.length === b.length && a.every((byte, i) => byte === b[i]);
  }
  if (Array.isArray(a) !== Array.isArray(b)) return false;
  const names = Object.keys(a);
  return names.length === Object.keys(b).length
    && names.every((name) => Object.hasOwn(b, name) && same((a as { [name: string]: unknown })[name], (b as { [name: string]: unknown })[name]));
}
