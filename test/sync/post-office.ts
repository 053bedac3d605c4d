// Fan-outs without nodes around them: engines over toy hosts, and a broker that is a list of messages, for tests that look at single messages.

import { hex } from '../../src/event/bytes.ts';
import type { Segment } from '../../src/event/segment.ts';
import { Fingerprints } from '../../src/log/fingerprint.ts';
import type { Bytes, Crypto } from '../../src/ports.ts';
import { Fanout } from '../../src/sync/fanout.ts';
import type { FanoutOutput } from '../../src/sync/fanout-host.ts';
import { topicsOf } from '../../src/sync/fanout-topics.ts';
import { bytesOf, crypto, FLEET, ToyHost } from './toy-host.ts';

/** One message at the broker. */
export interface Letter { from: string; topic: string; payload: Bytes; retain: boolean }

/** One process: a toy node and its fan-out. What it asks of the door is answered at once. */
export class Process {
  readonly host: ToyHost;
  readonly fanout: Fanout;
  readonly name: string;
  /** Signature checks of this process. */
  verified = 0;
  sessions = new Map<string, { role: 'open' | 'accept'; peer: string; got: Bytes[] }>();
  dropped: string[] = [];
  dealt = 0;
  twins = 0;
  /** What is answered when it asks who its siblings are, and how often it did. */
  siblings: Bytes[] | undefined = [];
  asked = 0;
  admitted: Segment[] = [];
  /** The broker takes messages. */
  room = true;
  private readonly office: PostOffice;
  private letters = 0;

  constructor(office: PostOffice, name: string, o: { node?: string; interest?: string[] | null; instance?: Bytes; fleet?: Bytes; shared?: boolean; host?: ToyHost }) {
    this.office = office;
    this.name = name;
    const host = (this.host = o.host ?? new ToyHost(o.node ?? name)), fleet = o.fleet ?? FLEET;
    const counting: Crypto = { ...crypto, verify: (...args) => { this.verified++; return crypto.verify(...args); } };
    let prints = new Fingerprints(crypto, []);
    host.listeners.add((change) => { prints.apply(change as never); this.fanout.changed(new Set([...change.added, ...change.removed].map((i) => i.stream)), office.now); this.pump(); });
    prints = new Fingerprints(crypto, host.items() as never);
    this.fanout = new Fanout({
      topics: topicsOf(crypto, fleet, host.node, 'hf'), instance: o.instance ?? bytesOf(`instance ${name}`, 8), interest: o.interest ?? null, hasty: false, shared: o.shared === true, now: office.now,
      host: {
        crypto: counting, random: host.random, fleet, node: host.node, sign: (m) => host.sign(m), priority: (s) => host.priority(s), prints: () => prints.all(),
        tips: () => host.items().filter((i) => i.kind === 0 && hex(i.node) === hex(host.node)), standing: (node) => host.standings.get(hex(node)) ?? 'member', traffic: () => 0,
      },
    });
  }

  /** Does what the engine says. */
  pump(): void {
    for (let out = this.fanout.next(this.room); out; out = this.fanout.next(this.room)) this.act(out);
  }

  private act(out: FanoutOutput): void {
    const { now } = this.office;
    switch (out.kind) {
      case 'publish': this.office.post({ from: this.name, topic: out.topic, payload: out.payload, retain: out.retain }); break;
      case 'admit': this.admitted.push(...out.segments); this.fanout.admitted(this.host.answer({ kind: 'admit', segments: out.segments, peer: this.host.node }) as never, now); break;
      case 'dealt': this.dealt++; break;
      case 'lacking': this.fanout.lacks(this.host.answer({ kind: 'lacking', tips: out.tips as never }) as boolean[], now); break;
      case 'begin':
        this.sessions.set(out.running.session, { role: out.running.role, peer: out.running.peer, got: [] });
        if (this.office.eager && out.running.role === 'open') this.send(out.running.session, bytesOf('hello', 20));
        break;
      case 'datagram': this.sessions.get(out.session)?.got.push(out.bytes); break;
      case 'drop': this.dropped.push(out.session); this.over(out.session, false); break;
      case 'leave': this.over(out.session, true); break;
      case 'siblings': this.asked++; this.fanout.siblingsAre(this.siblings, now); break;
      case 'twin': this.twins++; break;
    }
  }

  /** A session of this process ends. */
  over(session: string, equal: boolean): void {
    this.sessions.delete(session);
    this.fanout.ended(session, { equal, moved: equal, ...(!equal && { code: 'link-closed' }) }, this.office.now);
    this.pump();
  }

  /** Sends a datagram in a session. */
  send(session: string, bytes: Bytes): void {
    const message = this.fanout.carry(session, bytes);
    if (message) this.office.post({ from: this.name, ...message, retain: false });
  }

  deliver({ topic, payload }: Pick<Letter, 'topic' | 'payload'>): void {
    this.fanout.message(topic, payload.slice(), ++this.letters, this.office.now);
    this.pump();
  }

  /** Writes an event and offers its segment, as a node does when it seals. */
  write(stream = 'telemetry', count = 1): Segment {
    const segment = this.host.write(stream, count);
    this.fanout.sealed([segment], this.office.now);
    this.pump();
    return segment;
  }

  up(payloadBytes = 262_144): void { this.fanout.connected(payloadBytes, this.office.now); this.pump(); }
}

/** The broker: letters wait until they are delivered. */
export class PostOffice {
  now = 1_000_000;
  /** Who opens a session sends a first datagram at once, as a real one does. */
  eager = false;
  /** Letters that the broker loses. */
  lost: (letter: Letter) => boolean = () => false;
  readonly processes: Process[] = [];
  readonly letters: Letter[] = [];
  /** All that was ever posted. */
  readonly log: Letter[] = [];

  process(name: string, o: { node?: string; interest?: string[] | null; instance?: Bytes; fleet?: Bytes; shared?: boolean; host?: ToyHost } = {}): Process {
    const process = new Process(this, name, o);
    this.processes.push(process);
    return process;
  }

  post(letter: Letter): void {
    this.letters.push(letter);
    this.log.push(letter);
  }

  /** Delivers what waits to all others (and to the sender: a broker of MQTT 3 does), and what that brings about. */
  deliver(): void {
    for (let n = 0; this.letters.length > 0; n++) {
      if (n > 10_000) throw new Error('letters without end');
      const letter = this.letters.shift()!;
      if (this.lost(letter)) continue;
      for (const process of this.processes) if (process.fanout.up && wants(process, letter.topic)) process.deliver(letter);
    }
  }

  /** Time passes; everybody does what is due, letters are delivered. */
  wait(ms: number): void {
    for (const end = this.now + ms; ;) {
      this.deliver();
      const at = Math.min(...this.processes.map((p) => p.fanout.deadline ?? Infinity));
      if (at > end) { this.now = end; return; }
      this.now = Math.max(this.now + 1, Math.ceil(at));
      for (const p of this.processes) if ((p.fanout.deadline ?? Infinity) <= this.now) { p.fanout.tick(this.now); p.pump(); }
    }
  }
}

function wants(process: Process, topic: string): boolean {
  const { topics, instance, interest } = process.fanout.options, levels = topic.split('/');
  return [...topics.filters(instance), ...topics.live(interest)].some((filter) => filter.split('/').every((level, i, all) => all.length === levels.length && (level === '+' || level === levels[i])));
}
