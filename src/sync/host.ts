// What a session needs from the node around it: a few facts handed in, and questions that the node answers when it can.

import type { Bytes, Crypto, Random } from '../ports.ts';
import type { Code, Fault } from '../fault.ts';
import type { Tip } from '../event/chain.ts';
import type { Segment } from '../event/segment.ts';

/**
 * One item of a frontier (FORMAT §7). A tip has `from` = `to` = its position, `before` null and `after` = its e.
 * The session keeps the objects it is given; nobody changes them afterwards.
 */
export interface Item { kind: 0 | 1; log: Bytes; stream: string; node: Bytes; from: number; to: number; before: Bytes | null; after: Bytes }

/** What a log's opening says of it, apart from boot and cites. */
export interface LogFacts { log: Bytes; node: Bytes; incarnation: Bytes; stream: string; grant: Bytes; keyHash: Bytes | null }

/** How the node sees a peer: a member under a live grant, nobody it knows, or one whose grants are all killed. */
export type Standing = 'member' | 'stranger' | 'revoked';

/**
 * Facts and pure functions; all of them synchronous and cheap. `key` and `keyHashes` may change while a session lives (a key arrives),
 * the rest may not.
 */
export interface Host {
  readonly crypto: Crypto;
  readonly random: Random;
  /** The fleet's id; it also serves as the handshake's pre-shared secret. */
  readonly fleet: Bytes;
  /** This node's id, and 8 bytes that change whenever its store may have lost something, with each process: its boot. */
  readonly node: Bytes;
  readonly boot: Bytes;
  /** Ed25519 by this node's key. */
  sign(message: Bytes): Bytes;
  /** The key of this hash for this stream; undefined when it is not held. Never called for streams that start with `$`. */
  key(stream: string, keyHash: Bytes): Bytes | undefined;
  /** Hashes (FORMAT §4 key-hash) of all stream keys held that are in use; the session tells the peer 8 bytes of at most 256 of them. */
  keyHashes(): Bytes[];
  /** Order of streams when sending: smaller first, 0 is ordinary, below 0 overtakes messages that are already half sent (alarms). */
  priority(stream: string): number;
}

/** A range of one log (lineage false), or everything that a tip stands for (lineage true; `from` is then 1). */
export interface Target { log: Bytes; from: number; to: number; lineage: boolean }

/** The door's word on one segment. `events`: how many it added that were not held before (held back in quarantine counts as 0). */
export interface Admitted {
  events: number;
  /** Set when nothing of it was kept: bad-signature and bad-segment count against the peer, any other code does not. */
  refused?: Code | undefined;
}

/** A stream of the frontier for a receipt: how many items it has and its digest (FORMAT §7). */
export interface StreamDigest { stream: string; items: number; digest: Bytes }

/**
 * The questions, by kind: what is asked and what is answered. A question is answered once, in any order, also after the session has
 * closed (it is then ignored). An answer may be a Fault: the session closes with it.
 */
export interface Questions {
  /** Who is this peer? Asked once it has proved its id, after its introduction, and whenever `$fleet` changes. */
  judge: { ask: { node: Bytes }; answer: Standing };
  /** The `$fleet` segments that show this node to be a member: its join and its context, whole, in an order the door can take, at most 64 KiB. */
  introduction: { ask: object; answer: Bytes[] };
  /**
   * The frontier's items: set 0 = `$fleet`; set 1 = all other streams, only those of `streams` unless it is null. Items not to be told
   * this peer are left out. The answer must be a snapshot of the moment at which `answer` is called: what changes later comes through `changed`.
   */
  items: { ask: { set: 0 | 1; streams: string[] | null; peer: Bytes }; answer: Item[] };
  /**
   * For each of these own tips: up to `most` earlier tips of the same stream and node in its ancestry, nearest first, that a peer may
   * have as its tip: (log, position, e) where a held segment ends, then the tips its opening cites, and so on back. May be fewer, may be none.
   */
  older: { ask: { tips: Item[]; most: number }; answer: Tip[][] };
  /** For each log id (its first 8 bytes, or all 16): what is known of the log; undefined for an unknown one or an ambiguous beginning. */
  logs: { ask: { logs: Bytes[] }; answer: (LogFacts | undefined)[] };
  /**
   * For each of the peer's tips: would the door take something of its ancestry now? False when all of it is held, or lies in
   * quarantine, or has no room: what is answered true and supplied must bring something, or sessions would ask without end.
   */
  lacking: { ask: { tips: Item[] }; answer: boolean[] };
  /**
   * Stored segments of a target, oldest first (what a log cites before the log), without what is in the ancestry of `have` (tips that the
   * asker has; e may be cut to its first 8 bytes, unknown ones are ignored). At most about `budget` bytes, but at least one segment when there is any.
   * `cursor` is null at first and then whatever the last answer held (the session only hands it back); null in the answer: that was all.
   * Ranges not held are passed over.
   */
  supply: { ask: { target: Target; have: Tip[]; cursor: unknown; budget: number; peer: Bytes }; answer: { segments: Bytes[]; cursor: unknown } };
  /**
   * Take these segments in by the one door, in this order. They are parsed, and nothing else: no signature, no hash was checked. Answered when all that was taken is DURABLE; `changed` has then been called for it.
   * Several may be under way at once; they apply in the order of the questions.
   */
  admit: { ask: { segments: Segment[]; peer: Bytes }; answer: Admitted[] };
  /** Digests of the streams of a set of streams (null: all), for a receipt; of durable items only. */
  digests: { ask: { streams: string[] | null }; answer: StreamDigest[] };
  /** A sequence number for a receipt: higher than any this node ever issued under this boot. */
  sequence: { ask: object; answer: number };
}

