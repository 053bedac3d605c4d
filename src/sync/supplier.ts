// The sending half: what the peer wants or lacks, asked of the node in order of priority and sent as far as the peer's credit goes.

import { Fault } from '../fault.ts';
import type { Bytes } from '../ports.ts';
import { concat, hex } from '../event/bytes.ts';
import type { Tip } from '../event/chain.ts';
import type { Segment } from '../event/segment.ts';
import { parseSegment } from '../event/segment.ts';
import { BULK, JOBS, OPENED_BASE, OPENED_EACH_SECOND, OPENED_EVENTS, PACKED_BYTES, SEGMENTS_AIM, THIN_BYTES, URGENT, WANTS_OPEN, WINDOW_MOST } from './bounds.ts';
import { encodeMessage } from './compose.ts';
import type { Desk } from './desk.ts';
import type { Target } from './host.ts';
import type { ItemHash } from './itemid.ts';
import type { PeerView } from './peerview.ts';
import { Thinner, logOf } from './thin.ts';
import type { Thin } from './thinform.ts';

/** Something to send: a target of a stream ('' where it is not known); `want`: the number of the peer's WANT that it belongs to; `whole`: nothing may be left out. */
export interface Job { stream: string; target: Target; have: Tip[]; want?: number; whole?: boolean }

interface Queued extends Job { cursor: unknown; begun: boolean; priority: number }
interface Span { log: Bytes; from: number; to: number; stream: string }
interface Message { channel: number; entries: (Bytes | Thin)[]; columns: Bytes[]; packed: number; spans: Span[]; bytes: number }

/** Sends segments. One question to the node at a time; memory is bounded by the peer's window and the number of jobs. */
export class Supplier {
  readonly #desk: Desk;
  readonly #peer: PeerView;
  readonly #thinners: Thinner[] = [];
  readonly #queues = new Map<number, Queued[]>();
  #order: number[] = [];
  #jobs = 0;
  readonly #pushes = new Map<string, Queued>();
  readonly #wants = new Map<number, number>();
  #done: number[] = [];
  #asking = false;
  #message: Message | undefined;
  readonly #out = new Map<number, { bytes: number; channel: number; spans: Span[] }>();
  #outBytes = 0;
  #number = 0;
  #window = 0;
  #opens = OPENED_EVENTS;
  #openedAt = 0;
  /** Segments sent so far. */
  sent = 0;
  /** Jobs that found no room; a later comparison finds what they would have sent. */
  dropped = 0;

  constructor(desk: Desk, peer: PeerView, hash: ItemHash) {
    this.#desk = desk;
    this.#peer = peer;
    for (const channel of [URGENT, BULK]) this.#thinners[channel] = new Thinner(desk.host, peer, hash);
  }

  /** The peer takes this many bytes that are not durable yet. */
  grant(window: number): void {
    this.#window = Math.min(window, WINDOW_MOST);
  }

  /** True when nothing waits to be sent and all that was sent is durable on the other side. */
  get idle(): boolean {
    return this.#jobs === 0 && !this.#asking && this.#message === undefined && this.#out.size === 0;
  }

