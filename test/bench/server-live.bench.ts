// From an append at an edge node to the server (dist/server): to its rows in SQL, to a client of its HTTP API, to what a browser shows; at once, and with the usual window.

import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { Client } from 'pg';
import { chromium } from 'playwright-core';
import { framing } from '../../src/carry/frame.ts';
import { dialTcp } from '../../src/io/tcp.ts';
import { invite } from '../../src/node-acts.ts';
import { command, serve } from '../server/server.ts';
import { openBenchNode } from './bench-node.ts';
import { freshFolder, load, pause, say, tell } from './rows.ts';
import { readings } from './trace.ts';

/** Appends of each way, and the pause between those that wait for their window, ms. */
const URGENT = 300, USUAL = 150, EVERY_MS = 67, STREAM = 'live';
const CHROMIUM = ['/usr/bin/chromium', '/usr/bin/chromium-browser', '/usr/bin/google-chrome'].find((path) => existsSync(path));

const edge = await openBenchNode(freshFolder('edge')), dir = join(freshFolder('server'), 'd');
const joined = await command(['join', await invite(edge.node, { name: 'server' }), '--dir', dir]);
if (joined.code !== 0) throw new Error(joined.stderr);
const server = await serve(dir), token = (await command(['token', '--dir', dir])).stdout.trim();
void server.ended.then(({ code, signal, stdout, stderr }) => { if (watching) throw new Error(`the server ended with ${code ?? signal}: ${stderr.slice(-2_000)}${stdout.slice(-500)}`); });
let watching = true;
const connection = edge.node.connect(await dialTcp(server.tcp, framing), 'open');
connection.done.catch(() => undefined);

/** Of one event, by its key: when it was asked for, durable at the edge, visible in SQL, at the client, in the browser. */
interface Times { asked: number; durable?: number; sql?: number; client?: number; browser?: number }
const all = new Map<string, Times>();

/** An answer of server-sent events, line by line, as long as it lasts. */
async function listen(url: string, ear: (event: { key: string }) => void): Promise<() => void> {
  const abort = new AbortController(), answer = await fetch(url, { headers: { authorization: `Bearer ${token}` }, signal: abort.signal });
  if (!answer.ok) throw new Error(`${url}: ${answer.status}`);
  void (async () => {
    let text = '';
    for await (const chunk of answer.body!.pipeThrough(new TextDecoderStream())) {
      const lines = (text + chunk).split('\n');
      text = lines.pop()!;
      for (const line of lines) if (line.startsWith('data: ')) ear(JSON.parse(line.slice(6)) as { key: string });
    }
  })().catch(() => undefined);
  return () => abort.abort();
}

const sql = new Client(server.sql);
sql.on('error', () => undefined);
await sql.connect();
/** Looks for what is not visible yet, all the time. */
const watched = (async () => {
  while (watching) {
    const missing = [...all].filter(([, times]) => times.sql === undefined).map(([key]) => key);
    if (missing.length > 0) for (const { key } of (await sql.query<{ key: string }>({ name: 'seen', text: 'SELECT key FROM holdfast.event WHERE stream = $1 AND key = ANY($2)', values: [STREAM, missing] })).rows) all.get(key)!.sql = performance.now();
    await pause(1);
  }
})();
const deaf = await listen(`${server.http}/api/streams/${STREAM}/follow`, ({ key }) => { const times = all.get(key); if (times) times.client ??= performance.now(); });

let count = 0;
const some = readings(1_000);
async function append(urgent: boolean): Promise<Times> {
  const key = `e${++count}`, times: Times = { asked: performance.now() };
  all.set(key, times);
  await edge.node.append(STREAM, [{ ...some[count % some.length]!, key, time: Date.now() }], { urgent });
  times.durable = performance.now();
  return times;
}

/** Waits until all have arrived everywhere. */
async function arrived(parts: (keyof Times)[], ms = 20_000): Promise<void> {
  for (const end = performance.now() + ms; [...all.values()].some((times) => parts.some((part) => times[part] === undefined)); await pause(2)) {
    if (performance.now() > end) throw new Error(`not everywhere within ${ms} ms: ${JSON.stringify([...all].filter(([, times]) => parts.some((part) => times[part] === undefined)).slice(0, 3))}`);
  }
}

const quantile = (values: number[], q: number): number => values.sort((a, b) => a - b)[Math.min(values.length - 1, Math.floor(values.length * q))]!;

/** Prints how long each part of the way took, from the append on, and forgets it. */
function told(what: string, parts: [keyof Times, string][], note: string): void {
  for (const [part, where] of parts) {
    const took = [...all.values()].map((times) => times[part]! - times.asked), p99 = quantile(took, 0.99);
    tell({ what: `live: append at the edge → ${where}, ${what}, median`, value: quantile(took, 0.5), unit: 'ms', note: `p99 ${p99.toFixed(1)} ms, most ${Math.max(...took).toFixed(1)}; ${took.length} events${note}; load ${load()}` });
  }
  all.clear();
}

const WAYS: [keyof Times, string][] = [['durable', 'durable there'], ['sql', 'row visible in SQL'], ['client', 'event at a client of the server\'s HTTP API']];
for (let i = 0; i < 20; i++) { await append(true); await arrived(['sql', 'client']); }
all.clear();

say('at once');
for (let i = 0; i < URGENT; i++) { await append(true); await arrived(['sql', 'client']); }
told('urgent', WAYS, ' one after the other');

say('with the usual window');
for (let i = 0; i < USUAL; i++) { void append(false); await pause(EVERY_MS); }
await arrived(['durable', 'sql', 'client']);
told('default window of 2 s', WAYS, ` at about ${Math.round(1_000 / EVERY_MS)} a second`);

if (CHROMIUM === undefined) say('the browser is left out: there is no Chromium on this machine');
else await inBrowser(CHROMIUM);

/** The same to the page: when the line of an event stands in it. */
async function inBrowser(executablePath: string): Promise<void> {
  say('in a browser');
  const browser = await chromium.launch({ executablePath, args: ['--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run', '--disable-background-networking', '--disable-component-update', '--disable-sync'] });
  const page = await (await browser.newContext()).newPage();
  await page.exposeFunction('seen', (key: string, at: number) => { const times = all.get(key); if (times) times.browser ??= at - performance.timeOrigin; });
  await page.goto(`${server.http}/#token=${token}`);
  await page.locator('main h1').first().waitFor();
  await page.evaluate(`location.hash = '#/events'`);
  await page.locator('.sieve').waitFor();
  await page.evaluate(`new MutationObserver(() => {
    const at = performance.timeOrigin + performance.now();
    for (const [key] of document.querySelector('main').textContent.matchAll(/<\\d+>/g)) if (!(window.told ??= new Set()).has(key)) { window.told.add(key); seen(key, at); }
  }).observe(document.body, { subtree: true, childList: true, characterData: true })`);
  for (let i = 0; i < 120; i++) {
    const key = `<${++count}>`, times: Times = { asked: performance.now() };
    all.set(key, times);
    await edge.node.append(STREAM, [{ ...some[count % some.length]!, key, time: Date.now() }], { urgent: true });
    await arrived(['browser']);
    if (i < 20) all.delete(key);
  }
  told('urgent', [['browser', 'line in the page of a browser (Chromium)']], ' one after the other');
  await browser.close();
}

watching = false;
await watched;
deaf();
await sql.end();
connection.close();
await edge.stop();
await server.stop();
