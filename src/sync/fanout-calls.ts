// Directed messages: who calls whom, who has room, and which datagram belongs to which session.

import type { Bytes, Random } from '../ports.ts';
import { compare, concat, hex, unhex } from '../event/bytes.ts';
import { ACCEPTED, ACCEPTED_OF_LEVEL, BEGIN_MS, BEGINNING, BUSY_MOST_MS, BUSY_MS, BUSY_NAMES, CALL_MS, CALL_TRIES, ENDED, OPENED } from './fanout-bounds.ts';

const CALL = 0, ANSWER = 1, BUSY = 2, DATA = 3, END = 4;
/** An answered call counts as taken up for so long; after that it may still begin, if there is room. */
const TAKEN_MS = 5_000;

/** A session that runs. Ids and instances in hex. */
export interface Running { readonly session: string; readonly peer: string; readonly level: string; readonly role: 'open' | 'accept'; readonly since: number }

/** What calls bring about. */
export interface CallEvents {
  /** A message to a process. */
  say(peer: string, plain: Bytes): void;
  begin(running: Running): void;
  datagram(session: string, bytes: Bytes): void;
  /** The peer has ended it, or begun another. */
  drop(session: string): void;
  /** It has no room for `ms`; `others` may. */
  busy(peer: string, level: string, ms: number, others: string[], now: number): void;
  /** It did not answer. */
  silent(peer: string, level: string, now: number): void;
  /** Processes that hold the same, for those there is no room for. */
  equals(): string[];
  /** Milliseconds for which a session with this process would bring nothing to anybody, for all that is known. */
  useless(peer: string, level: string, now: number): number;
}

interface Called { id: string; peer: string; level: string; tries: number; at: number }
interface Beginning { session: string; call: string; peer: string; level: string; at: number }

/** All calls and sessions of one process. */
export class Calls {
  readonly #own: string;
  readonly #random: Random;
  readonly #events: CallEvents;
  readonly #called = new Map<string, Called>();
  readonly #beginning = new Map<string, Beginning>();
  readonly #running = new Map<string, Running>();
  /** Sessions that are over, and with whom they were. */
  readonly #ended = new Map<string, string>();

  constructor(own: Bytes, random: Random, events: CallEvents) {
    this.#own = hex(own);
    this.#random = random;
    this.#events = events;
  }

