// The other processes of this node: those that share its store are no copies of it; each peer is one process's to call first, without a word between them.

import type { Bytes } from '../ports.ts';
import { concat, hex } from '../event/bytes.ts';
import { SIBLING_ASK_MS, SIBLING_STALE_MS, SIBLING_TURN_MS } from './fanout-bounds.ts';
import type { Member } from './fanout-members.ts';

/** Bytes of the name under which a process is announced that its instances begin with: a process may be at several brokers, as another instance at each. */
const MARK_BYTES = 4;

/** An instance of the process that is announced under `name`; `random`: 8 bytes. */
export function instanceOf(name: Bytes, random: Bytes): Bytes {
  return concat(name.subarray(0, MARK_BYTES), random.subarray(MARK_BYTES));
}

function placeOf({ name }: Pick<Member, 'name'>): number { return parseInt(name.slice(0, 8), 16); }

/** What is known of processes at the own node level. */
export class Siblings {
  readonly #shared: boolean;
  readonly #level: string;
  readonly #own: number;
  /** What instances of siblings begin with, in hex. */
  #marks = new Set<string>();
  /** When it was last asked who they are, and when that was of which the answer is known. */
  #askedAt = -Infinity;
  #knownAt = -Infinity;
  #asking = false;

  /** `shared`: there may be some; `level` and `instance`: the own ones. */
  constructor(shared: boolean, level: string, instance: Bytes) {
    this.#shared = shared;
    this.#level = level;
    this.#own = placeOf({ name: hex(instance) });
  }

  /** True for a process that shares the store: it was announced to be one. */
  has(member: Member): boolean {
    return member.level === this.#level && this.#marks.has(member.name.slice(0, 2 * MARK_BYTES));
  }

  /** True for another process of this node that is no sibling, for all that was asked since its head came: a dead one, or a copy. */
  isStrange(member: Member): boolean {
    return member.level === this.#level && (!this.#shared || (!this.has(member) && this.#knownAt >= member.heardAt));
  }

  /** True for a head that nobody seems to publish any more: to be cleared, not to be called, until it shows that it lives. */
  isLeft(member: Member): boolean {
    return this.#shared && !member.lively && this.isStrange(member);
  }

  /** True for a process of this node of which there is nothing to be had: a sibling, or one that may turn out to be one. */
  isSpared(member: Member): boolean {
    return member.level === this.#level && !this.isStrange(member);
  }

  /** When it must be asked who they are, with these about; or Infinity. */
  due(members: Iterable<Member>): number {
    if (!this.#shared || this.#asking) return Infinity;
    let at = Infinity;
    for (const member of members) {
      if (member.level !== this.#level) continue;
      if (this.has(member)) at = Math.min(at, Math.max(this.#knownAt, member.heardAt) + SIBLING_STALE_MS);
      else if (this.#knownAt < member.heardAt) at = Math.min(at, this.#askedAt + SIBLING_ASK_MS);
    }
    return at;
  }

  /** True when it is to be asked now. */
  asks(members: Iterable<Member>, now: number): boolean {
    if (this.due(members) > now) return false;
    this.#askedAt = now;
    return this.#asking = true;
  }

  /** Their names, or undefined: it could not be said. Who is none any more has died, and its head is cleared unless it comes again. */
  answered(names: Bytes[] | undefined, members: Iterable<Member>, now: number): void {
    this.#asking = false;
    if (!names) return;
    const before = [...members].filter((member) => this.has(member));
    this.#marks = new Set(names.map((name) => hex(name.subarray(0, MARK_BYTES))));
    this.#knownAt = this.#askedAt;
    for (const member of before) {
      if (this.has(member)) continue;
      member.lively = false;
      member.heardAt = now;
    }
  }

  /** Where those stand that are at the broker, as chance made their names. */
  present(members: Iterable<Member>): number[] {
    return this.#marks.size ? [...members].filter((member) => this.has(member)).map(placeOf) : [];
  }

  /** How long this process lets those who are present go first that are nearer to a peer. */
  turn(peer: Member, present: number[]): number {
    const at = placeOf(peer), mine = (this.#own ^ at) >>> 0;
    return present.filter((place) => ((place ^ at) >>> 0) < mine).length * SIBLING_TURN_MS;
  }
}
