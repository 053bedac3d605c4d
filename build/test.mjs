// `npm test [-- substring…]`: types, lint and every test/**/*.test.ts in a process of its own, a few at a time, with a timeout and honest totals.

import { spawn } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync, readdirSync, writeFileSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { join, relative } from 'node:path';
import * as esbuild from 'esbuild';
import { ROOT, localBundle, writeOutputs } from './esbuild.mjs';
import { judge } from './verdict.mjs';

const OUT = join(ROOT, 'dist/test');
const TIMES = join(OUT, 'times.json');
/** Seconds that a file may take unless it says `// timeout: 600s` in its first lines. */
const TIMEOUT = 120;
/** Output that is kept of one file; beyond it the middle is left out. */
const KEPT = 400_000;

/** All files below a folder whose names end so, as paths from the root, sorted. */
export function filesUnder(folder, ending) {
  if (!existsSync(join(ROOT, folder))) return [];
  return readdirSync(join(ROOT, folder), { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile() && entry.name.endsWith(ending))
    .map((entry) => relative(ROOT, join(entry.parentPath ?? entry.path, entry.name))).sort();
}

/** Bundles one test (or child program) into dist/test. */
async function bundle(file) {
  const outfile = join(ROOT, 'dist', file.replace(/\.ts$/, '.mjs'));
  const result = await esbuild.build(localBundle(file, outfile)).catch((error) => error);
  if (result instanceof Error) {
    const lines = await esbuild.formatMessages(result.errors ?? [{ text: String(result) }], { kind: 'error', color: process.stdout.isTTY === true });
    return { outfile, broken: lines.join('\n') };
  }
  writeOutputs(result);
  return { outfile, broken: '' };
}

/** Runs a command to its end or its timeout; its whole process group is gone afterwards. */
export function run(command, args, { timeout = TIMEOUT, env = {} } = {}) {
  return new Promise((resolve) => {
    const began = performance.now();
    const child = spawn(command, args, { cwd: ROOT, stdio: ['ignore', 'pipe', 'pipe'], detached: true, env: { ...process.env, ...env } });
    running.add(child);
    let output = '', cut = false, timedOut = false;
    const keep = (chunk) => {
      output += chunk;
      if (output.length > KEPT * 2) { output = output.slice(0, KEPT / 2) + '\n… (left out)\n' + output.slice(-KEPT / 2); cut = true; }
    };
    child.stdout.setEncoding('utf8').on('data', keep);
    child.stderr.setEncoding('utf8').on('data', keep);
    const timer = setTimeout(() => { timedOut = true; killGroup(child); }, timeout * 1000);
    child.on('exit', () => killGroup(child)); // what it started ends with it
    child.on('error', (error) => { output += String(error); });
    child.on('close', (code, signal) => {
      clearTimeout(timer);
      running.delete(child);
      resolve({ output, cut, code, signal, timedOut, seconds: timeout, ms: performance.now() - began });
    });
  });
}

const running = new Set();
function killGroup(child) {
  try { process.kill(-child.pid, 'SIGKILL'); } catch { /* already gone */ }
}
for (const signal of ['SIGINT', 'SIGTERM']) process.on(signal, () => { for (const child of running) killGroup(child); process.exit(130); });

/** Does the jobs, a few at a time. */
async function pool(jobs, width) {
  const queue = [...jobs];
  await Promise.all(Array.from({ length: width }, async () => { for (let job; (job = queue.shift());) await job(); }));
}

/**
 * Runs the tests whose path contains one of the given substrings (all without any; then types and lint too). Prints one line a file, failures in full,
 * and the totals as the last line. Returns the exit code.
 */
export async function main(args) {
  const began = performance.now();
  const filters = args.filter((arg) => !arg.startsWith('-'));
  const chosen = (name) => filters.length === 0 || filters.some((filter) => name.includes(filter));
  const files = filesUnder('test', '.test.ts').filter(chosen);
  const { checks } = await import('./check.mjs');
  const wantedChecks = checks.filter(({ name }) => (filters.length === 0 ? !args.includes('--no-check') : filters.includes(name)));
  const times = existsSync(TIMES) ? JSON.parse(readFileSync(TIMES, 'utf8')) : {};
  const totals = { passed: 0, failed: 0, skipped: 0 };
  const say = (mark, name, text, detail = '') => {
    console.log(`${mark} ${name}  ${text}${detail ? `\n${detail.trimEnd().replace(/^/gm, '    ')}` : ''}`);
  };

  if (files.some((file) => readFileSync(join(ROOT, file), 'utf8').includes('dist/edge')) && existsSync(join(ROOT, 'targets/edge/main.ts'))) {
    const { buildEdge } = await import('./edge.mjs');
    await buildEdge().catch((error) => { totals.failed++; say('✘', 'targets/edge', 'does not build', String(error.message ?? error)); });
  }

  const children = Promise.all(filesUnder('test', '.child.ts').map(bundle));
  const jobs = files.map((file) => ({ file, expected: times[file] ?? 5_000, bundled: bundle(file) }))
    .sort((a, b) => b.expected - a.expected)
    .map(({ file, bundled }) => async () => {
      await children;
      const { outfile, broken } = await bundled;
      if (broken) { totals.failed++; return say('✘', file, 'does not build', broken); }
      const head = readFileSync(join(ROOT, file), 'utf8').split('\n', 6).join('\n');
      const timeout = Number(/^\/\/ timeout: (\d+)s/m.exec(head)?.[1] ?? TIMEOUT);
      const result = await run(process.execPath, ['--enable-source-maps', outfile], { timeout });
      times[file] = Math.round(result.ms);
      const verdict = judge(result);
      totals.passed += verdict.passed; totals.failed += verdict.failed; totals.skipped += verdict.skipped;
      const text = `${verdict.passed} passed${verdict.failed ? `, ${verdict.failed} failed` : ''}${verdict.skipped ? `, ${verdict.skipped} skipped` : ''}  ${(result.ms / 1000).toFixed(1)} s`;
      const bad = verdict.failed > 0;
      say(bad ? '✘' : '•', file, text + (verdict.why ? `  ${verdict.why}` : ''), bad || args.includes('--output') ? result.output : '');
    });
  const checkJobs = wantedChecks.map(({ name, command, args: its, skip }) => async () => {
    if (skip?.()) { totals.skipped++; return say('-', name, skip()); }
    const result = await run(command, its);
    const ok = result.code === 0;
    totals[ok ? 'passed' : 'failed']++;
    say(ok ? '•' : '✘', name, `${ok ? 'clean' : 'failed'}  ${(result.ms / 1000).toFixed(1)} s`, ok ? '' : result.output);
  });
  await pool([...checkJobs, ...jobs], Math.max(2, availableParallelism()));
  await esbuild.stop();
  if (files.length > 0) { mkdirSync(OUT, { recursive: true }); writeFileSync(TIMES, JSON.stringify(times)); }
  if (totals.passed + totals.failed + totals.skipped === 0) { totals.failed++; say('✘', filters.join(' '), 'matches no test'); }
  console.log(`${((performance.now() - began) / 1000).toFixed(1)} s`);
  console.log(`${totals.passed} passed, ${totals.failed} failed${totals.skipped ? `, ${totals.skipped} skipped` : ''}`);
  return totals.failed === 0 ? 0 : 1;
}
