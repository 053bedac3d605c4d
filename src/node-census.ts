// What this node knows of each other one without asking anybody: when it was heard of, what of it is missing here, and what its newest segment says.
import type { Bytes, ClockQuality } from './ports.ts';
import type { Header } from './event/header.ts';
import type { Item } from './log/item.ts';
import type { Node } from './node.ts';
import { hex, unhex, utf8 } from './event/bytes.ts';
import { decode, encode } from './event/cbor.ts';
import { parseSegment } from './event/segment.ts';
import { soundGet } from './log/damage.ts';
import { HOLE, TIP } from './log/item.ts';
import { segmentFrom } from './log/place.ts';

/**
 * One node. Times are ms since 1970. `heard`: the last sign of life of it that came here, and by what (`events`, or what `hear` was told); `missing`: events that what is held names and that are not
 * held, `since`: when that was noticed; `last`: the newest time in its newest segment, `quality`: of its clock when it sealed that.
 */
export interface Trace { heard: { at: number; by: string } | null; missing: number; since: number | null; last: number | null; quality: ClockQuality | null; habit: Habit }

/** The pauses of a node between signs of life, the latest last; `began`: when the present spell of them did, `live`: whether this process has met it. */
interface Habit { pauses: number[]; began: number; live: boolean }

/** Signs of life that are closer together than this belong to one spell, ms; a spell this long is a habit by itself. */
const SPELL_MS = 60_000, LONG_SPELL_MS = 600_000;
/** The row of `meta` with habits, and how many it has at most: it fits a value. */
const HABITS = utf8('habits'), HABITS_MOST = 20_000;
/** Pauses that are remembered of each node. */
const PAUSES = 16;
/** A pause may be so many times as long as usual, and at least so long, before it is silence (at a broker an idle node shows itself every 10 minutes); and of nodes without a habit, ms. */
const PATIENCE = 3, LEAST_MS = 900_000, UNKNOWN_MS = 86_400_000;

/** How long a node may be quiet, and its habit (undefined: none is known). */
export function patienceWith({ pauses, began }: Habit, heardAt: number): { habit: number; patience: number } {
  const habit = Math.max(heardAt - began >= LONG_SPELL_MS ? SPELL_MS : 0, ...pauses);
  return habit === 0 ? { habit: UNKNOWN_MS, patience: UNKNOWN_MS } : { habit, patience: Math.max(LEAST_MS, PATIENCE * habit) };
}

/** Watches the frontier of a node. Bounded by the nodes and logs that the frontier names. */
export class Census {
  readonly #node: Node;
  readonly #traces = new Map<string, Trace>();
  /** Logs whose newest segment has not been looked at since it changed, in the order in which they did. */
  readonly #fresh = new Map<string, Item>();
  /** Nodes that have written in the stream that is watched, and when that came; null: it was there before. */
  readonly #wrote = new Map<string, number | null>();
  /** Hash of the habits as they were noted down. */
  #noted: string | undefined;
  readonly #watched: string;
  readonly #closed: () => void;
  readonly #stop: () => void;

  /** Counts what the frontier holds, and is told of its changes until `close`, or until the node closes; then `closed` is called. `watched`: the stream that `wrote` is about. */
  constructor(node: Node, watched: string, closed: () => void) {
    this.#node = node;
    this.#watched = watched;
    this.#closed = closed;
    this.#count([...node.archive.frontier.values()].flat(), []);
    // One's own are in the journal for a while, where nobody looks for segments.
    this.#stop = node.onSealed((segments) => { for (const { header } of segments) if (!header.stream.startsWith('$')) this.#take(hex(header.node), header); });
    node.parts.add(this);
  }

