// What a database server costs: seconds of processor, whatever else the machine does.

import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

/** Ticks of a second in /proc. */
const TICKS = 100;

/** Fields of a process's line behind its name, which may hold anything. */
function fields(pid: string): number[] {
  try {
    const text = readFileSync(`/proc/${pid}/stat`, 'utf8');
    return text.slice(text.lastIndexOf(')') + 2).split(' ').map(Number);
  } catch {
    return [];
  }
}

/** Seconds of processor that a server has used until now, all its processes together, also those that are gone; 0 where there is no /proc. */
export function serverSeconds(folder: string): number {
  const postmaster = readFileSync(join(folder, 'postmaster.pid'), 'utf8').split('\n', 1)[0]!;
  // utime, stime, and those of children that were waited for
  const its = (): number => fields(postmaster).slice(11, 15).reduce((sum, n) => sum + n, 0);
  for (;;) {
    const before = its();
    let ticks = before;
    for (const pid of readdirSync('/proc')) {
      if (!/^\d+$/.test(pid)) continue;
      const stat = fields(pid);
      if (stat[1] === Number(postmaster)) ticks += stat[11]! + stat[12]!;
    }
    // A child that ended meanwhile might be missing in both.
    if (its() === before) return ticks / TICKS;
  }
}

/** Seconds of processor that this process has used. */
export function ownSeconds(): number {
  const { user, system } = process.cpuUsage();
  return (user + system) / 1e6;
}
