// Folders for tests on real files, removed when the test is over.
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** Makes an empty folder below the system's one for temporary files, or below `parent`. */
export async function freshFolder(parent = tmpdir()): Promise<{ path: string; remove(): Promise<void> }> {
  const path = await mkdtemp(join(parent, 'holdfast-test-'));
  return { path, remove: () => rm(path, { recursive: true, force: true }) };
}
