// What an input is: a source outside the node that says things, each of which may become an event.

/** One thing that a source said, before it is mapped to an event. */
export interface Reading {
  /** What it says: an object of named fields as a rule; a lone value is mapped as the field `value`. */
  value: unknown;
  /** Words that templates of stream, key and type may use besides the fields: levels of a topic, the kind of a sentence. */
  names?: { [name: string]: string };
  /** When it happened, ms since 1970 UTC, if the source said so outside of `value`. */
  time?: number;
  /** As it came, for a sample when it cannot be used. */
  raw: string | Uint8Array;
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

/** Starts an input; it goes on by itself, through every failure of its source, until `signal`. Fault `bad-config` for settings that can never work. */
export type StartInput = (settings: { [name: string]: unknown }, context: InputContext) => Promise<{ stop(): Promise<void> }>;
