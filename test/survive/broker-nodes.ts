// Real programs at a real broker: started, asked over their control sockets, killed, and compared with a book of what they acknowledged.
import * as assert from 'uvu/assert';
import { connectControl } from '../../src/io/control.ts';
import { invite } from '../../src/node-acts.ts';
import type { Database, Report } from '../../targets/program/database.ts';
import { enterFleet, foundFleet } from '../../targets/program/found.ts';
import { remoteDatabase } from '../../targets/program/remote.ts';
import { inFolder, start, type Running } from '../edge/program.ts';
import { startMosquitto, type Mosquitto, type MosquittoSetup } from '../io/mosquitto.ts';
import { sleep } from './children.ts';
import { rssAnon, withStation } from './places.ts';

export const MB = 1_048_576;

/** A node that runs, and its database. */
export interface BrokerNode {
  readonly dir: string;
  readonly pid: number;
  readonly program: Running;
  readonly db: Database;
  /** Ends in order; throws when it did not end well. */
  stop(): Promise<void>;
  kill(): Promise<void>;
}

/** Founds a fleet in the first directory and has the others join it; none of them has met another. */
export async function foundAll(first: string, ...others: string[]): Promise<void> {
  await foundFleet(first, { name: first.split('/').at(-1)!, fleetName: 'survivors' });
  const tokens = await withStation(first, async ({ node }) => {
    const out: string[] = [];
    for (let i = 0; i < others.length; i++) out.push(await invite(node, { read: ['*'], write: ['*'] }));
    return out;
  });
  for (const [i, dir] of others.entries()) await enterFleet(dir, tokens[i]!, dir.split('/').at(-1)!);
}

/** A broker and a folder for nodes, as long as `body` takes; programs that still run are killed, and what `later` was given is done. */
export async function atBroker(body: (broker: Mosquitto, path: (name: string) => string, later: (end: () => Promise<void>) => void) => Promise<void>, setup: MosquittoSetup = {}): Promise<void> {
  const broker = await startMosquitto(setup), ends = [() => broker.stop()];
  try {
    await inFolder((path) => body(broker, path, (end) => ends.unshift(end)));
  } finally {
    for (const end of ends) await end();
  }
}

/** The database of whatever runs on a directory. */
export async function ask(dir: string): Promise<Database> {
  const channel = await connectControl(dir);
  assert.ok(channel, `nothing runs on ${dir}`);
  return remoteDatabase(channel, () => connectControl(dir));
}

/** Runs `holdfast run` with these peers, and nothing else that takes or makes anything. */
export async function runAt(dir: string, ...peers: string[]): Promise<BrokerNode> {
  const program = start(['run', '--dir', dir, '--json', '--listen', 'tcp://127.0.0.1:0', '--http', 'off', '--metrics-seconds', '0', '--window-ms', '200', ...peers.flatMap((url) => ['--peers', url])]);
  await program.until(/"event":"listening"/);
  const db = await ask(dir);
  let meant = false;
  void program.ended.then(({ code, signal, stdout, stderr }) => { if (!meant) console.log(`the program on ${dir} ended by itself: ${code ?? signal}\n${stdout.slice(-1_000)}\n${stderr.slice(-2_000)}`); });
  return {
    dir, program, db, pid: program.child.pid!,
    async stop() {
      meant = true;
      await db.close();
      const { code, stderr } = await program.stop();
      assert.is(code, 0, stderr);
    },
    async kill() {
      meant = true;
      await db.close();
      await program.stop('SIGKILL');
    },
  };
}

/** What was acknowledged, numbered; all in one stream. */
export interface Book {
  readonly acknowledged: number;
  /** Appends so many events in batches, and writes down what was acknowledged. */
  append(node: { db: Database }, count: number, batch?: number): Promise<void>;
  /** Throws unless exactly what was acknowledged is there. */
  check(node: { db: Database }, words: string): Promise<void>;
}

/** A number of four digits that tells nothing of the next one: what is appended must not vanish in compression. */
function noiseOf(n: number): number {
  let x = Math.imul(n + 1, 0x9e3779b1);
  x = Math.imul(x ^ (x >>> 15), 0x85ebca6b);
  x = Math.imul(x ^ (x >>> 13), 0xc2b2ae35);
  return ((x ^ (x >>> 16)) >>> 0) % 10_000 / 100;
}

