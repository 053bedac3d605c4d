// Sessions over a broker: each is an ordinary connection of the node over a reliable link made of directed messages.
import type { Broker } from './ports.ts';
import type { Node } from './node.ts';
import type { Connection, SyncReport } from './node-connection.ts';
import type { Ended } from './sync/fanout-host.ts';
import type { Fanout } from './sync/fanout.ts';
import type { Running } from './sync/fanout-calls.ts';
import { codeOf } from './fault.ts';
import { arq, type Arq } from './carry/arq.ts';
import { arqLink } from './carry/arq-link.ts';
import type { ArqLink } from './carry/arq-link.ts';

/** Datagrams aim at this size where the broker takes it; what they and the seal add; bytes that may be on their way in one session. */
const DATAGRAM_BYTES = 16_384, DIRECTED_BYTES = 64, WINDOW_BYTES = 262_144;
/** After so long without a datagram the peer may have been away: what it did not acknowledge is sent again as soon as it is heard, not when a timer that has grown says so. */
const AWAY_MS = 1_000;
/** Frames of a session: several to a segment, so that talk overtakes it. */
const FRAME_BYTES = 32_768;

/** One session over the broker. */
interface Carried { running: Running; end: Arq; link: ArqLink; connection: Connection; how: Ended | undefined; over: boolean; gone: boolean; dirty: boolean; heardAt: number }

/** What all sessions of this process over one broker did. */
export interface SessionTotals { ended: number; failed: number; sent: number; received: number }

/** The sessions of one process over one broker. */
export class BrokerSessions {
  readonly totals: SessionTotals = { ended: 0, failed: 0, sent: 0, received: 0 };
  /** When (uptime) a session last brought something here. */
  broughtAt = -Infinity;
  readonly #node: Node;
  readonly #broker: Broker;
  readonly #engine: Fanout;
  readonly #publish: (topic: string, payload: Uint8Array) => boolean;
  readonly #all = new Map<string, Carried>();

  /** `publish`: false when the broker takes no more for now. */
  constructor(node: Node, broker: Broker, engine: Fanout, publish: (topic: string, payload: Uint8Array) => boolean) {
    this.#node = node;
    this.#broker = broker;
    this.#engine = engine;
    this.#publish = publish;
  }

  get size(): number { return this.#all.size; }
  /** Events moved by sessions that run. */
  moved(): { sent: number; received: number } {
    const out = { sent: this.totals.sent, received: this.totals.received };
    for (const { connection } of this.#all.values()) {
      const r = connection.report();
      out.sent += r.sent;
      out.received += r.received;
    }
    return out;
  }
  traffic(session: string): number {
    const link = this.#all.get(session)?.link;
    return link ? link.traffic.in + link.traffic.out : 0;
  }

  /** Starts one. */
  begin(running: Running, interest: string[] | null): void {
    const { clock, random, wake } = this.#node.options, { session, role } = running;
    const end = arq({ role, now: clock.uptime(), random, mtu: this.#mtu(), window: WINDOW_BYTES });
    const link = arqLink(end, {
      send: (datagram) => {
        const carried = this.#all.get(session), message = carried?.gone ? undefined : this.#engine.carry(session, datagram);
        return message ? this.#publish(message.topic, message.payload) : true;
      },
      wake: () => {
        const carried = this.#all.get(session);
        if (carried) carried.dirty = true;
        wake();
      },
      ended: () => {
        const carried = this.#all.get(session);
        if (carried) { carried.over = true; this.#finish(carried); }
      },
    }, { name: this.#broker.manifest.name, frameBytes: FRAME_BYTES, thin: false });
    const carried = { running, end, link, how: undefined, over: false, gone: false, dirty: true, heardAt: clock.uptime() } as Omit<Carried, 'connection'> as Carried;
    this.#all.set(session, carried);
    try {
      carried.connection = this.#node.connect(link, role, { once: true, ...(interest && { interest }) });
    } catch (error) {
      // The node is closing, or its disk has failed.
      this.#all.delete(session);
      this.#engine.ended(session, { equal: false, moved: false, code: codeOf(error) }, clock.uptime());
      return;
    }
    if (!this.#broker.up) link.away();
    const told = (report: SyncReport, code?: string): void => {
      // What was sent moved something only if it arrived: two sides that cannot agree send the same again each time.
      carried.how = { equal: report.equal, moved: report.received > 0 || (report.equal && report.sent > 0), code };
      if (code === undefined) this.totals.ended++; else this.totals.failed++;
      this.totals.sent += report.sent;
      this.totals.received += report.received;
      if (report.received) this.broughtAt = clock.uptime();
      this.#finish(carried);
      wake();
    };
    carried.connection.done.then((report) => told(report), (error: unknown) => told(carried.connection.report(), codeOf(error)));
  }

  /** Both the session and its link are over. */
  #finish(carried: Carried): void {
    const { session } = carried.running;
    if (!carried.how || !(carried.over || carried.gone) || !this.#all.delete(session)) return;
    this.#engine.ended(session, carried.how, this.#node.options.clock.uptime());
  }

  datagram(session: string, bytes: Uint8Array): void {
    const carried = this.#all.get(session);
    if (!carried) return;
    const now = this.#node.options.clock.uptime();
    carried.link.datagram(bytes, now);
    if (now - carried.heardAt >= AWAY_MS && this.#broker.up) carried.link.back(now);
    carried.heardAt = now;
    carried.dirty = true;
  }

  /** The peer has left this session: nothing more is said. */
  drop(session: string, why: string): void {
    const carried = this.#all.get(session);
    if (!carried || carried.gone) return;
    carried.gone = true;
    carried.link.onClose(why);
    this.#finish(carried);
  }

  /** Ends one in order. */
  leave(session: string): void { this.#all.get(session)?.connection.close(); }

  away(): void { for (const { link } of this.#all.values()) link.away(); }
  /** The connection is back, and may take other sizes. */
  back(now: number): void {
    for (const carried of this.#all.values()) {
      carried.end.resize(this.#mtu());
      carried.link.back(now);
      carried.dirty = true;
    }
  }
  #mtu(): number { return Math.max(256, Math.min(DATAGRAM_BYTES, this.#broker.payloadBytes - DIRECTED_BYTES)); }
  /** The broker takes more. */
  roomy(now: number): void { for (const { link } of [...this.#all.values()]) link.roomy(now); }

  /** Moves what is due; when to be called again. */
  tick(now: number): number {
    for (const carried of [...this.#all.values()]) {
      if (carried.dirty || (carried.link.deadline ?? Infinity) <= now) {
        carried.dirty = false;
        carried.link.pump(now);
      }
    }
    let at = Infinity;
    for (const { link, dirty } of this.#all.values()) at = Math.min(at, dirty ? now : link.deadline ?? Infinity);
    return at;
  }

  /** Says goodbye on all of them, without waiting for answers. */
  close(now: number): void {
    for (const carried of [...this.#all.values()]) {
      carried.connection.close();
      carried.link.pump(now);
      this.drop(carried.running.session, 'closed here');
    }
  }
}
