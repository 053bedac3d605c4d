// PostgreSQL that a node runs itself: its files in a folder, reached by a socket there that only this user can open, started, watched and ended with the node.
import { spawn, spawnSync, type ChildProcess } from 'node:child_process';
import { chmodSync, chownSync, closeSync, existsSync, mkdirSync, mkdtempSync, openSync, readdirSync, readFileSync, readlinkSync, realpathSync, renameSync, rmSync, statSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, dirname, join, resolve } from 'node:path';
import { Client } from 'pg';
import { Fault } from '../fault.ts';
import { guiseFor, type Guise } from './guise.ts';
import { READER } from './postgres-schema.ts';

/** A server that runs; it is started again when it ends by itself. */
export interface Embedded {
  /** How pg and psql reach the database. */
  readonly url: string;
  /** It has ended, and cannot be started until its disk has room. */
  readonly full: boolean;
  /** Ends the server, within 20 s; nothing that was committed can be lost by it. */
  stop(): Promise<void>;
}

/** The role and the database. */
const NAME = 'holdfast';
const LOG = 'server.log', LOG_BYTES = 1_048_576;
/** Bytes of a socket's path that every system takes. */
const PATH_BYTES = 100;
/** Time for an orderly end, then for a quick one, ms; pauses between looks and between starts. */
const STOP_MS = 15_000, QUIT_MS = 5_000, LOOK_MS = 50, AGAIN_MS = 500;
/** How long parts of a server that was killed are waited for. */
const REMAINS_MS = 15_000;
/** How PostgreSQL says that its disk is full. */
const FULL = /No space left on device|Disk quota exceeded/i;
/** What nobody may switch off, and that nothing but the socket leads to the server. */
const FIXED = { fsync: 'on', synchronous_commit: 'on', full_page_writes: 'on', listen_addresses: '', unix_socket_directories: '.', logging_collector: 'off' };
/** For a machine that has other things to do; whoever knows better changes postgresql.conf. */
const SETTINGS = `
# Holdfast: for a small machine. Change it as you like; what keeps the data safe (fsync and the like) is said on the command line.
max_connections = 60
shared_buffers = 128MB
max_wal_size = 512MB
wal_compression = on
jit = off
timezone = 'UTC'
log_timezone = 'UTC'
log_min_messages = warning
`;
/** Runs a program until it ends, or until whoever holds the other end of descriptor 3 has gone, however that came. In a session of its own: Ctrl-C in a terminal is for the node, which ends this in order. */
const GUARD = '"$@" 3<&- & pid=$!; (read -r _ <&3; kill -INT $pid) 2>/dev/null & wait $pid';

const sleep = (ms: number): Promise<void> => new Promise((done) => { setTimeout(done, ms); });

/**
 * Starts the server of a folder, making its files first if need be; whoever calls this has locked the folder's parent. `binaries` has bin/, lib/ and share/ of PostgreSQL; `notice` hears of ends that
 * nobody asked for. Faults: `unsupported` (files of another version; no user to run as), `store-full`, `store-failed` with the server's own words.
 */
