// The process that had a data directory before: when it was killed its place at the database is kept for a while, in case it lives; here it is known to be dead.

import { readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { hostname } from 'node:os';
import { join } from 'node:path';
import { expire } from '../../src/io/postgres-expire.ts';
import type { Postgres } from '../../src/io/postgres.ts';

/** Names the process at the database that has this directory. */
const FILE = 'process';

/** This directory on this machine: a copy of it says nothing about the process that has the original. */
function place(dir: string): string {
  const { dev, ino } = statSync(dir);
  return `${hostname()} ${dev}-${ino}`;
}

/** Frees the place of the process that had the directory last, which the caller has locked, if that one did not do so itself: what it had acknowledged is taken over at once. */
export async function succeed(dir: string, url: string): Promise<void> {
  try {
    const [id, where] = readFileSync(join(dir, FILE), 'utf8').trim().split('\n');
    if (where === place(dir) && /^[0-9a-f-]{36}$/.test(id!)) await expire(url, id!);
  } catch {
    // Nobody was here, or the database cannot be reached: then its lease ends by itself.
  }
}

/** Notes the process that has the directory now. Returns how to say that it has ended in order. */
export async function remember(dir: string, database: Pick<Postgres, 'query' | 'health'>): Promise<() => void> {
  const [row] = await database.query('SELECT id::text AS id FROM holdfast.process WHERE slot = $1', [database.health().slot]).catch(() => []);
  try {
    if (row !== undefined) writeFileSync(join(dir, FILE), `${String(row['id'])}\n${place(dir)}\n`, { mode: 0o600 });
  } catch {
    // A full disk: its successor waits a little longer.
  }
  return () => rmSync(join(dir, FILE), { force: true });
}
