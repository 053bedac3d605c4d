// Work that an input does at intervals: at once, then each so often, never twice at a time.

import type { InputContext, RunningInput } from './input.ts';
import { type Options, wrongOption } from './input-option.ts';
import { readSpan } from './input-span.ts';

/** A length of time in milliseconds, at least `least`; `otherwise` where it is not set. Fault `bad-config`. */
export function spanOption(options: Options, name: string, otherwise: string, least: number): number {
  const value = options[name] ?? otherwise;
  const ms = readSpan(value);
  if (ms === undefined) return wrongOption(name, `it must be a length of time such as "${otherwise}", "10s" or "5m"`, value);
  return ms >= least ? ms : wrongOption(name, `it must be at least ${least} ms`, value);
}

/** Does the work each `every` ms until it is stopped. Work that takes longer leaves out the times that it missed; work that fails says so, and has its next turn. */
export function keepTime(every: number, context: Pick<InputContext, 'state' | 'signal'>, work: () => Promise<void>): RunningInput {
  let stopped = false;
  let wake = () => {};
  const end = () => {
    stopped = true;
    wake();
  };
  context.signal.addEventListener('abort', end, { once: true });
  const done = (async () => {
    for (let next = performance.now(); !stopped && !context.signal.aborted;) {
      try {
        await work();
      } catch (error) {
        context.state(false, error instanceof Error ? error.message : String(error));
      }
      const now = performance.now();
      next += every * Math.max(1, Math.ceil((now - next) / every));
      if (stopped || context.signal.aborted) return;
      await new Promise<void>((resolve) => {
        const timer = setTimeout(resolve, next - now);
        wake = () => {
          clearTimeout(timer);
          resolve();
        };
      });
    }
  })();
  return {
    async stop() {
      end();
      context.signal.removeEventListener('abort', end);
      await done;
    },
  };
}
