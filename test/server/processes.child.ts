// Many small nodes in one process, in memory, with real connections to a broker and to servers: what a fleet does around a server, as far as one machine can be a fleet.
import { codeOf } from '../../src/fault.ts';
import { framing } from '../../src/carry/frame.ts';
import { concat, hex } from '../../src/event/bytes.ts';
import { systemClock } from '../../src/io/clock.ts';
import { createCrypto, createRandom } from '../../src/io/crypto.ts';
import { mqttBroker } from '../../src/io/mqtt.ts';
import { dialTcp } from '../../src/io/tcp.ts';
import { joinBroker, planBroker } from '../../src/node-broker.ts';
import { parseSegment } from '../../src/event/segment.ts';
import { joinFleet } from '../../src/node-setup.ts';
import type { Node } from '../../src/node.ts';
import { CLOCK_SYNCED, type Bytes, type Crypto, type Journal, type Store } from '../../src/ports.ts';
import { Disk } from '../sim/memory-disk.ts';

/** A fleet: one node for each token; `wired` of them, the last ones, have no broker, but lines to processes of the server. */
export interface Crowd { broker: string; tcp: string[]; tokens: string[]; sites: number; wired: number }
/** What it is told to do. `meet`: all learn of each other, and the server of them; `go`: all take their places; `ports`: where the server listens now; `write`: so many events each; `held`: what is held. */
export type Order = { kind: 'meet' } | { kind: 'go' } | { kind: 'ports'; tcp: string[] } | { kind: 'write'; count: number } | { kind: 'held'; ids: boolean };
/** How many events nodes hold of each stream, as it is kept by all who want it: null where they differ. `ids`: of each stream all ids, hashed in order, one for each way in which nodes see it. */
export interface Held { streams: { [stream: string]: number | null }; ids: { [stream: string]: string[] }; alarms: string[] }

const crowd = await new Promise<Crowd>((resolve) => { process.once('message', (first) => resolve(first as Crowd)); }), { tokens, sites } = crowd;
let { tcp } = crowd;
const plain = createCrypto(), verdicts = new Map<string, boolean>(), alarms: string[] = [];
/** Many machines in one: what one has found out about a signature, the others need not. */
const crypto: Crypto = {
  ...plain,
  verify(key, message, signature) {
    const name = hex(plain.sha256(concat(key, signature, message)));
    let verdict = verdicts.get(name);
    if (verdict === undefined) verdicts.set(name, verdict = plain.verify(key, message, signature));
    return verdict;
  },
};
const isWired = (i: number): boolean => i >= tokens.length - crowd.wired;
/** Those with lines have sites of their own: what comes by a line is not fanned out, and would spread by sessions alone. */
const siteOf = (i: number): string => `${isWired(i) ? 'wire' : 'site'}-${String(i % sites).padStart(2, '0')}`;
/** The first of each site wants what all at the broker say, the others what concerns them. */
const interestOf = (i: number): string[] => ['config', ...(i < sites ? Array.from({ length: sites }, (_, s) => siteOf(s)) : [siteOf(i)])];

const sleep = (ms: number): Promise<void> => new Promise((resolve) => { setTimeout(resolve, ms); });
/** Does something for all of them, a few at a time. */
async function each(count: number, work: (i: number) => Promise<void>): Promise<void> {
  let next = 0;
  await Promise.all(Array.from({ length: 8 }, async () => { while (next < count) await work(next++); }));
}

/** A store that takes no time. */
function storeOf(disk: Disk): Store {
  return {
    manifest: { name: 'memory', durable: false },
    get: async (table, key) => disk.tables[table].get(key)?.slice(),
    scan: async (table, range) => disk.tables[table].scan(range),
    commit: async (ops) => disk.apply(ops),
    space: async () => ({ used: 0, free: 2 ** 40 }),
    close: async () => {},
  };
}

/** A journal that nobody reads: these nodes live as long as their process. */
function journalOf(): Journal {
  let size = 0, generation = 1;
  return {
    get size() { return size; },
    append: async (record) => { size += record.length; },
    note: () => {}, replay: async () => ({ records: [], damage: [] }),
    turn() { size = 0; return ++generation; },
    release: async () => {}, close: async () => {},
  };
}

