// The fan-out of one process at one broker, without input or output of its own: messages, answers and the time go in, messages, questions and sessions come out.

import type { Bytes } from '../ports.ts';
import { base64url, equal, hex, unhex } from '../event/bytes.ts';
import type { Segment } from '../event/segment.ts';
import type { Running } from './fanout-calls.ts';
import { Calls } from './fanout-calls.ts';
import type { Ended, FanoutOptions, FanoutOutput } from './fanout-host.ts';
import { CLEAR_MS, REVIEW_MS, SILENT_MS } from './fanout-bounds.ts';
import { covers, isSigned, readHead } from './fanout-head.ts';
import { Headline } from './fanout-headline.ts';
import { Intake } from './fanout-intake.ts';
import { Members, type Member } from './fanout-members.ts';
import { Outbox } from './fanout-outbox.ts';
import { Repair } from './fanout-repair.ts';
import { Siblings } from './fanout-siblings.ts';
import { envelopeOf, type Envelope } from './fanout-seal.ts';
import { States } from './fanout-states.ts';
import type { Place } from './fanout-topics.ts';
import type { Admitted } from './host.ts';

/** One process at one broker. Every input may produce outputs: drain `next()` after each, and look at `deadline`. No input throws. */
export class Fanout {
  readonly members: Members;
  readonly calls: Calls;
  readonly states: States;
  readonly siblings: Siblings;
  readonly intake: Intake;
  readonly outbox = new Outbox();
  readonly options: FanoutOptions;
  /** Heads that were counted and ignored. */
  badHeads = 0;
  up = false;
  readonly #outputs: FanoutOutput[] = [];
  readonly #envelope: Envelope;
  readonly #headline: Headline;
  readonly #repair: Repair;
  #payloadBytes = 0;
  #reviewAt = Infinity;
  #twin = false;

  constructor(options: FanoutOptions) {
    this.options = options;
    const { host, instance, interest, topics, shared } = options;
    this.members = new Members(() => host.random.bytes(1)[0]! / 256, interest);
    this.siblings = new Siblings(shared, topics.level, instance);
    this.intake = new Intake(host.crypto);
    this.states = new States(host.crypto, interest, host.prints);
    this.#envelope = envelopeOf(host.crypto, host.random, host.fleet);
    this.#headline = new Headline({ node: host.node, instance, interest, ...(shared && { shared }) }, host.fleet, host.sign, host.random);
    this.calls = new Calls(instance, host.random, {
      say: (peer, plain) => { if (this.up) this.outbox.say({ topic: options.topics.to(unhex(peer)), plain, retain: false }); },
      begin: (running) => this.#begin(running),
      datagram: (session, bytes) => this.#outputs.push({ kind: 'datagram', session, bytes }),
      drop: (session) => this.#outputs.push({ kind: 'drop', session }),
      busy: (peer, level, ms, others, now) => this.#repair.busy(peer, level, ms, others, now),
      silent: (peer, level, now) => this.#repair.silent(peer, level, now),
      equals: () => this.#repair.equals(),
      useless: (peer, level, now) => this.#repair.useless(peer, level, now),
    });
    this.#repair = new Repair(this, (tips) => this.#outputs.push({ kind: 'lacking', tips }));
  }

  /** The connection is there; `payloadBytes`: the largest payload. */
  connected(payloadBytes: number, now: number): void {
    this.up = true;
    this.#payloadBytes = payloadBytes;
    this.#headline.up(now, this.options.hasty);
    this.calls.again(now);
    this.#work(now);
  }

  /** It is gone: what waits is left to repair. */
  gone(): void {
    this.up = false;
    this.outbox.clear();
    this.#repair.stir();
  }

  /** A message of the broker; `message` is named in `dealt`. */
  message(topic: string, payload: Bytes, message: number, now: number): void {
    const place = this.options.topics.read(topic);
    const waits = place !== undefined && (payload.length ? this.#sealed(place, topic, payload, message, now) : this.#cleared(place));
    if (!waits) this.#outputs.push({ kind: 'dealt', message });
    this.#work(now);
  }

  /** True when the message waits for the door. */
  #sealed(place: Place, topic: string, payload: Bytes, message: number, now: number): boolean {
    const { topics, shared } = this.options, { level } = place;
    // What siblings write is in the store before it is wanted; a copy is met in sessions.
    if (shared && place.kind === 's' && level === topics.level) return false;
    // Levels cost nothing to make up: those that are not known share one budget.
    const payer = this.members.knows(level) || level === topics.level ? level : '';
    // What is directed at this process belongs to sessions that have bounds of their own.
    if (place.kind !== 'to' && level !== topics.level && !this.intake.within(payer, now)) return false;
    const plain = this.#envelope.open(topics.inner(topic), payload);
    if (!plain) {
      this.intake.counts.refused++; // of a stranger: he can put it below any level, so nobody is charged for it
      return false;
    }
    switch (place.kind) {
      case 's': return this.intake.take(plain, level, payer, place.last, message, now, topics);
      case 'h': this.#head(place, payer, plain, now); return false;
      case 'to': this.#repair.stir(); if (place.last === base64url(this.options.instance) && !this.calls.take(level, plain, now)) this.intake.refuse(payer, now); return false;
    }
  }

