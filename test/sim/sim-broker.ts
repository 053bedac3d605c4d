// A simulated broker of publish and subscribe: it loses, repeats, reorders, delays, replays and forgets, cuts its clients off and restarts, as chance will have it.

import type { Broker, Bytes } from '../../src/ports.ts';
import type { Chance } from './chance.ts';
import type { Timeline } from './timeline.ts';
import { sketch, type Trace } from './trace.ts';

/** What a broker is like. Rates are per message; times in ms. */
export interface Temper { name: string; latency: number; jitter: number; lose: number; repeat: number; late: number; replay: number; payloadBytes: number; queue: number }

/** Kinds of brokers that worlds are made of. */
export const TEMPERS: Readonly<Record<'good' | 'rough' | 'narrow', Temper>> = {
  good: { name: 'good', latency: 5, jitter: 5, lose: 0, repeat: 0, late: 0, replay: 0, payloadBytes: 262_144, queue: 1_000 },
  rough: { name: 'rough', latency: 30, jitter: 80, lose: 0.05, repeat: 0.05, late: 0.05, replay: 0.05, payloadBytes: 131_072, queue: 40 },
  narrow: { name: 'narrow', latency: 200, jitter: 200, lose: 0.01, repeat: 0.01, late: 0.02, replay: 0, payloadBytes: 2_048, queue: 100 },
};

/** Messages handed out and not done, and bytes on their way to the broker before a client is told to wait. */
const PLACES = 64, WINDOW_BYTES = 524_288, WINDOW_MOST = 1_048_576;
/** Messages kept for replays. */
const TAPE = 200;

/** The broker: clients come and go. */
export class SimBroker {
  readonly clients = new Set<SimClient>();
  readonly retained = new Map<string, Bytes>();
  temper: Temper;
  up = true;
  /** It knows shared subscriptions. */
  sharing = true;
  /** Messages that came in, and bytes of them. */
  published = 0;
  publishedBytes = 0;
  readonly label: string;
  readonly timeline: Timeline;
  readonly chance: Chance;
  readonly trace: Trace;
  readonly #tape: { topic: string; payload: Bytes }[] = [];

  constructor(label: string, temper: Temper, timeline: Timeline, chance: Chance, trace: Trace) {
    this.label = label;
    this.temper = temper;
    this.timeline = timeline;
    this.chance = chance.branch(`broker/${label}`);
    this.trace = trace;
  }

  /** A message has come in from a client, or by a bridge. */
  accept(topic: string, payload: Bytes, retain: boolean): void {
    const { chance, temper } = this;
    this.published++;
    this.publishedBytes += payload.length;
    if (chance.hit(temper.lose)) { this.trace.note('lost', this.label, topic); return; }
    if (retain) { if (payload.length) this.retained.set(topic, payload.slice()); else this.retained.delete(topic); }
    if (payload.length) { this.#tape.push({ topic, payload: payload.slice() }); if (this.#tape.length > TAPE) this.#tape.shift(); }
    this.#hand(topic, payload);
    if (this.#tape.length && chance.hit(temper.replay)) {
      const old = chance.pick(this.#tape);
      this.#hand(old.topic, old.payload);
    }
  }

  /** To all who want it, and to one of each group that shares it: of those, chance may choose one that is about to go. */
  #hand(topic: string, payload: Bytes): void {
    const groups = new Map<string, SimClient[]>();
    for (const client of [...this.clients]) {
      if (!client.up) continue;
      if (client.wants(topic)) client.offer(topic, payload);
      const group = client.shares(topic);
      if (group !== undefined) groups.set(group, [...groups.get(group) ?? [], client]);
    }
    for (const clients of groups.values()) this.chance.pick(clients).offer(topic, payload);
  }

  /** Restarts: everybody is cut off for `ms`. `forget`: retained messages are gone. */
  restart(ms: number, forget: boolean): void {
    this.trace.note('restart', this.label, forget);
    this.up = false;
    for (const client of [...this.clients]) client.cut(false);
    if (forget) this.retained.clear();
    this.timeline.after(ms, () => { this.up = true; });
  }
}

/** One client's side: the Broker port. */
export class SimClient implements Broker {
  readonly manifest: { readonly name: string };
  readonly traffic = { in: 0, out: 0 };
  up = false;
  onUp: () => void = () => {};
  onDown: (reason: string) => void = () => {};
  onDrain: () => void = () => {};
  onMessage: (topic: string, payload: Bytes, done: () => void) => void = (_t, _p, done) => done();
  /** Whether it may connect now. */
  reachable: () => boolean = () => true;
  readonly id: string;
  /** Most bytes that it kept waiting at once. */
  most = 0;
  readonly #broker: SimBroker;
  readonly #will: string | undefined;
  readonly #chance: Chance;
  #filters: string[] = [];
  #shared: { group: string; filters: string[] } | undefined;
  #closed = false;
  #connection = 0;
  #waiting = 0;
  #blocked = false;
  #out: { topic: string; payload: Bytes }[] = [];
  #given = 0;
  #last = 0;

  constructor(broker: SimBroker, label: string, o: { clientId: string; will?: { topic: string } }) {
    this.#broker = broker;
    this.id = o.clientId;
    this.#will = o.will?.topic;
    this.manifest = { name: `${broker.label}:${label}` };
    this.#chance = broker.chance.branch(`client/${label}/${broker.trace.lines}`);
    this.#later(this.#chance.int(1, 300));
  }

