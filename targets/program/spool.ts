// A folder in the data directory for what comes or goes while it is not whole, by the process that uses it.

import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

const SPOOL = /^carry-(\d+)-/;

/**
 * Makes one: a node that runs as a service sees it as well, while it has a /tmp of its own. Those of processes that were killed are removed.
 * Where there is no directory yet, who opens it says so.
 */
export async function spoolIn(dir: string): Promise<string> {
  for (const name of await readdir(dir).catch(() => [])) {
    const pid = Number(SPOOL.exec(name)?.[1]);
    if (pid > 0 && !lives(pid)) await rm(join(dir, name), { recursive: true, force: true }).catch(() => {});
  }
  return mkdtemp(join(dir, `carry-${process.pid}-`)).catch(() => mkdtemp(join(tmpdir(), 'holdfast-carry-')));
}

function lives(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code !== 'ESRCH';
  }
}
