// A program in a folder of its own: the command, its parts in lib/, its native parts and its page beside it, and what each part weighs. Both targets are built so.

import { chmodSync, copyFileSync, existsSync, mkdirSync, readFileSync, readdirSync, renameSync, rmSync, statSync, utimesSync } from 'node:fs';
import { createRequire } from 'node:module';
import { basename, dirname, join, relative } from 'node:path';
import { gzipSync } from 'node:zlib';
import * as esbuild from 'esbuild';
import { ROOT, TARGET, codec, writeChanged } from './esbuild.mjs';
import { licenses } from './licenses.mjs';
import { buildPage } from './page.mjs';
import { together } from './together.mjs';
import { natives, vendor } from './vendor.mjs';

/** What the command is called. */
const COMMAND = 'holdfast';
/** For packages in CommonJS: they ask for Node's own modules, and for native parts, by `require`. */
const REQUIRE = 'import{createRequire as __require_}from"node:module";const require=__require_(import.meta.url);';
/** How long a part that no build names any more stays: a program that was started from it may not have asked for it yet. */
const KEPT_MS = 3_600_000;

/**
 * Builds the program of an entry into a folder. Everything is in place when this resolves; a process that runs from the older files is not disturbed.
 *
 * The program is an ES module in parts: what is imported with `import()` (a command, the MQTT client, serial ports, the HTTP API, and what of ours needs them) lies in lib/ and
 * is loaded when it is first used. Everything in one file, as a module or in CommonJS, an idle edge node holds 2.4 or 2.9 MB more (RssAnon 17.0 and 17.5 against 14.6; a bare
 * node has 6.1), `--version` takes 25 ms longer and a node listens 16 ms later (Node 20, x86-64; more on a small Arm). In files of their own, packages would be apart as well, but
 * what of ours needs them would be doubled with all that it imports, and a `Fault` of the one would be a stranger to the other.
 *
 * `needed`: the addon without which there is no program; `maps`: where source maps go; `imports`: more names for what lies beside the program; `more`: packages that lie beside it, for their licences.
 * Returns the parts ({ name, bytes, gzip, first: loaded with the program }), the share of each room and package in what is loaded first and in the rest, and the native files.
 * Rejects with esbuild's messages.
 * @param {{ entry: string, folder: string, needed?: string, maps: string, imports?: Record<string, string>, more?: string[] }} its
 */
export async function buildProgram({ entry, folder, needed, maps, imports = {}, more = [] }) {
  const found = new Map(), program = { entry, folder, maps };
  const result = await esbuild.build({
    entryPoints: [{ in: entry, out: COMMAND }], outdir: folder, absWorkingDir: ROOT, write: false, metafile: true, logLevel: 'silent',
    bundle: true, splitting: true, chunkNames: 'lib/[name]-[hash]', platform: 'node', format: 'esm', target: TARGET, minify: true, keepNames: false,
    legalComments: 'none', charset: 'utf8', sourcemap: 'external', banner: { js: REQUIRE }, plugins: [codec(), natives(found), vendor(), together()],
  }).catch(async (error) => {
    throw new Error((await esbuild.formatMessages(error.errors ?? [{ text: String(error) }], { kind: 'error', color: process.stderr.isTTY === true })).join('\n'));
  });
  const page = await buildPage(join(ROOT, 'targets/page'), join(folder, 'page'));
  const nativeFiles = [...found].map(([name, dir]) => copyNative(folder, name, dir, needed)).filter(Boolean);
  // How Node is to read a file without an ending, and where parts find the native ones and the page, stands in the nearest package.json: bring one along.
  const { version } = JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8'));
  writeChanged(join(folder, 'package.json'), JSON.stringify({ name: 'holdfast', version, private: true, type: 'module', imports: { '#native/*': './native/*', '#page/*': './page/*', ...imports } }) + '\n');
  const outputs = Object.entries(result.metafile.outputs).filter(([path]) => !path.endsWith('.map'));
  const packages = [...outputs.flatMap(([, { inputs }]) => Object.keys(inputs).map(packageOf)), ...page.packages, ...more].filter(Boolean);
  writeChanged(join(folder, 'LICENSES.txt'), licenses(new Set(packages)));
  const parts = writeParts(program, result, outputs);
  return { parts, shares: { first: shares(outputs, parts, true), later: shares(outputs, parts, false) }, natives: nativeFiles, page: page.files };
}

