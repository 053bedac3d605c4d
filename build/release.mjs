// `npm run release -- --target linux-arm64`: dist/release/holdfast-VERSION-TARGET.tar.gz, all that a device needs in one file, with its hash beside it.

import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readFileSync } from 'node:fs';
import { join, relative } from 'node:path';
import { nativesFor } from './addons.mjs';
import { ROOT, writeChanged } from './esbuild.mjs';
import { EDGE, buildEdge } from './edge.mjs';
import { RUNTIME_VERSION, TARGETS, runtimeFor } from './runtime.mjs';
import { writeArchive } from './tar.mjs';

/** Files of hw/ as they lie in the archive; those beside the program. */
const AROUND = {
  'install.sh': 'install.sh', 'hw/holdfast.service': 'holdfast.service', 'hw/10-backoff.conf': '10-backoff.conf', 'hw/99-holdfast-serial.rules': '99-holdfast-serial.rules',
  'hw/60-holdfast-watchdog.conf': '60-holdfast-watchdog.conf', 'hw/holdfast-sysusers.conf': 'holdfast-sysusers.conf', 'bin/holdfast': 'holdfast.sh', 'DEVICE.md': 'DEVICE.md',
};

/** Returns the exit code. */
export async function main(args) {
  const at = args.indexOf('--target');
  const target = at < 0 ? args.find((arg) => arg.startsWith('--target='))?.slice(9) : args[at + 1];
  if (!TARGETS.includes(target)) {
    console.error(`${target === undefined ? 'Say for what kind of machine' : `There is no release for ${target}`}: npm run release -- --target ${TARGETS.join(' | ')}`);
    return 2;
  }
  const { stop } = await import('esbuild');
  try {
    const { path, bytes, sha256 } = await buildRelease(target);
    console.log(`${relative(ROOT, path)}  ${(bytes / 1e6).toFixed(1)} MB\nsha256 ${sha256}`);
    return 0;
  } catch (error) {
    console.error(error.message);
    return 1;
  } finally {
    await stop();
  }
}

/** Makes the archive of a target. Returns its path, bytes and hash. Throws with a sentence that says what is missing. */
export async function buildRelease(target) {
  const { version } = JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8'));
  const name = `holdfast-${version}-${target}`;
  // Fetching comes first: what cannot be had is told before anything is compiled.
  const runtime = runtimeFor(target);
  const natives = nativesFor(target, runtime);
  const { parts, page } = await buildEdge();
  const files = new Map();
  const add = (path, from, more = {}) => files.set(path, { from, ...more });
  for (const part of parts) add(`program/${part.name}`, join(EDGE, part.name), { executable: part.name === 'holdfast' });
  add('program/package.json', join(EDGE, 'package.json'));
  for (const { file } of page) for (const ending of ['', '.br', '.gz']) add(`program/page/${file}${ending}`, join(EDGE, 'page', file + ending));
  add('program/page/manifest.json', join(EDGE, 'page/manifest.json'));
  for (const [addon, from] of Object.entries(natives.addons)) add(`program/native/${addon}.node`, from);
  add('runtime/node', natives.node, { executable: true, cache: join(natives.folder, 'node.gz') });
  add('libexec/notify-exec', natives.helper, { executable: true });
  for (const [path, from] of Object.entries(AROUND)) add(path, join(ROOT, 'hw', from), { executable: /\.sh$/.test(from) });
  const licences = `${readFileSync(join(EDGE, 'LICENSES.txt'), 'utf8')}\n${'='.repeat(78)}\nNode.js ${RUNTIME_VERSION}\n${'='.repeat(78)}\n\n${readFileSync(join(runtime, 'LICENSE'), 'utf8').trim()}\n`;
  files.set('LICENSES.txt', { contents: Buffer.from(licences) });
  files.set('release', { contents: Buffer.from(`version=${version}\ntarget=${target}\nnode=${RUNTIME_VERSION}\n`) });
  const sums = [...files].sort(([a], [b]) => (a < b ? -1 : 1)).map(([path, { contents, from }]) => `${createHash('sha256').update(contents ?? readFileSync(from)).digest('hex')}  ${path}\n`);
  files.set('SHA256SUMS', { contents: Buffer.from(sums.join('')) });
  const folder = join(ROOT, 'dist/release');
  if (!existsSync(folder)) mkdirSync(folder, { recursive: true });
  const path = join(folder, `${name}.tar.gz`);
  const made = writeArchive(path, [...files].map(([its, entry]) => ({ name: `${name}/${its}`, ...entry })));
  writeChanged(`${path}.sha256`, `${made.sha256}  ${name}.tar.gz\n`);
  return { path, name, ...made };
}
