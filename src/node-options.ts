// What a node is made of: everything impure that is handed in, and what it tells its host.
import type { Bytes, Clock, Crypto, Journal, Random, Store } from './ports.ts';
import type { Fault } from './fault.ts';
import type { Item } from './log/item.ts';
import type { Alarm } from './log/change.ts';

/** Where the node's identity, genesis and keys lie: one document, durable when `save` resolves. */
export interface KeyFile { load(): Promise<Bytes | undefined>; save(bytes: Bytes): Promise<void> }

/** Something the host may want to show. After `fatal` the process must end: nothing may be acknowledged any more. */
export type Notice = { kind: 'alarm'; alarm: Alarm } | { kind: 'fleet' } | { kind: 'fatal'; fault: Fault } | { kind: 'recovered'; events: number; skipped: string[] };

export interface NodeOptions {
  store: Store; journal: Journal; clock: Clock; random: Random; crypto: Crypto; keys: KeyFile;
  /** The deadline may have changed: call `tick` soon. */
  wake(): void;
  notice(n: Notice): void;
  /** Milliseconds a live segment may wait (default 2,000). */
  windowMs?: number;
}

/** Something that lives with a node: ticked with it (uptime in ms; returns when to call again), told what changed in the frontier, closed with it. */
export interface Part { tick(now: number): number | undefined; changed(change: { removed: Item[]; added: Item[] }): void; close(): void }
