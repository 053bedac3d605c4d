// The Node that is shipped to devices: which one, fetched once from the npm registry, checked against its pinned hash, and unpacked with its headers.

import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readFileSync, readdirSync, renameSync, rmSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { ROOT } from './esbuild.mjs';

/** What is fetched and compiled once is kept here. */
export const CACHE = join(ROOT, 'dist/cache');

/** The pinned release of Node and its packages: a device gets the same one on each build, until this file is changed. */
const PINNED = JSON.parse(readFileSync(join(ROOT, 'build/runtime.json'), 'utf8'));
export const RUNTIME_VERSION = PINNED.version;
/** What there is a release for. There is none for 32-bit Arm: Node has no builds for it any more that are current. */
export const TARGETS = Object.keys(PINNED.packages);

/**
 * The folder of a target's Node: `bin/node`, `include/node`, `LICENSE`. Fetches it when it is not there yet (50 MB). Throws with a sentence when that fails, or when what comes
 * is not what was pinned.
 */
export function runtimeFor(target) {
  const { name, integrity } = PINNED.packages[target];
  const folder = join(CACHE, 'runtime', `${name}-${RUNTIME_VERSION}`);
  if (existsSync(folder)) return folder;
  const part = `${folder}.${process.pid}.part`;
  rmSync(part, { recursive: true, force: true });
  mkdirSync(part, { recursive: true });
  try {
    console.log(`fetching ${name} ${RUNTIME_VERSION}`);
    const packed = npm(['pack', `${name}@${RUNTIME_VERSION}`, '--pack-destination', part, '--loglevel', 'error']);
    const archive = existsSync(part) ? readdirSync(part).find((file) => file.endsWith('.tgz')) : undefined;
    if (packed.status !== 0 || archive === undefined) throw new Error(`${name} ${RUNTIME_VERSION} cannot be fetched from the npm registry:\n${packed.stderr.trim()}`);
    const found = `sha512-${createHash('sha512').update(readFileSync(join(part, archive))).digest('base64')}`;
    if (found !== integrity) throw new Error(`${name} ${RUNTIME_VERSION} is not what build/runtime.json pins: ${found}`);
    const unpacked = spawnSync('tar', ['-xzf', archive, '--strip-components=1', '--no-same-owner', 'package/bin/node', 'package/include', 'package/LICENSE'], { cwd: part, encoding: 'utf8' });
    if (unpacked.status !== 0) throw new Error(`${archive} cannot be unpacked: ${unpacked.stderr ?? unpacked.error}`);
    rmSync(join(part, archive));
    try { renameSync(part, folder); } catch (error) { if (!existsSync(folder)) throw error; }
    return folder;
  } finally {
    rmSync(part, { recursive: true, force: true });
  }
}

/** npm as the one that runs this script, else the one on the path. */
function npm(args) {
  const path = process.env.npm_execpath ?? '';
  const [command, first] = basename(path).startsWith('npm') && existsSync(path) ? [process.execPath, [path]] : ['npm', []];
  const result = spawnSync(command, [...first, ...args], { cwd: ROOT, encoding: 'utf8', maxBuffer: 1 << 26 });
  return { status: result.status, stderr: `${result.stderr ?? ''}${result.error ?? ''}` };
}

/** The node-gyp that npm brings along. Throws when there is none. */
export function nodeGyp() {
  const places = [process.env.npm_execpath ?? '', ...(process.env.PATH ?? '').split(':').map((dir) => join(dir, 'npm'))].filter((path) => path !== '' && existsSync(path));
  for (const path of places) {
    const real = spawnSync('readlink', ['-f', path], { encoding: 'utf8' }).stdout.trim();
    const found = join(dirname(dirname(real)), 'node_modules/node-gyp/bin/node-gyp.js');
    if (existsSync(found)) return found;
  }
  throw new Error('node-gyp, which npm brings along, is not to be found: run this by npm (npm run release)');
}
