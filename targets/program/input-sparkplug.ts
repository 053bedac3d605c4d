// Sparkplug B: what edge nodes and their devices say of themselves, named by their births, with the gaps in it told.

import { Fault } from '../../src/fault.ts';
import type { Reading } from './input.ts';
import { messageNames, type Message, type Preset } from './input-mqtt-preset.ts';
import { metricValue, readPayload, rebirthPayload, type Metric, type Payload } from './input-sparkplug-payload.ts';

/** What is to be told about the edge nodes, and what is to be published to one of them. */
export interface SparkplugNews { text?: string; rebirth?: { topic: string; payload: Uint8Array } }

/** Edge nodes and named metrics that are remembered at most; then those of the node that was silent longest are forgotten. */
const MOST_NODES = 1_024, MOST_NAMES = 131_072;
/** An edge node is asked for its birth this often at most, in milliseconds. */
const REBIRTH_MS = 60_000;
/** Bytes of one reading, about, after which its other metrics become a second one: an event must hold it. */
const READING_BYTES = 32_768;

interface Known { name: string; datatype: number }

/** An edge node, as far as it has told of itself. */
interface EdgeNode {
  born: boolean;
  /** Metrics by alias, and datatypes by device and name. */
  aliases: Map<string, Known>;
  types: Map<string, number>;
  seq: number | undefined;
  bdSeq: number | undefined;
  asked: number;
}

/**
 * Sparkplug B. The key is group/edge node or group/edge node/device; the type is `birth`, `data`, `history` (what a node kept while it was away), `death`, or `gap`, where messages are missing.
 * The fields are the metrics. Names for templates: `group`, `edge_node`, `device`. Metrics of other times become readings of their own. `news` is told of gaps and births that are missing.
 */
export function sparkplugPreset(news: (news: SparkplugNews) => void): Preset {
  const nodes = new Map<string, EdgeNode>();
  let gaps = 0;

  function nodeOf(name: string): EdgeNode {
    const node = nodes.get(name) ?? { born: false, aliases: new Map<string, Known>(), types: new Map<string, number>(), seq: undefined, bdSeq: undefined, asked: -Infinity };
    nodes.delete(name);
    nodes.set(name, node);
    if (nodes.size > MOST_NODES) nodes.delete(nodes.keys().next().value!);
    return node;
  }
  function trim(): void {
    let names = 0;
    for (const each of nodes.values()) names += each.types.size;
    for (const [name, each] of nodes) {
      if (names <= MOST_NAMES) return;
      names -= each.types.size;
      nodes.delete(name);
    }
  }
  /** Tells why, and asks the node for its birth. */
  function ask(group: string, edge: string, node: EdgeNode, text: string): void {
    news({ text });
    const now = performance.now();
    if (now - node.asked < REBIRTH_MS) return;
    node.asked = now;
    news({ rebirth: { topic: `spBv1.0/${group}/NCMD/${edge}`, payload: rebirthPayload(Date.now()) } });
  }

  return {
    topics: ['spBv1.0/#'],
    read(message, refuse) {
      const [space, group, kind, edge, device] = message.levels;
      if (space !== 'spBv1.0') throw new Fault('bad-event', 'this is no topic of Sparkplug B: spBv1.0/GROUP/KIND/NODE');
      // Of host applications, and what they ask for.
      if (group === 'STATE' || kind === 'NCMD' || kind === 'DCMD') return [];
      const ofDevice = kind === 'DBIRTH' || kind === 'DDATA' || kind === 'DDEATH';
      if (!ofDevice && kind !== 'NBIRTH' && kind !== 'NDATA' && kind !== 'NDEATH') throw new Fault('bad-event', `there is no kind of message ${JSON.stringify(kind?.slice(0, 20) ?? '')} in Sparkplug B`);
      if (!edge || message.levels.length !== (ofDevice ? 5 : 4)) throw new Fault('bad-event', `a ${kind} has ${ofDevice ? 'five' : 'four'} levels in its topic`);
      const payload = readPayload(message.payload);
      const about: About = { message, key: [group, edge, ...(ofDevice ? [device!] : [])].join('/'), names: { group: group!, edge_node: edge, ...(ofDevice ? { device: device! } : {}) } };
      const node = nodeOf(`${group}/${edge}`);
      const out: Reading[] = [];

      if (kind === 'NDEATH') {
        const bdSeq = bdSeqOf(payload);
        // The last will of an earlier connection, which came late.
        if (node.born && bdSeq !== undefined && node.bdSeq !== undefined && bdSeq !== node.bdSeq) return [];
        Object.assign(node, { born: false, seq: undefined });
        // Its time is when the connection began.
        return [readingOf(about, 'death', { online: false, ...(bdSeq === undefined ? {} : { bdSeq }) }, undefined)];
      }
      if (kind === 'NBIRTH') {
        node.aliases.clear();
        node.types.clear();
        Object.assign(node, { born: true, seq: payload.seq, bdSeq: bdSeqOf(payload) });
      } else {
        const expected = node.seq === undefined ? undefined : (node.seq + 1) % 256;
        // The same once more: brokers may repeat.
        if (payload.seq !== undefined && payload.seq === node.seq) return [];
        if (expected !== undefined && payload.seq !== undefined && payload.seq !== expected) {
          gaps++;
          const name = `${group}/${edge}`;
          out.push(readingOf({ message, key: name, names: { group: group!, edge_node: edge } }, 'gap', { expected, received: payload.seq }, payload.timestamp));
          ask(group!, edge, node, `${gaps} ${gaps === 1 ? 'gap' : 'gaps'} in what edge nodes sent, the last one of ${name}`);
        }
        node.seq = payload.seq ?? node.seq;
        if (!node.born) ask(group!, edge, node, `the birth of ${group}/${edge} has not been seen, so what it sends by alias has no name (rebirth = true asks for it)`);
      }
      if (kind === 'DDEATH') return [...out, readingOf(about, 'death', { online: false }, payload.timestamp)];
      const isBirth = kind === 'NBIRTH' || kind === 'DBIRTH';
      if (isBirth) learn(node, device ?? '', payload.metrics);
      out.push(...dataOf(about, isBirth ? 'birth' : 'data', node, device ?? '', payload, refuse));
      if (isBirth) trim();
      return out;
    },
  };
}

