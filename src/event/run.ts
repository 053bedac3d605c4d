// A run: consecutive events of one log, their canonical bytes one after the other in one buffer.
import { Fault } from '../fault.ts';
import { EVENT_BYTES, GROUP_EVENTS } from '../limits.ts';
import type { Bytes } from '../ports.ts';
import { concat } from './bytes.ts';
import type { EventFields } from './event.ts';
import { appendEvent, skimEvent } from './event.ts';
import { Reader } from './reader.ts';
import type { Stamp } from './stamp.ts';
import { stampFollows } from './stamp.ts';
import { Writer, written } from './writer.ts';

/** What `takeBehind` leaves for a head. */
const HEAD_BYTES = 256;

/** Event i is bytes `ends[i-1]` (0 for the first) to `ends[i]`. */
export interface Run { bytes: Bytes; ends: Uint32Array }

/** Where event `i` of a run starts. */
export function startOf(run: Run, i: number): number {
  return i === 0 ? 0 : run.ends[i - 1]!;
}

/** Event `i` of a run, as a view. */
export function eventAt(run: Run, i: number): Bytes {
  return run.bytes.subarray(startOf(run, i), run.ends[i]!);
}

/** Events `from` (included) to `to` (excluded), bytes as a view. */
export function sliceRun(run: Run, from: number, to: number): Run {
  const start = startOf(run, from);
  const ends = run.ends.slice(from, to);
  for (let i = 0; i < ends.length; i++) ends[i]! -= start;
  return { bytes: run.bytes.subarray(start, to === 0 ? 0 : run.ends[to - 1]!), ends };
}

/** Several runs as one; copies. */
export function joinRuns(runs: Run[]): Run {
  const ends = new Uint32Array(runs.reduce((n, run) => n + run.ends.length, 0));
  let at = 0, offset = 0;
  for (const run of runs) {
    for (let i = 0; i < run.ends.length; i++) ends[at++] = offset + run.ends[i]!;
    offset += run.bytes.length;
  }
  return { bytes: concat(...runs.map((run) => run.bytes)), ends };
}

/** A run of canonical events; copies. */
export function runOf(events: Bytes[]): Run {
  const ends = new Uint32Array(events.length);
  let end = 0;
  for (let i = 0; i < events.length; i++) ends[i] = end += events[i]!.length;
  return { bytes: concat(...events), ends };
}

/** Collects events into one buffer, which is used again after each `take`. */
export class RunBuilder {
  #w: Writer;
  #ends: Uint32Array;
  #count = 0;

  constructor(capacity = 16_384) {
    this.#w = new Writer(capacity);
    this.#ends = new Uint32Array(256);
  }

  /** Events so far. */
  get count(): number {
    return this.#count;
  }

  /** Bytes so far. */
  get size(): number {
    return this.#w.at;
  }

  /** Adds an event and returns its length in bytes. Faults as `appendEvent`; the builder is then unchanged. */
  add(e: EventFields): number {
    const n = appendEvent(this.#w, e);
    this.#end();
    return n;
  }

  /** Adds the bytes of a canonical event. */
  addBytes(event: Bytes): void {
    this.#w.raw(event);
    this.#end();
  }

  /** Forgets all events from number `count` on (0: all of them). */
  cut(count: number): void {
    if (count > this.#count) throw new Fault('bad-argument', `cannot cut ${this.#count} events to ${count}`);
    this.#w.at = count === 0 ? 0 : this.#ends[count - 1]!;
    this.#count = count;
  }

  /** The event added last, as a view that the next call of `add` invalidates. */
  last(): Bytes {
    return this.#w.buffer.subarray(this.#count > 1 ? this.#ends[this.#count - 2]! : 0, this.#w.at);
  }

  /** A copy of all events; the builder goes on. */
  run(): Run {
    return { bytes: this.#w.copy(), ends: this.#ends.slice(0, this.#count) };
  }

  /** A copy of all events; the builder is empty afterwards. */
  take(): Run {
    const run = this.run();
    this.cut(0);
    return run;
  }

  /** As `take`, with the events behind what `head` writes about so many bytes of them: `whole` is both in one array, in which the run's bytes are a view. */
  takeBehind(head: (w: Writer, bytes: number) => void): { whole: Bytes; run: Run } {
    const bytes = this.#w.at;
    const whole = written(bytes + HEAD_BYTES, (w) => {
      head(w, bytes);
      w.raw(this.#w.buffer.subarray(0, bytes));
    });
    const run = { bytes: whole.subarray(whole.length - bytes), ends: this.#ends.slice(0, this.#count) };
    this.cut(0);
    return { whole, run };
  }

  #end(): void {
    if (this.#count === this.#ends.length) {
      const grown = new Uint32Array(2 * this.#count);
      grown.set(this.#ends);
      this.#ends = grown;
    }
    this.#ends[this.#count++] = this.#w.at;
  }
}

/** What a header says about the events of a run. Fault `bad-segment` when stamps do not rise, or a group of joined events is too large or runs past the end;
 * with `whole` keys, types and bodies are checked too (Faults of `checkEvent`). */
export function surveyRun(run: Run, whole: boolean): { stampFirst: Stamp; stampLast: Stamp; timeMin: number; timeMax: number } {
  const { bytes, ends } = run, reader = new Reader(bytes);
  let stampFirst: Stamp | undefined, stampLast: Stamp | undefined, timeMin = Infinity, timeMax = -Infinity, start = 0, group = 0, groupStart = 0;
  for (let i = 0; i < ends.length; i++) {
    const end = ends[i]!;
    reader.at = start;
    reader.end = end;
    const event = skimEvent(reader, whole);
    if (stampLast !== undefined && !stampFollows(stampLast, event.stamp)) throw new Fault('bad-segment', 'The stamps of a log rise.');
    stampFirst ??= event.stamp;
    stampLast = event.stamp;
    if (event.time < timeMin) timeMin = event.time;
    if (event.time > timeMax) timeMax = event.time;
    group++;
    if (group > GROUP_EVENTS) throw new Fault('bad-segment', `A group has at most ${GROUP_EVENTS} events.`);
    if (end - groupStart > EVENT_BYTES) throw new Fault('bad-segment', `A group has at most ${EVENT_BYTES} bytes.`);
    if (!event.joined) {
      group = 0;
      groupStart = end;
    }
    start = end;
  }
  if (stampFirst === undefined || stampLast === undefined) throw new Fault('bad-segment', 'A segment has at least one event.');
  if (group !== 0) throw new Fault('bad-segment', 'A group of joined events runs past the end of its segment.');
  return { stampFirst, stampLast, timeMin, timeMax };
}
