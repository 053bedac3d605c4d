// Whether the stick of a link is there, or only the empty folder on which it would be mounted.

import { stat } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import type { FilePlace } from './file-url.ts';

/** A file of this name in a folder says that it is meant, though nothing is mounted there. */
export const MARKER = '.holdfast';

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
