// Live segments on their way in: repeated ones are known by their hash, who floods is held to a budget, the rest goes to the door in batches.

import type { Bytes, Crypto } from '../ports.ts';
import { equal, hex } from '../event/bytes.ts';
import type { Segment } from '../event/segment.ts';
import { parseSegment } from '../event/segment.ts';
import { lastOf } from '../event/header.ts';
import { BATCH_BYTES, BATCH_SEGMENTS, IDLE_FORGIVEN, IDLE_MESSAGES, INTAKE_BYTES, LEVELS, LOG_ENDS, REMEMBERED_MESSAGES } from './fanout-bounds.ts';
import type { Admitted } from './host.ts';
import type { ShownTip } from './fanout-members.ts';
import type { Topics } from './fanout-topics.ts';

/** Messages by what became of them. `received`: segments that brought events; `repeated`: that brought none; `refused`: not what they should be; `dropped`: unopened, over a budget, or for want of room. */
export interface IntakeCounts { received: number; events: number; repeated: number; refused: number; dropped: number }

/** A live segment that waits for the door; `message`: what to call dealt with then. */
interface Waiting { segment: Segment; level: string; payer: string; message: number }

/** Batches for the door, at most one under way. */
export class Intake {
  readonly counts: IntakeCounts = { received: 0, events: 0, repeated: 0, refused: 0, dropped: 0 };
  readonly #crypto: Crypto;
  readonly #recent = new Set<string>();
  /** By node level: messages that brought nothing, and when that was last reckoned. */
  readonly #idle = new Map<string, { spent: number; at: number }>();
  readonly #ends = new Map<string, number>();
  #waiting: Waiting[] = [];
  #bytes = 0;
  #underway: Waiting[] | undefined;

  constructor(crypto: Crypto) { this.#crypto = crypto; }

  /** True while a node level may have messages opened. */
  within(level: string, now: number): boolean {
    if (this.#spent(level, now) < IDLE_MESSAGES) return true;
    this.counts.dropped++;
    return false;
  }

  #spent(level: string, now: number): number {
    const one = this.#idle.get(level);
    if (!one) return 0;
    one.spent = Math.max(0, one.spent - (now - one.at) * (IDLE_FORGIVEN / 1_000));
    one.at = now;
    return one.spent;
  }

  /** A message of this level brought nothing (or, below zero, something). */
  charge(level: string, messages: number, now: number): void {
    const spent = this.#spent(level, now) + messages;
    this.#idle.delete(level);
    if (spent <= 0) return;
    if (this.#idle.size >= LEVELS) this.#idle.delete(this.#idle.keys().next().value!);
    this.#idle.set(level, { spent, at: now });
  }

  /** Notes bytes that were said; false when that had been done before. */
  fresh(plain: Bytes): boolean {
    const name = hex(this.#crypto.sha256(plain).subarray(0, 8));
    if (this.#recent.has(name)) return false;
    if (this.#recent.size >= REMEMBERED_MESSAGES) this.#recent.delete(this.#recent.values().next().value!);
    this.#recent.add(name);
    return true;
  }

  /** An opened message; `payer`: whose budget it counts on. True when it waits for the door; otherwise it is dealt with. Own ones that come back count as nothing. */
  take(plain: Bytes, level: string, payer: string, stream: string, message: number, now: number, topics: Pick<Topics, 'level' | 'levelOf' | 'streamLevel'>): boolean {
    if (this.#bytes + plain.length > INTAKE_BYTES) {
      this.counts.dropped++; // before it is remembered: it may come again
      return false;
    }
    if (!this.fresh(plain)) {
      if (level === topics.level) return false;
      this.counts.repeated++;
      this.charge(payer, 1, now);
      return false;
    }
    let segment: Segment;
    try {
      segment = parseSegment(plain.slice());
    } catch {
      return this.refuse(payer, now);
    }
    const { header } = segment;
    if (topics.streamLevel(header.stream) !== stream || topics.levelOf(header.node) !== level) return this.refuse(payer, now);
    this.#waiting.push({ segment, level, payer, message });
    this.#bytes += plain.length;
    return true;
  }

  /** Counts a message that is not what it should be. */
  refuse(level: string, now: number): false {
    this.counts.refused++;
    this.charge(level, 2, now);
    return false;
  }

  /** The next batch for the door, when there is one and the last is answered. */
  batch(): Segment[] | undefined {
    if (this.#underway || !this.#waiting.length) return undefined;
    let count = 0, bytes = 0;
    while (count < this.#waiting.length && count < BATCH_SEGMENTS && (count === 0 || bytes + this.#waiting[count]!.segment.bytes.length <= BATCH_BYTES)) bytes += this.#waiting[count++]!.segment.bytes.length;
    this.#underway = this.#waiting.splice(0, count);
    return this.#underway.map((w) => w.segment);
  }

  /** The door's answer to the batch: messages that are dealt with, and tips that may be lacking, with the level that showed them. `undefined`: the door failed, nothing was taken. */
  answered(outcomes: Admitted[] | undefined, now: number): { messages: number[]; gaps: { level: string; tip: ShownTip }[] } {
    const batch = this.#underway ?? [];
    this.#underway = undefined;
    const gaps: { level: string; tip: ShownTip }[] = [];
    batch.forEach(({ segment, level, payer }, i) => {
      this.#bytes -= segment.bytes.length;
      const outcome = outcomes?.[i];
      if (!outcome) { this.counts.dropped++; return; }
      if (outcome.refused) { this.refuse(payer, now); return; }
      if (outcome.events > 0) {
        this.counts.received++;
        this.counts.events += outcome.events;
        this.charge(payer, -4, now);
      } else {
        this.counts.repeated++;
        this.charge(payer, 1, now);
      }
      gaps.push(...this.#before(segment).map((tip) => ({ level, tip })));
    });
    return { messages: batch.map((w) => w.message), gaps };
  }

  /** What must be held for a segment to follow on: unknown only where messages were lost or overtook each other. */
  #before({ header: h, log }: Segment): ShownTip[] {
    const name = hex(log), end = this.#ends.get(name), last = lastOf(h);
    this.#ends.delete(name);
    if (this.#ends.size >= LOG_ENDS) this.#ends.delete(this.#ends.keys().next().value!);
    this.#ends.set(name, Math.max(end ?? 0, last));
    if (h.first > 1) return end === h.first - 1 ? [] : [{ log, node: h.node, to: h.first - 1, after: h.before }];
    return (h.opening?.cites ?? []).filter((tip) => !equal(tip.log, log)).map((tip) => ({ log: tip.log, node: h.node, to: tip.position, after: tip.e }));
  }

  /** Messages that nobody will be told of any more, because the connection they came over is gone. */
  get waiting(): number { return this.#waiting.length + (this.#underway?.length ?? 0); }
}
