// A data directory: what lies in it, and its opening and closing as the parts that a node is made of.

import { existsSync, mkdirSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { Fault } from '../../src/fault.ts';
import { decodeIdentity } from '../../src/fleet/identity.ts';
import { systemClock } from '../../src/io/clock.ts';
import { createCrypto, createRandom } from '../../src/io/crypto.ts';
import { realDisk } from '../../src/io/disk.ts';
import { openJournal } from '../../src/io/journal.ts';
import { keyFile } from '../../src/io/key-file.ts';
import { openLmdb, type LmdbStore } from '../../src/io/lmdb.ts';
import { lock } from '../../src/io/lock.ts';
import { pulse } from '../../src/io/pulse.ts';
import type { NodeOptions } from '../../src/node-options.ts';
import { CLOCK_NONE, CLOCK_RTC, CLOCK_SYNCED, type ClockQuality } from '../../src/ports.ts';
import type { Settings } from './settings.ts';

/** The secrets of this node, its place in a fleet, and the fleet's keys. */
export const KEY_FILE = 'node.key';
/** The fleet's root key, until it is moved away. */
export const ROOT_KEY_FILE = 'root.key';
const OVERRULED: { [word in Settings['clock']]: ClockQuality | undefined } = { auto: undefined, none: CLOCK_NONE, rtc: CLOCK_RTC, synced: CLOCK_SYNCED };
/** The folder of the store. */
export const STORE = 'store';
/** What is not in the store yet. */
export const JOURNAL = 'journal';

/** Whether a node lives in a directory; one whose setup was interrupted does not yet. Fault `bad-argument`: this user may not look into it. */
export async function hasNode(dir: string): Promise<boolean> {
  try {
    statSync(join(dir, KEY_FILE));
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === 'ENOTDIR') throw new Fault('bad-argument', `${dir} is not a directory.`, { cause: error });
    if (code === 'EACCES') throw new Fault('bad-argument', `This user may not look into ${dir}; run holdfast as the user that the directory belongs to.`, { cause: error });
    return false;
  }
  try {
    const bytes = await keyFile(join(dir, KEY_FILE)).load();
    return bytes !== undefined && decodeIdentity(bytes).grant !== null;
  } catch {
    // Unreadable is not absent: opening it says what is wrong.
    return true;
  }
}

/** Fault `no-fleet` with what to do, for a directory in which no node lives. */
export function noNode(dir: string): Fault {
  const what = existsSync(dir) ? `There is no node in ${dir}.` : `There is no directory ${dir}.`;
  return new Fault('no-fleet', `${what} \`holdfast init --dir ${dir}\` founds a fleet, \`holdfast join TOKEN --dir ${dir}\` joins one; --dir or HOLDFAST_DIR names another directory.`);
}

/** The parts of a node, open and locked. A node that was made of them closes store and journal itself; `unlock` comes after that. */
export interface Home {
  parts: Pick<NodeOptions, 'store' | 'journal' | 'clock' | 'random' | 'crypto' | 'keys'>;
  clock: ReturnType<typeof systemClock>;
  store: LmdbStore;
  /** Resolves when the medium has taken a flush: what a watchdog may be told by. */
  beat(): Promise<void>;
  /** Closes what is open when no node was made of it. */
  abandon(): Promise<void>;
  unlock(): Promise<void>;
}

/**
 * Locks and opens a directory; with `create` it is made if it is missing.
 * Faults: `no-fleet`, `store-locked`, `store-damaged`, `store-failed`, `bad-argument` (no directory, no permission).
 */
export async function openHome(dir: string, options: { create?: boolean; clock?: Settings['clock'] } = {}): Promise<Home> {
  if (options.create !== true && !await hasNode(dir)) throw noNode(dir);
  try {
    if (options.create === true) mkdirSync(dir, { recursive: true, mode: 0o700 });
  } catch (error) {
    throw new Fault('bad-argument', `The directory ${dir} cannot be made: ${(error as Error).message}`, { cause: error });
  }
  const held = await lock(dir);
  try {
    const store = await openLmdb({ folder: join(dir, STORE) });
    try {
      const flushes = pulse(realDisk(), dir);
      const journal = await openJournal({ folder: join(dir, JOURNAL), disk: flushes.disk }).catch((error: Error) => {
        throw error instanceof Fault ? error : new Fault('store-failed', `The journal in ${join(dir, JOURNAL)} cannot be used: ${error.message}. It must belong to the user that runs Holdfast.`, { cause: error });
      });
      const clock = systemClock(OVERRULED[options.clock ?? 'auto']);
      return {
        parts: { store, journal, clock, random: createRandom(), crypto: createCrypto(), keys: keyFile(join(dir, KEY_FILE)) },
        clock, store, beat: () => flushes.beat(),
        async abandon() {
          // All of it, whatever fails on the way; what went wrong before this is what matters.
          await journal.close().catch(() => {});
          await store.close().catch(() => {});
          await held.release();
        },
        unlock: () => held.release(),
      };
    } catch (error) {
      await store.close().catch(() => {});
      throw error;
    }
  } catch (error) {
    await held.release();
    throw error;
  }
}
