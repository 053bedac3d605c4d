// After a comparison found which items differ: what can be sent at once is sent, the rest is told in full, and what is lacking is wanted.

import { Fault } from '../fault.ts';
import type { Tip } from '../event/chain.ts';
import { DIFF_IDS, HAVE_TIPS, OLDER_TIPS, PAGES_OPEN, PAGE_ITEMS } from './bounds.ts';
import type { Desk } from './desk.ts';
import type { Item } from './host.ts';
import type { ItemHash } from './itemid.ts';
import { packShorts, shortOf, unpackShorts } from './itemid.ts';
import type { ItemSet, Known } from './itemset.ts';
import type { Message, SetNumber, Sum, Want } from './message.ts';
import type { PeerView } from './peerview.ts';
import { Lacks } from './peerview.ts';
import type { Job, Supplier } from './supplier.ts';

/** What the two sides tell and want of one set. */
export interface OffersParts { set: SetNumber; desk: Desk; peer: PeerView; hash: ItemHash; supplier: Supplier; items: ItemSet; find: (short: number) => Known | undefined; wantNumber: () => number; sum: () => Sum }

/** Numbers below this are those of sets. */
export const FIRST_WANT = 2;
/** ITEMS that may wait for the node's word on them. */
const PAGES_ASKED = 64;

/** The exchange about one set: one at a time as part of a comparison, and announcements at any time. */
export class Offers {
  /** Our items that the peer is known to lack. */
  readonly lacks = new Lacks();
  readonly #p: OffersParts;
  #queue: Known[] = [];
  #page = 0;
  readonly #pages = new Set<number>();
  readonly #wants = new Set<number>();
  #asked = 0;
  // Of the comparison under way: what this side still waits for before it is through, and who said so.
  #expects: 'none' | 'diff' | 'nothing yet' | 'ask' | 'nothing more' = 'none';
  #ended = false;
  #busy = 0;
  #extra: Known[] = [];
  #overSaid = false;
  #overHeard = false;
  // What the peer pushes in this comparison counts as a want of ours, number 0 or 1 by set.
  #pushed: 'unknown' | 'done' = 'unknown';

  constructor(parts: OffersParts) {
    this.#p = parts;
  }

  /** True when no answer is awaited, from the node or the peer, and no comparison is under way. */
  get idle(): boolean {
    return this.#expects === 'none' && this.#wants.size === 0 && this.#asked === 0 && this.#busy === 0;
  }

  /** A comparison begins: the side that does not work out the difference waits for the other's DIFF. */
  begin(): void {
    this.#expects = 'diff';
    this.#overSaid = this.#overHeard = false;
    this.#extra = [];
    this.#queue = [];
    this.#pushed = 'unknown';
    this.#wants.delete(this.#p.set);
  }

  /** The comparison was equal, or is given up. */
  drop(): void {
    this.#expects = 'none';
  }

