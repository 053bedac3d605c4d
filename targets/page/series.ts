// The numbers in a key's history: which fields there are, and as many of their points as a chart can show, thinned so that no high and no low is lost.

/** One event as far as a chart needs it: when it happened, and the value of each field, by its place in `fields`. */
interface Point { time: number; values: (number | undefined)[] }

/** What a span of time holds of one field: real points, each of which may stand for many. */
interface Picks { first: Point; last: Point; low: Point; high: Point }

/** The points of some fields, gathered in any order. */
export interface Series {
  /** Names of the numeric fields that were met, in order of first appearance. Empty text: the body itself. */
  readonly fields: readonly string[];
  /** Of each field: whether it says yes or no, and whether it was ever another than at first. */
  readonly flags: readonly boolean[];
  readonly moved: readonly boolean[];
  /** Events that were added, and how many of them are left as points. */
  readonly events: number;
  add(time: number, body: unknown): void;
  /**
   * The points in order of time: `x` in seconds since 1970, `y` for each field; null breaks the line where nothing came for far longer than usual, undefined is an event without that field.
   * `thinned`: some points stand for others; `gapMs`: from which silence on the line is broken.
   */
  columns(): { x: number[]; y: (number | null | undefined)[][]; thinned: boolean; gapMs: number };
}

/** Spans of time that are kept at most; each keeps the first, last, lowest and highest point of each field, which draws the same line as all of them. */
const SPANS = 1_200;
/** Fields that are told apart, and how deep in a body they are looked for. */
const FIELDS = 24, DEEP = 3;
/** Members of a list that count as fields of their own; longer lists are left out. */
const LISTED = 4;
/** A silence breaks the line when it is so many times the usual distance of events. */
const SILENT = 6;
/** Distances that the usual one is judged by. */
const SAMPLES = 4_000;

/** The numbers of a body by the names of their fields: nested names are joined by dots, yes and no count as 1 and 0. */
export function numbersOf(body: unknown, tell: (name: string, value: number, flag: boolean) => void, name = '', deep = 0): void {
  if (typeof body === 'number') { if (Number.isFinite(body)) tell(name, body, false); }
  else if (typeof body === 'boolean') tell(name, Number(body), true);
  else if (Array.isArray(body)) { if (body.length <= LISTED && deep < DEEP) body.forEach((value, at) => numbersOf(value, tell, `${name}[${at}]`, deep + 1)); }
  else if (body !== null && typeof body === 'object' && deep < DEEP && !('$bytes' in body)) {
    for (const [each, value] of Object.entries(body)) numbersOf(value, tell, name === '' ? each : `${name}.${each}`, deep + 1);
  }
}

/** Begins to gather. */
export function createSeries(): Series {
  const fields: string[] = [], flags: boolean[] = [], moved: boolean[] = [], firsts: number[] = [], places = new Map<string, number>();
  let spans = new Map<number, (Picks | undefined)[]>();
  let width = 1, events = 0, thinned = false, before: number | undefined;
  const distances: number[] = [];

  const put = (into: Map<number, (Picks | undefined)[]>, place: number, at: number, point: Point): void => {
    let picks = into.get(at);
    if (picks === undefined) into.set(at, picks = []);
    const own = picks[place], value = point.values[place]!;
    if (own === undefined) { picks[place] = { first: point, last: point, low: point, high: point }; return; }
    thinned ||= new Set([own.first, own.last, own.low, own.high, point]).size > 4;
    if (point.time < own.first.time) own.first = point;
    if (point.time >= own.last.time) own.last = point;
    if (value < own.low.values[place]!) own.low = point;
    if (value > own.high.values[place]!) own.high = point;
  };
  const coarser = (): void => {
    width *= 2;
    const wider = new Map<number, (Picks | undefined)[]>();
    for (const picks of spans.values()) {
      picks.forEach((own, place) => { if (own !== undefined) for (const point of new Set([own.first, own.low, own.high, own.last])) put(wider, place, Math.floor(point.time / width), point); });
    }
    spans = wider;
  };

  return {
    fields, flags, moved,
    get events() { return events; },
    add(time, body) {
      const point: Point = { time, values: [] };
      numbersOf(body, (name, value, flag) => {
        let place = places.get(name);
        if (place === undefined) {
          if (fields.length >= FIELDS) return;
          places.set(name, place = fields.length);
          fields.push(name);
          flags.push(flag);
          moved.push(false);
          firsts.push(value);
        }
        flags[place] &&= flag;
        moved[place] ||= value !== firsts[place];
        point.values[place] = value;
      });
      events++;
      if (before !== undefined && distances.length < SAMPLES && time !== before) distances.push(Math.abs(time - before));
      before = time;
      point.values.forEach((_, place) => put(spans, place, Math.floor(time / width), point));
      while (spans.size > SPANS) coarser();
    },
    columns() {
      const chosen = new Set<Point>();
      for (const picks of spans.values()) for (const own of picks) if (own !== undefined) for (const point of [own.first, own.low, own.high, own.last]) chosen.add(point);
      const points = [...chosen].sort((a, b) => a.time - b.time);
      const sorted = distances.slice().sort((a, b) => a - b);
      const gapMs = Math.max(2_000, (sorted[sorted.length >> 1] ?? 0) * SILENT, width);
      const x: number[] = [], y: (number | null | undefined)[][] = fields.map(() => []);
      let last: number | undefined;
      for (const { time, values } of points) {
        if (last !== undefined && time - last > gapMs) {
          x.push((last + (time - last) / 2) / 1000);
          for (const column of y) column.push(null);
        }
        last = time;
        x.push(time / 1000);
        y.forEach((column, place) => column.push(values[place]));
      }
      return { x, y, thinned, gapMs };
    },
  };
}

/** A span of time in words and numbers, for those who read a table rather than a chart. */
export interface Row { from: number; to: number; count: number; low: number; high: number; last: number }

/** The points of one column in at most `rows` rows; each point has its own where there are few. */
export function tabled(x: readonly number[], column: readonly (number | null | undefined)[], rows: number): Row[] {
  const found: Row[] = [];
  const points = x.map((at, i) => [at * 1000, column[i]] as const).filter((each): each is readonly [number, number] => typeof each[1] === 'number');
  const step = Math.max(1, Math.ceil(points.length / rows));
  for (let i = 0; i < points.length; i += step) {
    const some = points.slice(i, i + step), values = some.map(([, value]) => value);
    found.push({ from: some[0]![0], to: some.at(-1)![0], count: some.length, low: Math.min(...values), high: Math.max(...values), last: values.at(-1)! });
  }
  return found.reverse();
}
