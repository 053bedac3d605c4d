// The operations that commands need, whoever does them: this process on the store it opened, or a running node asked over its control socket.

import type { Value } from '../../src/event/value.ts';
import type { Fault } from '../../src/fault.ts';
import type { ImportReport } from '../../src/node-import.ts';
import type { Hub } from './http-hub.ts';
import type { TokensTold, TokenWish } from './http-tokens.ts';

/** One event to append. */
export interface Draft { key: string; type: string; body: unknown; time?: number }

/** What became of a batch: how many are durable, and which were refused, by their index in the batch. */
export interface Appended { appended: number; rejected: { index: number; code: string; message: string }[] }

/** One event as it is read. */
export interface Entry { id: string; stream: string; key: string; type: string; time: number; body: Value; node: string }

/** Which events to read. `since` ≤ time < `until`, milliseconds since 1970. */
export interface Query { key?: string; type?: string; since?: number; until?: number; limit?: number; reverse?: boolean }

/** Events of one reading, and where the next reading goes on; without `next` these were the last. */
export interface Page { entries: Entry[]; next?: string }

/** News of a stream that is followed: an event, or a cursor that covers everything told before it. */
export type Followed = { entry: Entry } | { cursor: string };

/** One key of a stream: its latest event. */
export interface KeyLatest { key: string; type: string; time: number; id: string }

export interface StreamSize { stream: string; events: number; logs: number }

/** A link of a running node. */
export interface PeerReport {
  /** The URL that is dialled, or where the peer came from. */
  url: string;
  /** Who is there; once the handshake is done. */
  node?: string;
  name?: string;
  state: 'connected' | 'connecting' | 'waiting';
  /** Another link to the same process is used; this one waits. */
  resting?: boolean;
  /** Bytes a second, both ways, that it lately carried when it was busy. */
  rate?: number;
  /** Why it is not connected; of a stick or folder: how far it is. */
  reason?: string;
  in: number;
  out: number;
  /** What goes on at a broker: who was met there, and what was fanned out. */
  broker?: BrokerReport;
}

/**
 * The state of things at one broker. Members: who has shown itself there; `equal`: holds the same as this node, as far as its last head says; `late`: held what this node held a moment ago; `ahead`: how many more ends of logs this node shows;
 * `heardMs`: since then; `refuses`: why it does not talk to this node. Counts are of live segments since the start. `topics`: what this node publishes under and reads, for the broker's ACL.
 */
export interface BrokerReport {
  topics: { own: string; read: string };
  clientId: string;
  members: { node: string; name: string; instance: string; equal: boolean; late?: boolean; ahead: number; heardMs: number; refuses?: string }[];
  published: number;
  received: number;
  refused: number;
  repeated: number;
  sessions: number;
}

/** An input of a running node. Counts are of readings since the start. */
export interface InputReport {
  name: string;
  kind: string;
  /** Whether its source works, in words beside it. */
  ok: boolean;
  words: string;
  accepted: number;
  recorded: number;
  unchanged: number;
  refused: number;
  lost: number;
  /** Given up last, why. */
  lostWhy: string;
  /** On their way, or held until their interval is over. */
  waiting: number;
  /** When the last reading came, ms since 1970. */
  last: number | null;
  /** The last ones that could not be used, when they came, why, and how they began. */
  samples: { at: number; code: string; reason: string; text: string; cut: boolean }[];
}

/**
 * How the database under a node is. `place`: where, without secrets; `embedded`: the node runs it itself; `slot`: which of the node's processes this is, of `processes`; `version` of PostgreSQL;
 * `full`: it is away since its disk is full; `bytes`: what the node takes there; `turnMs`: the last wait for the turn to write, `turns` since the start.
 */
export interface DatabaseState { place: string; embedded: boolean; connected: boolean; full?: boolean; version: string; slot: number; processes: number; bytes: number; turnMs: number; turns: number }

/** Something that calls for attention, in words; `bad`: soon. */
export interface Worry { kind: 'odd' | 'bad'; text: string }

/** Connections that came to a node's listeners: taken; turned away because there were too many; cut because they sent no frames; gone without having shown who they are. */
export interface ConnectionCounts { accepted: number; refused: number; garbage: number; strangers: number }

