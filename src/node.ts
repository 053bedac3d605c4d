// A node: the one place where the rooms meet. Log, views, fleet and sessions, driven from outside; no timers and no clock of its own.
import type { Bytes, Link } from './ports.ts';
import type { Segment } from './event/segment.ts';
import type { Archive } from './log/archive.ts';
import type { Verified } from './log/verify.ts';
import type { Draft, Writer } from './log/writer.ts';
import type { FleetDraft } from './fleet/acts.ts';
import type { Connection, ConnectOptions } from './node-connection.ts';
import type { Query } from './log/reader.ts';
import type { Entry } from './node-entry.ts';
import type { FleetDesk } from './node-fleet.ts';
import type { HeldStore } from './node-held.ts';
import type { Answering } from './node-host.ts';
import type { NodeOptions, Part } from './node-options.ts';
import type { Placed } from './node-placed.ts';
import type { Status, StreamInfo } from './node-status.ts';
import type { Fingerprints } from './log/fingerprint.ts';
import { Fault } from './fault.ts';
import { WINDOW_MS } from './limits.ts';
import { owe, see } from './log/archive.ts';
import { openArchive } from './log/open-archive.ts';
import { readStream } from './log/reader.ts';
import { sealerOf } from './log/own.ts';
import { recover } from './log/recover.ts';
import { verifyStore } from './log/verify.ts';
import { createWriter } from './log/writer.ts';
import { LatestView } from './view/latest.ts';
import { Changes } from './node-changes.ts';
import { connect } from './node-connection.ts';
import { entryOf, entryOfLatest, Followers } from './node-entry.ts';
import { openDesk } from './node-fleet.ts';
import { heldStore, unlessRefused } from './node-held.ts';
import { raiseOpening } from './node-notes.ts';
import { placesOf } from './node-placed.ts';
import { answeringFor } from './node-host.ts';
import { Intake, type Taken } from './node-intake.ts';
import { cursorOf, since, type Since } from './node-since.ts';
import { digestOfNode, statusOf, streamsOf } from './node-status.ts';
import { Turns } from './node-turns.ts';

/** Opens the node that the key file names. Faults: `no-fleet` (nothing there: init or join first), those of the store. */
export function openNode(options: NodeOptions): Promise<Node> {
  return Node.open(options);
}

/** An open node. Everything that can wait is driven by `tick`. */
export class Node {
  readonly id: Bytes;
  readonly fleet: Bytes;
  readonly archive: Archive;
  readonly desk: FleetDesk;
  readonly writer: Writer;
  readonly connections = new Set<Connection>();
  /** What is driven with this node besides its sessions. */
  readonly parts = new Set<Part>();
  readonly options: NodeOptions;
  readonly followers = new Followers((error) => this.options.notice({ kind: 'alarm', alarm: { code: 'follower', node: this.id, log: null, text: `a follower failed and is told nothing more: ${String(error)}` } }));
  /** By hex of the peer's id: our digest when its last receipt was noted down, and when (uptime). */
  readonly lastReceipts = new Map<string, { digest: string; at: number }>();
  readonly #latest: LatestView;
  readonly #answering: Answering;
  readonly #changes: Changes;
  readonly #intake: Intake;
  readonly #sealed = new Set<(segments: Segment[]) => void>();
  readonly #turns = new Turns();
  #checkpointing: Promise<void> | undefined;
  #again: Promise<void> | undefined;
  #over: Promise<void> | undefined;
  #closed = false;
  #failed: Fault | undefined;
  #held: HeldStore | undefined;

