// The picture of the fleet as clients have it: versions of each part, so that what has changed since a version is told, and nothing else.

import { randomBytes } from 'node:crypto';
import type { AlarmRow, LinkRow, NodeRow } from '../program/fleet-rows.ts';
import type { FleetNow, StreamRow } from '../program/http-hub.ts';
import type { Worry } from '../program/database.ts';
import type { Rates } from './rates.ts';

/** How many nodes there are of each sort. */
export interface Counts { nodes: number; members: number; revoked: number; unknown: number; contact: number; silent: number; lacking: number; behind: number; quarantined: number; alarms: number }

/** A stream with its samples. */
export type StreamShown = StreamRow & { rate: readonly number[] };

/** What has changed; of nodes only the fields that have. */
export interface Patch {
  version: string; now: number; counts: Counts; nodes?: (Partial<NodeRow> & Pick<NodeRow, 'node'>)[]; streams?: StreamShown[]; alarms?: AlarmRow[]; listening?: string[]; links?: LinkRow[]; worries?: Worry[];
}

/** How often it is made anew at most, ms; longer where making it takes more than this part of the time, but not that long. */
const FRESH_MS = 1_000, SHARE = 0.05, STALE_MS = 5_000;
/** Rows of nodes, and of streams, a second of which it is told that something in them merely went on; and the least time between two such words of one row, ms. */
const NODES_A_SECOND = 50, STREAMS_A_SECOND = 20, PACE_MS = 2_000;
/** Seconds for which that may be saved up, while nobody asks. */
const MOST_S = 30;
/** Rows of one patch: beyond that it is quicker to ask anew. */
const PATCH_ROWS = 2_000;
/** Streams and links that are shown. */
const STREAMS = 200, LINKS = 200;
/** How often it is told what links carry, ms. */
const LINKS_MS = 5_000;

const FIELDS = ['name', 'state', 'admin', 'relay', 'self', 'contact', 'links', 'lacks', 'behind', 'last', 'clock', 'disk', 'version', 'quarantine', 'alarms', 'silent'] as const satisfies (keyof NodeRow)[];

/** A row as it was told last, the version of each of its fields, and when it was last told. */
interface Told<T> { row: T; at: number; version: number; fields: Float64Array }

const LISTS = ['alarms', 'listening', 'links', 'worries'] as const;

/** The picture; made when somebody asks, at most so often. */
export class Picture {
  readonly #source: () => Promise<FleetNow>;
  readonly #rates: Rates;
  /** Another one with each process: versions of one say nothing to another. */
  readonly #epoch = randomBytes(5).toString('hex');
  readonly #nodes = new Map<string, Told<NodeRow>>();
  readonly #streams = new Map<string, { row: StreamShown; at: number; version: number }>();
  readonly #lists = new Map<(typeof LISTS)[number], { text: string; version: number }>();
  readonly #waiting = new Set<() => void>();
  #order: string[] = [];
  #version = 0;
  #goneAt = 0;
  #now: FleetNow | undefined;
  #counts = '';
  #linksAt = -Infinity;
  #made = { at: -Infinity, wait: 0 };
  #making: Promise<FleetNow> | undefined;
  #ticking: NodeJS.Timeout | undefined;

  constructor(source: () => Promise<FleetNow>, rates: Rates) {
    this.#source = source;
    this.#rates = rates;
  }