/** How a node is. */
export interface Report {
  node: string;
  name: string;
  fleet: string;
  fleetName: string;
  /** Whether a process keeps it running; commands that open the store themselves say no. */
  running: boolean;
  pid: number;
  dir: string;
  uptimeMs: number;
  streams: StreamSize[];
  /** How this node itself stands. */
  member: 'member' | 'revoked' | 'unknown';
  members: { node: string; name: string; state: 'member' | 'revoked'; admin: boolean; read: string[]; write: string[]; lacks?: Lacks }[];
  /** Segments that are held but do not count: of nodes revoked or not admitted yet. */
  quarantine: { node: string; name: string; segments: number; bytes: number }[];
  alarms: { code: string; node: string; text: string }[];
  /** What others have said that they hold, last. `complete`: all that this node holds. */
  receipts: { node: string; name: string; at: number; complete: boolean }[];
  /** Ranges that are missing below what is held; segments that nobody can read by their author's fault; segments of later versions. */
  holes: number;
  void: number;
  unknown: number;
  listening: string[];
  peers: PeerReport[];
  connections: ConnectionCounts;
  clock: { quality: 'none' | 'rtc' | 'synced'; because: string; now: number };
  /** What is known to be damaged in the store. */
  damage: readonly string[];
  /** Bytes of the data directory, of the journal in it, and what is left. */
  disk: { used: number; journal: number; free: number };
  inputs: InputReport[];
  /** Of a node on a database of its own. */
  database?: DatabaseState;
  /** The bundles that this node made lately, the latest first; `arrived`: who has said to have taken one in, by a bundle of its own. Times are ms since 1970. */
  bundles: { bundle: string; at: number; events: number; bytes: number; for: string[]; arrived: { node: string; name: string; at: number }[] }[];
  /** Empty when the node is healthy. */
  worries: Worry[];
}

/** What a member is not known to hold: events, about how many bytes, when it was last known (ms since 1970; null: never), and how long its link needs for it at its rate. */
export interface Lacks { events: number; bytes: number; at: number | null; drainMs?: number }

/** What `verify` found. */
export interface Verified { events: number; segments: number; damaged: { what: string; where: string; code: string }[] }

/** Events that were written, first..last of a log, and are not held. `node`: hex, with its `name`; empty where nothing says whose log it is. */
export interface Missing { stream: string; node: string; name: string; log: string; first: number; last: number }

/** What one source gave back to a repair. */
export interface RepairSource { from: string; events: number; error?: string }

/**
 * What a repair did. `found`: what was damaged; `dropped`: what was therefore no longer held; `missing`: what of it did not come back; `failed`: what could not be dropped; `pages`: damage of the file
 * itself, which only a new one cures; `damaged`: what a second look found.
 */
export interface Repaired { found: Verified['damaged']; dropped: Missing[]; missing: Missing[]; sources: RepairSource[]; failed: string[]; pages: string[]; damaged: Verified['damaged'] }

/** Where a bundle goes (one of `folder` and `file`), and what it takes along. `for`: nodes by id, beginning of one, or name; `since`: ms since 1970; `parity`: share of the blocks that may be lost. */
export interface BundleWish { folder?: string; file?: string; for?: string[]; since?: number; streams?: string[]; everything?: boolean; volumeBytes?: number; parity?: number }

/** A bundle that was made: its volumes, those of parity last; `parity`: how many of them those are; `damaged`: stored segments that could not be read and stayed behind; `finished`: volumes that an export before had left unfinished, made whole, with what they hold. */
export interface BundleMade { volumes: { file: string; bytes: number; events: number }[]; events: number; bytes: number; parity: number; damaged: number; finished: { file: string; events: number }[] }

/** A backup that was made. `events`: acknowledged when it was begun; `key`: whether the node's key is in it; `damaged`: the store was, and is as it was. */
export interface BackupMade { path: string; bytes: number; events: number; key: boolean; damaged: boolean }

/** What one exchange with a peer brought: events, bytes on the wire, milliseconds. */
export interface Exchange { sent: number; received: number; bytesOut: number; bytesIn: number; ms: number }

export interface InviteWish { name?: string; admin?: boolean; read?: string[]; write?: string[]; addresses?: string[]; root?: Uint8Array }

