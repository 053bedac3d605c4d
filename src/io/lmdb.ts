// The Store on LMDB: commits on a thread of their own, one at a time and shared; reads in transactions that end before they return.
import { closeSync, fsyncSync, openSync, renameSync, rmSync, statSync } from 'node:fs';
import { mkdir, rm, stat, statfs } from 'node:fs/promises';
import { join, resolve as absolute } from 'node:path';
import lmdb from 'node-lmdb';
import { Fault } from '../fault.ts';
import type { Store } from '../ports.ts';
import { commitQueue } from './commit-queue.ts';
import { compactCopy, usage } from './lmdb-compact.ts';
import { openGuard, type Guard } from './lmdb-guard.ts';
import { mendHeaders } from './lmdb-headers.ts';
import { lmdbReader } from './lmdb-read.ts';
import type { LmdbReader } from './lmdb-reader.ts';
import { VERSION, VERSION_KEY, storedKey, storedValue, tableOf } from './lmdb-rows.ts';
import { salvageReader } from './lmdb-salvage.ts';
import { lmdbWriter, type StoredRow, type WriteOptions } from './lmdb-write.ts';

export interface LmdbOptions extends WriteOptions {
  /** The store's own folder; made when it is missing. */
  folder: string;
  /** Bytes of the map to begin with (default 64 MiB); it is doubled whenever it is full. */
  mapBytes?: number;
  /** Milliseconds that the check of the pages may hold up the opening (default 80); the rest of it goes on beside everything else. */
  checkMs?: number;
}

/** A Store, and what more there is to an LMDB file. */
export interface LmdbStore extends Store {
  /** What is known to be damaged, in words; grows while the store is open, as long as it is still being checked after an unclean stop. */
  readonly damage: readonly string[];
  /** Checks every page of the file and says what is damaged. The rows themselves are checked when they are read. */
  check(): Promise<readonly string[]>;
  /**
   * Writes the file anew without its free pages when that saves at least `least` bytes (default 1 MiB) and there is space for both; commits wait meanwhile,
   * reads do not. Gives the bytes that were saved. A power cut leaves the old file or the new one, which hold the same.
   */
  compact(least?: number): Promise<number>;
  /**
   * Copies all that is committed by now into a folder, which is there and empty, as a data.mdb of its own; commits wait meanwhile, reads do not. A store that is known to be damaged is copied as it is:
   * false. Faults: `carrier-full`, `carrier-failed` (the folder), nothing happens to the store.
   */
  copy(target: string): Promise<boolean>;
}

/** Folders that this process has open: LMDB must not open one twice. */
const open = new Set<string>();

function openEnvironment(folder: string, mapSize: number): lmdb.Env {
  const env = new lmdb.Env();
  env.open({ path: folder, mapSize, maxDbs: 1, maxReaders: 8 });
  // LMDB empties its table of readers when it is the only one that has the file, by a lock that the system takes from a dead process: readers here are alive.
  if (env.info().numReaders === 0) return env;
  env.close();
  throw new Fault('store-locked', `Another process has the store in ${folder} open. Stop it first, or let it do the work.`);
}

function openGuarded(folder: string, mapSize: number, checkMs: number): { env: lmdb.Env; guard: Guard } {
  const mended = mendHeaders(folder), env = openEnvironment(folder, mapSize);
  // From here on this process counts as a reader for every other one.
  env.beginTxn({ readOnly: true }).abort();
  try {
    return { env, guard: openGuard(folder, env, mended, checkMs) };
  } catch (error) {
    env.close();
    throw error;
  }
}

/**
 * Opens the store in a folder. Faults: `store-locked` (another process, or this one, has it open), `store-damaged` (nothing in it can be read),
 * `unsupported` (a later release wrote it), `store-failed`.
 */
export async function openLmdb(options: LmdbOptions): Promise<LmdbStore> {
  const folder = absolute(options.folder);
  if (open.has(folder)) throw new Fault('store-locked', `This process has the store in ${folder} open already.`);
  open.add(folder);
  try {
    await mkdir(folder, { recursive: true, mode: 0o700 });
    await rm(join(folder, 'compact'), { recursive: true, force: true }); // of a process that ended while it compacted
    return storeIn(folder, options);
  } catch (error) {
    open.delete(folder);
    if (error instanceof Fault) throw error;
    throw new Fault('store-failed', `The store in ${folder} cannot be opened: ${error instanceof Error ? error.message : String(error)}.`, { cause: error });
  }
}

interface Session { env: lmdb.Env; dbi: lmdb.Dbi; guard: Guard; sound: LmdbReader; salvage: LmdbReader; write: (rows: StoredRow[]) => Promise<void>; pause(): void }

