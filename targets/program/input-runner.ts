// Keeps the inputs of a node going: starts them, starts them again when they fail, and lets none of them stop or starve another or the node.

import { setMaxListeners } from 'node:events';
import { codeOf, Fault } from '../../src/fault.ts';
import type { Database, InputReport } from './database.ts';
import type { InputKind, NodeContext, Posted, RunningInput } from './input.ts';
import { openIntake, type Intake } from './input-intake.ts';
import { mappingOf } from './input-mapping.ts';
import { inputMemory } from './input-memory.ts';
import { openOutlet, type Outlet } from './input-outlet.ts';
import type { InputSettings } from './input-settings.ts';

/** How long events are gathered before they are recorded together. */
const GATHER_MS = 250;
/** An input that failed is started again after this long, after twice as long each time up to the most; one that went well for `WELL_MS` begins anew. */
const RESTART_MS = 1_000, MOST_RESTART_MS = 60_000, WELL_MS = 60_000;
/** How long an input may take to stop, and its last events to become durable. */
const STOP_MS = 5_000;

export interface InputsOptions {
  inputs: InputSettings[];
  kinds: { readonly [kind: string]: InputKind };
  append: Database['append'];
  /** The node's data directory and name. */
  dir: string;
  node: string;
  /** Tells people what is news. */
  notice(text: string): void;
  /** Milliseconds since 1970; by default the machine's clock. */
  now?(): number;
}

/** The inputs of a node, going. */
export interface Inputs {
  /** How each of them is, in the order of the configuration. */
  report(): InputReport[];
  /** Gives the body of an HTTP POST to the input of this name; resolves when its readings are durable or refused. Faults: `not-found`, `busy`, and those of `RunningInput.post`. */
  acceptPost(name: string, contentType: string, body: Uint8Array): Promise<Posted>;
  /** Stops all of them; resolves when what they had said is durable, or after some seconds. */
  stop(): Promise<void>;
}

interface One { settings: InputSettings; kind: InputKind; intake: Intake; outlet: Outlet; running: RunningInput | undefined; over: Promise<void> }

/** Starts the inputs. Returns at once: an input that cannot start says so in its report, and the others go on. */
export function startInputs(options: InputsOptions): Inputs {
  const end = new AbortController();
  // Each input and each of its parts listens for the end.
  setMaxListeners(0, end.signal);
  const now = options.now ?? Date.now;
  let gathering: NodeJS.Timeout | undefined;
  const outlets: Outlet[] = [];
  // One round for all: what several inputs say within it becomes durable with one flush.
  const gather = () => {
    gathering ??= setTimeout(() => {
      gathering = undefined;
      for (const outlet of outlets) outlet.flush();
    }, GATHER_MS);
  };

  const all = options.inputs.map((settings): One => {
    const kind = options.kinds[settings.kind]!;
    const outlet = openOutlet({ append: options.append, urgent: settings.urgent, prompt: settings.urgent || kind.prompt?.(settings.own) === true, waits: kind.waits, gather });
    outlets.push(outlet);
    const intake = openIntake({
      name: settings.name, kind: settings.kind, mapping: mappingOf(settings, kind, options.node),
      rules: { bands: settings.deadband, minInterval: settings.minInterval, maxInterval: settings.maxInterval },
      outlet, signal: end.signal, now, notice: options.notice,
    });
    const one: One = { settings, kind, intake, outlet, running: undefined, over: Promise.resolve() };
    one.over = keepGoing(one, options, end.signal);
    return one;
  });

  return {
    report: () => all.map(({ intake }) => intake.report()),
    async acceptPost(name, contentType, body) {
      const one = all.find(({ settings }) => settings.name === name);
      if (one === undefined || one.settings.kind !== 'http') throw new Fault('not-found', `There is no input ${JSON.stringify(name.slice(0, 64))} of kind http.`);
      if (end.signal.aborted || one.running?.post === undefined) throw new Fault('busy', `The input ${name} takes nothing at present.`);
      return one.running.post(contentType, body);
    },
    async stop() {
      end.abort();
      clearTimeout(gathering);
      await Promise.all(all.map(async ({ intake, outlet, running, over }) => {
        const out = outlet.close(STOP_MS);
        // What it hands over while it stops is recorded at once.
        await within(STOP_MS, Promise.all([running?.stop(), over]));
        intake.flush();
        intake.close();
        await out;
        await outlet.close(STOP_MS);
      }));
      clearTimeout(gathering);
    },
  };
}

/** Runs one input to the end of the node. Never rejects. */
async function keepGoing(one: One, options: InputsOptions, signal: AbortSignal): Promise<void> {
  const { settings, kind, intake } = one;
  const context: NodeContext = Object.freeze({ ...intake.context, dir: options.dir, memory: inputMemory(options.dir, settings.name) });
  for (let pause = RESTART_MS, said = ''; !signal.aborted; pause = Math.min(pause * 2, MOST_RESTART_MS)) {
    const since = performance.now();
    try {
      // A turn of its own: an input that takes long to begin does not delay the others.
      await new Promise((resolve) => setImmediate(resolve));
      if (signal.aborted) return;
      intake.state(true, 'running');
      const running = one.running = await kind.start(settings.own, context);
      if (signal.aborted) return await running.stop();
      await Promise.race([running.ended ?? forever(signal), forever(signal)]);
      // Its source is over, which it has said itself; or the node stops.
      return;
    } catch (error) {
      const why = error instanceof Error ? error.message : String(error);
      const running = one.running;
      one.running = undefined;
      await within(STOP_MS, Promise.resolve(running?.stop()));
      if (signal.aborted) return;
      if (performance.now() - since > WELL_MS) pause = RESTART_MS;
      if (why !== said) options.notice(`input ${settings.name} failed: ${why}`);
      said = why;
      if (codeOf(error) === 'bad-config') return intake.state(false, why);
      intake.state(false, `${why.replace(/[.]?$/, '')}; it starts again in ${Math.round(pause / 1_000)} s`);
      await sleep(pause, signal);
    }
  }
}

/** Resolves when the node stops. */
function forever(signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) resolve();
    else signal.addEventListener('abort', () => resolve(), { once: true });
  });
}

function sleep(ms: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const end = () => {
      clearTimeout(timer);
      signal.removeEventListener('abort', end);
      resolve();
    };
    const timer = setTimeout(end, ms);
    signal.addEventListener('abort', end);
  });
}

/** Resolves when the work is done, has failed, or has taken too long. */
async function within(ms: number, work: Promise<unknown>): Promise<void> {
  let timer: NodeJS.Timeout | undefined;
  await Promise.race([work.catch(() => {}), new Promise((resolve) => (timer = setTimeout(resolve, ms)))]);
  clearTimeout(timer);
}