  /** True when another call of our own may be made. */
  get room(): boolean { return this.#called.size + this.#count('open') < OPENED; }
  running(): IterableIterator<Running> { return this.#running.values(); }
  get(session: string): Running | undefined { return this.#running.get(session); }
  get size(): number { return this.#running.size; }

  /** True when there is a call to this process, or a session with it. */
  with(peer: string): boolean {
    return this.#called.has(peer) || [...this.#running.values()].some((r) => r.peer === peer);
  }

  /** True when another process of this node level was called, or is in a session; with `now` also when one was answered a moment ago. */
  meets(level: string, but: string, now = Infinity): boolean {
    const other = (one: { level: string; peer: string }): boolean => one.level === level && one.peer !== but;
    return [...this.#called.values(), ...this.#running.values()].some(other) || [...this.#beginning.values()].some((one) => other(one) && one.at + TAKEN_MS > now);
  }

  /** Asks a process for a session. */
  call(peer: string, level: string, now: number): void {
    const called: Called = { id: hex(this.#random.bytes(8)), peer, level, tries: 1, at: now };
    this.#called.set(peer, called);
    this.#ask(called);
  }

  #ask({ id, peer }: Called): void { this.#events.say(peer, message(CALL, id, unhex(this.#own))); }

  /** When `tick` is due, or Infinity. */
  get deadline(): number {
    let at = Infinity;
    for (const called of this.#called.values()) at = Math.min(at, called.at + CALL_MS);
    for (const one of this.#beginning.values()) at = Math.min(at, one.at + BEGIN_MS);
    return at;
  }

  tick(now: number): void {
    for (const called of [...this.#called.values()]) {
      if (called.at + CALL_MS > now) continue;
      if (called.tries >= CALL_TRIES) {
        this.#called.delete(called.peer);
        this.#events.silent(called.peer, called.level, now);
      } else {
        called.tries++;
        called.at = now;
        this.#ask(called);
      }
    }
    for (const [name, one] of this.#beginning) if (one.at + BEGIN_MS <= now) this.#beginning.delete(name);
  }

  /** The connection is back: what was asked may have been lost with the last one. */
  again(now: number): void {
    for (const called of this.#called.values()) {
      called.at = now;
      this.#ask(called);
    }
  }

  /** A directed message, opened, from a process of this node level. False: it is none. */
  take(level: string, plain: Bytes, now: number): boolean {
    if (plain.length < 9) return false;
    const id = hex(plain.subarray(1, 9)), rest = plain.subarray(9);
    switch (plain[0]) {
      case CALL: if (rest.length < 8) return false; this.#takeCall(level, id, hex(rest.subarray(0, 8)), now); return true;
      case ANSWER: if (rest.length < 8) return false; this.#takeAnswer(level, id, hex(rest.subarray(0, 8)), now); return true;
      case BUSY: if (rest.length < 2) return false; this.#takeBusy(level, id, rest, now); return true;
      case DATA: this.#takeData(level, id, rest, now); return true;
      case END: this.#takeEnd(level, id); return true;
      default: return true; // of a later version
    }
  }

  #takeCall(level: string, call: string, peer: string, now: number): void {
    if (peer === this.#own) return;
    // Anybody may name any process as the caller: what is said at one node level touches nothing of another one's.
    const mine = this.#called.get(peer)?.level === level;
    if (mine && compare(unhex(this.#own), unhex(peer)) < 0) return; // they see ours and answer it
    const before = [...this.#beginning.values()].find((one) => one.peer === peer && one.level === level);
    if (before?.call !== call) {
      const useless = Math.min(this.#events.useless(peer, level, now), BUSY_MOST_MS);
      if (useless > 0) return this.#refuse(peer, call, useless, []);
      // Whoever calls anew has lost what it had: its own place is free.
      if (!this.#roomFor(level, peer, now)) return this.#refuse(peer, call, BUSY_MS * (1 + this.#random.bytes(1)[0]! / 256), this.#events.equals());
      if (before) this.#beginning.delete(before.session);
      if (this.#beginning.size >= BEGINNING) this.#beginning.delete(this.#beginning.keys().next().value!);
      const one: Beginning = { session: hex(this.#random.bytes(8)), call, peer, level, at: now };
      this.#beginning.set(one.session, one);
      this.#events.say(peer, message(ANSWER, call, unhex(one.session)));
    } else this.#events.say(peer, message(ANSWER, call, unhex(before.session)));
    if (mine) this.#called.delete(peer);
  }

  #refuse(peer: string, call: string, ms: number, others: string[]): void {
    const seconds = Math.ceil(ms / 1_000), names = others.filter((other) => other !== peer).slice(0, BUSY_NAMES);
    this.#events.say(peer, message(BUSY, call, Uint8Array.of(seconds >> 8, seconds & 255), ...names.map(unhex)));
  }

  #roomFor(level: string, peer: string, now: number): boolean {
    const taken = [
      ...[...this.#running.values()].filter((r) => r.role === 'accept' && !(r.peer === peer && r.level === level)),
      ...[...this.#beginning.values()].filter((one) => !(one.peer === peer && one.level === level) && one.at + TAKEN_MS > now),
    ];
    return taken.length < ACCEPTED && taken.filter((one) => one.level === level).length < ACCEPTED_OF_LEVEL;
  }

  #takeAnswer(level: string, call: string, session: string, now: number): void {
    const called = [...this.#called.values()].find((one) => one.id === call && one.level === level);
    if (!called || this.#running.has(session)) return;
    this.#called.delete(called.peer);
    this.#begin({ session, peer: called.peer, level, role: 'open', since: now });
  }

  #takeBusy(level: string, call: string, rest: Bytes, now: number): void {
    const called = [...this.#called.values()].find((one) => one.id === call && one.level === level);
    if (!called) return;
    this.#called.delete(called.peer);
    const others: string[] = [];
    for (let at = 2; at + 8 <= rest.length && others.length < BUSY_NAMES; at += 8) others.push(hex(rest.subarray(at, at + 8)));
    this.#events.busy(called.peer, called.level, Math.min(BUSY_MOST_MS, ((rest[0]! << 8) | rest[1]!) * 1_000), others.filter((other) => other !== this.#own), now);
  }

  #takeData(level: string, session: string, datagram: Bytes, now: number): void {
    let running = this.#running.get(session);
    if (!running) {
      const beginning = this.#beginning.get(session);
      if (beginning?.level === level) {
        this.#beginning.delete(session);
        if (this.#roomFor(level, beginning.peer, now)) {
          this.#begin(running = { session, peer: beginning.peer, level, role: 'accept', since: now });
        } else this.#end(session, beginning.peer);
      }
      if (!running) {
        const peer = this.#ended.get(session);
        if (peer !== undefined) this.#events.say(peer, message(END, session));
        return;
      }
    }
    if (running.level === level) this.#events.datagram(session, datagram);
  }

  /** Between two processes there is one session: a newer one ends the older. */
  #begin(running: Running): void {
    for (const other of [...this.#running.values()]) if (other.peer === running.peer && other.level === running.level) this.#events.drop(other.session);
    this.#running.set(running.session, running);
    this.#events.begin(running);
  }

  #takeEnd(level: string, session: string): void {
    if (this.#running.get(session)?.level === level) this.#events.drop(session);
  }

  /** This end of a session is closed: its peer is told, and told again if it goes on. */
  ended(session: string): Running | undefined {
    const running = this.#running.get(session);
    if (!running) return undefined;
    this.#running.delete(session);
    this.#end(session, running.peer);
    return running;
  }

  #end(session: string, peer: string): void {
    if (this.#ended.size >= ENDED) this.#ended.delete(this.#ended.keys().next().value!);
    this.#ended.set(session, peer);
    this.#events.say(peer, message(END, session));
  }

  /** A datagram of a session as a directed message. */
  data(session: string, datagram: Bytes): Bytes { return message(DATA, session, datagram); }

  #count(role: Running['role']): number {
    let n = 0;
    for (const running of this.#running.values()) if (running.role === role) n++;
    return n;
  }
}

function message(kind: number, id: string, ...rest: Bytes[]): Bytes {
  return concat(Uint8Array.of(kind), unhex(id), ...rest);
}
