// A server (dist/server) that knows ten thousand nodes: its memory, and how long its HTTP API takes for the first page of the fleet. NODES=1000 asks of a smaller fleet.

import { fork } from 'node:child_process';
import { cpSync, existsSync, renameSync, rmSync } from 'node:fs';
import { Agent, request } from 'node:http';
import { join } from 'node:path';
import { sql } from '../io/postgres-server.ts';
import { command, serve, type Server } from '../server/server.ts';
import { settled } from './process-memory.ts';
import { KEPT, PLACE, freshFolder, load, pause, say, tell } from './rows.ts';

const NODES = Number(process.env['NODES'] ?? 10_000), MB = 1_048_576, ROUNDS = 9;

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

/** The directory of a server that has fetched the whole fleet: made once and kept. */
async function made(): Promise<string> {
  const kept = join(PLACE, `server-${KEPT}-${NODES}`), part = `${kept}.part`;
  if (existsSync(kept)) return kept;
  rmSync(part, { recursive: true, force: true });
  const hq = fork(new URL('./server-fleet.child.mjs', import.meta.url), [freshFolder('hq'), String(NODES)], { stdio: ['ignore', 'inherit', 'inherit', 'ipc'] });
  const offer = await new Promise<{ url: string; invitations: string[] }>((resolve, reject) => {
    hq.once('message', (message) => resolve(message as { url: string; invitations: string[] }));
    hq.once('exit', (code) => reject(new Error(`the other process ended with ${code}`)));
  });
  hq.removeAllListeners('exit');
  const joined = await command(['join', '-', '--dir', part], { input: offer.invitations[0]! }), since = performance.now();
  if (joined.code !== 0) throw new Error(joined.stderr);
  say(`a server fetches the fleet of ${NODES} nodes, once; load ${load()}`);
  for (let attempt = 1; ; attempt++) {
    const { code, stdout, stderr } = await command(['sync', offer.url, '--dir', part, '--json']);
    say(`${((performance.now() - since) / 1_000).toFixed(1)} s: ${(stdout || stderr).slice(0, 200).trim()}; load ${load()}`);
    if (code === 0) break;
    // Where it was cut off it goes on.
    if (attempt === 5) throw new Error(stderr);
  }
  hq.disconnect();
  renameSync(part, kept);
  return kept;
}

const dir = join(freshFolder('server'), 'd');
cpSync(await made(), dir, { recursive: true });
const started = performance.now(), server = await serve(dir), ready = performance.now() - started, token = (await command(['token', '--dir', dir])).stdout.trim();
const [{ nodes }] = await sql<{ nodes: string }>(server.sql, `SELECT count(*) AS nodes FROM holdfast.node WHERE state = 'member'`) as [{ nodes: string }];
if (Number(nodes) < NODES) throw new Error(`${nodes} of ${NODES} nodes are known`);
const idle = await settled(server.child.pid!, 8);
tell({ what: `server that knows ${NODES} nodes, RssAnon`, value: idle / MB, unit: 'MB', note: `after a start (${(ready / 1_000).toFixed(1)} s until it listens), before anybody asked; ${NODES * 30} events in ${NODES * 4} logs; without PostgreSQL's own; load ${load()}` });

const first = await asked(server, token, '/api/fleet'), times: number[] = [], picture = JSON.parse(first.text) as { counts: { nodes: number }; nodes: unknown[] };
for (let round = 0; round < ROUNDS; round++) { await pause(1_500); times.push((await asked(server, token, '/api/fleet')).ms); }
times.sort((a, b) => a - b);
tell({ what: `GET /api/fleet, first page, a server that knows ${NODES} nodes, median`, value: times[ROUNDS >> 1]!, unit: 'ms', note: `${first.ms.toFixed(0)} ms for the first of all; ${picture.nodes.length} rows of ${picture.counts.nodes}, ${first.text.length} bytes; a pause of 1.5 s between; load ${load()}` });
tell({ what: `the same server while its fleet is looked at, RssAnon`, value: await settled(server.child.pid!, 5) / MB, unit: 'MB', baseline: { what: 'before anybody asked', value: idle / MB }, note: `load ${load()}` });
await server.stop();
