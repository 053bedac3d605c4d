// What every benchmark shares: its results as lines of JSON, a folder that is gone afterwards, and measuring two things in turns.

import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { loadavg } from 'node:os';
import { join } from 'node:path';

/** One result, as build/bench.mjs reads it. */
export interface Row {
  what: string;
  value: number;
  unit: string;
  baseline?: { what: string; value: number } | undefined;
  ratio?: number | undefined;
  reach?: string | undefined;
  ok?: boolean | undefined;
  note?: string | undefined;
}

/** Prints a result. */
export function tell(row: Row): void {
  process.stdout.write(`${JSON.stringify(row)}\n`);
}

/** Words for whoever watches. */
export function say(text: string): void {
  process.stderr.write(`  ${text}\n`);
}

/** Where benchmarks put what they build, on the disk of the repository: /tmp may lie in memory. */
export const PLACE = join(process.cwd(), 'dist/bench');
/** In the names of what is kept there from run to run: raise it when a store that an older program made would no longer do. */
export const KEPT = 2;
let folder: string | undefined;

/** A new empty folder, removed when the process ends. */
export function freshFolder(name: string): string {
  if (folder === undefined) {
    mkdirSync(PLACE, { recursive: true });
    const mine = folder = mkdtempSync(join(PLACE, 'run-'));
    process.on('exit', () => rmSync(mine, { recursive: true, force: true }));
  }
  return mkdtempSync(join(folder, `${name}-`));
}

/** Collects garbage where the process may, so that nobody pays for what another made. */
export function sweep(): void {
  (globalThis as { gc?: () => void }).gc?.();
}

/**
 * Measures several things in turns, `rounds` times, and gives the best of each: what else runs on the machine only ever makes things slower.
 * Each gives something of which more is better.
 */
export async function inTurns(rounds: number, things: (() => Promise<number> | number)[]): Promise<number[]> {
  const best = things.map(() => 0);
  for (let round = 0; round < rounds; round++) {
    for (let i = 0; i < things.length; i++) {
      sweep();
      best[i] = Math.max(best[i]!, await things[i]!());
    }
  }
  return best;
}

/** How many a second, from a count and a start by `performance.now()`. */
export function perSecond(count: number, since: number): number {
  return count / (performance.now() - since) * 1_000;
}

/** What else the machine has to do, as the average of the last minute: this program's own work counts too. */
export function load(): string {
  return loadavg()[0]!.toFixed(1);
}

/** A pause in ms. */
export function pause(ms: number): Promise<void> {
  return new Promise((resolve) => { setTimeout(resolve, ms); });
}
