// What an input must remember from one start of the node to the next: a small file of its own in the data directory.

import { createHash } from 'node:crypto';
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { Fault } from '../../src/fault.ts';
import { keyFile } from '../../src/io/key-file.ts';
import type { NodeContext } from './input.ts';

/** Where they lie in a data directory. */
export const MEMORY_FOLDER = 'inputs';

/**
 * The memory of the input of a name. `save` replaces the file as a whole: after a power cut the old or the new one is there. A file that is damaged loads as
 * undefined. Faults: `store-full`, `store-failed`.
 */
export function inputMemory(dir: string, name: string): NodeContext['memory'] {
  const folder = join(dir, MEMORY_FOLDER), path = join(folder, `${name}.json`);
  const file = keyFile(path);
  return {
    async load() {
      const bytes = await file.load().catch(() => undefined);
      if (bytes === undefined) return undefined;
      try {
        const { sum, value } = JSON.parse(Buffer.from(bytes).toString('utf8')) as { sum: unknown; value: unknown };
        return sum === sumOf(value) ? value : undefined;
      } catch {
        return undefined;
      }
    },
    async save(value) {
      try {
        mkdirSync(folder, { recursive: true, mode: 0o700 });
      } catch (error) {
        throw new Fault('store-failed', `${folder} cannot be made: ${(error as Error).message}`, { cause: error });
      }
      try {
        await file.save(Buffer.from(`${JSON.stringify({ sum: sumOf(value), value })}\n`, 'utf8'));
      } catch (error) {
        const cause = error instanceof Error && error.cause instanceof Error ? error.cause : error as Error;
        throw new Fault(error instanceof Fault ? error.code : 'store-failed', `${path} cannot be written: ${cause.message}`, { cause: error });
      }
    },
  };
}

function sumOf(value: unknown): string {
  return createHash('sha256').update(JSON.stringify(value)).digest('hex').slice(0, 16);
}
