// The alarms of the fleet: those that stand in the store and in its history, and those that what is seen now calls for.

import type { AlarmRow, NodeRow } from './fleet-rows.ts';
import { momentText, spanText } from './moment.ts';
import { byteText, counted, printable } from './output.ts';

/** Alarms that are listed. */
const LISTED = 500;
/** A clock that is further off than this is an alarm, ms; and a disk with less left than this, bytes, or less than this part of it. */
const CLOCK_MS = 60_000, DISK_LOW = 500_000_000, DISK_PART = 0.05;
/** What each code of an alarm that stands is about. */
const KINDS = new Map<string, AlarmRow['kind']>([['fork', 'fork'], ['clone', 'clone'], ['journal', 'damage'], ['store', 'damage'], ['store-damaged', 'damage']]);

/** Alarms without the time at which they were noticed. */
type Found = Omit<AlarmRow, 'at'>;

/** Remembers when alarms were noticed. */
export class Noticed {
  readonly #at = new Map<string, number | null>();
  #first = true;

  /** Those that are listed, the bad ones first, then the latest; and how many there are. */
  list(found: Found[], now: number): { alarms: AlarmRow[]; count: number } {
    const names = new Set<string>();
    const alarms = found.map((alarm): AlarmRow => {
      const name = `${alarm.code} ${alarm.node} ${alarm.text}`, at = this.#at.get(name);
      names.add(name);
      if (at === undefined) this.#at.set(name, this.#first ? null : now);
      return { ...alarm, at: at === undefined ? this.#first ? null : now : at };
    });
    for (const name of this.#at.keys()) if (!names.has(name)) this.#at.delete(name);
    this.#first = false;
    alarms.sort((a, b) => Number(b.level === 'bad') - Number(a.level === 'bad') || (b.at ?? 0) - (a.at ?? 0) || (a.node < b.node ? -1 : a.node > b.node ? 1 : 0) || (a.code < b.code ? -1 : 1));
    return { alarms: alarms.slice(0, LISTED), count: alarms.length };
  }
}

/** An alarm that stands, with the ids in its words told by name. */
export function standing(code: string, node: string, text: string, nameOf: (id: string) => string | undefined): Found {
  const named = text.replace(/\b[0-9a-f]{64}\b/g, (id) => nameOf(id) === undefined ? id : `${nameOf(id)} (${id.slice(0, 12)}…)`);
  return { kind: KINDS.get(code) ?? 'other', code, level: 'bad', node, name: nameOf(node) ?? node.slice(0, 12), text: named };
}

/** What one node's row calls for. */
export function alarmsOf(row: NodeRow): Found[] {
  const { node, name, state, quarantine, clock, disk, silent } = row, found: Found[] = [], shown = printable(name);
  const add = (kind: AlarmRow['kind'], level: AlarmRow['level'], text: string): void => { found.push({ kind, code: kind, level, node, name, text }); };
  if (quarantine !== null) add('quarantine', 'odd', `${counted(quarantine.segments, 'segment')} (${byteText(quarantine.bytes)}) of ${shown} in quarantine: ${state === 'revoked' ? 'it was revoked' : state === 'unknown' ? 'nobody let it in' : 'written beyond what its grant covers'}`);
  if (state !== 'member') return found;
  const offset = clock?.offset ?? null;
  if (offset !== null && Math.abs(offset) > CLOCK_MS) add('clock', 'odd', `the clock of ${shown} is ${spanText(roughly(Math.abs(offset)))} ${offset > 0 ? 'ahead' : 'behind'}`);
  if (disk !== null && (disk.free < DISK_LOW || disk.free < DISK_PART * disk.total)) add('disk', 'bad', `the disk of ${shown} is nearly full: less than ${byteText(bound(disk.free))} of ${byteText(disk.total)} left`);
  if (silent !== null) add('silence', 'odd', `${shown} was heard of last at ${momentText(silent.since).slice(0, 16)} UTC; its longest pause is ${spanText(silent.habit)}`);
  return found;
}

/** Rounded so that the words stay the same while the number trembles. */
function roughly(ms: number): number {
  const step = ms < 600_000 ? 10_000 : 60_000;
  return Math.round(ms / step) * step;
}

/** The next power of two above. */
function bound(bytes: number): number {
  return 2 ** Math.ceil(Math.log2(Math.max(1, bytes) + 1));
}
