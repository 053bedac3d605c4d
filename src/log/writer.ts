// This node's own writing: append to the journal, seal live segments, and move them into the store.
import type { Admitted, Bytes, Clock, Journal } from '../ports.ts';
import type { Opening } from '../event/chain.ts';
import type { Segment } from '../event/segment.ts';
import type { Stamp } from '../event/stamp.ts';
import type { Archive } from './archive.ts';
import type { Chunk, OwnLog, Sealer, Stocked } from './own.ts';
import { Fault } from '../fault.ts';
import { APPEND_QUEUE, CITES, EVENT_BYTES, GROUP_EVENTS, JOURNAL_BYTES, SEGMENT_EVENTS } from '../limits.ts';
import { compareTips, sortTips } from '../event/chain.ts';
import { equal, hex } from '../event/bytes.ts';
import { checkStream } from '../event/event.ts';
import { getUint, putUint } from '../event/order.ts';
import { RunBuilder } from '../event/run.ts';
import { nextStamp } from '../event/stamp.ts';
import { see, setItems } from './archive.ts';
import { Change } from './change.ts';
import { judgeAgain, place } from './door.ts';
import { TIP } from './item.ts';
import { headAppend, openRecord, sealedRecord } from './journal-record.ts';
import { itemsOf } from './record.ts';
import { aimOf, forgetStored, hashOf, itemsOfOwn, ownLog, sealerOf, sealTail, stock } from './own.ts';

/** What a caller wants recorded. `time`: ms since 1970, default now; `joined`: folds together with the next draft of the same call. */
export interface Draft { key: string; type: string; body: unknown; time?: number | undefined; joined?: boolean | undefined }

/** What an append became: positions first..first+count-1 of one log; `hashes` holds e of each. */
export interface Appended { incarnation: Bytes; first: number; count: number; hashes: Bytes }

/** What the writer needs to know about this node at each moment. */
export interface Author { seed: Bytes; node: Bytes; grant(stream: string): Bytes; key(stream: string): { key: Bytes; hash: Bytes } | null; /** Throws `no-right` where this node may not write. */ check(stream: string): void }

export interface Writer {
  readonly logs: Map<string, OwnLog>;
  append(stream: string, drafts: Draft[]): Promise<Appended>;
  /** Seals what waits in a stream (or everywhere) into live segments and returns these; they are in the frontier at once. `whole`: only what fills segments. */
  seal(stream?: string, whole?: boolean): Segment[];
  /** When the oldest unsealed event was acknowledged (uptime), by stream. */
  waiting(): { stream: string; since: number }[];
  /** True when the journal is large enough to be moved into the store. */
  readonly full: boolean;
  /** Moves everything acknowledged into the store. Callers take turns with `admit`. Faults: those of `Store.commit`. Gives what changed. */
  checkpoint(): Promise<Change>;
  /** Logs whose grant or key is no longer the current one are left: later appends begin new ones. */
  retire(): void;
  /** Leaves the logs that somebody else has written to (a copy of this machine): true when something of them is not stored yet. */
  yield(logs: Bytes[]): boolean;
  /** Own logs with events that are not stored yet. */
  unstored(): OwnLog[];
}

/** An append that became durable: `full` when its log has enough for a whole segment; `before` is e(first-1). */
export interface Acknowledged { run: Admitted; full: boolean; own: OwnLog; before: Bytes }

/**
 * `acknowledged` is called with each durable append, in order, before the append resolves; `sealed` with the live segments of a log as they are made. `slot`: of this process, where others of this
 * node write at the same time: it stands in the first two bytes of each incarnation, and only logs of the same slot are gone on from, so that no two processes go on from one end.
 */
