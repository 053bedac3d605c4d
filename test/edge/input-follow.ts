// Following a file of numbered lines, for tests.

import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { RunningInput } from '../../targets/program/input.ts';
import { fileInput } from '../../targets/program/input-file.ts';
import { listener, until, type Heard } from './input-sources.ts';

/** Lines of a file, numbered. */
export const lines = (from: number, to: number) => Array.from({ length: to - from }, (_, i) => `{"n":${from + i}}\n`).join('');
/** The numbers that were read. */
export const numbers = (heard: Heard) => heard.readings.map(({ value }) => (value as { n: number }).n);
export const range = (from: number, to: number) => Array.from({ length: to - from }, (_, i) => from + i);

/** Follows a file until `stop`; with `kill` nothing of what was read last is remembered. */
export async function follow(dir: string, settings: { [name: string]: unknown } = {}, became: Parameters<typeof listener>[1] = 'recorded'): Promise<{ heard: Heard; input: RunningInput; stop(): Promise<void>; follows(): Promise<void> }> {
  const heard = listener(dir, became);
  const input = await fileInput.start({ path: join(dir, 'x.log'), ...settings }, heard);
  return {
    heard, input,
    async stop() {
      heard.stop();
      await input.stop();
    },
    follows: () => until(() => heard.states.at(-1)?.words.startsWith('follows') === true),
  };
}

/** The place that was made durable last. */
export const place = (dir: string) => JSON.parse(readFileSync(join(dir, 'inputs/input.json'), 'utf8')) as { value: { offset: number; file: string } };
