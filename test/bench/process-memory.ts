// The memory that a process has for itself, as benchmarks of whole programs take it.
import { readFileSync } from 'node:fs';
import { pause } from './rows.ts';

/** Bytes of memory that a process has for itself. */
export function anon(pid: number): number {
  return Number(/^RssAnon:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))![1]) * 1_024;
}

/** The lowest over some seconds: between two collections of garbage it rises. */
export async function settled(pid: number, seconds: number): Promise<number> {
  let least = Infinity;
  for (let i = 0; i < seconds * 4; i++) {
    await pause(250);
    least = Math.min(least, anon(pid));
  }
  return least;
}
