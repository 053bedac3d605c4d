// Installs what is missing before anything else runs, and says what to do where it cannot. Uses Node's own modules only.

import { spawn, spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { advice, findTool, headersBeside } from './tools.mjs';

const ROOT = join(dirname(fileURLToPath(import.meta.url)), '..');
const MODULES = join(ROOT, 'node_modules');
const STAMP = join(MODULES, '.holdfast-ready');
const ADDON = 'node-lmdb';

/** Makes sure that the packages are those of package-lock.json and that the native addon loads. Returns false, having said why, if they are not. */
export async function ensure() {
  const stamp = createHash('sha256').update(readFileSync(join(ROOT, 'package-lock.json')))
    .update(`${process.versions.modules} ${process.platform} ${process.arch} ${ROOT}`).digest('hex');
  if (existsSync(STAMP) && readFileSync(STAMP, 'utf8') === stamp) return true;
  return installed() && (await addon()) && (writeFileSync(STAMP, stamp), true);

  function installed() {
    const found = asLocked();
    if (found === 'all') return true;
    // A folder that is merely out of date is brought up to date in place: something may be running from it.
    const tries = found === 'none' ? [['ci'], ['install', '--no-save']] : [['install', '--no-save'], ['ci']];
    for (const [command, ...options] of tries) {
      say(`${found === 'none' ? 'First start: installing' : 'Updating'} the packages that this project is built from (npm ${command}) …`);
      // Scripts stay off here: the one that matters runs below, where its failure can be explained.
      const result = npm([command, ...options, '--ignore-scripts', '--include=dev', '--no-audit', '--no-fund']);
      if (result.status === 0 && asLocked() === 'all') return true;
      if (result.error) return tell(`npm cannot be started: ${result.error.message}.`, 'Install npm (it comes with Node from https://nodejs.org/en/download).');
      const text = result.stderr;
      if (/ENOTFOUND|EAI_AGAIN|ETIMEDOUT|ECONNREFUSED|ECONNRESET|ENETUNREACH|EHOSTUNREACH|ENOTCACHED|ERR_SOCKET_TIMEOUT/.test(text)) {
        return tell('The npm registry cannot be reached: this machine seems to be offline.',
          'The first start needs it once, for about 60 MB of packages. Go online, or name a mirror: npm config set registry URL. Then run the same command again.');
      }
      if (/ENOSPC/.test(text)) return tell('The disk is full.', `Free about 200 MB on the disk of ${ROOT}.`);
      if (/EACCES|EPERM|EROFS/.test(text)) return tell(`npm may not write into ${ROOT}.`, `Check who owns it: sudo chown -R "$(id -un)" ${ROOT} (and ~/.npm).`);
    }
    return tell('npm could not install the packages; its words are above.', 'Run `npm ci` by hand to see more.');
  }
}

/** What node_modules holds, compared with package-lock.json: 'all', 'some' or 'none'. Optional packages may be absent. */
function asLocked() {
  const hidden = join(MODULES, '.package-lock.json');
  if (!existsSync(hidden)) return existsSync(MODULES) ? 'some' : 'none';
  const wanted = JSON.parse(readFileSync(join(ROOT, 'package-lock.json'), 'utf8')).packages;
  const held = JSON.parse(readFileSync(hidden, 'utf8')).packages;
  const same = Object.entries(wanted).every(([path, { version, optional }]) =>
    path === '' || (held[path] ? held[path].version === version && existsSync(join(ROOT, path, 'package.json')) : optional === true));
  return same ? 'all' : 'some';
}

/** True when the addon loads, after compiling it if need be: the binaries in its package are for other C libraries than many systems have. */
async function addon() {
  if (loads()) return true;
  const missing = ['a C++ compiler', 'make', 'python3'].filter((tool) => !findTool(tool));
  if (missing.length > 0) {
    return tell(`The database engine (${ADDON}) has to be compiled for this machine, and ${missing.join(', ').replace(/, ([^,]*)$/, ' and $1')} ${missing.length > 1 ? 'are' : 'is'} missing.`,
      `Install what it takes, then run the same command again:\n\n    ${advice(missing)}\n`);
  }
  const nodedir = headersBeside(process.execPath, process.version);
  const headers = nodedir ? { npm_config_nodedir: nodedir, npm_package_config_node_gyp_nodedir: nodedir } : {};
  const result = await compile(headers);
  if (result.code === 0 && loads()) return true;
  const text = result.output;
  process.stderr.write(text.slice(-8_000) + '\n');
  if (!nodedir && /ENOTFOUND|EAI_AGAIN|ETIMEDOUT|ECONN|ENETUNREACH|getaddrinfo|fetch failed|FetchError|network/.test(text)) {
    return tell(`Compiling ${ADDON} needs the headers of Node ${process.version}, which are not on this machine and could not be fetched from nodejs.org.`,
      'Go online and run the same command again, or install Node from its archive (https://nodejs.org/en/download), which contains them.');
  }
  if (/Killed|out of memory|Cannot allocate memory/.test(text)) return tell('The compiler ran out of memory.', 'Stop other programs or add swap space, then run the same command again.');
  if (/No space left on device/.test(text)) return tell('The disk is full.', 'Free about 200 MB and run the same command again.');
  return tell(`${ADDON} could not be compiled${result.code === 0 ? ' into something that loads: ' + whyNot() : ''}; the compiler's words are above.`,
    `Check that the build tools are whole: ${advice(['a C++ compiler', 'make', 'python3'])}`);
}

/** Compiles the addon through npm, which brings node-gyp along; shows that it is alive. */
function compile(headers) {
  const began = Date.now();
  const words = () => `Compiling the database engine (${ADDON}) for this machine, half a minute to a few minutes … ${Math.round((Date.now() - began) / 1000)} s`;
  const live = process.stderr.isTTY === true;
  const show = () => (live ? process.stderr.write(`\r${words()}`) : say(words()));
  show();
  const timer = setInterval(show, live ? 1_000 : 15_000);
  const [command, first] = npmCommand();
  return new Promise((resolve) => {
    // Scripts are allowed for this one package whatever the user's settings: without its addon there is nothing to run.
    const child = spawn(command, [...first, 'rebuild', ADDON, '--ignore-scripts=false', '--foreground-scripts', '--no-audit', '--no-fund'],
      { cwd: ROOT, stdio: ['ignore', 'pipe', 'pipe'], env: { ...process.env, npm_config_ignore_scripts: 'false', ...headers } });
    let output = '';
    const keep = (chunk) => { output = (output + chunk).slice(-200_000); };
    child.stdout.on('data', keep);
    child.stderr.on('data', keep);
    child.on('error', (error) => { output += error.message; });
    child.on('close', (code) => {
      clearInterval(timer);
      if (live) process.stderr.write('\n');
      resolve({ code, output });
    });
  });
}

/** Whether the addon loads, tried in a process of its own: a wrong binary may take its process down. */
function loads() { return attempt().status === 0; }
function whyNot() { return attempt().stderr.split('\n').find((line) => line.startsWith('Error')) ?? 'no reason given'; }
function attempt() { return spawnSync(process.execPath, ['-e', `require(${JSON.stringify(ADDON)})`], { cwd: ROOT, encoding: 'utf8' }); }

/** npm as the one that runs this script, else the one on the path. */
function npmCommand() {
  const path = process.env.npm_execpath ?? '';
  return basename(path).startsWith('npm') && existsSync(path) ? [process.execPath, [path]] : ['npm', []];
}

/** Runs npm to its end: its progress goes to the terminal, its words are kept too. */
function npm(args) {
  const [command, first] = npmCommand();
  const result = spawnSync(command, [...first, ...args], { cwd: ROOT, stdio: ['ignore', 2, 'pipe'], encoding: 'utf8', maxBuffer: 64 << 20 });
  if (result.stderr) process.stderr.write(result.stderr);
  return result;
}

function say(text) { process.stderr.write(text + '\n'); }
function tell(what, todo) { say(`\n${what}\n${todo}`); return false; }
