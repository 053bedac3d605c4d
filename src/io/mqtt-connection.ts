// One connection to a broker, from CONNECT to its end: what may be under way in each direction, the subscriptions, and why it ended.

import type MqttClient from 'mqtt/lib/client';
import { Fault } from '../fault.ts';
import type { Bytes } from '../ports.ts';
import type { BrokerAddress } from './mqtt-address.ts';
import { packetGuard } from './mqtt-guard.ts';
import { inbox, type Taking } from './mqtt-inbox.ts';
import { farewell, isVersionRefusal, refusal, ungranted, unpublished } from './mqtt-reason.ts';
import type { BrokerSocket } from './mqtt-socket.ts';
import { isShared, isShareRefused, nextFilters, unshared, wantedFilters, type Wanted } from './mqtt-wanted.ts';
import { publishWindow, type Outgoing } from './mqtt-window.ts';

/** Largest packet that is sent or taken, in bytes. */
export const PACKET_BYTES = 262_144;
/** Largest packet that is sent to a broker of 3.1.1, which cannot say how much it takes. */
const PACKET_BYTES_311 = 131_072;
/** UTF-8 bytes of a topic. */
export const TOPIC_BYTES = 256;
/** What a PUBLISH has besides topic and payload: header, length of the topic, packet id, properties. */
const HEADER_BYTES = 16;
/** The payload that is counted on before a broker said how much it takes. */
export const LEAST_PAYLOAD_BYTES = PACKET_BYTES_311 - TOPIC_BYTES - HEADER_BYTES;
/** Unacknowledged messages that are sent at once, and to a broker of 3.1.1, which cannot say how many it takes. */
const PLACES = 128;
const PLACES_311 = 20;
/** Messages that the broker may have under way to us. */
export const RECEIVE_PLACES = 64;
/** Bytes that were read and wait for messages to be done, above which the connection is not read. */
const UNREAD_BYTES = 65_536;
/** CONNACK, and the answers to our subscriptions, must come in this time. */
const ANSWER_MS = 30_000;
/** While something is unacknowledged, an acknowledgement must come in this time. */
const ACK_MS = 30_000;
/** What was published before `close` may still be acknowledged in this time, and then the broker may close in that. */
const LINGER_MS = 3_000;
const GOODBYE_MS = 500;
/** How long a broker of MQTT 5 keeps a session, in seconds. */
const SESSION_S = 604_800;
/** The reason of a CONNACK that there are no retained messages. */
const NO_RETAIN = 0x9a;
/** Topic filters in one SUBSCRIBE: some brokers take no more. */
const FILTERS = 8;

/** What a broker that only hangs up may mean: many send no reason. */
const CLOSED = 'the broker closed the connection: it was stopped, or another client connected with our client id (is a copy of this node running?)';

/** What of our CONNECT seems to be to blame: the version of MQTT (`sure`: the broker said so), or that the will is to be retained. */
export interface Blame { readonly version: boolean; readonly sure: boolean; readonly will: boolean }

/** What a connection tells. */
export interface ConnectionEvents {
  onUp(): void;
  onDrain(): void;
  onMessage(topic: string, payload: Bytes, done: () => void, retained: boolean): void;
  /** A message was not taken by the broker. */
  onRefused(topic: string, why: string): void;
  /** A topic filter was not granted by the broker. */
  onUngranted(filter: string, why: string): void;
  /** Called once. */
  onEnd(reason: string, blame: Blame): void;
}

/** How to open a connection. */
export interface ConnectionSetup {
  readonly address: BrokerAddress;
  readonly version: 4 | 5;
  readonly clientId: string;
  /** The topic that the broker clears when the connection breaks. */
  readonly will: string | undefined;
  readonly wanted: Wanted;
  readonly taking?: Taking | undefined;
}

/** One connection; it is over when `onEnd` was called. */
export interface BrokerConnection {
  readonly up: boolean;
  /** Largest payload with the longest topic, in bytes. */
  readonly payloadBytes: number;
  /** As `publish` of the port. */
  publish(message: Outgoing): boolean;
  /** Replaces the filters. */
  subscribe(wanted: Wanted): void;
  /** Lets what is under way arrive, for a limited time, says goodbye, and resolves when the connection is over. */
  close(): Promise<void>;
  /** Ends it at once. */
  cut(reason: string): void;
}

/** The constructor of the library's client, loaded with the first connection: who speaks no MQTT does not pay for it. */
export async function loadClient(): Promise<typeof MqttClient> {
  // A CommonJS module: what it exports by default lies one level deeper where Node or a bundle for Node loads it.
  const loaded = (await import('mqtt/lib/client')) as unknown as { default: typeof MqttClient | { default: typeof MqttClient } };
  return 'default' in loaded.default ? loaded.default.default : loaded.default;
}

