// An input of lines on the standard input of `run`.

import type { Readable } from 'node:stream';
import type { InputContext, InputKind, RunningInput } from './input.ts';
import { LINE_OPTIONS, openLines } from './input-lines.ts';
import type { Options } from './input-option.ts';

export const stdinInput: InputKind = {
  options: LINE_OPTIONS,
  waits: true,
  check(options) {
    openLines(options, {} as InputContext);
  },
  start: (options, context) => Promise.resolve(readStream(process.stdin, options, context)),
};

/** Reads lines from a stream until it ends or the input is stopped. What it has not taken stays in the pipe; where it was broken off in a line, that part is given up. */
export function readStream(stream: Readable, options: Options, context: InputContext): RunningInput {
  const lines = openLines(options, context);
  let stopped = false;
  const stop = () => {
    stopped = true;
    stream.destroy();
  };
  context.signal.addEventListener('abort', stop, { once: true });
  const ended = (async () => {
    try {
      context.state(true, 'reads stdin');
      for await (const chunk of stream) {
        if (stopped) return;
        await lines.push(chunk as Uint8Array);
      }
      await lines.end();
      context.state(true, 'stdin has ended');
    } catch (error) {
      // Destroying the stream ends the loop this way.
      if (!stopped) context.state(false, `stdin cannot be read any more: ${(error as Error).message}`);
    }
  })();
  return {
    ended,
    async stop() {
      context.signal.removeEventListener('abort', stop);
      stop();
      await ended;
    },
  };
}
