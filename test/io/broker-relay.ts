// A hostile network between MQTT clients and their broker, from a seed: delays, cuts, flaps, and loses, repeats, reorders and replays whole messages.
import { connect, createServer, type AddressInfo, type Socket } from 'node:net';

/** What the relay does to connections and to messages; chances are from 0 to 1, for each message in each direction. */
export interface RelayActs {
  /** Milliseconds that everything takes longer, each way. */
  delayMs?: number;
  /** All connections are cut every so many milliseconds. */
  flapMs?: number;
  /** The message is swallowed, and its sender told that it arrived. */
  lose?: number;
  /** The message is sent twice in a row. */
  duplicate?: number;
  /** The message is held back until the next one has passed, or 50 ms. */
  reorder?: number;
  /** A message that passed some time ago, perhaps on another connection, is sent once more before this one. */
  replay?: number;
  /** Only messages whose topic this accepts are touched. */
  touches?: (topic: string) => boolean;
}

/** A relay that runs until `stop`. */
export interface BrokerRelay {
  /** mqtt://127.0.0.1:PORT */
  readonly url: string;
  /** May be changed at any time. */
  acts: RelayActs;
  readonly counts: { connections: number; messages: number; lost: number; duplicated: number; reordered: number; replayed: number; cut: number };
  /** Cuts all connections; new ones are taken. */
  cut(): void;
  /** While true, nobody gets through: connections are cut and refused. */
  down: boolean;
  stop(): Promise<void>;
}

const CONNECT = 1, PUBLISH = 3;
/** Messages that are kept for replays. */
const KEPT = 500;
const HOLD_MS = 50;

/** Starts a relay to the broker that listens on `port` of this machine (not encrypted). The same seed makes the same choices for the same traffic. */
export async function startRelay(port: number, seed: number, acts: RelayActs = {}): Promise<BrokerRelay> {
  const chance = choices(seed);
  const pairs = new Set<[Socket, Socket]>();
  const kept = { toBroker: [] as Buffer[], toClient: [] as Buffer[] };
  const counts = { connections: 0, messages: 0, lost: 0, duplicated: 0, reordered: 0, replayed: 0, cut: 0 };
  let down = false;

  /** The way of packets from one socket to the other. `answer` goes back to where they come from. */
  function way(to: Socket, answer: (packet: Buffer) => void, memory: Buffer[], version: () => number): (packet: Buffer) => void {
    let held: Buffer | undefined;
    let timer: NodeJS.Timeout | undefined;
    const send = (packet: Buffer): void => {
      const ms = relay.acts.delayMs ?? 0;
      if (ms === 0) to.write(packet);
      else setTimeout(() => { if (!to.destroyed) to.write(packet); }, ms);
    };
    const letGo = (): void => {
      clearTimeout(timer);
      if (held !== undefined && !to.destroyed) send(held);
      held = undefined;
    };
    to.on('close', () => clearTimeout(timer));
    return (packet) => {
      if (packet[0]! >> 4 !== PUBLISH) return send(packet);
      const { topic, id } = publishOf(packet);
      counts.messages++;
      const { lose = 0, duplicate = 0, reorder = 0, replay = 0, touches } = relay.acts;
      // An alias stands for a topic of this connection alone: what was moved elsewhere would only break it.
      const touched = topic !== '' && touches?.(topic) !== false;
      if (touched && chance(replay) && memory.length > 0) {
        counts.replayed++;
        send(memory[Math.floor(chance.next() * memory.length)]!);
      }
      if (touched && version() === memoryVersion) {
        if (memory.length < KEPT) memory.push(packet);
        else memory[Math.floor(chance.next() * KEPT)] = packet;
      }
      if (touched && chance(lose)) {
        counts.lost++;
        if (id !== undefined) answer(Buffer.of(0x40, 2, id >> 8, id & 0xff));
        return;
      }
      if (touched && held === undefined && chance(reorder)) {
        counts.reordered++;
        held = packet;
        timer = setTimeout(letGo, HOLD_MS);
        return;
      }
      send(packet);
      if (touched && chance(duplicate)) {
        counts.duplicated++;
        send(packet);
      }
      letGo();
    };
  }
  // Messages of MQTT 5 are not those of 3.1.1: only those of the version that was seen first are replayed.
  let memoryVersion = 0;

  const server = createServer({ noDelay: true }, (client) => {
    if (down) return void client.destroy();
    counts.connections++;
    const broker = connect({ port, host: '127.0.0.1', noDelay: true });
    const pair: [Socket, Socket] = [client, broker];
    pairs.add(pair);
    let version = 0;
    const toBroker = way(broker, (packet) => client.write(packet), kept.toBroker, () => version);
    const toClient = way(client, (packet) => broker.write(packet), kept.toClient, () => version);
    const fromClient = packets((packet) => {
      if (packet[0]! >> 4 === CONNECT) {
        version = packet[headerBytes(packet) + 6] ?? 0;
        memoryVersion ||= version;
      }
      toBroker(packet);
    });
    const fromBroker = packets(toClient);
    client.on('data', (chunk: Buffer) => { if (fromClient(chunk)) push(broker, client); else end(); });
    broker.on('data', (chunk: Buffer) => { if (fromBroker(chunk)) push(client, broker); else end(); });
    function end(): void {
      pairs.delete(pair);
      client.destroy();
      broker.destroy();
    }
    // What one side said last is still on its way when it hangs up.
    for (const each of pair) each.on('error', end).on('close', () => setTimeout(end, relay.acts.delayMs ?? 0));
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));

  const relay: BrokerRelay = {
    url: `mqtt://127.0.0.1:${(server.address() as AddressInfo).port}`,
    acts, counts,
    cut() {
      for (const [client, broker] of pairs) {
        counts.cut++;
        client.destroy();
        broker.destroy();
      }
    },
    get down() { return down; },
    set down(now) {
      down = now;
      if (down) relay.cut();
    },
    async stop() {
      clearInterval(flapping);
      relay.cut();
      await new Promise((resolve) => server.close(resolve));
    },
  };
  let sinceFlap = Date.now();
  const flapping = setInterval(() => {
    if (relay.acts.flapMs === undefined || Date.now() - sinceFlap < relay.acts.flapMs) return;
    sinceFlap = Date.now();
    relay.cut();
  }, 10);
  return relay;
}

