// The edge bundle: dist/edge/holdfast with its native parts beside it, and the table of what it weighs.

import { chmodSync, copyFileSync, existsSync, mkdirSync, readFileSync, renameSync, rmSync, statSync, utimesSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import * as esbuild from 'esbuild';
import { ROOT, TARGET, codec, natives, writeChanged } from './esbuild.mjs';
import { licenses } from './licenses.mjs';

/** Where the bundle lies, and its program. */
export const EDGE = join(ROOT, 'dist/edge');
export const PROGRAM = join(EDGE, 'holdfast');
/** Bytes that the program may have, minified, without native parts. */
export const BUDGET = 350 * 1024;

/**
 * Builds dist/edge from targets/edge/main.ts. Everything is in place when this resolves; a process that runs from the older files is not disturbed.
 * Returns bytes, bytes after gzip, the share of each part, and the native files. Rejects with esbuild's messages.
 */
export async function buildEdge() {
  const found = new Map();
  const result = await esbuild.build({
    entryPoints: ['targets/edge/main.ts'], outfile: PROGRAM, absWorkingDir: ROOT, write: false, metafile: true, logLevel: 'silent',
    bundle: true, platform: 'node', format: 'cjs', target: TARGET, minify: true, keepNames: false, legalComments: 'none', charset: 'utf8',
    sourcemap: 'external', banner: { js: '#!/usr/bin/env node\nconst __here = require("node:url").pathToFileURL(__filename).href;' }, define: { 'import.meta.url': '__here' },
    plugins: [codec(), natives(found)],
  }).catch(async (error) => {
    throw new Error((await esbuild.formatMessages(error.errors ?? [{ text: String(error) }], { kind: 'error', color: process.stderr.isTTY === true })).join('\n'));
  });
  const map = result.outputFiles.find(({ path }) => path.endsWith('.map'));
  const program = result.outputFiles.find(({ path }) => path === PROGRAM);
  const nativeFiles = [...found].map(([name, dir]) => copyNative(name, dir));
  // Node would take a file without an ending for a module or not by the nearest package.json, which differs from place to place: bring one along.
  writeChanged(join(EDGE, 'package.json'), '{"name":"holdfast","private":true,"type":"commonjs"}\n');
  // The source map is for developers and stays out of what is shipped.
  writeChanged(join(ROOT, 'dist/maps/holdfast.map'), map.contents);
  const [, meta] = Object.entries(result.metafile.outputs).find(([path]) => !path.endsWith('.map'));
  const parts = shares(meta);
  const packages = Object.keys(meta.inputs).map(packageOf).filter(Boolean);
  writeChanged(join(EDGE, 'LICENSES.txt'), licenses(new Set([...packages, ...found.keys()])));
  writeChanged(PROGRAM, program.contents, 0o755);
  chmodSync(PROGRAM, 0o755);
  utimesSync(PROGRAM, new Date(), new Date());
  return { bytes: program.contents.length, gzip: gzipSync(program.contents, { level: 9 }).length, parts, natives: nativeFiles };
}

/** Copies the addon that loads here to native/NAME.node, in one step. */
function copyNative(name, dir) {
  const from = createRequire(join(ROOT, 'package.json'))('node-gyp-build').resolve(dir);
  const to = join(EDGE, 'native', `${name}.node`);
  mkdirSync(join(EDGE, 'native'), { recursive: true });
  const same = existsSync(to) && Buffer.compare(readFileSync(from), readFileSync(to)) === 0;
  if (!same) {
    const part = `${to}.${process.pid}.part`;
    copyFileSync(from, part);
    try { renameSync(part, to); } catch (error) { rmSync(part, { force: true }); throw error; }
  }
  return { name: `native/${name}.node`, bytes: statSync(to).size };
}

/** The package that a file belongs to, if any. */
function packageOf(path) {
  return /node_modules\/((?:@[^/]+\/)?[^/]+)/.exec(path)?.[1];
}

/** Bytes of the output by part: a room of the core, a target, a package. Largest first. */
function shares(meta) {
  const parts = new Map();
  for (const [path, { bytesInOutput }] of Object.entries(meta.inputs)) {
    const name = packageOf(path) ?? /^(src\/[^/]+(?=\/)|targets\/[^/]+|[^/]+)/.exec(path.replace(/^\w+:/, ''))[0];
    parts.set(name, (parts.get(name) ?? 0) + bytesInOutput);
  }
  return [...parts].sort((a, b) => b[1] - a[1]);
}
