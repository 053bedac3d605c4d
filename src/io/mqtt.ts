// A connection to an MQTT broker that comes back by itself: the Broker port on MQTT 5, or 3.1.1 where the broker has no 5.

import type { Broker } from '../ports.ts';
import { parseBroker } from './mqtt-address.ts';
import { brokerConnection, checkMessage, LEAST_PAYLOAD_BYTES, loadClient, type Blame, type BrokerConnection } from './mqtt-connection.ts';
import type { Wanted } from './mqtt-wanted.ts';
import type { Taking } from './mqtt-inbox.ts';
import { dialBroker } from './mqtt-socket.ts';

/** The first pause before dialling again, and the longest; each is taken at random between half and one and a half of it. */
const PAUSE_MS = 1_000;
const PAUSE_MOST_MS = 60_000;
/** The longest after a connection that the broker had granted: it is willing, only the link does not hold, and each connection moves something. */
const PAUSE_GRANTED_MS = 5_000;
/** A connection that held this long was a good one: the pauses begin anew. */
const HELD_MS = 30_000;
/** How long a broker is spoken to in 3.1.1 before 5 is tried again: when it said that it has no 5, and when it only closed the connection. */
const OLD_SURE_MS = 3_600_000;
const OLD_GUESS_MS = 600_000;
const NOTHING: Blame = { version: false, sure: false, will: false };
/** Refusals that are remembered as told. */
const TOLD = 64;

/** What a broker connection needs besides its URL. */
export interface BrokerOptions {
  /** At most one connection with this id can be open at the broker; letters and digits, 23 at most, are taken everywhere. */
  readonly clientId: string;
  /** The retained message on `topic` is cleared by the broker when the connection breaks without `close`. */
  readonly will?: { readonly topic: string } | undefined;
  /** From 0 up to, but not including, 1. */
  random(): number;
  /** Told, once for each kind, what a person may have to see to: the broker's rules refuse something. */
  notice?(text: string): void;
  /** Where relative paths in the URL start; the current folder by default. */
  readonly folder?: string;
  /** Gives up at the first failure: after `onDown` nothing more happens. */
  readonly once?: boolean;
  /** By default QoS 1, a session that ends with the connection, 64 places and packets of 256 KiB. */
  readonly taking?: Taking;
}

/**
 * Connects to the broker at `url` (parseBroker) in the next turn, and again for ever: 1 s after a failure, then twice as long each time up to 60 s (5 s where the broker had let us in), with jitter.
 * `onDown` is called when a connection ends, and after each attempt that failed, with the reason in words.
 * `publish` takes up to 1 MiB that is not acknowledged; beyond that it drops, as while down. A broker that acknowledges nothing for 30 s is left and dialled again.
 * At most 64 messages, or 4 MiB, are handed out and not done; then nothing more is read. `close` lets what was published arrive within 3 s; it does not clear the will's topic.
 * Faults: `bad-argument` (the URL); `publish` throws `too-large` for a payload above `payloadBytes` or a topic above 256 bytes.
 */
