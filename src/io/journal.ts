// The Journal on files: records that arrive together are written and flushed together, in one hop to the thread pool. See JOURNAL.md.
import { randomBytes } from 'node:crypto';
import { Fault } from '../fault.ts';
import type { Bytes, Journal } from '../ports.ts';
import { realDisk, type Disk } from './disk.ts';
import { BLOCK, FRAMES_AT, FRAME_HEAD, groupStart, putFrame } from './journal-format.ts';
import { isFull, openSlots, slotStart, type Slot } from './journal-slots.ts';
import { recordQueue, type Waiting, type Written } from './record-queue.ts';

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
  const records = recordQueue(`The journal in ${folder}`, FRAME_HEAD, flush);
  let current: Slot | undefined, buffer = new Uint8Array(0), attempt: { slot: Slot; from: number; total: number } | undefined;
  let closing: Promise<void> | undefined, releasing: Promise<void> = Promise.resolve();

  const bytesOf = (items: readonly Waiting[]): number => items.reduce((sum, item) => sum + item.record.length + FRAME_HEAD, 0);

  function fail(error: unknown): Fault {
    return records.fail(new Fault('store-failed', `The journal in ${folder} could not be written (${words(error)}); nobody knows what is on the medium. Stop this process, check the medium, start again.`, { cause: error }));
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

  async function flush(group: readonly Waiting[]): Promise<Written> {
    let fitting = group, worse: Fault | undefined;
    try {
      if (current?.generation !== group[0]!.generation) current = await slots.take(group[0]!.generation);
      const slot = current, bytes = bytesOf(group), need = startOf(slot, bytes) + bytes + FRAME_HEAD; // the end mark fits behind every group
      await slots.grow(slot, need).catch((error: unknown) => {
        if (!isFull(error)) throw error;
        // Those at the front that fit into the space that is there still go out.
        let room = slot.length - (slot.end || FRAMES_AT) - BLOCK - FRAME_HEAD;
        fitting = group.slice(0, group.findIndex((item) => (room -= item.record.length + FRAME_HEAD) < 0));
        if (fitting.length === 0) throw error;
      });
      await write(slot, fitting.map((item) => item.record), bytesOf(fitting));
    } catch (error) {
      if (!isFull(error)) return { kept: 0, fault: fail(error) };
      fitting = [];
      await undo().catch((failed: unknown) => { worse = fail(failed); });
    }
    if (fitting.length === group.length) return { kept: group.length };
    return { kept: fitting.length, fault: worse ?? new Fault('store-full', `There is no space left for the journal in ${folder}; nothing of this append was kept. Free some space and try again.`) };
  }

  /** After a write that found no space: nothing that it may have left must look like a record, now or behind shorter ones that come later. */
  async function undo(): Promise<void> {
    if (attempt) await attempt.slot.file!.write(new Uint8Array(attempt.total), attempt.from);
    attempt = undefined;
  }

  async function release(before: number): Promise<void> {
    await records.past(before);
    if (current && current.generation < before) current = undefined;
    try {
      await slots.free(before);
      found = { records: [], damage: [] };
    } catch (error) {
      throw fail(error);
    }
  }

  async function finish(): Promise<void> {
    await records.drain();
    await releasing.catch(() => undefined);
    try {
      // The end mark tells damage from a torn flush. There is always room for it.
      if (current && current.end > 0 && !records.failure) await write(current, [new Uint8Array(0)], FRAME_HEAD);
      await slots.close();
    } catch (error) {
      if (!records.failure) throw fail(error);
    }
  }

  return {
    torn,
    append: (record) => records.append(record),
    note: (record) => records.note(record),
    replay: async () => ({ records: [...found.records], damage: [...found.damage] }),
    get size() { return records.size; },
    turn: () => records.turn(),
    release(before) {
      if (records.refusing) return Promise.reject(records.refusing);
      const mine = releasing.catch(() => undefined).then(() => release(Math.min(before, records.generation)));
      releasing = mine;
      mine.catch(() => undefined);
      return mine;
    },
    close: () => closing ??= finish(),
  };
}
