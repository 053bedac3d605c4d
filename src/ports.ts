// The contracts between the pure core and the world: everything impure is handed in through one of these.

/** Bytes; the core never mutates what it was given and copies what it keeps. */
export type Bytes = Uint8Array;

/** How good this machine's clock is: never set, kept by a battery, or set from a time source. */
export const CLOCK_NONE = 0, CLOCK_RTC = 1, CLOCK_SYNCED = 2;
export type ClockQuality = 0 | 1 | 2;

/** Time as the machine believes it. May jump, may be wrong by decades; `uptime` never runs backwards. */
export interface Clock {
  /** Milliseconds since 1970 UTC, integer. */
  now(): number;
  /** Milliseconds since some fixed moment of this process, monotonic, integer. */
  uptime(): number;
  quality(): ClockQuality;
  /** 8 bytes that change with each boot of the machine. */
  readonly boot: Bytes;
}

/** Unpredictable bytes; from a seed in simulation. */
export interface Random {
  bytes(length: number): Bytes;
}

/** Primitives; all synchronous. Implementations must be deterministic given their inputs. Results are fresh arrays. */
export interface Crypto {
  sha256(data: Bytes): Bytes;
  /** HMAC-SHA-256, 32 bytes. */
  mac(key: Bytes, data: Bytes): Bytes;
  /** Ed25519: public key (32) of a seed (32). */
  signer(seed: Bytes): Bytes;
  /** Ed25519 signature (64) by a seed (32). */
  sign(seed: Bytes, message: Bytes): Bytes;
  /** Strict Ed25519 verification; false for anything malformed. */
  verify(publicKey: Bytes, message: Bytes, signature: Bytes): boolean;
  /** X25519 public key (32) of a secret (32). */
  boxKey(secret: Bytes): Bytes;
  /** X25519 shared secret (32), or undefined when it is all zero or an input is malformed. */
  agree(secret: Bytes, publicKey: Bytes): Bytes | undefined;
  /** ChaCha20-Poly1305: ciphertext ‖ tag (16). Key 32, nonce 12. */
  seal(key: Bytes, nonce: Bytes, plain: Bytes): Bytes;
  /** The plain bytes, or undefined when they do not authenticate. */
  open(key: Bytes, nonce: Bytes, sealed: Bytes): Bytes | undefined;
  /** Raw deflate (RFC 1951). */
  deflate(data: Bytes): Bytes;
  /** Raw inflate; undefined for malformed input or more than `most` bytes out. */
  inflate(data: Bytes, most: number): Bytes | undefined;
}

/** The tables of a store. Keys and values are bytes; keys of a table sort bytewise. */
export const TABLES = ['meta', 'log', 'lineage', 'frontier', 'segment', 'index', 'latest', 'quarantine', 'receipt', 'alarm'] as const;
export type Table = (typeof TABLES)[number];

/** One write. Without `value` the row is removed (no error when there is none). */
export interface Op { table: Table; key: Bytes; value?: Bytes | undefined }
/** A stored pair. */
export interface Row { key: Bytes; value: Bytes }
/** A range of keys: gte ≤ key < lt; `limit` rows at most (default 1,000); the last ones first when `reverse`. */
export interface Range { gte?: Bytes; lt?: Bytes; limit?: number; reverse?: boolean }

/** The events that a commit takes from what is admitted and those that it adds, in this order: for stores that keep events as rows too. An event may be in both. */
export interface Shift { retracted: readonly Admitted[]; admitted: readonly Admitted[] }

/**
 * An ordered key-value store with tables. Keys 1 to 400 bytes, values 0 to 1 MiB.
 * `commit` is atomic and resolves only when the rows are on stable storage; commits apply in the order of their calls, and overlapping calls may share
 * one flush. Reads see every commit that has resolved, perhaps later ones, never half of one.
 * Faults: `store-full` (the batch did not happen, reads go on, a later commit may succeed), `store-damaged` (a read met a damaged page), `store-failed`
 * (a flush failed: the process must stop), `store-locked` (on open), `closed`.
 */
export interface Store {
  readonly manifest: { readonly name: string; readonly durable: boolean };
  get(table: Table, key: Bytes): Promise<Bytes | undefined>;
  /** One page of rows; values read here are copies. At most `limit` rows and about 4 MiB, at least one row if there is one. */
  scan(table: Table, range: Range): Promise<Row[]>;
  commit(ops: Op[], shift?: Shift): Promise<void>;
  /** Where several processes of one node write this store: how they keep out of each other's way. */
  readonly shared?: Shared;
  /** Bytes this store takes on its medium, and how many are left there for it. */
  space(): Promise<{ used: number; free: number }>;
  close(): Promise<void>;
}

/** What other processes have committed since this one last looked, in order: the keys of rows that were put or removed, and the events that came and went. */
export interface News { changed: readonly { table: Table; key: Bytes }[]; moved: readonly { stream: string; node: Bytes; incarnation: Bytes; first: number; count: number; admitted: boolean }[] }

/** A journal whose process has died: its records, oldest first. `done` frees it, once they are stored. */
export interface Orphan { slot: number; records: Bytes[]; done(): Promise<void> }

