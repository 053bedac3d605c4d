// Three processes of one server (dist/server) on one PostgreSQL and one broker, and two hundred nodes around them; one of the processes is killed and comes back.
// timeout: 480s
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { spawn, type ChildProcess } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { hex } from '../../src/event/bytes.ts';
import { createCrypto } from '../../src/io/crypto.ts';
import type { Database } from '../../targets/program/database.ts';
import { hasMosquitto, startMosquitto } from '../io/mosquitto.ts';
import { sql, startServer } from '../io/postgres-server.ts';
import { ask, until } from '../survive/broker-nodes.ts';
import type { Crowd, Held, Order } from './processes.child.ts';
import { document, inPlace, serve, type Server } from './server.ts';

const test = suite('processes of a server');
const NODES = 200, WIRED = 100, SITES = 20, PROCESSES = 3;
if (!hasMosquitto()) console.log('mosquitto is not on this machine: tests of a real broker are skipped');

/** A crowd that does as it is told. */
interface Crowded { order<T = undefined>(order: Order): Promise<T>; child: ChildProcess }

async function gather(crowd: Crowd): Promise<Crowded> {
  const child = spawn(process.execPath, ['--max-semi-space-size=64', fileURLToPath(new URL('./processes.child.mjs', import.meta.url))], { stdio: ['ignore', 'inherit', 'inherit', 'ipc'] });
  const kill = (): void => { child.kill('SIGKILL'); };
  process.on('exit', kill);
  const answer = <T>(): Promise<T> => new Promise((resolve, reject) => {
    const gone = (): void => reject(new Error('the crowd ended by itself'));
    child.once('exit', gone);
    child.once('message', (message) => {
      child.off('exit', gone);
      const { done, failed } = message as { done: T; failed?: string };
      if (failed === undefined) resolve(done); else reject(new Error(failed));
    });
  });
  child.send(crowd);
  await answer();
  return { child, order(order) { child.send(order); return answer(); } };
}

/** A process of the server, and its database. */
interface Process { server: Server; db: Database }