export async function openEmbedded({ folder: given, binaries, notice }: { folder: string; binaries: string; notice(text: string): void }): Promise<Embedded> {
  const folder = resolve(given), program = join(binaries, 'bin/postgres');
  if (!existsSync(program)) throw new Fault('unsupported', 'This program brings no PostgreSQL for this kind of machine: name a database by --database or DATABASE_URL.');
  const guise = guiseFor(dirname(folder), [join(binaries, 'bin/initdb'), '--show', '-D', folder]);
  if (!existsSync(join(folder, 'PG_VERSION'))) await make(folder, binaries, guise);
  refuseOther(folder, program);
  await endOrphan(folder);
  prepare(folder, guise);
  const host = reachable(folder);
  const url = `postgresql:///${NAME}?host=${encodeURIComponent(host).replaceAll('%2F', '/')}&user=${NAME}`;
  let child: ChildProcess, stopping = false, full = false, since = logSize(folder), again: Promise<void> = Promise.resolve();
  const begin = async (): Promise<void> => {
    since = logSize(folder);
    child = await start(folder, program, guise, host);
    full = false;
    const ended = (): void => {
      if (!stopping) again = restart();
    };
    // It may have ended between its answer and this line.
    if (child.exitCode !== null || child.signalCode !== null) ended();
    else child.once('exit', ended);
  };
  const restart = async (): Promise<void> => {
    full = FULL.test(tail(folder, since));
    notice(`PostgreSQL in ${folder} has ended by itself; it is started again. Its last words: ${lastWords(folder) || 'none'}`);
    let said = '';
    for (let pause = LOOK_MS; !stopping; pause = Math.min(pause * 2, 10_000)) {
      await sleep(pause);
      if (stopping) return;
      try {
        return await begin();
      } catch (error) {
        full = error instanceof Fault && error.code === 'store-full';
        // As often as it is tried, but told when it is news.
        if ((error as Error).message !== said) notice(said = (error as Error).message);
      }
    }
  };
  await begin();
  return {
    url,
    get full() { return full; },
    async stop() {
      stopping = true;
      await again;
      await end(folder, child);
      if (host !== folder) rmSync(dirname(host), { recursive: true, force: true });
    },
  };
}

/** Makes the files of a new server, under another name until they are whole. */
async function make(folder: string, binaries: string, guise: Guise): Promise<void> {
  // A name that nobody else has: what makes them for a process that was interrupted may not have noticed yet.
  const part = `${folder}.part.${process.pid}.${Date.now()}`;
  if (existsSync(folder)) throw new Fault('store-failed', `${folder} is there, but holds no database of PostgreSQL. Move it away, or name another directory.`);
  for (const name of readdirSync(dirname(folder))) if (name.startsWith(`${basename(folder)}.part.`)) rmSync(join(dirname(folder), name), { recursive: true, force: true });
  mkdirSync(part, { recursive: true, mode: 0o700 });
  if (guise.owner) chownSync(part, guise.owner.uid, guise.owner.gid);
  const { status, output } = await run(guise, join(binaries, 'bin/initdb'), ['-D', part, '-U', NAME, '--encoding=UTF8', '--locale=C', '--auth-local=peer', '--auth-host=reject', '--no-instructions']);
  if (status !== 0) {
    rmSync(part, { recursive: true, force: true });
    throw refused(`A database cannot be made in ${folder}`, output);
  }
  writeFileSync(join(part, 'postgresql.conf'), SETTINGS, { flag: 'a' });
  renameSync(part, folder);
}

function run(guise: Guise, program: string, args: string[]): Promise<{ status: number | null; output: string }> {
  const [command, ...rest] = guarded(guise, [program, ...args]);
  return new Promise((done) => {
    const child = spawn(command!, rest, { stdio: ['ignore', 'pipe', 'pipe', 'pipe'], cwd: '/', detached: true, env: environment(), ...guise.as });
    let output = '';
    child.on('exit', () => child.stdio[3]!.destroy());
    for (const stream of [child.stdout!, child.stderr!]) stream.setEncoding('utf8').on('data', (text: string) => { output = (output + text).slice(-4_000); });
    child.on('error', (error) => done({ status: 1, output: error.message }));
    child.on('close', (status) => done({ status, output }));
  });
}

const guarded = ({ before }: Guise, words: string[]): string[] => [...before, '/bin/sh', '-c', GUARD, 'sh', ...words];

/** What a server is told besides its command line: none of the variables that are meant for clients. */
function environment(): NodeJS.ProcessEnv {
  return { PATH: process.env['PATH'] ?? '/usr/bin:/bin', LC_ALL: 'C', TZ: 'UTC' };
}

