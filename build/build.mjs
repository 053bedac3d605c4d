// `npm run build`: makes dist/edge, prints what it weighs, and fails when it is over its budget.

import { relative } from 'node:path';
import * as esbuild from 'esbuild';
import { BUDGET, PROGRAM, buildEdge } from './edge.mjs';
import { ROOT } from './esbuild.mjs';

/** Returns the exit code. */
export async function main() {
  const began = performance.now();
  const built = await buildEdge().catch((error) => error);
  await esbuild.stop();
  if (built instanceof Error) { console.error(built.message); return 1; }
  const row = (name, bytes, note = '') => console.log(`${name.padEnd(28)} ${(bytes / 1024).toFixed(1).padStart(8)} KiB${note && '  ' + note}`);
  for (const [name, bytes] of built.parts) row('  ' + name, bytes);
  row(relative(ROOT, PROGRAM), built.bytes, `${(built.gzip / 1024).toFixed(1)} KiB after gzip; budget ${BUDGET / 1024} KiB`);
  for (const { name, bytes } of built.natives) row(`${relative(ROOT, PROGRAM).replace(/[^/]+$/, '')}${name}`, bytes, 'native, not counted');
  console.log(`built in ${((performance.now() - began) / 1000).toFixed(1)} s`);
  if (built.bytes < BUDGET) return 0;
  console.error(`The bundle is over its budget by ${((built.bytes - BUDGET) / 1024).toFixed(1)} KiB: see which part grew, or make room.`);
  return 1;
}