function startSession(folder: string, options: LmdbOptions): Session {
  const { env, guard } = openGuarded(folder, options.mapBytes ?? 64 * 1_048_576, options.checkMs ?? 80);
  try {
    const dbi = env.openDbi({ name: null, keyIsBuffer: true }), sound = lmdbReader(env, dbi);
    const pause = (): void => { sound.pause(); guard.pause(); };
    return { env, dbi, guard, sound, salvage: salvageReader(guard.fd), write: lmdbWriter(env, dbi, options, pause), pause };
  } catch (error) {
    guard.close();
    env.close();
    throw error;
  }
}

function endSession({ env, guard, pause }: Session): void {
  pause();
  guard.close();
  env.close();
}

function storeIn(folder: string, options: LmdbOptions): LmdbStore {
  let session = startSession(folder, options), closing: Promise<void> | undefined, failed = false;
  const queue = commitQueue<StoredRow>((rows) => session.write(rows));

  // The first row of a new store says how the others are to be read.
  const found = session.guard.find(VERSION_KEY), version = found === undefined ? VERSION : found;
  let first: StoredRow[] = version ? [] : [{ key: VERSION_KEY, value: VERSION }];
  if (version && Buffer.compare(version, VERSION) !== 0) {
    endSession(session);
    throw new Fault('unsupported', `The store in ${folder} was written by a later release of Holdfast (layout ${version[0]}). Use that release.`);
  }

  function reader(): LmdbReader {
    if (closing) throw new Fault('closed', `The store in ${folder} is closed.`);
    // Until every page was checked LMDB reads nothing; after a failed write of its header it refuses to.
    return session.guard.sound && !failed ? session.sound : session.salvage;
  }

  async function close(): Promise<void> {
    await queue.idle();
    try {
      endSession(session);
    } catch (error) {
      if (!failed) throw error; // what failed may be the opening of a new session
    } finally {
      open.delete(folder);
    }
  }

  async function swap(): Promise<void> {
    const file = await compactCopy(session.env, folder, usage(session.guard.fd).used);
    if (!file) return;
    // From here to the new session nothing else runs: no read can meet a closed environment.
    endSession(session);
    try {
      renameSync(file, join(folder, 'data.mdb'));
      const fd = openSync(folder, 'r');
      try { fsyncSync(fd); } finally { closeSync(fd); }
    } finally {
      rmSync(join(folder, 'compact'), { recursive: true, force: true });
      session = startSession(folder, options);
    }
  }

  return {
    manifest: { name: 'lmdb', durable: true },
    async get(table, key) { return reader().get(table, key); },
    async scan(table, range) { return reader().scan(table, range); },
    async commit(ops) {
      reader();
      const { guard } = session;
      const rows = ops.map(({ table, key, value }): StoredRow => {
        const stored = storedKey(table, key);
        return { key: stored, value: value && storedValue(stored, value) };
      });
      const bad = guard.sound ? undefined : [...first, ...rows].find((row) => !guard.mayWrite(row.key, !row.value));
      if (bad) throw new Fault('store-damaged', `Table ${tableOf(bad.key)} of the store in ${folder} is damaged where this would have been written; nothing of it was.`);
      await queue.commit(rows.length > 0 ? [...first, ...rows] : rows).catch((error: Fault) => { failed ||= error.code === 'store-failed'; throw error; });
      if (rows.length > 0) first = [];
    },
    async space() {
      reader();
      const [{ size }, { bavail, bsize }] = await Promise.all([stat(join(folder, 'data.mdb')), statfs(folder)]);
      return { used: size, free: bavail * bsize };
    },
    close: () => closing ??= close(),
    get damage() { return session.guard.damage; },
    async check() { reader(); return session.guard.check(); },
    async copy(target) {
      reader();
      const { copyLmdb } = await import('./lmdb-copy.ts'); // few ask for it
      let sound = false;
      await queue.alone(async () => {
        sound = session.guard.sound && !failed;
        await copyLmdb(session.env, folder, target, usage(session.guard.fd).used, sound).catch((error: unknown) => {
          if (error instanceof Fault) throw error;
          const words = error instanceof Error ? error.message : String(error);
          throw /no space|ENOSPC|quota/i.test(words) ? new Fault('carrier-full', `There is no space for a copy of the store in ${target}`, { cause: error }) : new Fault('carrier-failed', `The store could not be copied to ${target}: ${words}`, { cause: error });
        });
      });
      return sound;
    },
    async compact(least = 1_048_576) {
      reader();
      let saved = 0;
      await queue.alone(async () => {
        if (!session.guard.sound || usage(session.guard.fd).free < least) return;
        const size = (): number => statSync(join(folder, 'data.mdb')).size, before = size();
        await swap().catch((error: unknown) => { failed = true; throw new Fault('store-failed', `The store in ${folder} could not be written anew: ${String(error)}.`, { cause: error }); });
        saved = before - size();
      });
      return saved;
    },
  };
}