  /** This side knows the difference: own items that the peer lacks, and shorts of the peer's that we lack. */
  known(mine: Known[], theirs: Set<number>): void {
    this.#expects = 'nothing yet';
    this.#explain(mine, theirs, (left, pushing) => {
      const yours = [...theirs].slice(0, DIFF_IDS);
      const tell = theirs.size > 0 && left.length <= 4 * theirs.size + 32;
      this.#extra = tell ? left.slice(DIFF_IDS) : left;
      const shorts = tell ? left.slice(0, DIFF_IDS).map((k) => k.short) : [];
      const ids = shorts.length + yours.length > 0, more = this.#extra.length > 0;
      this.#p.desk.say({ kind: 'diff', set: this.#p.set, sum: this.#p.sum(), pushing, more, mine: packShorts(shorts), yours: packShorts(yours) });
      if (ids) this.#expects = 'ask';
      else if (more) this.#tellExtra();
      else this.#end();
    });
  }

  /** The peer's DIFF. Fault `bad-message` when none is awaited. */
  diff(message: Extract<Message, { kind: 'diff' }>): void {
    if (this.#expects !== 'diff') throw new Fault('bad-message', 'A difference that nobody awaits.');
    this.#pushes(message.pushing);
    if (message.mine.length + message.yours.length === 0) {
      if (message.more) this.#expects = 'nothing more';
      else this.#end();
      return;
    }
    this.#expects = 'nothing yet';
    const mine = unpackShorts(message.yours).map((s) => this.#p.find(s)).filter((k) => k !== undefined);
    this.lacks.add(mine.map((k) => k.short));
    const theirs = new Set(unpackShorts(message.mine));
    this.#explain(mine, theirs, (left, pushing) => {
      this.#queue.push(...left);
      this.#expects = 'nothing more';
      this.#p.desk.say({ kind: 'ask', set: this.#p.set, pushing, shorts: packShorts([...theirs]) });
    });
  }

  /** The peer asks for items of our DIFF in full. Fault `bad-message` when that is not awaited. */
  ask(message: Extract<Message, { kind: 'ask' }>): void {
    if (this.#expects !== 'ask') throw new Fault('bad-message', 'A question for items that nobody told of.');
    this.#pushes(message.pushing);
    for (const short of unpackShorts(message.shorts)) {
      const known = this.#p.find(short);
      if (known?.item.kind === 0) this.#queue.push(known);
    }
    this.#tellExtra();
  }

  #tellExtra(): void {
    this.#expects = 'nothing more';
    this.#queue.push(...this.#extra);
    this.#extra = [];
  }

  #end(): void {
    this.#expects = 'none';
    this.#ended = true;
  }

  /** The peer pushes segments as part of this comparison, and says DONE with the set's number when all are sent. */
  #pushes(pushing: boolean): void {
    if (pushing && this.#pushed !== 'done') this.#wants.add(this.#p.set);
  }

  /** Tells of new items unasked. */
  announce(items: Known[]): void {
    for (let i = 0; i < items.length; i += PAGE_ITEMS) this.#p.desk.say({ kind: 'items', set: this.#p.set, page: 0, items: items.slice(i, i + PAGE_ITEMS).map((k) => k.item) });
  }

  /** Items of the peer; `ours`: whether an item's stream belongs to the set. Those that the door would take something of are wanted. Fault `bad-message` for too many. */
  items(message: Extract<Message, { kind: 'items' }>, ours: (item: Item) => boolean): void {
    const { desk, set, items, hash, peer, wantNumber } = this.#p;
    if (++this.#asked > PAGES_ASKED) throw new Fault('bad-message', 'The peer tells more items than it was asked for.');
    const tips = message.items.filter((item) => item.kind === 0 && ours(item));
    desk.ask({ kind: 'lacking', tips }, (lacking) => {
      this.#asked--;
      const wants: Want[] = [];
      tips.forEach((item, i) => {
        const { lo, hi } = hash.of(item);
        peer.holds(item.log, item.to, item.after);
        if (!lacking[i]) return;
        const have = items.tipsBeside(item).slice(-HAVE_TIPS).map(({ item: { log, to, after } }): Tip => ({ log, position: to, e: after }));
        wants.push({ short: shortOf(lo, hi), have });
      });
      if (wants.length === 0 && message.page === 0) return;
      const number = wants.length > 0 ? wantNumber() : 0;
      if (number > 0) this.#wants.add(number);
      desk.say({ kind: 'want', set, number, page: message.page, wants });
    });
  }

  /** The peer wants segments. Fault `bad-message` for a page that was not told. */
  want(message: Extract<Message, { kind: 'want' }>): void {
    const { page, number, wants } = message;
    if (page > 0 && !this.#pages.delete(page)) throw new Fault('bad-message', 'An answer to a page that was not told.');
    if (number === 0) return;
    const { supplier, find, set } = this.#p;
    const jobs = wants.flatMap((want) => {
      if ('log' in want) {
        const stream = set === 0 ? '$fleet' : '';
        return [{ stream, target: { log: want.log, from: want.from, to: want.to, lineage: false }, have: [] }];
      }
      const known = find(want.short);
      if (!known) return []; // replaced by a later one, which is told on its own
      this.lacks.remove(want.short);
      const { log, to, stream } = known.item;
      return [{ stream, target: { log, from: 1, to, lineage: true }, have: want.have }];
    });
    supplier.serve(number, jobs);
  }

  /** All segments of one of our WANTs, or those pushed in a comparison (number 0 or 1, by set), have been sent. */
  done(number: number): boolean {
    if (number === this.#p.set) this.#pushed = 'done';
    return this.#wants.delete(number);
  }

  /** The peer has nothing more to tell. */
  over(): void {
    this.#overHeard = true;
  }

  /** Sends pages as the peer answers them, and ends the comparison; call after every input. True when it has just ended. */
  work(): boolean {
    const { desk, set } = this.#p;
    while (this.#queue.length > 0 && this.#pages.size < PAGES_OPEN) {
      const items = this.#queue.splice(0, PAGE_ITEMS).map((k) => k.item);
      this.#pages.add(++this.#page);
      desk.say({ kind: 'items', set, page: this.#page, items });
    }
    if (this.#ended) {
      this.#ended = false;
      return true;
    }
    if (this.#expects !== 'nothing more') return false;
    if (!this.#overSaid && this.#busy === 0 && this.#queue.length === 0 && this.#pages.size === 0) {
      this.#overSaid = true;
      desk.say({ kind: 'over', set });
    }
    if (!this.#overSaid || !this.#overHeard) return false;
    this.#expects = 'none';
    return true;
  }

  /**
   * Wants our holes filled, and pushes what follows on a tip that the peer has: an earlier one of the same lineage whose id is among `theirs`.
   * Takes what it explained out of `theirs`; `then` gets our tips that are left.
   */
  #explain(mine: Known[], theirs: Set<number>, then: (left: Known[], pushing: boolean) => void): void {
    const { desk, set, supplier, wantNumber } = this.#p;
    const ranges: Want[] = mine.filter((k) => k.item.kind === 1).map(({ item: { log, from, to } }) => ({ log, from, to }));
    for (let i = 0; i < ranges.length; i += PAGE_ITEMS) {
      const number = wantNumber();
      this.#wants.add(number);
      desk.say({ kind: 'want', set, number, page: 0, wants: ranges.slice(i, i + PAGE_ITEMS) });
    }
    const tips = mine.filter((k) => k.item.kind === 0);
    const left: Known[] = [];
    const jobs: Job[] = [];
    this.#busy++;
    const step = (from: number): void => {
      const part = tips.slice(from, from + PAGE_ITEMS);
      if (part.length === 0 || theirs.size === 0) {
        this.#busy--;
        if (jobs.length > 0) supplier.serve(set, jobs);
        then([...left, ...tips.slice(from)], jobs.length > 0);
        return;
      }
      desk.ask({ kind: 'older', tips: part.map((k) => k.item), most: OLDER_TIPS }, (older) => {
        part.forEach((known, i) => {
          const job = this.#follows(known, older[i] ?? [], theirs);
          if (job) jobs.push(job);
          else left.push(known);
        });
        step(from + PAGE_ITEMS);
      });
    };
    step(0);
  }

  /** The job that brings the peer from tips that it has to one of ours. */
  #follows(known: Known, older: Tip[], theirs: Set<number>): Job | undefined {
    const { hash, peer } = this.#p;
    const have: Tip[] = [];
    for (const tip of older) {
      const { lo, hi } = hash.ofTip(tip.log, tip.position, tip.e);
      if (!theirs.delete(shortOf(lo, hi))) continue;
      peer.holds(tip.log, tip.position, tip.e);
      have.push(tip);
    }
    if (have.length === 0) return undefined;
    this.lacks.remove(known.short);
    const { log, to, stream } = known.item;
    return { stream, target: { log, from: 1, to, lineage: true }, have };
  }
}