/** Writes what esbuild made: the parts first, then the program that names them; source maps go elsewhere, as they are for developers and are not shipped. */
function writeParts({ entry, folder, maps }, result, outputs) {
  const first = loadedFirst(entry, outputs);
  const texts = new Map(result.outputFiles.map(({ path, text }) => [relative(ROOT, path), text]));
  const parts = outputs.map(([path, { entryPoint }]) => {
    const main = entryPoint === entry;
    // A part that holds nothing in CommonJS needs no `require`.
    const needed = texts.get(path).replace(REQUIRE, '').includes('require');
    const text = `${main ? '#!/usr/bin/env node\n' : ''}${needed ? texts.get(path) : texts.get(path).replace(REQUIRE, '')}`;
    const name = main ? COMMAND : relative(folder, join(ROOT, path));
    const map = JSON.parse(texts.get(`${path}.map`));
    if (main) map.mappings = `;${map.mappings}`;
    writeChanged(join(maps, `${name}.map`), JSON.stringify(map));
    return { path, name, text, bytes: Buffer.byteLength(text), gzip: gzipSync(text, { level: 9 }).length, first: first.has(path), main };
  }).sort((a, b) => Number(a.main) - Number(b.main));
  for (const { name, text, main } of parts) {
    writeChanged(join(folder, name), text, main ? 0o755 : 0o644);
    utimesSync(join(folder, name), new Date(), new Date());
  }
  chmodSync(join(folder, COMMAND), 0o755);
  const lib = join(folder, 'lib'), names = new Set(parts.map(({ name }) => basename(name)));
  for (const name of existsSync(lib) ? readdirSync(lib) : []) {
    if (!names.has(name) && Date.now() - (statSync(join(lib, name), { throwIfNoEntry: false })?.mtimeMs ?? 0) > KEPT_MS) rmSync(join(lib, name), { force: true });
  }
  return parts.map(({ path, name, bytes, gzip, first: early }) => ({ path, name, bytes, gzip, first: early }));
}

/** The outputs that are loaded before the program's first line runs. */
function loadedFirst(entry, outputs) {
  const all = new Map(outputs);
  const first = new Set();
  const queue = outputs.filter(([, { entryPoint }]) => entryPoint === entry).map(([path]) => path);
  for (let path; (path = queue.pop()) !== undefined;) {
    if (first.has(path)) continue;
    first.add(path);
    queue.push(...all.get(path).imports.filter(({ kind, external }) => kind === 'import-statement' && !external).map((its) => its.path));
  }
  return first;
}

/** Copies the addon that loads here to native/NAME.node, in one step. Without the one that is needed there is no program; others may lack on rare machines. */
function copyNative(folder, name, dir, needed) {
  let from;
  try { from = createRequire(join(ROOT, 'package.json'))('node-gyp-build').resolve(dir); } catch (error) {
    if (name === needed) throw error;
    return undefined;
  }
  const to = join(folder, 'native', `${name}.node`);
  mkdirSync(dirname(to), { recursive: true });
  const same = existsSync(to) && Buffer.compare(readFileSync(from), readFileSync(to)) === 0;
  if (!same) {
    const part = `${to}.${process.pid}.part`;
    copyFileSync(from, part);
    try { renameSync(part, to); } catch (error) { rmSync(part, { force: true }); throw error; }
  }
  return { name: `native/${name}.node`, bytes: statSync(to).size };
}

/** The package that a file belongs to, if any: the folder below the outermost node_modules. */
function packageOf(path) {
  return /node_modules\/((?:@[^/]+\/)?[^/]+(?:\/node_modules\/(?:@[^/]+\/)?[^/]+)*)/.exec(path)?.[1];
}

/** Bytes by room of the core, target or package, in the outputs that are loaded first, or in the others. Largest first. */
function shares(outputs, parts, first) {
  const sums = new Map();
  const chosen = new Set(parts.filter((part) => part.first === first).map(({ path }) => path));
  for (const [, { inputs }] of outputs.filter(([path]) => chosen.has(path))) {
    for (const [path, { bytesInOutput }] of Object.entries(inputs)) {
      const name = packageOf(path) ?? /^(src\/[^/]+(?=\/)|targets\/[^/]+|[^/]+)/.exec(path.replace(/^\w+:/, ''))[0];
      sums.set(name, (sums.get(name) ?? 0) + bytesInOutput);
    }
  }
  return [...sums].filter(([, bytes]) => bytes > 0).sort((a, b) => b[1] - a[1]);
}
