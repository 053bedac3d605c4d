// The edge bundle: dist/edge/holdfast, on LMDB, and the budget of what a node with default settings loads.

import { join } from 'node:path';
import { ROOT } from './esbuild.mjs';
import { buildProgram } from './program.mjs';

/** Where the bundle lies, and its program. */
export const EDGE = join(ROOT, 'dist/edge');
export const PROGRAM = join(EDGE, 'holdfast');
/** Bytes that a node with default settings may load, minified, without native parts. */
export const BUDGET = 350 * 1024;

/** Builds dist/edge from targets/edge/main.ts, as `buildProgram` does. */
export function buildEdge() {
  return buildProgram({ entry: 'targets/edge/main.ts', folder: EDGE, needed: 'node-lmdb', maps: join(ROOT, 'dist/maps') });
}
