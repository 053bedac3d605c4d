// Which modules of a program go into one part although some are asked for later: esbuild makes a part for each set of modules that are loaded by the same ones, and each costs lists of names.

import { readFileSync, readdirSync } from 'node:fs';
import { dirname, join, relative } from 'node:path';
import { ROOT } from './esbuild.mjs';

/** The heart of every program: whoever asks for something later has it already. */
const HEART = 'targets/program/station.ts';
/** What these ask for may be loaded without it: help, and commands, each of which says for itself what it needs. */
const BEFORE = ['targets/program/start.ts', 'targets/program/commands.ts', 'targets/edge/main.ts', 'targets/server/main.ts'];
const FOLDERS = ['src', 'targets/program', 'targets/api', 'targets/edge', 'targets/server'];

/** The relative imports of a module that are made when it is loaded, or with `later` those that are made when something is asked for. */
function importsOf(path, later) {
  const text = readFileSync(join(ROOT, path), 'utf8');
  const found = later ? text.matchAll(/\bimport\('(\.[^']+\.ts)'\)/g) : text.matchAll(/^import (?!type\b)(?:[^'"]*? from )?'(\.[^']+\.ts)';/gm);
  return [...found].map((match) => relative(ROOT, join(ROOT, dirname(path), match[1])));
}

/** All that is loaded with a module. */
function loadedWith(path, all = new Set()) {
  if (all.has(path)) return all;
  all.add(path);
  for (const other of importsOf(path, false)) loadedWith(other, all);
  return all;
}

/**
 * A plugin of esbuild. To every module that is asked for later, by one that has the heart of the program loaded, it adds an import of that heart: it brings nothing into memory, as it is there, and
 * esbuild sees that all of the heart is loaded together. Without it a node with default settings loads 55 files, and 11 KiB more.
 */
export function together() {
  const heart = loadedWith(HEART), later = new Set();
  for (const folder of FOLDERS) {
    for (const name of readdirSync(join(ROOT, folder), { recursive: true })) {
      const path = join(folder, name);
      if (path.endsWith('.ts') && !BEFORE.includes(path)) for (const asked of importsOf(path, true)) if (!heart.has(asked)) later.add(asked);
    }
  }
  return {
    name: 'together',
    setup(build) {
      build.onLoad({ filter: /\.ts$/ }, ({ path }) => (later.has(relative(ROOT, path)) ? { contents: `${readFileSync(path, 'utf8')}\nimport ${JSON.stringify(join(ROOT, HEART))};\n`, loader: 'ts' } : undefined));
    },
  };
}
