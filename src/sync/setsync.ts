// Keeps one set in step with the peer's: loads it, compares it, and pushes or announces what is new.

import { Fault } from '../fault.ts';
import { equal } from '../event/bytes.ts';
import { Agreement } from './agreement.ts';
import { COMPARES, COMPARE_SPAN_MS, JOBS, REMEMBERED } from './bounds.ts';
import type { Difference } from './comparison.ts';
import { Comparison } from './comparison.ts';
import type { Desk } from './desk.ts';
import type { Change } from './host.ts';
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
  readonly #items: ItemSet;
  readonly #agreement: Agreement;
  #streams: Set<string> | null = null;
  #loading = 0;
  #loaded = false;
  #waiting: (() => void)[] = [];
  #comparison: Comparison | undefined;
  #compared = false;
  #unpushed = false; // something came before anything had been compared
  #starts: number[] = [];
  // Tips that were replaced not long ago: the peer may still name them.
  readonly #recent = new Map<number, Known>();
  /** When `work` should be called again, or Infinity. */
  deadline = Infinity;

  constructor(set: SetNumber, shared: Shared) {
    const { desk, peer, hash, supplier, wantNumber } = shared;
    this.set = set;
    this.#s = shared;
    const items = (this.#items = new ItemSet(hash));
    this.#agreement = new Agreement(() => this.#sum(), desk.now);
    const find = (short: number): Known | undefined => this.#comparison?.snapshot.find(short) ?? this.find(short);
    this.offers = new Offers({ set, desk, peer, hash, supplier, items, find, wantNumber, sum: () => this.#comparison?.sum ?? this.#sum() });
  }

  /** True once both sides were found to hold the same, and nothing has changed since here. */
  get agreed(): boolean {
    return this.#loaded && this.#agreement.agreed;
  }

  /** True when nothing is left to do for this set: both sides agree, or have nothing more for each other. */
  get done(): boolean {
    return this.#loaded && (this.#agreement.agreed || this.#agreement.settled);
  }

  /** Both roots and how they stand, as a name. */
  get state(): string {
    return this.#agreement.state;
  }

  /** True when this set is loaded and has never been compared. */
  get untouched(): boolean {
    return this.#loaded && !this.#compared && !this.#comparison;
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
    this.#endComparison();
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
    return this.set === 0 ? stream === '$fleet' : stream !== '$fleet' && (this.#streams === null || this.#streams.has(stream));
  }

  /** Starts a comparison (opener); `early`: before the accepter has said HELLO. */
  compare(early = false): void {
    this.#begin();
    this.#agreement.compared(this.#s.desk.now);
    this.#comparison!.compare(early);
  }

  /** The comparison under way was passed over: the next may start at once. */
  abandon(): void {
    this.#endComparison();
    this.#agreement.abandon();
  }

  /** After a rest: what has changed meanwhile is compared, or told, soon. */
  resume(): void {
    this.#agreement.resume();
  }

  /** A message of this set. Fault `bad-message` for what does not belong. */
  take(message: Extract<Message, { set: SetNumber }>): void {
    const agreement = this.#agreement;
    switch (message.kind) {
      case 'compare':
        this.#onCompare(message.sum, message.probe);
        return;
      case 'same':
      case 'state':
        agreement.hear(message.sum);
        if (this.#comparison && this.#s.desk.opener) {
          // What the peer said of its own accord has crossed our comparison, whose answer is still to come.
          if (message.kind === 'state' || !equal(message.sum.root, this.#comparison.sum.root)) return;
          // Equal to what we told; if something came since, our root tells so by itself.
          this.#endComparison();
          this.#compared = true;
        }
        if (agreement.same(message.sum)) this.#agree(message.kind === 'state');
        else if (message.kind === 'state') agreement.differ(this.#s.desk.now);
        return;
      case 'symbols':
      case 'list':
        if (!this.#comparison) return;
        agreement.hear(message.sum);
        agreement.sums();
        this.#found(message.kind === 'symbols' ? this.#comparison.symbols(message) : this.#comparison.list(message));
        return;
      case 'more':
        this.#comparison?.more(message.list, message.from);
        return;
      case 'diff':
        agreement.hear(message.sum);
        agreement.sums();
        this.#compared = true;
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
      case 'over': this.offers.over();
    }
  }

  /** The frontier changed: the set follows, and what is new goes to the peer. */
  changed(change: Change): void {
    if (!this.#loaded) return;
    const { desk, peer, supplier } = this.#s;
    const gone: Known[] = [], told: Known[] = [];
    for (const item of change.removed) {
      const known = this.has(item.stream) ? this.#items.remove(item) : undefined;
      if (known) gone.push(known);
    }
    const fresh = change.added.filter((item) => this.has(item.stream)).map((item) => this.#items.add(item));
    if (gone.length === 0 && fresh.length === 0) return;
    this.#agreement.changed(desk.now);
    if (!this.#compared) this.#unpushed = true;
    for (const known of gone) this.#remember(known);
    for (const known of fresh) {
      const { item } = known;
      if (item.kind !== 0 || !this.#compared) continue;
      const held = peer.heldOf(item.log);
      if (held && (held.to > item.to || (held.to === item.to && equal(held.e, item.after)))) continue;
      const before = gone.filter((k) => k.item.kind === 0 && k.item.stream === item.stream && equal(k.item.node, item.node));
      if (desk.resting) this.offers.lacks.add([known.short]);
      else if (equal(item.node, desk.host.node) && before.every((k) => !this.offers.lacks.has(k.short))) {
        for (const k of before) peer.holds(k.item.log, k.item.to, k.item.after);
        supplier.push({ stream: item.stream, target: { log: item.log, from: 1, to: item.to, lineage: true }, have: before.map((k) => ({ log: k.item.log, position: k.item.to, e: k.item.after })) });
      } else {
        this.offers.lacks.add([known.short]);
        told.push(known);
      }
    }
    for (const known of gone) this.offers.lacks.remove(known.short);
    // What is too much to announce, the next comparison finds.
    if (told.length <= JOBS) this.offers.announce(told);
  }

  /** Goes on; call after every input. */
  work(): void {
    const { desk, supplier, intake } = this.#s;
    this.deadline = Infinity;
    if (!this.#loaded) return;
    if (this.offers.work()) this.#endComparison();
    if (desk.resting || this.#comparison || !this.#compared || !this.offers.idle || !supplier.idle || !intake.idle) return;
    this.#agreement.over({ sent: supplier.sent, received: intake.received }, desk.now);
    if (this.#unpushed) this.#agreement.hurry(); // once: from now on what comes is pushed
    this.#unpushed = false;
    const advice = this.#agreement.next(desk.opener, desk.thin ? 10 : 1);
    switch (advice.do) {
      case 'rest':
        return;
      case 'same':
        this.#agree(true);
        return;
      default:
        if (advice.at > desk.now) this.deadline = advice.at;
        else if (advice.do === 'compare') this.compare();
        else {
          this.#agreement.told(desk.now);
          desk.say({ kind: 'state', set: this.set, sum: this.#sum() });
        }
    }
  }

  #sum(): Sum {
    return { count: this.#items.count, root: this.#items.root() };
  }

  /** The opener compares. Fault `bad-message` when it does so without end. */
  #onCompare(sum: Sum, probe: Uint8Array): void {
    const { desk } = this.#s;
    if (desk.opener) throw new Fault('bad-message', 'Only the side that connected compares.');
    this.#starts = this.#starts.filter((at) => at > desk.now - COMPARE_SPAN_MS);
    if (this.#starts.push(desk.now) > COMPARES) throw new Fault('bad-message', 'The peer compares again and again.');
    this.#agreement.hear(sum);
    if (this.#agreement.same(sum)) {
      this.#agree(true);
      return;
    }
    this.#begin();
    this.#agreement.sums();
    this.#found(this.#comparison!.compared(sum, probe));
  }

  #begin(): void {
    const { desk, supplier, intake } = this.#s;
    this.#comparison = new Comparison(desk, this.set, this.#items.snapshot());
    this.#agreement.begin({ sent: supplier.sent, received: intake.received });
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
    this.offers.lacks.add(difference.mine.map((k) => k.short));
    this.offers.known(difference.mine, difference.theirs);
  }

  /** Both sides hold the same. */
  #agree(say: boolean): void {
    this.#endComparison();
    this.#compared = true;
    if (!this.#agreement.agreed) this.offers.lacks.clear();
    this.#agreement.agree();
    if (say) this.#s.desk.say({ kind: 'same', set: this.set, sum: this.#sum() });
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