  private constructor(options: NodeOptions, archive: Archive, desk: FleetDesk, latest: LatestView) {
    this.options = options;
    this.archive = archive;
    this.desk = desk;
    this.id = archive.node;
    this.fleet = archive.fleet;
    this.#latest = latest;
    this.writer = createWriter(archive, options.journal, options.clock, desk.author, (done) => this.#changes.acknowledged(done), (segments) => this.offer(segments), options.store.shared?.slot);
    this.#changes = new Changes(this, latest);
    this.#intake = new Intake(this, this.#changes);
    this.#answering = answeringFor(this);
  }

  get name(): string { return this.desk.name; }

  /** Random, another one with each process. */
  get boot(): Bytes { return this.#answering.boot; }

  /** As `openNode`; `founding` opens an identity that has not joined yet. */
  static async open(given: NodeOptions, founding = false): Promise<Node> {
    // A full or damaged medium must not keep what it holds from being read: what recovery cannot write waits in memory, and the journal keeps it.
    const store = heldStore(given.store), { shared } = store;
    await shared?.enter(); // until all is read, nobody else writes
    try { return await Node.#open(store, { ...given, store }, founding); } finally { await shared?.leave(); }
  }

  static async #open(store: HeldStore, options: NodeOptions, founding: boolean): Promise<Node> {
    store.holding = !founding;
    const desk = await openDesk(options);
    if (!founding && !desk.identity.grant) throw new Fault('no-fleet', 'setting this node up was interrupted; run `init` or `join` again');
    const latest = new LatestView(options.store);
    const { crypto, random } = options;
    const archive = await openArchive({ store, crypto, random, fleet: desk.fleet, node: desk.node, authority: desk.authority, fold: latest });
    await desk.load(archive);
    const { records, damage } = await options.journal.replay();
    const generation = options.journal.turn();
    const { events, skipped, facts } = await recover(archive, sealerOf(archive, desk.author, options.clock), records);
    const node = new Node(options, archive, desk, latest);
    owe(archive, desk.authority.learn(facts));
    if (archive.owed.size) await node.turn(() => node.#changes.judge());
    if (!store.held) await options.journal.release(generation);
    await raiseOpening(node, founding, [...damage, ...skipped]);
    if (events || skipped.length || damage.length) options.notice({ kind: 'recovered', events, skipped: [...damage, ...skipped] });
    await node.#changes.fold();
    node.#changes.announce();
    if (!founding) await node.turn(() => node.#changes.fleet());
    store.holding = false;
    node.#held = store;
    if (store.shared) {
      const sharing = new (await import('./node-shared.ts')).Sharing(node, store.shared, node.#changes);
      await sharing.open();
      node.#turns.sharing = sharing;
    }
    return node;
  }

  /** Appends events to a stream; resolves when they are on stable storage. `urgent`: seal at once instead of within the window.
   * Faults: `bad-event`, `bad-value` (naming the event), `too-large`, `too-many`, `busy`, `no-key`, `no-right`, `store-full`, `store-failed`, `closed`. */
  async append(stream: string, drafts: Draft[], o: { urgent?: boolean } = {}): Promise<Placed[]> {
    this.#usable();
    if (stream.startsWith('$')) throw new Fault('bad-argument', `stream ${stream} is the system's own; choose a name without $`);
    const done = await this.writer.append(stream, drafts).catch((error) => { throw this.#watch(error); });
    if (o.urgent) this.seal(stream);
    return placesOf(done);
  }

  /** Appends to `$fleet`; the fold knows the events when this resolves, and peers are offered them at once. */
  async appendFleet(drafts: FleetDraft[]): Promise<void> {
    this.#usable();
    if (!drafts.length) return;
    await this.writer.append('$fleet', drafts).catch((error) => { throw this.#watch(error); });
    this.seal('$fleet');
  }

  /** The log-id of this process's `$fleet` log, once it has one. */
  fleetLog(): Bytes | undefined { return this.writer.logs.get('$fleet')?.log; }

  /** What was shown counts as seen, also where another process of this node has stored it and this one has not learnt of it yet: what is written then sorts later. */
  shown(entry: Entry): Entry { if (this.options.store.shared) see(this.archive, entry.stamp); return entry; }

  /** Events of a stream in fold order. Faults: `bad-argument`, `store-damaged`. */
  async *read(stream: string, query: Query = {}): AsyncGenerator<Entry> {
    this.#usable();
    for await (const found of readStream(this.archive, this.writer.unstored(), stream, query)) yield this.shown(entryOf(stream, found));
  }

  /** Calls `tell` with every matching event from now on, as it becomes durable here. Returns how to stop. */
  follow(stream: string, query: Query, tell: (entry: Entry) => void): () => void { return this.followers.add({ stream, query, tell }); }

  /** Everything that followers of a stream have been told by now, as a text that `since` takes, here or at another node. Fault `bad-argument`. */
  cursor(stream: string): Promise<string> { return cursorOf(this, stream); }

  /** What a cursor does not cover (undefined: everything), in fold order, each with the cursor of who has come so far where there is one. Fault `bad-argument`. */
  since(stream: string, cursor: string | undefined, query: Query = {}): AsyncGenerator<Since> { return since(this, stream, cursor, query); }

  /** The last event of a key in fold order. */
  async latest(stream: string, key: string): Promise<Entry | undefined> {
    this.#usable();
    const row = await this.#latest.get(stream, key);
    return row && this.shown(entryOfLatest(stream, row));
  }

  /** The last event of every key of a stream, in order of key, or of those behind the key `after`. */
  async *keys(stream: string, after?: string): AsyncGenerator<Entry> {
    this.#usable();
    for await (const row of this.#latest.all(stream, after)) yield this.shown(entryOfLatest(stream, row));
  }

  /** What is held, per stream, in order of name; what is acknowledged and not stored yet included. */
  streams(): StreamInfo[] { return streamsOf(this); }

  /** The digest over all streams but the system's, and how many events it stands for. */
  digest(): { digest: string; events: number } { return digestOfNode(this); }

  /** What this node holds, its fleet as it knows it, its alarms, connections and receipts, its clock and its room. */
  status(): Promise<Status> { return statusOf(this); }

  /** Re-reads, re-hashes and re-verifies everything; `progress` is told as it goes. */
  async verify(progress: (events: number, segments: number) => void): Promise<Verified> {
    this.#usable();
    await this.checkpoint().catch(unlessRefused); // what does not fit into the store is still in the journal
    return verifyStore(this.archive, (done) => progress(done.events, done.segments));
  }

  /** Seals what waits in a stream, or everywhere, and offers it to the peers; with `whole` only what fills segments. */
  seal(stream?: string, whole = false): void {
    this.writer.seal(stream, whole);
    this.#changes.announce();
  }

  /** Takes segments in by the one door, together with what else waits. Faults: those of `Store.commit`. */
  admit(segments: (Bytes | Segment)[]): Promise<Taken[]> { return this.#intake.take(segments); }

  /** Calls `tell` with this node's own live segments as they are sealed, whole; their events are durable. Returns how to stop. */
  onSealed(tell: (segments: Segment[]) => void): () => void {
    this.#sealed.add(tell);
    return () => { this.#sealed.delete(tell); };
  }

  /** Tells the same ones of segments that another process of this node had not come to say. */
  offer(segments: Segment[]): void { for (const tell of this.#sealed) tell(segments); }

  /** What this node holds, stream by stream, as fingerprints. */
  get fingerprints(): Fingerprints { return this.#changes.fingerprints; }

  /** Runs `step` when no other change of the store is under way, by whichever process of this node. */
  turn<T>(step: () => Promise<T>): Promise<T> {
    return this.#turns.take(step).catch((error) => { throw this.#watch(error); });
  }

  /** Opens a session with the node at the other end of a link. `interest`: streams to keep in step (default all); `once`: end when both hold the same; `preference`: among links to one peer. */
  connect(link: Link, role: 'open' | 'accept', o: ConnectOptions = {}): Connection {
    this.#usable();
    return connect(this, this.#answering, link, role, o);
  }

  /** Does what is due. Returns the milliseconds until something will be, or undefined. */
  tick(): number | undefined {
    if (this.#closed) return undefined;
    const now = this.options.clock.uptime();
    const window = this.options.windowMs ?? WINDOW_MS;
    let next = this.#changes.duty.tick(now);
    for (const { stream, since } of this.writer.waiting()) {
      if (since + window <= now) this.seal(stream);
      else next = Math.min(next ?? Infinity, since + window);
    }
    // What others read from the store, other processes of this node and SQL, must not wait there.
    const due = this.writer.full || (this.options.store.shared && this.writer.unstored().some((own) => own.sealed > own.stored));
    if (due && !this.#checkpointing) this.checkpoint().catch(() => undefined); // a failure is told by `notice`; the journal keeps the events
    for (const part of [...this.parts, ...this.connections]) {
      const deadline = part.tick(now);
      if (deadline !== undefined) next = Math.min(next ?? Infinity, deadline);
    }
    return next === undefined ? undefined : Math.max(0, next - now);
  }

  /** True once `close` was called. */
  get closing(): boolean { return this.#over !== undefined; }

  /** Moves everything that is acknowledged by now from the journal into the store. */
  checkpoint(): Promise<void> {
    // What is under way may have begun before the last append: one more follows it, for all who ask meanwhile.
    if (this.#checkpointing) return this.#again ??= this.#checkpointing.catch(() => undefined).then(() => { this.#again = undefined; return this.checkpoint(); });
    return this.#checkpointing = this.#move().finally(() => { this.#checkpointing = undefined; });
  }

  #move(): Promise<void> {
    return this.turn(async () => {
      await this.#held?.flush();
      await this.#changes.stored(await this.writer.checkpoint());
    });
  }

  /** Ends sessions, stores what is acknowledged and closes journal and store. */
  close(): Promise<void> { return this.#over ??= this.#close(); }

  async #close(): Promise<void> {
    for (const part of [...this.parts, ...this.connections]) part.close();
    try {
      // No room, or damage where it should go: the journal keeps it for the next opening.
      if (!this.#failed) await this.#move().catch(unlessRefused);
    } finally {
      this.#closed = true;
      await this.#turns.over;
      try { await this.options.journal.close(); } finally { await this.options.store.close(); }
    }
  }

  #usable(): void {
    if (this.#failed) throw this.#failed;
    if (this.#over) throw new Fault('closed', 'this node was closed');
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
