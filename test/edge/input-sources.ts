// Inputs for tests: sources that a test drives, a log that it can make fail, and a context that writes down what it is told.

import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parse } from 'smol-toml';
import { Fault } from '../../src/fault.ts';
import type { Appended, Draft } from '../../targets/program/database.ts';
import type { Became, InputKind, NodeContext, Reading } from '../../targets/program/input.ts';
import { INPUT_KINDS } from '../../targets/program/input-kinds.ts';
import { inputMemory } from '../../targets/program/input-memory.ts';
import { startInputs, type Inputs } from '../../targets/program/input-runner.ts';
import { parseInputs } from '../../targets/program/input-settings.ts';

const folders: string[] = [];
process.on('exit', () => { for (const folder of folders) rmSync(folder, { recursive: true, force: true }); });

/** A new empty folder, removed when the test ends. */
export function folder(): string {
  const made = mkdtempSync(join(tmpdir(), 'holdfast-input-'));
  folders.push(made);
  return made;
}

/** Waits until something holds; fails after a while. */
export async function until(holds: () => boolean, what = holds.toString()): Promise<void> {
  for (const end = performance.now() + 20_000; !holds();) {
    if (performance.now() > end) throw new Error(`still not: ${what}`);
    await pause(5);
  }
}

export function pause(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}

/** A log in memory. `fail`: what each append throws; `hang`: appends wait until it is false; `reject`: which drafts it refuses. */
export interface FakeLog {
  append(stream: string, drafts: Draft[], urgent: boolean): Promise<Appended>;
  batches: { stream: string; drafts: Draft[]; urgent: boolean }[];
  all(stream?: string): Draft[];
  fail: Fault | undefined;
  hang: boolean;
  reject: ((draft: Draft) => boolean) | undefined;
}

export function fakeLog(): FakeLog {
  const log: FakeLog = {
    batches: [], fail: undefined, hang: false, reject: undefined,
    all: (stream) => log.batches.filter((batch) => stream === undefined || batch.stream === stream).flatMap(({ drafts }) => drafts),
    async append(stream, drafts, urgent) {
      while (log.hang) await pause(5);
      await pause(0);
      if (log.fail !== undefined) throw log.fail;
      const rejected = drafts.flatMap((draft, index) => log.reject?.(draft) === true ? [{ index, code: 'bad-event', message: 'not this one' }] : []);
      log.batches.push({ stream, drafts: drafts.filter((draft) => log.reject?.(draft) !== true), urgent });
      return { appended: drafts.length - rejected.length, rejected };
    },
  };
  return log;
}

/** A kind of input whose `play` is the source. */
export function playedKind(play: (context: NodeContext, settings: { [name: string]: unknown }) => Promise<void> | void, waits = true): InputKind {
  return {
    options: ['tag'], waits,
    start(settings, context) {
      const ended = Promise.resolve(play(context, settings));
      ended.catch(() => {});
      return Promise.resolve({ ended: ended.then(() => {}), stop: () => Promise.resolve() });
    },
  };
}

/** The inputs that a configuration declares, going. */
export function run(toml: string, log: Pick<FakeLog, 'append'>, more: { kinds?: { [kind: string]: InputKind }; dir?: string; notices?: string[] } = {}): Inputs {
  const kinds = { ...INPUT_KINDS, ...more.kinds };
  const inputs = parseInputs(parse(toml)['input'], () => 'here', kinds);
  return startInputs({ inputs, kinds, append: log.append, dir: more.dir ?? folder(), node: 'alpha', notice: (text) => more.notices?.push(text) });
}

/** A context that writes down what an input says, and takes all of it. */
export interface Heard extends NodeContext {
  readings: Reading[];
  refused: { code: string; reason: string; raw: string | Uint8Array }[];
  states: { ok: boolean; words: string }[];
  stop(): void;
}

/** `became`: what each reading becomes, at once; `later`: that is the test's to say. */
export function listener(dir = folder(), became: Became | 'later' = 'recorded'): Heard {
  const end = new AbortController();
  const heard: Heard = {
    readings: [], refused: [], states: [], dir, signal: end.signal, memory: inputMemory(dir, 'input'),
    accept(reading) {
      heard.readings.push(reading);
      if (became !== 'later') reading.done?.(became);
      return Promise.resolve();
    },
    refuse: (code, reason, raw) => void heard.refused.push({ code, reason, raw }),
    state: (ok, words) => void heard.states.push({ ok, words }),
    stop: () => end.abort(),
  };
  return heard;
}