/** Lets the reader of a connection wait while its writer is behind. */
function push(to: Socket, from: Socket): void {
  if (to.writableLength < 1_048_576) return;
  from.pause();
  to.once('drain', () => from.resume());
}

/** Bytes of a packet's fixed header. */
function headerBytes(packet: Buffer): number {
  let at = 1;
  while (packet[at++]! >= 0x80);
  return at;
}

/** The topic of a PUBLISH, and its id unless it is of QoS 0. */
function publishOf(packet: Buffer): { topic: string; id: number | undefined } {
  const start = headerBytes(packet);
  const length = packet.readUInt16BE(start);
  const qos = packet[0]! >> 1 & 3;
  return { topic: packet.toString('utf8', start + 2, start + 2 + length), id: qos === 0 ? undefined : packet.readUInt16BE(start + 2 + length) };
}

/** Cuts a stream into MQTT packets; the function gives false when it is none. */
function packets(onPacket: (packet: Buffer) => void): (chunk: Buffer) => boolean {
  let rest: Buffer = Buffer.alloc(0);
  return (chunk) => {
    rest = rest.length === 0 ? chunk : Buffer.concat([rest, chunk]);
    for (;;) {
      let length = 0, at = 1, more = true;
      while (more) {
        if (at > 4) return false;
        if (at >= rest.length) return true;
        length += (rest[at]! & 0x7f) * 0x80 ** (at - 1);
        more = rest[at++]! >= 0x80;
      }
      if (rest.length < at + length) return true;
      onPacket(Buffer.from(rest.subarray(0, at + length)));
      rest = rest.subarray(at + length);
    }
  };
}

/** Chances from a seed (mulberry32): `choices(seed)(0.1)` is true once in ten times. */
function choices(seed: number): ((p: number) => boolean) & { next(): number } {
  let state = seed >>> 0;
  const next = (): number => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = state;
    mixed = Math.imul(mixed ^ (mixed >>> 15), mixed | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 0x1_0000_0000;
  };
  return Object.assign((p: number) => p > 0 && next() < p, { next });
}
