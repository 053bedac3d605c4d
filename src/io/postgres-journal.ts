// The Journal in PostgreSQL: records that arrive together are one transaction, one of which is under way at a time; nobody whose lease was taken can append.
import { Fault } from '../fault.ts';
import type { Bytes, Journal } from '../ports.ts';
import { RECORD_BYTES } from './journal-format.ts';
import { BYTEA, INT8, binaryArray, int8 } from './postgres-arrays.ts';
import { storeFault } from './postgres-errors.ts';
import type { Line } from './postgres-line.ts';
import type { Seat } from './postgres-slots.ts';
import { lostPlace } from './postgres-turn.ts';

/** Bytes of records that go out together; a single larger record goes alone. */
const GROUP_BYTES = 1_048_576;
/** What a record counts besides its bytes. */
const OVERHEAD = 20;

/** A record waiting; a note waits without `done`. */
interface Item { number: number; record: Bytes; generation: number; done: { resolve: () => void; reject: (fault: Fault) => void } | undefined }

const tick = (): Promise<void> => new Promise((resolve) => { setImmediate(resolve); });

/** The journal of this process, empty at first: what dead processes left comes by `Shared.orphans`. `bounded` gives up waiting when the database stays away; `whenClosed` is called once. */
export function journalOn(line: Line, seat: Seat, fail: (fault: Fault) => Fault, bounded: (work: Promise<unknown>) => Promise<void>, whenClosed: () => Promise<void>): Journal {
  let queue: Item[] = [], waiting = 0, size = 0, generation = 1, next = 1;
  let failure: Fault | undefined, closing: Promise<void> | undefined, pumping: Promise<void> | undefined, flushing: Promise<void> | undefined, flushed = Infinity;
  /** The first number of each generation. */
  const starts = new Map([[1, 1]]);

  function refuse(items: Item[], fault: Fault): void {
    for (const { record, generation: its, done } of items) {
      if (its === generation) size -= record.length + OVERHEAD;
      if (done) { waiting--; done.reject(fault); }
    }
  }

  function nextGroup(): Item[] {
    let count = 0, bytes = 0;
    for (const { record, generation: its } of queue) {
      if (count > 0 && (bytes + record.length > GROUP_BYTES || its !== queue[0]!.generation)) break;
      bytes += record.length;
      count++;
    }
    return queue.splice(0, count);
  }

  async function write(items: Item[]): Promise<void> {
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

  async function flush(items: Item[]): Promise<void> {
    try {
      await write(items);
    } catch (error) {
      const fault = storeFault(error, 'an append to the journal');
      // Whatever waits behind a refused record is refused as well: it may continue the same log.
      if (fault.code !== 'store-full') failure = fail(fault);
      refuse([...items, ...queue.splice(0)], fault);
      return;
    }
    for (const { done } of items) if (done) { waiting--; done.resolve(); }
  }

  async function pump(): Promise<void> {
    await tick(); // whoever appends in this turn of the loop shares the flush
    while (queue.length > 0 && (waiting > 0 || closing) && !failure) {
      flushed = queue[0]!.generation;
      await (flushing = flush(nextGroup()));
      flushing = undefined;
      flushed = Infinity;
      await tick(); // those that were just answered get into the next flush
    }
    pumping = undefined;
  }

  function check(record: Bytes): Fault | undefined {
    if (failure) return failure;
    if (closing) return new Fault('closed', 'The journal in PostgreSQL is closed.');
    if (record.length < 1 || record.length > RECORD_BYTES) return new Fault('bad-argument', `A record of the journal has 1 to ${RECORD_BYTES} bytes, not ${record.length}.`);
    return undefined;
  }

  function add(record: Bytes, done: Item['done']): void {
    queue.push({ number: next++, record, generation, done });
    size += record.length + OVERHEAD;
  }

  async function release(before: number): Promise<void> {
    while (flushed < before || queue.some((item) => item.done && item.generation < before)) await (flushing ?? tick());
    if (failure) throw failure;
    queue = queue.filter((item) => item.generation >= before);
    const first = starts.get(before);
    if (first === undefined || first === 1) return;
    await line.use((session) => session.query('DELETE FROM holdfast.journal WHERE process = $1 AND number < $2', [seat.id, first])).catch((error: unknown) => { throw storeFault(error, 'releasing the journal'); });
    for (const old of starts.keys()) if (old < before) starts.delete(old);
  }

  async function rest(): Promise<void> {
    while (pumping) await pumping;
    if (queue.length > 0 && !failure) await (pumping = pump());
  }

  return {
    append(record) {
      const fault = check(record);
      if (fault) return Promise.reject(fault);
      return new Promise((resolve, reject) => {
        waiting++;
        add(record, { resolve, reject });
        pumping ??= pump();
      });
    },
    note(record) {
      const fault = check(record);
      if (fault?.code === 'bad-argument') throw fault;
      if (!fault) add(record, undefined); // otherwise it is lost, as a note may be
    },
    replay: () => Promise.resolve({ records: [], damage: [] }),
    get size() { return size; },
    turn() {
      size = 0;
      starts.set(++generation, next);
      return generation;
    },
    release(before) {
      if (failure) return Promise.reject(failure);
      if (closing) return Promise.reject(new Fault('closed', 'The journal in PostgreSQL is closed.'));
      return release(Math.min(before, generation));
    },
    close: () => closing ??= bounded(rest()).then(whenClosed),
  };
}
