// Keeps one set in step with the peer's: loads it, compares it, pushes and announces what is new, and knows when both sides hold the same.

import { Fault } from '../fault.ts';
import { equal, hex } from '../event/bytes.ts';
import { COMPARES, COMPARE_SPAN_MS, JOBS, PAUSE_MOST_MS, PAUSE_MS, QUIET_MS, REMEMBERED, TELL_MS } from './bounds.ts';
import type { Difference } from './comparison.ts';
import { Comparison } from './comparison.ts';
import type { Desk } from './desk.ts';
import type { Change, Item } from './host.ts';
import type { Intake } from './intake.ts';
import type { ItemHash } from './itemid.ts';
import type { Known } from './itemset.ts';
import { ItemSet } from './itemset.ts';
import type { Message, SetNumber, Sum } from './message.ts';
import { Offers } from './offers.ts';
import type { PeerView } from './peerview.ts';
import type { Supplier } from './supplier.ts';

/** What the sets of a session share. */
export interface Shared { desk: Desk; peer: PeerView; hash: ItemHash; supplier: Supplier; intake: Intake; wantNumber: () => number }

/** One set. The opener compares; the accepter answers, and tells when its root has changed. */
export class SetSync {
  readonly set: SetNumber;
  readonly offers: Offers;
  readonly #s: Shared;
  #items: ItemSet;
  #streams: Set<string> | null | undefined;
  #loading = 0;
  #loaded = false;
  #waiting: (() => void)[] = [];
  #comparison: Comparison | undefined;
  #compared = false;
  #peerSum: Sum | undefined;
  #agreed: string | undefined;
  #settled: string | undefined;
  #begun = { pair: '', sent: 0, received: 0 };
  #lastPair = '';
  #pause = 0;
  #nextCompare = 0;
  #changedAt: number;
  #toldAt = -Infinity;
  #told: string | undefined;
  #tellNow = false;
  /** True from our sending segments until the peer tells its root: it will, when they are durable. */
  #heardAt = 0;
  #starts: number[] = [];
  readonly #recent = new Map<number, Known>();
  /** When `work` should be called again, or Infinity. */
  deadline = Infinity;

  constructor(set: SetNumber, shared: Shared) {
    this.set = set;
    this.#s = shared;
    this.#changedAt = shared.desk.now;
    this.#items = new ItemSet(shared.hash);
    this.offers = this.#makeOffers();
  }

  /** True once both sides were found to hold the same, and nothing has changed since here. */
  get agreed(): boolean {
    return this.#loaded && this.#agreed === this.#mine();
  }

  /** True when a comparison brought nothing more, and no root has changed since. */
  get settled(): boolean {
    return this.#loaded && this.#settled !== undefined && this.#settled === this.#pair();
  }

  /** Our root and how the peer's stands to it, as a name. */
  get state(): string {
    return `${this.#mine()}${this.agreed ? '=' : this.#pair()}`;
  }

  /** True once the items are here. */
  get loaded(): boolean {
    return this.#loaded;
  }

  /** True when this set has been compared, whatever came out. */
  get compared(): boolean {
    return this.#compared && this.#comparison === undefined;
  }

  /** True while a comparison is under way. */
  get comparing(): boolean {
    return this.#comparison !== undefined;
  }

  /** Our tip of this short, or one that was replaced not long ago. */
  find(short: number): Known | undefined {
    return this.#items.find(short) ?? this.#recent.get(short);
  }

