// Data directories for these tests: a folder that goes away, fleets of several nodes in it, and nodes opened in this process.
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { enterFleet, foundFleet } from '../../targets/program/found.ts';
import { openStation, type Station, type StationOptions } from '../../targets/program/station.ts';
import { invite } from '../../src/node-acts.ts';
import { EDGE } from '../../targets/edge/target.ts';
import { use } from '../../targets/program/target.ts';

use(EDGE);

/** Memory as a disk, where there is one: a kill loses nothing of it either, and far more happens between two of them. */
export const FAST = existsSync('/dev/shm') ? '/dev/shm' : tmpdir();

/** A folder for the directories of one test; removed afterwards. */
export async function inFolder(body: (path: (name: string) => string) => Promise<void>, parent = tmpdir()): Promise<void> {
  const root = mkdtempSync(join(parent, 'hf-survive-'));
  try {
    await body((name) => join(root, name));
  } finally {
    if (existsSync(root)) rmSync(root, { recursive: true, force: true, maxRetries: 5 });
  }
}

/** A station without links or control socket, as long as `body` takes. */
export async function withStation<T>(dir: string, body: (station: Station) => Promise<T>, options: Partial<StationOptions> = {}): Promise<T> {
  const station = await openStation(dir, { settings: { windowMs: 200, clock: 'auto' }, control: false, ...options });
  try {
    return await body(station);
  } finally {
    await station.close();
  }
}

/** Founds a fleet in the first directory and has the others join it. */
export async function foundIn(first: string, ...others: string[]): Promise<void> {
  await foundFleet(first, { name: nameOf(first), fleetName: 'survivors' });
  for (const dir of others) {
    const token = await withStation(first, (station) => invite(station.node, { read: ['*'], write: ['*'] }));
    await enterFleet(dir, token, nameOf(dir));
  }
}

function nameOf(dir: string): string {
  return dir.split('/').at(-1)!;
}

/** Memory that a process has for itself, in bytes. */
export function rssAnon(pid: number): number {
  return Number(/^RssAnon:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))![1]) * 1_024;
}