(hasMosquitto() ? test : test.skip)(`${PROCESSES} processes and ${NODES} nodes; one is killed in the middle`, () => inPlace(async (path) => {
  const postgres = await startServer(), broker = await startMosquitto();
  const ends: (() => Promise<unknown>)[] = [() => broker.stop(), () => postgres.remove()];
  const all: Process[] = [], began = performance.now(), step = (what: string): void => console.log(`    ${((performance.now() - began) / 1_000).toFixed(1)} s: ${what}`);
  try {
    const DATABASE_URL = await postgres.database(), env = { DATABASE_URL };
    await document(['init', '--dir', path('p0'), '--name', 'hq', '--fleet', 'crowd'], { env });
    const run = async (i: number): Promise<Process> => {
      const server = await serve(path(`p${i}`), ['--peers', broker.url, ...(i ? ['--key-file', `${path('p0')}/node.key`] : [])], { env });
      const db = await ask(server.dir);
      await until('a process is at the broker', async () => (await db.report()).peers.some((peer) => peer.broker && peer.state === 'connected'), 30);
      return { server, db };
    };
    all.push(...await Promise.all(Array.from({ length: PROCESSES }, (_, i) => run(i))));
    ends.unshift(() => Promise.all(all.map(({ server }) => server.stop('SIGKILL'))));
    const live = (): Process[] => all.filter(({ server }) => server.child.exitCode === null && server.child.signalCode === null);
    const tokens: string[] = [];
    await Promise.all(all.map(async ({ db }, p) => { for (let i = p; i < NODES; i += PROCESSES) tokens[i] = await db.invite({ read: ['*'], write: ['*'] }); }));
    step('the server runs');
    const crowd = await gather({ broker: broker.url, tcp: all.map(({ server }) => server.tcp), tokens, sites: SITES, wired: WIRED });
    ends.unshift(async () => { crowd.child.kill('SIGKILL'); });
    step('all have joined');
    await crowd.order({ kind: 'meet' });
    step('all have met the server');
    await crowd.order({ kind: 'go' });

    let written = 0;
    const write = async (count: number): Promise<void> => { await crowd.order({ kind: 'write', count }); written += count; };
    /** Events of `config` that a process has acknowledged; whose process was killed before it answered may be there too. */
    const acknowledged = new Set<number>();
    let next = 0;
    let unsure = 0;
    const append = async ({ db }: Process, count: number): Promise<void> => {
      const first = next;
      next += count;
      await db.append('config', Array.from({ length: count }, (_, i) => ({ key: `k${i % 3}`, type: 'set', body: first + i })), false);
      for (let n = first; n < first + count; n++) acknowledged.add(n);
    };
    /** The server's processes, the rows and the nodes hold the same, and all that was written is there. */
    const level = async (what: string, seconds: number): Promise<void> => {
      let state: object = {};
      await until(what, async () => {
        const rows = new Map((await sql<{ stream: string; n: string }>(DATABASE_URL, 'SELECT stream, count(*) AS n FROM holdfast.event GROUP BY stream')).map(({ stream, n }) => [stream, Number(n)]));
        const digests = await Promise.all(live().map(({ db }) => db.digest())), config = rows.get('config') ?? 0;
        const missing = NODES * written - [...rows].reduce((sum, [stream, n]) => sum + (stream === 'config' ? 0 : n), 0);
        state = { missing, config, acknowledged: acknowledged.size, digests: digests.map(({ events, digest }) => `${events} ${digest.slice(0, 8)}`) };
        if (missing || config !== acknowledged.size + unsure || new Set(digests.map(({ digest }) => digest)).size > 1) return false;
        const { streams } = await crowd.order<Held>({ kind: 'held', ids: false }), late = Object.entries(streams).filter(([stream, n]) => n !== rows.get(stream));
        state = { ...state, late };
        return late.length === 0;
      }, seconds, () => Promise.resolve(state));
      step(what);
    };

    await write(3);
    for (const process of all) await append(process, 5);
    await level('what was written first is everywhere', 240);

    // One dies while everybody writes, with what it had acknowledged in its journal and what it was handed by the broker in its hands.
    const victim = all[1]!;
    let killed = false;
    const busy = Promise.all(all.map(async (process) => {
      for (let i = 0; i < 40 && !(killed && process === victim); i++) await append(process, 3).catch((error: unknown) => { if (process !== victim) throw error; });
    }));
    const writing = write(3);
    await until('it has written', () => acknowledged.size > 60, 30);
    killed = true;
    const dead = await victim.server.stop('SIGKILL');
    assert.is(dead.signal, 'SIGKILL');
    await Promise.all([busy, writing]);
    // What it left is taken over when its lease is over; then it is known what of the unanswered is there.
    await until('the dead process is taken over', async () => (await sql(DATABASE_URL, 'SELECT slot FROM holdfast.process')).length === PROCESSES - 1, 90);
    unsure = Number((await sql<{ n: string }>(DATABASE_URL, `SELECT count(*) AS n FROM holdfast.event WHERE stream = 'config' AND NOT (body <@ $1::jsonb)`, [JSON.stringify([...acknowledged])]))[0]!.n);
    step('it is taken over');
    await write(2);
    await level('with one process dead, all that was acknowledged is everywhere', 240);

    all[1] = await run(1);
    await crowd.order({ kind: 'ports', tcp: all.map(({ server }) => server.tcp) });
    for (const process of all) await append(process, 5);
    await level('with that process back, too', 240);

    const rows = await sql<{ stream: string; id: string; body: number }>(DATABASE_URL, 'SELECT stream, id, body FROM holdfast.event');
    assert.is(new Set(rows.map(({ stream, id }) => `${stream} ${id}`)).size, rows.length, 'an event is two rows');
    const config = new Set(rows.filter(({ stream }) => stream === 'config').map(({ body }) => body));
    assert.equal([...acknowledged].filter((n) => !config.has(n)), [], 'acknowledged by a process and not there');
    const held = await crowd.order<Held>({ kind: 'held', ids: true }), crypto = createCrypto();
    for (const [stream, hashes] of Object.entries(held.ids)) {
      const ids = rows.filter((row) => row.stream === stream).map(({ id }) => id).sort();
      assert.equal(hashes, [hex(crypto.sha256(new TextEncoder().encode(ids.join())))], `${stream}: nodes and rows differ`);
    }
    assert.equal(held.alarms, []);
    for (const { db } of all) {
      const report = await db.report();
      assert.equal(report.alarms, []);
      const own = report.peers.flatMap((peer) => peer.broker?.members ?? []).filter(({ node }) => node === report.node);
      assert.equal(own, [], 'a sibling is no peer');
    }
    assert.equal(await sql(DATABASE_URL, 'SELECT key FROM holdfast.store_alarm'), []);
    const slots = await sql<{ slot: number }>(DATABASE_URL, 'SELECT slot FROM holdfast.process WHERE NOT fenced AND lease > clock_timestamp()');
    assert.is(slots.length, PROCESSES);
    const reports = await Promise.all(all.map(async ({ db }) => (await db.report()).peers.find((peer) => peer.broker)!.broker!));
    step(`${rows.length} rows; received from the broker: ${reports.map(({ received }) => received).join()}, again: ${reports.map(({ repeated }) => repeated).join()}`);
    for (const { server } of all) assert.is((await server.stop()).code, 0);
  } catch (error) {
    // Whoever ends by itself says why at the end.
    await Promise.race([Promise.all(all.map(({ server }) => server.ended)), new Promise((resolve) => { setTimeout(resolve, 5_000); })]);
    for (const { server } of all) console.log(`--- ${server.dir} ${server.child.exitCode ?? server.child.signalCode ?? 'runs'}\n${server.stdout.slice(-1_500)}${server.stderr.slice(-1_500)}`);
    throw error;
  } finally {
    for (const end of ends) await end().catch(() => undefined);
  }
}));

test.run();