export function createWriter(archive: Archive, journal: Journal, clock: Clock, author: Author, acknowledged: (done: Acknowledged) => void, sealed: (segments: Segment[]) => void, slot?: number): Writer {
  const logs = new Map<string, OwnLog>();
  const old: OwnLog[] = []; // retired with events that are not stored yet
  const builder = new RunBuilder();
  let incarnation: Bytes | undefined;
  let pending = 0;
  const underway = new Set<Promise<unknown>>();

  const sealer = (): Sealer => sealerOf(archive, author, clock);
  const all = (): OwnLog[] => [...old, ...logs.values()];

  function mint(): Bytes {
    const bytes = archive.random.bytes(16);
    if (slot !== undefined) putUint(bytes, 0, slot, 2);
    return bytes;
  }

  /** Whether a log of this node was written in the slot of this process, as far as is known. */
  function ofSlot(log: Bytes): boolean {
    const record = slot === undefined ? undefined : archive.records.get(hex(log));
    return slot === undefined || (record !== undefined && getUint(record.incarnation, 0, 2) === slot);
  }

  function begin(stream: string): OwnLog {
    incarnation ??= mint();
    const key = stream.startsWith('$') ? null : author.key(stream);
    if (key === null && !stream.startsWith('$')) throw new Fault('no-key', `this node has no key for stream ${stream}; a member that has one must share it (sync with an admin)`);
    // What this process left unsealed is an end as well. Where events are still on their way to the journal, that is no end yet, and what such a log cites is no
    // end any more: to cite either would look like a clone.
    for (const own of old) if (own.opening.stream === stream) sealOne(own);
    const flying = old.filter((o) => o.opening.stream === stream && o.position > o.sealed);
    const taken = flying.flatMap((o) => (o.sealed ? [{ log: o.log, position: o.sealed, e: hashOf(o, o.sealed) }] : o.opening.cites));
    const cites = [...archive.frontier.values()].flat()
      .filter((i) => i.kind === TIP && i.stream === stream && equal(i.node, author.node) && ofSlot(i.log) && !taken.some((t) => t.position === i.to && equal(t.log, i.log) && equal(t.e, i.after)))
      .map((i) => ({ log: i.log, position: i.to, e: i.after }));
    const opening: Opening = {
      fleet: archive.fleet, node: author.node, incarnation, stream, grant: author.grant(stream), keyHash: key?.hash ?? null, boot: clock.boot,
      cites: sortTips(cites.sort(compareTips).slice(0, CITES)),
    };
    const own = ownLog(archive.crypto, opening, key?.key ?? null);
    logs.set(stream, own);
    archive.own.add(hex(own.log));
    return own;
  }

  /** Stands before the first event of a log in the same generation of the journal: noted any earlier, it could be released with nothing of its log stored. */
  function noteOpening(own: OwnLog): void {
    journal.note(openRecord(own.opening));
  }

  function leave(own: OwnLog): void {
    if (logs.get(own.opening.stream) !== own) return;
    logs.delete(own.opening.stream);
    old.push(own);
    incarnation = undefined;
  }

  function lose(own: OwnLog): void {
    leave(own);
    own.lost = true;
    // Events that were given positions and never became durable do not exist; nobody may have these positions again.
    own.chunks = own.chunks.filter((c) => c.first <= own.durable);
    own.position = own.durable;
  }

  function write(own: OwnLog, stream: string, drafts: Draft[]): { chunk: Chunk; record: Bytes } {
    const before = archive.seen;
    const now = clock.now(), trusted = clock.quality() === 2;
    let stamp: Stamp = before;
    let group = 0, groupStart = 0; // events in the group so far, and where its bytes begin
    try {
      for (let i = 0; i < drafts.length; i++) {
        const draft = drafts[i]!;
        stamp = nextStamp(stamp, now, trusted);
        try {
          builder.add({ stamp, time: draft.time ?? Math.trunc(now), joined: draft.joined === true, key: draft.key, type: draft.type, body: draft.body as never });
        } catch (error) {
          if (error instanceof Fault) throw new Fault(error.code, drafts.length > 1 ? `event ${i + 1} of ${drafts.length} for ${stream}: ${error.message}` : `event for ${stream}: ${error.message}`, { cause: error });
          throw error;
        }
        if (++group > GROUP_EVENTS) throw new Fault('too-many', `a group of joined events has at most ${GROUP_EVENTS} events`);
        if (builder.size - groupStart > EVENT_BYTES) throw new Fault('too-large', `a group of joined events has at most ${EVENT_BYTES} bytes; event ${i + 1} of ${drafts.length} for ${stream} is beyond that`);
        if (!draft.joined) { group = 0; groupStart = builder.size; }
      }
      if (builder.size > 900_000) throw new Fault('too-large', `these ${drafts.length} events take ${builder.size} bytes; append at most 900,000 bytes at once`);
    } catch (error) {
      builder.cut(0);
      throw error;
    }
    see(archive, stamp);
    const first = own.position + 1, e = own.chain.before;
    // The events in the journal's record are the one copy of them in memory.
    const { whole, run } = builder.takeBehind((w, bytes) => { headAppend(w, own.log, first, e, bytes); });
    const hashes = own.chain.all(run);
    own.position += drafts.length;
    const chunk = { first, run, hashes };
    own.chunks.push(chunk);
    return { chunk, record: whole };
  }

  async function append(stream: string, drafts: Draft[]): Promise<Appended> {
    checkStream(stream);
    if (!drafts.length) throw new Fault('bad-argument', 'there is nothing to append');
    if (drafts.length > SEGMENT_EVENTS) throw new Fault('too-many', `append at most ${SEGMENT_EVENTS} events at once, not ${drafts.length}`);
    if (drafts[drafts.length - 1]!.joined) throw new Fault('bad-event', 'the last event of an append cannot be joined to a next one');
    if (pending + drafts.length > APPEND_QUEUE && pending > 0) throw new Fault('busy', `${pending} events wait for the disk; try again when they are written`);
    author.check(stream);
    const own = logs.get(stream) ?? begin(stream);
    const before = own.chain.before;
    const { chunk, record } = write(own, stream, drafts);
    pending += drafts.length;
    if (chunk.first === 1) noteOpening(own);
    const flushed = journal.append(record);
    underway.add(flushed);
    try {
      await flushed;
    } catch (error) {
      lose(own);
      throw error;
    } finally {
      underway.delete(flushed);
      pending -= drafts.length;
    }
    if (own.lost) throw new Fault('store-full', `an earlier append to ${stream} failed, so this one was not kept either; try again`);
    own.durable = chunk.first + drafts.length - 1;
    own.since ??= clock.uptime();
    const run = { stream, node: author.node, incarnation: own.opening.incarnation, first: chunk.first, bytes: chunk.run.bytes, ends: chunk.run.ends, hashes: chunk.hashes };
    acknowledged({ run, full: own.durable - own.sealed >= aimOf(own), own, before });
    return { incarnation: own.opening.incarnation, first: chunk.first, count: drafts.length, hashes: chunk.hashes };
  }

  /** The items of a log where this process knows more than the store: what it has sealed of it, and which ends its own openings cite. */
  archive.ownItems = (log) => {
    const own = all().find((o) => equal(o.log, log));
    const cites = all().filter((o) => o.sealed > 0 && o.stored === 0).flatMap((o) => o.opening.cites).filter((tip) => equal(tip.log, log));
    if (!own && !cites.length) return undefined;
    const record = archive.records.get(hex(log));
    const items = own ? itemsOfOwn(own, record) : record && itemsOf(record);
    return items?.filter((i) => i.kind !== TIP || !cites.some((tip) => tip.position === i.to && equal(tip.e, i.after)));
  };

  function publish(own: OwnLog, segments: Segment[]): void {
    if (segments[0]?.header.first === 1) {
      // What the opening cites is no longer an end; the store learns it when the segment is stored.
      for (const tip of own.opening.cites) {
        const items = archive.frontier.get(hex(tip.log));
        if (items) setItems(archive, tip.log, items.filter((i) => !(i.kind === TIP && i.to === tip.position && equal(i.after, tip.e))));
      }
    }
    setItems(archive, own.log, archive.ownItems(own.log)!);
  }

  function seal(stream?: string, whole = false): Segment[] {
    const fresh: Segment[] = [];
    for (const own of all()) if (stream === undefined || own.opening.stream === stream) fresh.push(...sealOne(own, whole));
    return fresh;
  }

  function sealOne(own: OwnLog, whole = false): Segment[] {
    const segments = sealTail(own, sealer(), whole);
    if (!segments.length) return segments;
    journal.note(sealedRecord(own.log, own.sealed));
    publish(own, segments);
    sealed(segments);
    return segments;
  }

  async function checkpoint(): Promise<Change> {
    const generation = journal.turn();
    await Promise.allSettled([...underway]); // what went into earlier generations is acknowledged or lost now
    seal();
    const change = new Change(archive);
    const plans: { own: OwnLog; position: number; last: Stocked | undefined }[] = [];
    for (const own of all()) {
      if (own.sealed === own.stored) continue;
      const plan = { own, position: own.sealed, last: undefined as Stocked | undefined };
      plans.push(plan);
      for (const s of stock(own, sealer())) {
        const h = s.segment.header;
        const { state } = await place(change, {
          segment: s.segment, piece: { first: h.first, last: h.first + h.count - 1, before: h.before, after: h.after, hashes: s.hashes },
          inside: { bytes: s.run.bytes, ends: s.run.ends, hashes: s.hashes },
        });
        plan.last = state === 'admitted' ? s : undefined; // a clone of this disk may have brought the same events before
      }
    }
    // Own events that a revocation does not leave are kept in quarantine, like everybody's.
    if (plans.some(({ own: { opening: o } }) => archive.authority.judge(o.node, o.grant, o.stream).state !== 'live')) {
      await judgeAgain(change, [author.node]);
      for (const plan of plans) plan.last = undefined;
    }
    if (plans.length) await change.commit();
    for (const { own, position, last } of plans) {
      forgetStored(own, position, last);
      setItems(archive, own.log, archive.ownItems(own.log)!);
    }
    for (let i = old.length - 1; i >= 0; i--) {
      if (old[i]!.stored === old[i]!.position) for (const own of old.splice(i, 1)) archive.own.delete(hex(own.log));
    }
    await journal.release(generation);
    return change;
  }

  return {
    logs, append, seal, checkpoint,
    waiting: () => all().filter((o) => o.since !== undefined).map((o) => ({ stream: o.opening.stream, since: o.since! })),
    get full() { return journal.size > JOURNAL_BYTES; },
    retire() {
      for (const own of [...logs.values()]) {
        const { stream, grant, keyHash } = own.opening;
        const hash = stream.startsWith('$') ? null : author.key(stream)?.hash ?? null;
        if (!equal(grant, author.grant(stream)) || (hash === null) !== (keyHash === null) || (hash && !equal(hash, keyHash!))) leave(own);
      }
    },
    yield(written) {
      const shared = all().filter((o) => written.some((log) => equal(log, o.log)));
      for (const own of shared) leave(own);
      return shared.some((o) => o.durable > o.stored);
    },
    unstored: () => all().filter((o) => o.durable > o.stored),
  };
}
