// What an input must remember from one start of the node to the next: a small file of its own in the data directory.

import { createHash } from 'node:crypto';
import { mkdir, readFile, rename, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { Fault } from '../../src/fault.ts';
import { keyFile } from '../../src/io/key-file.ts';
import type { NodeContext } from './input.ts';

/** Where they lie in a data directory. */
export const MEMORY_FOLDER = 'inputs';

/**
 * The memory of the input of a name, in two files: the one that is flushed, and one that is not and may be newer. Each is replaced as a whole; after a power cut the old or the
 * new one is there, or what is there is seen to be damaged and does not count. Faults of `save`: `store-full`, `store-failed`; `note` tries, and that is all.
 */
export function inputMemory(dir: string, name: string): NodeContext['memory'] {
  const folder = join(dir, MEMORY_FOLDER), path = join(folder, `${name}.json`), quick = join(folder, `${name}.recent.json`);
  const file = keyFile(path);
  let turn = 0;
  const text = (value: unknown): Buffer => {
    turn++;
    return Buffer.from(`${JSON.stringify({ sum: sumOf(turn, value), turn, value })}\n`, 'utf8');
  };
  return {
    async load() {
      const found = [read(await file.load().catch(() => undefined)), read(await readFile(quick).catch(() => undefined))];
      const [saved, noted] = found;
      const latest = (noted?.turn ?? 0) > (saved?.turn ?? 0) ? noted : saved;
      turn = latest?.turn ?? 0;
      return latest?.value;
    },
    async save(value) {
      try {
        await mkdir(folder, { recursive: true, mode: 0o700 });
      } catch (error) {
        throw new Fault('store-failed', `${folder} cannot be made: ${(error as Error).message}`, { cause: error });
      }
      try {
        await file.save(text(value));
      } catch (error) {
        const cause = error instanceof Error && error.cause instanceof Error ? error.cause : error as Error;
        throw new Fault(error instanceof Fault ? error.code : 'store-failed', `${path} cannot be written: ${cause.message}`, { cause: error });
      }
    },
    async note(value) {
      try {
        await writeFile(`${quick}.part`, text(value), { mode: 0o600 });
        await rename(`${quick}.part`, quick);
      } catch {
        // What is saved counts.
      }
    },
  };
}

function read(bytes: Uint8Array | undefined): { turn: number; value: unknown } | undefined {
  if (bytes === undefined) return undefined;
  try {
    const { sum, turn, value } = JSON.parse(Buffer.from(bytes).toString('utf8')) as { sum: unknown; turn: unknown; value: unknown };
    return typeof turn === 'number' && sum === sumOf(turn, value) ? { turn, value } : undefined;
  } catch {
    return undefined;
  }
}

function sumOf(turn: number, value: unknown): string {
  return createHash('sha256').update(JSON.stringify([turn, value])).digest('hex').slice(0, 16);
}
