// Many small nodes in one process, in memory, with real connections to a broker and to servers: what a fleet does around a server, as far as one machine can be a fleet.
import { framing } from '../../src/carry/frame.ts';
import { hex } from '../../src/event/bytes.ts';
import { systemClock } from '../../src/io/clock.ts';
import { createCrypto, createRandom } from '../../src/io/crypto.ts';
import { mqttBroker } from '../../src/io/mqtt.ts';
import { dialTcp } from '../../src/io/tcp.ts';
import { joinBroker, planBroker } from '../../src/node-broker.ts';
import { joinFleet } from '../../src/node-setup.ts';
import type { Node } from '../../src/node.ts';
import { Chance } from '../sim/chance.ts';
import { EagerTimeline } from '../sim/eager-timeline.ts';
import { Disk } from '../sim/memory-disk.ts';
import { mountJournal } from '../sim/memory-journal.ts';
import { mountStore } from '../sim/memory-store.ts';
import { Mount } from '../sim/mount.ts';

/** A fleet: one node for each token; `wired` of them, the last ones, have no broker, but lines to two processes of the server. */
export interface Crowd { broker: string; tcp: string[]; tokens: string[]; sites: number; wired: number }
/** What it is told to do. `meet`: everybody exchanges once with the server; `go`: all take their places; `ports`: where the server listens now; `write`: so many events each; `held`: what is held. */
export type Order = { kind: 'meet' } | { kind: 'go' } | { kind: 'ports'; tcp: string[] } | { kind: 'write'; count: number } | { kind: 'held' };
/** How many events nodes hold of each stream, as it is kept by all who want it: undefined where they differ. `ids`: of each stream all ids, hashed in order, one for each way in which nodes see it. */
export interface Held { digests: string[]; streams: { [stream: string]: number | undefined }; ids: { [stream: string]: string[] }; alarms: string[]; sessions: number }

const crowd = JSON.parse(process.argv[2]!) as Crowd, { tokens, sites } = crowd;
let { tcp } = crowd;
const crypto = createCrypto(), alarms: string[] = [];
const siteOf = (i: number): string => `site-${String(i % sites).padStart(2, '0')}`;
/** The first of each site wants everything, the others what concerns them. */
const interestOf = (i: number): string[] | undefined => (i < sites ? undefined : ['config', siteOf(i)]);
const wanted = (i: number): string[] => interestOf(i) ?? ['config', ...Array.from({ length: sites }, (_, s) => siteOf(s))];

const sleep = (ms: number): Promise<void> => new Promise((resolve) => { setTimeout(resolve, ms); });
/** Does something for all of them, a few at a time. */
async function each(count: number, work: (i: number) => Promise<void>): Promise<void> {
  let next = 0;
  await Promise.all(Array.from({ length: 8 }, async () => { while (next < count) await work(next++); }));
}

async function open(token: string, i: number): Promise<Node> {
  const disk = new Disk(`n${i}`), mount = new Mount(disk, new EagerTimeline(), new Chance(`disk ${i}`));
  let node: Node | undefined, timer: NodeJS.Timeout | undefined, soon: NodeJS.Immediate | undefined;
  const step = (): void => {
    soon = undefined;
    clearTimeout(timer);
    const due = node?.tick();
    if (due !== undefined) timer = setTimeout(step, Math.max(1, due));
  };
  node = await joinFleet({
    store: mountStore(mount), journal: mountJournal(mount), random: createRandom(), crypto, clock: systemClock(() => 2), windowMs: 300,
    keys: { load: () => Promise.resolve(disk.keyFile), save: (bytes) => { disk.keyFile = bytes.slice(); return Promise.resolve(); } },
    wake() { soon ??= setImmediate(step); },
    notice(n) {
      if (n.kind === 'fatal') throw n.fault;
      if (n.kind === 'alarm') alarms.push(`n${i}: ${n.alarm.text}`);
    },
  }, token, { nodeName: `n${i}` });
  step();
  return node;
}

const nodes: Node[] = [];
await each(tokens.length, async (i) => { nodes[i] = await open(tokens[i]!, i); });

/** One exchange with a process of the server. */
async function exchange(i: number, port: number): Promise<void> {
  const interest = interestOf(i), link = await dialTcp(tcp[port % tcp.length]!, framing);
  await nodes[i]!.connect(link, 'open', { once: true, ...(interest && { interest }) }).done;
}

/** A line to one process of the server after the other, as long as this runs. */
async function wire(i: number, port: number): Promise<void> {
  for (let n = port; ; n++) {
    const interest = interestOf(i);
    await dialTcp(tcp[n % tcp.length]!, framing).then((link) => nodes[i]!.connect(link, 'open', interest ? { interest } : {}).done).catch(() => undefined);
    await sleep(500);
  }
}

function place(i: number): void {
  const node = nodes[i]!, plan = planBroker(node), interest = interestOf(i);
  joinBroker(node, mqttBroker(crowd.broker, { clientId: plan.clientId, will: plan.will, random: Math.random }), { plan, ...(interest && { interest }) });
}

async function held(): Promise<Held> {
  const counts = new Map<string, Set<number>>(), ids = new Map<string, Set<string>>();
  const add = <T>(map: Map<string, Set<T>>, stream: string, value: T): void => { map.set(stream, (map.get(stream) ?? new Set()).add(value)); };
  for (const [i, node] of nodes.entries()) {
    for (const stream of wanted(i)) {
      add(counts, stream, node.streams().find((one) => one.stream === stream)?.events ?? 0);
      const all: string[] = [];
      for await (const { id } of node.read(stream)) all.push(id);
      add(ids, stream, hex(crypto.sha256(new TextEncoder().encode(all.sort().join()))));
    }
  }
  return {
    digests: [...new Set(nodes.slice(0, sites).map((node) => node.digest().digest))], alarms,
    streams: Object.fromEntries([...counts].map(([stream, all]) => [stream, all.size === 1 ? [...all][0] : undefined])),
    ids: Object.fromEntries([...ids].map(([stream, all]) => [stream, [...all]])), sessions: nodes.reduce((n, node) => n + node.connections.size, 0),
  };
}

let written = 0;
async function act(order: Order): Promise<unknown> {
  switch (order.kind) {
    case 'meet': return each(nodes.length, (i) => exchange(i, i));
    case 'go':
      for (let i = 0; i < nodes.length - crowd.wired; i++) place(i);
      for (let i = nodes.length - crowd.wired; i < nodes.length; i++) for (const port of [i, i + 1]) void wire(i, port);
      return undefined;
    case 'ports': tcp = order.tcp; return undefined;
    case 'write': {
      const from = written++ * order.count;
      await each(nodes.length, async (i) => { await nodes[i]!.append(siteOf(i), Array.from({ length: order.count }, (_, k) => ({ key: `n${i}`, type: 'reading', body: from + k }))); });
      return undefined;
    }
    case 'held': return held();
  }
}

process.on('message', (order: Order) => { act(order).then((done) => process.send!({ done }), (error: unknown) => process.send!({ failed: String(error instanceof Error ? error.stack : error) })); });
process.on('disconnect', () => process.exit(0));
process.send!({ done: 'open' });
