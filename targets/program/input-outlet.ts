// Where the events of one input go out to the log: gathered into batches per stream, waiting within bounds while they cannot be recorded.

import { codeOf } from '../../src/fault.ts';
import type { Appended, Draft } from './database.ts';

/** Events and bytes of one append at most. */
const BATCH_EVENTS = 256, BATCH_BYTES = 524_288;
/** Events and bytes that may wait before a source is asked to wait too. */
const ROOM_EVENTS = 1_024, ROOM_BYTES = 1_048_576;
/** Events and bytes that may wait of a source that cannot wait, while nothing can be recorded. */
const KEPT_EVENTS = 5_000, KEPT_BYTES = 2 * 1_048_576;
/** A failed append is tried again after this long, and after twice as long each time up to the most. An append that takes longer than `HANGS_MS` counts as one that fails. */
const RETRY_MS = 1_000, MOST_RETRY_MS = 30_000, HANGS_MS = 5_000;

/** One event on its way. */
export interface Outgoing {
  stream: string;
  draft: Draft;
  bytes: number;
  /** Told once how it ended: durable, refused by the log, or lost. */
  settle(became: 'recorded' | 'refused' | 'lost', code?: string, why?: string): void;
}

/** The way out for one input. */
export interface Outlet {
  /** Takes an event; never refuses one. Where too many wait of a source that cannot wait, the oldest is lost. */
  put(event: Outgoing): void;
  /** Resolves when there is room for more; undefined: there is. */
  room(): Promise<void> | undefined;
  /** Sends all that waits and can go. */
  flush(): void;
  /** Sends what is left, and resolves when all of it is settled or `ms` are over; then the rest counts as lost. Nothing waits for room any more. */
  close(ms: number): Promise<void>;
  /** Why nothing can be recorded at present. */
  trouble(): { code: string; why: string } | undefined;
  readonly waiting: number;
}

/** `append` as in the database. `prompt`: nothing is gathered first. `waits`: the source keeps what is not taken. `gather` is called when events begin to wait: `flush` is to follow soon. */
export interface OutletOptions {
  append(stream: string, drafts: Draft[], urgent: boolean): Promise<Appended>;
  urgent: boolean;
  prompt: boolean;
  waits: boolean;
  gather(): void;
}

interface Lane { stream: string; queue: Outgoing[]; flight: Outgoing[]; since: number }

