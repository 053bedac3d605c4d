// `npm test [-- substring…]`: types, lint and every test/**/*.test.ts in a process of its own, a few at a time, with a timeout and honest totals.
//
// Tests run from the root of the repository. A file may declare `// timeout: 600s` in its first lines (120 s otherwise). Programs that tests start are
// called test/**/*.child.ts and end up beside the test (`new URL('./x.child.mjs', import.meta.url)`); a test that mentions dist/edge or dist/server finds it built.
// With --output the output of files that pass is shown too; --no-check leaves out types and lint.

import { existsSync, readFileSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { join } from 'node:path';
import * as esbuild from 'esbuild';
import { checks } from './check.mjs';
import { ROOT, localBundle, writeChanged, writeOutputs } from './esbuild.mjs';
import { filesUnder } from './files.mjs';
import { run } from './process.mjs';
import { judge } from './verdict.mjs';

/** How long each file took last time: the long ones start first. */
const TIMES = join(ROOT, 'dist/test/times.json');
/** Seconds that a file or a check may take. */
const TIMEOUT = 120;

/** Runs what the arguments choose. Returns the exit code. */
export function main(args) {
  return runTests(args);
}

/**
 * Runs the tests whose path contains one of the given substrings (all without any; then types and lint too). Prints one line a file, failures in full,
 * and the totals as the last line. `env` is added to the environment of the tests, `settings` to those of esbuild. Returns the exit code.
 */
export async function runTests(args, { env = {}, settings = {} } = {}) {
  const began = performance.now();
  const filters = args.filter((arg) => !arg.startsWith('-'));
  const files = filesUnder('test', '.test.ts').filter((name) => filters.length === 0 || filters.some((filter) => name.includes(filter)));
  const wanted = checks.filter(({ name }) => (filters.length === 0 ? !args.includes('--no-check') : filters.includes(name)));
  const times = existsSync(TIMES) ? JSON.parse(readFileSync(TIMES, 'utf8')) : {};
  const totals = { passed: 0, failed: 0, skipped: 0 };
  const report = (name, counts, text, detail) => {
    for (const key of Object.keys(totals)) totals[key] += counts[key] ?? 0;
    const bad = counts.failed > 0;
    console.log(`${bad ? '✘' : '•'} ${name}  ${text}`);
    if (bad || args.includes('--output')) console.log(detail.trimEnd().replace(/^/gm, '    '));
  };

  const sources = new Map(files.map((file) => [file, readFileSync(join(ROOT, file), 'utf8')]));
  const needs = (folder) => [...sources.values()].some((text) => text.includes(folder));
  if (needs('dist/edge')) await (await import('./edge.mjs')).buildEdge().catch((error) => report('targets/edge', { failed: 1 }, 'does not build', error.message));
  if (needs('dist/server')) await (await import('./server.mjs')).buildServer().catch((error) => report('targets/server', { failed: 1 }, 'does not build', error.message));
  const children = Promise.all(filesUnder('test', '.child.ts').map((file) => bundle(file, settings)));
  const tests = [...sources].map(([file, text]) => ({ file, text, bundled: bundle(file, settings) }))
    .sort((a, b) => (times[b.file] ?? 5_000) - (times[a.file] ?? 5_000))
    .map(({ file, text, bundled }) => async () => {
      await children;
      const { outfile, broken } = await bundled;
      if (broken) return report(file, { failed: 1 }, 'does not build', broken);
      const timeout = Number(/^\/\/ timeout: (\d+)s/m.exec(text.split('\n', 6).join('\n'))?.[1] ?? TIMEOUT);
      const result = await run(process.execPath, ['--enable-source-maps', outfile], { timeout, env });
      times[file] = Math.round(result.ms);
      const verdict = judge(result);
      report(file, verdict, `${words(verdict)}  ${seconds(result.ms)}${verdict.why && `  ${verdict.why}`}`, result.output);
    });
  const reads = wanted.map(({ name, command, args: its }) => async () => {
    const result = await run(command, its, { timeout: TIMEOUT });
    report(name, result.code === 0 ? { passed: 1 } : { failed: 1 }, `${result.code === 0 ? 'clean' : 'failed'}  ${seconds(result.ms)}`, result.output);
  });
  await pool([...reads, ...tests], Math.max(2, availableParallelism()));
  await esbuild.stop();
  if (files.length > 0) writeChanged(TIMES, JSON.stringify(times));
  if (files.length + wanted.length === 0) report(filters.join(' '), { failed: 1 }, 'matches no test', '');
  console.log(seconds(performance.now() - began));
  console.log(words(totals, true));
  return totals.failed === 0 ? 0 : 1;
}

/** Bundles one test (or program of tests) into dist/test. */
async function bundle(file, settings) {
  const outfile = join(ROOT, 'dist', file.replace(/\.ts$/, '.mjs'));
  try {
    writeOutputs(await esbuild.build({ ...localBundle(file, outfile), ...settings }));
    return { outfile, broken: '' };
  } catch (error) {
    const lines = await esbuild.formatMessages(error.errors ?? [{ text: String(error) }], { kind: 'error', color: process.stdout.isTTY === true });
    return { outfile, broken: lines.join('\n') };
  }
}

/** Does the jobs in order, a few at a time. */
async function pool(jobs, width) {
  const queue = [...jobs];
  await Promise.all(Array.from({ length: width }, async () => { for (let job; (job = queue.shift());) await job(); }));
}

function words({ passed, failed, skipped }, all = false) {
  return `${passed} passed${failed || all ? `, ${failed} failed` : ''}${skipped ? `, ${skipped} skipped` : ''}`;
}

function seconds(ms) {
  return `${(ms / 1_000).toFixed(1)} s`;
}
