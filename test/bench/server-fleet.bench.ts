// A server (dist/server) that knows ten thousand nodes: its memory, and how long its HTTP API takes for the first page of the fleet. NODES=1000 asks of a smaller fleet.

import { fork } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { Agent, request } from 'node:http';
import { command, document, query, serve, type Server } from '../server/server.ts';
import { freshFolder, load, pause, say, tell } from './rows.ts';

const NODES = Number(process.env['NODES'] ?? 10_000), MB = 1_048_576, ROUNDS = 9;

/** Bytes of memory that a process has for itself. */
function anon(pid: number): number {
  return Number(/^RssAnon:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))![1]) * 1_024;
}

/** The lowest over some seconds: between two collections of garbage it rises. */
async function settled(pid: number, seconds: number): Promise<number> {
  let least = Infinity;
  for (let i = 0; i < seconds * 4; i++) {
    await pause(250);
    least = Math.min(least, anon(pid));
  }
  return least;
}

const agent = new Agent({ keepAlive: true });

/** One answer of the HTTP API, whole; ms until its last byte. */
function asked(server: Server, token: string, path: string): Promise<{ ms: number; text: string }> {
  const since = performance.now();
  return new Promise((resolve, reject) => {
    request(`${server.http}${path}`, { agent, headers: { authorization: `Bearer ${token}` } }, (answer) => {
      let text = '';
      answer.setEncoding('utf8').on('data', (chunk: string) => { text += chunk; });
      answer.on('end', () => { if (answer.statusCode === 200) resolve({ ms: performance.now() - since, text }); else reject(new Error(`${path}: ${answer.statusCode} ${text}`)); });
    }).on('error', reject).end();
  });
}

const hq = fork(new URL('./server-fleet.child.mjs', import.meta.url), [freshFolder('hq'), String(NODES)], { stdio: ['ignore', 'inherit', 'inherit', 'ipc'] });
const offer = await new Promise<{ url: string; invitations: string[]; events: number }>((resolve, reject) => {
  hq.once('message', (message) => resolve(message as { url: string; invitations: string[]; events: number }));
  hq.once('exit', (code) => reject(new Error(`the other process ended with ${code}`)));
});
hq.removeAllListeners('exit');

const dir = join(freshFolder('server'), 'd'), joined = await command(['join', '-', '--dir', dir], { input: offer.invitations[0]! });
if (joined.code !== 0) throw new Error(joined.stderr);
const since = performance.now(), done = await document<{ received?: number }>(['sync', offer.url, '--dir', dir]);
say(`the server has fetched the fleet (${JSON.stringify(done).slice(0, 200)}) in ${((performance.now() - since) / 1_000).toFixed(1)} s; load ${load()}`);
hq.disconnect();

const started = performance.now(), server = await serve(dir), ready = performance.now() - started, token = (await command(['token', '--dir', dir])).stdout.trim();
const [{ nodes }] = await query<{ nodes: string }>(server.sql, `SELECT count(*) AS nodes FROM holdfast.node WHERE state = 'member'`) as [{ nodes: string }];
if (Number(nodes) < NODES) throw new Error(`${nodes} of ${NODES} nodes are known`);
const idle = await settled(server.child.pid!, 8);
tell({ what: `server that knows ${NODES} nodes, RssAnon`, value: idle / MB, unit: 'MB', note: `after a start (${(ready / 1_000).toFixed(1)} s until it listens), before anybody asked; ${offer.events} events, ${NODES * 3} logs of theirs; without PostgreSQL's own; load ${load()}` });

const first = await asked(server, token, '/api/fleet'), times: number[] = [], picture = JSON.parse(first.text) as { counts: { nodes: number }; nodes: unknown[] };
for (let round = 0; round < ROUNDS; round++) { await pause(1_500); times.push((await asked(server, token, '/api/fleet')).ms); }
times.sort((a, b) => a - b);
tell({ what: `GET /api/fleet, first page, a server that knows ${NODES} nodes, median`, value: times[ROUNDS >> 1]!, unit: 'ms', note: `${first.ms.toFixed(0)} ms for the first of all; ${picture.nodes.length} rows of ${picture.counts.nodes}, ${first.text.length} bytes; a pause of 1.5 s between; load ${load()}` });
tell({ what: `the same server while its fleet is looked at, RssAnon`, value: await settled(server.child.pid!, 5) / MB, unit: 'MB', baseline: { what: 'before anybody asked', value: idle / MB }, note: `load ${load()}` });
await server.stop();
