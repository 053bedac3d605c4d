// Appends that are answered although the database under the node is away: refused before anything is written where that is known, and not waited for without end otherwise.

import { Fault } from '../../src/fault.ts';
import type { Appended, Database, Draft } from './database.ts';

/** How often an append that takes its time looks at the database, ms. */
const LOOK_MS = 250;

/**
 * Appends. Where the disk of the database is full that is the answer at once; where it is away otherwise, and after `most` ms (default: no bound), what was asked is given up on, though it may still be recorded.
 * Faults: those of `Database.append`; `busy`: no answer within `most`; `store-full`.
 */
export async function appendWithin(database: Pick<Database, 'append' | 'trouble'>, stream: string, drafts: Draft[], urgent: boolean, most = Infinity): Promise<Appended> {
  const trouble = database.trouble?.();
  if (trouble !== undefined && (most < Infinity || trouble.code === 'store-full')) throw trouble;
  const work = database.append(stream, drafts, urgent), began = performance.now();
  let timer: NodeJS.Timeout | undefined;
  const givenUp = new Promise<never>((_, reject) => {
    timer = setInterval(() => {
      const full = database.trouble?.()?.code === 'store-full';
      if (full) reject(new Fault('store-full', `${database.trouble!()!.message} What was on its way when it happened may still be recorded: see what is there before sending it again.`));
      else if (performance.now() - began > most) reject(new Fault('busy', `The store has not answered within ${most / 1_000} s. These events may still be recorded: see what is there before sending them again.`));
    }, LOOK_MS);
  });
  try {
    return await Promise.race([work, givenUp]);
  } finally {
    clearInterval(timer);
  }
}
