// The model that a world is checked against: what was asked for, what was acknowledged, on which disks it must still be, who was cloned and who revoked.

import type { Stamp } from '../../src/event/stamp.ts';

/** One event that somebody asked a node to append. Its mark stands in the event's body. */
export interface Attempt {
  mark: string;
  /** When it was asked for. */
  at: number;
  /** Who was asked: machine's label and node id. */
  machine: string;
  node: string;
  stream: string;
  key: string;
  type: string;
  time: number | undefined;
  /** Its body in canonical form. */
  body: Uint8Array;
  /** What became of it: no answer yet (or ever), acknowledged, refused. */
  state: 'open' | 'acknowledged' | 'refused';
  id: string | undefined;
  /** Marks of the group that must fold whole, in order. */
  group: string[] | undefined;
  /** Stamp of something that its node had shown before it was asked. */
  saw: Stamp | undefined;
  /** Two copies of one memory were asked for the same event: both may have it, under one id or under two. */
  twin: boolean;
}

/** A revocation that was asked for: what its issuer surely and at most had of the node then. */
export interface Revocation { node: string; by: string; least: Set<string>; most: Set<string>; at: number; done: boolean }

/** Everything that the checker needs to know about the past of a world. */
export class Ledger {
  readonly attempts = new Map<string, Attempt>();
  /** By disk: marks that are on its stable storage. */
  readonly held = new Map<string, Set<string>>();
  readonly revocations: Revocation[] = [];
  /** Node ids (hex) that an alarm must name in the end, if the events with all these marks are still held. */
  readonly mustAlarm: { node: string; marks: string[]; why: string }[] = [];
  /** Node ids that may have raised one. */
  readonly mayAlarm = new Set<string>();
  /** Disks that hold events beyond the cut of a revocation: they must lie in quarantine in the end. */
  readonly mustShow: { machine: string; disk: string; node: string }[] = [];
  /** Marks of events under false signatures. */
  readonly forged = new Set<string>();
  /** Disks that are gone. */
  readonly lost = new Set<string>();
  /** Problems found on the way. */
  readonly problems: string[] = [];
  /** Memories that were copied. */
  forks = 0;
  private counter = 0;

  /** A new mark, never used before. */
  mark(): string {
    return `m${++this.counter}`;
  }

  attempt(attempt: Attempt): void {
    const known = this.attempts.get(attempt.mark);
    if (known && !known.twin) throw new Error(`mark ${attempt.mark} twice`);
    if (!known) this.attempts.set(attempt.mark, attempt);
  }

  /** The node acknowledged an attempt while its process ran on `disk`. */
  acknowledge(mark: string, id: string, disk: string): void {
    const attempt = this.attempts.get(mark)!;
    attempt.state = 'acknowledged';
    if (attempt.id === undefined) attempt.id = id;
    if (!this.lost.has(disk)) this.on(disk).add(mark);
  }

  refuse(mark: string): void {
    const attempt = this.attempts.get(mark)!;
    if (attempt.state === 'open') attempt.state = 'refused';
  }

  /** Marks known to be on a disk. */
  on(disk: string): Set<string> {
    let set = this.held.get(disk);
    if (!set) this.held.set(disk, set = new Set());
    return set;
  }

  /** A disk was copied: the copy holds what the original holds. */
  copied(from: string, to: string): void {
    this.held.set(to, new Set(this.on(from)));
  }

  /** A disk is gone, or cannot be counted on any more. */
  gone(disk: string): void {
    this.held.delete(disk);
    this.lost.add(disk);
  }

  /** Marks that one of these disks holds. */
  safe(disks: Iterable<string>): Set<string> {
    const out = new Set<string>();
    for (const disk of disks) for (const mark of this.held.get(disk) ?? []) out.add(mark);
    return out;
  }

  problem(text: string): void {
    if (this.problems.length < 50) this.problems.push(text);
  }
}
