// What two members say to each other once they have met: both sets, the segments between them, receipts, and the end.

import { Fault } from '../fault.ts';
import type { Bytes } from '../ports.ts';
import { equal } from '../event/bytes.ts';
import { PATIENCE_MS, WINDOW } from './bounds.ts';
import type { Desk } from './desk.ts';
import type { Change } from './host.ts';
import { Intake } from './intake.ts';
import { ItemHash } from './itemid.ts';
import type { Message } from './message.ts';
import { packerOf } from './packer.ts';
import { PeerView } from './peerview.ts';
import { Receipts } from './receipts.ts';
import { FIRST_WANT } from './offers.ts';
import { SetSync, meet } from './setsync.ts';
import { Supplier } from './supplier.ts';

/** Messages of the peer that may wait for the node's items. */
const WAITING = 256;

/** The part of a session between two members. */
export class Talk {
  readonly supplier: Supplier;
  readonly #desk: Desk;
  readonly #peer = new PeerView();
  readonly #intake: Intake;
  readonly #fleet: SetSync;
  readonly #rest: SetSync;
  readonly #receipts: Receipts;
  #streams: string[] | null;
  #early = false;
  #unknown = false;
  #covered = true;
  #fleetSame = false;
  #greeted = false;
  #wants = FIRST_WANT;
  #waiting = 0;
  #synced: string | undefined;
  #syncedAt = 0;

