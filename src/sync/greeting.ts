// Who is on the other side: the peer is judged, strangers introduce themselves, members greet.

import { Fault } from '../fault.ts';
import type { Bytes } from '../ports.ts';
import { concat, equal } from '../event/bytes.ts';
import type { Segment } from '../event/segment.ts';
import { parseSegment } from '../event/segment.ts';
import { INTEREST, INTRO_BYTES, KEYS, WINDOW } from './bounds.ts';
import type { Desk } from './desk.ts';
import type { Standing } from './host.ts';
import type { Message } from './message.ts';
import { packerOf } from './packer.ts';

type Hello = Extract<Message, { kind: 'hello' }>;

/** What the session does when a greeting comes to its points. `member`: the peer is one, our HELLO may go out. `unknown`: the peer does not know us yet. */
export interface GreetingEvents { member(): void; unknown(): void; ready(hello: Hello): void }

/** Judging and greeting of one peer. */
export class Greeting {
  readonly #desk: Desk;
  readonly #events: GreetingEvents;
  #standing: Standing | undefined;
  #unknown = false;
  #introduced = false;
  #asked = false;
  #heardIntro = false;
  #introTaken = false;
  #said = false;
  #heard: Hello | undefined;

  constructor(desk: Desk, events: GreetingEvents) {
    this.#desk = desk;
    this.#events = events;
  }

  /** The peer's standing, once it was judged. */
  get standing(): Standing | undefined {
    return this.#standing;
  }

  /** True when both sides have said HELLO. */
  get ready(): boolean {
    return this.#said && this.#heard !== undefined;
  }

  /** True when the peer has said HELLO. */
  get heard(): boolean {
    return this.#heard !== undefined;
  }

  /** Asks the node what it thinks of the peer; `then` when it is known. */
  judge(then: () => void): void {
    this.#desk.ask({ kind: 'judge', node: this.#desk.peer }, (standing) => {
      const before = this.#standing;
      if (standing === 'revoked') throw new Fault('revoked', 'The peer was revoked.');
      // A grant that comes to light late does not make a member a stranger in the middle of a session.
      if (before === 'member') return;
      if (before === 'stranger' && standing === 'stranger') {
        // Judged for other news while the introduction is still on its way through the door: that is no verdict on it.
        if (this.#introTaken) throw new Fault('not-a-member', 'The peer is no member of this fleet, after all that it could show.');
        return;
      }
      this.#standing = standing;
      if (standing === 'stranger') {
        this.#asked = true;
        this.#desk.say({ kind: 'stranger' });
      }
      else {
        this.#events.member();
        if (this.#unknown) this.#introduce();
      }
      then();
    });
  }

  /** Says HELLO; once. */
  hello(): void {
    const { host, options } = this.#desk;
    const keys = host.keyHashes().slice(0, KEYS).map((k) => k.subarray(0, 8));
    if (options.interest && options.interest.length > INTEREST) throw new Fault('bad-argument', `A session is about at most ${INTEREST} streams, or all.`);
    this.#said = true;
    this.#desk.say({
      kind: 'hello', interest: options.interest, window: options.window ?? WINDOW, thin: options.thin, once: options.once, preference: options.preference, keys: concat(...keys), packer: packerOf(host.crypto), boot: host.boot,
    });
    if (this.#heard) this.#events.ready(this.#heard);
  }

  /** A message of the greeting. Fault `bad-message` for what does not belong here. */
  take(message: Extract<Message, { kind: 'hello' | 'stranger' | 'intro' }>): void {
    switch (message.kind) {
      case 'hello':
        if (this.#heard) throw new Fault('bad-message', 'The peer greets twice.');
        this.#heard = message;
        if (this.#said) this.#events.ready(message);
        return;
      case 'stranger':
        if (this.#unknown || this.#heard) throw new Fault('bad-message', 'The peer does not know us, again.');
        this.#unknown = true;
        this.#events.unknown();
        // Two strangers: the one that connected shows itself first.
        if (this.#desk.opener || this.#standing === 'member') this.#introduce();
        return;
      case 'intro':
        this.#intro(message.segments);
    }
  }

  #introduce(): void {
    if (this.#introduced) return;
    this.#introduced = true;
    this.#desk.ask({ kind: 'introduction' }, (all) => {
      const segments: Bytes[] = [];
      let bytes = 0;
      for (const segment of all) {
        bytes += segment.length;
        if (bytes > INTRO_BYTES) break;
        segments.push(segment);
      }
      this.#desk.say({ kind: 'intro', segments });
    });
  }

  #intro(all: Bytes[]): void {
    const bytes = all.reduce((n, s) => n + s.length, 0);
    if (this.#standing === undefined || !this.#asked || this.#heardIntro || bytes > INTRO_BYTES) throw new Fault('bad-message', 'An introduction that nobody asked for, or too long.');
    this.#heardIntro = true;
    if (this.#standing === 'member') return; // its grant came another way meanwhile
    const segments: Segment[] = all.map((s) => parseSegment(s));
    if (segments.some((s) => s.header.stream !== '$fleet')) throw new Fault('bad-message', 'An introduction is made of segments of $fleet.');
    const { peer } = this.#desk;
    if (!segments.some((s) => equal(s.header.node, peer))) throw new Fault('not-a-member', 'The peer has nothing to show.');
    this.#desk.ask({ kind: 'admit', segments, peer }, () => {
      this.#introTaken = true;
      this.judge(() => undefined);
    });
  }
}
