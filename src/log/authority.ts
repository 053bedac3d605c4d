// What the log must be told about rights and keys; who answers is not its business.
import type { Bytes } from '../ports.ts';
import type { Tip } from '../event/chain.ts';
import type { EventFields } from '../event/event.ts';

/** May this node's log be admitted? Depends on nothing but the set of `$fleet` events. */
export type Judgement =
  | { state: 'live' }
  | { state: 'killed'; cuts: Tip[][]; releases: Tip[] }
  | { state: 'waiting'; why: 'unknown' | 'no-right' };

/** One event of `$fleet` with its place. */
export interface FleetFact extends EventFields { node: Bytes; log: Bytes; position: number; before: Bytes; e: Bytes; cites: Tip[] }

export interface Authority {
  judge(node: Bytes, grant: Bytes, stream: string): Judgement;
  /** True when this first event of an unknown author's `$fleet` log makes it a member. */
  wouldJoin(fact: FleetFact): boolean;
  /** Takes `$fleet` events of authors that are known, also where they are not admitted (what a revoked node knew may still count); returns the nodes whose logs must be judged again. */
  learn(facts: FleetFact[]): Bytes[];
  /** The key of a stream under a key hash, if this node holds it. */
  keyOf(stream: string, keyHash: Bytes | null): Bytes | null | undefined;
}