export function mqttBroker(url: string, options: BrokerOptions): Broker {
  const address = parseBroker(url);
  const folder = options.folder ?? '.';
  const told = new Set<string>();
  const giveUp = new AbortController();
  let wanted: Wanted = { filters: [], shared: undefined };
  /** None any more for a broker that retains nothing. */
  let will = options.will?.topic;
  /** As of the last connection. */
  let payloadBytes = LEAST_PAYLOAD_BYTES;
  let connection: BrokerConnection | undefined;
  let closed = false;
  let wake = (): void => {};
  let countWire = (): { in: number; out: number } => ({ in: 0, out: 0 });
  const before = { in: 0, out: 0 };
  /** MQTT 3.1.1 is spoken until this moment of performance.now(). */
  let oldUntil = 0;

  const broker: Broker = {
    manifest: { name: address.scheme },
    get payloadBytes() { return payloadBytes; },
    get up() { return connection?.up === true; },
    publish(topic, payload, retain) {
      checkMessage(topic, payload, payloadBytes);
      return connection?.publish({ topic, payload, retain }) ?? false;
    },
    subscribe(filters, shared) {
      wanted = { filters: [...filters], shared: shared && { group: shared.group, filters: [...shared.filters] } };
      connection?.subscribe(wanted);
    },
    async close() {
      closed = true;
      wake();
      const open = connection;
      if (open === undefined) giveUp.abort();
      await open?.close();
      await running;
    },
    get traffic() {
      const now = countWire();
      return { in: before.in + now.in, out: before.out + now.out };
    },
    onUp: () => {}, onDown: () => {}, onDrain: () => {}, onMessage: (_topic, _payload, done) => done(),
  };

  /** Says something to a person, once. */
  function tell(kind: string, text: string): void {
    if (told.has(kind) || told.size >= TOLD) return;
    told.add(kind);
    options.notice?.(text);
  }

  /** One connection from dialling to its end. Gives the reason, how long it was up, and what is to blame. */
  async function attempt(version: 4 | 5): Promise<{ reason: string; heldMs: number; blame: Blame }> {
    let since: number | undefined;
    try {
      // Loaded first: a socket that closes while nobody listens to it would never be seen to close.
      const Client = await loadClient();
      const socket = await dialBroker(address, folder, giveUp.signal, (wire) => {
        countWire = () => ({ in: wire.bytesRead, out: wire.bytesWritten });
      });
      if (closed) {
        socket.stream.destroy();
        return { reason: 'closed here', heldMs: 0, blame: NOTHING };
      }
      return await new Promise((resolve) => {
        connection = brokerConnection(Client, socket, { address, version, clientId: options.clientId, will, wanted, taking: options.taking }, {
          onUp() {
            since = performance.now();
            payloadBytes = connection!.payloadBytes;
            broker.onUp();
          },
          onDrain: () => broker.onDrain(),
          onMessage: (topic, payload, done, retained) => broker.onMessage(topic, payload, done, retained),
          // One kind of topic: all but the last level.
          onRefused: (topic, why) => tell(`publish ${topic.replace(/\/[^/]*$/, '')} ${why}`, `a message on ${topic} was refused: ${why}`),
          onUngranted: (filter, why) => tell(`subscribe ${filter} ${why}`, `the subscription to ${filter} was refused: ${why}`),
          onEnd: (reason, blame) => resolve({ reason, heldMs: since === undefined ? 0 : performance.now() - since, blame }),
        });
      });
    } catch (error) {
      return { reason: error instanceof Error ? error.message : String(error), heldMs: 0, blame: NOTHING };
    } finally {
      const now = countWire();
      countWire = () => ({ in: 0, out: 0 });
      before.in += now.in;
      before.out += now.out;
      connection = undefined;
    }
  }

  async function run(): Promise<void> {
    let pause = PAUSE_MS;
    while (!closed) {
      let version = address.version ?? (performance.now() < oldUntil ? 4 : 5);
      let end = await attempt(version);
      if (!closed && end.blame.will && will !== undefined) {
        will = undefined;
        end = await attempt(version);
      }
      if (!closed && version === 5 && address.version === undefined && end.blame.version) {
        version = 4;
        const older = await attempt(version);
        // A bad link hangs up too: only a connection that holds shows that the version was to blame.
        if (older.heldMs > (end.blame.sure ? 0 : HELD_MS)) oldUntil = performance.now() + (end.blame.sure ? OLD_SURE_MS : OLD_GUESS_MS);
        end = older;
      } else if (version === 4 && end.heldMs === 0) oldUntil = 0;
      if (closed) return;
      broker.onDown(end.reason);
      if (options.once === true) return;
      if (end.heldMs > 0) pause = end.heldMs >= HELD_MS ? PAUSE_MS : Math.min(pause, PAUSE_GRANTED_MS);
      await sleep(pause * (0.5 + options.random()));
      pause = Math.min(PAUSE_MOST_MS, pause * 2);
    }
  }

  function sleep(ms: number): Promise<void> {
    if (closed) return Promise.resolve();
    return new Promise((resolve) => {
      const timer = setTimeout(resolve, ms);
      wake = () => {
        clearTimeout(timer);
        resolve();
      };
    });
  }

  const running = Promise.resolve().then(run);
  return broker;
}
