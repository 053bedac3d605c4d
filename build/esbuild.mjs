// What every bundle of this project shares: the settings of esbuild, the plugin for the codec, and how files are written.

import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

/** The repository's root. */
export const ROOT = join(dirname(fileURLToPath(import.meta.url)), '..');
/** The oldest Node that bundles must run on. */
export const TARGET = 'node20.12';

/** Takes cbor-x in its build without native parts, so that the same code runs in tests, in bundles and on every machine. */
export function codec() {
  return {
    name: 'codec',
    setup(build) {
      const require = createRequire(join(ROOT, 'package.json'));
      build.onResolve({ filter: /^cbor-x$/ }, () => ({ path: join(dirname(require.resolve('cbor-x/package.json')), 'index.js') }));
    },
  };
}

/** Leaves every other package and Node's own modules to be resolved when the bundle runs. */
export function externals() {
  return {
    name: 'externals',
    setup(build) {
      build.onResolve({ filter: /^[^./]/ }, ({ path, kind, pluginData }) =>
        kind === 'entry-point' || pluginData === 'inner' || path === 'cbor-x' ? undefined : { path, external: true });
    },
  };
}

/** Settings of a bundle that runs from the repository: packages stay outside, except the codec; readable, with its source map. */
export function localBundle(entry, outfile) {
  return {
    entryPoints: [entry], outfile, bundle: true, platform: 'node', format: 'esm', target: TARGET, sourcemap: 'linked', write: false,
    logLevel: 'silent', absWorkingDir: ROOT, plugins: [codec(), externals()],
  };
}

/** Writes the files of an esbuild result, each in one step and only if it differs, so that a program that runs from them is not disturbed. */
export function writeOutputs(result) {
  for (const { path, contents } of result.outputFiles) writeChanged(path, contents);
}

/** Writes one file in one step, if its contents differ. Returns whether they did. */
export function writeChanged(path, contents, mode = 0o644) {
  if (existsSync(path) && Buffer.compare(readFileSync(path), Buffer.from(contents)) === 0) return false;
  mkdirSync(dirname(path), { recursive: true });
  const part = `${path}.${process.pid}.${createHash('sha256').update(path + Math.random()).digest('hex').slice(0, 8)}.part`;
  writeFileSync(part, contents, { mode });
  renameSync(part, path);
  return true;
}
