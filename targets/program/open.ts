// How a command gets at the database: through the node that runs on the directory, or by opening it.

import { codeOf, Fault } from '../../src/fault.ts';
import { connectControl } from '../../src/io/control.ts';
import type { Invocation } from './command.ts';
import type { Database } from './database.ts';
import { hasNode, noNode } from './home.ts';
import { errorText } from './output.ts';
import { remoteDatabase } from './remote.ts';
import { openStation } from './station.ts';
import { defaults, placeFlags } from './target.ts';

/** How long a command waits for another one that has the store open for a moment. */
const PATIENCE_MS = 5_000;
const PAUSE_MS = 50;

/**
 * Opens the database of a directory. `serve`: this command takes its time, so let others work through it meanwhile.
 * Faults: `no-fleet`, `store-locked`, `link-failed` (a node runs as another user), those of the store.
 */
export async function openDatabase({ dir, out }: Pick<Invocation, 'dir' | 'out'>, options: { serve?: boolean } = {}): Promise<Database> {
  const until = performance.now() + PATIENCE_MS, note = (text: string): void => out.note(out.json ? JSON.stringify({ notice: text }) : `holdfast: ${text}`);
  for (;;) {
    const channel = await connectControl(dir);
    if (channel !== undefined) {
      const ignored = placeFlags();
      if (ignored.length > 0) note(`a process runs on ${dir} and is asked: ${ignored.map((flag) => `--${flag}`).join(' and ')} changes nothing about where it keeps its data`);
      const remote = remoteDatabase(channel, () => connectControl(dir));
      return defaults().view === 'fleet' ? (await import('./waiting.ts')).tellingWaits(remote, note) : remote;
    }
    if (!await hasNode(dir)) throw await noNode(dir);
    try {
      const station = await openStation(dir, {
        control: options.serve === true,
        notice: note,
        // Nothing may be acknowledged after a flush that failed: this process ends at once.
        fatal: (error) => {
          out.note(errorText(error, out.json));
          process.exit(1);
        },
      });
      const { database } = station;
      // What is on its way when the disk of the database is full must not wait for room without end.
      return { ...database, ...(station.underneath() !== undefined && { append: async (...batch) => (await import('./append-within.ts')).appendWithin(database, ...batch) }), close: () => station.close() };
    } catch (error) {
      if (codeOf(error) !== 'store-locked' || performance.now() > until) {
        if (codeOf(error) !== 'store-locked') throw error;
        throw new Fault('store-locked', `${(error as Error).message} It has no control socket, or does not answer on it.`, { cause: error });
      }
      // It may be starting, or about to end: either way it is worth another look.
      await new Promise((resolve) => setTimeout(resolve, PAUSE_MS));
    }
  }
}
