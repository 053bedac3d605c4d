// Following a file of numbered lines, for tests.

import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { RunningInput } from '../../targets/program/input.ts';
import { fileInput } from '../../targets/program/input-file.ts';
import { folder, listener, until, type Heard } from './input-sources.ts';

/** Lines of a file, numbered. */
export const lines = (from: number, to: number) => Array.from({ length: to - from }, (_, i) => `{"n":${from + i}}\n`).join('');
/** The numbers that were read. */
export const numbers = (heard: Heard) => heard.readings.map(({ value }) => (value as { n: number }).n);
export const range = (from: number, to: number) => Array.from({ length: to - from }, (_, i) => from + i);

/** A file that is followed. */
interface Following { heard: Heard; input: RunningInput; stop(): Promise<void>; follows(): Promise<void> }

/** Follows a file until `stop`; with `kill` nothing of what was read last is remembered. */
export async function follow(dir: string, settings: { [name: string]: unknown } = {}, became: Parameters<typeof listener>[1] = 'recorded'): Promise<Following> {
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

/** Makes an empty file in a folder of its own and follows it; resolves when it does. */
export async function followEmpty(became?: Parameters<typeof listener>[1]): Promise<{ dir: string; path: string; first: Following }> {
  const dir = folder(), path = join(dir, 'x.log');
  writeFileSync(path, '');
  const first = await follow(dir, {}, became);
  await first.follows();
  return { dir, path, first };
}

/** The place that was made durable last. */
export const place = (dir: string) => JSON.parse(readFileSync(join(dir, 'inputs/input.json'), 'utf8')) as { value: { offset: number; file: string } };
