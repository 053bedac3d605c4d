// One small file of secrets: replaced as a whole and on stable storage, readable by its owner alone.
import { dirname } from 'node:path';
import { Fault } from '../fault.ts';
import type { Bytes } from '../ports.ts';
import { realDisk, type Disk } from './disk.ts';

/** Bytes that such a file may have. */
const MOST_BYTES = 16 * 1_048_576;

const words = (error: unknown): string => error instanceof Error ? error.message : String(error);

/**
 * The file at `path`. `load` gives its bytes, undefined when there is none; `save` writes `path.part` (mode 0600), flushes it, renames it and flushes the
 * folder, so that after a power cut the old or the new one is there, whole. Faults: `store-failed`, `store-full`, with the path.
 */
export function keyFile(path: string, disk: Disk = realDisk()): { load(): Promise<Bytes | undefined>; save(bytes: Bytes): Promise<void> } {
  let saving: Promise<void> = Promise.resolve();

  async function load(): Promise<Bytes | undefined> {
    try {
      const file = await disk.open(path);
      try {
        const length = await file.size();
        if (length > MOST_BYTES) throw new Error(`it has ${length} bytes`);
        return await file.read(0, length);
      } finally {
        await file.close();
      }
    } catch (error) {
      if ((error as { code?: unknown }).code === 'ENOENT') return undefined;
      throw new Fault('store-failed', `The key file ${path} cannot be read: ${words(error)}. It must belong to the user that runs Holdfast.`, { cause: error });
    }
  }

  async function save(bytes: Bytes): Promise<void> {
    const part = `${path}.part`;
    try {
      await disk.remove(part);
      const file = await disk.open(part, { exclusive: true, mode: 0o600 });
      try {
        await file.write(bytes, 0);
        await file.sync();
      } finally {
        await file.close();
      }
      await disk.rename(part, path);
      await disk.syncFolder(dirname(path));
    } catch (error) {
      await disk.remove(part).catch(() => undefined);
      const full = (error as { code?: unknown }).code === 'ENOSPC';
      throw new Fault(full ? 'store-full' : 'store-failed', `The key file ${path} cannot be written: ${words(error)}.${full ? ' Free some space and try again.' : ''}`, { cause: error });
    }
  }

  return {
    load,
    save(bytes) {
      const copy = bytes.slice(), mine = saving.catch(() => undefined).then(() => save(copy));
      saving = mine;
      mine.catch(() => undefined);
      return mine;
    },
  };
}
