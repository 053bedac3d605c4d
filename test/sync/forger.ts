// A member who may say anything: drives the accepting session of a victim by hand.
import { Reader } from '../../src/event/reader.ts';
import type { Bytes } from '../../src/ports.ts';
import { encodeMessage } from '../../src/sync/compose.ts';
import { openHandshake, type Secured } from '../../src/sync/handshake.ts';
import type { Output, SessionLike } from '../../src/sync/host.ts';
import { readMessage, type Message } from '../../src/sync/message.ts';
import { Joiner } from '../../src/sync/pieces.ts';
import { makeReceipt } from '../../src/sync/receipts.ts';
import { createSession } from '../../src/sync/session.ts';
import { ToyHost } from './toy-host.ts';

/** A session that accepts, driven by hand by a member who may say anything. */
export class Forger {
  readonly host = new ToyHost('victim');
  readonly session: SessionLike;
  readonly said: Message[] = [];
  closed: string | undefined;
  now = 1000;
  readonly #joiner = new Joiner(1 << 20);
  #secured: Secured | undefined;
  #plain: Bytes[] = [];
  readonly #me = new ToyHost('forger');

  constructor(known = true) {
    for (let i = 0; i < 30; i++) this.host.write(['telemetry', 'config', '$fleet'][i % 3]!);
    if (!known) this.host.standings.set(Buffer.from(this.#me.node).toString('hex'), 'stranger');
    this.session = createSession({ role: 'accept', host: this.host, frameBytes: 262_144, thin: false, interest: null, once: false, now: this.now });
    const opening = openHandshake(this.#me);
    this.raw(opening.hail);
    const { proof, secured } = opening.reply(this.#plain[0]!);
    this.#secured = secured;
    this.raw(proof);
  }

  /** A good receipt of the forger. */
  get receipt(): Bytes {
    const me = this.#me;
    return makeReceipt(me.fleet, (m) => me.sign(m), { node: me.node, boot: me.boot, sequence: 1, items: 0, digest: new Uint8Array(32), streams: [] });
  }

  raw(unit: Bytes, channel = 0): void {
    const frame = new Uint8Array(1 + unit.length);
    frame[0] = 0x80 | channel;
    frame.set(unit, 1);
    this.session.frame(frame, this.now);
    this.drain();
  }

  say(message: Message | Bytes, channel = 0): void {
    this.raw(this.#secured!.out.seal(channel, message instanceof Uint8Array ? message : encodeMessage(message)), channel);
  }

  drain(): void {
    for (let out: Output | undefined = this.session.next(); out; out = this.session.next()) {
      if (out.kind === 'closed') this.closed = out.fault?.code ?? 'in order';
      else if (out.kind === 'ask') this.session.answer(out.id, this.host.answer(out.question), this.now);
      else if (out.kind === 'send') {
        const joined = this.#joiner.add(out.frame);
        if (!joined) continue;
        if (!this.#secured) {
          this.#plain.push(joined.unit.slice());
          continue;
        }
        const r = new Reader(this.#secured.in.open(joined.channel, joined.unit));
        while (r.at < r.end) {
          const message = readMessage(r);
          if (message) this.said.push(message);
        }
      }
    }
  }

  hello(): this {
    this.say({ kind: 'hello', interest: null, window: 1 << 20, thin: false, once: false, preference: undefined, keys: new Uint8Array(0), packer: new Uint8Array(4), boot: new Uint8Array(8) });
    return this;
  }
}
