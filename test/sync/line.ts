// Two sessions on a simulated line: time, latency, and what may happen to frames are scripted; the same script gives the same run.
import { encodeFrame } from '../../src/carry/frame.ts';
import type { Fault } from '../../src/fault.ts';
import type { Bytes } from '../../src/ports.ts';
import type { Change, Output, SessionLike, SessionOptions } from '../../src/sync/host.ts';
import { createSession } from '../../src/sync/session.ts';
import type { ToyHost } from './toy-host.ts';

export interface End { host: ToyHost; session: SessionLike; synced: boolean; equal: boolean; syncedAt: number; closed: boolean; fault: Fault | undefined; peer: Bytes | undefined; receipts: Bytes[]; bytes: number; frames: number; most: number }
export interface LineOptions {
  /** One way, in ms. */
  latency?: number;
  /** Bytes in a millisecond, each way; Infinity by default. */
  rate?: number;
  /** How long a node takes for an answer. */
  thinking?: number;
  /** Every frame on its way: what arrives instead (none, one or several), or 'cut' for the end of the line. */
  alter?: (frame: Bytes, number: number, from: 'a' | 'b') => Bytes[] | 'cut';
  a?: Partial<SessionOptions>;
  b?: Partial<SessionOptions>;
  until?: number;
}

/** A line between `a`, which opens, and `b`. */
export class Line {
  now = 1000;
  readonly a: End;
  readonly b: End;
  readonly #options: LineOptions;
  #events: { at: number; order: number; run: () => void }[] = [];
  #order = 0;
  #numbers = 0;
  readonly #free = { a: 0, b: 0 };
  readonly #draining = { a: false, b: false };
  cut = false;
  readonly outputs: { at: number; from: 'a' | 'b'; kind: Output['kind']; bytes: number }[] = [];

  constructor(a: ToyHost, b: ToyHost, options: LineOptions = {}) {
    this.#options = options;
    this.a = this.#end(a, 'open', options.a);
    this.b = this.#end(b, 'accept', options.b);
    for (const [end, name] of [[this.a, 'a'], [this.b, 'b']] as const) {
      end.host.listeners.add((change: Change) => {
        end.session.changed(change, this.now);
        this.#soon(0, () => this.#drain(name));
      });
      this.#soon(0, () => this.#drain(name));
    }
  }

  #end(host: ToyHost, role: 'open' | 'accept', more: Partial<SessionOptions> = {}): End {
    const session = createSession({ role, host, frameBytes: 262_144, thin: false, interest: null, once: false, now: this.now, ...more });
    return { host, session, synced: false, equal: false, syncedAt: 0, closed: false, fault: undefined, peer: undefined, receipts: [], bytes: 0, frames: 0, most: 0 };
  }

  #soon(after: number, run: () => void): void {
    this.#events.push({ at: this.now + after, order: this.#order++, run });
  }

  /** Runs until nothing happens any more within the next `idle` ms, or the time given is over. */
  run(ms = 600_000, idle = 8_000): this {
    const end = this.now + ms;
    let last = this.now;
    for (let steps = 0; ; steps++) {
      if (steps > 2_000_000) throw new Error('the sessions do not come to rest');
      const timer = Math.min(...[this.a, this.b].filter((e) => !e.closed).map((e) => e.session.deadline ?? Infinity));
      let next = Infinity, which = -1;
      this.#events.forEach((e, i) => {
        if (e.at < next || (e.at === next && e.order < this.#events[which]!.order)) { next = e.at; which = i; }
      });
      if (next === Infinity && timer === Infinity) break;
      if (Math.min(next, timer) > end || (next === Infinity && timer > last + idle)) break;
      if (timer < next) {
        this.now = Math.max(this.now, timer);
        for (const name of ['a', 'b'] as const) {
          if (this[name].closed) continue;
          this[name].session.tick(this.now);
          this.#drain(name);
        }
        continue;
      }
      const [event] = this.#events.splice(which, 1);
      this.now = last = next;
      event!.run();
    }
    return this;
  }

  /** Runs what is due up to a time, which then is the present. */
  runUntil(time: number): this {
    this.run(time - this.now, Infinity);
    this.now = time;
    return this;
  }

  /** Runs something at a time from now. */
  later(ms: number, run: () => void): this {
    this.#soon(ms, run);
    return this;
  }

  /** The line breaks: nothing arrives any more, and nobody is told. */
  breakIt(): void {
    this.cut = true;
  }

  rest(name: 'a' | 'b', on: boolean): void {
    this[name].session.rest(on, this.now);
    this.#drain(name);
  }

  close(name: 'a' | 'b'): void {
    this[name].session.close(this.now);
    this.#drain(name);
  }

  /** A frame out of nowhere. */
  inject(to: 'a' | 'b', frame: Bytes): void {
    this[to].session.frame(frame, this.now);
    this.#drain(to);
  }

  #drain(name: 'a' | 'b'): void {
    const end = this[name], other = name === 'a' ? 'b' : 'a';
    const ahead = (): boolean => this.#free[name] - this.now > 5;
    for (let out = end.session.next(!ahead(), this.now); out; out = end.session.next(!ahead(), this.now)) {
      this.outputs.push({ at: this.now, from: name, kind: out.kind, bytes: out.kind === 'send' ? out.frame.length : 0 });
      switch (out.kind) {
        case 'send':
          this.#send(name, other, out.frame);
          break;
        case 'ask': {
          const { id, question } = out;
          this.#soon(this.#options.thinking ?? 0, () => {
            if (end.closed) return;
            const result = end.host.answer(question);
            end.session.answer(id, result, this.now);
            this.#drain(name);
          });
          break;
        }
        case 'peer':
          end.peer = out.node;
          break;
        case 'receipt':
          end.receipts.push(out.receipt);
          break;
        case 'synced':
          end.synced = true;
          end.equal = out.equal;
          end.syncedAt = this.now;
          break;
        case 'closed':
          end.closed = true;
          end.fault = out.fault;
      }
    }
    // A link that has enough for now takes more when that is through.
    if (ahead() && !end.closed && !this.#draining[name]) {
      this.#draining[name] = true;
      this.#soon(this.#free[name] - this.now, () => {
        this.#draining[name] = false;
        this.#drain(name);
      });
    }
  }

  #send(name: 'a' | 'b', other: 'a' | 'b', frame: Bytes): void {
    const end = this[name];
    end.bytes += encodeFrame(frame).length;
    end.frames++;
    end.most = Math.max(end.most, frame.length);
    if (this.cut) return;
    const altered = this.#options.alter?.(frame.slice(), this.#numbers++, name) ?? [frame];
    if (altered === 'cut') {
      this.cut = true;
      return;
    }
    for (const one of altered) {
      const start = Math.max(this.now, this.#free[name]);
      this.#free[name] = start + one.length / (this.#options.rate ?? Infinity);
      this.#soon(this.#free[name] - this.now + (this.#options.latency ?? 10), () => {
        if (this.cut || this[other].closed) return;
        this[other].session.frame(one, this.now);
        this.#drain(other);
      });
    }
  }
}
