// Events as the log hands them to a store: runs of one log, for tests of the rows that people read.
import { createHash } from 'node:crypto';
import { eventId } from '../../src/event/chain.ts';
import { encodeEvent } from '../../src/event/event.ts';
import { orderBytes } from '../../src/event/order.ts';
import { eventAt, runOf, sliceRun } from '../../src/event/run.ts';
import type { Value } from '../../src/event/value.ts';
import type { Admitted, Bytes, Op } from '../../src/ports.ts';
import { hex } from '../../src/event/bytes.ts';
import { latestKey } from '../../src/view/latest.ts';
import { concat } from '../../src/event/bytes.ts';

/** What an event says. */
export interface Said { key: string; type: string; time: number; body: Value }

/** Bytes that depend on a name alone. */
export function named(name: string, length: number): Bytes {
  return new Uint8Array(createHash('sha256').update(name).digest()).slice(0, length);
}

/** A run of the log of a node in a stream; hashes depend on what the events say. */
export function runFrom(stream: string, node: string, first: number, events: readonly Said[]): Admitted {
  const run = runOf(events.map(({ key, type, time, body }, i) => encodeEvent({ stamp: { generation: 0, ms: first + i, counter: 0 }, time, joined: false, key, type, body })));
  const hashes = new Uint8Array(32 * events.length);
  events.forEach((_, i) => hashes.set(new Uint8Array(createHash('sha256').update(`${stream} ${node} ${first + i}`).update(eventAt(run, i)).digest()), 32 * i));
  return { stream, node: named(node, 32), incarnation: named(`${node} incarnation`, 16), first, ...run, hashes };
}

/** Events `from` (included) to `to` (excluded) of a run. */
export function part(run: Admitted, from: number, to: number): Admitted {
  return { ...run, first: run.first + from, ...sliceRun(run, from, to), hashes: run.hashes.slice(32 * from, 32 * to) };
}

/** The ids of a run's events, as the HTTP API shows them. */
export function idsOf(run: Admitted): string[] {
  return Array.from({ length: run.ends.length }, (_, i) => eventId(run.incarnation, run.first + i, run.hashes.subarray(32 * i, 32 * i + 32)));
}

/** The id of a node in SQL. */
export function nodeId(node: string): string {
  return hex(named(node, 32));
}

/** The row of `latest` that event `i` of a run makes. */
export function latestOp(run: Admitted, i: number, key: string): Op {
  const order = orderBytes({ generation: 0, ms: run.first + i, counter: 0 }, run.node, run.incarnation, run.first + i, run.hashes.subarray(32 * i, 32 * i + 32));
  return { table: 'latest', key: latestKey(run.stream, key), value: concat(order, eventAt(run, i)) };
}