  get payloadBytes(): number { return this.#broker.temper.payloadBytes; }

  #later(ms: number): void { this.#broker.timeline.after(ms, () => this.#connect()); }

  #connect(): void {
    if (this.#closed || this.up) return;
    if (!this.#broker.up || !this.reachable()) return this.#later(this.#chance.int(500, 5_000));
    for (const other of [...this.#broker.clients]) if (other.id === this.id) other.cut(true); // taken over
    this.up = true;
    this.#connection++;
    this.#broker.clients.add(this);
    this.#broker.trace.note('connected', this.manifest.name);
    for (const [topic, payload] of this.#broker.retained) if (this.wants(topic)) this.offer(topic, payload);
    this.onUp();
  }

  wants(topic: string): boolean { return matches(topic, this.#filters); }

  /** The group with which it shares a topic. */
  shares(topic: string): string | undefined { return this.#shared && matches(topic, this.#shared.filters) ? this.#shared.group : undefined; }

  subscribe(filters: string[], shared?: { group: string; filters: string[] }): void {
    // A broker of MQTT 3.1.1 shares nothing.
    const { sharing } = this.#broker;
    this.#filters = sharing ? filters : [...filters, ...shared?.filters ?? []];
    this.#shared = sharing ? shared : undefined;
    if (this.up) for (const [topic, payload] of this.#broker.retained) if (this.wants(topic)) this.offer(topic, payload);
  }

  publish(topic: string, payload: Bytes, retain: boolean): boolean {
    if (payload.length > this.payloadBytes) throw new Error(`${this.manifest.name}: a payload of ${payload.length} bytes`);
    if (topic.split('/').length > 8) throw new Error(`a topic of too many levels: ${topic}`);
    if (!this.up || this.#closed || this.#waiting > WINDOW_MOST) return false;
    const { timeline, temper, trace } = this.#broker, connection = this.#connection, before = sketch(payload);
    trace.note('publish', this.manifest.name, topic, payload.length, before);
    this.#waiting += payload.length + 64;
    this.most = Math.max(this.most, this.#waiting);
    this.traffic.out += payload.length + topic.length + 4;
    this.#last = Math.max(this.#last, timeline.now + temper.latency + this.#chance.unit() * temper.jitter);
    timeline.after(this.#last - timeline.now, () => {
      if (connection !== this.#connection || !this.up) return;
      if (sketch(payload) !== before) throw new Error(`${this.manifest.name}: a payload was changed after it was published`);
      this.#broker.accept(topic, payload.slice(), retain);
      this.#waiting -= payload.length + 64;
      if (!this.#blocked || this.#waiting > WINDOW_BYTES / 2) return;
      this.#blocked = false;
      this.onDrain();
    });
    this.#blocked ||= this.#waiting > WINDOW_BYTES;
    return !this.#blocked;
  }

  /** A message for this client. */
  offer(topic: string, payload: Bytes): void {
    const { temper, timeline } = this.#broker, chance = this.#chance, connection = this.#connection;
    for (let n = chance.hit(temper.repeat) ? 2 : 1; n > 0; n--) {
      if (this.#out.length >= temper.queue) { this.#broker.trace.note('full', this.manifest.name); return; }
      const message = { topic, payload };
      const wait = temper.latency + chance.unit() * temper.jitter + (chance.hit(temper.late) ? chance.int(100, 10_000) : 0);
      timeline.after(wait, () => {
        if (connection !== this.#connection || !this.up) return;
        this.#out.push(message);
        this.#hand();
      });
    }
  }

  #hand(): void {
    while (this.#given < PLACES && this.#out.length && this.up) {
      const { topic, payload } = this.#out.shift()!, connection = this.#connection;
      this.#given++;
      this.traffic.in += payload.length + topic.length + 4;
      let done = false;
      this.onMessage(topic, payload.slice(), () => {
        if (done) throw new Error(`${this.manifest.name}: a message was done twice`);
        done = true;
        if (connection !== this.#connection) return;
        this.#given--;
        this.#broker.timeline.after(0, () => { if (connection === this.#connection) this.#hand(); });
      });
    }
  }

  /** The connection breaks; the will follows at once or when the broker notices. `ms`: until it is tried again. */
  cut(will = true, ms = this.#chance.int(100, 3_000)): void {
    if (!this.up) return;
    this.#gone(will);
    this.#later(ms);
    this.#broker.timeline.after(0, () => { if (!this.#closed) this.onDown('the connection broke'); });
  }

  /** This process is gone without a word. */
  vanish(): void {
    this.#closed = true;
    this.onUp = this.onDown = this.onDrain = () => {};
    this.onMessage = (_t, _p, done) => done();
    if (this.up) this.#gone(true);
  }

  #gone(will: boolean): void {
    const broker = this.#broker, topic = this.#will;
    this.up = false;
    this.#connection++;
    this.#waiting = this.#given = 0;
    this.#out = [];
    this.#blocked = false;
    broker.clients.delete(this);
    if (will && topic !== undefined) broker.timeline.after(this.#chance.hit(0.5) ? 0 : this.#chance.int(1_000, 90_000), () => { if (broker.up) broker.accept(topic, new Uint8Array(0), true); });
  }

  async close(): Promise<void> {
    if (this.#closed) return;
    this.#closed = true;
    // What was published arrives.
    await this.#broker.timeline.sleep(Math.max(0, this.#last - this.#broker.timeline.now) + 1);
    if (this.up) this.#gone(false);
  }
}

function matches(topic: string, filters: string[]): boolean {
  const parts = topic.split('/');
  return filters.some((filter) => { const f = filter.split('/'); return f.length === parts.length && f.every((level, i) => level === '+' || level === parts[i]); });
}
