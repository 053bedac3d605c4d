// `node build/go.mjs run FILE.ts args…`: bundles one TypeScript program of this repository and runs it with the terminal attached.

import { spawn } from 'node:child_process';
import { join } from 'node:path';
import * as esbuild from 'esbuild';
import { ROOT, localBundle, writeOutputs } from './esbuild.mjs';

/** Returns the exit code of the program. */
export async function main([file, ...args]) {
  const outfile = join(ROOT, 'dist', file.replace(/\.ts$/, '.mjs'));
  try { writeOutputs(await esbuild.build({ ...localBundle(file, outfile), logLevel: 'error' })); } catch { return 1; } finally { await esbuild.stop(); }
  const child = spawn(process.execPath, ['--enable-source-maps', outfile, ...args], { cwd: ROOT, stdio: 'inherit' });
  process.on('SIGINT', () => {});
  process.on('SIGTERM', () => child.kill('SIGTERM'));
  return new Promise((resolve) => child.on('exit', (code) => resolve(code ?? 1)));
}