async function open(token: string, i: number): Promise<Node> {
  const disk = disks[i] = new Disk(`n${i}`);
  let opened: Node | undefined = undefined, timer: NodeJS.Timeout | undefined, soon: NodeJS.Immediate | undefined;
  const step = (): void => {
    soon = undefined;
    clearTimeout(timer);
    const due = (opened as Node | undefined)?.tick();
    if (due !== undefined) timer = setTimeout(step, Math.max(1, due));
  };
  const node = await joinFleet({
    store: storeOf(disk), journal: journalOf(), random: createRandom(), crypto, clock: systemClock(CLOCK_SYNCED), windowMs: 300,
    keys: { load: () => Promise.resolve(disk.keyFile), save: (bytes) => { disk.keyFile = bytes.slice(); return Promise.resolve(); } },
    wake() { soon ??= setImmediate(step); },
    notice(n) {
      if (n.kind === 'fatal') throw n.fault;
      if (n.kind === 'alarm') alarms.push(`n${i}: ${n.alarm.text}`);
    },
  }, token, { nodeName: `n${i}` });
  opened = node;
  step();
  return node;
}

const nodes: Node[] = [], disks: Disk[] = [];
await each(tokens.length, async (i) => { nodes[i] = await open(tokens[i]!, i); });

/** One exchange with a process of the server. */
async function exchange(i: number, port: number): Promise<void> {
  const link = await dialTcp(tcp[port % tcp.length]!, framing);
  await nodes[i]!.connect(link, 'open', { once: true, interest: interestOf(i) }).done;
}

/** All of `$fleet`, as if a stick had gone round; the server has it from the first few. */
async function meet(): Promise<void> {
  for (const node of nodes) await node.checkpoint();
  const joins: Bytes[] = disks.flatMap((disk) => [...disk.tables.segment.scan({ limit: 1_000 })].map(({ value }) => value)).filter((segment) => parseSegment(segment).header.stream === '$fleet');
  await each(nodes.length, async (i) => { await nodes[i]!.admit(joins); });
  await Promise.all(tcp.map((_, i) => exchange(i, i)));
  await Promise.all(tcp.map((_, i) => exchange(i, i + 1)));
}

/** A line to one process of the server after the other, as long as this runs. */
async function wire(i: number, port: number): Promise<void> {
  for (let n = port; ; n++) {
    await dialTcp(tcp[n % tcp.length]!, framing).then((link) => nodes[i]!.connect(link, 'open', { interest: interestOf(i) }).done).catch((error: unknown) => {
      if (!['link-closed', 'link-failed', 'timeout'].includes(codeOf(error))) alarms.push(`n${i}: a line ended: ${String(error)}`);
    });
    await sleep(500);
  }
}

/** Takes a node to the broker. */
async function place(i: number): Promise<void> {
  const node = nodes[i]!, plan = planBroker(node), broker = mqttBroker(crowd.broker, { clientId: plan.clientId, will: plan.will, random: Math.random });
  joinBroker(node, broker, { plan, interest: interestOf(i) });
  while (!broker.up) await sleep(50);
}

async function held(withIds: boolean): Promise<Held> {
  const counts = new Map<string, Set<number>>(), ids = new Map<string, Set<string>>();
  const add = <T>(map: Map<string, Set<T>>, stream: string, value: T): void => { map.set(stream, (map.get(stream) ?? new Set()).add(value)); };
  for (const [i, node] of nodes.entries()) {
    for (const stream of interestOf(i)) {
      add(counts, stream, node.streams().find((one) => one.stream === stream)?.events ?? 0);
      if (!withIds) continue;
      const all: string[] = [];
      for await (const { id } of node.read(stream)) all.push(id);
      add(ids, stream, hex(crypto.sha256(new TextEncoder().encode(all.sort().join()))));
    }
  }
  return {
    alarms,
    streams: Object.fromEntries([...counts].map(([stream, all]) => [stream, all.size === 1 ? [...all][0]! : null])),
    ids: Object.fromEntries([...ids].map(([stream, all]) => [stream, [...all]])),
  };
}

let written = 0;
async function act(order: Order): Promise<unknown> {
  switch (order.kind) {
    case 'meet': return meet();
    case 'go':
      // Every fifth has two lines, so that two processes are told the same at once.
      for (const i of nodes.keys()) if (isWired(i)) for (const port of i % 5 ? [i] : [i, i + 1]) void wire(i, port);
      return each(nodes.length - crowd.wired, place);
    case 'ports': tcp = order.tcp; return undefined;
    case 'write': {
      const from = written++ * order.count;
      await each(nodes.length, async (i) => { await nodes[i]!.append(siteOf(i), Array.from({ length: order.count }, (_, k) => ({ key: `n${i}`, type: 'reading', body: from + k }))); });
      return undefined;
    }
    case 'held': return held(order.ids);
  }
}

process.on('message', (order: Order) => { act(order).then((done) => process.send!({ done }), (error: unknown) => process.send!({ failed: String(error instanceof Error ? error.stack : error) })); });
process.on('disconnect', () => process.exit(0));
process.send!({ done: 'open' });
