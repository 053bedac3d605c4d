// An event as applications see it, made from what the log and the views hand out.
import type { Admitted, Bytes } from './ports.ts';
import type { EventFields } from './event/event.ts';
import type { Stamp } from './event/stamp.ts';
import type { Value } from './event/value.ts';
import type { Found, Query } from './log/reader.ts';
import type { Latest } from './view/latest.ts';
import { hex, unhex } from './event/bytes.ts';
import { eventId, parseEventId } from './event/chain.ts';
import { decodeEvent } from './event/event.ts';
import { getUint, orderBytes } from './event/order.ts';
import { matches, PLACE_BYTES } from './log/reader.ts';

/** One event: `time` in ms since 1970 UTC, `node` the author's id in hex. */
export interface Entry { id: string; stream: string; key: string; type: string; time: number; body: Value; node: string; stamp: Stamp; position: number }

/** The entry of an event that was found with its place. */
export function entryOf(stream: string, f: Found): Entry {
  return {
    id: eventId(f.incarnation, f.position, f.e), stream, key: f.key, type: f.type, time: f.time, body: f.body, node: hex(f.node), stamp: f.stamp, position: f.position,
  };
}

/** Event `i` of an admitted run with its place. */
export function foundIn(run: Admitted, i: number, fields: EventFields): Found {
  return { ...fields, node: run.node, incarnation: run.incarnation, position: run.first + i, e: run.hashes.slice(i * 32, i * 32 + 32) };
}

/** The place of an entry in the order of its stream: reading goes on behind it with `after` of a query. */
export function placeOf({ id, node, stamp, position }: Entry): Bytes {
  const { incarnation, e } = parseEventId(id);
  return orderBytes(stamp, unhex(node), incarnation, position, e).subarray(0, PLACE_BYTES);
}

/** The entry of a row of `latest`; its order holds the place. */
export function entryOfLatest(stream: string, row: Latest): Entry {
  const { order } = row;
  const fields = decodeEvent(row.event);
  return entryOf(stream, { ...fields, node: slice(order, 14, 46), incarnation: slice(order, 46, 62), position: getUint(order, 62, 7), e: slice(order, 69, 101) });
}

function slice(bytes: Bytes, from: number, to: number): Bytes {
  return bytes.slice(from, to);
}

/** Someone who wants new events of a stream. */
export interface Follower { stream: string; query: Query; tell(entry: Entry): void }

/** All followers of a node. One that throws is told nothing more: what it was told of is stored, and its fault is not the writer's. */
export class Followers {
  readonly #all = new Set<Follower>();
  readonly #failed: (error: unknown) => void;

  /** `failed` hears of a follower that threw. */
  constructor(failed: (error: unknown) => void) { this.#failed = failed; }

  /** Returns how to stop. */
  add(follower: Follower): () => void {
    this.#all.add(follower);
    return () => { this.#all.delete(follower); };
  }

  /** Whether anybody follows a stream. */
  wanted(stream: string): boolean {
    for (const follower of this.#all) if (follower.stream === stream) return true;
    return false;
  }

  /** Tells them of a run. */
  tell(run: Admitted): void {
    for (const follower of this.#all) {
      if (follower.stream !== run.stream) continue;
      try {
        tellOne(follower, run);
      } catch (error) {
        this.#all.delete(follower);
        this.#failed(error);
      }
    }
  }
}

function tellOne(follower: Follower, run: Admitted): void {
  for (let i = 0; i < run.ends.length; i++) {
    const fields = decodeEvent(run.bytes.subarray(i ? run.ends[i - 1]! : 0, run.ends[i]!));
    if (matches(fields, follower.query)) follower.tell(entryOf(run.stream, foundIn(run, i, fields)));
  }
}
