// The Journal on files: records that arrive together are written and flushed together, in one hop to the thread pool. See JOURNAL.md.
import { randomBytes } from 'node:crypto';
import { Fault } from '../fault.ts';
import type { Bytes, Journal } from '../ports.ts';
import { realDisk, type Disk } from './disk.ts';
import { BLOCK, FRAMES_AT, FRAME_HEAD, RECORD_BYTES, groupStart, putFrame } from './journal-format.ts';
import { isFull, openSlots, slotStart, type Slot } from './journal-slots.ts';

/** Bytes of records that go out in one flush; a single larger record goes alone. */
const GROUP_BYTES = 1_048_576;
/** A buffer larger than this is not kept for the next flush. */
const KEPT_BYTES = 262_144;

export interface JournalOptions {
  /** The journal's own folder; made when it is missing. */
  folder: string;
  /** The file system, where it is not the real one (`slowDisk` for cards, a failing one in tests). */
  disk?: Disk;
  /** Random bytes for salts. */
  random?: (length: number) => Bytes;
}

/** A Journal, and what was found torn at its end when it was opened: the ordinary trace of a power cut, nothing that was acknowledged. */
export interface FileJournal extends Journal { readonly torn: readonly string[] }

/** A record waiting for its flush; a note waits without `done`. */
interface Item { record: Bytes; generation: number; done: { resolve: () => void; reject: (fault: Fault) => void } | undefined }

const tick = (): Promise<void> => new Promise((resolve) => { setImmediate(resolve); });
const words = (error: unknown): string => error instanceof Error ? error.message : String(error);

/**
 * Opens the journal in a folder and reads what it holds. Only one process may have it open (see `lock.ts`).
 * Damage never makes this fail; errors of the file system (permissions, a medium that is gone) do, as they are.
 */
