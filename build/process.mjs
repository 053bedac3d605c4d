// Runs a program to its end or its timeout, keeps what it prints, and leaves nothing of it behind.

import { spawn } from 'node:child_process';
import { ROOT } from './esbuild.mjs';

/** Characters of output that are kept; beyond it the middle is left out. */
const KEPT = 400_000;
/** Milliseconds that the output may stay open after the program has ended: something that it started may still hold it. */
const LINGER = 2_000;

const running = new Set();
function killGroup(child) {
  try { process.kill(-child.pid, 'SIGKILL'); } catch { /* already gone */ }
}
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) {
  process.on(signal, () => { for (const child of running) killGroup(child); if (running.size > 0) process.exit(130); });
}

/** Runs a command from the root, with `timeout` in seconds; its whole process group is gone afterwards. Resolves with output, code, signal, timedOut, ms. */
export function run(command, args, { timeout, env = {} }) {
  return new Promise((resolve) => {
    const began = performance.now();
    const child = spawn(command, args, { cwd: ROOT, stdio: ['ignore', 'pipe', 'pipe'], detached: true, env: { ...process.env, ...env } });
    running.add(child);
    let output = '', timedOut = false;
    const keep = (chunk) => {
      output += chunk;
      if (output.length > KEPT * 2) output = `${output.slice(0, KEPT / 2)}\n… (left out)\n${output.slice(-KEPT / 2)}`;
    };
    for (const stream of [child.stdout, child.stderr]) stream.setEncoding('utf8').on('data', keep);
    const timer = setTimeout(() => { timedOut = true; killGroup(child); }, timeout * 1_000);
    const end = (code, signal) => {
      clearTimeout(timer);
      running.delete(child);
      for (const stream of [child.stdout, child.stderr]) stream.destroy();
      resolve({ output, code, signal, timedOut, seconds: timeout, ms: performance.now() - began });
    };
    child.on('error', (error) => { output += String(error); end(1, null); });
    child.on('exit', (code, signal) => {
      killGroup(child); // what it started ends with it
      setTimeout(() => end(code, signal), LINGER).unref();
    });
    child.on('close', end);
  });
}
