// The Store on PostgreSQL: commits that check what others did, one at a time and shared, and whose outcome is found out when the connection is lost.
import { Fault } from '../fault.ts';
import type { Op, Shift, Store } from '../ports.ts';
import { commitQueue } from './commit-queue.ts';
import { KEY_MAX, VALUE_MAX } from './lmdb-rows.ts';
import { checkOps, commitSteps, readRuns, type Entry } from './postgres-commit.ts';
import { isPassed, isUnpartitioned, storeFault } from './postgres-errors.ts';
import type { Line, Session } from './postgres-line.ts';
import { partitions } from './postgres-partitions.ts';
import type { Reads } from './postgres-reads.ts';
import type { Seat } from './postgres-slots.ts';
import { lostPlace, type Turns } from './postgres-turn.ts';

/** What the store is made of. */
export interface StoreParts {
  line: Line;
  reads: Reads;
  seat: Seat;
  turns: Turns;
  /** Ends the whole process's use of the database. */
  fail(fault: Fault): Fault;
  /** The server knows NOTIFY. */
  notify: boolean;
}

/** A write of a commit in the queue: one row, or the events that it moves. */
type Item = { op: Op; learnt: number } | { shift: Shift; learnt: number };

/** Commits and reads; opening, closing and the rest are the caller's. */
export interface Writing extends Pick<Store, 'get' | 'scan' | 'commit'> {
  /** Runs something that is a step too while no commit is under way. */
  alone(work: () => Promise<void>): Promise<void>;
  /** Resolves when nothing is waiting or under way. */
  idle(): Promise<void>;
}

/** The part of a Store that reads and writes. */
export function storeOn(parts: StoreParts): Writing {
  const { line, seat, turns, fail } = parts, parted = partitions();

  async function made(session: Session): Promise<{ n: number; fenced: boolean; step: number }> {
    const [row] = await session.query<{ n: number; fenced: boolean; step: number }>(
      `SELECT coalesce((SELECT n FROM holdfast.made WHERE process = $1), 0) AS n, NOT EXISTS (SELECT FROM holdfast.process WHERE id = $1 AND NOT fenced) AS fenced, (SELECT n FROM holdfast.step) AS step`, [seat.id]);
    return row!;
  }

  async function write(items: Item[]): Promise<void> {
    const entries = entriesOf(items), runs = entries.flatMap(({ shift }) => shift ? readRuns(shift.admitted) : []);
    if (items.some(({ learnt }) => learnt !== turns.learnt)) throw busy();
    const { seen } = seat; // of this moment: what is learnt from here on was not known to whoever called
    let sent = false, forgot = false;
    await line.use(async (session) => {
      // A first attempt whose answer was lost may have been done.
      if (sent && (await made(session)).n > seen) return;
      for (;;) {
        await parted.ensure(session, runs);
        try {
          sent = true;
          await session.batch(commitSteps(seat.id, seen, entries, parts.notify));
          return;
        } catch (error) {
          if (forgot || !isUnpartitioned(error)) throw error;
          forgot = true;
          parted.forget();
        }
      }
    }).catch(async (error: unknown) => {
      if (!isPassed(error)) throw refusal(error);
      // The number is not the next: this very commit may have been done by an attempt that was given up, or others were first.
      const now = await line.use(made);
      if (now.fenced) throw fail(lostPlace('its lease was over, and another process took over'));
      if (now.step < seen) throw fail(lostPlace('the server that answers now lacks what was committed before'));
      if (now.n <= seen) throw busy();
    });
    seat.seen = Math.max(seat.seen, seen + 1);
  }

  function refusal(error: unknown): Fault {
    const fault = storeFault(error, 'a commit');
    return fault.code === 'store-failed' ? fail(fault) : fault;
  }

  const queue = commitQueue<Item>(write);
  return {
    get: parts.reads.get,
    scan: parts.reads.scan,
    async commit(ops, shift) {
      checkOps(ops, { key: KEY_MAX, value: VALUE_MAX });
      const { learnt } = turns, moves = shift && (shift.retracted.length > 0 || shift.admitted.length > 0);
      await queue.commit([...ops.map((op) => ({ op, learnt })), ...(moves ? [{ shift, learnt }] : [])]);
    },
    alone: queue.alone,
    idle: queue.idle,
  };
}

function busy(): Fault {
  return new Fault('busy', 'Other processes of this server have committed meanwhile; take a turn, see what is new, and do it again.');
}

/** The calls of `commit` again: each ends with its shift, if it has one. */
function entriesOf(items: readonly Item[]): Entry[] {
  const entries: Entry[] = [];
  let ops: Op[] = [];
  for (const item of items) {
    if ('op' in item) { ops.push(item.op); continue; }
    entries.push({ ops, shift: item.shift });
    ops = [];
  }
  if (ops.length > 0) entries.push({ ops, shift: undefined });
  return entries;
}