export async function openJournal(options: JournalOptions): Promise<FileJournal> {
  const { folder, disk = realDisk(), random = (length) => new Uint8Array(randomBytes(length)) } = options;
  const slots = await openSlots(disk, folder, random);
  const torn = slots.found.torn;
  let found: { records: Bytes[]; damage: string[] } = { records: slots.found.records, damage: slots.found.damage };
  let queue: Item[] = [], waiting = 0, size = 0, generation = 1;
  let current: Slot | undefined, buffer = new Uint8Array(0), attempt: { slot: Slot; from: number; total: number } | undefined;
  let failure: Fault | undefined, closing: Promise<void> | undefined, pumping: Promise<void> | undefined;
  let flushing: Promise<void> | undefined, flushed = Infinity; // the flush under way and the generation it writes to
  let releasing: Promise<void> = Promise.resolve();

  const bytesOf = (items: Item[]): number => items.reduce((sum, item) => sum + item.record.length + FRAME_HEAD, 0);

  function fail(error: unknown): Fault {
    failure ??= new Fault('store-failed', `The journal in ${folder} could not be written (${words(error)}); nobody knows what is on the medium. Stop this process, check the medium, start again.`, { cause: error });
    refuse(queue.splice(0), failure);
    return failure;
  }

  function refuse(items: Item[], fault: Fault): void {
    for (const { record, generation: its, done } of items) {
      if (its === generation) size -= record.length + FRAME_HEAD;
      if (done) { waiting--; done.reject(fault); }
    }
  }

  /** The next records of one generation, up to a group's size. */
  function nextGroup(): Item[] {
    let count = 0, bytes = 0;
    for (const item of queue) {
      if (item.generation !== queue[0]!.generation || (count > 0 && bytes + item.record.length > GROUP_BYTES)) break;
      bytes += item.record.length + FRAME_HEAD;
      count++;
    }
    return queue.splice(0, count);
  }

  /** Where frames of so many bytes would begin in a slot. */
  const startOf = (slot: Slot, bytes: number): number => slot.end === 0 ? FRAMES_AT : groupStart(slot.end, bytes);

  /** Writes frames after `slot.end` in one durable write. Nothing of a failed write counts. */
  async function write(slot: Slot, records: Bytes[], bytes: number): Promise<void> {
    const at = records[0]!.length === 0 ? slot.end : startOf(slot, bytes), from = slot.end === 0 ? 0 : at, end = at + bytes, group = { at, before: slot.end || FRAMES_AT };
    // Zeros end it, but they make no block dirty of which nothing else is written.
    const total = Math.min(end + FRAME_HEAD, Math.ceil(end / BLOCK) * BLOCK, slot.length) - from;
    if (buffer.length < total) buffer = new Uint8Array(Math.max(total, 16_384));
    const out = buffer.subarray(0, total);
    attempt = { slot, from, total };
    if (from === 0) out.set(slotStart(slot));
    let offset = at - from;
    for (const record of records) offset = putFrame(out, offset, record, from + offset, group, slot.header.salt, slot.seed);
    out.fill(0, offset);
    await slot.file!.write(out, from);
    attempt = undefined;
    slot.end = end;
    if (buffer.length > KEPT_BYTES) buffer = new Uint8Array(0);
  }

  async function flush(group: Item[]): Promise<void> {
    let slot: Slot, fitting = group;
    try {
      if (current?.generation !== group[0]!.generation) current = await slots.take(group[0]!.generation);
      slot = current;
      const bytes = bytesOf(group), need = startOf(slot, bytes) + bytes + FRAME_HEAD; // the end mark fits behind every group
      await slots.grow(slot, need).catch((error: unknown) => {
        if (!isFull(error)) throw error;
        // Those at the front that fit into the space that is there still go out.
        let room = slot.length - (slot.end || FRAMES_AT) - BLOCK - FRAME_HEAD;
        fitting = group.slice(0, group.findIndex((item) => (room -= item.record.length + FRAME_HEAD) < 0));
        if (fitting.length === 0) throw error;
      });
      await write(slot, fitting.map((item) => item.record), bytesOf(fitting));
    } catch (error) {
      if (!isFull(error)) { refuse(group, fail(error)); return; }
      fitting = [];
      await undo().catch((worse: unknown) => { fail(worse); });
    }
    for (const { done } of fitting) if (done) { waiting--; done.resolve(); }
    if (fitting.length === group.length) return;
    // Whatever waits behind a refused record is refused as well: it may continue the same log.
    const full = new Fault('store-full', `There is no space left for the journal in ${folder}; nothing of this append was kept. Free some space and try again.`);
    refuse([...group.slice(fitting.length), ...queue.splice(0)], failure ?? full);
  }

  /** After a write that found no space: nothing that it may have left must look like a record, now or behind shorter ones that come later. */
  async function undo(): Promise<void> {
    if (attempt) await attempt.slot.file!.write(new Uint8Array(attempt.total), attempt.from);
    attempt = undefined;
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
    if (closing) return new Fault('closed', `The journal in ${folder} is closed.`);
    if (record.length < 1 || record.length > RECORD_BYTES) return new Fault('bad-argument', `A record of the journal has 1 to ${RECORD_BYTES} bytes, not ${record.length}.`);
    return undefined;
  }

  function add(record: Bytes, done: Item['done']): void {
    queue.push({ record, generation, done });
    size += record.length + FRAME_HEAD;
  }

  async function release(before: number): Promise<void> {
    while (flushed < before || queue.some((item) => item.done && item.generation < before)) await (flushing ?? tick());
    if (failure) throw failure;
    queue = queue.filter((item) => item.generation >= before);
    if (current && current.generation < before) current = undefined;
    try {
      await slots.free(before);
      found = { records: [], damage: [] };
    } catch (error) {
      throw fail(error);
    }
  }

  async function finish(): Promise<void> {
    while (pumping) await pumping;
    if (queue.length > 0 && !failure) await (pumping = pump());
    await releasing.catch(() => undefined);
    try {
      // The end mark tells damage from a torn flush. There is always room for it.
      if (current && current.end > 0 && !failure) await write(current, [new Uint8Array(0)], FRAME_HEAD);
      await slots.close();
    } catch (error) {
      if (!failure) throw fail(error);
    }
  }

  return {
    torn,
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
    replay: async () => ({ records: [...found.records], damage: [...found.damage] }),
    get size() { return size; },
    turn() {
      size = 0;
      return ++generation;
    },
    release(before) {
      if (failure) return Promise.reject(failure);
      if (closing) return Promise.reject(new Fault('closed', `The journal in ${folder} is closed.`));
      const mine = releasing.catch(() => undefined).then(() => release(Math.min(before, generation)));
      releasing = mine;
      mine.catch(() => undefined);
      return mine;
    },
    close: () => closing ??= finish(),
  };
}
