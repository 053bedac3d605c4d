// The local page: what it weighs as browsers get it, and how long a browser on this machine takes from the link to the first values.

import { spawn, spawnSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { chromium } from 'playwright-core';
import { freshFolder, say, tell } from './rows.ts';

const PROGRAM = join(process.cwd(), 'dist/edge/holdfast'), ROUNDS = 7;
const CHROMIUM = ['/usr/bin/chromium', '/usr/bin/chromium-browser', '/usr/bin/google-chrome'].find((path) => existsSync(path));

const manifest = JSON.parse(readFileSync(join(process.cwd(), 'dist/edge/page/manifest.json'), 'utf8')) as { bytes: number; br?: number }[];
tell({ what: 'the local page, compressed as browsers get it', value: manifest.reduce((sum, each) => sum + (each.br ?? each.bytes), 0), unit: 'bytes', note: `${manifest.reduce((sum, each) => sum + each.bytes, 0)} bytes unpacked, ${manifest.length} files` });

if (CHROMIUM === undefined) say('the time to the first view is left out: there is no Chromium on this machine');
else await firstView(CHROMIUM);

async function firstView(executablePath: string): Promise<void> {
  const dir = join(freshFolder('page'), 'd'), port = await new Promise<number>((done) => {
    const server = createServer().listen(0, '127.0.0.1', () => {
      const { port: free } = server.address() as { port: number };
      server.close(() => done(free));
    });
  });
  if (spawnSync(PROGRAM, ['init', '--dir', dir]).status !== 0) throw new Error('init failed');
  const lines = Array.from({ length: 2_000 }, (_, i) => JSON.stringify({ key: `sensor-${i % 40}`, type: 'reading', body: { temperature: 20 + i / 100 } })).join('\n');
  spawnSync(PROGRAM, ['append', 'telemetry', '--dir', dir], { input: lines });
  const child = spawn(PROGRAM, ['run', '--dir', dir, '--listen', 'tcp://127.0.0.1:0', '--http', `127.0.0.1:${port}`], { stdio: ['ignore', 'pipe', 'inherit'] });
  process.on('exit', () => child.kill('SIGKILL'));
  await new Promise<void>((resolve) => { child.stdout.setEncoding('utf8').on('data', (text: string) => { if (text.includes('page at')) resolve(); }); });
  const url = `http://127.0.0.1:${port}/#token=${readFileSync(join(dir, 'http-token'), 'utf8').trim()}`;
  const browser = await chromium.launch({ executablePath, args: ['--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run', '--disable-background-networking', '--disable-component-update', '--disable-sync'] });
  const times: number[] = [];
  for (let round = 0; round < ROUNDS; round++) {
    const context = await browser.newContext(), page = await context.newPage();
    await page.goto('about:blank');
    const began = performance.now();
    await page.goto(url, { waitUntil: 'commit' });
    await page.locator('.latest tbody tr').first().waitFor();
    times.push(performance.now() - began);
    await context.close();
  }
  await browser.close();
  child.kill();
  // The first one also loads what answers requests into the node.
  const [first, ...later] = times;
  later.sort((a, b) => a - b);
  const median = later[later.length >> 1]!;
  tell({ what: 'the local page, from the link to the first values, loopback, median', value: Math.round(median), unit: 'ms', reach: '< 1000', ok: median < 1_000, note: `${Math.round(first!)} ms for the first visit of all` });
}
