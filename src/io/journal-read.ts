// Reads what a journal holds without touching it: for a device that is dead. See JOURNAL.md.
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import type { Bytes } from '../ports.ts';
import { readFrames, readHeaders, type SlotHeader } from './journal-format.ts';
import { openWorn } from './worn-file.ts';

/** All records of the journal in a folder, oldest first; none where there is no folder. `damage` and `torn` as for an open journal. Writes nothing. */
export function readJournal(folder: string): { records: Bytes[]; damage: string[]; torn: string[] } {
  const records: Bytes[][] = [], damage: string[] = [], torn: string[] = [];
  let names: string[];
  try {
    names = readdirSync(folder).filter((name) => /^\d+\.journal$/.test(name));
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') damage.push(`the journal in ${folder} cannot be read: ${(error as Error).message}`);
    return { records: [], damage, torn };
  }
  const slots: { name: string; header: SlotHeader; bytes: Bytes }[] = [];
  for (const name of names) {
    const path = join(folder, name);
    try {
      const file = openWorn(path), bytes = file.read(0, file.size), state = readHeaders(bytes);
      file.close();
      if (file.lost > 0) damage.push(`journal file ${path}: ${file.lost} bytes cannot be read from the medium`);
      if (state === 'unreadable') damage.push(`journal file ${path}: its header is damaged`);
      else if (state !== 'free') slots.push({ name: path, header: state, bytes });
    } catch (error) {
      damage.push(`journal file ${path} cannot be read: ${(error as Error).message}`);
    }
  }
  let later = false;
  for (const { name, header, bytes } of slots.sort((a, b) => b.header.sequence - a.header.sequence)) {
    const content = readFrames(bytes, header, later, `journal file ${name}`);
    records.unshift(content.records);
    damage.unshift(...content.damage);
    torn.unshift(...content.torn);
    later ||= content.records.length > 0;
  }
  return { records: records.flat(), damage, torn };
}
