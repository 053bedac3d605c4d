// The processes that show heads at a broker: who they are, what they showed last, and what speaks for calling one.

import type { Bytes } from '../ports.ts';
import { equal, hex } from '../event/bytes.ts';
import { CALL_PAUSE_MOST_MS, CALL_PAUSE_MS, GAP_TIPS, LEVEL_MEMBERS, MEMBERS } from './fanout-bounds.ts';
import { covers, type Head } from './fanout-head.ts';

/** A tip that somebody shows, in the form in which the door is asked about it. */
export interface ShownTip { log: Bytes; node: Bytes; to: number; after: Bytes }

/** One process at the broker. Times are uptime in ms. */
export interface Member {
  /** Instance in hex. */
  readonly name: string;
  readonly level: string;
  /** Its node is a member of the fleet for all that is known here. */
  known: boolean;
  head: Head;
  /** When its last head came. */
  heardAt: number;
  /** Whether more than one head of it was heard: it lives, or lived while we did. */
  lively: boolean;
  /** Since when it shows tips that were not asked about, or that are lacking. */
  lackSince: number | undefined;
  /** Tips that are lacking besides those of its head: predecessors of what it fanned out, or what a busy peer showed. */
  gaps: Map<string, ShownTip>;
  /** Since when its head differs. */
  differSince: number | undefined;
  /** A head of this number differs for being late: a process on the same store has settled it. Until when that is believed. */
  excused: { sequence: number; until: number } | undefined;
  /** When it was last known to hold the same: by its head, or after a session. */
  levelAt: number | undefined;
  /** It is not called before this moment, and after the next failure not for so long. */
  notBefore: number;
  pause: number;
  /** At random, from 0 to 1: when within the spread it is called. Drawn anew with each reason. */
  lot: number;
  /** It said that this node is revoked, or did not know us; or never answers. */
  deaf: string | undefined;
  /** A session with it has ended in order: it is who it says. */
  met: boolean;
  /** Until when it is not let in either: what it said in a session was worth nothing. */
  shutUntil: number;
}

/** All processes with a head. Anybody may write any instance into a head of his own: only with the node level is it a process. */
export class Members {
  readonly #all = new Map<string, Member>();
  #levels: Set<string> | undefined;
  readonly #lot: () => number;
  readonly #interest: string[] | null;

  /** `lot` draws from 0 to 1; `interest`: tips of other streams are nothing to us. */
  constructor(lot: () => number, interest: string[] | null) {
    this.#lot = lot;
    this.#interest = interest;
  }

  get size(): number { return this.#all.size; }
  all(): IterableIterator<Member> { return this.#all.values(); }
  get(name: string, level: string): Member | undefined { return this.#all.get(`${level} ${name}`); }
  /** Those that show this instance. */
  named(name: string): Member[] { return [...this.#all.values()].filter((member) => member.name === name); }
  /** The other processes on the store of this one. */
  mates(member: Member): Member[] { return member.head.shared ? [...this.#all.values()].filter((m) => m !== member && m.level === member.level && m.head.shared) : []; }
  remove({ name, level }: Pick<Member, 'name' | 'level'>): void { this.#all.delete(`${level} ${name}`); }

  /** True for the node level of a member that shows a head. */
  knows(level: string): boolean {
    this.#levels ??= new Set([...this.#all.values()].filter((m) => m.known).map((m) => m.level));
    return this.#levels.has(level);
  }

  /** Its node has turned out to be a member. */
  recognised(member: Member): void {
    member.known = true;
    this.#levels = undefined;
  }

  /** A newer head, its signature checked. */
  heard(level: string, head: Head, known: boolean, now: number): Member {
    const name = hex(head.instance);
    let member = this.get(name, level);
    if (!member) {
      this.#makeRoom(level);
      member = {
        name, level, known, head, heardAt: now, lively: false, lackSince: undefined, gaps: new Map(), differSince: undefined, excused: undefined, levelAt: undefined,
        notBefore: now, pause: CALL_PAUSE_MS, lot: this.#lot(), deaf: undefined, met: false, shutUntil: now,
      };
      this.#all.set(`${level} ${name}`, member);
      this.#levels = undefined;
      if (head.tips.length) this.suspect(member, now);
      return member;
    }
    const fresh = head.tips.some((tip) => !member.head.tips.some((old) => old.position === tip.position && equal(old.log, tip.log) && equal(old.e, tip.e)));
    member.head = head;
    member.known = known;
    this.#levels = undefined;
    member.heardAt = now;
    member.lively = true;
    if (fresh) this.suspect(member, now);
    return member;
  }

  /** It shows something that may be lacking here. */
  suspect(member: Member, now: number): void {
    if (member.lackSince !== undefined) return;
    member.lackSince = now;
    member.lot = this.#lot();
  }

  /** A tip is lacking that this process should have. */
  miss(member: Member, tip: ShownTip, now: number): void {
    const key = `${hex(tip.log)} ${tip.to}`;
    if (member.gaps.size >= GAP_TIPS && !member.gaps.has(key)) return; // the session brings everything anyway
    member.gaps.set(key, tip);
    this.suspect(member, now);
  }

  /** What is asked about this member: the tips of its head, and its gaps. */
  shown(member: Member): ShownTip[] {
    const tips = member.head.tips.filter((tip) => covers(this.#interest, tip.stream));
    return [...tips.map((tip) => ({ log: tip.log, node: member.head.node, to: tip.position, after: tip.e })), ...member.gaps.values()];
  }

  /** Its head differs, or does no more. */
  differs(member: Member, differs: boolean, now: number): void {
    if (!differs) member.differSince = undefined;
    else if (member.differSince === undefined) {
      member.differSince = now;
      if (member.lackSince === undefined) member.lot = this.#lot();
    }
  }

  /** A call or session brought nothing: the next one later, and later each time. */
  failed(member: Member, now: number, least = 0): void {
    member.pause = Math.max(member.pause, least);
    member.notBefore = now + member.pause * (0.75 + 0.5 * this.#lot());
    member.pause = Math.min(CALL_PAUSE_MOST_MS, member.pause * 2);
    member.lot = this.#lot();
  }

  /** Something moved, or both hold the same. */
  worked(member: Member, now: number): void {
    member.pause = CALL_PAUSE_MS;
    member.notBefore = now + CALL_PAUSE_MS * 0.25 * this.#lot();
    member.deaf = undefined;
  }

  /** The longest silent goes first, of the same level, then of all; strangers before members, and those that only one head was heard of before the others. */
  #makeRoom(level: string): void {
    const same = [...this.#all.values()].filter((m) => m.level === level);
    const from = same.length >= LEVEL_MEMBERS ? same : this.#all.size >= MEMBERS ? [...this.#all.values()] : [];
    if (from.length) this.remove(from.reduce((a, b) => (Number(b.known) - Number(a.known) || Number(b.lively) - Number(a.lively) || b.heardAt - a.heardAt) < 0 ? b : a));
  }
}