  #head(place: Place, payer: string, plain: Bytes, now: number): void {
    const { host, topics, instance } = this.options;
    let read: ReturnType<typeof readHead>;
    try {
      read = readHead(plain);
    } catch {
      this.#badHead(payer, now);
      return;
    }
    const { head } = read;
    if (topics.levelOf(head.node) !== place.level || base64url(head.instance) !== place.last) return this.#badHead(payer, now);
    if (equal(head.instance, instance)) {
      if (!equal(head.node, host.node)) return this.#badHead(payer, now); // of another node it is a lie
      if (!this.#twin && this.#headline.isTwin(head.sequence, plain) && isSigned(host.crypto, host.fleet, read)) {
        this.#twin = true;
        this.#outputs.push({ kind: 'twin' });
      }
      return;
    }
    const known = this.members.get(hex(head.instance), place.level);
    if (known && head.sequence <= known.head.sequence) return; // a late or repeated one
    if (!isSigned(host.crypto, host.fleet, read)) return this.#badHead(payer, now);
    const member = this.members.heard(place.level, head, host.standing(head.node) === 'member', now);
    this.#repair.look(member, now);
  }

  #badHead(payer: string, now: number): void {
    this.badHeads++;
    this.intake.refuse(payer, now);
  }

  /** A retained message was cleared: a process has left. */
  #cleared(place: Place): false {
    if (place.kind !== 'h') return false;
    const { topics, instance } = this.options;
    if (place.level === topics.level && place.last === base64url(instance)) {
      this.#headline.again(); // somebody took us for dead
      return false;
    }
    for (const member of this.members.all()) if (member.level === place.level && base64url(unhex(member.name)) === place.last) this.members.remove(member);
    return false;
  }

  /** Own live segments, as they are sealed. */
  sealed(segments: Segment[], now: number): void {
    const { host, topics, interest } = this.options;
    for (const segment of segments) {
      const { stream } = segment.header;
      if (!covers(interest, stream)) continue;
      if (!this.up) this.outbox.left++;
      else if (this.outbox.add(topics.segments(stream), segment, host.priority(stream), this.#payloadBytes)) this.intake.fresh(segment.bytes);
      else this.#headline.soon();
    }
    this.#work(now);
  }

  /** The frontier of some streams changed. */
  changed(streams: Iterable<string>, now: number): void {
    const before = this.states.changedAt;
    this.states.changed(streams, now);
    if (this.states.changedAt === before) return;
    this.#headline.changed(this.members.size);
    this.#repair.changed(now);
    this.#work(now);
  }

  /** The door's answer; undefined: it failed, and nothing was taken. */
  admitted(outcomes: Admitted[] | undefined, now: number): void {
    const { messages, gaps } = this.intake.answered(outcomes, now);
    for (const message of messages) this.#outputs.push({ kind: 'dealt', message });
    for (const { level, tip } of gaps) this.#repair.gap(level, tip, now);
    this.#work(now);
  }

  /** The answer to `lacking`. */
  lacks(answers: boolean[], now: number): void {
    this.#repair.answered(answers, now);
    this.#work(now);
  }

  /** The answer to the question for siblings: names of processes; undefined: it could not be said. */
  siblingsAre(names: Bytes[] | undefined, now: number): void {
    this.siblings.answered(names, this.members.all(), now);
    for (const member of this.members.all()) if (member.level === this.options.topics.level) this.#repair.look(member, now);
    this.#work(now);
  }

  /** A session is over. */
  ended(session: string, how: Ended, now: number): void {
    const running = this.calls.ended(session);
    if (running) {
      if (how.moved) this.#headline.soon(); else this.#headline.again(); // where nothing was missing, a head was
      this.#repair.ended(running, how, now);
    }
    this.#work(now);
  }

  /** A datagram of a session as a message for the broker, sealed. */
  carry(session: string, datagram: Bytes): { topic: string; payload: Bytes } | undefined {
    const running = this.calls.get(session);
    if (!running) return undefined;
    const topic = this.options.topics.to(unhex(running.peer));
    return { topic, payload: this.#seal(topic, this.calls.data(session, datagram)) };
  }

  #seal(topic: string, plain: Bytes): Bytes {
    return plain.length ? this.#envelope.seal(this.options.topics.inner(topic), plain) : plain;
  }

  tick(now: number): void { this.#work(now); }

  /** Asks for the orderly end of a session. */
  leave(session: string): void { this.#outputs.push({ kind: 'leave', session }); }

  #begin(running: Running): void {
    const member = this.members.get(running.peer, running.level);
    if (member) member.lively = true;
    this.#reviewAt = Math.min(this.#reviewAt, running.since + REVIEW_MS);
    this.#outputs.push({ kind: 'begin', running });
  }

  /** Does what is due. */
  #work(now: number): void {
    const { host, topics, instance } = this.options;
    if (this.up) {
      this.calls.tick(now);
      if (this.#headline.deadline <= now) {
        const tips = host.tips().filter((tip) => covers(this.options.interest, tip.stream)).map((tip) => ({ stream: tip.stream, log: tip.log, position: tip.to, e: tip.after }));
        const plain = this.#headline.next(now, tips, this.states.show());
        if (plain) this.outbox.say({ topic: topics.head(instance), plain, retain: true });
      }
      if (this.siblings.asks(this.members.all(), now)) this.#outputs.push({ kind: 'siblings' });
      this.#tidy(now);
      this.#repair.work(now);
    }
    if (this.#reviewAt <= now) this.#reviewAt = this.#repair.review(now);
    const segments = this.intake.batch();
    if (segments) this.#outputs.push({ kind: 'admit', segments });
  }

  /** Heads of processes of this node that are dead are cleared; processes that fell silent long ago are forgotten. */
  #tidy(now: number): void {
    const { topics } = this.options;
    for (const member of [...this.members.all()]) {
      if (this.#dead(member) <= now) {
        this.members.remove(member);
        this.outbox.say({ topic: topics.head(unhex(member.name)), plain: new Uint8Array(0), retain: true });
      } else if (this.#silentAt(member) <= now) this.members.remove(member);
    }
  }

  /** When a process counts as dead whose head this node may clear. */
  #dead(member: Member): number {
    return this.siblings.isStrange(member) && !member.lively ? member.heardAt + CLEAR_MS : Infinity;
  }

  /** When a process that says nothing any more is forgotten. */
  #silentAt(member: Member): number { return this.calls.with(member.name) ? Infinity : member.heardAt + SILENT_MS; }

  /** The next output. Without `room` nothing is published for now. */
  next(room = true): FanoutOutput | undefined {
    const first = this.#outputs.shift();
    if (first) return first;
    const out = room && this.up ? this.outbox.next() : undefined;
    return out && { kind: 'publish', topic: out.topic, payload: this.#seal(out.topic, out.plain), retain: out.retain };
  }

  /** When to call `tick`, or undefined. */
  get deadline(): number | undefined {
    let at = this.#reviewAt;
    if (this.up) {
      at = Math.min(at, this.calls.deadline, this.#headline.deadline, this.#repair.deadline, this.siblings.due(this.members.all()));
      for (const member of this.members.all()) at = Math.min(at, this.#dead(member), this.#silentAt(member));
    }
    return at === Infinity ? undefined : at;
  }

  /** What clears the own head, for the end. */
  farewell(): { topic: string; payload: Bytes; retain: true } {
    return { topic: this.options.topics.head(this.options.instance), payload: new Uint8Array(0), retain: true };
  }

  /** How others stand: `equal` by their last head, `behind` or differing; `items`: how many fewer their frontier has. */
  stands(now: number): { node: Bytes; instance: string; heardAgo: number; state: 'equal' | 'late' | 'other'; items: number; session: boolean; deaf?: string }[] {
    return [...this.members.all()].filter((m) => !this.siblings.isSpared(m)).map((m) => ({
      node: m.head.node, instance: m.name, heardAgo: now - m.heardAt, state: this.standOf(m, now), items: this.states.beyond(m.head), session: this.calls.with(m.name), ...(m.deaf && { deaf: m.deaf }),
    }));
  }

  /** How one stands: what was found by a session counts until its head says otherwise. */
  standOf(member: Member, now: number): 'equal' | 'late' | 'other' { return this.states.judge(member.head, now); }
}
