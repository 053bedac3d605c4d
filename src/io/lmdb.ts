// The Store on LMDB: commits on a thread of their own, one at a time and shared; reads in transactions that end before they return.
import { mkdir, stat, statfs } from 'node:fs/promises';
import { join, resolve as absolute } from 'node:path';
import lmdb from 'node-lmdb';
import { Fault } from '../fault.ts';
import type { Store } from '../ports.ts';
import { commitQueue } from './commit-queue.ts';
import { lmdbReader } from './lmdb-read.ts';
import { VERSION, VERSION_KEY, storedKey, storedValue } from './lmdb-rows.ts';
import { lmdbWriter, type StoredRow, type WriteOptions } from './lmdb-write.ts';

export interface LmdbOptions extends WriteOptions {
  /** The store's own folder; made when it is missing. */
  folder: string;
  /** Bytes of the map to begin with (default 64 MiB); it is doubled whenever it is full. */
  mapBytes?: number;
}

const KEYS = { keyIsBuffer: true } as const;
/** Folders that this process has open: LMDB must not open one twice. */
const open = new Set<string>();

/** Opens the environment; takes care that no other process has it open. */
function openEnvironment(folder: string, mapBytes: number): { env: lmdb.Env; dbi: lmdb.Dbi } {
  const env = new lmdb.Env();
  env.open({ path: folder, mapSize: mapBytes, maxDbs: 1, maxReaders: 8 });
  // LMDB empties its table of readers when it is the only one that has the file, by a lock that the system takes from a dead process: readers here are alive.
  if (env.info().numReaders > 0) {
    env.close();
    throw new Fault('store-locked', `Another process has the store in ${folder} open. Stop it first, or let it do the work.`);
  }
  return { env, dbi: env.openDbi({ name: null, keyIsBuffer: true }) };
}

/**
 * Opens the store in a folder. Faults: `store-locked` (another process, or this one, has it open), `store-damaged` (nothing in it can be read),
 * `unsupported` (a later release wrote it), `store-failed`.
 */
export async function openLmdb(options: LmdbOptions): Promise<Store> {
  const folder = absolute(options.folder);
  if (open.has(folder)) throw new Fault('store-locked', `This process has the store in ${folder} open already.`);
  open.add(folder);
  try {
    await mkdir(folder, { recursive: true, mode: 0o700 });
    return storeIn(folder, options);
  } catch (error) {
    open.delete(folder);
    throw error;
  }
}

function storeIn(folder: string, options: LmdbOptions): Store {
  const { env, dbi } = openEnvironment(folder, options.mapBytes ?? 64 * 1_048_576);
  const reader = lmdbReader(env, dbi), queue = commitQueue(lmdbWriter(env, dbi, options, reader.pause));
  let closing: Promise<void> | undefined;

  // The first row of a new store says how the others are to be read.
  const transaction = env.beginTxn({ readOnly: true });
  const version = transaction.getBinary(dbi, VERSION_KEY as Buffer, KEYS) as Buffer | null;
  transaction.abort();
  let first: StoredRow[] = version ? [] : [{ key: VERSION_KEY, value: VERSION }];
  if (version && Buffer.compare(version, VERSION) !== 0) {
    env.close();
    throw new Fault('unsupported', `The store in ${folder} was written by a later release of Holdfast (layout ${version[0]}). Use that release.`);
  }

  function check(): void {
    if (closing) throw new Fault('closed', `The store in ${folder} is closed.`);
  }

  async function close(): Promise<void> {
    await queue.idle();
    reader.pause();
    env.close();
    open.delete(folder);
  }

  return {
    manifest: { name: 'lmdb', durable: true },
    async get(table, key) { check(); return reader.get(table, key); },
    async scan(table, range) { check(); return reader.scan(table, range); },
    async commit(ops) {
      check();
      const rows = ops.map(({ table, key, value }): StoredRow => {
        const stored = storedKey(table, key);
        return { key: stored, value: value && storedValue(stored, value) };
      });
      await queue.commit(rows.length > 0 ? [...first, ...rows] : rows);
      if (rows.length > 0) first = [];
    },
    async space() {
      check();
      const [{ size }, { bavail, bsize }] = await Promise.all([stat(join(folder, 'data.mdb')), statfs(folder)]);
      return { used: size, free: bavail * bsize };
    },
    close: () => closing ??= close(),
  };
}
