// `npm run coverage [-- substring…]`: which code of the core the tests reach, by V8's own counts mapped back through the source maps.

import { existsSync, mkdirSync, readFileSync, readdirSync, rmSync } from 'node:fs';
import { dirname, join, relative, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { ROOT } from './esbuild.mjs';
import { filesUnder } from './files.mjs';
import { decodeMappings } from './mappings.mjs';
import { runTests } from './test.mjs';

const FOLDER = join(ROOT, 'dist/coverage');

/** Runs the tests, then prints a table of src. Returns the exit code of the tests. */
export async function main(args) {
  rmSync(FOLDER, { recursive: true, force: true });
  mkdirSync(FOLDER, { recursive: true });
  // Without tree shaking, so that functions which no test calls are there to be missed.
  const code = await runTests([...args, '--no-check'], { env: { NODE_V8_COVERAGE: FOLDER }, settings: { treeShaking: false } });
  const reached = collect();
  print(reached);
  rmSync(FOLDER, { recursive: true, force: true });
  return code;
}

/** Path in src → (line → column → reached). A place is reached when any process reached it. */
function collect() {
  const reached = new Map();
  const scripts = new Map();
  for (const name of readdirSync(FOLDER)) {
    const { result } = JSON.parse(readFileSync(join(FOLDER, name), 'utf8'));
    for (const { url, functions } of result) {
      if (!url.startsWith('file:')) continue;
      const path = fileURLToPath(url);
      if (!path.startsWith(join(ROOT, 'dist/test/')) || !existsSync(`${path}.map`)) continue;
      if (!scripts.has(path)) scripts.set(path, places(path));
      const count = counter(functions);
      for (const { offset, source, line, column } of scripts.get(path)) {
        const lines = reached.get(source) ?? reached.set(source, new Map()).get(source);
        const columns = lines.get(line) ?? lines.set(line, new Map()).get(line);
        columns.set(column, columns.get(column) === true || count(offset) > 0);
      }
    }
  }
  return reached;
}

/** The places of a bundle that stem from src, in the order of their offsets. */
function places(path) {
  const map = JSON.parse(readFileSync(`${path}.map`, 'utf8'));
  const sources = map.sources.map((source) => relative(ROOT, resolve(dirname(path), source)));
  const starts = [0];
  const text = readFileSync(path, 'utf8');
  for (let at = text.indexOf('\n'); at >= 0; at = text.indexOf('\n', at + 1)) starts.push(at + 1);
  return decodeMappings(map.mappings).filter(({ source }) => source !== undefined && sources[source].startsWith('src/'))
    .map(({ line, column, source, sourceLine, sourceColumn }) => ({ offset: starts[line] + column, source: sources[source], line: sourceLine + 1, column: sourceColumn }));
}

/** How often the code at an offset ran; to be asked with rising offsets. The innermost range counts. */
function counter(functions) {
  const ranges = functions.flatMap((each) => each.ranges).sort((a, b) => a.startOffset - b.startOffset || b.endOffset - a.endOffset);
  const open = [];
  let next = 0;
  return (offset) => {
    while (next < ranges.length && ranges[next].startOffset <= offset) open.push(ranges[next++]);
    // Ranges nest, so those that ended are on top, but for one that opened and ended between two questions.
    while (open.length > 0 && open.at(-1).endOffset <= offset) open.pop();
    return open.length > 0 ? open.at(-1).count : 1;
  };
}

/** The table: a row a file, a sum for each room, the lines that are not reached in full. */
function print(reached) {
  const rows = filesUnder('src', '.ts').filter((path) => !path.endsWith('.d.ts')).map((path) => {
    const lines = [...(reached.get(path) ?? new Map())].sort((a, b) => a[0] - b[0]);
    const all = lines.flatMap(([, columns]) => [...columns.values()]);
    const missed = lines.filter(([, columns]) => [...columns.values()].includes(false)).map(([line]) => line);
    return { path, known: reached.has(path), places: all.length, hit: all.filter(Boolean).length, lines: lines.length, missed };
  });
  const percent = (part, whole) => (whole === 0 ? '–' : `${(100 * part / whole).toFixed(1)} %`).padStart(8);
  const width = Math.max(...rows.map(({ path }) => path.length), 24);
  const row = (name, of, note) => console.log(`${name.padEnd(width)}${percent(of.hit, of.places)}${percent(of.lines - of.missed, of.lines)}  ${note}`.trimEnd());
  const sum = (of) => of.reduce((a, b) => ({ places: a.places + b.places, hit: a.hit + b.hit, lines: a.lines + b.lines, missed: a.missed + b.missed.length }), { places: 0, hit: 0, lines: 0, missed: 0 });
  console.log(`\n${'reached by tests'.padEnd(width)}    code   lines  lines not reached in full`);
  for (const each of rows) row(each.path, { ...each, missed: each.missed.length }, each.known ? spans(each.missed) : 'no code, or no test imports it');
  console.log('-'.repeat(width + 16));
  const rooms = new Map();
  for (const each of rows) {
    const room = dirname(each.path);
    rooms.set(room, [...(rooms.get(room) ?? []), each]);
  }
  for (const [room, of] of rooms) row(room, sum(of), '');
  row('the core (without io)', sum(rows.filter(({ path }) => !path.startsWith('src/io/'))), '');
}

/** Line numbers as ranges, the first dozen. */
function spans(lines) {
  const out = [];
  for (const line of lines) {
    const last = out.at(-1);
    if (last && last[1] === line - 1) last[1] = line; else out.push([line, line]);
  }
  return out.slice(0, 12).map(([a, b]) => (a === b ? a : `${a}–${b}`)).join(' ') + (out.length > 12 ? ' …' : '');
}
