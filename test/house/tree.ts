// The sources that the rules of the house look at: path from the root → text.

import { existsSync, readFileSync, readdirSync } from 'node:fs';
import { join } from 'node:path';

export type Tree = Map<string, string>;

/** Reads all sources below the given folders. The working folder of a test is the root of the repository. */
export function readTree(folders: string[] = ['src', 'targets', 'test', 'build']): Tree {
  const tree: Tree = new Map();
  for (const folder of folders.filter((name) => existsSync(name))) {
    for (const entry of readdirSync(folder, { recursive: true }) as string[]) {
      if (/\.(ts|mjs|js)$/.test(entry)) tree.set(`${folder}/${entry}`, readFileSync(join(folder, entry), 'utf8'));
    }
  }
  return tree;
}

/** A made-up tree of one file, for showing that a rule can fail. */
export function sample(path: string, text: string): Tree {
  return new Map([[path, text]]);
}

/** The core: everything in src that may not touch the world. */
export function isCore(path: string): boolean {
  return path.startsWith('src/') && !path.startsWith('src/io/');
}
