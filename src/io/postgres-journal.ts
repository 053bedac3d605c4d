// The Journal in PostgreSQL: records that arrive together are one transaction, one of which is under way at a time; nobody whose lease was taken can append.
import type { Fault } from '../fault.ts';
import type { Journal } from '../ports.ts';
import { BYTEA, INT8, binaryArray, int8 } from './postgres-arrays.ts';
import { storeFault } from './postgres-errors.ts';
import type { Line } from './postgres-line.ts';
import type { Seat } from './postgres-slots.ts';
import { lostPlace } from './postgres-turn.ts';
import { recordQueue, type Waiting, type Written } from './record-queue.ts';

/** What a record counts besides its bytes. */
const OVERHEAD = 20;

/** The journal of this process, empty at first: what dead processes left comes by `Shared.orphans`. `bounded` gives up waiting when the database stays away; `whenClosed` is called once. */
export function journalOn(line: Line, seat: Seat, fail: (fault: Fault) => Fault, bounded: (work: Promise<unknown>) => Promise<void>, whenClosed: () => Promise<void>): Journal {
  const records = recordQueue('The journal in PostgreSQL', OVERHEAD, flush);
  let closing: Promise<void> | undefined;
  /** The first number of each generation. */
  const starts = new Map([[1, 1]]);

  async function write(items: readonly Waiting[]): Promise<void> {
    // The row of the process is locked, so that whoever takes over waits for this, or this finds itself fenced. Sent twice it is kept once.
    const answers = await line.use((session) => session.batch([
      { name: 'begin', text: 'BEGIN' },
      { name: 'mine', text: 'SELECT FROM holdfast.process WHERE slot = $1 AND id = $2 AND NOT fenced FOR SHARE', values: [seat.slot, seat.id] },
      {
        name: 'append', values: [seat.id, binaryArray(INT8, items.map(({ number }) => int8(number))), binaryArray(BYTEA, items.map(({ record }) => record))],
        text: `INSERT INTO holdfast.journal (process, number, record) SELECT p.id, r.number, r.record FROM holdfast.process p, unnest($2::bigint[], $3::bytea[]) AS r (number, record) WHERE p.id = $1::uuid AND NOT p.fenced ON CONFLICT DO NOTHING`,
      },
      { name: 'commit', text: 'COMMIT' },
    ]));
    if (answers[1]!.rows.length === 0) throw lostPlace('its lease was over, and another process took over its journal');
  }

  async function flush(items: readonly Waiting[]): Promise<Written> {
    try {
      await write(items);
      return { kept: items.length };
    } catch (error) {
      const fault = storeFault(error, 'an append to the journal');
      return { kept: 0, fault: fault.code === 'store-full' ? fault : records.fail(fail(fault)) };
    }
  }

  async function release(before: number): Promise<void> {
    await records.past(before);
    const first = starts.get(before);
    if (first === undefined || first === 1) return;
    await line.use((session) => session.query('DELETE FROM holdfast.journal WHERE process = $1 AND number < $2', [seat.id, first])).catch((error: unknown) => { throw storeFault(error, 'releasing the journal'); });
    for (const old of starts.keys()) if (old < before) starts.delete(old);
  }

  return {
    append: (record) => records.append(record),
    note: (record) => records.note(record),
    replay: () => Promise.resolve({ records: [], damage: [] }),
    get size() { return records.size; },
    turn() {
      const generation = records.turn();
      starts.set(generation, records.next);
      return generation;
    },
    release: (before) => (records.refusing ? Promise.reject(records.refusing) : release(Math.min(before, records.generation))),
    close: () => closing ??= bounded(records.drain()).then(whenClosed),
  };
}