/**
 * The processes of one node on one store. Each has a slot, leased: while it is held, no other process has the same one. Steps that read, compute and commit are done within a turn, which one process has at a time.
 * A commit without a turn, or after the turn was lost, still never writes over what its process has not seen: it fails with `busy` when others have committed since the last `enter`.
 * When the lease is lost every later call fails with `store-failed`: the process must stop, and its next start is a new incarnation.
 */
export interface Shared {
  /** 0 to 65,535. */
  readonly slot: number;
  /** Waits for the turn. Returns what others have committed since the last turn (at the first: nothing, since nothing was read yet). Faults: `store-failed`, `closed`. */
  enter(): Promise<News>;
  /** Ends the turn. */
  leave(): Promise<void>;
  /** Journals of processes whose lease is over. Within a turn. */
  orphans(): Promise<Orphan[]>;
  /** The names under which the other live processes let themselves be known (`announce`). */
  siblings(): Promise<Bytes[]>;
  /** Lets the others know this process under a name of 8 bytes. */
  announce(name: Bytes): Promise<void>;
  /** Called when others have committed, or have died: a turn should be taken soon. */
  onNews: () => void;
}

/**
 * A small append-only file of records: the one copy of what no stored segment holds yet.
 * `append` resolves when the record is on stable storage; concurrent appends share one flush; records keep the order of the calls.
 * Space is given back in whole generations: `turn` starts a new generation and `release(g)` frees everything before generation g.
 */
export interface Journal {
  /** Adds one record (1 byte to 1 MiB). Faults: `store-full` (nothing was kept), `store-failed` (stop the process). */
  append(record: Bytes): Promise<void>;
  /** Adds a record to the next flush without asking for one: lost when power fails before another append. */
  note(record: Bytes): void;
  /** All records of all live generations, oldest first, as found when it was opened; `damage` names what could not be read. */
  replay(): Promise<{ records: Bytes[]; damage: string[] }>;
  /** Bytes in the current generation. */
  readonly size: number;
  /** Starts a new generation and returns its number; later appends go there. */
  turn(): number;
  /** Frees all generations before `generation`. */
  release(generation: number): Promise<void>;
  close(): Promise<void>;
}

/**
 * A connection to one peer that carries whole frames, in order, or fails. Frames are not trusted.
 * `send` returns false when the link wants the sender to wait for `onDrain`; a frame above `manifest.frameBytes` is a programming error.
 */
export interface Link {
  readonly manifest: {
    readonly name: string;
    /** Largest frame in bytes. */
    readonly frameBytes: number;
    /** True when every byte counts (serial lines, radio): longer runs that replace shorter ones are not fetched. */
    readonly thin: boolean;
  };
  send(frame: Bytes): boolean;
  close(reason?: string): void;
  /** Bytes on the wire so far, framing included. */
  readonly traffic: { in: number; out: number };
  onFrame: (frame: Bytes) => void;
  onDrain: () => void;
  /** Called once, whoever closed. */
  onClose: (reason: string) => void;
}

/** Consecutive events of one log that were just admitted and can be read; `hashes` holds e of each, 32 bytes after 32 bytes. */
export interface Admitted {
  readonly stream: string;
  readonly node: Bytes;
  readonly incarnation: Bytes;
  /** Position of the first event. */
  readonly first: number;
  readonly bytes: Bytes;
  readonly ends: Uint32Array;
  readonly hashes: Bytes;
}

/** A view as the log sees it: told of every admitted event before anyone else, asked for its writes, and for a refold of keys that lost events. */
export interface Fold {
  /** The writes that bring the view up to `runs`; they are committed together with the segments. */
  admit(runs: Admitted[]): Promise<Op[]>;
  /** Rows of the view's table that another process wrote or removed. */
  stale(keys: Bytes[]): void;
  /** Called when the writes of the last `admit` are durable (or failed: what was remembered of them must go). */
  settled(durable: boolean): void;
}

/**
 * A connection to a publish-and-subscribe broker (MQTT). It may lose, repeat, reorder, delay, replay and read every message, so nothing is believed because it carried it.
 * It connects again by itself for ever; what was published and not delivered when a connection ends is lost.
 */
export interface Broker {
  readonly manifest: { readonly name: string };
  /** Largest payload in bytes that it takes from us, for the longest topic in use; may change with each `onUp`. */
  readonly payloadBytes: number;
  readonly up: boolean;
  /** Sends one message, at least once while the connection lasts. False while down (the message is dropped), or when the sender should wait for `onDrain` (the message is taken). An empty retained payload clears the topic. */
  publish(topic: string, payload: Bytes, retain: boolean): boolean;
  /**
   * Replaces the topic filters that are subscribed to; they are in force, and retained messages on their way, before `onUp` is called. `shared`: further filters, of which each message comes to only one of
   * the clients that name the same group (retained ones perhaps to none); a broker that cannot do so sends all to each.
   */
  subscribe(filters: string[], shared?: { group: string; filters: string[] }): void;
  close(): Promise<void>;
  /** Bytes on the wire so far, over all connections, the protocol's own included. */
  readonly traffic: { in: number; out: number };
  onUp: () => void;
  onDown: (reason: string) => void;
  onDrain: () => void;
  /** `done` must be called when the message has been dealt with: until then it takes one of the places that are granted to the broker. `retained`: the broker had kept it, so nobody knows how old it is. */
  onMessage: (topic: string, payload: Bytes, done: () => void, retained: boolean) => void;
}
