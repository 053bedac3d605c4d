// The files of the journal: which exist, what they hold, taking a free one, growing, freeing. See JOURNAL.md.
import { dirname, join } from 'node:path';
import type { Bytes } from '../ports.ts';
import { crc32c } from '../event/bytes.ts';
import type { Disk, DiskFile } from './disk.ts';
import { FRAMES_AT, encodeHeaders, readFrames, readHeaders, type SlotHeader } from './journal-format.ts';

/** Bytes of the smallest slot, and of the one that stays when the journal is closed. */
export const SLOT_BYTES = 16_384;
/** A slot grows by doubling, but by no more than this at once. */
const GROW_BYTES = 1_048_576;
const PAGE = 4_096;

/** One file. `generation` 0: found when the journal was opened. `end`: where the next frame goes, 0 as long as not even the header is written. */
export interface Slot {
  number: number;
  length: number;
  file: DiskFile | undefined;
  header: SlotHeader;
  seed: number;
  generation: number;
  end: number;
}

/** What was found in the folder. */
export interface Found { records: Bytes[]; damage: string[]; torn: string[] }

export interface Slots {
  readonly found: Found;
  /** Takes a free slot for a generation, or makes one. */
  take(generation: number): Promise<Slot>;
  /** Makes room up to `need` bytes: twice the space if there is that much, otherwise just enough. */
  grow(slot: Slot, need: number): Promise<void>;
  /** Frees all slots of generations before this one and keeps one of them for later. */
  free(generation: number): Promise<void>;
  /** Cuts down what is kept and closes all files. */
  close(): Promise<void>;
}

/** Whether an error of the file system says that there is no room. */
export function isFull(error: unknown): boolean {
  const code = (error as { code?: unknown } | null)?.code;
  return code === 'ENOSPC' || code === 'EDQUOT' || code === 'EFBIG';
}

const pages = (length: number): number => Math.ceil(length / PAGE) * PAGE;
const noHeader: SlotHeader = { sequence: 0, salt: new Uint8Array(12) };

/** Opens the folder, which is made when it is missing, and reads all that its slots hold. */
export async function openSlots(disk: Disk, folder: string, random: (length: number) => Bytes): Promise<Slots> {
  const path = (number: number): string => join(folder, `${number}.journal`);
  await disk.makeFolder(folder);
  const found: Found = { records: [], damage: [], torn: [] };
  const live: Slot[] = [], idle: Slot[] = [];
  let unreadable: number[] = [], sequence = 0, next = 0;

  async function read(): Promise<void> {
    const contents: { slot: Slot; bytes: Bytes }[] = [];
    for (const name of await disk.list(folder)) {
      const number = /^(\d+)\.journal$/.exec(name)?.[1];
      if (number === undefined) continue;
      const slot: Slot = { number: Number(number), length: 0, file: undefined, header: noHeader, seed: 0, generation: 0, end: 0 };
      next = Math.max(next, slot.number + 1);
      try {
        const file = await disk.open(path(slot.number), { durable: true });
        slot.file = file;
        slot.length = await file.size();
        const bytes = await file.read(0, slot.length), state = readHeaders(bytes);
        if (state === 'unreadable') throw new Error('its header is damaged');
        if (state === 'free') { idle.push(slot); continue; }
        slot.header = state;
        sequence = Math.max(sequence, state.sequence);
        contents.push({ slot, bytes });
      } catch (error) {
        await slot.file?.close();
        unreadable.push(slot.number);
        found.damage.push(`journal file ${path(slot.number)} cannot be read: ${error instanceof Error ? error.message : String(error)}`);
      }
    }
    let later = false;
    for (const { slot, bytes } of contents.sort((a, b) => b.slot.header.sequence - a.slot.header.sequence)) {
      const content = readFrames(bytes, slot.header, later, `journal file ${path(slot.number)}`);
      found.records = content.records.concat(found.records);
      found.damage.unshift(...content.damage);
      found.torn.unshift(...content.torn);
      live.unshift(slot);
      later ||= content.records.length > 0;
    }
  }

  async function fileOf(slot: Slot): Promise<DiskFile> {
    return slot.file ??= await disk.open(path(slot.number), { durable: true });
  }

  async function extend(slot: Slot, length: number): Promise<void> {
    const file = await fileOf(slot), zeros = new Uint8Array(Math.min(length - slot.length, GROW_BYTES));
    try {
      for (let at = slot.length; at < length; at += zeros.length) await file.write(zeros.subarray(0, Math.min(zeros.length, length - at)), at);
      slot.length = length;
    } catch (error) {
      await file.truncate(slot.length).catch(() => undefined); // gives the part back; that it was given back does not matter for what is kept
      throw error;
    }
  }

  async function create(): Promise<Slot> {
    const slot: Slot = { number: next++, length: 0, file: undefined, header: noHeader, seed: 0, generation: 0, end: 0 };
    try {
      slot.file = await disk.open(path(slot.number), { exclusive: true, durable: true });
      await extend(slot, SLOT_BYTES);
      await disk.syncFolder(folder);
      await disk.syncFolder(dirname(folder));
      return slot;
    } catch (error) {
      await drop(slot).catch(() => undefined);
      throw error;
    }
  }

  async function drop(slot: Slot): Promise<void> {
    await slot.file?.close();
    await disk.remove(path(slot.number));
  }

  async function cut(slot: Slot, length: number): Promise<void> {
    if (slot.length <= length) return;
    await (await fileOf(slot)).truncate(length);
    slot.length = length;
  }

  /** Keeps the longest idle slot, no longer than `length`, and removes the others. */
  async function keepOne(length: number): Promise<void> {
    idle.sort((a, b) => b.length - a.length);
    for (const slot of idle.splice(1)) await drop(slot);
    for (const slot of idle) await cut(slot, length);
  }

  await read();
  return {
    found,
    async take(generation) {
      const slot = idle.pop() ?? await create();
      await fileOf(slot);
      const salt = random(12);
      // A mark of zeros would be found everywhere.
      salt[0] = salt[0]! | 1;
      Object.assign(slot, { header: { sequence: ++sequence, salt }, seed: crc32c(salt), generation, end: 0 });
      live.push(slot);
      return slot;
    },
    async grow(slot, need) {
      if (need <= slot.length) return;
      const least = pages(need), ample = Math.max(least, slot.length + Math.min(slot.length, GROW_BYTES));
      try {
        await extend(slot, ample);
      } catch (error) {
        if (!isFull(error) || least === ample) throw error;
        await extend(slot, least);
      }
    },
    async free(generation) {
      let used = SLOT_BYTES;
      for (const slot of live.filter((item) => item.generation < generation)) {
        await (await fileOf(slot)).write(new Uint8Array(FRAMES_AT), 0);
        used = Math.max(used, pages(slot.end));
        live.splice(live.indexOf(slot), 1);
        idle.push(slot);
      }
      for (const number of unreadable) await disk.rename(path(number), join(folder, `${number}.unreadable`));
      unreadable = [];
      await keepOne(used * 2);
    },
    async close() {
      await keepOne(SLOT_BYTES);
      for (const slot of [...live, ...idle]) await slot.file?.close();
    },
  };
}

/** The first bytes of a slot's file, which go out with its first group. */
export function slotStart(slot: Slot): Bytes {
  return encodeHeaders(slot.header);
}
