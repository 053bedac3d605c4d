// What an input is: a source outside the node that says things, each of which may become an event.

/** What became of a reading: durable; not recorded because it did not change or came too soon after another; not an event; given up because too many waited, or because the node stopped. */
export type Became = 'recorded' | 'unchanged' | 'refused' | 'lost';

/** One thing that a source said, before it is mapped to an event. */
export interface Reading {
  /** What it says: an object of named fields as a rule; a lone value is mapped as the field `value`. */
  value: unknown;
  /** Words that templates of stream, key and type may use besides the fields: levels of a topic, the kind of a sentence. */
  names?: { [name: string]: string };
  /** When it happened, ms since 1970 UTC, if the source said so outside of `value`. */
  time?: number;
  /** As it came, for a sample when it cannot be used. Read only then: it may be a getter that makes it. */
  raw: string | Uint8Array;
  /** Told once what became of it; why in words and as a code unless it was recorded or unchanged. Must not throw. */
  done?(became: Became, why?: string, code?: string): void;
}

/** What an input is given by the node that runs it. */
export interface InputContext {
  /** Takes a reading; resolves when there is room for the next (await it: this is what keeps a fast source from filling the memory). Never rejects. */
  accept(reading: Reading): Promise<void>;
  /** Something that cannot be a reading at all: counted and kept as a sample with its reason. */
  refuse(code: string, reason: string, raw: string | Uint8Array): void;
  /** How the source is: shown in the status. `ok` false: it gives nothing now, and why. */
  state(ok: boolean, words: string): void;
  /** Aborts when the node stops. */
  readonly signal: AbortSignal;
}

/** What an input can ask of its node besides. */
export interface NodeContext extends InputContext {
  /** The node's data directory. */
  readonly dir: string;
  /**
   * What this input must remember from one start to the next; small, replaced as a whole. `save` resolves when it is durable; `note` is quicker and survives a kill of the
   * process, but maybe not a power cut. `load` gives what was remembered last, or undefined.
   */
  readonly memory: { load(): Promise<unknown>; save(value: unknown): Promise<void>; note(value: unknown): Promise<void> };
}

/** What a post became, counted by its readings, and why some of them were refused (the first few, by their number from 0). */
export interface Posted { accepted: number; refused: number; reasons: { index: number; code: string; reason: string }[] }

/** An input that goes on. */
export interface RunningInput {
  /** Ends it; resolves when it will say nothing more. What it has handed over is made durable meanwhile. */
  stop(): Promise<void>;
  /** Resolves when its source has come to its end, rejects when it cannot go on: then it is started again, later and later. */
  readonly ended?: Promise<void>;
  /** Takes the body of an HTTP POST; resolves when each reading in it is durable or refused. Faults: `unsupported`, `bad-encoding`, `bad-value`, `too-large`, `too-many`, `busy`. */
  post?(contentType: string, body: Uint8Array): Promise<Posted>;
}

/** Starts an input; it goes on by itself, through every failure of its source, until `signal`. Fault `bad-config` for settings that can never work. */
export type StartInput = (settings: { [name: string]: unknown }, context: InputContext) => Promise<RunningInput>;

/** One kind of input, as the table of kinds has it. */
export interface InputKind {
  /** The names of its own settings, besides those that every input has. */
  readonly options: readonly string[];
  /** Whether its source keeps what is not taken (a file, a pipe): then it waits while nothing can be recorded. The others go on, and the oldest of what waits is lost. */
  readonly waits: boolean;
  /** Whether somebody waits for each reading to be durable: then they are not gathered for a moment first. */
  prompt?(settings: { [name: string]: unknown }): boolean;
  /** Templates of key and type where the configuration has none; otherwise the input's name, and "reading". `{node}` is this node's name. */
  readonly key?: string;
  readonly type?: string;
  /** Looks at the settings before anything starts. Fault `bad-config`. */
  check?(settings: { [name: string]: unknown }): void;
  start(settings: { [name: string]: unknown }, context: NodeContext): Promise<RunningInput>;
}
