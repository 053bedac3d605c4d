// Group commit of a journal's records: those that arrive together are written together, in the order of their calls, and one write is under way at a time.
import { Fault } from '../fault.ts';
import type { Bytes, Journal } from '../ports.ts';
import { RECORD_BYTES } from './journal-format.ts';

/** Bytes of records that go out in one write; a single larger record goes alone. */
const GROUP_BYTES = 1_048_576;

/** A record that waits, numbered from 1; a note waits without `done`. */
export interface Waiting { readonly number: number; readonly record: Bytes; readonly generation: number; readonly done: { resolve: () => void; reject: (fault: Fault) => void } | undefined }

/** How a write ended: so many records from the front are on stable storage; `fault` refuses the others and whatever waits behind them. */
export interface Written { readonly kept: number; readonly fault?: Fault | undefined }

/** Records on their way to a medium: what of `Journal` is the same on each. */
export interface RecordQueue extends Pick<Journal, 'append' | 'note' | 'size' | 'turn'> {
  readonly generation: number;
  /** The number of the next record. */
  readonly next: number;
  /** What `fail` was given first. */
  readonly failure: Fault | undefined;
  /** Why nothing is taken any more: it failed, or it was closed. */
  readonly refusing: Fault | undefined;
  /** Refuses what waits and everything from now on; the first fault counts, and is given back. */
  fail(fault: Fault): Fault;
  /** Resolves when nothing of the generations before this one waits or is under way; their notes are dropped. Throws what `fail` was given. */
  past(before: number): Promise<void>;
  /** Takes nothing any more, and resolves when what waits, notes too, was written or refused. */
  drain(): Promise<void>;
}

const tick = (): Promise<void> => new Promise((resolve) => { setImmediate(resolve); });

/** A queue in front of `write`, which gets records of one generation and never throws. `name` begins sentences; `overhead`: what a record counts besides its bytes. */
export function recordQueue(name: string, overhead: number, write: (items: readonly Waiting[]) => Promise<Written>): RecordQueue {
  let queue: Waiting[] = [], waiting = 0, size = 0, generation = 1, next = 1, closed = false;
  let failure: Fault | undefined, pumping: Promise<void> | undefined;
  let writing: Promise<void> | undefined, reached = Infinity; // the write under way and the generation it belongs to

  function refuse(items: Waiting[], fault: Fault): void {
    for (const { record, generation: its, done } of items) {
      if (its === generation) size -= record.length + overhead;
      if (done) { waiting--; done.reject(fault); }
    }
  }

  /** The next records of one generation, up to a group's size. */
  function nextGroup(): Waiting[] {
    let count = 0, bytes = 0;
    for (const item of queue) {
      if (item.generation !== queue[0]!.generation || (count > 0 && bytes + item.record.length > GROUP_BYTES)) break;
      bytes += item.record.length + overhead;
      count++;
    }
    return queue.splice(0, count);
  }

  async function send(group: Waiting[]): Promise<void> {
    const { kept, fault } = await write(group);
    for (const { done } of group.slice(0, kept)) if (done) { waiting--; done.resolve(); }
    // Whatever waits behind a refused record is refused as well: it may continue the same log.
    if (fault) refuse([...group.slice(kept), ...queue.splice(0)], fault);
  }

  async function pump(): Promise<void> {
    await tick(); // whoever appends in this turn of the loop shares the write
    while (queue.length > 0 && (waiting > 0 || closed) && !failure) {
      reached = queue[0]!.generation;
      await (writing = send(nextGroup()));
      writing = undefined;
      reached = Infinity;
      await tick(); // those that were just answered get into the next write
    }
    pumping = undefined;
  }

  const refusing = (): Fault | undefined => failure ?? (closed ? new Fault('closed', `${name} is closed.`) : undefined);

  function check(record: Bytes): Fault | undefined {
    const fault = refusing();
    if (fault) return fault;
    if (record.length < 1 || record.length > RECORD_BYTES) return new Fault('bad-argument', `A record of the journal has 1 to ${RECORD_BYTES} bytes, not ${record.length}.`);
    return undefined;
  }

  function add(record: Bytes, done: Waiting['done']): void {
    queue.push({ number: next++, record, generation, done });
    size += record.length + overhead;
  }

  return {
    get size() { return size; },
    get generation() { return generation; },
    get next() { return next; },
    get failure() { return failure; },
    get refusing() { return refusing(); },
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
    turn() {
      size = 0;
      return ++generation;
    },
    fail(fault) {
      failure ??= fault;
      refuse(queue.splice(0), failure);
      return failure;
    },
    async past(before) {
      while (reached < before || queue.some((item) => item.done && item.generation < before)) await (writing ?? tick());
      if (failure) throw failure;
      queue = queue.filter((item) => item.generation >= before);
    },
    async drain() {
      closed = true;
      while (pumping) await pumping;
      if (queue.length > 0 && !failure) await (pumping = pump());
    },
  };
}
