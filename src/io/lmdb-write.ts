// Writing to LMDB: one batch on a thread of its own, the map grown when it is full, and errors told apart by what can be done about them.
import { statfs } from 'node:fs/promises';
import type lmdb from 'node-lmdb';
import { Fault } from '../fault.ts';
import type { Bytes } from '../ports.ts';
import { until } from './disk.ts';

/** A stored row; without a value it is removed. */
export interface StoredRow { key: Bytes; value: Bytes | undefined }

export interface WriteOptions {
  folder: string;
  /** Emulates a medium whose flushes take this long: a commit is two of them. A wait after the commit, on no thread. */
  flushMs?: number | undefined;
  /** For tests: called before each write; an error that it gives is taken for LMDB's own. */
  inject?: (() => Error | undefined) | undefined;
}

/** Where addresses have 32 bits LMDB wraps silently at 4 GiB, and the process needs room for other things. */
const LAST_MAP = ['arm', 'ia32', 'mips', 'mipsel', 'ppc'].includes(process.arch) ? 2 ** 30 : 2 ** 40;

const words = (error: unknown): string => error instanceof Error ? error.message : String(error);

function batch(env: lmdb.Env, dbi: lmdb.Dbi, rows: StoredRow[]): Promise<void> {
  const operations = rows.map(({ key, value }): lmdb.BatchOperationArray => value ? [dbi, key as Buffer, value as Buffer] : [dbi, key as Buffer]);
  return new Promise((resolve, reject) => {
    env.batchWrite(operations, { keyIsBuffer: true }, (error: Error | null) => { if (error) reject(error); else resolve(); });
  });
}

/**
 * Writes rows atomically; must not be called again before it has ended. `pause` ends the read transaction, which growing the map demands.
 * Faults: `store-full` and `store-damaged` (nothing was written), `store-failed` (a flush or something unknown failed).
 */
export function lmdbWriter(env: lmdb.Env, dbi: lmdb.Dbi, options: WriteOptions, pause: () => void): (rows: StoredRow[]) => Promise<void> {
  const { folder, flushMs = 0, inject } = options;

  function full(cause: unknown): Fault {
    return new Fault('store-full', `There is no space left for the store in ${folder}; nothing of this was written, and reading goes on. Free some space and try again.`, { cause });
  }

  function failed(cause: unknown): Fault {
    return new Fault('store-failed', `The store in ${folder} could not be written (${words(cause)}); nobody knows what is on the medium. Stop this process, check the medium, start again.`, { cause });
  }

  function grow(cause: unknown): void {
    const size = env.info().mapSize * 2;
    if (size > LAST_MAP) throw full(cause);
    pause();
    try {
      env.resize(size);
    } catch (error) {
      throw full(error); // no addresses left for a map of this size
    }
    if (env.info().mapSize < size) throw full(cause);
  }

  /** LMDB says EIO both when a write was cut short by a full medium and when a flush failed; only the space that is left tells which it was. */
  async function isFull(message: string, rows: StoredRow[]): Promise<boolean> {
    if (/no space left|quota|file too large/i.test(message)) return true;
    if (!/input\/output error/i.test(message)) return false;
    // Each changed row may copy a path of pages; a flush that fails on a medium that happens to be full is taken for full, too: nothing was acknowledged either way.
    const need = rows.reduce((sum, { key, value }) => sum + key.length + (value?.length ?? 0) + 16_384, 1_048_576);
    const space = await statfs(folder).catch(() => undefined);
    return space !== undefined && space.bavail * space.bsize < need;
  }

  return async function write(rows) {
    for (;;) {
      const moment = performance.now() + flushMs * 2;
      try {
        const injected = inject?.();
        if (injected) throw injected;
        await batch(env, dbi, rows);
        if (flushMs > 0) await until(moment);
        return;
      } catch (error) {
        const message = words(error);
        if (/MDB_MAP_FULL/.test(message)) grow(error);
        else if (/MDB_CORRUPTED|MDB_PAGE_NOTFOUND/.test(message)) throw new Fault('store-damaged', `The store in ${folder} is damaged where this would have been written (${message}); nothing of it was.`, { cause: error });
        else throw await isFull(message, rows) ? full(error) : failed(error);
      }
    }
  };
}