/** Opens the way out. Events of one stream are recorded in the order in which they came, one append at a time. */
export function openOutlet(options: OutletOptions): Outlet {
  const { urgent, prompt, waits } = options;
  const lanes = new Map<string, Lane>();
  let waiting = 0, bytes = 0;
  let failure: { code: string; why: string } | undefined;
  let pause = 0, pausedUntil = 0;
  let retry: NodeJS.Timeout | undefined;
  let closing = false;
  let sleepers: (() => void)[] = [];
  let emptied = () => {};

  function send(lane: Lane): void {
    if (lane.flight.length > 0 || lane.queue.length === 0) return;
    if (performance.now() < pausedUntil && !closing) return;
    let count = 0;
    for (let size = 0; count < lane.queue.length && count < BATCH_EVENTS; count++) {
      size += lane.queue[count]!.bytes;
      if (size > BATCH_BYTES && count > 0) break;
    }
    const flight = lane.flight = lane.queue.splice(0, count);
    lane.since = performance.now();
    const drafts = flight.map(({ draft }) => draft);
    (async () => options.append(lane.stream, drafts, urgent))().then(({ rejected }) => landed(lane, rejected), (error: unknown) => failed(lane, error));
  }
  function landed(lane: Lane, rejected: Appended['rejected']): void {
    const { flight } = lane;
    lane.flight = [];
    failure = undefined;
    pause = pausedUntil = 0;
    const refused = new Map(rejected.map((each) => [each.index, each]));
    flight.forEach((event, index) => {
      leave(event);
      const no = refused.get(index);
      if (no === undefined) event.settle('recorded');
      else event.settle('refused', no.code, no.message);
    });
    wake();
    // Whatever came meanwhile and fills a batch, or is prompt, does not wait for the next round.
    if (lane.queue.length === 0) lanes.delete(lane.stream);
    else if (prompt || closing || lane.queue.length >= BATCH_EVENTS) send(lane);
    else options.gather();
    if (waiting === 0) emptied();
  }
  function failed(lane: Lane, error: unknown): void {
    lane.queue = lane.flight.concat(lane.queue);
    lane.flight = [];
    failure = { code: codeOf(error), why: error instanceof Error ? error.message : String(error) };
    pause = Math.min(Math.max(RETRY_MS, pause * 2), MOST_RETRY_MS);
    pausedUntil = performance.now() + pause;
    clearTimeout(retry);
    // At the end there is no later.
    if (closing) return giveUp(failure.why);
    retry = setTimeout(flush, pause + 1);
    if (!waits) {
      trim();
      wake();
    }
  }
  function leave(event: Outgoing): void {
    waiting--;
    bytes -= event.bytes;
  }
  /** The oldest go, of the stream of which most wait; what is being appended stays. */
  function trim(): void {
    while (waiting > KEPT_EVENTS || bytes > KEPT_BYTES) {
      let longest: Lane | undefined;
      for (const lane of lanes.values()) if (lane.queue.length > (longest?.queue.length ?? 0)) longest = lane;
      if (longest === undefined) return;
      // A part of them at a time: moving all others for each one would take its time.
      for (const event of longest.queue.splice(0, Math.max(1, longest.queue.length >> 6))) lose(event, trouble()?.why ?? 'too many wait');
    }
  }
  function lose(event: Outgoing, why: string): void {
    leave(event);
    event.settle('lost', failure?.code ?? 'busy', why);
  }
  function giveUp(why: string): void {
    for (const lane of lanes.values()) for (const event of lane.queue.splice(0)) lose(event, why);
    wake();
    if (waiting === 0) emptied();
  }
  function flush(): void {
    for (const lane of lanes.values()) send(lane);
  }
  function trouble(): { code: string; why: string } | undefined {
    if (failure !== undefined) return failure;
    const now = performance.now();
    for (const { flight, since } of lanes.values()) if (flight.length > 0 && now - since > HANGS_MS) return { code: 'timeout', why: `the disk has not answered for ${Math.round((now - since) / 1_000)} s` };
    return undefined;
  }
  const full = () => waiting >= ROOM_EVENTS || bytes >= ROOM_BYTES;
  function wake(): void {
    if (full() && waits && !closing) return;
    if (full() && !closing && trouble() === undefined) return;
    const woken = sleepers;
    sleepers = [];
    for (const each of woken) each();
  }
  return {
    put(event) {
      let lane = lanes.get(event.stream);
      if (lane === undefined) lanes.set(event.stream, lane = { stream: event.stream, queue: [], flight: [], since: 0 });
      lane.queue.push(event);
      waiting++;
      bytes += event.bytes;
      if (prompt || closing || lane.queue.length >= BATCH_EVENTS) send(lane);
      else if (lane.queue.length === 1) options.gather();
      if (!waits && full() && trouble() !== undefined) trim();
    },
    room() {
      if (!full() || closing || (!waits && trouble() !== undefined)) return undefined;
      return new Promise((resolve) => {
        sleepers.push(resolve);
        // A disk that hangs says nothing: then there is trouble, which wakes whoever cannot wait.
        if (!waits) setTimeout(wake, HANGS_MS + 100).unref();
      });
    },
    flush,
    async close(ms) {
      closing = true;
      clearTimeout(retry);
      wake();
      const end = new Promise<void>((resolve) => (emptied = resolve));
      flush();
      if (waiting === 0) return;
      const timer = setTimeout(() => {
        giveUp('the node stopped before it could be recorded');
        // What is being appended may still become durable: nobody can say.
        for (const lane of lanes.values()) for (const event of lane.flight.splice(0)) lose(event, 'the node stopped before it was known to be recorded');
        emptied();
      }, ms);
      await end;
      clearTimeout(timer);
    },
    trouble,
    get waiting() {
      return waiting;
    },
  };
}
