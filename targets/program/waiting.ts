// Says, once, that a command waits for the database under the node that does its work.

import type { Database } from './database.ts';

/** How long an answer may take before the node is asked why, ms. */
const PATIENT_MS = 2_000;

/** Wraps the database that a running node serves: `note` is told when appending or reading takes long because its database is away. */
export function tellingWaits(database: Database, note: (text: string) => void): Database {
  let told = false;
  /** Looks while something is waited for; `moved` says that something came. */
  const watch = (): { moved(): void; end(): void } => {
    let last = performance.now(), asking = false;
    const timer = setInterval(() => {
      if (told || asking || performance.now() - last < PATIENT_MS) return;
      asking = true;
      database.report().then(({ database: under }) => {
        if (told || under?.connected !== false) return;
        told = true;
        note('waiting for the database of the node, which is out of reach; Ctrl-C ends this');
      }, () => {}).finally(() => { asking = false; });
    }, 500);
    timer.unref();
    return { moved() { last = performance.now(); }, end() { clearInterval(timer); } };
  };
  const watched = async <T>(work: () => Promise<T>): Promise<T> => {
    const watching = watch();
    try {
      return await work();
    } finally {
      watching.end();
    }
  };
  return {
    ...database,
    append: (...batch) => watched(() => database.append(...batch)),
    latest: (...which) => watched(() => database.latest(...which)),
    async *read(...query) {
      const watching = watch();
      try {
        for await (const entry of database.read(...query)) {
          watching.moved();
          yield entry;
          watching.moved();
        }
      } finally {
        watching.end();
      }
    },
  };
}