/** An empty book. */
export function bookOf(stream = 'telemetry'): Book {
  let next = 0, acknowledged = 0;
  const sure = new Set<number>();
  return {
    get acknowledged() { return acknowledged; },
    async append({ db }, count, batch = 100) {
      for (let left = count; left > 0; left -= batch) {
        const size = Math.min(left, batch), first = next;
        next += size;
        const { appended, rejected } = await db.append(stream, Array.from({ length: size }, (_, i) => ({ key: `k${(first + i) % 7}`, type: 'reading', body: { n: first + i, value: noiseOf(first + i) } })), false);
        assert.is(appended, size, JSON.stringify(rejected));
        for (let n = first; n < first + size; n++) sure.add(n);
        acknowledged += size;
      }
    },
    async check({ db }, words) {
      const found = new Set<number>();
      for await (const { body } of db.read(stream, {})) {
        const { n } = body as { n: number };
        assert.not(found.has(n), `${words}: event ${n} is there twice`);
        found.add(n);
      }
      const missing = [...sure].filter((n) => !found.has(n));
      assert.equal(missing.slice(0, 10), [], `${words}: ${missing.length} of ${acknowledged} acknowledged events are missing`);
      assert.is(found.size, acknowledged, `${words}: there is more than was appended`);
    },
  };
}

/** Waits until something is so, which is asked four times a second; throws after `seconds` with what `otherwise` says. */
export async function until(what: string, ready: () => Promise<boolean> | boolean, seconds = 90, otherwise: () => Promise<unknown> = async () => undefined): Promise<void> {
  for (const end = performance.now() + seconds * 1_000; !await ready(); await sleep(250)) {
    if (performance.now() > end) throw new Error(`${what}: not within ${seconds} s ${JSON.stringify(await otherwise())}`);
  }
}

/** Waits until all hold the same, and as much as the book says. */
export async function level(nodes: { db: Database }[], events: number, seconds = 90): Promise<void> {
  const digests = () => Promise.all(nodes.map(({ db }) => db.digest()));
  await until(`${nodes.length} nodes with ${events} events`, async () => {
    const all = await digests();
    return all.every((d) => d.events === events && d.digest === all[0]!.digest);
  }, seconds, async () => ({ events: (await digests()).map((d) => d.events), peers: (await Promise.all(nodes.map(async ({ db }) => (await db.report()).peers))).map(brief) }));
}

/** What a report says of brokers, short. */
export function brief(peers: Report['peers']): unknown {
  return peers.map(({ state, reason, in: received, out, broker }) => ({
    state, reason, in: received, out, ...(broker && { published: broker.published, received: broker.received, repeated: broker.repeated, refused: broker.refused, sessions: broker.sessions, members: broker.members.map((m) => `${m.name}${m.equal ? '' : ' differs'}${m.refuses === undefined ? '' : ` ${m.refuses}`} ${Math.round(m.heardMs / 1_000)} s`) }),
  }));
}

/** The links of a node to brokers. */
export async function brokersOf({ db }: { db: Database }): Promise<Report['peers']> {
  return (await db.report()).peers.filter((peer) => peer.broker !== undefined);
}

/** Samples the memory that a process has for itself; `stop` gives the most, in bytes. */
export function memoryOf(pid: number): { most: number; last(): number; stop(): number } {
  const watch = { most: rssAnon(pid), last: () => rssAnon(pid), stop() { clearInterval(timer); return watch.most; } };
  const timer = setInterval(() => {
    try { watch.most = Math.max(watch.most, rssAnon(pid)); } catch { clearInterval(timer); }
  }, 50);
  timer.unref();
  return watch;
}

/** The lowest of some seconds: between two collections of garbage it rises. */
export async function restingMemory(pid: number, seconds = 3): Promise<number> {
  let least = Infinity;
  for (let i = 0; i < seconds * 10; i++, await sleep(100)) least = Math.min(least, rssAnon(pid));
  return least;
}
