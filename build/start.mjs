// `npm start [-- flags]`: builds the edge node when its sources are newer than it, then runs it on ./holdfast-data with the terminal attached.

import { spawn } from 'node:child_process';
import { existsSync, statSync } from 'node:fs';
import { constants } from 'node:os';
import { ROOT } from './esbuild.mjs';
import { newest } from './sources.mjs';

/** Returns the exit code of the node. */
export async function main(args) {
  const { PROGRAM, buildEdge } = await import('./edge.mjs');
  if (!existsSync(PROGRAM) || newest() > statSync(PROGRAM).mtimeMs) {
    process.stderr.write('Building the edge node …\n');
    const { stop } = await import('esbuild');
    try { await buildEdge(); } catch (error) { process.stderr.write(`${error.message}\n`); return 1; } finally { await stop(); }
  }
  const flags = args.some((arg) => arg === '--dir' || arg.startsWith('--dir=')) || process.env.HOLDFAST_DIR ? [] : ['--dir', './holdfast-data'];
  const child = spawn(process.execPath, [PROGRAM, 'run', ...flags, '--init', ...args], { cwd: ROOT, stdio: 'inherit' });
  // Ctrl-C reaches the node by itself, through the terminal; it may take its time to stop cleanly, and this process waits for it.
  process.on('SIGINT', () => {});
  for (const signal of ['SIGTERM', 'SIGHUP']) process.on(signal, () => child.kill(signal));
  return new Promise((resolve) => {
    child.on('error', (error) => { process.stderr.write(`${error.message}\n`); resolve(1); });
    child.on('exit', (code, signal) => resolve(code ?? 128 + (constants.signals[signal] ?? 0)));
  });
}
