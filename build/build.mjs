// `npm run build`: makes dist/edge and dist/server, prints what the edge weighs, and fails when it is over its budget; `npm run build -- server` makes the server alone.

import { join, relative } from 'node:path';
import * as esbuild from 'esbuild';
import { BUDGET, EDGE, buildEdge } from './edge.mjs';
import { ROOT } from './esbuild.mjs';
import { loadedByDefault } from './loaded.mjs';
import { SERVER, buildServer } from './server.mjs';

/** Returns the exit code. */
export async function main(args) {
  const began = performance.now();
  try {
    const built = args.includes('server') ? undefined : await buildEdge();
    const { parts } = await buildServer();
    const code = built === undefined ? 0 : await weigh(built);
    console.log(`${relative(ROOT, SERVER)}: ${(parts.reduce((sum, { bytes }) => sum + bytes, 0) / 1024).toFixed(1)} KiB in ${parts.length} files, PostgreSQL beside it`);
    console.log(`built in ${((performance.now() - began) / 1000).toFixed(1)} s`);
    return code;
  } catch (error) {
    console.error(error.message);
    return 1;
  } finally {
    await esbuild.stop();
  }
}

/** Prints what the edge weighs. Returns the exit code. */
async function weigh(built) {
  const { parts, shares, natives, page } = built;
  const folder = relative(ROOT, EDGE);
  const kib = (bytes) => `${(bytes / 1024).toFixed(1).padStart(8)} KiB`;
  const row = (name, bytes, note = '') => console.log(`${name.padEnd(40)} ${kib(bytes)}${note && '  ' + note}`);
  const sum = (list, key = 'bytes') => list.reduce((total, its) => total + its[key], 0);
  const line = (name, list, note = '') => row(name, sum(list), `${kib(sum(list, 'gzip')).trim()} after gzip${note}`);

  console.log('loaded when the program starts');
  for (const [name, bytes] of shares.first) row('  ' + name, bytes);
  console.log('loaded when it is first used');
  for (const [name, bytes] of shares.later) row('  ' + name, bytes);
  const loaded = await loadedByDefault();
  const program = parts.filter(({ name }) => loaded.has(name));
  console.log('');
  for (const part of parts.filter(({ first, bytes }) => !first && bytes >= 1024)) line(`  ${part.name}`, [part], loaded.has(part.name) ? ', loaded with default settings' : '');
  const first = parts.filter((part) => part.first);
  line(`${folder}/holdfast at its start`, first, ` in ${first.length} files`);
  line('a node with default settings', program, ` in ${program.length} files; budget ${BUDGET / 1024} KiB`);
  line('everything', parts, ` in ${parts.length} files`);
  row(`${folder}/page`, sum(page), `${kib(sum(page, 'br')).trim()} as browsers get it (brotli)`);
  for (const { name, bytes } of natives) row(join(folder, name), bytes, 'native, not counted');
  const over = sum(program) - BUDGET;
  if (over < 0) return 0;
  console.error(`What a node with default settings loads is over its budget by ${(over / 1024).toFixed(1)} KiB: see which part grew, load it later, or make room.`);
  return 1;
}