  /** Adds a job of our own doing, or for a lost segment. A newer one for a log that has not begun takes the older's place. */
  push(job: Job): void {
    if (this.#desk.resting) return;
    const key = job.whole ? undefined : hex(job.target.log);
    const waiting = key === undefined ? undefined : this.#pushes.get(key);
    if (waiting && !waiting.begun) {
      waiting.target = { ...waiting.target, to: Math.max(waiting.target.to, job.target.to) };
      return;
    }
    if (this.#jobs >= JOBS) {
      this.dropped++;
      return;
    }
    const queued = this.#add(job);
    if (key !== undefined) this.#pushes.set(key, queued);
  }

  /** Adds all jobs of one WANT of the peer, or those pushed in a comparison under the set's number; DONE follows the last. Fault `bad-message` when too many wait. */
  serve(number: number, jobs: Job[]): void {
    if (this.#wants.has(number) || this.#jobs + jobs.length > JOBS + WANTS_OPEN) throw new Fault('bad-message', 'The peer wants too much at once.');
    const taken = this.#desk.resting ? [] : jobs;
    this.#wants.set(number, taken.length);
    for (const job of taken) this.#add({ ...job, want: number });
    if (taken.length === 0) this.#finished(number);
  }

  /** Gives up what waits to be sent: somebody else sends it. */
  drop(): void {
    const asked = this.#asking ? this.#first() : undefined; // is removed with its answer
    for (const queue of this.#queues.values()) for (const job of [...queue]) if (job !== asked) this.#remove(job);
  }

  /** The peer holds these messages durably. Fault `bad-message` for one that was not sent. */
  credit(numbers: number[]): void {
    for (const number of numbers) {
      this.#outBytes -= this.#take(number).bytes;
      this.#out.delete(number);
    }
  }

  /** The peer could not restore these segments of a message: they go again, whole. */
  whole(number: number, indexes: number[]): void {
    const { spans, channel } = this.#take(number);
    for (const index of new Set(indexes)) {
      const span = spans[index];
      if (!span) throw new Fault('bad-message', 'The peer asks for a segment that was not sent.');
      this.#thinners[channel]!.forget(span.log);
      const { log, from, to, stream } = span;
      this.push({ stream, target: { log, from, to, lineage: false }, have: [], whole: true });
    }
  }

  /** Goes on as far as credit and link allow; call after every input. */
  pump(): void {
    if (this.#asking) return;
    const job = this.#first();
    if (!job) {
      this.#flush();
      return;
    }
    if (this.#desk.outbox.waiting >= this.#desk.outbox.aim) return;
    const left = this.#window - this.#outBytes - (this.#message?.bytes ?? 0);
    if (left <= 0) {
      this.#flush();
      return;
    }
    this.#asking = true;
    job.begun = true;
    const { target, have, cursor } = job;
    this.#desk.ask({ kind: 'supply', target, have, cursor, budget: Math.min(this.#aim, left), peer: this.#desk.peer }, (answer) => {
      this.#asking = false;
      if (!this.#desk.resting) for (const bytes of answer.segments) this.#segment(bytes, job);
      job.cursor = answer.cursor;
      if (answer.cursor === null || this.#desk.resting) this.#remove(job);
    });
  }

  /** Bytes of segments in one message: a message that is broken off is sent again from its beginning. */
  get #aim(): number {
    return Math.min(SEGMENTS_AIM, this.#desk.outbox.aim);
  }

  #take(number: number): { bytes: number; channel: number; spans: Span[] } {
    const out = this.#out.get(number);
    if (!out) throw new Fault('bad-message', 'The peer speaks of a message that it was not sent.');
    return out;
  }

  #priority(stream: string): number {
    if (stream === '$fleet') return -Infinity;
    return stream === '' ? 0 : this.#desk.host.priority(stream);
  }

  #add(job: Job): Queued {
    const priority = this.#priority(job.stream);
    const queued: Queued = { ...job, cursor: null, begun: false, priority };
    let queue = this.#queues.get(priority);
    if (!queue) {
      this.#queues.set(priority, (queue = []));
      this.#order = [...this.#queues.keys()].sort((a, b) => a - b);
    }
    queue.push(queued);
    this.#jobs++;
    return queued;
  }

  #first(): Queued | undefined {
    for (const priority of this.#order) {
      const job = this.#queues.get(priority)![0];
      if (job) return job;
    }
    return undefined;
  }

  /** The job is done: it was the first of its queue when it began, and stays it. */
  #remove(job: Queued): void {
    const queue = this.#queues.get(job.priority)!;
    if (queue[0] === job) queue.shift();
    else queue.splice(queue.indexOf(job), 1);
    this.#jobs--;
    const key = hex(job.target.log);
    if (this.#pushes.get(key) === job) this.#pushes.delete(key);
    if (job.want === undefined) return;
    const left = this.#wants.get(job.want)! - 1;
    this.#wants.set(job.want, left);
    if (left === 0) this.#finished(job.want);
  }

  #finished(want: number): void {
    this.#wants.delete(want);
    this.#done.push(want);
    if (!this.#message) this.#sayDone();
  }

  #sayDone(): void {
    for (const number of this.#done) this.#desk.say({ kind: 'done', number }, BULK);
    this.#done = [];
  }

  #segment(bytes: Bytes, job: Queued): void {
    let segment: Segment;
    try {
      segment = parseSegment(bytes);
    } catch {
      return; // damaged in the store, which says so itself when it is verified
    }
    const { header } = segment;
    const log = logOf(this.#desk.host.crypto, this.#desk.host.fleet, segment);
    const channel = job.priority < 0 ? URGENT : BULK;
    if (this.#message && (this.#message.channel !== channel || this.#message.bytes + bytes.length > this.#aim + THIN_BYTES)) this.#flush();
    const thinned = job.whole || (!this.#desk.thin && bytes.length > THIN_BYTES) ? undefined : this.#thinners[channel]!.thin(segment, this.#mayOpen(header.count));
    const m = (this.#message ??= { channel, entries: [], columns: [], packed: 0, spans: [], bytes: 0 });
    m.entries.push(thinned?.thin ?? bytes);
    if (thinned?.columns) {
      m.columns.push(thinned.columns);
      m.packed += thinned.columns.length;
    }
    m.spans.push({ log, from: header.first, to: header.first + header.count - 1, stream: header.stream });
    m.bytes += bytes.length;
    this.sent++;
    if (!header.stream.startsWith('$')) this.#desk.report.sent += header.count;
    this.#peer.holds(log, header.first + header.count - 1, header.after);
    if (m.bytes >= this.#aim || m.packed >= PACKED_BYTES) this.#flush();
  }

  /** Where bytes are dear every segment is opened; elsewhere only as many as do not slow a long transfer. */
  #mayOpen(events: number): boolean {
    if (this.#desk.thin) return true;
    const { now } = this.#desk;
    this.#opens = Math.min(OPENED_EVENTS, this.#opens + ((now - this.#openedAt) * OPENED_EACH_SECOND) / 1000);
    this.#openedAt = now;
    const cost = OPENED_BASE + events;
    if (this.#opens < cost) return false;
    this.#opens -= cost;
    return true;
  }

  #flush(): void {
    const m = this.#message;
    if (m) {
      this.#message = undefined;
      const number = ++this.#number;
      const packed = m.columns.length > 0 ? this.#desk.host.crypto.deflate(concat(...m.columns)) : null;
      const message = encodeMessage({ kind: 'segments', number, segments: m.entries, packed, bytes: 0 });
      this.#out.set(number, { bytes: message.length, channel: m.channel, spans: m.spans });
      this.#outBytes += message.length;
      this.#desk.sayBytes(message, m.channel);
    }
    this.#sayDone();
  }
}
