// The URL of a folder or stick as a link, file:/media/usb, and whether the stick is there.

import { stat } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { Fault } from '../../src/fault.ts';

/** A place for bundles. `for`: whom they are for, as written; `plain`: an ordinary folder, nothing has to be mounted there; `tidy`: own volumes that everybody has are removed. */
export interface FilePlace { path: string; for: string[]; plain: boolean; tidy: boolean }

/** A file of this name in a folder says that it is meant, though nothing is mounted there. */
export const MARKER = '.holdfast';

/** Reads file:/PATH?for=NODE&plain=1&tidy=1. Fault `bad-url` with what is wrong. */
export function parseFileUrl(url: string): FilePlace {
  const wrong = (why: string): never => { throw new Fault('bad-url', `${url}: ${why}. A stick or folder is written file:/media/usb`); };
  let parsed: URL, path: string;
  try {
    parsed = new URL(url);
    path = decodeURIComponent(parsed.pathname);
  } catch {
    return wrong('this is no URL');
  }
  if (parsed.protocol !== 'file:' || !/^file:\//i.test(url)) wrong('the path must be a whole one, beginning with /');
  if (parsed.host !== '') wrong(`there is a host (${parsed.host}) before the path; write one slash or three`);
  if (path === '/' || path.includes('\0')) wrong('there is no folder in it');
  const place: FilePlace = { path: path.replace(/\/+$/, ''), for: [], plain: false, tidy: false };
  for (const [name, value] of parsed.searchParams) {
    if (name === 'for' && value !== '') place.for.push(...value.split(',').map((each) => each.trim()).filter((each) => each !== ''));
    else if ((name === 'plain' || name === 'tidy') && (value === '1' || value === '0')) place[name] = value === '1';
    else wrong(name === 'plain' || name === 'tidy' ? `${name} is ${JSON.stringify(value)}; it must be 1 or 0` : `there is no parameter ${JSON.stringify(name)}; there are for, plain and tidy`);
  }
  return place;
}

/** Whether a place can be used. `id` differs from one stick to the next. */
export type Presence = { there: true; id: string } | { there: false; why: string };

/**
 * Looks for the place. A mount point on which nothing is mounted is an ordinary folder on this machine's own disk, and nobody ever carries away what is written there: so the folder
 * must be on another device than the one that it stands in, or hold a file `.holdfast`, unless `plain` says otherwise.
 */
export async function presenceOf({ path, plain }: FilePlace): Promise<Presence> {
  try {
    const found = await stat(path);
    if (!found.isDirectory()) return { there: false, why: 'that is not a folder' };
    const id = `${found.dev} ${found.ino} ${found.birthtimeMs}`;
    if (plain || found.dev !== (await stat(dirname(path))).dev || await stat(join(path, MARKER)).then(() => true, () => false)) return { there: true, id };
    return { there: false, why: `nothing is mounted there (?plain=1, or a file ${MARKER} in it, says that the folder itself is meant)` };
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    if (code === 'ENOENT' || code === 'ENOTDIR') return { there: false, why: 'not there' };
    if (code === 'EACCES') return { there: false, why: 'this user may not look into it' };
    return { there: false, why: `it cannot be read (${code ?? message})` };
  }
}