function refused(what: string, words: string): Fault {
  const full = FULL.test(words);
  const telling = words.trim().split('\n').filter((line) => !/LOG: {2}(starting|listening|database system|redo|startup process|terminating any|shutting down|aborting startup)/.test(line));
  const told = telling.map((line) => line.replace(/^.*?(FATAL|PANIC|ERROR|LOG|error|HINT|DETAIL):\s*/, '')).filter((line) => line !== '').slice(-3).join(' ').slice(0, 600);
  return new Fault(full ? 'store-full' : 'store-failed', `${what}: ${told || 'PostgreSQL gave no reason'}${full ? '. Free some space and try again.' : ''}`);
}

/** Files of another major version can only be read by that one. */
function refuseOther(folder: string, program: string): void {
  const held = readFileSync(join(folder, 'PG_VERSION'), 'utf8').trim(), brought = /(\d+)/.exec(spawnSync(program, ['-V'], { encoding: 'utf8' }).stdout ?? '')?.[1];
  if (held !== brought) {
    throw new Fault('unsupported', `${folder} was made by PostgreSQL ${held}, and this program brings PostgreSQL ${brought}. Use the release of Holdfast that made it, \`holdfast backup\` with that one and \`holdfast recover\` with this one, or run your own PostgreSQL ${held} on it and name that by DATABASE_URL.`);
  }
}

/** What the node that runs now needs: its owner, and who may come in. */
function prepare(folder: string, { owner, name }: Guise): void {
  const users = new Set([name, ...(process.getuid?.() === 0 ? ['root'] : [])]);
  // Before 16 each role is named.
  const roles = Number(readFileSync(join(folder, 'PG_VERSION'), 'utf8')) >= 16 ? 'all' : NAME;
  writeFileSync(join(folder, 'pg_hba.conf'), `# Written by Holdfast at each start.\nlocal all all peer map=${NAME}\n`, { mode: 0o600 });
  writeFileSync(join(folder, 'pg_ident.conf'), `# Written by Holdfast at each start.\n${[...users].map((user) => `${NAME} "${user}" ${roles}\n`).join('')}`, { mode: 0o600 });
  chmodSync(folder, 0o700);
  const log = join(folder, LOG);
  if (existsSync(log) && statSync(log).size > LOG_BYTES) renameSync(log, `${log}.old`);
  if (owner !== undefined && (statSync(folder).uid !== owner.uid || statSync(join(folder, 'PG_VERSION')).uid !== owner.uid)) spawnSync('chown', ['-R', `${owner.uid}:${owner.gid}`, folder]);
  for (const file of owner === undefined ? [] : ['pg_hba.conf', 'pg_ident.conf', 'postgresql.conf']) chownSync(join(folder, file), owner!.uid, owner!.gid);
}

/** Where clients find the socket: the folder itself, or a short way to it, since a socket's path must not be long. */
function reachable(folder: string): string {
  if (Buffer.byteLength(join(folder, '.s.PGSQL.5432')) <= PATH_BYTES) return folder;
  const way = join(mkdtempSync(join(tmpdir(), 'holdfast-')), 'db');
  symlinkSync(folder, way);
  return way;
}

/** The server of a folder as its own file names it, while it lives. */
function postmaster(folder: string): number | undefined {
  try {
    const pid = Number(readFileSync(join(folder, 'postmaster.pid'), 'utf8').split('\n', 1)[0]);
    if (!(pid > 1)) return undefined;
    process.kill(pid, 0);
    // The number alone may be another program's by now.
    if (process.platform === 'linux' && readlinkSync(`/proc/${pid}/cwd`) !== realpathSync(folder)) return undefined;
    return pid;
  } catch {
    return undefined;
  }
}

/** A server whose node was killed ends by itself, as a rule; one that lives on is ended here. */
async function endOrphan(folder: string): Promise<void> {
  const pid = postmaster(folder);
  if (pid !== undefined) await dismiss(folder, pid);
  // What a power cut left says nothing any more, and its number may belong to somebody else.
  if (postmaster(folder) === undefined) rmSync(join(folder, 'postmaster.pid'), { force: true });
}

