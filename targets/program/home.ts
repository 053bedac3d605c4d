// A data directory: what lies in it, whether a node lives there, and its opening.

import { existsSync, mkdirSync, statSync } from 'node:fs';
import { dirname, resolve } from 'node:path';
import { Fault } from '../../src/fault.ts';
import { decodeIdentity } from '../../src/fleet/identity.ts';
import { keyFile } from '../../src/io/key-file.ts';
import { CLOCK_NONE, CLOCK_RTC, CLOCK_SYNCED, type ClockQuality } from '../../src/ports.ts';
import type { Home, Opening } from './medium.ts';
import type { Settings } from './settings.ts';
import { medium } from './target.ts';

/** The secrets of this node, its place in a fleet, and the fleet's keys. */
export const KEY_FILE = 'node.key';
/** The fleet's root key, until it is moved away. */
export const ROOT_KEY_FILE = 'root.key';
/** The folder of a store of LMDB. */
export const STORE = 'store';
/** What is not in the store yet. */
export const JOURNAL = 'journal';
/** What a setting says of the clock; undefined: it is judged. */
export const CLOCKS: { [word in Settings['clock']]: ClockQuality | undefined } = { auto: undefined, none: CLOCK_NONE, rtc: CLOCK_RTC, synced: CLOCK_SYNCED };

/** Whether a node lives in a directory; one whose setup was interrupted does not yet. Fault `bad-argument`: this user may not look into it. */
export async function hasNode(dir: string): Promise<boolean> {
  const path = (await medium()).keyPath(dir);
  try {
    statSync(path);
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === 'ENOTDIR') throw new Fault('bad-argument', `${dirname(path)} is not a directory.`, { cause: error });
    if (code === 'EACCES') throw new Fault('bad-argument', `This user may not look into ${dirname(path)}; run holdfast as the user that the directory belongs to.`, { cause: error });
    return false;
  }
  try {
    const bytes = await keyFile(path).load();
    return bytes !== undefined && decodeIdentity(bytes).grant !== null;
  } catch {
    // Unreadable is not absent: opening it says what is wrong.
    return true;
  }
}

/** Fault `no-fleet` with what to do, for a directory in which no node lives. */
export async function noNode(dir: string): Promise<Fault> {
  const key = (await medium()).keyPath(dir);
  if (resolve(dirname(key)) !== resolve(dir) && !existsSync(key)) return new Fault('no-fleet', `There is no key file ${key}. Who has the key of a node is that node; name the file that \`holdfast init\` or \`holdfast join\` made.`);
  const what = existsSync(dir) ? `There is no node in ${dir}.` : `There is no directory ${dir}.`;
  return new Fault('no-fleet', `${what} \`holdfast init --dir ${dir}\` founds a fleet, \`holdfast join TOKEN --dir ${dir}\` joins one; --dir or HOLDFAST_DIR names another directory.`);
}

/**
 * Locks and opens a directory; with `create` it is made if it is missing.
 * Faults: `no-fleet`, `store-locked`, `store-damaged`, `store-failed`, `bad-argument` (no directory, no permission).
 */
export async function openHome(dir: string, options: Opening = {}): Promise<Home> {
  if (options.create !== true && !await hasNode(dir)) throw await noNode(dir);
  try {
    if (options.create === true) mkdirSync(dir, { recursive: true, mode: 0o700 });
  } catch (error) {
    throw new Fault('bad-argument', `The directory ${dir} cannot be made: ${(error as Error).message}`, { cause: error });
  }
  return (await medium()).open(dir, options);
}