interface About { message: Message; key: string; names: { [name: string]: string } }

function readingOf({ message, key, names }: About, type: string, value: unknown, time: number | undefined): Reading {
  return { value, names: { ...messageNames(message, key, type), ...names }, raw: message.payload, ...(time === undefined ? {} : { time }) };
}

function bdSeqOf({ metrics }: Payload): number | undefined {
  const raw = metrics.find(({ name }) => name === 'bdSeq')?.raw;
  return raw?.kind === 'integer' ? Number(raw.value) : undefined;
}

function learn(node: EdgeNode, device: string, metrics: Metric[]): void {
  for (const { name, alias, datatype } of metrics) {
    if (name === undefined) continue;
    if (alias !== undefined) node.aliases.set(alias, { name, datatype: datatype ?? 0 });
    node.types.set(`${device}\0${name}`, datatype ?? 0);
  }
}

/** One reading for each moment of which the metrics tell; a metric twice of one moment, or more than fits one event, begins another. */
function dataOf(about: About, type: string, node: EdgeNode, device: string, payload: Payload, refuse: (fault: Fault) => void): Reading[] {
  interface Part { type: string; time: number | undefined; value: Map<string, unknown>; bytes: number }
  const parts: Part[] = [], open = new Map<string, Part>();
  const nameless: string[] = [];
  for (const metric of payload.metrics) {
    const known = metric.alias === undefined ? undefined : node.aliases.get(metric.alias);
    const name = metric.name ?? known?.name;
    if (name === undefined) {
      nameless.push(metric.alias ?? 'none');
      continue;
    }
    const value = metricValue(metric.raw, metric.datatype ?? known?.datatype ?? node.types.get(`${device}\0${name}`) ?? 0);
    const time = metric.timestamp ?? payload.timestamp;
    const kind = metric.historical && type === 'data' ? 'history' : type;
    const place = `${kind} ${time}`;
    const bytes = name.length + sizeOf(value);
    let part = open.get(place);
    if (part === undefined || part.value.has(name) || part.bytes + bytes > READING_BYTES) {
      part = { type: kind, time, value: new Map(), bytes: 0 };
      open.set(place, part);
      parts.push(part);
    }
    part.value.set(name, value);
    part.bytes += bytes;
  }
  const readings = parts.map(({ type: kind, time, value }) => readingOf(about, kind, Object.fromEntries(value), time));
  if (nameless.length > 0) {
    const which = nameless.slice(0, 8).join(', ');
    refuse(new Fault('bad-event', `no birth has named the metrics with alias ${which}${nameless.length > 8 ? ` and ${nameless.length - 8} more` : ''}`));
  }
  return readings;
}

/** Bytes of a value in an event, about. */
function sizeOf(value: unknown): number {
  if (typeof value === 'string') return value.length + 8;
  if (value instanceof Uint8Array) return value.length + 8;
  if (value === null || typeof value !== 'object') return 10;
  let bytes = 8;
  for (const [name, each] of Object.entries(value)) bytes += name.length + sizeOf(each);
  return bytes;
}