/** Ends a server: in order, and when that takes too long at once, which costs the next start a recovery. */
async function dismiss(folder: string, pid: number): Promise<void> {
  for (const [signal, patience] of [['SIGINT', STOP_MS], ['SIGQUIT', QUIT_MS], ['SIGKILL', QUIT_MS]] as const) {
    try {
      process.kill(pid, signal);
    } catch {
      return; // it has just gone
    }
    if (await gone(folder, pid, patience)) return;
  }
}

async function gone(folder: string, pid: number, within: number): Promise<boolean> {
  for (const until = performance.now() + within; postmaster(folder) === pid;) {
    if (performance.now() > until) return false;
    await sleep(LOOK_MS);
  }
  return true;
}

/** Starts a server and waits until it answers, however long it needs to recover. */
async function start(folder: string, program: string, guise: Guise, host: string): Promise<ChildProcess> {
  const settings = Object.entries(FIXED).flatMap(([name, value]) => ['-c', `${name}=${value}`]);
  for (const until = performance.now() + REMAINS_MS; ;) {
    const before = logSize(folder), log = openSync(join(folder, LOG), 'a', 0o600);
    const [command, ...args] = guarded(guise, [program, '-D', folder, ...settings]);
    const child = spawn(command!, args, { stdio: ['ignore', log, log, 'pipe'], cwd: '/', detached: true, env: environment(), ...guise.as });
    closeSync(log);
    child.stdio[3]!.on('error', () => {});
    let over = false;
    child.on('error', () => { over = true; });
    child.on('exit', () => { over = true; child.stdio[3]!.destroy(); });
    while (!over) {
      if (await answers(host)) return child;
      await sleep(LOOK_MS);
    }
    const words = tail(folder, before);
    // A server that was killed leaves processes behind that go a moment later.
    if (!/still in use|is another postmaster|already exists/.test(words) || performance.now() > until) throw refused(`PostgreSQL in ${folder} does not start`, words);
    await sleep(AGAIN_MS);
  }
}

/** Whether the server takes connections; makes the database if there is none. */
async function answers(host: string): Promise<boolean> {
  const client = new Client({ host, user: NAME, database: 'postgres', connectionTimeoutMillis: 5_000 });
  client.on('error', () => {});
  try {
    await client.connect();
    const { rowCount } = await client.query('SELECT 1 FROM pg_database WHERE datname = $1', [NAME]);
    if (rowCount === 0) await client.query(`CREATE DATABASE ${NAME}`);
    // Who comes by this socket may be anybody here; who only asks questions comes as one who can do nothing else.
    const reader = await client.query('SELECT rolcanlogin FROM pg_roles WHERE rolname = $1', [READER]);
    if (reader.rows[0]?.rolcanlogin !== true) await client.query(`${reader.rowCount === 0 ? 'CREATE' : 'ALTER'} ROLE ${READER} LOGIN`);
    return true;
  } catch (error) {
    const { code } = error as { code?: string };
    // Neither there yet nor recovering: what it says will not change by waiting.
    if (code !== undefined && /^(28|42501|3D|53100)/.test(code)) throw refused(`The database in ${host} cannot be used`, (error as Error).message);
    return false;
  } finally {
    await client.end().catch(() => {});
  }
}

/** Ends the server of a child of this process. */
async function end(folder: string, child: ChildProcess): Promise<void> {
  const pid = postmaster(folder);
  child.stdio[3]?.destroy();
  if (pid !== undefined) await dismiss(folder, pid);
}

function logSize(folder: string): number {
  return statSync(join(folder, LOG), { throwIfNoEntry: false })?.size ?? 0;
}

function tail(folder: string, from: number): string {
  try {
    return readFileSync(join(folder, LOG)).subarray(from).toString('utf8').slice(-4_000);
  } catch {
    return '';
  }
}

function lastWords(folder: string): string {
  return tail(folder, Math.max(0, logSize(folder) - 500)).trim().split('\n').at(-1) ?? '';
}
