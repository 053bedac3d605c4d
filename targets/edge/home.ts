// A node at the edge: its store is LMDB and its journal a file, in its data directory, which one process has at a time.

import { join } from 'node:path';
import { Fault } from '../../src/fault.ts';
import { systemClock } from '../../src/io/clock.ts';
import { createCrypto, createRandom } from '../../src/io/crypto.ts';
import { realDisk } from '../../src/io/disk.ts';
import { openJournal } from '../../src/io/journal.ts';
import { keyFile } from '../../src/io/key-file.ts';
import { openLmdb } from '../../src/io/lmdb.ts';
import { lock } from '../../src/io/lock.ts';
import { pulse } from '../../src/io/pulse.ts';
import { bytesUnder } from '../program/folder-size.ts';
import { CLOCKS, JOURNAL, KEY_FILE, STORE } from '../program/home.ts';
import type { Home, Medium, Opening } from '../program/medium.ts';

/** Directories with LMDB in them. */
export const lmdbMedium: Medium = { keyPath: (dir) => join(dir, KEY_FILE), open };

async function open(dir: string, options: Opening): Promise<Home> {
  const held = await lock(dir);
  try {
    const store = await openLmdb({ folder: join(dir, STORE) });
    try {
      const flushes = pulse(realDisk(), dir);
      const journal = await openJournal({ folder: join(dir, JOURNAL), disk: flushes.disk }).catch((error: Error) => {
        throw error instanceof Fault ? error : new Fault('store-failed', `The journal in ${join(dir, JOURNAL)} cannot be used: ${error.message}. It must belong to the user that runs Holdfast.`, { cause: error });
      });
      const clock = systemClock(CLOCKS[options.clock ?? 'auto']);
      return {
        parts: { store, journal, clock, random: createRandom(), crypto: createCrypto(), keys: options.keys ?? keyFile(join(dir, KEY_FILE)) },
        clock, beat: () => flushes.beat(),
        get damage() { return store.damage; },
        check: () => store.check(),
        async size() {
          const [used, waiting] = await Promise.all([bytesUnder(dir), bytesUnder(join(dir, JOURNAL))]);
          return { used, journal: waiting };
        },
        backUp: async (node, wish, progress) => (await import('./backup.ts')).backUp({ dir, node, store }, wish, progress),
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
