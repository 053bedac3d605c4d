// One session with one peer over one link, without input or output of its own: frames, answers and the time go in, frames and questions come out.

import { Fault, codeOf } from '../fault.ts';
import type { Bytes } from '../ports.ts';
import { Reader } from '../event/reader.ts';
import { BULK, HANDSHAKE_BYTES, PATIENCE_MS, SILENCE_MS, TALK, UNIT_BYTES } from './bounds.ts';
import type { Cipher } from './cipher.ts';
import { Desk } from './desk.ts';
import { Greeting } from './greeting.ts';
import type { Accepting, Opening, Secured } from './handshake.ts';
import { acceptHandshake, openHandshake } from './handshake.ts';
import type { Change, Output, Report, SessionLike, SessionOptions } from './host.ts';
import type { Message } from './message.ts';
import { readMessage } from './message.ts';
import { Joiner, isPart } from './pieces.ts';
import { Talk } from './talk.ts';

/** Messages that may wait while the node makes up its mind about the peer. */
const HELD = 64;

/** Starts a session; its first outputs are ready at once. Fault `bad-argument` for a link of useless frames. */
export function createSession(options: SessionOptions): SessionLike {
  return new Session(options);
}

class Session implements SessionLike {
  readonly #desk: Desk;
  readonly #joiner = new Joiner(HANDSHAKE_BYTES);
  #opening: Opening | undefined;
  #accepting: Accepting | undefined;
  #cipher: Cipher | undefined;
  #greeting: Greeting | undefined;
  #talk: Talk | undefined;
  #held: { channel: number; message: Message }[] = [];
  #state: 'shaking' | 'greeting' | 'open' | 'closing' | 'closed' = 'shaking';
  #fault: Fault | undefined;
  #since: number;
  #lastIn: number;
  #lastOut: number;
  #ponged = -Infinity;
  /** The last time that anything but a sign of life went by: a message, or a part of one. */
  #progress: number;

  constructor(options: SessionOptions) {
    this.#desk = new Desk(options);
    this.#since = this.#lastIn = this.#lastOut = this.#progress = options.now;
    if (!this.#desk.opener) return;
    this.#opening = openHandshake(options.host);
    this.#desk.outbox.plain(this.#opening.hail);
  }

  get report(): Report {
    return { ...this.#desk.report };
  }

  get idle(): boolean {
    return this.#state === 'open' && this.#talk?.idle === true;
  }

  frame(bytes: Bytes, now: number): void {
    this.#input(now, () => {
      this.#desk.report.bytesIn += bytes.length;
      this.#lastIn = now;
      if (isPart(bytes)) this.#progress = now;
      const joined = this.#joiner.add(bytes);
      if (joined) this.#unit(joined.channel, joined.unit);
    });
  }

  answer(id: number, result: unknown, now: number): void {
    this.#input(now, () => this.#desk.answered(id, result));
  }

