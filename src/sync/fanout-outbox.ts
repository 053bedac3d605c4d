// What waits for the broker: directed messages and the head first, then live segments, urgent streams before others; bounded, because the log is the queue.

import type { Bytes } from '../ports.ts';
import type { Segment } from '../event/segment.ts';
import { OUTBOX_BYTES, OUTBOX_SEGMENTS, SEAL_BYTES } from './fanout-bounds.ts';

/** A message for the broker, not sealed yet. An empty one clears a topic. */
export interface Outgoing { topic: string; plain: Bytes; retain: boolean }

/** Directed messages that may wait: each is small and asked for by one that came in. */
const DIRECTED = 256;

/** Queues by urgency. */
export class Outbox {
  /** Live segments that were published, and that were left to repair; events in those published. */
  published = 0;
  left = 0;
  readonly #directed: Outgoing[] = [];
  readonly #heads = new Map<string, Outgoing>();
  readonly #lanes = new Map<number, { topic: string; segment: Segment }[]>();
  #segments = 0;
  #bytes = 0;

  /** Drops everything: the connection is gone. What was not published stays to be repaired. */
  clear(): void {
    this.left += this.#segments;
    this.#directed.length = 0;
    this.#heads.clear();
    this.#lanes.clear();
    this.#segments = this.#bytes = 0;
  }

  /** Directed messages, retained ones; of those to one topic only the last counts. */
  say(message: Outgoing): void {
    if (message.retain) this.#heads.set(message.topic, message);
    else if (this.#directed.length < DIRECTED) this.#directed.push(message);
  }

  /** A live segment; false when it is left to repair, for its size or for want of room. */
  add(topic: string, segment: Segment, priority: number, payloadBytes: number): boolean {
    const size = segment.bytes.length;
    if (size + SEAL_BYTES > payloadBytes || !this.#room(size, priority)) {
      this.left++;
      return false;
    }
    const lane = this.#lanes.get(priority);
    if (lane) lane.push({ topic, segment }); else this.#lanes.set(priority, [{ topic, segment }]);
    this.#segments++;
    this.#bytes += size;
    return true;
  }

  /** Makes room by leaving what is less urgent to repair. */
  #room(size: number, priority: number): boolean {
    const fits = (): boolean => this.#segments < OUTBOX_SEGMENTS && this.#bytes + size <= OUTBOX_BYTES;
    while (!fits()) {
      const last = Math.max(...this.#lanes.keys());
      if (!(last > priority)) return false;
      this.#take(last, (lane) => lane.pop()!);
      this.left++;
    }
    return true;
  }

  #take(priority: number, pick: (lane: { topic: string; segment: Segment }[]) => { topic: string; segment: Segment }): { topic: string; segment: Segment } {
    const lane = this.#lanes.get(priority)!, one = pick(lane);
    if (!lane.length) this.#lanes.delete(priority);
    this.#segments--;
    this.#bytes -= one.segment.bytes.length;
    return one;
  }

  /** The next message. */
  next(): Outgoing | undefined {
    const directed = this.#directed.shift();
    if (directed) return directed;
    for (const [topic, head] of this.#heads) {
      this.#heads.delete(topic);
      return head;
    }
    if (!this.#segments) return undefined;
    const { topic, segment } = this.#take(Math.min(...this.#lanes.keys()), (lane) => lane.shift()!);
    this.published++;
    return { topic, plain: segment.bytes, retain: false };
  }
}
