// What is said to someone whose machine cannot compile, and how the headers of Node are found without a network.

import { test } from 'uvu';
import * as assert from 'uvu/assert';
import { chmodSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import { advice, findTool, headersBeside } from '../../build/tools.mjs';

let folder: string;
test.before.each(() => { folder = mkdtempSync(join(tmpdir(), 'holdfast-tools-')); });
test.after.each(() => { rmSync(folder, { recursive: true }); });

function program(name: string): string {
  const path = join(folder, name);
  writeFileSync(path, '#!/bin/sh\n');
  chmodSync(path, 0o755);
  return path;
}

test('a tool is found by any of its names, or by its variable', () => {
  assert.is(findTool('a C++ compiler', { PATH: folder }), undefined);
  const clang = program('clang++');
  assert.is(findTool('a C++ compiler', { PATH: folder }), clang);
  const own = program('g++-12');
  assert.is(findTool('a C++ compiler', { PATH: '', CXX: `FLAG=1 ${own}` }), own);
  mkdirSync(join(folder, 'make'));
  assert.is(findTool('make', { PATH: folder }), undefined, 'a folder is no program');
});

test('the advice is one command for this system, naming only what is missing', () => {
  const all = ['a C++ compiler', 'make', 'python3'];
  if (process.platform === 'darwin') { assert.is(advice(all), 'xcode-select --install'); return; }
  program('apt-get');
  assert.is(advice(all, { PATH: folder }, 1000), 'sudo apt-get install -y build-essential python3');
  assert.is(advice(['python3'], { PATH: folder }, 0), 'apt-get install -y python3');
  rmSync(join(folder, 'apt-get'));
  program('apk');
  assert.is(advice(['a C++ compiler'], { PATH: folder }, 1000), 'sudo apk add build-base linux-headers');
  assert.match(advice(all, { PATH: '' }, 1000), 'package manager');
});

test('the headers beside Node count only if they are of this version', () => {
  const include = join(folder, 'include/node');
  mkdirSync(include, { recursive: true });
  const node = join(folder, 'bin/node');
  assert.is(headersBeside(node, 'v20.20.2'), undefined);
  writeFileSync(join(include, 'node.h'), '');
  writeFileSync(join(include, 'node_version.h'), '#define NODE_MAJOR_VERSION 20\n#define NODE_MINOR_VERSION 20\n#define NODE_PATCH_VERSION 2\n');
  assert.is(headersBeside(node, 'v20.20.2'), folder);
  assert.is(headersBeside(node, 'v22.1.0'), undefined);
});

test('who lacks the compiler of another kind of machine is told its package', async () => {
  // Bundled into the test it would take the test's folder for the repository.
  const { compilerFor } = await import(pathToFileURL(resolve('build/addons.mjs')).href) as { compilerFor(target: string): { cxx: string } };
  const { PATH } = process.env;
  const [other, triplet] = process.arch === 'arm64' ? ['linux-x64', 'x86-64-linux-gnu'] : ['linux-arm64', 'aarch64-linux-gnu'];
  try {
    process.env['PATH'] = folder;
    assert.throws(() => compilerFor(other), new RegExp(`apt-get install -y g\\+\\+-${triplet}$`));
    for (const tool of ['gcc', 'g++', 'ar', 'strip']) program(`${triplet.replace('x86-64', 'x86_64')}-${tool}`);
    assert.throws(() => compilerFor(other), /takes .*make/, 'node-gyp needs more than a compiler');
    for (const tool of ['g++', 'make', 'python3']) program(tool);
    assert.match(compilerFor(other).cxx, /-linux-gnu-g\+\+$/);
  } finally {
    process.env['PATH'] = PATH;
  }
});

test.run();