  constructor(desk: Desk, itemKey: Bytes) {
    this.#desk = desk;
    this.#streams = desk.options.interest;
    const hash = new ItemHash(itemKey);
    this.supplier = new Supplier(desk, this.#peer, hash);
    this.#intake = new Intake(desk, this.#peer, desk.options.window ?? WINDOW, (short) => (this.#fleet.find(short) ?? this.#rest.find(short))?.item);
    const shared = { desk, peer: this.#peer, hash, supplier: this.supplier, intake: this.#intake, wantNumber: () => this.#wants++ };
    this.#fleet = new SetSync(0, shared);
    this.#rest = new SetSync(1, shared);
    this.#receipts = new Receipts(desk, () => this.#streams);
  }

  /** Streams in both interests; null: all. */
  get streams(): string[] | null { return this.#streams; }

  /** True when nothing is under way in either direction. */
  get idle(): boolean {
    return this.supplier.idle && this.#intake.idle && this.#fleet.offers.idle && this.#rest.offers.idle && !this.#fleet.comparing && !this.#rest.comparing;
  }

  /** When `work` is due, or Infinity. */
  get deadline(): number {
    const last = this.#desk.options.once && this.#synced !== undefined && this.idle ? this.#syncedAt + this.#lastWait() : Infinity;
    return Math.min(this.#fleet.deadline, this.#rest.deadline, this.#receipts.deadline, last);
  }

  /** True in a session of `once` when all has been said. */
  get finished(): boolean {
    if (!this.#desk.options.once || this.#synced === undefined || !this.idle) return false;
    return (this.#receipts.toldOf(this.#synced) && this.#receipts.heard > 0) || this.#desk.now >= this.#syncedAt + this.#lastWait();
  }

  /** The peer is a member: `hello` goes out, the opener's first comparisons with it. */
  member(hello: () => void): void {
    this.#fleet.choose(null);
    if (!this.#desk.opener) {
      hello();
      return;
    }
    this.#rest.choose(this.#streams);
    this.#fleet.whenLoaded(() => this.#rest.whenLoaded(() => {
      // To a peer that does not know us yet these would be said in vain.
      this.#early = !this.#unknown;
      hello();
      if (!this.#early) return;
      this.#fleet.compare(true);
      if (this.#covered) this.#rest.compare(true);
    }));
  }

  /** The peer does not know us: what was said early is void. */
  unknown(): void {
    this.#unknown = true;
    if (!this.#early) return;
    this.#early = false;
    this.#fleet.abandon();
    this.#rest.abandon();
  }

  /** Both sides have greeted. */
  ready(hello: Extract<Message, { kind: 'hello' }>): void {
    const desk = this.#desk;
    desk.thin ||= hello.thin;
    this.#peer.setKeys(hello.keys);
    this.#peer.packsAlike = equal(hello.packer, packerOf(desk.host.crypto));
    this.supplier.grant(hello.window);
    this.#greeted = true;
    const own = desk.options.interest;
    this.#streams = meet(own, hello.interest);
    if (desk.opener) {
      this.#covered = sameStreams(this.#streams, own);
      if (!this.#covered) {
        this.#rest.abandon();
        this.#rest.choose(this.#streams);
      }
    } else {
      this.#covered = sameStreams(this.#streams, hello.interest);
      this.#rest.choose(this.#streams);
    }
  }

  /** Begins or ends to rest. */
  rest(on: boolean): void {
    if (on === this.#desk.resting) return;
    this.#desk.resting = on;
    if (on) this.supplier.drop();
    else for (const set of [this.#fleet, this.#rest]) set.resume();
  }

  /** The frontier changed. */
  changed(change: Change): void {
    this.#fleet.changed(change);
    this.#rest.changed(change);
  }

  /** Goes on with everything; call after every input. */
  work(): void {
    this.#intake.tell();
    this.supplier.pump();
    this.#fleet.work();
    if (this.#desk.opener && this.#greeted && !this.#desk.resting) {
      if (this.#fleet.untouched) this.#fleet.compare();
      if (this.#fleet.done && this.#rest.untouched) this.#rest.compare();
    }
    this.#rest.work();
    this.supplier.pump();
    this.#finish(this.#fleet.done && this.#rest.done);
  }

  /** A message from the peer. */
  take(channel: number, message: Message): void {
    switch (message.kind) {
      case 'segments':
        this.#intake.take(channel, message);
        return;
      case 'credit':
        this.supplier.credit(message.numbers);
        return;
      case 'whole':
        this.supplier.whole(message.number, message.indexes);
        return;
      case 'done':
        if (!this.#fleet.offers.done(message.number)) this.#rest.offers.done(message.number);
        return;
      case 'receipt':
        this.#receipts.take(message.receipt);
        return;
      default:
        if ('set' in message) this.#inOrder(message);
    }
  }

  /** Messages about a set wait until it is loaded, those about set 1 until set 0 is. */
  #inOrder(message: Extract<Message, { set: 0 | 1 }>): void {
    if (++this.#waiting > WAITING) throw new Fault('bad-message', 'The peer talks faster than we can think.');
    const take = (): void => {
      this.#waiting--;
      const { kind, set } = message;
      if (kind === 'compare' && message.early && set === 1 && (!this.#fleetSame || !this.#covered)) return;
      if (this.#early && set === 0 && this.#desk.opener) {
        // The answer to our early comparison of $fleet: unless that is equal, the one of the rest was passed over.
        this.#early = false;
        if (kind !== 'same') this.#rest.abandon();
      }
      (set === 0 ? this.#fleet : this.#rest).take(message);
      // Whether the early comparison of the rest counts is what the answer to that of $fleet said, whatever has changed since.
      if (kind === 'compare' && message.early && set === 0) this.#fleetSame = this.#fleet.agreed;
    };
    this.#fleet.whenLoaded(() => (message.set === 0 ? take() : this.#rest.whenLoaded(take)));
  }

  #finish(quiet: boolean): void {
    const state = `${this.#fleet.state} ${this.#rest.state}`;
    this.#receipts.deadline = Infinity;
    if (this.#desk.resting) return;
    if (!quiet || !this.idle) {
      // Where it is never quiet, receipts come now and then all the same.
      if (!this.#fleet.done && this.#fleet.untouched) return;
      if (this.#desk.now >= this.#receipts.overdueAt) this.#receipts.tell(state);
      else this.#receipts.deadline = this.#receipts.overdueAt;
      return;
    }
    if (this.#synced !== state) {
      this.#synced = state;
      this.#syncedAt = this.#desk.now;
      this.#desk.outputs.push({ kind: 'synced', equal: this.#fleet.agreed && this.#rest.agreed });
    }
    this.#receipts.tell(state);
  }

  #lastWait(): number {
    return (this.#desk.options.patience ?? PATIENCE_MS) / 4;
  }
}

function sameStreams(a: string[] | null, b: string[] | null): boolean {
  if (a === null || b === null) return a === b;
  const set = new Set(a);
  return set.size === new Set(b).size && b.every((stream) => set.has(stream));
}