/** News of a listener: where it listens, then each exchange that ended. */
export type ListenNews =
  | { kind: 'listening'; url: string }
  | { kind: 'connected'; peer: string }
  | { kind: 'ended'; peer: string; exchange: Exchange; reason: string };

/** A node's database, open. Faults are those of the core, and `closed` when the running node goes away. */
export interface Database {
  /** True when a running node does the work. */
  readonly remote: boolean;
  /** Resolves when all events that were not refused are durable. Faults of the whole batch: `bad-argument` (stream), `store-full`, `revoked`, … */
  append(stream: string, drafts: Draft[], urgent: boolean): Promise<Appended>;
  /** Why nothing is written at present, where that is known: `busy` (the database under the node is away), `store-full` (its disk is). Only where the node is open in this process. */
  trouble?(): Fault | undefined;
  read(stream: string, query: Query): AsyncIterable<Entry>;
  /** At most `limit` events (default 100) and about 1 MiB of them, from where an earlier page of the same query ended. Fault `bad-argument`: `after` is no such place. */
  page(stream: string, query: Query, after?: string): Promise<Page>;
  /** What is held, then every event as it becomes durable here; ends with `signal`. Fault `busy` when the reader cannot keep up. */
  follow(stream: string, query: Query, signal: AbortSignal): AsyncIterable<Entry>;
  /**
   * As `follow`, from `start`, `now`, or a cursor on; at least once, nothing left out. Cursors come when the stream is quiet and about each second otherwise; any node of the fleet
   * takes them. Faults as `follow`, and `bad-argument`: not a cursor of this stream.
   */
  resume(stream: string, query: Query, from: string, signal: AbortSignal): AsyncIterable<Followed>;
  latest(stream: string, key: string): Promise<Entry | undefined>;
  keys(stream: string): AsyncIterable<KeyLatest>;
  /** The latest events of keys, in order of key, behind the key `after` if it is given: as `page`. */
  latestPage(stream: string, limit: number, after?: string): Promise<Page>;
  streams(): Promise<StreamSize[]>;
  digest(): Promise<{ digest: string; events: number }>;
  report(): Promise<Report>;
  verify(progress: (events: number, segments: number) => void): Promise<Verified>;
  /** Drops what is damaged, and fetches it again from connected peers and from these URLs and paths. Faults: `not-found` (a path), those of the store. */
  repair(from: string[], progress: (events: number, segments: number) => void): Promise<Repaired>;
  invite(wish: InviteWish): Promise<string>;
  /** `node` is an id, the beginning of one, or a name; this node itself only with `self`. Faults: `not-found`, `too-many` (several fit), `not-admin`, `bad-argument`. */
  revoke(node: string, why: string, self: boolean): Promise<{ node: string; name: string }>;
  release(node: string): Promise<{ node: string; name: string }>;
  /** One exchange with the node at `url`, until both sides hold the same. */
  sync(url: string, signal: AbortSignal, progress: (bytesOut: number, bytesIn: number) => void): Promise<Exchange>;
  /** Writes a bundle. Faults: `not-found` (a node), `carrier-full`, `carrier-failed`. */
  exportTo(wish: BundleWish, progress: (bytes: number, events: number) => void): Promise<BundleMade>;
  /** Takes in the volumes that files are, or that folders hold. Faults: `not-found`, `carrier-failed`, `store-full`; what was taken in before is kept. */
  importFrom(paths: string[], progress: (bytes: number, events: number) => void): Promise<ImportReport>;
  /** Copies the node into a new folder or .tar file. Faults: `bad-argument`, `carrier-full`, `carrier-failed`. */
  backup(wish: { target: string; withoutKey?: boolean }, progress: (bytes: number, events: number) => void): Promise<BackupMade>;
  /** Makes a token of the HTTP API, or takes one back; returns those that there are. Faults: `bad-argument`, `not-found`, `too-many`. */
  tokens(wish: TokenWish): Promise<TokensTold>;
  /** What the HTTP API needs besides: only where the node is open in this process. */
  hub?(): Promise<Hub>;
  /** Waits for peers at `url` until `signal`. */
  listen(url: string, signal: AbortSignal): AsyncIterable<ListenNews>;
  close(): Promise<void>;
}