/** Speaks MQTT on a fresh socket. Never throws for what the broker sends. */
export function brokerConnection(Client: typeof MqttClient, socket: BrokerSocket, setup: ConnectionSetup, events: ConnectionEvents): BrokerConnection {
  const { address, version, clientId } = setup;
  const { qos, session, places, packetBytes: mostBytes } = setup.taking ?? { qos: 1, session: false, places: RECEIVE_PLACES, packetBytes: PACKET_BYTES };
  const { stream } = socket;
  let ended: string | undefined;
  let answered = false, up = false, closing = false;
  let code = 0;
  let retains = true;
  let packetBytes = version === 5 ? PACKET_BYTES : PACKET_BYTES_311;
  let { wanted } = setup, sharing = version === 5;
  const granted = new Set<string>();
  let asking = false;
  let gone = (): void => {};
  const over = new Promise<void>((resolve) => (gone = resolve));
  let window = publishWindow(PLACES_311, send, () => events.onDrain());
  let idle = (): void => {};

  /** Ends the connection; the first reason counts. */
  function cut(reason: string): void {
    ended ??= reason;
    stream.destroy();
    socket.wire.destroy();
  }
  /** Runs what must not throw into the library or a socket. */
  function guarded(run: () => void): void {
    try {
      run();
    } catch (error) {
      cut(`a fault of this program: ${error instanceof Error ? error.message : String(error)}`);
    }
  }

  const answer = setTimeout(() => cut(answered ? 'the broker did not answer our subscriptions' : 'what listens there took the connection, but does not answer as a broker'), ANSWER_MS);
  let silence: NodeJS.Timeout | undefined;
  /** Watches that acknowledgements come while something waits for one. */
  function watch(): void {
    clearTimeout(silence);
    if (window.messages > 0 && ended === undefined) silence = setTimeout(() => cut(`the broker has acknowledged nothing for ${ACK_MS / 1000} s`), ACK_MS);
  }

  const arriving = inbox(places, stream, (topic, payload, done, retained) => (ended === undefined ? events.onMessage(topic, payload, done, retained) : done()));

  // The library reads through `pipe`. It gets one packet at a time, so that whatever a packet does to it happens inside this `try`, and none that is too large.
  stream.pipe = <T extends NodeJS.WritableStream>(sink: T): T => {
    const inner = sink as unknown as { _write(chunk: Bytes, encoding: string, done: () => void): void; readonly writableLength: number };
    const write = inner._write;
    inner._write = (chunk, encoding, done) => {
      try {
        write.call(sink, chunk, encoding, done);
      } catch {
        cut('the broker sent what is no MQTT packet');
      }
    };
    const guard = packetGuard(mostBytes, (piece) => {
      if (ended !== undefined) return;
      sink.write(piece);
      // What is left there waits for messages to be done.
      if (inner.writableLength > UNREAD_BYTES) stream.pause();
    });
    stream.on('data', (chunk: Bytes) => {
      const wrong = ended === undefined ? guard(chunk) : undefined;
      if (wrong !== undefined) cut(wrong);
    });
    sink.on('drain', () => stream.resume());
    return sink;
  };

  const onError = (error: NodeJS.ErrnoException) => {
    // Closed with our CONNECT unread looks like this: the broker may have stumbled over its version.
    if (!answered && (error.code === 'ECONNRESET' || error.code === 'EPIPE')) return;
    cut(socket.reason(error));
  };
  stream.on('error', onError);
  if (socket.wire !== stream) socket.wire.on('error', onError);

  const client = new Client(() => stream, {
    protocolId: 'MQTT', protocolVersion: version, clean: !session, clientId, keepalive: address.keepAlive,
    ...(address.user !== undefined && { username: address.user }), ...(socket.password !== undefined && { password: socket.password }),
    // Everything that would outlive the connection is off: another one is another client.
    reconnectPeriod: 0, resubscribe: false, queueQoSZero: false, connectTimeout: 2 * ANSWER_MS, timerVariant: 'native', writeCache: false, log: () => {},
    ...(version === 5 && { properties: { receiveMaximum: places, maximumPacketSize: mostBytes, ...(session && { sessionExpiryInterval: SESSION_S }) } }),
    ...(setup.will !== undefined && { will: { topic: setup.will, payload: Buffer.alloc(0), qos: 1 as const, retain: true } }),
  });
  client.handleMessage = (packet, proceed) => guarded(() => arriving.take(packet, proceed));
  // Errors of the socket, whose codes are words, come this way too.
  client.on('error', (error) => typeof (error as { code?: unknown }).code !== 'string' && cut(error.message === 'Keepalive timeout' ? 'the broker no longer answers' : 'the broker sent what is no MQTT packet, or not in order'));
  client.on('packetreceive', (packet) => guarded(() => {
    if (packet.cmd === 'disconnect') cut(farewell(packet.reasonCode ?? 0, packet.properties?.reasonString));
    if (packet.cmd !== 'connack') return;
    answered = true;
    const offer = (packet.properties ??= {});
    code = (version === 5 ? packet.reasonCode : packet.returnCode) ?? 0;
    if (code !== 0) return cut(refusal(code, address, version, offer.reasonString));
    // A property that is there twice is a list: nobody downstream expects one.
    for (const [name, value] of Object.entries(offer)) if (Array.isArray(value) || value === -1) delete (offer as { [name: string]: unknown })[name];
    if (offer.maximumQoS === 0) return cut('the broker offers no QoS 1, which is needed');
    retains = offer.retainAvailable !== false;
    if (offer.sharedSubscriptionAvailable === false) sharing = false;
    packetBytes = Math.min(packetBytes, offer.maximumPacketSize ?? packetBytes);
    window = publishWindow(version === 5 ? Math.min(PLACES, offer.receiveMaximum ?? PLACES) : PLACES_311, send, () => events.onDrain());
  }));
  client.on('connect', () => guarded(agree));
  stream.on('close', () => {
    clearTimeout(answer);
    clearTimeout(silence);
    const sure = isVersionRefusal(code);
    const version = sure || (!answered && ended === undefined);
    ended ??= closing ? 'closed here' : answered ? CLOSED : 'the broker closed the connection instead of answering';
    up = false;
    gone();
    idle();
    events.onEnd(ended, { version, sure, will: code === NO_RETAIN });
  });

  /** Brings the broker's subscriptions to what is wanted, a few at a time; when they are, the connection is up. */
  function agree(): void {
    if (asking || ended !== undefined || closing) return;
    const all = wantedFilters(wanted, sharing);
    const old = [...granted].filter((each) => !all.has(each)).slice(0, FILTERS);
    const fresh = nextFilters([...all].filter((each) => !granted.has(each)), FILTERS);
    if (old.length === 0 && fresh.length === 0) {
      clearTimeout(answer);
      if (up) return;
      up = true;
      return events.onUp();
    }
    asking = true;
    if (old.length > 0) {
      client.unsubscribe(old, () => guarded(() => {
        asking = false;
        for (const each of old) granted.delete(each);
        agree();
      }));
      return;
    }
    // Not our own messages back, where the broker can tell them.
    client.subscribe(fresh, { qos, ...(version === 5 && { nl: !isShared(fresh[0]!) }) }, (error, _asked, packet) => guarded(() => {
      asking = false;
      const codes = (packet as { granted?: number[] } | undefined)?.granted ?? [];
      // What is refused is not asked again in this connection.
      for (const [index, filter] of fresh.entries()) {
        granted.add(filter);
        const code = codes[index] ?? (error ? 0x83 : 0), less = isShareRefused(filter, code);
        if (less) sharing = false;
        const why = less ? unshared(code) : ungranted(code);
        if (why !== undefined && ended === undefined) events.onUngranted(filter, why);
      }
      agree();
    }));
  }

  function send(message: Outgoing, settled: () => void): void {
    const { topic, payload, retain } = message;
    client.publish(topic, Buffer.from(payload.buffer, payload.byteOffset, payload.length), { qos: 1, retain: retain && retains }, (_error, packet) => guarded(() => {
      if (ended !== undefined) return;
      const why = unpublished((packet as { reasonCode?: number } | undefined)?.reasonCode ?? 0);
      if (why !== undefined) events.onRefused(topic, why);
      settled();
      watch();
      if (window.messages === 0) idle();
    }));
  }

  return {
    get up() { return up && ended === undefined; },
    get payloadBytes() { return Math.max(0, packetBytes - TOPIC_BYTES - HEADER_BYTES); },
    publish(message) {
      if (!up || closing || ended !== undefined) return false;
      const quiet = window.messages === 0;
      const taken = window.add(message);
      if (quiet) watch();
      return taken === 'room';
    },
    subscribe(next) {
      wanted = next;
      if (client.connected) guarded(agree);
    },
    async close() {
      closing = true;
      if (up && window.messages > 0 && ended === undefined) {
        const timer = setTimeout(() => idle(), LINGER_MS);
        await new Promise<void>((resolve) => (idle = resolve));
        clearTimeout(timer);
      }
      up = false;
      if (ended === undefined && answered) {
        // DISCONNECT, the same in both versions: the broker forgets the will.
        stream.end(Uint8Array.of(0xe0, 0));
        const timer = setTimeout(() => cut('closed here'), GOODBYE_MS);
        await over;
        clearTimeout(timer);
      } else cut('closed here');
      return over;
    },
    cut,
  };
}

/** Fault `too-large` for a message that no broker could be given: a mistake of the program, not of the broker. */
export function checkMessage(topic: string, payload: Bytes, payloadBytes: number): void {
  if (Buffer.byteLength(topic) > TOPIC_BYTES) throw new Fault('too-large', `A topic of ${Buffer.byteLength(topic)} bytes is too long (${TOPIC_BYTES} at most).`);
  if (payload.length > payloadBytes) throw new Fault('too-large', `A message of ${payload.length} bytes does not fit the broker (${payloadBytes} at most).`);
}
