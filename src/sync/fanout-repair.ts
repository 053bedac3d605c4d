// Which process is called, and when: what heads and gaps speak for stands for a while, is looked at again, and one peer is asked, not all by all.

import { BUSY_MOST_MS, BUSY_MS, BUSY_NAMES, CALL_PAUSE_MOST_MS, DIFFER_BUSY_MS, DIFFER_EACH_MS, DIFFER_MS, HEAD_EACH_MS, HEAD_MS, LACK_MS, REVIEW_MS, SPREAD_EACH_MS, SPREAD_MS } from './fanout-bounds.ts';
import type { Running } from './fanout-calls.ts';
import type { Member, ShownTip } from './fanout-members.ts';
import type { Ended } from './fanout-host.ts';
import type { Fanout } from './fanout.ts';

/** All heads are looked at again this often, and so soon after a change here. */
const SWEEP_MS = 60_000, SWEEP_SOON_MS = 1_000;
/** For one exchange: how long a difference stands. */
const HASTY_MS = 300;
/** A session that carried fewer bytes between two reviews is at rest but for live events; after so many such reviews it ends whatever it waits for. */
const RESTING_BYTES = 65_536, RESTING_REVIEWS = 10;
/** Pause after a session that ended for what a peer said in it. */
const BAD_PAUSE_MS = 300_000, BAD = ['bad-message', 'bad-signature', 'bad-segment'];
/** Somebody who was found to hold the same so lately probably still holds what we hold. */
const EQUAL_MS = 30_000;

/** Reasons, calls and what comes of them. */
export class Repair {
  readonly #fanout: Fanout;
  readonly #ask: (tips: ShownTip[]) => void;
  #asking: { member: Member; session: string | undefined } | undefined;
  #sweepAt = Infinity;
  #due: number | undefined;
  #now = 0;
  readonly #reviews = new Map<string, { traffic: number; resting: number; at: number }>();

  constructor(fanout: Fanout, ask: (tips: ShownTip[]) => void) {
    this.#fanout = fanout;
    this.#ask = ask;
  }

