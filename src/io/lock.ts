// One process per data directory: each says by a file who it is, looks who else is there, and takes no account of the dead.
import { readFileSync, readdirSync, readlinkSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { join, resolve as absolute } from 'node:path';
import { Fault } from '../fault.ts';

export interface Lock {
  /** True when an earlier process ended without releasing the directory. */
  readonly unclean: boolean;
  release(): Promise<void>;
}

/** A process as its file's name tells it: a number alone is used again, after a restart of a container even at once. */
interface Owner { pid: number; started: number; boot: string; space: string; home: string; name: string }

/** How long one that came first waits for others that came at the same moment to give way. */
const PATIENCE_MS = 1_000;
const held = new Set<string>();

function content(path: string): string {
  try { return readFileSync(path, 'utf8'); } catch { return ''; }
}

/** State and start (in ticks since boot) of a process, where the system tells: fields 3 and 22 of proc(5). */
export function processStat(pid: number | 'self'): { state: string; started: number } | undefined {
  const stat = content(`/proc/${pid}/stat`), fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  return stat === '' ? undefined : { state: fields[0]!, started: Number(fields[19]) };
}

function self(dir: string): Owner {
  const boot = content('/proc/sys/kernel/random/boot_id').slice(0, 8) || 'none', started = processStat('self')?.started ?? 0;
  let space = '0';
  try { space = /\d+/.exec(readlinkSync('/proc/self/ns/pid'))?.[0] ?? '0'; } catch { /* a system without /proc */ }
  const { dev, ino } = statSync(dir), home = `${dev}-${ino}`;
  return { pid: process.pid, started, boot, space, home, name: `lock.${process.pid}.${started}.${boot}.${space}.${home}` };
}

function parse(name: string): Owner | undefined {
  const parts = /^lock\.(\d+)\.(\d+)\.(\w+)\.(\d+)\.(\d+-\d+)$/.exec(name);
  return parts ? { pid: Number(parts[1]), started: Number(parts[2]), boot: parts[3]!, space: parts[4]!, home: parts[5]!, name } : undefined;
}

function alive(owner: Owner, own: Owner): boolean {
  if (owner.boot !== own.boot) return false;
  // The directory was copied while that process had the original open.
  if (owner.home !== own.home) return false;
  // A process of another container cannot be seen from here. LMDB, whose lock the kernel takes from the dead, decides when the store is opened.
  if (owner.space !== own.space) return false;
  try {
    process.kill(owner.pid, 0);
  } catch (error) {
    if ((error as { code?: unknown }).code === 'ESRCH') return false;
  }
  const stat = processStat(owner.pid);
  return stat === undefined || stat.started === owner.started && stat.state !== 'Z' && stat.state !== 'X';
}

const refused = (dir: string, pid: number): Fault =>
  new Fault('store-locked', `Process ${pid} has the data directory ${dir} open, and only one can. Let it do the work, or stop it first (kill ${pid}).`);

/**
 * Takes a data directory, which is there. Each process first makes its file and then looks for others, so of two that come at the same moment at least one sees
 * the other; the one that was started later gives way. Faults: `store-locked` with the number of the process that has it, `store-failed`.
 */
export async function lock(directory: string): Promise<Lock> {
  const dir = absolute(directory);
  if (held.has(dir)) throw refused(dir, process.pid);
  held.add(dir);
  let unclean = false, own: Owner, file = '';
  const others = (): Owner[] => {
    const found: Owner[] = [];
    for (const name of readdirSync(dir)) {
      const owner = parse(name);
      if (!owner || name === own.name) continue;
      if (alive(owner, own)) { found.push(owner); continue; }
      unclean = true;
      rmSync(join(dir, name), { force: true });
    }
    return found;
  };
  try {
    own = self(dir);
    file = join(dir, own.name);
    // Its name says it all; an empty file finds room on a full disk too.
    writeFileSync(file, '', { mode: 0o600 });
    for (const patience = performance.now() + PATIENCE_MS; ;) {
      const first = others()[0];
      if (!first) break;
      const before = own.started - first.started || own.pid - first.pid;
      if (before > 0 || performance.now() > patience) throw refused(dir, first.pid);
      await new Promise((resolve) => { setTimeout(resolve, 20); });
    }
  } catch (error) {
    held.delete(dir);
    if (file) rmSync(file, { force: true });
    if (error instanceof Fault) throw error;
    throw new Fault('store-failed', `The data directory ${dir} cannot be used: ${error instanceof Error ? error.message : String(error)}.`, { cause: error });
  }
  return {
    unclean,
    async release() {
      if (!held.delete(dir)) return;
      rmSync(file, { force: true });
    },
  };
}