  get version(): string { return `${this.#epoch}.${this.#version}`; }
  get counts(): Counts { return JSON.parse(this.#counts) as Counts; }

  /** The picture as it is told; what changed within the last second may be missing. Faults: those of the source. */
  current(): Promise<FleetNow> {
    if (this.#now !== undefined && performance.now() - this.#made.at < this.#made.wait) return Promise.resolve(this.#now);
    return this.#making ??= this.#make().finally(() => { this.#making = undefined; });
  }

  async #make(): Promise<FleetNow> {
    const began = performance.now(), next = await this.#source(), moment = performance.now(), version = this.#version + 1;
    let changed = this.#takeNodes(next.nodes, version, moment);
    changed = this.#takeStreams(next.streams, version, moment) || changed;
    const links = shownLinks(next.links);
    // That they are there is told at once; what they carry, less often.
    if (this.#now === undefined || moment - this.#linksAt > LINKS_MS || bare(links) !== bare(this.#now.links)) this.#linksAt = moment;
    next.links = this.#linksAt === moment ? links : this.#now!.links;
    for (const name of LISTS) {
      const text = JSON.stringify(next[name]);
      if (this.#lists.get(name)?.text === text) continue;
      this.#lists.set(name, { text, version });
      changed = true;
    }
    const counts = JSON.stringify(countsOf(this.#order.map((id) => this.#nodes.get(id)!.row), next.alarmCount));
    changed ||= counts !== this.#counts;
    this.#counts = counts;
    if (changed) this.#version = version;
    this.#now = { ...next, nodes: this.#order.map((id) => this.#nodes.get(id)!.row), streams: [...this.#streams.values()].map(({ row }) => row) };
    this.#made = { at: performance.now(), wait: Math.min(STALE_MS, Math.max(FRESH_MS, (performance.now() - began) / SHARE)) };
    if (changed) for (const wake of [...this.#waiting]) wake();
    return this.#now;
  }

  #takeNodes(rows: NodeRow[], version: number, moment: number): boolean {
    const going: { before: Told<NodeRow>; row: NodeRow; fields: (typeof FIELDS)[number][] }[] = [];
    let changed = false;
    const tell = ({ before, row, fields }: (typeof going)[number]): void => {
      for (const name of fields) before.fields[FIELDS.indexOf(name)] = version;
      Object.assign(before, { row, at: moment, version });
      changed = true;
    };
    for (const row of rows) {
      const before = this.#nodes.get(row.node);
      if (before === undefined) {
        this.#nodes.set(row.node, { row, at: moment, version, fields: new Float64Array(FIELDS.length).fill(version) });
        changed = true;
        continue;
      }
      const fields = FIELDS.filter((name) => !same(row[name], before.row[name]));
      if (fields.length === 0) continue;
      if (!fields.every((name) => goesOn(name, row, before.row))) tell({ before, row, fields });
      else if (moment - before.at >= PACE_MS) going.push({ before, row, fields });
    }
    // Those first of which it was told longest ago.
    const most = Math.ceil(NODES_A_SECOND * Math.min(MOST_S, (moment - this.#made.at) / 1_000));
    for (const one of going.length <= most ? going : going.sort((x, y) => x.before.at - y.before.at).slice(0, most)) tell(one);
    const order = rows.map(({ node }) => node);
    if (order.length !== this.#order.length || order.some((id, i) => id !== this.#order[i])) {
      const here = new Set(order);
      for (const id of this.#nodes.keys()) {
        if (here.has(id)) continue;
        // A stranger whose quarantine was emptied: a patch cannot say that.
        this.#nodes.delete(id);
        this.#goneAt = version;
      }
      this.#order = order;
      changed = true;
    }
    return changed;
  }

  #takeStreams(rows: StreamRow[], version: number, moment: number): boolean {
    const shown = rows.length <= STREAMS ? rows : [...rows].sort((a, b) => b.events - a.events).slice(0, STREAMS), pace = Math.max(PACE_MS, shown.length * 1_000 / STREAMS_A_SECOND);
    let changed = false;
    for (const stream of shown) {
      const row = { ...stream, rate: [...this.#rates.of(stream.stream)] }, before = this.#streams.get(stream.stream);
      if (before !== undefined && (moment - before.at < pace || same(row, before.row))) continue;
      this.#streams.set(stream.stream, { row, at: moment, version });
      changed = true;
    }
    if (this.#streams.size > shown.length) {
      const names = new Set(shown.map(({ stream }) => stream));
      for (const name of this.#streams.keys()) if (!names.has(name)) this.#streams.delete(name);
      this.#goneAt = version;
      changed = true;
    }
    return changed;
  }

  /** What has changed since a version; undefined when there is no way from there. Call after `current`. */
  since(from: string): Patch | undefined {
    const [epoch, number] = from.split('.'), base = Number(number);
    if (this.#now === undefined || epoch !== this.#epoch || !/^\d{1,15}$/.test(number ?? '') || base > this.#version || base < this.#goneAt) return undefined;
    const patch: Patch = { version: this.version, now: this.#now.now, counts: this.counts }, nodes: NonNullable<Patch['nodes']> = [];
    for (const { row, version, fields } of this.#nodes.values()) {
      if (version <= base) continue;
      if (nodes.length >= PATCH_ROWS) return undefined;
      nodes.push({ node: row.node, ...Object.fromEntries(FIELDS.filter((_, i) => fields[i]! > base).map((name) => [name, row[name]])) });
    }
    if (nodes.length > 0) patch.nodes = nodes;
    const streams = [...this.#streams.values()].filter(({ version }) => version > base).map(({ row }) => row);
    if (streams.length > 0) patch.streams = streams;
    for (const name of LISTS) if ((this.#lists.get(name)?.version ?? 0) > base) Object.assign(patch, { [name]: this.#now[name] });
    return patch;
  }

  /** Patches from a version on, the first at once; ends with `reload` where there is no way on, and with `signal`. Faults: those of the source. */
  async *follow(from: string | undefined, signal: AbortSignal): AsyncGenerator<Patch | 'reload'> {
    await this.current();
    let at = from ?? this.version;
    this.#tick(1);
    try {
      for (let first = true; !signal.aborted; first = false) {
        if (first || at !== this.version) {
          const patch = this.since(at);
          yield patch ?? 'reload';
          if (patch === undefined) return;
          at = patch.version;
        }
        if (at === this.version) await this.#change(signal);
      }
    } finally {
      this.#tick(-1);
    }
  }

  #change(signal: AbortSignal): Promise<void> {
    return new Promise((resolve) => {
      const wake = (): void => {
        this.#waiting.delete(wake);
        signal.removeEventListener('abort', wake);
        resolve();
      };
      this.#waiting.add(wake);
      signal.addEventListener('abort', wake);
      if (signal.aborted) wake();
    });
  }

  #following = 0;
  /** While somebody follows, the picture is made anew by itself. */
  #tick(change: number): void {
    this.#following += change;
    if (this.#following > 0) this.#ticking ??= setInterval(() => { this.current().catch(() => {}); }, FRESH_MS).unref();
    else {
      clearInterval(this.#ticking);
      this.#ticking = undefined;
    }
  }
}

/** Whether a field merely went on: that can wait for a moment. */
function goesOn(name: (typeof FIELDS)[number], now: NodeRow, before: NodeRow): boolean {
  switch (name) {
    case 'last': return now.last !== null && before.last !== null;
    case 'disk': return now.disk !== null && before.disk !== null;
    case 'lacks': return now.lacks !== null && before.lacks !== null;
    case 'silent': return now.silent !== null && before.silent !== null;
    case 'behind': return now.behind !== null && before.behind !== null;
    case 'contact': return now.contact !== null && now.contact.state === before.contact?.state && now.contact.by === before.contact.by;
    case 'clock': return now.clock !== null && now.clock.quality === before.clock?.quality && (now.clock.offset === null) === (before.clock.offset === null);
    case 'links': return same(now.links.map((each) => ({ ...each, rate: null, level: null })), before.links.map((each) => ({ ...each, rate: null, level: null })));
    default: return false;
  }
}

/** The links that are shown, those first that are connected. */
function shownLinks(links: LinkRow[]): LinkRow[] {
  return links.length <= LINKS ? links : [...links].sort((a, b) => Number(b.state === 'connected') - Number(a.state === 'connected')).slice(0, LINKS);
}

/** Links without what they carried. */
function bare(links: LinkRow[]): string {
  return JSON.stringify(links.map(({ url, state, resting, node, name, reason, broker }) => [url, state, resting, node, name, reason, broker?.members, broker?.equal]));
}

function countsOf(rows: NodeRow[], alarms: number): Counts {
  const count = (test: (row: NodeRow) => boolean): number => rows.reduce((sum, row) => sum + Number(test(row)), 0);
  return {
    nodes: rows.length, members: count(({ state }) => state === 'member'), revoked: count(({ state }) => state === 'revoked'), unknown: count(({ state }) => state === 'unknown'),
    contact: count(({ contact }) => contact !== null && contact.state !== 'past'), silent: count(({ silent }) => silent !== null), lacking: count(({ lacks }) => lacks !== null && lacks.events > 0),
    behind: count(({ behind }) => behind !== null), quarantined: count(({ quarantine }) => quarantine !== null), alarms,
  };
}

/** Whether two plain values say the same. */
function same(a: unknown, b: unknown): boolean {
  if (a === b) return true;
  if (a === null || b === null || typeof a !== 'object' || typeof b !== 'object') return false;
  const names = Object.keys(a);
  return names.length === Object.keys(b).length && names.every((name) => same((a as { [name: string]: unknown })[name], (b as { [name: string]: unknown })[name]));
}
