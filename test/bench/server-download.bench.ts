// A new edge node takes a long history from a server (dist/server), over TCP and through a real mosquitto, against the same from an edge node (dist/edge); and the server takes it in before.

import { join } from 'node:path';
import { framing } from '../../src/carry/frame.ts';
import { dialTcp } from '../../src/io/tcp.ts';
import { mqttBroker } from '../../src/io/mqtt.ts';
import { joinBroker, planBroker } from '../../src/node-broker.ts';
import { holdfast, json, SERVER, start, type Running } from '../edge/program.ts';
import { hasMosquitto, startMosquitto } from '../io/mosquitto.ts';
import { openBenchNode } from './bench-node.ts';
import { freshFolder, inTurns, load, pause, perSecond, say, tell } from './rows.ts';
import { startAuthor } from './server-author.ts';

const EVENTS = Number(process.env['EVENTS'] ?? 1_000_000), ROUNDS = Number(process.env['ROUNDS'] ?? 2), EDGE = undefined;

const author = await startAuthor(EVENTS, 2 + 4 * ROUNDS), invitations = [...author.invitations];

/** A node that holds the history, its links, and how fast it took the history in. */
interface Source { running: Running; tcp: string; mqtt: string | undefined; rate: number; end(): Promise<void> }

/** Makes a node with a program, fetches the history, and runs it at a broker of its own. */
async function source(name: string, program: string | undefined): Promise<Source> {
  const dir = join(freshFolder(name), 'd'), options = program === undefined ? {} : { program };
  const joined = await holdfast(['join', '-', '--dir', dir, '--name', name], { ...options, input: invitations.shift()! });
  if (joined.code !== 0) throw new Error(joined.stderr);
  const { ms, received } = await json<{ ms: number; received: number }>(['sync', author.url, '--dir', dir], options), rate = received / ms * 1_000;
  if (received !== EVENTS) throw new Error(`${received} of ${EVENTS} events arrived`);
  say(`the ${name} took the history in at ${Math.round(rate)} events/s; load ${load()}`);
  const broker = hasMosquitto() ? await startMosquitto({ config: ['max_packet_size 262144', 'max_inflight_messages 64', 'max_queued_messages 1000', 'max_queued_bytes 16777216', 'set_tcp_nodelay true'] }) : undefined;
  const running = start(['run', '--dir', dir, '--json', '--listen', 'tcp://127.0.0.1:0', '--metrics-seconds', '0', ...(broker ? ['--peers', broker.url] : [])], options);
  const [line] = await running.until(/^\{"event":"listening".*$/m);
  return { running, tcp: (JSON.parse(line) as { url: string }).url, mqtt: broker?.url, rate, async end() { await running.stop(); await broker?.stop(); } };
}

/** Events a second from dialling until a new node holds all of them, durably. */
async function overTcp({ tcp }: Source): Promise<number> {
  const { node, stop } = await openBenchNode(freshFolder('cold'), { invitation: invitations.shift()! }), since = performance.now();
  await node.connect(await dialTcp(tcp, framing), 'open', { once: true }).done;
  const rate = perSecond(EVENTS, since);
  if (node.digest().events !== EVENTS) throw new Error(`${node.digest().events} of ${EVENTS} events arrived`);
  await stop();
  return rate;
}

/** The same through the source's broker, from the beginning of the session on: before it, the fan-out waits on purpose. */
async function overMqtt({ mqtt }: Source): Promise<number> {
  const { node, stop } = await openBenchNode(freshFolder('cold'), { invitation: invitations.shift()! });
  const plan = planBroker(node), broker = mqttBroker(mqtt!, { clientId: plan.clientId, will: plan.will, random: Math.random }), membership = joinBroker(node, broker, { plan });
  while (membership.report().sessions.now === 0) await pause(1);
  const since = performance.now();
  while (node.digest().events < EVENTS) { await pause(5); if (performance.now() - since > 240_000) throw new Error(`${node.digest().events} of ${EVENTS} events arrived`); }
  const rate = perSecond(EVENTS, since);
  await membership.close();
  await stop();
  return rate;
}

const edge = await source('edge', EDGE), server = await source('server', SERVER);
await author.stop();
tell({ what: `a server takes in ${EVENTS} events by sync over TCP, rows for SQL included`, value: server.rate, unit: 'events/s', baseline: { what: 'an edge node on LMDB', value: edge.rate }, note: `from one author; load ${load()}` });

const noted = (what: string, way: (source: Source) => Promise<number>) => async (from: Source): Promise<number> => {
  const rate = await way(from);
  say(`${what} from the ${from === edge ? 'edge node' : 'server'}: ${(EVENTS / rate).toFixed(2)} s; load ${load()}`);
  return rate;
};
for (const [what, way] of [['over TCP', noted('over TCP', overTcp)], ...(server.mqtt === undefined ? [] : [['through mosquitto', noted('through mosquitto', overMqtt)] as const])] as const) {
  const [ours, theirs] = await inTurns(ROUNDS, [() => way(server), () => way(edge)]) as [number, number];
  tell({
    what: `a new edge node takes ${EVENTS} events from a server ${what}, durable there`, value: ours, unit: 'events/s', baseline: { what: 'from an edge node on LMDB', value: theirs },
    note: `${(EVENTS / ours).toFixed(1)} s against ${(EVENTS / theirs).toFixed(1)} s; best of ${ROUNDS}; load ${load()}`,
  });
}
await edge.end();
await server.end();
