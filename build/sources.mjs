// Whether what was built is older than what it was built from.

import { readdirSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { ROOT } from './esbuild.mjs';

/** What programs are built from. */
const SOURCES = ['src', 'targets', 'build', 'package.json', 'package-lock.json', 'node_modules/.holdfast-ready'];

/** When the youngest source was changed, in ms since 1970. */
export function newest() {
  return Math.max(...SOURCES.map((path) => {
    const full = join(ROOT, path);
    const stat = statSync(full, { throwIfNoEntry: false });
    if (stat === undefined) return 0;
    return stat.isDirectory() ? Math.max(stat.mtimeMs, ...readdirSync(full, { recursive: true }).map((name) => statSync(join(full, name)).mtimeMs)) : stat.mtimeMs;
  }));
}