  /** The streams of the set (null: all; of set 0 `$fleet` always). Another choice than before is loaded anew. */
  choose(streams: string[] | null): void {
    this.#streams = streams === null ? null : new Set(streams);
    this.#loaded = false;
    this.#comparison = undefined;
    this.offers.drop();
    const loading = ++this.#loading;
    const { desk } = this.#s;
    desk.ask({ kind: 'items', set: this.set, streams, peer: desk.peer }, (items) => {
      if (loading !== this.#loading) return;
      for (const known of [...this.#items.all()]) this.#items.remove(known.item);
      for (const item of items) this.#items.add(item);
      this.#loaded = true;
      const waiting = this.#waiting;
      this.#waiting = [];
      for (const go of waiting) go();
    });
  }

  /** Runs `go` once the items are here. */
  whenLoaded(go: () => void): void {
    if (this.#loaded) go();
    else this.#waiting.push(go);
  }

  /** True when a stream belongs to this set. */
  has(stream: string): boolean {
    if (this.set === 0) return stream === '$fleet';
    return stream !== '$fleet' && (this.#streams === null || this.#streams?.has(stream) === true);
  }

  /** Starts a comparison (opener); `early`: before the accepter has said HELLO. */
  compare(early = false): void {
    const { desk, supplier, intake } = this.#s;
    this.#begin();
    this.#begun = { pair: '', sent: supplier.sent, received: intake.received };
    this.#pause = Math.min(PAUSE_MOST_MS, Math.max(PAUSE_MS, 2 * this.#pause));
    this.#nextCompare = desk.now + this.#pause;
    this.#comparison!.compare(early);
  }

  /** The comparison under way was passed over: the next may start at once. */
  abandon(): void {
    this.#endComparison();
    this.#pause = this.#nextCompare = 0;
  }

  /** The opener compares (accepter). Fault `bad-message` when it does so without end. */
  onCompare(sum: Sum, probe: Uint8Array): void {
    const { desk, supplier, intake } = this.#s;
    this.#starts = this.#starts.filter((at) => at > desk.now - COMPARE_SPAN_MS);
    if (this.#starts.push(desk.now) > COMPARES) throw new Fault('bad-message', 'The peer compares again and again.');
    this.#hear(sum);
    if (this.#same(sum)) {
      this.#agree(true);
      return;
    }
    this.#begin();
    this.#begun = { pair: this.#pair(), sent: supplier.sent, received: intake.received };
    this.#found(this.#comparison!.compared(sum, probe));
  }

  /** Other messages of this set. Fault `bad-message` for what does not belong. */
  take(message: Extract<Message, { set: SetNumber }>): void {
    switch (message.kind) {
      case 'compare':
        this.onCompare(message.sum, message.probe);
        return;
      case 'same':
      case 'state':
        this.#hear(message.sum);
        if (message.kind === 'same' && this.#comparison && this.#s.desk.opener) this.#endComparison();
        if (this.#same(message.sum)) this.#agree(message.kind === 'state');
        return;
      case 'symbols':
      case 'list':
        if (!this.#comparison) return;
        this.#hear(message.sum);
        this.#begun.pair ||= this.#pair();
        this.#found(message.kind === 'symbols' ? this.#comparison.symbols(message) : this.#comparison.list(message));
        return;
      case 'more':
        this.#comparison?.more(message.list, message.from);
        return;
      case 'diff':
        if (!this.#comparison) throw new Fault('bad-message', 'A difference that nobody awaits.');
        this.#compared = true;
        this.#hear(message.sum);
        this.#begun.pair ||= this.#pair();
        this.offers.diff(message);
        return;
      case 'ask':
        this.offers.ask(message);
        return;
      case 'items':
        this.offers.items(message, (item) => this.has(item.stream));
        return;
      case 'want':
        this.offers.want(message);
        return;
      case 'over':
        this.offers.over();
    }
  }

  /** The frontier changed: the set follows, and what is new goes to the peer. */
  changed(change: Change): void {
    if (!this.#loaded) return;
    const { desk, peer, supplier } = this.#s;
    const gone: Known[] = [], told: Known[] = [];
    for (const item of change.removed) {
      if (!this.has(item.stream)) continue;
      const known = this.#items.remove(item);
      if (known) gone.push(known);
    }
    const fresh = change.added.filter((item) => this.has(item.stream)).map((item) => this.#items.add(item));
    if (gone.length === 0 && fresh.length === 0) return;
    this.#changedAt = desk.now;
    for (const known of gone) this.#remember(known);
    for (const known of fresh) {
      const { item, short } = known;
      if (item.kind !== 0 || !this.#compared || (peer.heldOf(item.log)?.to ?? 0) >= item.to) continue;
      const before = gone.filter((k) => k.item.kind === 0 && k.item.stream === item.stream && equal(k.item.node, item.node));
      if (equal(item.node, desk.host.node) && before.every((k) => !peer.lacks(k.short))) {
        for (const k of before) peer.holds(k.item.log, k.item.to, k.item.after);
        supplier.push({ stream: item.stream, target: { log: item.log, from: 1, to: item.to, lineage: true }, have: before.map((k) => ({ log: k.item.log, position: k.item.to, e: k.item.after })) });
      } else {
        peer.setLacks([short]);
        told.push(known);
      }
    }
    for (const known of gone) peer.clearLack(known.short);
    if (told.length > 0 && told.length <= JOBS) this.offers.announce(told);
  }

  /** Goes on; call after every input. True when both sides' roots were found equal just now, or nothing more can be had. */
  work(): void {
    const { desk, supplier, intake } = this.#s;
    this.deadline = Infinity;
    if (!this.#loaded) return;
    if (this.offers.work()) this.#endComparison();
    if (this.#comparison || !this.#compared || !this.offers.idle || !supplier.idle || !intake.idle) return;
    const { sent, received, pair } = this.#begun;
    if (pair !== '') {
      // The last comparison has run its course: did anything come of it?
      const moved = supplier.sent > sent || intake.received > received;
      this.#begun.pair = '';
      if (pair === this.#pair() && (!moved || pair === this.#lastPair)) this.#settled = pair;
      this.#lastPair = pair;
      if (intake.received > received) this.#tellNow = true;
      if (supplier.sent > sent) this.#heardAt = desk.now;
    }
    if (this.agreed || this.settled) return;
    if (this.#peerSum && this.#same(this.#peerSum)) this.#agree(true);
    else if (desk.opener) this.#again();
    else this.#tell();
  }

  #makeOffers(): Offers {
    const { desk, peer, hash, supplier, wantNumber } = this.#s;
    const find = (short: number): Known | undefined => this.#comparison?.snapshot.find(short) ?? this.find(short);
    return new Offers({ set: this.set, desk, peer, hash, supplier, items: this.#items, find, wantNumber, sum: () => this.#comparison?.sum ?? this.#sum() });
  }

  #mine(): string {
    return hex(this.#items.root());
  }

  #pair(): string {
    return `${this.#mine()} ${this.#peerSum ? hex(this.#peerSum.root) : ''}`;
  }

  #sum(): Sum {
    return { count: this.#items.count, root: this.#items.root() };
  }

  #same(sum: Sum): boolean {
    return sum.count === this.#items.count && equal(sum.root, this.#items.root());
  }

  #hear(sum: Sum): void {
    this.#peerSum = sum;
    this.#heardAt = 0;
  }

  #begin(): void {
    this.#comparison = new Comparison(this.#s.desk, this.set, this.#items.snapshot());
    this.offers.begin();
  }

  #endComparison(): void {
    this.#comparison = undefined;
    this.offers.drop();
  }

  /** The difference is known here. */
  #found(difference: Difference | undefined): void {
    if (!difference) return;
    this.#compared = true;
    this.#s.peer.setLacks(difference.mine.map((k) => k.short));
    this.offers.known(difference.mine, difference.theirs);
  }

  /** Both sides hold the same. */
  #agree(say: boolean): void {
    this.#endComparison();
    this.#compared = true;
    this.#pause = 0;
    this.#nextCompare = 0;
    this.#settled = undefined;
    this.#begun.pair = '';
    if (this.#agreed !== this.#mine()) this.#s.peer.clearLacks();
    this.#agreed = this.#told = this.#mine();
    if (say) this.#s.desk.say({ kind: 'same', set: this.set, sum: this.#sum() });
  }

  /** The opener's next comparison: soon, if the peer is not about to tell that it has caught up. */
  #again(): void {
    const { desk } = this.#s;
    const slow = desk.thin ? 10 : 1;
    const told = this.#heardAt > 0 ? this.#heardAt + slow * TELL_MS : 0;
    const quiet = this.#agreed !== undefined ? this.#changedAt + slow * (TELL_MS + 2 * QUIET_MS) : 0;
    const at = Math.max(this.#nextCompare, told, quiet);
    if (at <= desk.now) this.compare();
    else this.deadline = at;
  }

  /** The accepter tells its root: at once after a comparison, otherwise when it is quiet, and not too often. */
  #tell(): void {
    const { desk } = this.#s;
    if (this.#told === this.#mine()) return;
    const slow = desk.thin ? 10 : 1;
    const at = this.#tellNow ? 0 : Math.max(this.#changedAt + slow * QUIET_MS, this.#toldAt + slow * TELL_MS);
    if (at > desk.now) {
      this.deadline = at;
      return;
    }
    this.#tellNow = false;
    this.#toldAt = desk.now;
    this.#told = this.#mine();
    desk.say({ kind: 'state', set: this.set, sum: this.#sum() });
  }

  #remember(known: Known): void {
    if (this.#recent.size >= REMEMBERED / 8) this.#recent.delete(this.#recent.keys().next().value!);
    this.#recent.set(known.short, known);
  }
}

/** Streams in both interests; null stands for all. */
export function meet(a: string[] | null, b: string[] | null): string[] | null {
  if (a === null || b === null) return a ?? b;
  const other = new Set(b);
  return a.filter((stream) => other.has(stream));
}

/** Which set an item belongs to. */
export function setOf(item: Item): SetNumber {
  return item.stream === '$fleet' ? 0 : 1;
}
