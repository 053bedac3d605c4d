// Group commit: batches that arrive while one is being written are joined into the next one, in the order of their calls.
import { Fault } from '../fault.ts';

/** Rows that are joined into one write at most; a single larger batch goes alone. */
const JOIN_ROWS = 4_096;

export interface CommitQueue<Row> {
  /** Adds a batch. Resolves when it is on stable storage. */
  commit(rows: Row[]): Promise<void>;
  /** Runs something in its turn while nothing is being written. */
  alone(work: () => Promise<void>): Promise<void>;
  /** Resolves when nothing is waiting or under way. */
  idle(): Promise<void>;
}

interface Batch<Row> { rows: Row[]; work?: () => Promise<void>; resolve: () => void; reject: (fault: Fault) => void }

const tick = (): Promise<void> => new Promise((resolve) => { setImmediate(resolve); });

/**
 * A queue in front of `write`, which writes rows atomically and is never called twice at a time. It throws a Fault: `store-failed` refuses this and
 * everything after it; any other (`store-full`, `store-damaged`) means that nothing was written, and the joined batches are then tried one by one, in order.
 */
export function commitQueue<Row>(write: (rows: Row[]) => Promise<void>): CommitQueue<Row> {
  const queue: Batch<Row>[] = [];
  let pumping: Promise<void> | undefined, failure: Fault | undefined;

  async function attempt(batches: Batch<Row>[]): Promise<void> {
    try {
      const only = batches[0]!.rows, rows = batches.length === 1 ? only : batches.flatMap((batch) => batch.rows);
      if (batches[0]!.work) await batches[0]!.work();
      else if (rows.length > 0) await write(rows);
      for (const batch of batches) batch.resolve();
    } catch (error) {
      const fault = error instanceof Fault ? error : new Fault('internal', String(error), { cause: error });
      if (fault.code === 'store-failed') {
        failure = fault;
        for (const batch of [...batches, ...queue.splice(0)]) batch.reject(fault);
      } else if (batches.length === 1) {
        batches[0]!.reject(fault);
      } else {
        for (const batch of batches) {
          if (failure) batch.reject(failure);
          else await attempt([batch]);
        }
      }
    }
  }

  async function pump(): Promise<void> {
    await tick(); // whoever commits in this turn of the loop shares the write
    while (queue.length > 0) {
      let count = 0, rows = 0;
      for (const batch of queue) {
        if (count > 0 && (batch.work || rows + batch.rows.length > JOIN_ROWS)) break;
        rows += batch.rows.length;
        count++;
        if (batch.work) break;
      }
      await attempt(queue.splice(0, count));
      await tick(); // those that were just answered get into the next write
    }
    pumping = undefined;
  }

  function add(item: Pick<Batch<Row>, 'rows' | 'work'>): Promise<void> {
    if (failure) return Promise.reject(failure);
    return new Promise((resolve, reject) => {
      queue.push({ ...item, resolve, reject });
      pumping ??= pump();
    });
  }

  return {
    commit: (rows) => add({ rows }),
    alone: (work) => add({ rows: [], work }),
    async idle() { while (pumping) await pumping; },
  };
}
