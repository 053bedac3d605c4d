// The local page for browsers: targets/page becomes a few files with names that change with their contents, compressed in advance, and a manifest for whoever serves them.
//
// manifest.json is a list, one entry a file, `index.html` first:
//   {"path": "/page/main-2Q7XKD4A.js", "file": "main-2Q7XKD4A.js", "type": "text/javascript; charset=utf-8", "immutable": true, "hash": "…", "bytes": 41234, "br": 12345, "gz": 13579}
// `path` is where index.html asks for it ("/" for index.html itself), `hash` fits an ETag, `br` and `gz` are the bytes of FILE.br and FILE.gz beside it.

import { createHash } from 'node:crypto';
import { existsSync, readFileSync, readdirSync, rmSync, statSync } from 'node:fs';
import { basename, extname, join, relative } from 'node:path';
import { brotliCompressSync, constants, gzipSync } from 'node:zlib';
import * as esbuild from 'esbuild';
import { ROOT, codec, writeChanged } from './esbuild.mjs';

/** Browsers of the last three years or so: what is on the phones and laptops of people who stand beside a device. */
const BROWSERS = ['chrome109', 'firefox115', 'safari16'];
const TYPES = {
  '.html': 'text/html; charset=utf-8', '.js': 'text/javascript; charset=utf-8', '.css': 'text/css; charset=utf-8', '.svg': 'image/svg+xml', '.png': 'image/png',
  '.woff2': 'font/woff2', '.json': 'application/json',
};

/**
 * Bundles index.html, main.tsx and style.css of a folder into another. index.html names them as PATH/main.js and PATH/style.css; it is rewritten to the names that they got.
 * Nothing may be fetched from elsewhere: an address of another host in it is an error. Returns the manifest and the packages that went in.
 */
export async function buildPage(from, to) {
  const result = await esbuild.build({
    entryPoints: ['main.tsx', 'style.css'].map((name) => join(from, name)), outdir: to, absWorkingDir: ROOT, write: false, metafile: true, logLevel: 'silent',
    bundle: true, splitting: true, format: 'esm', platform: 'browser', target: BROWSERS, minify: true, legalComments: 'none', charset: 'utf8', entryNames: '[name]-[hash]', chunkNames: '[name]-[hash]', assetNames: '[name]-[hash]',
    jsx: 'automatic', jsxImportSource: 'preact', loader: { '.svg': 'file', '.png': 'file', '.woff2': 'file' }, define: { 'process.env.NODE_ENV': '"production"' }, plugins: [codec()],
  }).catch(async (error) => {
    throw new Error((await esbuild.formatMessages(error.errors ?? [{ text: String(error) }], { kind: 'error', color: process.stderr.isTTY === true })).join('\n'));
  });
  const outputs = result.outputFiles.map(({ path, contents }) => ({ file: basename(path), contents: Buffer.from(contents) }));
  let html = readFileSync(join(from, 'index.html'), 'utf8').replace(/\n\s*/g, '\n');
  const elsewhere = /\b(?:src|href)="(?:https?:)?\/\/[^"]*"/.exec(html);
  if (elsewhere) throw new Error(`${relative(ROOT, join(from, 'index.html'))}: ${elsewhere[0]} is on another host; the page must work where there is none`);
  let folder = '/';
  for (const name of ['main.js', 'style.css']) {
    const file = outputs.find((its) => its.file.startsWith(`${basename(name, extname(name))}-`) && extname(its.file) === extname(name)).file;
    const asked = new RegExp(`"(/?(?:[\\w-]+/)*)${name.replace('.', '\\.')}"`);
    if (!asked.test(html)) throw new Error(`${relative(ROOT, join(from, 'index.html'))} does not ask for ${name}`);
    html = html.replace(asked, (_, path) => `"${folder = path}${file}"`);
  }
  const files = [{ file: 'index.html', path: '/', contents: Buffer.from(html) }, ...outputs.map(({ file, contents }) => ({ file, path: `${folder}${file}`, contents }))]
    .map((its) => writeCompressed(to, its));
  writeChanged(join(to, 'manifest.json'), JSON.stringify(files, null, 1) + '\n');
  // A browser that holds the older index.html asks again when it finds its parts gone; unlike parts of a program they need not stay.
  const keep = new Set(['manifest.json', ...files.flatMap(({ file }) => [file, `${file}.br`, `${file}.gz`])]);
  for (const name of readdirSync(to)) if (!keep.has(name) && !name.endsWith('.part')) rmSync(join(to, name), { force: true });
  const packages = Object.values(result.metafile.outputs).flatMap(({ inputs }) => Object.keys(inputs)).map((path) => /node_modules\/((?:@[^/]+\/)?[^/]+)/.exec(path)?.[1]);
  return { files, packages: [...new Set(packages.filter(Boolean))] };
}

/** Writes a file with its compressed forms, and returns its entry in the manifest. */
function writeCompressed(to, { file, path, contents }) {
  const target = join(to, file);
  const changed = writeChanged(target, contents);
  // Level 11 takes a good part of a second: only where it is news.
  if (changed || !existsSync(`${target}.br`)) writeChanged(`${target}.br`, brotliCompressSync(contents, { params: { [constants.BROTLI_PARAM_QUALITY]: 11, [constants.BROTLI_PARAM_SIZE_HINT]: contents.length } }));
  if (changed || !existsSync(`${target}.gz`)) writeChanged(`${target}.gz`, gzipSync(contents, { level: 9 }));
  return {
    path, file, type: TYPES[extname(file)] ?? 'application/octet-stream', immutable: file !== 'index.html', hash: createHash('sha256').update(contents).digest('base64url').slice(0, 22),
    bytes: contents.length, br: statSync(`${target}.br`).size, gz: statSync(`${target}.gz`).size,
  };
}
