// Which process it is, in a text that others on the same machine can tell a dead process by.
import { readFileSync, readlinkSync } from 'node:fs';
import { hostname } from 'node:os';
import { processStat } from './lock.ts';

const boot = (): string => {
  try { return readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim(); } catch { return 'none'; }
};
/** Processes of another container have numbers of their own. */
const space = (): string => {
  try { return /\d+/.exec(readlinkSync('/proc/self/ns/pid'))?.[0] ?? 'none'; } catch { return 'none'; }
};

/** The mark of this process: host, boot, space of process numbers, number, start. */
export function processMark(): string {
  return [hostname(), boot(), space(), process.pid, processStat('self')?.started ?? 0].join(' ');
}

/** True when a mark is that of a process of this machine that is over; false when it lives, or cannot be seen from here. */
export function isOver(mark: string): boolean {
  const theirs = mark.split(' '), own = processMark().split(' '), pid = Number(theirs[3]);
  if (theirs.length !== 5 || !(pid > 0) || theirs.slice(0, 3).join(' ') !== own.slice(0, 3).join(' ')) return false;
  try {
    process.kill(pid, 0);
  } catch (error) {
    if ((error as { code?: unknown }).code === 'ESRCH') return true;
  }
  const stat = processStat(pid);
  // A number is used again; what has ended and was not waited for is over, too.
  return stat !== undefined && (String(stat.started) !== theirs[4] || stat.state === 'Z' || stat.state === 'X');
}