  /** A newer head of this process came, or own state changed: does it differ? */
  look(member: Member, now: number): void {
    this.stir();
    if (!member.known && this.#fanout.options.host.standing(member.head.node) === 'member') this.#fanout.members.recognised(member);
    const verdict = this.#fanout.standOf(member, now);
    if (verdict === 'equal') member.levelAt = now;
    // In one exchange there is no time to wait for what is on its way.
    const differs = (verdict === 'other' || (verdict === 'late' && this.#fanout.options.hasty)) && this.#fanout.states.settled(member.head, now) === 0;
    // Another process of this node that lives and shares no store with it is a copy of its disk: a session proves it, and raises the alarm.
    const copy = this.#fanout.siblings.isStrange(member) && member.lively && !member.met;
    const late = member.excused?.sequence === member.head.sequence && now < member.excused.until;
    this.#fanout.members.differs(member, (differs && !late) || copy, now);
    this.#sweepAt = Math.min(this.#sweepAt, now + SWEEP_MS);
  }

  /** Own items changed. */
  changed(now: number): void { this.stir(); this.#sweepAt = Math.min(this.#sweepAt, now + SWEEP_SOON_MS); }

  /** What a segment of this node level follows on may be missing. */
  gap(level: string, tip: ShownTip, now: number): void {
    this.stir();
    let best: Member | undefined;
    for (const member of this.#fanout.members.all()) if (member.level === level && (!best || member.heardAt > best.heardAt)) best = member;
    if (best) this.#fanout.members.miss(best, tip, now); // nobody there: the hole makes a difference to all others
  }

  /** It has no room; what it shows is perhaps to be had from others. */
  busy(peer: string, level: string, ms: number, others: string[], now: number): void {
    this.stir();
    this.#now = now;
    const { members } = this.#fanout, busy = members.get(peer, level);
    if (!busy) return;
    busy.notBefore = this.#now + ms;
    for (const other of others.flatMap((name) => members.named(name))) {
      if (busy.lackSince !== undefined) for (const tip of members.shown(busy).slice(0, BUSY_NAMES)) members.miss(other, tip, busy.lackSince);
      else if (busy.differSince !== undefined && this.#fanout.standOf(other, this.#now) === 'other') members.differs(other, true, busy.differSince);
    }
  }

  /** It did not answer. */
  silent(peer: string, level: string, now: number): void {
    this.stir();
    this.#now = now;
    const member = this.#fanout.members.get(peer, level);
    if (!member) return;
    member.deaf = 'no answer';
    this.#fanout.members.failed(member, this.#now);
  }

  /** Processes that hold what this one holds. */
  equals(): string[] {
    const { members, siblings } = this.#fanout, all = [...members.all()];
    return [...all.filter((m) => siblings.has(m)), ...all.filter((m) => m.levelAt !== undefined && m.levelAt + EQUAL_MS > this.#now && !m.deaf && !siblings.isSpared(m))].map((m) => m.name);
  }

  /** How long a session with it would bring nothing: the same difference was looked into with another. */
  useless(peer: string, level: string, now: number): number {
    this.#now = now;
    const { members, siblings, states, calls } = this.#fanout, member = members.get(peer, level);
    if (!member) return 0;
    if (siblings.isSpared(member)) return BUSY_MOST_MS;
    // What a session with one process of a store brings, all others there have.
    return Math.max(states.settled(member.head, this.#now), member.shutUntil - this.#now, member.head.shared && calls.meets(level, peer, this.#now) ? BUSY_MS : 0);
  }

  /** When a process may be called, for all that is known now; Infinity: there is no reason. */
  #ripeAt(member: Member, present: number[]): number {
    const { members, siblings, states, options, calls } = this.#fanout, n = members.size;
    if (member.lackSince === undefined && member.differSince === undefined) return Infinity;
    if (siblings.isSpared(member) || siblings.isLeft(member) || calls.with(member.name) || (member.head.shared && calls.meets(member.level, member.name))) return Infinity;
    if (options.hasty) return Math.max(member.notBefore, (member.lackSince ?? member.differSince!) + HASTY_MS);
    const spread = member.lot * (SPREAD_MS + SPREAD_EACH_MS * n);
    const lack = member.lackSince === undefined ? Infinity : member.lackSince + LACK_MS;
    // Of a stranger not even a tip is asked for while it waits in quarantine: what makes it a member is among what differs.
    const differ = member.differSince === undefined ? Infinity : !member.known ? member.differSince + LACK_MS : Math.min(
      Math.max(member.differSince, states.changedAt, member.heardAt) + DIFFER_MS, member.differSince + DIFFER_BUSY_MS + DIFFER_EACH_MS * n);
    // What this process alone has seen to be missing is its own to ask for.
    const turn = member.gaps.size ? 0 : siblings.turn(member, present);
    return Math.max(Math.min(lack, differ) + turn + spread, member.notBefore);
  }

  /** When `work` is due, or Infinity. Reckoned only when something has happened: this is asked after each message. */
  get deadline(): number {
    if (this.#due !== undefined) return this.#due;
    let at = this.#sweepAt;
    const { members, siblings, calls } = this.#fanout;
    if (!this.#asking && calls.room) {
      const present = siblings.present(members.all());
      for (const member of members.all()) at = Math.min(at, this.#ripeAt(member, present));
    }
    return this.#due = at;
  }

  /** Something has happened that may bring a call about, or make room for one. */
  stir(): void { this.#due = undefined; }

  /** Looks at what is due and calls whom there is a reason to call. */
  work(now: number): void {
    this.#now = now;
    if (this.deadline > now) return;
    this.stir();
    if (this.#sweepAt <= now) {
      this.#sweepAt = Infinity;
      for (const member of this.#fanout.members.all()) this.look(member, now);
    }
    const { members, siblings, calls } = this.#fanout, present = siblings.present(members.all());
    while (!this.#asking && calls.room) {
      let best: Member | undefined, at = Infinity;
      for (const member of members.all()) {
        const ripe = this.#ripeAt(member, present);
        // Who shows what is lacking goes before who only differs.
        if (ripe <= now && (!best || (Number(member.lackSince !== undefined) - Number(best.lackSince !== undefined) || at - ripe) > 0)) { best = member; at = ripe; }
      }
      if (!best) return;
      this.#consider(best, now);
    }
  }

  #consider(member: Member, now: number): void {
    const { members, options } = this.#fanout;
    if (options.host.standing(member.head.node) === 'revoked') {
      member.deaf = 'revoked here';
      members.failed(member, now, CALL_PAUSE_MOST_MS);
      return;
    }
    if (member.lackSince !== undefined) {
      const tips = members.shown(member);
      if (tips.length) {
        this.#asking = { member, session: undefined };
        this.#ask(tips);
        return;
      }
      member.lackSince = undefined;
    }
    this.look(member, now);
    if (member.differSince !== undefined) this.#call(member, now);
  }

  #call(member: Member, now: number): void { this.stir(); this.#fanout.calls.call(member.name, member.level, now); }

  /** What the node said to the tips that it was asked about. */
  answered(answers: boolean[], now: number): void {
    this.stir();
    const asked = this.#asking;
    this.#asking = undefined;
    const member = asked && this.#fanout.members.get(asked.member.name, asked.member.level), lacks = answers.some((one) => one);
    if (asked?.session !== undefined) {
      const review = this.#reviews.get(asked.session);
      if (review && !lacks && this.#fanout.calls.get(asked.session)) this.#fanout.leave(asked.session);
      return;
    }
    if (!member || !this.#fanout.up) return;
    if (!lacks) {
      member.lackSince = undefined;
      member.gaps.clear();
    } else if (this.#fanout.calls.room && !this.#fanout.calls.with(member.name)) this.#call(member, now);
  }

  /** A session is over. */
  ended({ session, peer, level }: Running, how: Ended, now: number): void {
    this.stir();
    this.#now = now;
    this.#reviews.delete(session);
    const { members } = this.#fanout, member = members.get(peer, level);
    if (!member) return;
    if (how.equal && how.code === undefined) {
      member.levelAt = now;
      member.lackSince = member.differSince = undefined;
      member.gaps.clear();
    }
    if (!how.equal && !how.moved && how.code === undefined) {
      this.#fanout.states.settle(member.head, now);
      for (const other of members.all()) this.look(other, now);
    }
    member.met ||= how.code === undefined;
    const refused = how.code === 'revoked' || how.code === 'not-a-member';
    // Who signs falsely, or hands on what a bad disk made of it, does so again.
    const bad = how.code !== undefined && BAD.includes(how.code), mates = members.mates(member);
    member.deaf = refused ? how.code : undefined;
    if (how.moved && !refused) members.worked(member, now);
    else for (const one of refused || bad ? [member, ...mates] : [member]) {
      if (refused) one.deaf = how.code;
      members.failed(one, now, refused ? CALL_PAUSE_MOST_MS : bad ? BAD_PAUSE_MS : 0);
      if (bad) one.shutUntil = one.notBefore;
    }
    if (how.equal && how.code === undefined) for (const mate of mates) this.#excuse(mate, now);
  }

  /** A process on the same store holds what this one does: so does this, and its next head will say so. What it has not stored yet may still be lacking. */
  #excuse(mate: Member, now: number): void {
    const { members } = this.#fanout;
    mate.levelAt = now;
    mate.excused = { sequence: mate.head.sequence, until: now + HEAD_MS + HEAD_EACH_MS * members.size + DIFFER_MS };
    mate.gaps.clear();
    if (mate.lackSince !== undefined) mate.lackSince = now;
    this.look(mate, now);
  }

  /** Ends sessions that have brought what they were asked for, and that live events alone keep from coming to rest. Gives when to look again. */
  review(now: number): number {
    this.#now = now;
    let next = Infinity;
    for (const { session, since, peer, level, role } of this.#fanout.calls.running()) {
      const review = this.#reviews.get(session) ?? { traffic: 0, resting: 0, at: since };
      this.#reviews.set(session, review);
      if (review.at + REVIEW_MS <= now) {
        const traffic = this.#fanout.options.host.traffic(session);
        review.resting = traffic - review.traffic < RESTING_BYTES ? review.resting + 1 : 0;
        review.traffic = traffic;
        review.at = now;
        const member = this.#fanout.members.get(peer, level);
        if (review.resting >= RESTING_REVIEWS) this.#fanout.leave(session);
        else if (review.resting > 0 && role === 'open' && member && !this.#asking) {
          const tips = this.#fanout.members.shown(member);
          if (tips.length) {
            this.#asking = { member, session };
            this.#ask(tips);
          } else this.#fanout.leave(session);
        }
      }
      next = Math.min(next, review.at + REVIEW_MS);
    }
    return next;
  }
}