  changed(change: Change, now: number): void {
    this.#input(now, () => {
      this.#talk?.changed(change);
      if (this.#greeting?.standing && (change.added.some((i) => i.stream === '$fleet') || change.removed.some((i) => i.stream === '$fleet'))) this.#greeting.judge(() => undefined);
    });
  }

  tick(now: number): void {
    this.#input(now, () => {
      const { patience, silence } = this.#limits();
      if (this.#state !== 'open' && now >= this.#begun + patience) throw new Fault('timeout', 'The peer did not finish the handshake in time.');
      if (now >= this.#lastIn + silence) throw new Fault('timeout', 'The peer has gone silent.');
      if (this.#talk && !this.#talk.idle && now >= this.#progress + 8 * patience) throw new Fault('timeout', 'The peer makes no progress.');
      if (this.#cipher && now >= this.#lastOut + silence / 3) {
        this.#lastOut = now;
        if (this.#desk.outbox.waiting === 0) this.#desk.say({ kind: 'ping' });
      }
    });
    if (this.#state === 'closing' && now >= this.#since + this.#limits().patience) this.#drop();
  }

  rest(on: boolean, now: number): void {
    this.#input(now, () => this.#talk?.rest(on));
  }

  close(now: number): void {
    this.#input(now, () => this.#end(undefined));
  }

  next(frames = true, now = this.#desk.now): Output | undefined {
    const { outputs, outbox } = this.#desk;
    const first = outputs.shift();
    if (first) return first;
    if (this.#state === 'closed' || !frames) return undefined;
    const frame = outbox.next(Math.max(now, this.#desk.now), this.#desk.thin);
    if (frame) {
      this.#desk.report.bytesOut += frame.length;
      this.#lastOut = this.#desk.now;
      if (isPart(frame)) this.#progress = Math.max(this.#progress, now);
      if (this.#state === 'open' && outbox.waiting < outbox.aim) this.#guard(() => this.#talk!.supplier.pump());
      return { kind: 'send', frame };
    }
    if (this.#state !== 'closing') return undefined;
    this.#state = 'closed';
    return { kind: 'closed', fault: this.#fault };
  }

  get deadline(): number | undefined {
    if (this.#state === 'closed') return undefined;
    const { patience, silence } = this.#limits();
    if (this.#state !== 'open') return (this.#state === 'closing' ? this.#since : this.#begun) + patience;
    const stalled = this.#talk!.idle ? Infinity : this.#progress + 8 * patience;
    return Math.min(this.#lastIn + silence, this.#lastOut + Math.ceil(silence / 3), stalled, this.#talk!.deadline);
  }

  /** Where frames are small and slow a long message takes as long as it takes, so long as it goes on. */
  get #begun(): number {
    return Math.max(this.#since, this.#progress);
  }

  #limits(): { patience: number; silence: number } {
    const { options } = this.#desk;
    return { patience: options.patience ?? PATIENCE_MS, silence: options.silence ?? SILENCE_MS };
  }

  #input(now: number, work: () => void): void {
    if (this.#state === 'closing' || this.#state === 'closed') return;
    this.#desk.now = now;
    const idle = this.#talk?.idle !== false;
    this.#guard(() => {
      work();
      if (this.#state !== 'open') return;
      this.#talk!.work();
      if (idle && !this.#talk!.idle) this.#progress = now;
      if (this.#talk!.finished) this.#end(undefined);
    });
  }

  #guard(work: () => void): void {
    try {
      work();
    } catch (error) {
      const code = codeOf(error);
      const message = error instanceof Error ? error.message : String(error);
      this.#end(error instanceof Fault && code !== 'bad-encoding' ? error : new Fault(code === 'bad-encoding' ? 'bad-message' : code, message, { cause: error }));
    }
  }

  /** Ends: what waits is dropped after a Fault, sent before an orderly end; then BYE. */
  #end(fault: Fault | undefined): void {
    if (this.#state === 'closing' || this.#state === 'closed') return;
    const desk = this.#desk;
    this.#fault = fault;
    this.#since = desk.now;
    this.#state = 'closing';
    desk.forget();
    desk.outputs.splice(0, desk.outputs.length, ...desk.outputs.filter((o) => o.kind !== 'ask'));
    if (fault) desk.outbox.clear();
    if (this.#cipher && fault?.code !== 'timeout') {
      try {
        desk.say({ kind: 'bye', code: fault?.code ?? null }, fault ? TALK : BULK);
      } catch {
        // No room for a goodbye: then without.
      }
    }
  }

  /** The link does not take what is left. */
  #drop(): void {
    this.#state = 'closed';
    this.#desk.outputs.push({ kind: 'closed', fault: this.#fault });
  }

  #unit(channel: number, unit: Bytes): void {
    if (this.#cipher) {
      const r = new Reader(this.#cipher.open(channel, unit));
      while (r.at < r.end && (this.#state === 'greeting' || this.#state === 'open')) {
        const message = readMessage(r);
        if (message) this.#message(channel, message);
      }
      return;
    }
    if (channel !== TALK) throw new Fault('bad-handshake', 'A handshake has one channel.');
    if (this.#opening) {
      const { proof, secured } = this.#opening.reply(unit);
      this.#opening = undefined;
      this.#desk.outbox.plain(proof);
      this.#secured(secured);
    } else if (this.#accepting) {
      const secured = this.#accepting.proof(unit);
      this.#accepting = undefined;
      this.#secured(secured);
    } else {
      this.#accepting = acceptHandshake(this.#desk.host, unit);
      this.#desk.outbox.plain(this.#accepting.reply);
    }
  }

  #secured({ peer, out, in: cipher, items }: Secured): void {
    const desk = this.#desk;
    desk.peer = peer;
    desk.outputs.push({ kind: 'peer', node: peer });
    desk.outbox.secure(out);
    this.#cipher = cipher;
    this.#joiner.most = UNIT_BYTES + 16;
    this.#since = desk.now;
    this.#state = 'greeting';
    const talk = (this.#talk = new Talk(desk, items));
    const greeting = (this.#greeting = new Greeting(desk, {
      member: () => talk.member(() => greeting.hello()),
      unknown: () => talk.unknown(),
      ready: (hello) => {
        this.#state = 'open';
        this.#progress = desk.now;
        talk.ready(hello);
        desk.outputs.push({ kind: 'greeted', boot: hello.boot, session: desk.host.crypto.sha256(items).slice(0, 8), once: hello.once || desk.options.once, preference: rankOf(desk.options.preference, hello, desk.options.thin), streams: talk.streams });
      },
    }));
    greeting.judge(() => this.#release());
  }

  #message(channel: number, message: Message): void {
    const greeting = this.#greeting!;
    switch (message.kind) {
      case 'ping':
        // A peer that pings all the time is answered now and then.
        if (this.#desk.now < this.#ponged + 1000) return;
        this.#ponged = this.#desk.now;
        this.#desk.say({ kind: 'pong' });
        return;
      case 'pong':
        return;
      case 'bye':
        this.#bye(message.code);
        return;
      default:
        this.#progress = this.#desk.now;
    }
    if (greeting.standing === undefined) {
      if (this.#held.length >= HELD) throw new Fault('bad-message', 'The peer talks before it is known.');
      this.#held.push({ channel, message });
      return;
    }
    this.#dispatch(channel, message);
  }

  #release(): void {
    const held = this.#held;
    this.#held = [];
    for (const { channel, message } of held) if (this.#state === 'greeting' || this.#state === 'open') this.#dispatch(channel, message);
  }

  #dispatch(channel: number, message: Message): void {
    const greeting = this.#greeting!;
    if (message.kind === 'hello' || message.kind === 'stranger' || message.kind === 'intro') {
      greeting.take(message);
      return;
    }
    if (message.kind === 'compare' && message.early && greeting.standing !== 'member') return;
    if (greeting.standing !== 'member' || !greeting.heard) throw new Fault('bad-message', 'The peer talks before it has greeted.');
    this.#talk!.take(channel, message);
  }

  #bye(code: string | null): void {
    this.#desk.outbox.clear();
    const fault = code === null ? undefined : new Fault(code === 'revoked' || code === 'not-a-member' ? code : 'link-closed', `The peer ended the session: ${code}.`);
    this.#fault = fault;
    this.#since = this.#desk.now;
    this.#desk.forget();
    this.#state = 'closing';
  }
}

/** How a link ranks, as both sides reckon it from what each has to say; where nobody has, one whose every byte counts is a contingency and any other primary. */
function rankOf(own: number | undefined, { preference, thin }: { preference: number | undefined; thin: boolean }, thinHere = false): number {
  return own === undefined && preference === undefined ? (thin || thinHere ? 2 : 0) : Math.max(own ?? 0, preference ?? 0);
}
