// The receiving half: segments restored, handed to the door in batches, and credited to the peer when they are durable.

import { Fault } from '../fault.ts';
import type { Bytes } from '../ports.ts';
import type { Segment } from '../event/segment.ts';
import { parseSegment } from '../event/segment.ts';
import { STRIKES, UNIT_BYTES } from './bounds.ts';
import type { Desk } from './desk.ts';
import type { Admitted, Item, LogFacts } from './host.ts';
import type { Message } from './message.ts';
import type { PeerView } from './peerview.ts';
import type { Resolving } from './restore.ts';
import { Restorer } from './restore.ts';
import { logOf } from './thin.ts';

type Segments = Extract<Message, { kind: 'segments' }>;
interface Arrived { number: number; bytes: number; resolving: Resolving; answers: (LogFacts | undefined)[] | undefined }

/** Takes segments in. What is not durable yet is bounded by the window that was granted. */
export class Intake {
  readonly #desk: Desk;
  readonly #peer: PeerView;
  readonly #window: number;
  readonly #restorers = new Map<number, Restorer>();
  readonly #queues = new Map<number, Arrived[]>();
  readonly #find: (short: number) => Item | undefined;
  readonly #open = new Set<number>();
  #bytes = 0;
  #strikes = 0;
  #credit: number[] = [];
  /** Segments received so far, and those that brought events or were kept. */
  received = 0;
  /** Segments that could not be restored, or that the door refused. */
  failed = 0;

  /** `find`: our tip by its short, for thin segments that name it. */
  constructor(desk: Desk, peer: PeerView, window: number, find: (short: number) => Item | undefined) {
    this.#desk = desk;
    this.#peer = peer;
    this.#window = window;
    this.#find = find;
  }

  /** True when all that came is durable. */
  get idle(): boolean {
    return this.#open.size === 0;
  }

  /** A message of segments from a channel. Faults: `bad-message` (beyond the window, a number twice). */
  take(channel: number, message: Segments): void {
    const { number, bytes } = message;
    if (this.#bytes >= this.#window + UNIT_BYTES || this.#open.has(number)) throw new Fault('bad-message', 'The peer sends more than it was granted.');
    this.#open.add(number);
    this.#bytes += bytes;
    let restorer = this.#restorers.get(channel);
    if (!restorer) this.#restorers.set(channel, (restorer = new Restorer(this.#desk.host, this.#find)));
    const resolving = restorer.resolve(message.segments, message.packed);
    const arrived: Arrived = { number, bytes, resolving, answers: resolving.ask.length === 0 ? [] : undefined };
    let queue = this.#queues.get(channel);
    if (!queue) this.#queues.set(channel, (queue = []));
    queue.push(arrived);
    if (arrived.answers) this.#work(channel);
    else {
      this.#desk.ask({ kind: 'logs', logs: resolving.ask }, (answers) => {
        arrived.answers = answers;
        this.#work(channel);
      });
    }
  }

  /** Restores what is next in a channel, in order: later segments build on what earlier ones declared. */
  #work(channel: number): void {
    const queue = this.#queues.get(channel)!;
    while (queue[0]?.answers) {
      const arrived = queue.shift()!;
      this.#restored(arrived, this.#restorers.get(channel)!.restore(arrived.resolving, arrived.answers!));
    }
  }

  #restored(arrived: Arrived, all: (Bytes | Segment | undefined)[]): void {
    const segments: Segment[] = [], places: number[] = [], again: number[] = [];
    all.forEach((one, i) => {
      this.received++;
      const segment = one instanceof Uint8Array ? this.#parse(one) : one;
      if (!segment) {
        this.failed++;
        if (one === undefined) again.push(i);
        return;
      }
      const { first, count, after } = segment.header;
      this.#peer.holds(logOf(this.#desk.host.crypto, this.#desk.host.fleet, segment), first + count - 1, after);
      segments.push(segment);
      places.push(i);
    });
    if (segments.length === 0) {
      this.#finish(arrived, again);
      return;
    }
    this.#desk.ask({ kind: 'admit', segments, peer: this.#desk.peer }, (verdicts) => {
      verdicts.forEach((verdict, k) => this.#verdict(segments[k]!.header.stream, verdict, all[places[k]!] instanceof Uint8Array, places[k]!, again));
      this.#finish(arrived, again);
    });
  }

  #verdict(stream: string, verdict: Admitted, whole: boolean, place: number, again: number[]): void {
    if (!stream.startsWith('$')) this.#desk.report.received += verdict.events;
    if (verdict.refused === undefined) return;
    this.failed++;
    if (verdict.refused !== 'bad-signature' && verdict.refused !== 'bad-segment') return;
    // A restored segment may have come out wrong by our doing; a whole one is what its sender made it.
    if (whole) this.#strike();
    else again.push(place);
  }

  #parse(bytes: Bytes): Segment | undefined {
    try {
      return parseSegment(bytes);
    } catch {
      this.#strike();
      return undefined;
    }
  }

  #strike(): void {
    if (++this.#strikes >= STRIKES) throw new Fault('bad-message', `The peer sent ${STRIKES} segments that are none, or forged.`);
  }

  #finish(arrived: Arrived, again: number[]): void {
    if (again.length > 0) this.#desk.say({ kind: 'whole', number: arrived.number, indexes: again });
    this.#open.delete(arrived.number);
    this.#bytes -= arrived.bytes;
    this.#credit.push(arrived.number);
  }

  /** Tells the peer what has become durable; call after every input. */
  tell(): void {
    if (this.#credit.length === 0) return;
    this.#desk.say({ kind: 'credit', numbers: this.#credit });
    this.#credit = [];
  }
}