export type QuestionKind = keyof Questions;
/** One question as it comes out of a session. */
export type Question = { [K in QuestionKind]: { kind: K } & Questions[K]['ask'] }[QuestionKind];
export type Answer<K extends QuestionKind> = Questions[K]['answer'];

/** What changed in the frontier: items that went and items that came, of any stream; durable. */
export interface Change { removed: Item[]; added: Item[] }

/** How a session went. Events of other streams than the system's are counted as the segments say (sent) and as the door says (received); bytes are those of link frames. */
export interface Report { sent: number; received: number; bytesOut: number; bytesIn: number }

/** What a session says, taken one by one from `next()`. */
export type Output =
  /** A frame for the link. Take outputs only while the link takes frames: what waits inside can still be overtaken. */
  | { kind: 'send'; frame: Bytes }
  | { kind: 'ask'; id: number; question: Question }
  /** The peer has proved its id (it may still be a stranger). */
  | { kind: 'peer'; node: Bytes }
  /** Both sides have greeted: which process it is, 8 bytes that both ends of this session and no others have, whether one of the two wants a single exchange, how the link ranks among those of the two processes (the same at both ends), and the streams in both interests (null: all). */
  | { kind: 'greeted'; boot: Bytes; session: Bytes; once: boolean; preference: number; streams: string[] | null }
  /** The peer's signed receipt, checked; keep the highest sequence per node and boot. */
  | { kind: 'receipt'; receipt: Bytes }
  /** Nothing is left to do in either direction. `equal`: both sides hold the same; otherwise no more can be had from each other. */
  | { kind: 'synced'; equal: boolean }
  /** The last output. No fault: an orderly end. */
  | { kind: 'closed'; fault: Fault | undefined };

/** How to run one session. Times are milliseconds. */
export interface SessionOptions {
  role: 'open' | 'accept';
  host: Host;
  /** The link's largest frame in bytes (at least 16) and whether every byte counts. */
  frameBytes: number;
  thin: boolean;
  /** Streams to keep in step besides `$fleet`; null: all. */
  interest: string[] | null;
  /** End in order as soon as both sides hold the same. */
  once: boolean;
  /** How the link ranks among those to one process, 0 primary to 3 emergency, if this side has a say; of two that differ the higher number counts. */
  preference?: number;
  /** The clock's uptime at the start; all later `now` are on the same scale. */
  now: number;
  /** Bytes of segments that may be on their way to us and not durable yet. Default 1 MiB. */
  window?: number;
  /** How long a handshake or an unanswered question to the peer may take (default 20,000), and silence after that (default 90,000). */
  patience?: number;
  silence?: number;
}

/**
 * A session, as node.ts drives it. Every input may produce outputs: drain `next()` after each, and look at `deadline`.
 * No input throws; after `closed` all are ignored.
 */
export interface SessionLike {
  frame(bytes: Bytes, now: number): void;
  answer(id: number, result: unknown, now: number): void;
  changed(change: Change, now: number): void;
  /** The deadline has come (calling early is harmless). */
  tick(now: number): void;
  /** Another session with the same process is preferred: this one starts nothing and sends no segments while `on`. */
  rest(on: boolean, now: number): void;
  /** Ends in order: says goodbye, then `closed`. */
  close(now: number): void;
  /** The next output, or undefined when there is none for now. Frames are cut only when asked for. While the link takes none, ask with `frames` false:
   * questions must not wait for it. `now`: when the link takes a frame; how quickly it does is how much is made ahead for it. */
  next(frames?: boolean, now?: number): Output | undefined;
  /** True while nothing is under way in either direction: all that was sent is durable there. */
  readonly idle: boolean;
  /** When to call `tick`, or undefined. */
  readonly deadline: number | undefined;
  readonly report: Report;
}
