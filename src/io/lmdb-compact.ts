// A copy of an LMDB file without its free pages: LMDB gives no page back to the file system, and repacking frees many.
import { closeSync, fsyncSync, openSync } from 'node:fs';
import { mkdir, rm, statfs } from 'node:fs/promises';
import { join } from 'node:path';
import type lmdb from 'node-lmdb';
import { checkPages, type Findings } from './lmdb-check.ts';
import { readAt, readMetas } from './lmdb-pages.ts';

/** Bytes of the open file's pages in use, and of those that hold nothing. */
export function usage(fd: number): { used: number; free: number } {
  const meta = readMetas(fd)[0];
  if (!meta) return { used: 0, free: 0 };
  const used = 2 + meta.main.pages + meta.free.pages;
  return { used: used * meta.pageSize, free: Math.max(0, meta.last + 1 - used) * meta.pageSize };
}

/** Whether every page of a file is sound. */
function isSound(path: string): boolean {
  const fd = openSync(path, 'r');
  try {
    fsyncSync(fd);
    const meta = readMetas(fd)[0], findings: Findings = { damaged: [], free: false, listed: false };
    if (!meta) return false;
    const steps = checkPages(meta, findings);
    for (let step = steps.next(); !step.done;) step = steps.next(readAt(fd, step.value.page * meta.pageSize, step.value.pages * meta.pageSize));
    return findings.damaged.length === 0 && !findings.free;
  } finally {
    closeSync(fd);
  }
}

/**
 * Writes the copy beside the store, on another thread, flushed and checked, and gives the path of its file; nothing may be written to the store meanwhile.
 * `used`: bytes of its pages in use. Undefined when there is no space for it, or it did not come out well: then the store stays as it is.
 */
export async function compactCopy(env: lmdb.Env, folder: string, used: number): Promise<string | undefined> {
  const target = join(folder, 'compact'), file = join(target, 'data.mdb');
  await rm(target, { recursive: true, force: true });
  const { bavail, bsize } = await statfs(folder);
  if (bavail * bsize < used * 1.1 + 262_144) return undefined;
  await mkdir(target, { mode: 0o700 });
  const copied = await new Promise<boolean>((resolve) => { env.copy(target, true, (error: Error | null) => { resolve(!error); }); });
  if (copied && isSound(file)) return file;
  await rm(target, { recursive: true, force: true });
  return undefined;
}
