// What becomes of the readings of one input: mapped, left out where nothing changed, sent to the log, counted, and sampled where they cannot be used.

import type { Draft, InputReport } from './database.ts';
import type { Became, InputContext, Reading } from './input.ts';
import { watchChanges, type Candidate, type ChangeRules } from './input-change.ts';
import type { Mapped, Mapping } from './input-mapping.ts';
import type { Outlet } from './input-outlet.ts';
import { sampleKeeper } from './input-sample.ts';

/** Milliseconds that one input may keep the event loop before others have their turn. */
const TURN_MS = 5;
const NOW = Promise.resolve();

/** A reading that can be an event, on its way. */
interface Passing extends Candidate { mapped: Mapped; reading: Reading | undefined }

export interface IntakeOptions {
  name: string;
  kind: string;
  mapping: Mapping;
  rules: ChangeRules;
  outlet: Outlet;
  signal: AbortSignal;
  /** Milliseconds since 1970. */
  now(): number;
  /** Tells people: readings are being lost, or no longer. */
  notice(text: string): void;
}

/** One input's door. */
export interface Intake {
  context: InputContext;
  /** `accepted` = `recorded` + `unchanged` + `lost` + `waiting`; `refused` are apart. */
  report(): InputReport;
  /** How the input itself is, when it is not the input that says so. */
  state(ok: boolean, words: string): void;
  /** Sends what is held for its interval; the node is about to stop. */
  flush(): void;
  /** Nothing is taken from now on. */
  close(): void;
}

/** Opens the door for one input. */
export function openIntake(options: IntakeOptions): Intake {
  const { name, kind, mapping, outlet, signal } = options;
  const samples = sampleKeeper();
  const watch = watchChanges<Passing>(options.rules);
  let accepted = 0, recorded = 0, unchanged = 0, refused = 0, lost = 0, last = 0;
  let lostWhy = '', losing = false;
  let source = { ok: true, words: 'starting' };
  let closed = false;
  let turn = performance.now();
  let timer: NodeJS.Timeout | undefined;

  function refuse(code: string, reason: string, raw: string | Uint8Array): void {
    refused++;
    last = options.now();
    samples.keep(last, code, reason, raw);
  }
  function tell(reading: Reading | undefined, became: Became, why?: string, code?: string): void {
    reading?.done?.(became, why, code);
  }
  function send({ id, mapped, reading }: Passing): void {
    const { key, type, time, body } = mapped;
    const draft: Draft = { key, type, time, body };
    outlet.put({
      stream: mapped.stream, draft, bytes: mapped.bytes,
      settle(became, code, why) {
        switch (became) {
          case 'recorded':
            recorded++;
            losing = false;
            return tell(reading, 'recorded');
          case 'refused':
            accepted--;
            refuse(code!, why!, reading?.raw ?? JSON.stringify(body));
            watch?.forget(id);
            return tell(reading, 'refused', why, code);
          case 'lost':
            lost++;
            lostWhy = why!;
            watch?.forget(id);
            if (!losing && !closed) options.notice(`input ${name} loses readings: ${why}`);
            losing = true;
            return tell(reading, 'lost', why, code);
        }
      },
    });
  }
  /** What is held comes out when its interval is over. */
  function wait(): void {
    const next = timer === undefined && !closed ? watch?.next() : undefined;
    if (next === undefined) return;
    timer = setTimeout(() => {
      timer = undefined;
      for (const each of watch!.due(performance.now())) send(each);
      wait();
    }, Math.max(10, Math.min(next - performance.now() + 1, 86_400_000)));
  }
  function take(reading: Reading): void {
    const now = options.now();
    const mapped = mapping(reading, now);
    if ('reason' in mapped) {
      refuse(mapped.code, mapped.reason, reading.raw);
      return tell(reading, 'refused', mapped.reason, mapped.code);
    }
    accepted++;
    last = now;
    const passing: Passing = { id: '', body: mapped.body, bytes: mapped.bytes, mapped, reading };
    if (watch === undefined) return send(passing);
    passing.id = `${mapped.stream}\0${mapped.type}\0${mapped.key}`;
    const { what, dropped } = watch.offer(passing, performance.now());
    if (dropped !== undefined) unchanged++;
    if (what === 'record') return send(passing);
    if (what === 'unchanged') unchanged++;
    else {
      passing.reading = undefined;
      wait();
    }
    tell(reading, 'unchanged');
  }
  const context: InputContext = {
    accept(reading) {
      if (closed) {
        tell(reading, 'lost', 'the node stopped', 'closed');
        return NOW;
      }
      take(reading);
      const full = outlet.room();
      if (full !== undefined) return full;
      // A source that never runs dry must leave room for timers, sockets and other inputs.
      if (performance.now() - turn < TURN_MS) return NOW;
      return new Promise((resolve) => setImmediate(() => {
        turn = performance.now();
        resolve();
      }));
    },
    refuse(code, reason, raw) {
      if (!closed) refuse(code, reason, raw);
    },
    state(ok, words) {
      source = { ok, words };
    },
    signal,
  };
  return {
    context,
    report() {
      const trouble = outlet.trouble();
      const waiting = outlet.waiting + (watch?.held ?? 0);
      const unwatched = watch?.unwatched ?? 0;
      return {
        name, kind,
        ok: source.ok && trouble === undefined,
        words: trouble !== undefined ? `${waiting} readings wait to be recorded: ${trouble.why}`
          : `${source.words}${unwatched === 0 ? '' : ` (${unwatched} readings were recorded though they may not have changed: there are too many keys to watch)`}`,
        accepted, recorded, unchanged, lost, waiting, refused, last: last === 0 ? null : last, lostWhy, samples: samples.list(),
      };
    },
    state: (ok, words) => context.state(ok, words),
    flush() {
      clearTimeout(timer);
      for (const each of watch?.flush() ?? []) send(each);
    },
    close() {
      closed = true;
      clearTimeout(timer);
    },
  };
}
