// A node: the one place where the rooms meet. Log, views, fleet and sessions, driven from outside; no timers and no clock of its own.
import type { Admitted, Bytes, Clock, Crypto, Journal, Link, Random, Store } from './ports.ts';
import type { Alarm, Change } from './log/change.ts';
import type { Archive } from './log/archive.ts';
import type { Connection, SyncReport } from './node-connection.ts';
import type { Entry, Found, Query } from './node-entry.ts';
import type { FleetDesk } from './node-fleet.ts';
import type { Appended, Draft, Writer } from './log/writer.ts';
import { Fault } from './fault.ts';
import { WINDOW_MS } from './limits.ts';
import { decode } from './event/cbor.ts';
import { decodeEvent } from './event/event.ts';
import { digestOf, openArchive, pages, tallyOf } from './log/archive.ts';
import { admit } from './log/door.ts';
import { matches, readStream } from './log/reader.ts';
import { recover } from './log/recover.ts';
import { createWriter } from './log/writer.ts';
import { LatestView } from './view/latest.ts';
import { connect } from './node-connection.ts';
import { entryOf, entryOfLatest, foundIn } from './node-entry.ts';
import { openDesk } from './node-fleet.ts';
import { refold, relearn } from './node-refold.ts';

export type { Connection, SyncReport } from './node-connection.ts';
export type { Entry, Query } from './node-entry.ts';
export type { Appended, Draft } from './log/writer.ts';

/** Where the node's identity, genesis and keys lie: one document, durable when `save` resolves. */
export interface KeyFile { load(): Promise<Bytes | undefined>; save(bytes: Bytes): Promise<void> }

/** Something the host may want to show. */
export type Notice = { kind: 'alarm'; alarm: Alarm } | { kind: 'fleet' } | { kind: 'fatal'; fault: Fault } | { kind: 'recovered'; events: number; skipped: string[] };

export interface NodeOptions {
  store: Store; journal: Journal; clock: Clock; random: Random; crypto: Crypto; keys: KeyFile;
  /** The deadline may have changed: call `tick` soon. */
  wake(): void;
  notice(n: Notice): void;
  /** Milliseconds a live segment may wait (default 2,000). */
  windowMs?: number;
}

export interface StreamInfo { stream: string; events: number; logs: number; segments: number; bytes: number }

interface Follower { stream: string; query: Query; tell(entry: Entry): void }

/** An open node. Everything that can wait is driven by `tick`. */
export class Node {
  readonly id: Bytes;
  readonly fleet: Bytes;
  readonly archive: Archive;
  readonly desk: FleetDesk;
  readonly writer: Writer;
  readonly connections = new Set<Connection>();
  readonly options: NodeOptions;
  readonly #latest: LatestView;
  readonly #followers = new Set<Follower>();
  #turn: Promise<unknown> = Promise.resolve();
  #checkpointing = false;
  #closed = false;
  #failed: Fault | undefined;

