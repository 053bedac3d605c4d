// What the fan-out needs from the node around it, and what it says to it.

import type { Bytes, Crypto, Random } from '../ports.ts';
import type { Segment } from '../event/segment.ts';
import type { Running } from './fanout-calls.ts';
import type { Print } from './fanout-head.ts';
import type { ShownTip } from './fanout-members.ts';
import type { Topics } from './fanout-topics.ts';
import type { Standing } from './host.ts';

/** What the fan-out needs of the node around it: facts, all of them cheap. */
export interface FanoutHost {
  readonly crypto: Crypto;
  readonly random: Random;
  readonly fleet: Bytes;
  readonly node: Bytes;
  sign(message: Bytes): Bytes;
  /** As for sessions: smaller first. */
  priority(stream: string): number;
  /** Fingerprints of all that is held, by stream. */
  prints(): ReadonlyMap<string, Print>;
  /** Tips of this process's own logs, the latest sealed first. */
  tips(): { log: Bytes; stream: string; to: number; after: Bytes }[];
  standing(node: Bytes): Standing;
  /** Bytes of a running session on the wire so far, both ways. */
  traffic(session: string): number;
}

/** How one process takes part. `interest`: streams besides `$fleet`, null: all. `hasty`: for one exchange, without the waits that spread a fleet's calls. `shared`: other processes of this node may share its
 * store (siblings); their instances begin as their names do. Times are uptime in ms. */
export interface FanoutOptions { host: FanoutHost; topics: Topics; instance: Bytes; interest: string[] | null; hasty: boolean; shared: boolean; now: number }

/** What comes out, taken one by one from `next()`. Sessions are named by hex. */
export type FanoutOutput =
  | { kind: 'publish'; topic: string; payload: Bytes; retain: boolean }
  /** For the door; answered by `admitted`. One at a time. */
  | { kind: 'admit'; segments: Segment[] }
  /** This message has been dealt with. */
  | { kind: 'dealt'; message: number }
  /** Would the door take something of these? Answered by `lacks`. One at a time. */
  | { kind: 'lacking'; tips: ShownTip[] }
  /** Start a session over datagrams; tell by `ended` when it is over. */
  | { kind: 'begin'; running: Running }
  | { kind: 'datagram'; session: string; bytes: Bytes }
  /** The peer has left this session. */
  | { kind: 'drop'; session: string }
  /** End this session in order. */
  | { kind: 'leave'; session: string }
  /** Which processes are siblings? Answered by `siblingsAre`. One at a time. */
  | { kind: 'siblings' }
  /** Another process uses this instance, as a copy of this one's memory does: take another one. */
  | { kind: 'twin' };

/** How a session ended: `moved`: it brought segments one way or the other; `equal`: both sides held the same; `code`: the fault, if any. */
export interface Ended { equal: boolean; moved: boolean; code?: string | undefined }