  /** What is known of a node (hex), if anything is. */
  trace(id: string): Readonly<Trace> | undefined { return this.#traces.get(id); }

  /** Nodes of which something is known. */
  get size(): number { return this.#traces.size; }

  tick(): undefined { return undefined; }

  changed({ removed, added }: { removed: Item[]; added: Item[] }): void {
    const now = this.#node.options.clock.now(), grown = new Set<string>();
    this.#count(added, removed);
    for (const item of added) {
      if (item.kind !== TIP) continue;
      grown.add(hex(item.node));
      if (item.stream === this.#watched) this.#wrote.set(hex(item.node), now);
    }
    for (const id of grown) this.hear(id, now, 'events');
  }

  close(): void {
    this.#stop();
    this.#node.parts.delete(this);
    this.#closed();
  }

  /** A sign of life of a node. `stored`: it was noted down by an earlier process, so the pause behind it says nothing of the node. */
  hear(id: string, at: number, by: string, stored = false): void {
    const trace = this.#of(id), { heard, habit } = trace;
    if (heard && heard.at >= at) {
      // What came in a bundle did so by itself as well.
      if (heard.by === 'events' && heard.at - at < SPELL_MS) heard.by = by;
      return;
    }
    if (!stored) {
      const pause = heard && habit.live ? at - heard.at : 0;
      if (pause >= SPELL_MS) {
        // What was an alarm must not become a habit at once: it may have been a fault.
        const { patience } = patienceWith(habit, heard!.at), known = habit.pauses.length > 0 || heard!.at - habit.began >= LONG_SPELL_MS;
        habit.pauses.push(known ? Math.min(pause, patience) : pause);
        if (habit.pauses.length > PAUSES) habit.pauses.shift();
      }
      if (!habit.live || pause >= SPELL_MS) habit.began = at;
      habit.live = true;
    }
    trace.heard = { at, by };
  }

  /** Takes up the habits that an earlier process noted down. Faults: those of the store, but for damage. */
  async recall(): Promise<void> {
    const row = await soundGet(this.#node.archive.store, 'meta', HABITS);
    if (!row) return;
    for (const [id, pause] of decode(row) as [Bytes, number][]) {
      const { habit } = this.#of(hex(id));
      if (!habit.pauses.length) habit.pauses.push(pause);
    }
    this.#noted = hex(this.#node.archive.crypto.sha256(row));
  }

  /** Notes down the habits of nodes that are often quiet for long, if they have changed: those of the others are soon known again. Faults: those of `Store.commit`. */
  async note(): Promise<void> {
    const rows: [Bytes, number][] = [];
    for (const [id, { habit }] of this.#traces) {
      const pause = Math.max(0, ...habit.pauses);
      if (pause >= LEAST_MS && rows.length < HABITS_MOST) rows.push([unhex(id), Math.trunc(pause)]);
    }
    const value = encode(rows), hash = hex(this.#node.archive.crypto.sha256(value));
    if (hash === this.#noted || (!rows.length && this.#noted === undefined)) return;
    this.#noted = hash;
    await this.#node.turn(() => this.#node.archive.store.commit([{ table: 'meta', key: HABITS, value }]));
  }

  #of(id: string): Trace {
    let trace = this.#traces.get(id);
    if (!trace) this.#traces.set(id, trace = { heard: null, missing: 0, since: null, last: null, quality: null, habit: { pauses: [], began: 0, live: false } });
    return trace;
  }

  #count(added: Item[], removed: Item[]): void {
    const holed = new Set<Trace>();
    for (const [items, sign] of [[removed, -1], [added, 1]] as const) {
      for (const { kind, node, from, to } of items) {
        if (kind !== HOLE) continue;
        const trace = this.#of(hex(node));
        trace.missing += sign * (to - from + 1);
        holed.add(trace);
      }
    }
    // A hole that became smaller is still the same hole.
    for (const trace of holed) trace.since = trace.missing === 0 ? null : trace.since ?? this.#node.options.clock.now();
    for (const item of added) {
      if (item.kind !== TIP || item.stream.startsWith('$')) continue;
      const log = hex(item.log), id = hex(item.node);
      this.#fresh.delete(log);
      this.#fresh.set(log, item);
      if (item.stream === this.#watched && !this.#wrote.has(id)) this.#wrote.set(id, null);
    }
  }

  /** Nodes (hex) of which something new came in the stream that is watched, and when; each is named once. */
  wrote(most: number): { id: string; at: number | null }[] {
    const turn = [...this.#wrote].slice(0, most).map(([id, at]) => ({ id, at }));
    for (const { id } of turn) this.#wrote.delete(id);
    return turn;
  }

  /** Looks at the newest segments of `most` logs that have changed; returns how many are left. What cannot be read says nothing. */
  async look(most: number): Promise<number> {
    const turn = [...this.#fresh].slice(0, most);
    for (const [log] of turn) this.#fresh.delete(log);
    await Promise.all(turn.map(([, item]) => this.#read(item).catch(() => undefined)));
    return this.#fresh.size;
  }

  async #read({ log, node, to }: { log: Bytes; node: Bytes; to: number }): Promise<void> {
    const [row] = await this.#node.archive.store.scan('segment', { gte: segmentFrom(log, 0), lt: segmentFrom(log, to + 1), reverse: true, limit: 1 });
    if (row) this.#take(hex(node), parseSegment(row.value).header);
  }

  #take(id: string, { timeMax, clock }: Pick<Header, 'timeMax' | 'clock'>): void {
    const trace = this.#of(id);
    if (trace.last !== null && timeMax < trace.last) return;
    trace.last = timeMax;
    trace.quality = clock.quality;
  }
}
