// What the files of a folder take on the disk.

import { readdir, stat } from 'node:fs/promises';
import { join } from 'node:path';

/** Bytes that the files of a folder, and of those in it, take on the disk; 0 where there is none. */
export async function bytesUnder(dir: string): Promise<number> {
  let bytes = 0;
  for (const entry of await readdir(dir, { withFileTypes: true }).catch(() => [])) {
    const path = join(dir, entry.name);
    if (entry.isDirectory()) bytes += await bytesUnder(path);
    // A file may go while this looks; sparse files count what they take.
    else bytes += await stat(path).then(({ blocks }) => blocks * 512, () => 0);
  }
  return bytes;
}