  private constructor(options: NodeOptions, archive: Archive, desk: FleetDesk, latest: LatestView) {
    this.options = options;
    this.archive = archive;
    this.desk = desk;
    this.id = archive.node;
    this.fleet = archive.fleet;
    this.#latest = latest;
    this.writer = createWriter(archive, options.journal, options.clock, desk.author, (run, full) => this.#acknowledged(run, full));
  }

  /** Opens the node that the key file names. Faults: `no-fleet` (nothing there: init or join first), those of the store. */
  static async open(options: NodeOptions): Promise<Node> {
    const desk = await openDesk(options);
    const latest = new LatestView(options.store);
    const archive = await openArchive({ store: options.store, crypto: options.crypto, random: options.random, fleet: desk.fleet, node: desk.node, authority: desk.authority, fold: latest });
    const node = new Node(options, archive, desk, latest);
    await desk.load(archive);
    const { records, damage } = await options.journal.replay();
    const { events, skipped } = await recover(archive, { crypto: options.crypto, random: options.random, seed: desk.author.seed, clock: { quality: options.clock.quality(), uptime: options.clock.uptime() } }, records);
    await options.journal.release(options.journal.turn());
    if (events || skipped.length || damage.length) options.notice({ kind: 'recovered', events, skipped: [...damage, ...skipped] });
    await refold(node.archive, latest);
    archive.delta = { removed: [], added: [] };
    return node;
  }

  get name(): string { return this.desk.name; }
  get latestView(): LatestView { return this.#latest; }

  /** Appends events to a stream; resolves when they are on stable storage. `urgent`: seal at once instead of within the window.
   * Faults: `bad-event`, `bad-value` (naming the event), `too-large`, `too-many`, `busy`, `no-key`, `store-full`, `store-failed`, `closed`. */
  async append(stream: string, drafts: Draft[], o: { urgent?: boolean } = {}): Promise<Appended> {
    this.#usable();
    if (stream.startsWith('$')) throw new Fault('bad-argument', `stream ${stream} is the system's own`);
    return this.appendSystem(stream, drafts, o.urgent === true);
  }

  /** As `append`, for the system's own streams too. */
  async appendSystem(stream: string, drafts: Draft[], urgent: boolean): Promise<Appended> {
    try {
      const done = await this.writer.append(stream, drafts);
      if (urgent) this.seal(stream);
      return done;
    } catch (error) {
      throw this.#watch(error);
    }
  }

  /** Events of a stream in fold order. Faults: `bad-argument`, `store-damaged`. */
  async *read(stream: string, query: Query = {}): AsyncGenerator<Entry> {
    this.#usable();
    for await (const found of readStream(this.archive, this.writer.unstored(), stream, query)) yield entryOf(stream, found);
  }

  /** Calls `tell` with every matching event from now on, as it becomes durable here. Returns how to stop. */
  follow(stream: string, query: Query, tell: (entry: Entry) => void): () => void {
    const follower = { stream, query, tell };
    this.#followers.add(follower);
    return () => this.#followers.delete(follower);
  }

  /** The last event of a key in fold order. */
  async latest(stream: string, key: string): Promise<Entry | undefined> {
    this.#usable();
    const row = await this.#latest.get(stream, key);
    return row && entryOfLatest(stream, row);
  }

  /** The last event of every key of a stream, in order of key. */
  async *keys(stream: string): AsyncGenerator<Entry> {
    this.#usable();
    for await (const row of this.#latest.all(stream)) yield entryOfLatest(stream, row);
  }

  /** What is held, per stream, in order of name; what is acknowledged and not stored yet included. */
  streams(): StreamInfo[] {
    const names = new Set([...this.archive.tallies.keys(), ...this.writer.unstored().map((o) => o.opening.stream)]);
    return [...names].sort().map((stream) => {
      const tally = { ...tallyOf(this.archive, stream) };
      for (const own of this.writer.unstored()) {
        if (own.opening.stream !== stream) continue;
        tally.events += own.durable - own.stored;
        if (!own.stored) tally.logs++;
      }
      return { stream, ...tally };
    }).filter((s) => s.events > 0 || s.segments > 0);
  }

  /** The digest over all streams but the system's, and how many events it stands for. */
  digest(): { digest: string; events: number } {
    this.seal();
    const events = this.streams().filter((s) => !s.stream.startsWith('$')).reduce((n, s) => n + s.events, 0);
    return { digest: digestOf(this.archive), events };
  }

  /** Alarms that were raised and are not dismissed. */
  async alarms(): Promise<Alarm[]> {
    const out: Alarm[] = [];
    for await (const row of pages(this.options.store, 'alarm')) {
      const [code, node, log, text] = decode(row.value) as [string, Bytes, Bytes | null, string];
      out.push({ code, node, log, text });
    }
    return [...out, ...this.desk.alarms()];
  }

  /** Seals what waits in a stream, or everywhere, and offers it to the peers. */
  seal(stream?: string): void {
    this.writer.seal(stream);
    this.#announce();
  }

  /** Takes segments in by the one door, one batch after the other. Faults: those of `Store.commit`. */
  async admit(segments: Bytes[]): Promise<{ events: number; refused?: Fault['code'] }[]> {
    return this.turn(async () => {
      const { outcomes, change } = await admit(this.archive, segments);
      await this.#settle(change);
      return outcomes.map((o) => (o.fault ? { events: 0, refused: o.fault.code } : { events: o.state === 'admitted' ? o.events : 0 }));
    });
  }

  /** Runs `step` when no other change of the store is under way. */
  turn<T>(step: () => Promise<T>): Promise<T> {
    const run = this.#turn.then(step, step);
    this.#turn = run.catch(() => undefined);
    return run.catch((error) => { throw this.#watch(error); });
  }

  /** Opens a session with the node at the other end of a link. */
  connect(link: Link, role: 'open' | 'accept', o: { interest?: string[]; once?: boolean } = {}): Connection {
    this.#usable();
    return connect(this, link, role, o);
  }

  /** Does what is due. Returns the milliseconds until something will be, or undefined. */
  tick(): number | undefined {
    if (this.#closed) return undefined;
    const now = this.options.clock.uptime();
    const window = this.options.windowMs ?? WINDOW_MS;
    let next: number | undefined;
    for (const { stream, since } of this.writer.waiting()) {
      if (since + window <= now) this.seal(stream);
      else next = Math.min(next ?? Infinity, since + window);
    }
    if (this.writer.full) this.checkpoint().catch(() => undefined); // a failure is told by `notice`; the journal keeps the events
    for (const connection of [...this.connections]) {
      const deadline = connection.tick(now);
      if (deadline !== undefined) next = Math.min(next ?? Infinity, deadline);
    }
    return next === undefined ? undefined : Math.max(0, next - now);
  }

  /** Moves everything acknowledged from the journal into the store. */
  async checkpoint(): Promise<void> {
    if (this.#checkpointing) return;
    this.#checkpointing = true;
    try {
      await this.turn(() => this.writer.checkpoint());
      this.#announce();
    } finally {
      this.#checkpointing = false;
    }
  }

  /** Ends sessions, stores what is acknowledged and closes journal and store. */
  async close(): Promise<void> {
    if (this.#closed) return;
    for (const connection of [...this.connections]) connection.close();
    this.#followers.clear();
    try {
      if (!this.#failed) await this.turn(() => this.writer.checkpoint());
    } finally {
      this.#closed = true;
      await this.#turn;
      await this.options.journal.close();
      await this.options.store.close();
    }
  }

  /** After a commit: tells followers, views, fleet and peers what it changed. */
  async #settle(change: Change): Promise<void> {
    for (const alarm of change.alarms) this.options.notice({ kind: 'alarm', alarm });
    for (const run of change.admitted) this.#tell(run);
    if (change.retracted.length) await refold(this.archive, this.#latest);
    if (change.changedLogs.some((r) => r.stream === '$fleet')) {
      if (await this.desk.refresh(this)) await relearn(this.archive);
      this.options.notice({ kind: 'fleet' });
    }
    this.#announce();
  }

  #acknowledged(run: Admitted, full: boolean): void {
    this.#latest.preview(run);
    this.#tell(run);
    if (full) this.seal(run.stream);
    this.options.wake();
  }

  #tell(run: Admitted): void {
    for (const follower of this.#followers) {
      if (follower.stream !== run.stream) continue;
      for (let i = 0; i < run.ends.length; i++) {
        const fields = decodeEvent(run.bytes.subarray(i ? run.ends[i - 1]! : 0, run.ends[i]!));
        if (matches(fields, follower.query)) follower.tell(entryOf(run.stream, foundIn(run, i, fields)));
      }
    }
  }

  #announce(): void {
    const { delta } = this.archive;
    if (!delta.added.length && !delta.removed.length) return;
    this.archive.delta = { removed: [], added: [] };
    for (const connection of this.connections) connection.changed(delta);
    this.options.wake();
  }

  #usable(): void {
    if (this.#failed) throw this.#failed;
    if (this.#closed) throw new Fault('closed', 'this node was closed');
  }

  /** A failed flush is the end: nothing may be acknowledged after it. */
  #watch(error: unknown): unknown {
    if (error instanceof Fault && error.code === 'store-failed' && !this.#failed) {
      this.#failed = error;
      this.options.notice({ kind: 'fatal', fault: error });
    }
    return error;
  }
}
