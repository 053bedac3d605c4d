// Installs what is missing before anything else runs, and says what to do where it cannot. Uses Node's own modules only.

import { spawn, spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { basename, delimiter, dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { advice, findTool, headersBeside } from './tools.mjs';

const ROOT = join(dirname(fileURLToPath(import.meta.url)), '..');
const MODULES = join(ROOT, 'node_modules');
const STAMP = join(MODULES, '.holdfast-ready');
const ADDON = 'node-lmdb';

/** Makes sure that the packages are those of package-lock.json and that the native addon loads, unless only the server is wanted, which needs none. Returns false, having said why, if they are not. */
export async function ensure(serverOnly = false) {
  if (serverOnly) return installed();
  const stamp = createHash('sha256').update(readFileSync(join(ROOT, 'package-lock.json')))
    .update(`${process.versions.modules} ${process.platform} ${process.arch} ${ROOT}`).digest('hex');
  if (existsSync(STAMP) && readFileSync(STAMP, 'utf8') === stamp) return true;
  return (await installed()) && (await addon()) && (writeFileSync(STAMP, stamp), true);
}

/** True when node_modules holds what package-lock.json asks for, after installing it if need be. */
async function installed() {
  const found = asLocked();
  if (found === 'all') return true;
  // A folder that is merely out of date is brought up to date in place: something may be running from it.
  const tries = found === 'none' ? [['ci'], ['install', '--no-save']] : [['install', '--no-save'], ['ci']];
  let words = '';
  for (const [command, ...options] of tries) {
    // Scripts stay off here: the one that matters runs below, where its failure can be explained.
    const result = await npm([command, ...options, '--ignore-scripts', '--include=dev'],
      `${found === 'none' ? 'Installing' : 'Updating'} the packages that this project is built from (npm ${command})`);
    if (result.code === 0 && asLocked() === 'all') return true;
    const text = words = result.output;
    if (result.error) return tell(`npm cannot be started: ${result.error.message}.`, 'Install npm (it comes with Node from https://nodejs.org/en/download).');
    if (/ENOTFOUND|EAI_AGAIN|ETIMEDOUT|ECONNREFUSED|ECONNRESET|ENETUNREACH|EHOSTUNREACH|ENOTCACHED|ERR_SOCKET_TIMEOUT/.test(text)) {
      return tell('The npm registry cannot be reached: this machine seems to be offline.',
        'The first start needs it once, for about 60 MB of packages. Go online, or name a mirror: npm config set registry URL. Then run the same command again.');
    }
    if (/ENOSPC/.test(text)) return tell('The disk is full.', `Free about 200 MB on the disk of ${ROOT}.`);
    if (/EACCES|EPERM|EROFS/.test(text)) return tell(`npm may not write into ${ROOT}.`, `Check who owns it: sudo chown -R "$(id -un)" ${ROOT} (and ~/.npm).`);
  }
  say(words.trim());
  return tell('npm could not install the packages; its words are above.', 'Run `npm ci` by hand to see more.');
}

/** What node_modules holds, compared with package-lock.json: 'all', 'some' or 'none'. Optional packages may be absent. */
function asLocked() {
  const hidden = join(MODULES, '.package-lock.json');
  if (!existsSync(hidden)) return existsSync(MODULES) ? 'some' : 'none';
  const wanted = JSON.parse(readFileSync(join(ROOT, 'package-lock.json'), 'utf8')).packages;
  const held = JSON.parse(readFileSync(hidden, 'utf8')).packages;
  const same = Object.entries(wanted).every(([path, { version, optional }]) =>
    path === '' || (held[path] ? held[path].version === version && existsSync(join(ROOT, path, 'package.json')) : optional === true));
  // esbuild's program is an optional package for each kind of machine: a folder that was moved here from another kind lacks ours.
  return same && existsSync(join(MODULES, '@esbuild', `${process.platform}-${process.arch}`)) ? 'all' : 'some';
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
  // Scripts are allowed for this one package whatever the user's settings: without its addon there is nothing to run.
  const result = await npm(['rebuild', ADDON, '--ignore-scripts=false', '--foreground-scripts'],
    `Compiling the database engine (${ADDON}) for this machine; may take minutes`, { npm_config_ignore_scripts: 'false', ...headers });
  if (result.code === 0 && loads()) return true;
  const text = result.output;
  process.stderr.write(text.slice(-8_000) + '\n');
  if (!nodedir && /ENOTFOUND|EAI_AGAIN|ETIMEDOUT|ECONN|ENETUNREACH|getaddrinfo|network connectivity|FetchError/.test(text)) {
    return tell(`Compiling ${ADDON} needs the headers of Node ${process.version}, which are not on this machine and could not be fetched from nodejs.org.`,
      'Go online and run the same command again, or install Node from its archive (https://nodejs.org/en/download), which contains them.');
  }
  if (/Killed|out of memory|Cannot allocate memory/.test(text)) return tell('The compiler ran out of memory.', 'Stop other programs or add swap space, then run the same command again.');
  if (/No space left on device/.test(text)) return tell('The disk is full.', 'Free about 200 MB and run the same command again.');
  return tell(`${ADDON} could not be compiled${result.code === 0 ? ' into something that loads: ' + whyNot() : ''}; the compiler's words are above.`,
    `Check that the build tools are whole: ${advice(['a C++ compiler', 'make', 'python3'])}`);
}

/** Whether the addon loads, tried in a process of its own: a wrong binary may take its process down. */
function loads() { return attempt().status === 0; }
function whyNot() { return attempt().stderr.split('\n').find((line) => line.startsWith('Error')) ?? 'no reason given'; }
function attempt() { return spawnSync(process.execPath, ['-e', `require(${JSON.stringify(ADDON)})`], { cwd: ROOT, encoding: 'utf8' }); }

/** npm as the one that runs this script, else the one on the path. */
function npmCommand() {
  const path = process.env.npm_execpath ?? '';
  return basename(path).startsWith('npm') && existsSync(path) ? { command: process.execPath, first: [path] } : { command: 'npm', first: [] };
}

/** Runs npm to its end and keeps its words; shows that it is alive. */
function npm(args, words, environment = {}) {
  const began = Date.now();
  const live = process.stderr.isTTY === true;
  const columns = process.stderr.columns || 80;
  const show = () => {
    const text = `${words} … ${Math.round((Date.now() - began) / 1000)} s`;
    // A line that wraps could not be written over.
    if (live) process.stderr.write(`\r\u001b[K${text.length < columns ? text : `… ${text.slice(2 - columns)}`}`); else say(text);
  };
  show();
  const timer = setInterval(show, live ? 1_000 : 15_000);
  const { command, first } = npmCommand();
  // The addon is for the Node that runs this, which need not be the first one on the path.
  const env = { ...process.env, PATH: `${dirname(process.execPath)}${delimiter}${process.env.PATH ?? ''}`, ...environment };
  return new Promise((resolve) => {
    const child = spawn(command, [...first, ...args, '--no-audit', '--no-fund'], { cwd: ROOT, stdio: ['ignore', 'pipe', 'pipe'], env });
    let output = '';
    const keep = (chunk) => { output = (output + chunk).slice(-200_000); };
    child.stdout.on('data', keep);
    child.stderr.on('data', keep);
    const end = (code, error) => {
      clearInterval(timer);
      if (live) process.stderr.write('\n');
      resolve({ code, error, output });
    };
    child.on('error', (error) => end(1, error));
    child.on('close', (code) => end(code));
  });
}

function say(text) { process.stderr.write(text + '\n'); }
function tell(what, todo) { say(`\n${what}\n${todo}`); return false; }
