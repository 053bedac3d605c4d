// Which parts of dist/edge a node with default settings loads, found by running one.

import { spawn, spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';
import { EDGE, PROGRAM } from './edge.mjs';

/** How long the node runs once it listens: time enough to record its first metrics. */
const RUN_MS = 1_500;
/** When a node that does not listen is given up. */
const PATIENCE_MS = 60_000;

/**
 * Founds a node, starts it with the settings that this leaves, lets it run for a moment and stops it. Returns the names of the parts that it loaded ("holdfast", "lib/…"), as V8 counts them.
 * Rejects with the node's words when it does not run.
 */
export async function loadedByDefault() {
  const folder = mkdtempSync(join(tmpdir(), 'holdfast-loaded-'));
  try {
    const environment = Object.fromEntries(Object.entries(process.env).filter(([name]) => !name.startsWith('HOLDFAST_')));
    const founded = spawnSync(process.execPath, [PROGRAM, 'init', '--dir', join(folder, 'data')], { cwd: folder, env: environment, encoding: 'utf8' });
    if (founded.status !== 0) throw new Error(`no node can be founded:\n${founded.stderr}`);
    const child = spawn(process.execPath, [PROGRAM, 'run', '--dir', join(folder, 'data')],
      { cwd: folder, stdio: ['ignore', 'pipe', 'pipe'], env: { ...environment, NODE_V8_COVERAGE: join(folder, 'loaded') } });
    let words = '';
    const timers = [setTimeout(() => child.kill('SIGKILL'), PATIENCE_MS)];
    for (const stream of [child.stdout, child.stderr]) {
      stream.setEncoding('utf8').on('data', (text) => {
        const before = /listening on/.test(words);
        words += text;
        if (!before && /listening on/.test(words)) timers.push(setTimeout(() => child.kill('SIGTERM'), RUN_MS));
      });
    }
    const code = await new Promise((resolve) => child.on('close', resolve));
    timers.forEach(clearTimeout);
    if (code !== 0) throw new Error(`a node with default settings does not run:\n${words}`);
    const scripts = readdirSync(join(folder, 'loaded')).flatMap((name) => JSON.parse(readFileSync(join(folder, 'loaded', name), 'utf8')).result.map(({ url }) => url));
    return new Set(scripts.filter((url) => url.startsWith('file:')).map((url) => relative(EDGE, fileURLToPath(url))).filter((path) => !path.startsWith('..')));
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}
