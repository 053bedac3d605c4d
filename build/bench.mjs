// `npm run bench [-- substring…] [--json FILE]`: runs test/bench/*.bench.ts one after the other and prints what they measured beside its baseline.
//
// A benchmark is a program that prints its results on stdout, one JSON object a line:
//   {"what": "durable append, batches of 256", "value": 231000, "unit": "events/s", "baseline": {"what": "LMDB put per event", "value": 330000}, "reach": "≥ 0.7"}
// `ratio` is value / baseline.value unless given; `ok` (boolean) says whether the reach was met; `baseline`, `reach`, `ok` and `note` may be left out.
// Everything else that it says goes to stderr.

import { spawn } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { arch, availableParallelism, cpus, release, totalmem } from 'node:os';
import { join } from 'node:path';
import * as esbuild from 'esbuild';
import { filesUnder } from './files.mjs';
import { ROOT, localBundle, writeOutputs } from './esbuild.mjs';

/** Returns the exit code: 1 when a benchmark breaks; a reach that is missed is shown, not failed. */
export async function main(args) {
  const at = args.indexOf('--json');
  const json = at < 0 ? undefined : args[at + 1];
  if (at >= 0 && !json) { console.error('--json needs the name of a file'); return 2; }
  const filters = args.filter((arg, index) => !arg.startsWith('-') && !(at >= 0 && index === at + 1));
  const files = filesUnder('test/bench', '.bench.ts').filter((file) => filters.length === 0 || filters.some((filter) => file.includes(filter)));
  if (files.length === 0) { console.error('no benchmark matches'); return 1; }
  await (await import('./edge.mjs')).buildEdge();
  if (files.some((file) => readFileSync(join(ROOT, file), 'utf8').includes('dist/server'))) await (await import('./server.mjs')).buildServer();
  const outfiles = [];
  for (const file of [...files, ...filesUnder('test/bench', '.child.ts')]) {
    const outfile = join(ROOT, 'dist', file.replace(/\.ts$/, '.mjs'));
    writeOutputs(await esbuild.build({ ...localBundle(file, outfile), logLevel: 'error' }));
    if (files.includes(file)) outfiles.push([file, outfile]);
  }
  await esbuild.stop();
  const rows = [];
  let broken = 0;
  for (const [file, outfile] of outfiles) {
    console.error(`… ${file}`);
    const { code, lines } = await lineByLine(process.execPath, ['--expose-gc', '--enable-source-maps', outfile]);
    if (code !== 0) { broken++; console.error(`✘ ${file} ended with ${code}`); }
    for (const line of lines) {
      const row = { file, ...JSON.parse(line) };
      if (row.ratio === undefined && row.baseline?.value) row.ratio = row.value / row.baseline.value;
      rows.push(row);
    }
  }
  print(rows);
  const machine = { node: process.version, arch: arch(), cpu: cpus()[0]?.model, cores: availableParallelism(), memory: totalmem(), kernel: release(), date: new Date().toISOString() };
  if (json) writeFileSync(json, JSON.stringify({ machine, rows }, null, 2) + '\n');
  return broken === 0 ? 0 : 1;
}

/** Runs a program; its stdout as lines, its stderr to the terminal. */
function lineByLine(command, args) {
  return new Promise((resolve) => {
    const child = spawn(command, args, { cwd: ROOT, stdio: ['ignore', 'pipe', 'inherit'] });
    let text = '';
    child.stdout.setEncoding('utf8').on('data', (chunk) => { text += chunk; });
    child.on('close', (code, signal) => resolve({ code: code ?? signal, lines: text.split('\n').filter((line) => line.startsWith('{')) }));
  });
}

/** A number as people read it: three digits that count. */
function figure(value) {
  if (typeof value !== 'number') return String(value ?? '');
  const places = Math.abs(value) >= 100 || Number.isInteger(value) ? 0 : Math.abs(value) >= 10 ? 1 : Math.abs(value) >= 1 ? 2 : 3;
  return value.toFixed(places).replace(/\B(?=(\d{3})+(?!\d))/g, places ? '' : ',');
}

function print(rows) {
  const cells = [['what', 'measured', 'baseline', 'ratio', 'reach', ''], ...rows.map((row) => [
    row.what, `${figure(row.value)} ${row.unit ?? ''}`.trim(), row.baseline ? `${figure(row.baseline.value)} (${row.baseline.what})` : '', figure(row.ratio), row.reach ?? '',
    `${row.ok === undefined ? '' : row.ok ? 'met' : 'missed'}${row.note ? ` ${row.note}` : ''}`,
  ])];
  const widths = cells[0].map((_, column) => Math.max(...cells.map((row) => row[column].length)));
  cells.forEach((row, index) => {
    console.log(row.map((cell, column) => (column === 1 || column === 3 ? cell.padStart(widths[column]) : cell.padEnd(widths[column]))).join('  ').trimEnd());
    if (index === 0) console.log(widths.map((width) => '-'.repeat(width)).join('  '));
  });
}
